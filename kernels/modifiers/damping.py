"""Scaling down of gradients whose squares overflow: part of rules, not an option."""

from batchgd.kernels.rule_parts.trial_steps import damped, damping_of

__all__ = ["damped", "damping_of", "gradient"]


def gradient(g, gg, largest_square, downscale):
    """One coordinate."""
    return damped(g, gg, largest_square, downscale)
