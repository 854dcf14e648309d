"""Gradient flow dx/dt = -∇f(x) by an explicit pair: Bogacki and Shampine's method, order 3(2).

With k1 = g(x), k2 = g(x - h k1 / 2), k3 = g(x - 3 h k2 / 4): x_new = x - h (2 k1 + 3 k2 + 4 k3) / 9, k4 = g(x_new) is
the next k1, and the error is h (5 k1 / 72 - k2 / 12 - k3 / 9 + k4 / 8) (Bogacki and Shampine 1989, Appl. Math. Lett. 2,
321). Three evaluations a step. Stability limits h to 2.5 over the largest curvature; with error control alone a
trajectory would hover about its minimum within the tolerance, so h is at most 1.5 over the curvature along k1,
estimated as 2 ||k2 - k1|| / (h ||k1||).
"""

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
from batchgd.kernels.rule_parts.stages import Each, Lane, Least, Sum
from batchgd.kernels.rule_parts.trial_steps import finite
from batchgd.kernels.vecmath import minimum, sqrt, where

VECTORS = ("base_x", "base_g", "k2", "k3")
VECTORS_WITHIN = ("base_raw", "flow", "end")
SCALARS = ("stage", "interval", "time")
ACCEPTED = "base_x"


def error_term(x, g, base_x, base_g, k2, k3, interval, inverse_width, rtol, atol):
    """The squared error of a coordinate, at the end of a step."""
    error = interval * (5.0 / 72.0 * base_g - k2 / 12.0 - k3 / 9.0 + g / 8.0)
    return share_of_tolerance(error, x, base_x, inverse_width, rtol, atol)


def turn_term(base_g, k2):
    """||k2 - k1||^2."""
    return (k2 - base_g) * (k2 - base_g)


def pull_term(base_g):
    """||k1||^2."""
    return base_g * base_g


def decide(stage, first, gg, error):
    """Whether this is the end of a step within the tolerance."""
    return first | ((stage == 0.0) & (error <= 1.0) & finite(gg))


def control(accepted, first, stage, gg, error, turn, pull, speed, interval, time, end_time):
    """The next stage (0: the step's end is evaluated), the time step, and the time.

    A step with a stage that is not finite is started again, a fifth as long.
    """
    fine = finite(gg)
    renewed = (stage == 0.0) | (fine == False)  # noqa: E712
    steady = 0.75 * interval * sqrt(pull / turn)
    change = where(fine, minimum(resized(error) * interval, steady), 0.2 * interval)
    reached = where(first, 0.0, where(accepted, time + interval, time))
    proposed = where(first, first_interval(speed), change)
    return (
        where(fine, where(stage == 2.0, 0.0, stage + 1.0), 1.0),
        where(renewed, minimum(proposed, end_time - reached), interval),
        reached,
    )


def slopes(g, k2, k3, stage):
    """One coordinate of k2 and k3, new at their stages."""
    return where(stage == 1.0, g, k2), where(stage == 2.0, g, k3)


def mean_slope(base_g, k2, k3):
    """One coordinate of the slope of the whole step."""
    return (2.0 * base_g + 3.0 * k2 + 4.0 * k3) / 9.0


def follow(base_x, base_g, k2, k3, stage, interval):
    """One coordinate of the point of the next evaluation."""
    late = where(stage == 2.0, 0.75 * k2, mean_slope(base_g, k2, k3))
    return base_x - interval * where(stage == 1.0, 0.5 * base_g, late)


def ended(base_x, base_g, k2, k3, interval):
    """One coordinate of the end of the step, which may be beyond a bound."""
    return base_x - interval * mean_slope(base_g, k2, k3)


def error_within(x, flow, base_x, base_g, k2, k3, interval, inverse_width, rtol, atol):
    """The squared error of a coordinate, 0 in those at rest."""
    return error_term(x, flow, base_x, base_g, k2, k3, interval, inverse_width, rtol, atol)


def decide_within(stage, first, gg, error, excess, late):
    """The same, unless the step goes beyond a bound or keeps a coordinate at rest for too long."""
    return first | ((stage == 0.0) & (error <= 1.0) & (excess <= 1.0) & (late <= 1.0) & finite(gg))


def control_within(
    accepted, first, stage, gg, error, excess, late, reach, release, turn, pull, speed, interval, time, end_time
):  # fmt: skip
    """The same; a step that was refused because of bounds is started again as long as they let it be."""
    following, proposed, reached = control(
        accepted, first, stage, gg, error, turn, pull, speed, interval, time, end_time
    )
    cut = minimum(where(excess <= 1.0, 1.0, reach), where(late <= 1.0, 1.0, release)) * interval
    refused = (stage == 0.0) & (accepted == False) & finite(gg)  # noqa: E712
    return following, where(refused, minimum(proposed, cut), proposed), reached


def slopes_within(flow, k2, k3, stage):
    """One coordinate of k2 and k3, of the flow that the step integrates."""
    return slopes(flow, k2, k3, stage)


STAGES = (
    Sum(error_term, "error"),
    Sum(turn_term, "turn"),
    Sum(pull_term, "pull"),
    Sum(speed_term, "speed"),
    Lane(decide, "accepted"),
    Each(rebased, "base_x", "base_g"),
    Each(slopes, "k2", "k3"),
    Lane(control, "stage", "interval", "time"),
    Each(follow, "following"),
)

STAGES_WITHIN = (
    Each(free_slope, "flow"),
    Each(ended, "end"),
    Sum(error_within, "error"),
    Sum(beyond, "excess"),
    Least(share_to_bound, "reach"),
    Sum(late_term, "late"),
    Least(share_to_release, "release"),
    Sum(turn_term, "turn"),
    Sum(pull_term, "pull"),
    Sum(speed_term, "speed"),
    Lane(decide_within, "accepted"),
    Each(raw_rebased, "base_raw"),
    Each(rebased, "base_x", "base_g"),
    Each(slopes_within, "k2", "k3"),
    Lane(control_within, "stage", "interval", "time"),
    Each(follow, "following"),
)
