"""Why a trajectory ended: one code, one sentence, and whether it counts as success."""

from enum import IntEnum


class Status(IntEnum):
    """The reason that ended a trajectory.

    The codes are those in ``result.status``. ``RUNNING`` never leaves a kernel.

    >>> Status(1).name, Status.GRADIENT.success, Status.ESCAPED.success
    ('GRADIENT', True, False)
    """

    RUNNING = 0
    GRADIENT = 1
    STEP = 2
    VALUE = 3
    STALLED = 4
    MAXITER = 5
    MAXTIME = 6
    DIVERGED = 7
    NONFINITE = 8
    ESCAPED = 9
    INTERRUPTED = 10
    MAXFEV = 11
    TARGET = 12
    OSCILLATING = 13
    PLATEAU = 14
    TIME = 15

    @property
    def success(self) -> bool:
        """Whether the trajectory did what was asked: a tolerance or the target was met, or rounding stopped it."""
        return self in SUCCESSES

    @property
    def message(self) -> str:
        """One sentence for a person."""
        return _MESSAGES[self]


_MESSAGES = {
    Status.RUNNING: "still running",
    Status.GRADIENT: "the gradient norm fell to gtol",
    Status.STEP: "the next step is shorter than xtol",
    Status.VALUE: "the value changed by less than ftol",
    Status.STALLED: "rounding floor reached: no further progress can be resolved",
    Status.MAXITER: "maxiter updates were made",
    Status.MAXTIME: "max_time ran out",
    Status.DIVERGED: "diverged: far outside the box with a growing gradient, or beyond f_growth or x_growth",
    Status.NONFINITE: "the value or the gradient is not finite",
    Status.ESCAPED: "escaped: further from the box than allowed",
    Status.INTERRUPTED: "interrupted before it ended",
    Status.MAXFEV: "maxfev evaluations were made",
    Status.TARGET: "the value fell to the target",
    Status.OSCILLATING: "oscillates: x jumps back and forth without decrease",
    Status.PLATEAU: "the best value did not improve over patience updates",
    Status.TIME: "the flow reached end_time",
}

TURNED = 64
"""A flag that a run adds to its codes when asked to: some update turned against the one before, s_k . s_(k-1) < 0."""

AT_REST = (Status.GRADIENT, Status.STEP, Status.VALUE, Status.STALLED)
"""The statuses of trajectories that came to rest."""

SUCCESSES = (*AT_REST, Status.TARGET, Status.PLATEAU, Status.TIME)
"""The statuses of trajectories that did what was asked."""

LOST = (Status.DIVERGED, Status.NONFINITE, Status.ESCAPED)
"""The statuses of trajectories whose endpoint shows nothing about a minimum."""

CUT = (Status.MAXTIME, Status.INTERRUPTED)
"""The statuses of trajectories that were cut off when their run was ended early."""
