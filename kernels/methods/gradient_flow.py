"""Gradient flow dx/dt = -∇f(x) by an L-stable Rosenbrock method on the traced Hessian: RODAS3, order 3(2).

With G = 2 / h I + ∇²f(x): G k1 = -g(x), G k2 = -g(x) + 4 k1 / h, G k3 = -g(x + 2 k1) + (k1 - k2) / h,
G k4 = -g(x + 2 k1 + k3) + (k1 - k2 - 8 k3 / 3) / h, x <- x + 2 k1 + k3 + k4; the error is k4 (Sandu, Verwer, Blom,
Spee, Carmichael and Potra 1997, Atmos. Environ. 31, 3459, in the form of KPP's integrator). Three evaluations a step.

A step is refused if the error exceeds the tolerance, a stage is not finite, or G has no Cholesky factor:
such a step would be too long for the negative curvature there. For h towards infinity a step is one of Newton's method.
"""

from batchgd.kernels.bounds import held
from batchgd.kernels.rule_parts.block_operations import add_scaled, factor, keep_where, negated, solve, triangle
from batchgd.kernels.rule_parts.gradient_flow import (
    beyond,
    first_interval,
    free_slope,
    late_term,
    raw_rebased,
    rebased,
    resized,
    share_of_tolerance,
    share_to_bound,
    share_to_release,
    speed_term,
)
from batchgd.kernels.rule_parts.stages import Block, Each, Lane, Least, Sum
from batchgd.kernels.rule_parts.trial_steps import finite
from batchgd.kernels.vecmath import minimum, where

D = W = 1
VECTORS = ("base_x", "base_g", "k1", "k2", "k3", "k4")
VECTORS_WITHIN = ("base_raw", "flow", "end", "free")
SCALARS = ("stage", "interval", "next_interval", "time")
ACCEPTED = "base_x"


def arrays(dim):
    """The Hessian at the beginning of the step, the factor of G, and room for new ones."""
    triangle = dim * (dim + 1) // 2
    matrices = dict.fromkeys(("base_hessian", "factored", "new_factor"), triangle)
    return {**matrices, "new_k1": dim, "new_k2": dim, "total": 1}


def decide(stage, first, gg):
    """Whether this is the end of a step; a point that is not finite does not end one."""
    return first | ((stage == 0.0) & finite(gg))


def right_side(g, k1, k2, k3, k4, stage, interval):
    """One coordinate of the right-hand side for k3 or k4."""
    late = where(stage == 2.0, 8.0 / 3.0 * k3, 0.0)
    return (k1 - k2 - late) / interval - g


def solved(ws, factored, k4, total):
    """K4 <- G^-1 k4."""
    solve(ws, factored, k4, total)


def third(k3, k4, stage):
    """One coordinate of k3, new at the first stage."""
    return where(stage == 1.0, k4, k3)


def error_term(k1, k3, k4, base_x, inverse_width, rtol, atol):
    """The squared error of a coordinate."""
    return share_of_tolerance(k4, ended(base_x, k1, k3, k4), base_x, inverse_width, rtol, atol)


def control(accepted, first, stage, gg, error, speed, interval, next_interval, time, end_time):
    """The next stage (0: the step's end is evaluated), the time step, and whether a step begins (1 or 0)."""
    fine = (stage == 2.0) & (error <= 1.0)
    on = (stage == 1.0) & finite(gg)
    change = where(stage == 2.0, resized(error), 0.2)
    reached = where(accepted & (stage == 0.0), time + interval, time)
    proposed = where(first, first_interval(speed), next_interval)
    tried = where(accepted, minimum(proposed, end_time - reached), change * interval)
    held = fine | on
    step = where(held, interval, tried)
    return (
        where(fine, 0.0, where(on, 2.0, 1.0)),
        step,
        where(fine, change * interval, next_interval),
        where(first, 0.0, reached),
        where(held, 0.0, 1.0),
        2.0 / step,
        4.0 / step,
    )


