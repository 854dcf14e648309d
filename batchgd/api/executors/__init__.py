"""Runs on executors: parts are made by other processes, checked, and kept."""
