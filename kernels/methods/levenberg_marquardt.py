"""Levenberg-Marquardt: x <- x + p with (A + μ D) p = -g, where A = J'J and D_ii is the largest A_ii so far.

The largest one of the accepted points (Moré 1978, Lecture Notes in Mathematics 630, 105): so the steps do not depend on
the units of x. A is the Gauss-Newton matrix; for an objective without residuals it is the Hessian.

μ follows Nielsen (K. Madsen, H. B. Nielsen and O. Tingleff, Methods for Non-Linear Least Squares Problems, 2nd edition
2004, Algorithm 3.16): with ρ, the fall of f over that which the model promises, an accepted step multiplies it by
max(1/3, 1 - (2 ρ - 1)³), and rejected ones by 2, 4, 8 ... When the promise is lost in the rounding of f, a step is
accepted if it does not visibly raise f and makes the gradient smaller.

A step longer than ``max_displacement`` box widths is shortened, a rejected one to half of that, a
quarter ...

The equations are solved by Cholesky's method in units S_ii = 1/√|A_ii| of the coordinates, in which the diagonal of
S A S is 1, and a few rounding errors are added to it: then it has a factor, however rank-deficient J is. If it has none
a hundred times as much is added, and at last its norm, which is enough for a Hessian that is not positive.

Within bounds the equations are those of the free coordinates: S_ii is 0 where x rests on a bound. What the model
promises is that of the step which the bounds leave; if they leave too little, μ grows until the step follows the scaled
gradient.
"""

from batchgd.kernels.bounds import held, inside
from batchgd.kernels.rule_parts.block_operations import dot, factor, negated, solve, times_symmetric, triangle
from batchgd.kernels.rule_parts.line_search import rebased
from batchgd.kernels.rule_parts.stages import Block, Each, Lane, Sum
from batchgd.kernels.rule_parts.trial_steps import finite
from batchgd.kernels.vecmath import absolute, maximum, minimum, sqrt, where

D = W = 1
VECTORS = ("base_x", "base_g", "largest", "unit", "damped", "move")
SCALARS = ("mu", "growth", "base_f", "base_gg", "promised", "weighted", "along")
ACCEPTED = "base_x"


def arrays(dim):
    """S A S, its factor, and the numbers of a solution."""
    entries = dim * (dim + 1) // 2
    numbers = ("added", "norm", "total")
    return {"scaled_matrix": entries, "lower": entries, "scaled_g": dim, **dict.fromkeys(numbers, 1)}


def judge(f, gg, first, mu, growth, base_f, base_gg, promised, damping, value_resolution):
    """Accept or reject the step, and adapt μ to how good the promise was."""
    noise = value_resolution * absolute(base_f)
    fall = base_f - f
    clear = promised > noise
    flat = (promised <= noise) & (fall >= -noise) & (gg <= 0.9 * base_gg)
    accepted = first | (((clear & (fall > 0.0)) | flat) & finite(gg))
    bent = 2.0 * fall / where(clear, promised, 1.0) - 1.0
    eased = where(clear, maximum(1.0 - bent * bent * bent, 1.0 / 3.0), 1.0 / 3.0) * mu
    return (
        accepted,
        where(first, damping, where(accepted, maximum(eased, 1e-30), minimum(mu * growth, 1e30))),
        where(accepted, 2.0, minimum(2.0 * growth, 1e30)),
        where(accepted, f, base_f),
        where(accepted, gg, base_gg),
    )


def rescaled(ws, accepted, gauss_newton, largest, unit, damped, scaled_matrix):
    """Take the matrix of an accepted point in units in which its diagonal is 1, and D in the same."""
    for i in range(D):
        for lane in range(W):
            taken = ws[accepted * W + lane] != 0.0
            size = absolute(ws[(gauss_newton + triangle(i) + i) * W + lane])
            known = ws[(largest + i) * W + lane]
            greatest = where(taken & (size > known), size, known)
            ws[(largest + i) * W + lane] = greatest
            seen = where(size > 0.0, size, where(greatest > 0.0, greatest, 1.0))
            ws[(unit + i) * W + lane] = where(taken, 1.0 / sqrt(seen), ws[(unit + i) * W + lane])
            ratio = where(greatest > 0.0, greatest, 1.0) / seen
            ws[(damped + i) * W + lane] = where(taken, ratio, ws[(damped + i) * W + lane])
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


def resolved(value_resolution):
    """What is added to the diagonal in any case: eight rounding errors."""
    return 0.125 * value_resolution


