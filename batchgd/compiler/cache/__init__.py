"""Compiled code on disk and in memory."""
