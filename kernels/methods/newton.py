"""Newton's method in a trust region: x <- x + p, p the minimiser of g'p + p'Hp / 2 over ||p|| <= Δ, in box widths.

p solves (H + λ I) p = -g, where λ = 0 if that step is short enough, else ||p|| = Δ within 20 % (Moré and Sorensen 1983,
SIAM J. Sci. Stat. Comput. 4, 553): six trials of λ (0, the one of the last step, then their Newton iteration, kept
between bounds), each a Cholesky factorisation; Cauchy's point if none of them fits. Hence the curvature of a saddle or
a maximum is not an obstacle.

Δ is a quarter of the step if f falls by less than a quarter of what the model promises, and doubles if it falls by more
than three quarters, up to ``max_displacement`` (Nocedal and Wright 2006, Algorithm 4.1). When the promise is lost in
the rounding of f, a step is accepted if it does not visibly raise f and makes the gradient smaller.
"""

from batchgd.kernels.bounds import held, inside
from batchgd.kernels.rule_parts.block_operations import (
    dot,
    factor,
    keep_where,
    negated,
    solve,
    solve_lower,
    times_symmetric,
    triangle,
)
from batchgd.kernels.rule_parts.line_search import rebased
from batchgd.kernels.rule_parts.stages import Block, Each, Lane, Sum
from batchgd.kernels.rule_parts.trial_steps import damped, damping_of, finite
from batchgd.kernels.vecmath import absolute, maximum, minimum, sqrt, where

D = W = 1
VECTORS = ("base_x", "base_g", "scaled_g", "width", "move")
SCALARS = ("radius", "base_f", "base_gg", "base_damping", "length", "promised")
ACCEPTED = "base_x"


def arrays(dim):
    """The Hessian in box widths, its factor, a step tried, and the numbers of the search for λ."""
    entries = dim * (dim + 1) // 2
    numbers = ("shift", "least", "most", "best", "known", "taken", "pp", "qq", "bend", "total")
    return {"scaled_hessian": entries, "lower": entries, "tried": dim, "half": dim, **dict.fromkeys(numbers, 1)}


def square(g):
    """One term of ||g||^2, after damping."""
    return g * g


def judge(
    f,
    damped_gg,
    damping,
    first,
    radius,
    base_f,
    base_gg,
    base_damping,
    length,
    promised,
    max_displacement,
    value_resolution,
):
    """Accept or reject the step, and adapt the trust radius to how good the promise was.

    The promise is computed from the damped gradient, so the values are damped as well.
    """
    noise = value_resolution * absolute(base_f) * base_damping
    fall = (base_f - f) * base_damping
    clear = promised > noise
    fell = clear & (fall > 1e-4 * promised)
    flat = (promised <= noise) & (fall >= -noise) & (damped_gg <= base_gg)
    accepted = first | ((fell | flat) & finite(damped_gg))
    worse = clear & (fall < 0.25 * promised)
    better = clear & (fall > 0.75 * promised) & (length >= 0.8 * radius)
    fitted = where(worse, 0.25 * length, where(better, minimum(2.0 * radius, max_displacement), radius))
    return (
        accepted,
        where(first, max_displacement, where(accepted, fitted, 0.25 * length)),
        where(accepted, f, base_f),
        where(accepted, damped_gg, base_gg),
        where(accepted, damping, base_damping),
    )


def in_widths(base_g, inverse_width):
    """One coordinate of the gradient in box widths, and the width."""
    width = 1.0 / inverse_width
    return base_g * width, width


def scaled(ws, accepted, damping, hessian, width, scaled_hessian):
    """Take the Hessian of an accepted point, in box widths and damped as the gradient is."""
    for i in range(D):
        for j in range(i + 1):
            entry = triangle(i) + j
            for lane in range(W):
                value = ws[(hessian + entry) * W + lane] * ws[damping * W + lane]
                value = value * ws[(width + i) * W + lane] * ws[(width + j) * W + lane]
                ws[(scaled_hessian + entry) * W + lane] = where(
                    ws[accepted * W + lane] != 0.0, value, ws[(scaled_hessian + entry) * W + lane]
                )


def free_in_widths(base_x, base_g, lower_bound, upper_bound, inverse_width):
    """The same within bounds: the width is 0 in coordinates that rest on one."""
    width = where(held(base_x, base_g, lower_bound, upper_bound), 0.0, 1.0 / inverse_width)
    return base_g * width, width


def scaled_within(ws, accepted, damping, hessian, width, scaled_hessian):
    """Take the Hessian as ``scaled`` does, with 1 on its diagonal in coordinates that rest on a bound."""
    scaled(ws, accepted, damping, hessian, width, scaled_hessian)
    for i in range(D):
        entry = triangle(i) + i
        for lane in range(W):
            ws[(scaled_hessian + entry) * W + lane] = where(
                ws[(width + i) * W + lane] == 0.0, 1.0, ws[(scaled_hessian + entry) * W + lane]
            )


def cut(base_x, width, move, lower_bound, upper_bound):
    """One coordinate of the step that the bounds leave, in widths: its promise decides about the trial."""
    step = inside(base_x + width * move, lower_bound, upper_bound) - base_x
    return where(width == 0.0, 0.0, step / width)


