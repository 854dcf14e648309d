"""A line search as states of the tick, shared by rules that go along a direction d: x_trial = x_base + t d.

A trial is accepted under the strong Wolfe conditions f(t) <= f(0) + c1 t φ'(0) and |φ'(t)| <= c2 |φ'(0)| with
φ(t) = f(x_base + t d) (Nocedal and Wright, Numerical Optimization, 2006, equation 3.7), or at the longest step that the
cap allows while φ still falls. Once the promised descent -t φ'(0) is lost in the rounding of f, the value only must not
visibly rise, and the slopes alone decide. Until a minimiser of φ is bracketed by ``low`` and ``high`` the step grows up
to tenfold, then the bracket shrinks; both go to where the secant of φ' vanishes, which is exact on a quadratic. If
rounding hides the minimiser, the bracket shrinks to its lower end, which has descended, and that is taken.

Within bounds d is 0 in coordinates that rest on one, and the longest step is the one that reaches the next. It is made
a little longer, so that the projection puts x exactly there: x + t d might miss it by its rounding.
"""

from batchgd.kernels.bounds import held
from batchgd.kernels.rule_parts.stages import Each, Lane, Least, Stage, Sum
from batchgd.kernels.rule_parts.trial_steps import damped, finite
from batchgd.kernels.vecmath import absolute, maximum, minimum, where

SEARCHED = ("accepted", "step", "low", "high", "low_slope", "high_slope", "base_f")
"""The results of ``search``."""


def slope_term(g, direction):
    """φ'(t) = g'd."""
    return g * direction


def turned_term(base_g, direction):
    """φ'(0) = g'd at the last accepted point."""
    return base_g * direction


def scaled_term(direction, inverse_width):
    """The squared length of d in box widths."""
    return (direction * inverse_width) * (direction * inverse_width)


def search(
    f,
    slope,
    first,
    step,
    low,
    high,
    low_slope,
    high_slope,
    base_f,
    base_slope,
    longest,
    sufficient_decrease,
    curvature,
    value_resolution,
):
    """Accept the trial, or choose the next one on the same line."""
    promised = -step * base_slope
    noise = value_resolution * absolute(base_f)
    descended = (promised > noise) & (f <= base_f - sufficient_decrease * promised)
    flattened = (promised <= noise) & (f <= base_f + noise)
    fine = (descended | flattened) & finite(slope)
    bent = absolute(slope) <= -curvature * base_slope
    capped = (step >= 0.999 * longest) & (slope < 0.0)
    returned = step <= low
    accepted = first | (fine & (bent | capped | returned))
    beyond = where(fine, slope, 1.0) > 0.0
    next_high, next_high_slope = where(beyond, step, high), where(beyond, slope, high_slope)
    next_low, next_low_slope = where(beyond, low, step), where(beyond, low_slope, slope)
    share = where(next_high_slope > 0.0, next_low_slope / (next_low_slope - next_high_slope), 0.25)
    inside = next_low + (next_high - next_low) * where(share > 0.1, minimum(share, 0.9), 0.1)
    narrow = next_high - next_low <= 0.01 * next_high
    growth = where(low_slope < slope, maximum(minimum(slope / (low_slope - slope), 9.0), 0.1), 9.0)
    outside = minimum(step + growth * (step - low), longest)
    return (
        accepted,
        where(next_high > 0.0, where(narrow, next_low, inside), outside),
        next_low,
        next_high,
        next_low_slope,
        next_high_slope,
        where(accepted, f, base_f),
    )


def update(base_x, direction, step):
    """One coordinate of the next trial."""
    return base_x + step * direction


def rebased(x, g, base_x, base_g, accepted):
    """One coordinate of the last accepted point and of its gradient."""
    return where(accepted, x, base_x), where(accepted, g, base_g)


def steep_term(g, inverse_width):
    """-φ'(0) along the steepest descent in box widths, d_i = -width_i² g_i."""
    scaled = g * (1.0 / inverse_width)
    return scaled * scaled


def steepest_unless(base_g, direction, turned, inverse_width):
    """One coordinate of d, or of the steepest descent in box widths if d does not descend."""
    return where(turned < 0.0, direction, -base_g * (1.0 / (inverse_width * inverse_width)))


def slope_term_within(raw_g, direction, gg, largest_square, downscale):
    """g'd with the whole gradient: the slope before a bound is reached."""
    return damped(raw_g, gg, largest_square, downscale) * direction


def free_direction(direction, base_x, base_g, lower_bound, upper_bound):
    """One coordinate of d: 0 if x rests on a bound there, or would leave the bounds at once."""
    outward = ((base_x <= lower_bound) & (direction < 0.0)) | ((base_x >= upper_bound) & (direction > 0.0))
    return where(held(base_x, base_g, lower_bound, upper_bound) | outward, 0.0, direction)


def reach_term(direction, base_x, lower_bound, upper_bound):
    """The step that takes a coordinate a thousandth beyond its bound."""
    gap = where(direction > 0.0, upper_bound - base_x, lower_bound - base_x)
    return where(direction == 0.0, 1e30, 1.001 * gap / direction)


def within_reach(accepted, step, longest, reach):
    """The step of a new search, and the longest one."""
    return where(accepted, minimum(step, reach), step), where(accepted, minimum(longest, reach), longest)


def stages_within(stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    """The stages of a rule's tick within bounds: d is a free direction, and ``aim`` reaches no further than they do."""
    found: list[Stage] = []
    for stage in stages:
        if stage.function is turned_term:
            found.append(Each(free_direction, "direction"))
        found.append(Sum(slope_term_within, "slope") if stage.function is slope_term else stage)
        if stage.name == "aim":
            found += [Least(reach_term, "reach"), Lane(within_reach, "step", "longest")]
    return tuple(found)
