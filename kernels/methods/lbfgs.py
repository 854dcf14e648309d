"""L-BFGS: d = -H g, with H built from the last ``memory`` changes s of x and y of the gradient.

The two-loop recursion (Nocedal 1980, Math. Comput. 35, 773; Nocedal and Wright 2006, Algorithm 7.4) from s'y / y'y I
(equation 7.20), all in box widths. The step comes from ``kernels/line_search.py`` and begins with 1, or where the
curvature along the last step was not positive with the longest one. Such a pair (s, y) is left out.
"""

from batchgd.kernels.lanes import (
    add_scaled,
    dot,
    keep_where,
    multiply,
    negated,
    push,
    scale,
    stretch,
    subtract_scaled,
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

D = MEMORY = 1
VECTORS = ("base_x", "base_g", "direction", "moved_x", "moved_g", "width_squared")
SCALARS = ("step", "low", "high", "low_slope", "high_slope", "base_f", "base_slope", "longest", "scaling")
ACCEPTED = "base_x"


def arrays(dim, memory):
    """The history, newest first, and room for the recursion."""
    return {
        "steps": memory * dim,
        "turns": memory * dim,
        "inverses": memory,
        "shares": memory,
        "turned_direction": dim,
        "product": 1,
    }


def recursion(
    ws,
    g,
    accepted,
    curved,
    inverse,
    scaling,
    width_squared,
    moved_x,
    moved_g,
    direction,
    steps,
    turns,
    inverses,
    shares,
    turned_direction,
    product,
):
    """Remember the last change, then direction <- -H g where the trial was accepted."""
    push(ws, curved, moved_x, steps, D)
    push(ws, curved, moved_g, turns, D)
    push(ws, curved, inverse, inverses, 1)
    negated(ws, g, turned_direction)
    for k in range(MEMORY):
        dot(ws, steps + k * D, turned_direction, product)
        multiply(ws, product, inverses + k, shares + k)
        subtract_scaled(ws, shares + k, turns + k * D, turned_direction)
    scale(ws, scaling, turned_direction)
    stretch(ws, width_squared, turned_direction)
    for back in range(MEMORY):
        k = MEMORY - 1 - back
        dot(ws, turns + k * D, turned_direction, product)
        multiply(ws, product, inverses + k, product)
        subtract_scaled(ws, product, steps + k * D, turned_direction)
        add_scaled(ws, shares + k, steps + k * D, turned_direction)
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
    Block(recursion),
    Each(rebased, "base_x", "base_g"),
    Sum(turned_term, "turned"),
    Each(steepest_unless, "direction"),
    Sum(scaled_term, "scaled"),
    Lane(aim, *AIMED),
    Each(update, "following"),
)
