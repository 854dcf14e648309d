"""Gradient descent with a Barzilai-Borwein trial step and a nonmonotone Armijo safeguard: the default.

With s = x_k - x_(k-1) = -η g_(k-1) and y = g_k - g_(k-1), the trial step is the long one, s's / s'y, or the short one,
s'y / y'y, when that is less than half of it (Barzilai and Borwein 1988; the adaptive choice: Zhou, Gao and Dai 2006).
If the curvature along s is not positive, and at a start, no such step exists and the cap decides.

A trial is accepted when f <= C - c η ||g||^2, C a running average of past values (Zhang and Hager 2004).
Once the descent that the gradient promises, η ||g||^2, is lost in the rounding of f, which stalls such tests, the
slope at the trial decides instead: -g_k'g_(k-1) <= (1 - 2 c) ||g_(k-1)||^2 (the approximate Wolfe condition of Hager
and Zhang 2005), and the value must not visibly rise. A rejected trial, a non-finite one too, is shortened to
the minimiser of the interpolating parabola, kept within 0.1 and 0.5 of the step.

No step moves further than ``max_displacement``, in box widths: long steps jump over borders between basins.
"""

from batchgd.kernels.rule_parts.trial_steps import finite, longest_step, step_squared, update
from batchgd.kernels.vecmath import absolute, maximum, minimum, where

VECTORS = ("base_x", "base_g")
SCALARS = ("step", "average", "weight", "base_f", "base_gg")
ACCEPTED = "base_x"
PARTS = ("damping",)
__all__ = ["decide", "step_squared", "update"]


def sum_bend(g, base_g):
    """-y'g_(k-1) = s'y / η, from the difference: as g'g - g'h it would drown in rounding."""
    return base_g * (base_g - g)


def sum_yy(g, base_g):
    """y'y."""
    return (g - base_g) * (g - base_g)


def sum_scaled(g, inverse_width):
    """The squared gradient norm in box widths per unit step."""
    return (g * inverse_width) * (g * inverse_width)


def trial_step(step, bend, yy, base_gg, cap):
    """The Barzilai-Borwein step, or the cap if the curvature s'y / s's is not positive.

    A step never shrinks by more than a factor of 1000: if the gradient turns within a step, s'y / y'y can vanish.
    """
    long = step * base_gg / bend
    short = step * maximum(bend / yy, 0.001)
    return where(bend > 0.0, minimum(where(short < 0.5 * long, short, long), cap), cap)


def shortened(step, f, base_f, slope):
    """The minimiser of the parabola through f, base_f and the slope, within 0.1 and 0.5 of the step."""
    share = 0.5 * slope / (f - base_f + slope)
    return step * where(share > 0.1, minimum(share, 0.5), 0.1)


def decide(
    f,
    gg,
    bend,
    yy,
    scaled,
    first,
    step,
    average,
    weight,
    base_f,
    base_gg,
    max_displacement,
    sufficient_decrease,
    forgetting,
    value_resolution,
):
    """Accept or reject the trial, then choose the next step."""
    slope = step * base_gg
    noise = value_resolution * absolute(base_f)
    descended = (slope > noise) & (f <= average - sufficient_decrease * slope) & finite(gg)
    sloped = bend <= 2.0 * (1.0 - sufficient_decrease) * base_gg
    flattened = (slope <= noise) & (f <= average + noise) & sloped
    accepted = first | descended | flattened
    cap = longest_step(scaled, max_displacement)
    following = where(first, 0.1 * cap, trial_step(step, bend, yy, base_gg, cap))
    next_weight = where(first, 1.0, forgetting * weight + 1.0)
    next_average = where(first, f, (forgetting * weight * average + f) / next_weight)
    return (
        accepted,
        where(accepted, following, shortened(step, f, base_f, slope)),
        where(accepted, next_average, average),
        where(accepted, next_weight, weight),
        where(accepted, f, base_f),
        where(accepted, gg, base_gg),
    )
