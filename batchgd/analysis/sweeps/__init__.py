"""Sweeps: the effect of a hyperparameter on descents, one launch over starts x values."""
