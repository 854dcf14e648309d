"""Levenberg-Marquardt: x <- x + S p with (S A S + μ I) p = -S g, where A = J'J and S_ii = 1/√D_ii, D_ii = max A_ii.

The maximum is that over the accepted points (Moré 1978, Lecture Notes in Mathematics 630, 105), so the steps do not
depend on the units of x. A is the Gauss-Newton matrix; for an objective without residuals it is the Hessian, whose
size takes the place of its diagonal.

μ follows Nielsen (K. Madsen, H. B. Nielsen and O. Tingleff, Methods for Non-Linear Least Squares Problems, 2nd edition
2004, Algorithm 3.16): with ρ, the fall of f over that which the model promises, an accepted step multiplies it by
max(1/3, 1 - (2 ρ - 1)³), and rejected ones by 2, 4, 8 ... It stays so large that rounding does not make S A S + μ I
singular, however rank-deficient J is; where A is not positive (a Hessian), μ grows by the norm of S A S at once. When
the promise is lost in the rounding of f, a step is accepted if it does not visibly raise f and makes the gradient
smaller.
"""

from batchgd.kernels.rule_parts.block_operations import dot, factor, negated, solve, triangle
from batchgd.kernels.rule_parts.line_search import rebased
from batchgd.kernels.rule_parts.stages import Block, Each, Lane
from batchgd.kernels.rule_parts.trial_steps import finite
from batchgd.kernels.vecmath import absolute, maximum, minimum, sqrt, where

D = W = 1
VECTORS = ("base_x", "base_g", "diagonal", "unit", "scaled_g", "move")
SCALARS = ("shift", "growth", "base_f", "base_gg", "promised")
ACCEPTED = "base_x"


def arrays(dim):
    """S A S, its factor, and the numbers of a solution."""
    entries = dim * (dim + 1) // 2
    return {"scaled_matrix": entries, "lower": entries, **dict.fromkeys(("pp", "pg", "norm", "total"), 1)}


def judge(f, gg, first, shift, growth, base_f, base_gg, promised, damping, value_resolution):
    """Accept or reject the step, and adapt μ to how good the promise was."""
    noise = value_resolution * absolute(base_f)
    fall = base_f - f
    clear = promised > noise
    flat = (promised <= noise) & (fall >= -noise) & (gg <= base_gg)
    accepted = first | (((clear & (fall > 0.0)) | flat) & finite(gg))
    bent = 2.0 * fall / where(clear, promised, 1.0) - 1.0
    easing = where(clear, maximum(1.0 - bent * bent * bent, 1.0 / 3.0), 1.0 / 3.0)
    eased = maximum(shift * easing, value_resolution)
    return (
        accepted,
        where(first, damping, where(accepted, eased, minimum(shift * growth, 1e30))),
        where(accepted, 2.0, minimum(2.0 * growth, 1e30)),
        where(accepted, f, base_f),
        where(accepted, gg, base_gg),
    )


def rescaled(ws, accepted, gauss_newton, diagonal, unit, scaled_matrix):
    """Take the matrix of an accepted point, in units in which its diagonal is at most 1."""
    for i in range(D):
        for lane in range(W):
            size = absolute(ws[(gauss_newton + triangle(i) + i) * W + lane])
            taken = (ws[accepted * W + lane] != 0.0) & (size > ws[(diagonal + i) * W + lane])
            largest = where(taken, size, ws[(diagonal + i) * W + lane])
            ws[(diagonal + i) * W + lane] = largest
            ws[(unit + i) * W + lane] = 1.0 / sqrt(where(largest > 0.0, largest, 1.0))
    for i in range(D):
        for j in range(i + 1):
            entry = triangle(i) + j
            for lane in range(W):
                value = ws[(gauss_newton + entry) * W + lane] * ws[(unit + i) * W + lane]
                ws[(scaled_matrix + entry) * W + lane] = where(
                    ws[accepted * W + lane] != 0.0,
                    value * ws[(unit + j) * W + lane],
                    ws[(scaled_matrix + entry) * W + lane],
                )


def in_units(base_g, unit):
    """One coordinate of the gradient in these units."""
    return base_g * unit


def stepped(ws, scaled_matrix, scaled_g, shift, move, promised, lower, pp, pg, norm, total):
    """Solve for the step, a second time with a larger μ if a pivot is not positive; and how far f will fall."""
    for lane in range(W):
        ws[norm * W + lane] = 0.0
    for i in range(D):
        for j in range(i + 1):
            for lane in range(W):
                value = ws[(scaled_matrix + triangle(i) + j) * W + lane]
                ws[norm * W + lane] += where(i == j, 1.0, 2.0) * value * value
    for attempt in range(2):
        factor(ws, scaled_matrix, shift, lower, total)
        for lane in range(W):
            last = ws[(lower + triangle(D) - 1) * W + lane]
            larger = ws[shift * W + lane] + sqrt(ws[norm * W + lane])
            ws[shift * W + lane] = where((last != last) & (attempt == 0), larger, ws[shift * W + lane])
    negated(ws, scaled_g, move)
    solve(ws, lower, move, total)
    dot(ws, move, move, pp)
    dot(ws, move, scaled_g, pg)
    for lane in range(W):
        ws[promised * W + lane] = 0.5 * (ws[shift * W + lane] * ws[pp * W + lane] - ws[pg * W + lane])


def update(base_x, unit, move):
    """One coordinate of the next trial."""
    return base_x + unit * move


STAGES = (
    Lane(judge, "accepted", "shift", "growth", "base_f", "base_gg"),
    Each(rebased, "base_x", "base_g"),
    Block(rescaled),
    Each(in_units, "scaled_g"),
    Block(stepped),
    Each(update, "following"),
)
