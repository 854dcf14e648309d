"""Functions that are called as plain Python: the calls, worker processes, and derivatives by finite differences."""
