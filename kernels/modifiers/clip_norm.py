"""Gradient clipping by norm: g min(1, c / ||g||₂) (Pascanu, Mikolov and Bengio 2013, arXiv:1211.5063, Algorithm 1)."""

from batchgd.kernels.vecmath import minimum, sqrt


def gradient(g, gg, clip_norm):
    """One coordinate."""
    return g * minimum(1.0, clip_norm / sqrt(gg))
