"""The only convergence and divergence tests, applied to every lane after every evaluation.

Plain functions in ``vecmath`` names, without branches: the same text is compiled for CPU lanes and CUDA threads and
called on whole NumPy arrays. Status codes are reals here because they share the lanes' workspace.
"""

from batchgd.kernels.vecmath import absolute, maximum, where


def value_settled(f, previous_f, ftol):
    """|f_k - f_(k-1)| < ftol max(1, |f_k|, |f_(k-1)|); strict, so that ``ftol = 0`` switches the test off."""
    return absolute(previous_f - f) < ftol * maximum(1.0, maximum(absolute(f), absolute(previous_f)))


def step_settled(step_squared, size, xtol):
    """||step||_2 < xtol (xtol + ||x||_inf); strict, so that ``xtol = 0`` switches the test off."""
    reach = xtol * (xtol + size)
    return step_squared < reach * reach


def rounding_floor(step_squared, size, least_size, resolution):
    """Whether the step is lost in the rounding of x: ||step||_2 <= resolution max(||x||_inf, least_size).

    ``resolution`` is two machine epsilons; ``least_size`` (a small share of the box) keeps the test meaningful at
    x = 0, where relative rounding vanishes.
    """
    reach = resolution * maximum(size, least_size)
    return step_squared <= reach * reach


def stop(
    accepted,
    gg,
    first_gg,
    settled,
    step_squared,
    size,
    outside,
    nit,
    gtol_squared,
    xtol,
    resolution,
    least_size,
    maxiter,
):
    """Return the status code of a lane, 0 while it runs; later lines overrule earlier ones.

    ``accepted`` is false for a rejected trial point, which can only stall. ``gg`` is the squared gradient norm and
    ``first_gg`` the one at the start. A gradient of exactly zero always ends a trajectory.
    """
    stalled = where(rounding_floor(step_squared, size, least_size, resolution), 4.0, 0.0)
    code = where(nit >= maxiter, 5.0, stalled)
    code = where(settled, 3.0, code)
    code = where(step_settled(step_squared, size, xtol), 2.0, code)
    code = where(gg <= gtol_squared, 1.0, code)
    code = where(outside, where(gg > first_gg, 7.0, 9.0), code)
    code = where(gg == gg, code, 8.0)
    return where(accepted, code, stalled)
