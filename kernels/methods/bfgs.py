"""BFGS: d = -H g, H <- (I - s y' / s'y) H (I - y s' / s'y) + s s' / s'y, the inverse Hessian as a dense matrix.

Broyden, Fletcher, Goldfarb and Shanno 1970 (Nocedal and Wright 2006, equation 6.17), from the squares of the box's
widths, which are scaled by s'y / y'y (in box widths) before the first update (equation 6.20). The step comes from
``kernels/line_search.py`` and begins with 1, or where the curvature along the last step was not positive with the
longest one. Such a pair (s, y) is left out.
"""

from batchgd.kernels.lanes import (
    dot,
    keep_where,
    multiple_of_diagonal,
    negated,
    times_symmetric,
    triangle,
)
from batchgd.kernels.line_search import (
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
from batchgd.kernels.quasi_newton import AIMED, aim, bend_term, changes, judged, squared_width, ss_term, yy_term
from batchgd.kernels.stages import Block, Each, Lane, Sum
from batchgd.kernels.vecmath import where

D = W = 1
VECTORS = ("base_x", "base_g", "direction", "moved_x", "moved_g", "width_squared")
SCALARS = ("step", "low", "high", "low_slope", "high_slope", "base_f", "base_slope", "longest", "scaling", "updated")
ACCEPTED = "base_x"


def arrays(dim):
    """H, and room for products with it."""
    return {"metric": dim * (dim + 1) // 2, "turned_direction": dim, "metric_turn": dim, "yhy": 1}


def prepared(curved, first, updated):
    """Whether H is set to a multiple of the squared widths (1 or 0), and whether it was ever updated."""
    fresh = first | ((curved > 0.0) & (updated == 0.0))
    return where(fresh, 1.0, 0.0), where(first, 0.0, where(curved > 0.0, 1.0, updated))


def updated_direction(
    ws,
    g,
    accepted,
    fresh,
    curved,
    inverse,
    scaling,
    width_squared,
    moved_x,
    moved_g,
    direction,
    metric,
    turned_direction,
    metric_turn,
    yhy,
):
    """Renew H, then direction <- -H g where the trial was accepted."""
    multiple_of_diagonal(ws, fresh, scaling, width_squared, metric)
    times_symmetric(ws, metric, moved_g, metric_turn)
    dot(ws, moved_g, metric_turn, yhy)
    for i in range(D):
        for j in range(i + 1):
            entry = metric + triangle(i) + j
            for lane in range(W):
                s_i, s_j = ws[(moved_x + i) * W + lane], ws[(moved_x + j) * W + lane]
                cross = s_i * ws[(metric_turn + j) * W + lane] + ws[(metric_turn + i) * W + lane] * s_j
                along = (1.0 + ws[inverse * W + lane] * ws[yhy * W + lane]) * s_i * s_j
                change = ws[inverse * W + lane] * (along - cross)
                ws[entry * W + lane] += where(ws[curved * W + lane] != 0.0, change, 0.0)
    negated(ws, g, metric_turn)
    times_symmetric(ws, metric, metric_turn, turned_direction)
    keep_where(ws, accepted, turned_direction, direction, D)


STAGES = (
    Sum(slope_term, "slope"),
    Sum(steep_term, "steep"),
    Each(squared_width, "width_squared"),
    Lane(search, *SEARCHED),
    Each(changes, "moved_x", "moved_g"),
    Sum(bend_term, "bend"),
    Sum(ss_term, "ss"),
    Sum(yy_term, "yy"),
    Lane(judged, "curved", "inverse", "scaling"),
    Lane(prepared, "fresh", "updated"),
    Block(updated_direction),
    Each(rebased, "base_x", "base_g"),
    Sum(turned_term, "turned"),
    Each(steepest_unless, "direction"),
    Sum(scaled_term, "scaled"),
    Lane(aim, *AIMED),
    Each(update, "following"),
)
