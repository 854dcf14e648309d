"""The only convergence and divergence tests, applied to every lane after every evaluation.

Plain functions in ``vecmath`` names, without branches: the same text is compiled for CPU lanes and CUDA threads and
called on whole NumPy arrays. ``TESTS`` says which status each stands for. A function may ask for ``gg`` (the squared
gradient norm), ``moved`` (the squared length of the step to come), ``size`` (||x||_inf, at least a small share of the
box), ``outside`` (whether x left the outer region), ``nit``, ``f``, ``previous_f``, ``first``, and the limits of a run.
"""

from batchgd.kernels.status import Status
from batchgd.kernels.vecmath import absolute, maximum, where

TESTS = (
    ("exhausted", Status.MAXITER, None),
    ("rounded", Status.STALLED, None),
    ("value_settled", Status.VALUE, "ftol"),
    ("step_settled", Status.STEP, "xtol"),
    ("gradient_settled", Status.GRADIENT, None),
    ("left", Status.ESCAPED, None),
    ("undefined", Status.NONFINITE, None),
)
"""Each test, the status that it ends a trajectory with, and the tolerance that it needs, where 0 switches it off.

Where several hold, the last one names the reason. Of a rejected trial point only ``rounded`` is asked.
"""


def exhausted(nit, maxiter):
    """All updates were made."""
    return nit >= maxiter


def rounded(moved, size, resolution):
    """The step is lost in the rounding of x: ||step||_2 <= resolution size, the resolution two machine epsilons."""
    reach = resolution * size
    return moved <= reach * reach


def value_settled(f, previous_f, first, ftol):
    """|f_k - f_(k-1)| < ftol max(1, |f_k|, |f_(k-1)|)."""
    scale = maximum(1.0, maximum(absolute(f), absolute(previous_f)))
    return absolute(previous_f - f) < where(first, 0.0, ftol) * scale


def step_settled(moved, size, xtol):
    """||step||_2 < xtol (xtol + ||x||_inf)."""
    reach = xtol * (xtol + size)
    return moved < reach * reach


def gradient_settled(gg, gtol_squared):
    """||g||_2 <= gtol; a gradient of exactly zero always settles."""
    return gg <= gtol_squared


def left(outside):
    """X is outside the outer region in some coordinate; whether it escaped or diverged is told afterwards."""
    return outside


def undefined(gg):
    """The gradient is not a number."""
    return gg != gg


def larger(a, b):
    """The larger of two numbers, in one instruction: unlike ``maximum`` it may pass over NaN."""
    return where(a > b, a, b)


def smaller(a, b):
    """The smaller of two numbers, in one instruction: unlike ``minimum`` it may pass over NaN."""
    return where(a < b, a, b)
