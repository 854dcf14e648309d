"""What integrators of the gradient flow dx/dt = -∇f share: the size of an error, and how the time step follows it.

An update is one time step of several stages, one evaluation each: ``stage`` counts those that are done, and is 0 when
the evaluation is that of the end of a step.
"""

from batchgd.kernels.rule_parts.trial_steps import longest_step
from batchgd.kernels.vecmath import absolute, cbrt, maximum, minimum, sqrt, where


def share_of_tolerance(error, x, base_x, inverse_width, rtol, atol):
    """The square of a coordinate's error in units of atol width + rtol max(|x_old|, |x_new|)."""
    share = error / (atol / inverse_width + rtol * maximum(absolute(x), absolute(base_x)))
    return share * share


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
