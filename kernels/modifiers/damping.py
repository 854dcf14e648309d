"""Scaling down of gradients whose squares overflow (``kernels/overflow.py``): part of rules, not an option."""

from batchgd.kernels.overflow import damped

__all__ = ["gradient"]


def gradient(g, gg, largest_square, downscale):
    """One coordinate."""
    return damped(g, gg, largest_square, downscale)
