"""Gradient descent with Armijo backtracking: x <- x - η ∇f(x), η the first of η0, β η0, β² η0, ... that will do.

It will do when f(x - η g) <= f(x) - c η ||g||^2 (Armijo 1966; Nocedal and Wright, Numerical Optimization, 2006,
Algorithm 3.1). Every iteration tries ``learning_rate`` first. A rejected trial costs one evaluation,
hence one tick of the loop.
"""

from batchgd.kernels.trials import step_squared, update
from batchgd.kernels.vecmath import where

VECTORS = ("base_x", "base_g")
SCALARS = ("step", "base_f", "base_gg")
ACCEPTED = "base_x"
__all__ = ["decide", "step_squared", "update"]


def decide(f, gg, first, step, base_f, base_gg, learning_rate, sufficient_decrease, shrink):
    """Accept the trial or shorten the step; a value that is not finite fails the comparison."""
    enough = (f <= base_f - sufficient_decrease * step * base_gg) & (gg == gg)
    accepted = first | enough
    return (
        accepted,
        where(accepted, learning_rate, shrink * step),
        where(accepted, f, base_f),
        where(accepted, gg, base_gg),
    )
