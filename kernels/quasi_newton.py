"""What quasi-Newton rules share: the last change of x and gradient, and how a search along d = -H g begins."""

from batchgd.kernels.line_search import longest_step
from batchgd.kernels.vecmath import minimum, sqrt, where

AIMED = ("step", "low", "high", "low_slope", "base_slope", "longest")
"""What ``aim`` gives."""


def changes(x, g, base_x, base_g):
    """One coordinate of s and y."""
    return x - base_x, g - base_g


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
    return (moved_g / inverse_width) * (moved_g / inverse_width)


def judged(accepted, first, bend, ss, yy, scaling, value_resolution):
    """Whether the pair enters H (1 or 0), 1 / s'y, and the scale s'y / y'y of the initial matrix."""
    curved = accepted & (first == False) & (bend > value_resolution * sqrt(ss * yy))  # noqa: E712
    scale = where(curved, bend / yy, where(first, 1.0, scaling))
    return where(curved, 1.0, 0.0), 1.0 / bend, scale


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