def steepest(ws, scaled_hessian, scaled_g, radius, move, tried, most, least, shift, best, known, pp, bend):
    """Begin with Cauchy's point, and with bounds of λ: 0 and -H_ii, and ||g|| / Δ + ||H||."""
    dot(ws, scaled_g, scaled_g, pp)
    times_symmetric(ws, scaled_hessian, scaled_g, tried)
    dot(ws, scaled_g, tried, bend)
    for lane in range(W):
        ws[most * W + lane] = 0.0
        ws[least * W + lane] = 0.0
    for i in range(D):
        for lane in range(W):
            ws[least * W + lane] = maximum(ws[least * W + lane], -ws[(scaled_hessian + triangle(i) + i) * W + lane])
        for j in range(i + 1):
            for lane in range(W):
                value = ws[(scaled_hessian + triangle(i) + j) * W + lane]
                ws[most * W + lane] += where(i == j, 1.0, 2.0) * value * value
    for lane in range(W):
        steep = sqrt(ws[pp * W + lane])
        ws[most * W + lane] = steep / ws[radius * W + lane] + sqrt(ws[most * W + lane])
        low, last = 1.0 * ws[least * W + lane], ws[known * W + lane]
        usable = (last > low) & (last < ws[most * W + lane])
        guess = where(usable, last, sqrt(low * ws[most * W + lane]))
        ws[shift * W + lane] = where(low > 0.0, guess, 0.0)
        ws[best * W + lane] = 1e30
        far = ws[radius * W + lane] / steep
        ws[bend * W + lane] = where(
            ws[bend * W + lane] > 0.0, minimum(far, ws[pp * W + lane] / ws[bend * W + lane]), far
        )
    for i in range(D):
        for lane in range(W):
            ws[(move + i) * W + lane] = -ws[bend * W + lane] * ws[(scaled_g + i) * W + lane]


def searched(
    ws,
    scaled_hessian,
    scaled_g,
    radius,
    move,
    lower,
    tried,
    half,
    shift,
    least,
    most,
    best,
    known,
    taken,
    pp,
    qq,
    total,
):
    """Try a few shifts λ; move <- the step of the least one that fits."""
    for trial in range(6):
        factor(ws, scaled_hessian, shift, lower, total)
        negated(ws, scaled_g, tried)
        solve(ws, lower, tried, total)
        for i in range(D):
            for lane in range(W):
                ws[(half + i) * W + lane] = 1.0 * ws[(tried + i) * W + lane]
        solve_lower(ws, lower, half, total)
        dot(ws, tried, tried, pp)
        dot(ws, half, half, qq)
        for lane in range(W):
            here, size = 1.0 * ws[shift * W + lane], sqrt(ws[pp * W + lane])
            fits = size <= 1.05 * ws[radius * W + lane]
            take = fits & (here < ws[best * W + lane])
            ws[taken * W + lane] = where(take, 1.0, 0.0)
            ws[best * W + lane] = where(take, here, ws[best * W + lane])
            ws[least * W + lane] = where(fits, ws[least * W + lane], maximum(here, ws[least * W + lane]))
            ws[most * W + lane] = where(fits, minimum(here, ws[most * W + lane]), ws[most * W + lane])
            excess = (size - ws[radius * W + lane]) / ws[radius * W + lane]
            newton = here + excess * ws[pp * W + lane] / ws[qq * W + lane]
            between = (newton > ws[least * W + lane]) & (newton < ws[most * W + lane])
            guess = maximum(sqrt(ws[least * W + lane] * ws[most * W + lane]), 0.001 * ws[most * W + lane])
            last = ws[known * W + lane]
            usable = (trial == 0) & (last > ws[least * W + lane]) & (last < ws[most * W + lane])
            middle = where(usable, last, guess)
            done = fits & ((here == 0.0) | (size >= 0.8 * ws[radius * W + lane]))
            ws[shift * W + lane] = where(done, here, where(between, newton, middle))
        keep_where(ws, taken, tried, move, D)
    for lane in range(W):
        ws[known * W + lane] = where(ws[best * W + lane] < 1e30, ws[best * W + lane], ws[known * W + lane])


def foretold(ws, scaled_hessian, scaled_g, move, tried, length, promised, pp, qq, bend):
    """The length of the step, and how far f will fall according to the model."""
    times_symmetric(ws, scaled_hessian, move, tried)
    dot(ws, move, tried, bend)
    dot(ws, move, scaled_g, qq)
    dot(ws, move, move, pp)
    for lane in range(W):
        ws[length * W + lane] = sqrt(ws[pp * W + lane])
        ws[promised * W + lane] = -ws[qq * W + lane] - 0.5 * ws[bend * W + lane]


def update(base_x, width, move):
    """One coordinate of the next trial."""
    return base_x + width * move


_IN_WIDTHS = Each(in_widths, "scaled_g", "width")

STAGES = (
    Lane(damping_of, "damping"),
    Each(damped, "g"),
    Sum(square, "damped_gg"),
    Lane(judge, "accepted", "radius", "base_f", "base_gg", "base_damping"),
    Each(rebased, "base_x", "base_g"),
    _IN_WIDTHS,
    Block(scaled),
    Block(steepest),
    Block(searched),
    Block(foretold),
    Each(update, "following"),
)

STAGES_WITHIN = (
    *STAGES[: STAGES.index(_IN_WIDTHS)],
    Each(free_in_widths, "scaled_g", "width"),
    Block(scaled_within),
    Block(steepest),
    Block(searched),
    Each(update, "following"),
    Each(cut, "move"),
    Block(foretold),
)
