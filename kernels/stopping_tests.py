"""The only convergence and divergence tests, applied to every lane after every evaluation.

Plain functions in ``vecmath`` names, without branches: the same text is compiled for CPU lanes and CUDA threads and
called on whole NumPy arrays. ``TESTS`` lists the status that each one gives. A function may ask for ``slope`` (the
squared gradient norm, in the norm of the run), ``gg`` (its square in the 2-norm), ``moved`` (the squared length of the
step to come), ``size`` (||x||_inf, at least a small share of the box), ``outside`` (whether x left the outer region),
``nit``, ``evaluations``, ``f``, ``first``, the limits of a run, the sums over coordinates of ``SUMS``, and what a lane
remembers by ``MEMORY`` and ``VECTORS``. Only what a run needs is compiled and remembered.
"""

from typing import NamedTuple

from batchgd.kernels.status import Status
from batchgd.kernels.vecmath import absolute, maximum, where

LIMITS = (
    "gtol_squared",
    "xtol",
    "ftol",
    "resolution",
    "least_size",
    "maxiter",
    "gtol_rel",
    "xtol_abs",
    "xtol_rel",
    "ftol_abs",
    "ftol_rel",
    "window",
    "maxfev",
    "target",
    "patience",
    "min_delta",
    "f_growth",
    "x_growth",
    "box_reach",
    "oscillation",
)
"""The run-time limits of the stopping tests, in the order of the array that carries them."""


class Test(NamedTuple):
    """One test: its function, the status that it ends a trajectory with, and when it is made.

    ``option`` is the setting that it needs, None for tests that are always made. One that ``settles`` must hold at
    ``window`` consecutive updates. At a rejected trial only those ``of_trials`` are made; at an update that saw a batch
    of a sum's rows, only those ``of_batches``.
    """

    function: str
    status: Status
    option: str | None = None
    settles: bool = False
    of_trials: bool = False
    of_batches: bool = False


TESTS = (
    Test("spent", Status.MAXFEV, "maxfev", of_trials=True, of_batches=True),
    Test("exhausted", Status.MAXITER, of_batches=True),
    Test("repeated", Status.OSCILLATING, "oscillation"),
    Test("rounded", Status.STALLED, of_trials=True),
    Test("waited_long", Status.PLATEAU, "patience"),
    Test("value_settled", Status.VALUE, "ftol", settles=True),
    Test("value_close", Status.VALUE, "ftol_abs", settles=True),
    Test("value_near", Status.VALUE, "ftol_rel", settles=True),
    Test("step_settled", Status.STEP, "xtol", settles=True),
    Test("step_short", Status.STEP, "xtol_abs", settles=True),
    Test("step_small", Status.STEP, "xtol_rel", settles=True),
    Test("gradient_fell", Status.GRADIENT, "gtol_rel", settles=True),
    Test("gradient_settled", Status.GRADIENT, settles=True),
    Test("reached", Status.TARGET, "target"),
    Test("value_grew", Status.DIVERGED, "f_growth"),
    Test("point_grew", Status.DIVERGED, "x_growth", of_batches=True),
    Test("over", Status.TIME, "end_time"),
    Test("left", Status.ESCAPED, of_batches=True),
    Test("unsteady", Status.NONFINITE, "unsteady"),
    Test("overflowed", Status.NONFINITE, "overflowed", of_batches=True),
    Test("undefined", Status.NONFINITE, of_batches=True),
)
"""Every test. If several hold, the last one names the reason."""

MEMORY = (
    "first_f",
    "first_slope",
    "first_size",
    "waited",
    "best_f",
    "cycled",
    "cycle_f",
    "turns",
    "previous_f",
)
"""Numbers that a lane remembers for the tests (zero at a start); ``next_<name>`` renews each at an accepted point.

They are renewed in this order, before the tests; ``LATE`` ones after them, so that tests see the update before.
"""

LATE = ("previous_f",)

VECTORS = ("last_step", "last_x")
"""Vectors that a lane remembers; ``next_<name>`` renews a coordinate after the tests, in this order."""

SUMS = ("returned", "travelled", "turning")
"""Sums over the coordinates; ``sum_<name>`` is the term of one."""


def spent(evaluations, maxfev):
    """All evaluations were made."""
    return evaluations >= maxfev


def exhausted(nit, maxiter):
    """All updates were made."""
    return nit >= maxiter


def repeated(cycled, oscillation):
    """x jumped back and forth, without decrease, for ``oscillation`` updates."""
    return cycled >= oscillation


def rounded(moved, size, resolution):
    """The step is lost in the rounding of x: ||step||_2 <= resolution size, the resolution two machine epsilons.

    So is one that is not a number: the next trial would be the same.
    """
    reach = resolution * size
    return (moved > reach * reach) == False  # noqa: E712


def waited_long(waited, patience):
    """The best value did not improve for ``patience`` updates."""
    return waited >= patience