def begin(
    ws,
    hessian,
    base_g,
    accepted,
    begins,
    shift,
    coupling,
    k1,
    k2,
    base_hessian,
    factored,
    new_factor,
    new_k1,
    new_k2,
    total,
):
    """Factor G and find k1 and k2 when a step begins."""
    keep_where(ws, accepted, hessian, base_hessian, D * (D + 1) // 2)
    factor(ws, base_hessian, shift, new_factor, total)
    negated(ws, base_g, new_k1)
    negated(ws, base_g, new_k2)
    solve(ws, new_factor, new_k1, total)
    add_scaled(ws, coupling, new_k1, new_k2)
    solve(ws, new_factor, new_k2, total)
    keep_where(ws, begins, new_factor, factored, D * (D + 1) // 2)
    keep_where(ws, begins, new_k1, k1, D)
    keep_where(ws, begins, new_k2, k2, D)


def follow(base_x, k1, k3, k4, stage):
    """One coordinate of the point of the next evaluation."""
    return base_x + 2.0 * k1 + where(stage == 1.0, 0.0, k3) + where(stage == 0.0, k4, 0.0)


def step_term(following, base_x):
    """The squared length of the step, one coordinate."""
    return (following - base_x) * (following - base_x)


def pull_term(base_g):
    """The squared gradient norm at the beginning of the step."""
    return base_g * base_g


def step_length(step_squared, interval, pull):
    """The same, or that of Euler's step if G had no factor: then the next evaluation asks for a shorter one."""
    return where(step_squared == step_squared, step_squared, interval * interval * pull)


def decide_within(stage, first, gg, late):
    """The same, unless the step kept a coordinate at rest for too long."""
    return first | ((stage == 0.0) & (late <= 1.0) & finite(gg))


def right_side_within(flow, k1, k2, k3, k4, stage, interval):
    """The same, for the flow that the step integrates."""
    return right_side(flow, k1, k2, k3, k4, stage, interval)


def ended(base_x, k1, k3, k4):
    """One coordinate of the end of the step, which may be beyond a bound."""
    return base_x + 2.0 * k1 + k3 + k4


def control_within(
    accepted, first, stage, gg, error, excess, reach, release, speed, interval, next_interval, time, end_time
):  # fmt: skip
    """The same; a step that is refused because of bounds is started again as long as they let it be."""
    crossed = (stage == 2.0) & (excess > 1.0)
    returned = (stage == 0.0) & (accepted == False) & finite(gg)  # noqa: E712
    following, step, proposed, reached, begins, _, _ = control(
        accepted, first, stage, gg, where(crossed, 2.0, error), speed, interval, next_interval, time, end_time
    )
    change = where(error <= 1.0, 1.0, resized(error))
    tried = where(crossed, minimum(reach, change), release) * interval
    step = where(crossed | returned, tried, step)
    return following, step, proposed, reached, begins, 2.0 / step, 4.0 / step


def unheld(base_x, base_g, lower_bound, upper_bound):
    """Whether a coordinate is not at rest, 1 or 0."""
    return where(held(base_x, base_g, lower_bound, upper_bound), 0.0, 1.0)


def begin_within(
    ws,
    hessian,
    base_g,
    accepted,
    begins,
    shift,
    coupling,
    free,
    k1,
    k2,
    base_hessian,
    factored,
    new_factor,
    new_k1,
    new_k2,
    total,
):
    """The same, with the Hessian of the coordinates that are not at rest."""
    for i in range(D):
        for j in range(i + 1):
            for lane in range(W):
                both = ws[(free + i) * W + lane] * ws[(free + j) * W + lane]
                ws[(hessian + triangle(i) + j) * W + lane] = where(
                    both == 0.0, 0.0, ws[(hessian + triangle(i) + j) * W + lane]
                )
    begin(
        ws,
        hessian,
        base_g,
        accepted,
        begins,
        shift,
        coupling,
        k1,
        k2,
        base_hessian,
        factored,
        new_factor,
        new_k1,
        new_k2,
        total,
    )


_FOLLOW = Each(follow, "following")

STAGES = (
    Lane(decide, "accepted"),
    Each(right_side, "k4"),
    Block(solved),
    Each(third, "k3"),
    Sum(error_term, "error"),
    Sum(speed_term, "speed"),
    Lane(control, "stage", "interval", "next_interval", "time", "begins", "shift", "coupling"),
    Each(rebased, "base_x", "base_g"),
    Block(begin),
    _FOLLOW,
    Sum(step_term, "step_squared"),
    Sum(pull_term, "pull"),
    Lane(step_length, "moved"),
)

STAGES_WITHIN = (
    Sum(late_term, "late"),
    Least(share_to_release, "release"),
    Lane(decide_within, "accepted"),
    Each(free_slope, "flow"),
    Each(right_side_within, "k4"),
    Each(raw_rebased, "base_raw"),
    Block(solved),
    Each(third, "k3"),
    Each(ended, "end"),
    Sum(error_term, "error"),
    Sum(beyond, "excess"),
    Least(share_to_bound, "reach"),
    Sum(speed_term, "speed"),
    Lane(control_within, "stage", "interval", "next_interval", "time", "begins", "shift", "coupling"),
    Each(rebased, "base_x", "base_g"),
    Each(unheld, "free"),
    Block(begin_within),
    *STAGES[STAGES.index(_FOLLOW) :],
)
