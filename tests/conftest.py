"""Fixtures that more than one test file uses."""

from shell_samples import folder, solver

__all__ = ["folder", "solver"]
