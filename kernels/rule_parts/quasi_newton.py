"""What quasi-Newton rules share: all of their tick except how H follows from the changes of x and of the gradient.

Each step goes along d = -H g; it comes from ``line_search.py`` and begins with 1. The line search itself gives pairs
(s, y) with s'y > 0, unless a step was as long as the cap allows. Then the curvature along s is negative, which a
positive definite H cannot represent: all of H is discarded, and the next search follows the steepest descent in box
widths and begins with the longest step. Omitting only that pair would let an old H set the direction for as long as the
region of negative curvature lasts: far from the data of NIST's fit Eckerle4 more than half of the starts then escaped
to infinity; with this, a tenth do not arrive.
"""

from batchgd.kernels.rule_parts import line_search
from batchgd.kernels.rule_parts.line_search import (
    SEARCHED,
    rebased,
    scaled_term,
    search,
    slope_term,
    steep_term,
    steepest_unless,
    turned_term,
    update,
)
from batchgd.kernels.rule_parts.stages import Each, Lane, Stage, Sum
from batchgd.kernels.rule_parts.trial_steps import damped, longest_step
from batchgd.kernels.vecmath import minimum, sqrt, where

VECTORS = ("base_x", "base_g", "direction", "moved_x", "moved_g", "width_squared")
SCALARS = ("step", "low", "high", "low_slope", "high_slope", "base_f", "base_slope", "longest", "scaling")
ACCEPTED = "base_x"

AIMED = ("step", "low", "high", "low_slope", "base_slope", "longest")
"""The results of ``aim``."""


def changes(x, g, base_x, base_g):
    """One coordinate of s and y."""
    return x - base_x, g - base_g


def changes_within(x, raw_g, base_x, base_g, gg, largest_square, downscale):
    """One coordinate of s and y, 0 if it has not moved; the gradient is the whole one where a bound was reached."""
    y = damped(raw_g, gg, largest_square, downscale) - base_g
    return x - base_x, where(x == base_x, 0.0, y)


def bend_term(moved_x, moved_g):
    """s'y."""
    return moved_x * moved_g


def squared_width(inverse_width):
    """One entry of the diagonal that H begins with: x is measured in box widths."""
    return 1.0 / (inverse_width * inverse_width)


def ss_term(moved_x, inverse_width):
    """s's in box widths."""
    return (moved_x * inverse_width) * (moved_x * inverse_width)


def yy_term(moved_g, inverse_width):
    """y'y in box widths."""
    scaled = moved_g * (1.0 / inverse_width)
    return scaled * scaled


def judged(accepted, first, bend, ss, yy, scaling, value_resolution):
    """Whether the pair enters H, whether the old H is kept (1 or 0), 1 / s'y, and the scale s'y / y'y of H_0."""
    curved = accepted & (first == False) & (bend > value_resolution * sqrt(ss * yy))  # noqa: E712
    forgotten = accepted & (curved == False)  # noqa: E712
    scale = where(curved, bend / yy, where(forgotten, 1.0, scaling))
    return where(curved, 1.0, 0.0), where(forgotten, 0.0, 1.0), 1.0 / bend, scale


def aim(
    accepted,
    first,
    curved,
    turned,
    scaled,
    steep,
    step,
    low,
    low_slope,
    high,
    base_slope,
    longest,
    max_displacement,
):
    """Begin a search along a new direction."""
    slope = where(turned < 0.0, turned, -steep)
    cap = longest_step(scaled, max_displacement)
    trial = where(first, 0.1 * cap, where((curved > 0.0) & (turned < 0.0), minimum(1.0, cap), cap))
    return (
        where(accepted, trial, step),
        where(accepted, 0.0, low),
        where(accepted, 0.0, high),
        where(accepted, slope, low_slope),
        where(accepted, slope, base_slope),
        where(accepted, cap, longest),
    )


def stages(*renewal: Stage) -> tuple[Stage, ...]:
    """The stages of a rule's tick around those that renew H and compute the ``direction`` at an accepted point."""
    return (
        Each(damped, "g"),
        Sum(slope_term, "slope"),
        Sum(steep_term, "steep"),
        Each(squared_width, "width_squared"),
        Lane(search, *SEARCHED),
        Each(changes, "moved_x", "moved_g"),
        Sum(bend_term, "bend"),
        Sum(ss_term, "ss"),
        Sum(yy_term, "yy"),
        Lane(judged, "curved", "kept", "inverse", "scaling"),
        *renewal,
        Each(rebased, "base_x", "base_g"),
        Sum(turned_term, "turned"),
        Each(steepest_unless, "direction"),
        Sum(scaled_term, "scaled"),
        Lane(aim, *AIMED),
        Each(update, "following"),
    )


def stages_within(*renewal: Stage) -> tuple[Stage, ...]:
    """The same within bounds: H is that of the free coordinates, as s and y are 0 in those that rest on a bound."""
    replaced = {changes: Each(changes_within, "moved_x", "moved_g")}
    return line_search.stages_within(tuple(replaced.get(stage.function, stage) for stage in stages(*renewal)))
