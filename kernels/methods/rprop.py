"""Rprop, the variant iRprop⁻: each coordinate has a step of its own, x <- x - Δ sign(g).

Δ grows by η⁺ while g keeps its sign and shrinks by η⁻ when it changes; after a change that coordinate rests once and Δ
stays as it is (Igel and Hüsken 2003, Neurocomputing 50, 105; Riedmiller and Braun 1993).
"""

from batchgd.kernels.stopping_tests import larger, smaller
from batchgd.kernels.vecmath import where

VECTORS = ("previous", "span")


def sum_reach(span, first, learning_rate):
    """The squared length of the steps: a coordinate that rests has not converged."""
    return where(first, learning_rate * learning_rate, span * span)


def update(x, g, previous, span, first, learning_rate, growth, shrink, shortest, longest):
    """One coordinate of the next point."""
    turn = g * previous
    scaled = where(turn > 0.0, growth, where(turn < 0.0, shrink, 1.0)) * span
    span = where(first, learning_rate, smaller(larger(scaled, shortest), longest))
    kept = where(turn < 0.0, 0.0, g)
    return x - where(kept > 0.0, span, where(kept < 0.0, -span, 0.0)), kept, span


def step_squared(reach):
    """The squared length of the step that a trajectory was ready to make."""
    return reach
