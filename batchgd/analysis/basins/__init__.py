"""Basins: maps of them, how far a method draws the true ones, and how two results compare."""
