"""Nonlinear conjugate gradients, Polak-Ribiere+: d <- -g + β d, β = max(0, g'(g - g_prev) / g_prev'g_prev).

Polak and Ribiere 1969; the restriction to β >= 0: Gilbert and Nocedal 1992, SIAM J. Optim. 2, 21. It restarts with
d = -g when consecutive gradients are far from orthogonal, |g'g_prev| >= 0.2 g'g (Powell 1977, Math. Program. 12, 241),
or of quite different scales, and when d does not descend. Gradients are taken in box widths. The step comes from
``rule_parts/line_search.py``; its first trial is the last step times the ratio of the slopes (Nocedal and Wright 2006,
section 3.5).
"""

from batchgd.kernels.rule_parts.line_search import (
    SEARCHED,
    rebased,
    scaled_term,
    search,
    slope_term,
    stages_within,
    steep_term,
    steepest_unless,
    turned_term,
    update,
)
from batchgd.kernels.rule_parts.stages import Each, Lane, Sum
from batchgd.kernels.rule_parts.trial_steps import damped, longest_step
from batchgd.kernels.vecmath import absolute, maximum, minimum, where

VECTORS = ("base_x", "base_g", "direction")
SCALARS = (
    "step",
    "low",
    "high",
    "low_slope",
    "high_slope",
    "base_f",
    "base_slope",
    "base_steep",
    "longest",
)
ACCEPTED = "base_x"


def overlap_term(g, base_g, inverse_width):
    """g'g_prev, in box widths."""
    width = 1.0 / inverse_width
    return (g * width) * (base_g * width)


def mixing(steep, overlap, base_steep, first):
    """β."""
    fresh = first | (absolute(overlap) >= 0.2 * steep) | (steep > 1e12 * base_steep)
    return where(fresh, 0.0, maximum((steep - overlap) / base_steep, 0.0))


def turn(g, direction, accepted, beta, inverse_width):
    """One coordinate of d."""
    return where(accepted, beta * direction - g * (1.0 / (inverse_width * inverse_width)), direction)


def aim(
    accepted,
    first,
    turned,
    scaled,
    step,
    low,
    low_slope,
    high,
    base_slope,
    base_steep,
    longest,
    tried_step,
    steep,
    max_displacement,
):
    """Begin a search along a new direction."""
    slope = where(turned < 0.0, turned, -steep)
    cap = longest_step(scaled, max_displacement)
    unlike = slope < 1e12 * base_slope
    trial = where(first | unlike, 0.1 * cap, minimum(tried_step * base_slope / slope, cap))
    return (
        where(accepted, trial, step),
        where(accepted, 0.0, low),
        where(accepted, 0.0, high),
        where(accepted, slope, low_slope),
        where(accepted, slope, base_slope),
        where(accepted, steep, base_steep),
        where(accepted, cap, longest),
    )


def remembered(step):
    """The step of this trial."""
    return step + 0.0


STAGES = (
    Each(damped, "g"),
    Sum(slope_term, "slope"),
    Sum(overlap_term, "overlap"),
    Sum(steep_term, "steep"),
    Lane(remembered, "tried_step"),
    Lane(search, *SEARCHED),
    Lane(mixing, "beta"),
    Each(turn, "direction"),
    Each(rebased, "base_x", "base_g"),
    Sum(turned_term, "turned"),
    Each(steepest_unless, "direction"),
    Sum(scaled_term, "scaled"),
    Lane(aim, "step", "low", "high", "low_slope", "base_slope", "base_steep", "longest"),
    Each(update, "following"),
)
STAGES_WITHIN = stages_within(STAGES)
