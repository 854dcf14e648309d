"""Gradient descent with Armijo backtracking: x <- x - η ∇f(x), η the first of η0, β η0, β² η0, ... that is accepted.

It is accepted when f(x - η g) <= f(x) - c η ||g||^2 (Armijo 1966; Nocedal and Wright, Numerical Optimization, 2006,
Algorithm 3.1). Every iteration tries ``learning_rate`` first. A rejected trial costs one evaluation,
hence one tick of the loop.

Once the descent that the gradient promises is lost in the rounding of f, the gradient norm must fall instead, as it
does for any η below 2 / curvature: otherwise equal values are accepted without end (463 of 2,000 starts on Rastrigin's
function made 10,000 updates in float32).
"""

from batchgd.kernels.rule_parts.trial_steps import finite, step_squared, update
from batchgd.kernels.vecmath import absolute, where

VECTORS = ("base_x", "base_g")
SCALARS = ("step", "base_f", "base_gg")
ACCEPTED = "base_x"
__all__ = ["decide", "step_squared", "update"]


def decide(f, gg, first, step, base_f, base_gg, learning_rate, sufficient_decrease, shrink, value_resolution):
    """Accept the trial or shorten the step; a value that is not finite fails the comparison.

    From a start whose squared gradient overflows no step is acceptable: it is not a number.
    """
    slope = step * base_gg
    noise = value_resolution * absolute(base_f)
    descended = (slope > noise) & (f <= base_f - sufficient_decrease * slope) & finite(gg)
    flattened = (slope <= noise) & (f <= base_f + noise) & (gg < base_gg)
    accepted = first | descended | flattened
    return (
        accepted,
        where(accepted, learning_rate + (gg - gg), shrink * step),
        where(accepted, f, base_f),
        where(accepted, gg, base_gg),
    )
