"""The calls and the results that a user holds."""
