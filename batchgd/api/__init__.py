"""The calls and the results that they return."""
