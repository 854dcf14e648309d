"""Analyses of a landscape beyond its minima; those that run again use the engine and the minima, never the public
calls."""