def factored(ws, scaled_matrix, damped, mu, lower, added, least, norm, total):
    """lower <- the factor of S A S + μ S D S + added I, with as little added as it takes, of three tries."""
    for lane in range(W):
        ws[norm * W + lane] = 0.0
        ws[added * W + lane] = 1.0 * ws[least * W + lane]
    for i in range(D):
        for j in range(i + 1):
            for lane in range(W):
                value = ws[(scaled_matrix + triangle(i) + j) * W + lane]
                ws[norm * W + lane] += where(i == j, 1.0, 2.0) * value * value
    for attempt in range(3):
        for i in range(D):
            for j in range(i + 1):
                for lane in range(W):
                    extra = where(i == j, ws[mu * W + lane] * ws[(damped + i) * W + lane], 0.0)
                    entry = triangle(i) + j
                    ws[(lower + entry) * W + lane] = ws[(scaled_matrix + entry) * W + lane] + extra
        factor(ws, lower, added, lower, total)
        for lane in range(W):
            last = ws[(lower + triangle(D) - 1) * W + lane]
            more = where(attempt == 0, 128.0 * ws[added * W + lane], sqrt(ws[norm * W + lane]))
            ws[added * W + lane] = where(last != last, more, ws[added * W + lane])


def stepped(ws, base_g, unit, damped, mu, lower, added, scaled_g, move, weighted, along, total):
    """Solve for the step p in these units, with p'g and p'(μ D + what was added) p."""
    for i in range(D):
        for lane in range(W):
            ws[(scaled_g + i) * W + lane] = ws[(base_g + i) * W + lane] * ws[(unit + i) * W + lane]
    negated(ws, scaled_g, move)
    solve(ws, lower, move, total)
    dot(ws, move, scaled_g, along)
    for lane in range(W):
        ws[weighted * W + lane] = 0.0
    for i in range(D):
        for lane in range(W):
            weight = ws[mu * W + lane] * ws[(damped + i) * W + lane] + ws[added * W + lane]
            ws[weighted * W + lane] += weight * ws[(move + i) * W + lane] * ws[(move + i) * W + lane]


def length_term(unit, move, inverse_width):
    """The squared length of the step in box widths."""
    return (unit * move * inverse_width) * (unit * move * inverse_width)


def shortened(length, weighted, along, growth, max_displacement):
    """The share of the step that is taken, and how far f will fall according to the model."""
    cap = 2.0 * max_displacement / growth
    share = where(length > cap * cap, cap / sqrt(length), 1.0)
    return share, 0.5 * share * share * (along + weighted) - share * along


def update(base_x, unit, move, share):
    """One coordinate of the next trial."""
    return base_x + share * unit * move


STAGES = (
    Lane(judge, "accepted", "mu", "growth", "base_f", "base_gg"),
    Each(rebased, "base_x", "base_g"),
    Block(rescaled),
    Lane(resolved, "least"),
    Block(factored),
    Block(stepped),
    Sum(length_term, "length"),
    Lane(shortened, "share", "promised"),
    Each(update, "following"),
)


def free_unit(base_x, base_g, unit, lower_bound, upper_bound):
    """One entry of S: 0 where x rests on a bound."""
    return where(held(base_x, base_g, lower_bound, upper_bound), 0.0, unit)


def freed(ws, unit, scaled_matrix):
    """Leave 1 on the diagonal of S A S, and 0 elsewhere in row and column, where S is 0."""
    for i in range(D):
        for j in range(i + 1):
            entry = triangle(i) + j
            for lane in range(W):
                rests = (ws[(unit + i) * W + lane] == 0.0) | (ws[(unit + j) * W + lane] == 0.0)
                ws[(scaled_matrix + entry) * W + lane] = where(
                    rests, where(i == j, 1.0, 0.0), ws[(scaled_matrix + entry) * W + lane]
                )


def cut(base_x, unit, move, share, lower_bound, upper_bound):
    """One coordinate of the step that the bounds leave, in units of S."""
    step = inside(base_x + share * unit * move, lower_bound, upper_bound) - base_x
    return where(unit == 0.0, 0.0, step / unit)


def foretold(ws, scaled_matrix, scaled_g, move, promised, weighted, along):
    """How far f will fall by that step, according to the model."""
    dot(ws, move, scaled_g, along)
    times_symmetric(ws, scaled_matrix, move, scaled_g)
    dot(ws, move, scaled_g, weighted)
    for lane in range(W):
        ws[promised * W + lane] = -ws[along * W + lane] - 0.5 * ws[weighted * W + lane]


STAGES_WITHIN = (
    *STAGES[:3],
    Each(free_unit, "unit"),
    Block(freed),
    *STAGES[3:],
    Each(cut, "move"),
    Block(foretold),
)
