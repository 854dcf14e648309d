"""BFGS: d = -H g, H <- (I - s y' / s'y) H (I - y s' / s'y) + s s' / s'y, the inverse Hessian as a dense matrix.

Broyden, Fletcher, Goldfarb and Shanno 1970 (Nocedal and Wright 2006, equation 6.17), from the squares of the box's
widths, which are scaled by s'y / y'y (in box widths) before the first update (equation 6.20).
"""

from batchgd.kernels.rule_parts import quasi_newton
from batchgd.kernels.rule_parts.block_operations import (
    dot,
    keep_where,
    multiple_of_diagonal,
    negated,
    times_symmetric,
    triangle,
)
from batchgd.kernels.rule_parts.quasi_newton import ACCEPTED, VECTORS
from batchgd.kernels.rule_parts.stages import Block, Lane
from batchgd.kernels.vecmath import where

__all__ = ["ACCEPTED", "SCALARS", "STAGES", "STAGES_WITHIN", "VECTORS", "arrays"]

D = W = 1
SCALARS = (*quasi_newton.SCALARS, "updated")


def arrays(dim):
    """H, and room for products with it."""
    return {"metric": dim * (dim + 1) // 2, "new_direction": dim, "metric_y": dim, "yhy": 1}


def prepared(accepted, curved, kept, updated):
    """Whether H is set to a multiple of the squared widths (1 or 0), and whether it has been updated since."""
    fresh = (kept == 0.0) | ((curved > 0.0) & (updated == 0.0))
    return where(fresh, 1.0, 0.0), where(accepted, curved, updated)


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
    new_direction,
    metric_y,
    yhy,
):
    """Renew H, then direction <- -H g if the trial was accepted."""
    multiple_of_diagonal(ws, fresh, scaling, width_squared, metric)
    times_symmetric(ws, metric, moved_g, metric_y)
    dot(ws, moved_g, metric_y, yhy)
    for i in range(D):
        for j in range(i + 1):
            entry = metric + triangle(i) + j
            for lane in range(W):
                s_i, s_j = ws[(moved_x + i) * W + lane], ws[(moved_x + j) * W + lane]
                cross = s_i * ws[(metric_y + j) * W + lane] + ws[(metric_y + i) * W + lane] * s_j
                along = (1.0 + ws[inverse * W + lane] * ws[yhy * W + lane]) * s_i * s_j
                change = ws[inverse * W + lane] * (along - cross)
                ws[entry * W + lane] += where(ws[curved * W + lane] != 0.0, change, 0.0)
    negated(ws, g, metric_y)
    times_symmetric(ws, metric, metric_y, new_direction)
    keep_where(ws, accepted, new_direction, direction, D)


STAGES = quasi_newton.stages(Lane(prepared, "fresh", "updated"), Block(updated_direction))
STAGES_WITHIN = quasi_newton.stages_within(Lane(prepared, "fresh", "updated"), Block(updated_direction))
