"""Gradient descent with Armijo backtracking: x <- x - η ∇f(x), η the first of η0, β η0, β² η0, ... that will do.

It will do when f(x - η g) <= f(x) - c η ||g||^2 (Armijo 1966; Nocedal and Wright, Numerical Optimization, 2006,
Algorithm 3.1). Every iteration tries ``learning_rate`` first. A rejected trial costs one evaluation,
hence one tick of the loop.
"""

from batchgd.kernels.vecmath import where

VECTORS = ("base_x", "base_g")
SCALARS = ("step", "base_f", "base_gg")
ACCEPTED = "base_x"


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


def update(x, g, base_x, base_g, accepted, step):
    """One coordinate of the next trial, from the last accepted point."""
    base_x = where(accepted, x, base_x)
    base_g = where(accepted, g, base_g)
    return base_x - step * base_g, base_x, base_g


def step_squared(step, base_gg):
    """||η g||^2 at the last accepted point."""
    return step * step * base_gg
