"""Gradient clipping by value: each coordinate into [-c, c]."""

from batchgd.kernels.vecmath import maximum, minimum


def gradient(g, clip_value):
    """One coordinate."""
    return minimum(maximum(g, -clip_value), clip_value)
