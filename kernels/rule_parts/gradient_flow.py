"""What integrators of the gradient flow dx/dt = -∇f share: the size of an error, and how the time step follows it.

An update is one time step of several stages, one evaluation each: ``stage`` counts those that are done, and is 0 when
the evaluation is that of the end of a step.

Within bounds the flow is the projected one, x' = -P(x, ∇f(x)), whose right-hand side jumps where a coordinate comes to
rest on a bound or leaves it. A step has the same coordinates at rest from its beginning to its end (``held``), so it
integrates a smooth flow, and ends where these change: it is refused if it goes beyond a bound by more than the
tolerance, or if a coordinate whose slope turned inwards would have moved by more than that by the end. The next trial
goes as far as the bound, or as the change of sign, by linear interpolation, and half a tolerance further.
"""

from batchgd.kernels.bounds import held, inside
from batchgd.kernels.rule_parts.trial_steps import longest_step
from batchgd.kernels.vecmath import absolute, cbrt, maximum, minimum, sqrt, where


def share_of_tolerance(error, x, base_x, inverse_width, rtol, atol):
    """The square of a coordinate's error in units of the tolerance."""
    share = error / tolerance(x, base_x, inverse_width, rtol, atol)
    return share * share


def tolerance(x, base_x, inverse_width, rtol, atol):
    """The tolerance of a coordinate: atol width + rtol max(|x_old|, |x_new|)."""
    return atol / inverse_width + rtol * maximum(absolute(x), absolute(base_x))


def speed_term(g, inverse_width):
    """The squared gradient norm in box widths per unit time."""
    return (g * inverse_width) * (g * inverse_width)


def resized(error):
    """The factor from one time step to the next: 0.9 / error^(1/3), as the local error grows with its third power."""
    factor = 0.9 / cbrt(sqrt(error))
    return where(factor > 0.2, minimum(factor, 5.0), 0.2)


def first_interval(speed):
    """A first time step that moves x by a thousandth of the box."""
    return longest_step(speed, 0.001)


def rebased(x, g, base_x, base_g, accepted):
    """One coordinate of the beginning of the step, and the gradient there."""
    return where(accepted, x, base_x), where(accepted, g, base_g)


def free_slope(raw_g, base_x, base_g, lower_bound, upper_bound):
    """One coordinate of the gradient that a step integrates: 0 if the coordinate is at rest at its beginning."""
    return where(held(base_x, base_g, lower_bound, upper_bound), 0.0, raw_g)


def beyond(end, base_x, inverse_width, lower_bound, upper_bound, rtol, atol):
    """How far the end of a step is beyond a bound, squared, in units of the tolerance."""
    excess = end - inside(end, lower_bound, upper_bound)
    return share_of_tolerance(excess, end, base_x, inverse_width, rtol, atol)


def share_to_bound(end, base_x, inverse_width, lower_bound, upper_bound, rtol, atol):
    """The share of a step that takes a coordinate to the bound and half a tolerance further; 1 if it stays inside."""
    moved = absolute(end - base_x)
    gap = absolute(inside(end, lower_bound, upper_bound) - base_x)
    share = (gap + 0.5 * tolerance(end, base_x, inverse_width, rtol, atol)) / moved
    return where(inside(end, lower_bound, upper_bound) == end, 1.0, minimum(share, 1.0))


def late_term(
    g, stage, base_x, base_g, base_raw, interval, inverse_width, lower_bound, upper_bound, rtol, atol
):  # fmt: skip
    """How far a coordinate at rest would have moved since its slope turned inwards, squared, in tolerances."""
    missed = 0.5 * interval * g * absolute(g) / (absolute(g) + absolute(base_raw))
    late = (stage == 0.0) & held(base_x, base_g, lower_bound, upper_bound) & (g != 0.0)
    return where(late, share_of_tolerance(missed, base_x, base_x, inverse_width, rtol, atol), 0.0)


def share_to_release(
    g, base_x, base_g, base_raw, interval, inverse_width, lower_bound, upper_bound, rtol, atol
):  # fmt: skip
    """The share of a step after which a coordinate at rest has missed half a tolerance; 1 if it does not leave."""
    change = absolute(g) + absolute(base_raw)
    missed = sqrt(tolerance(base_x, base_x, inverse_width, rtol, atol) / (interval * change))
    share = minimum(absolute(base_raw) / change + missed, 1.0)
    return where(held(base_x, base_g, lower_bound, upper_bound) & (g != 0.0), share, 1.0)


def raw_rebased(raw_g, base_raw, accepted):
    """One coordinate of the whole gradient at the beginning of the step."""
    return where(accepted, raw_g, base_raw)
