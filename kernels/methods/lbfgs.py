"""L-BFGS: d = -H g, with H built from the last ``memory`` changes s of x and y of the gradient.

The two-loop recursion (Nocedal 1980, Math. Comput. 35, 773; Nocedal and Wright 2006, Algorithm 7.4) from s'y / y'y I
(equation 7.20), all in box widths.
"""

from batchgd.kernels.rule_parts import quasi_newton
from batchgd.kernels.rule_parts.block_operations import (
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
from batchgd.kernels.rule_parts.quasi_newton import ACCEPTED, SCALARS, VECTORS
from batchgd.kernels.rule_parts.stages import Block

__all__ = ["ACCEPTED", "SCALARS", "STAGES", "STAGES_WITHIN", "VECTORS", "arrays"]

D = MEMORY = 1


def arrays(dim, memory):
    """The history, newest first, and room for the recursion."""
    return {
        "steps": memory * dim,
        "changes_of_g": memory * dim,
        "inverses": memory,
        "shares": memory,
        "new_direction": dim,
        "product": 1,
    }


def recursion(
    ws,
    g,
    accepted,
    curved,
    kept,
    inverse,
    scaling,
    width_squared,
    moved_x,
    moved_g,
    direction,
    steps,
    changes_of_g,
    inverses,
    shares,
    new_direction,
    product,
):
    """Remember the last change, then direction <- -H g if the trial was accepted; an inverse of 0 mutes its pair."""
    for k in range(MEMORY):
        multiply(ws, kept, inverses + k, inverses + k)
    push(ws, curved, moved_x, steps, D)
    push(ws, curved, moved_g, changes_of_g, D)
    push(ws, curved, inverse, inverses, 1)
    negated(ws, g, new_direction)
    for k in range(MEMORY):
        dot(ws, steps + k * D, new_direction, product)
        multiply(ws, product, inverses + k, shares + k)
        subtract_scaled(ws, shares + k, changes_of_g + k * D, new_direction)
    scale(ws, scaling, new_direction)
    stretch(ws, width_squared, new_direction)
    for back in range(MEMORY):
        k = MEMORY - 1 - back
        dot(ws, changes_of_g + k * D, new_direction, product)
        multiply(ws, product, inverses + k, product)
        subtract_scaled(ws, product, steps + k * D, new_direction)
        add_scaled(ws, shares + k, steps + k * D, new_direction)
    keep_where(ws, accepted, new_direction, direction, D)


STAGES = quasi_newton.stages(Block(recursion))
STAGES_WITHIN = quasi_newton.stages_within(Block(recursion))
