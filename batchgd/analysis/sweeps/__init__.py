"""Sweeps: what a hyperparameter does to descents, one launch over starts x values."""