def value_settled(f, previous_f, first, ftol):
    """|f_k - f_(k-1)| < ftol max(1, |f_k|, |f_(k-1)|)."""
    scale = maximum(1.0, maximum(absolute(f), absolute(previous_f)))
    return absolute(previous_f - f) < where(first, 0.0, ftol) * scale


def value_close(f, previous_f, first, ftol_abs):
    """|f_k - f_(k-1)| < ftol_abs."""
    return absolute(previous_f - f) < where(first, 0.0, ftol_abs)


def value_near(f, previous_f, first, ftol_rel):
    """|f_k - f_(k-1)| < ftol_rel |f_k|."""
    return absolute(previous_f - f) < where(first, 0.0, ftol_rel) * absolute(f)


def step_settled(moved, size, xtol):
    """||step||_2 < xtol (xtol + ||x||_inf)."""
    reach = xtol * (xtol + size)
    return moved < reach * reach


def step_short(moved, xtol_abs):
    """||step||_2 < xtol_abs."""
    return moved < xtol_abs * xtol_abs


def step_small(moved, size, xtol_rel):
    """||step||_2 < xtol_rel ||x||_inf."""
    reach = xtol_rel * size
    return moved < reach * reach


def gradient_fell(slope, first_slope, gtol_rel):
    """||g|| <= gtol_rel ||g_0||, unless the square of ||g_0|| overflows."""
    return (slope <= gtol_rel * gtol_rel * first_slope) & (first_slope - first_slope == 0.0)


def gradient_settled(slope, gtol_squared):
    """||g|| <= gtol; a gradient of exactly zero always settles."""
    return slope <= gtol_squared


def reached(f, target):
    """f <= target."""
    return f <= target


def value_grew(f, first_f, f_growth):
    """f rose above its start: f - f_0 > f_growth max(1, |f_0|)."""
    return f - first_f > f_growth * maximum(1.0, absolute(first_f))


def point_grew(size, first_size, x_growth):
    """||x||_inf > x_growth max(||x_0||_inf, the box's reach from the origin)."""
    return size > x_growth * first_size


def over(time, end_time, resolution):
    """The flow reached the requested time, up to rounding."""
    return time >= end_time - 8.0 * resolution * end_time


def left(outside):
    """x is outside the outer region in some coordinate; whether it escaped or diverged is decided afterwards."""
    return outside


def unsteady(gg, moved):
    """The step that a trial asks for is not a number."""
    return (gg > 0.0) & (moved != moved)


def overflowed(gg, moved):
    """The step is 0 because ||g||^2 overflows: infinity times 0 is not a number."""
    return (gg > 0.0) & (gg * moved != gg * moved)


def undefined(gg):
    """The gradient is not a number."""
    return gg != gg


def next_previous_f(f):
    """The value at the update before."""
    return f


def next_first_f(f, first, first_f):
    """The value at the start."""
    return where(first, f, first_f)


def next_first_slope(slope, first, first_slope):
    """The squared gradient norm at the start."""
    return where(first, slope, first_slope)


def next_first_size(size, first, first_size, box_reach):
    """What ||x||_inf is measured against."""
    return where(first, larger(size, box_reach), first_size)


def next_waited(f, first, waited, best_f, min_delta):
    """How many updates ago the best value was improved by more than min_delta."""
    return where(first | (f < best_f - min_delta), 0.0, waited + 1.0)


def next_best_f(f, waited, best_f):
    """The best value, renewed when it is improved by more than min_delta."""
    return where(waited > 0.0, best_f, f)


def next_cycled(f, returned, travelled, cycled, cycle_f, resolution):
    """How many updates in a row led back to where x was two updates before, and to no lower value.

    Led back: ||x_k - x_(k-2)|| < 1e-3 ||x_k - x_(k-1)||.
    """
    quiet = f >= cycle_f - resolution * absolute(f)
    return where((returned < 1e-6 * travelled) & quiet, cycled + 1.0, 0.0)


def next_cycle_f(f, cycled, cycle_f):
    """The value at which the present oscillation began."""
    return where(cycled > 0.0, cycle_f, f)


def next_turns(turning, turns):
    """How many updates turned against the one before: s_k . s_(k-1) < 0."""
    return where(turning < 0.0, turns + 1.0, turns)


def next_last_step(x, last_x, first):
    """One coordinate of the last step between accepted points."""
    return where(first, 0.0, x - last_x)


def next_last_x(x):
    """One coordinate of the last accepted point."""
    return x


def sum_returned(x, last_x, last_step):
    """||x_k - x_(k-2)||^2."""
    return ((x - last_x) + last_step) * ((x - last_x) + last_step)


def sum_travelled(x, last_x):
    """||x_k - x_(k-1)||^2."""
    return (x - last_x) * (x - last_x)


def sum_turning(x, last_x, last_step):
    """The scalar product of the last two steps."""
    return (x - last_x) * last_step


def larger(a, b):
    """The larger of two numbers, in one instruction: unlike ``maximum`` it may pass over NaN."""
    return where(a > b, a, b)


def smaller(a, b):
    """The smaller of two numbers, in one instruction: unlike ``minimum`` it may pass over NaN."""
    return where(a < b, a, b)
