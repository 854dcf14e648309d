"""Runs in parts: a folder of parts that survives anything, can be shared, continued and merged."""
