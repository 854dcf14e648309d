"""Special functions in traced code: value, first and second derivative against mpmath."""

import math

import mpmath as mp
import numpy as np
import pytest
import scipy.special as sp

import batchgd as bgd

POSITIVE = np.concatenate([np.geomspace(1e-3, 0.4, 6), np.linspace(0.45, 12, 24), np.geomspace(20, 1e5, 5)])
NEGATIVE = -np.array([0.1, 0.5, 0.9, 1.3, 2.7, 5.5, 9.2])
AROUND = np.concatenate([np.linspace(-7, 30, 25), [200.0]])

FUNCTIONS = {
    # name: (on x, exact, where, largest error of value, slope and curvature relative to max(1, |exact|))
    "gammaln": (sp.gammaln, mp.loggamma, POSITIVE, (1e-15, 1e-15, 1e-14)),
    "gammaln below 0": (sp.gammaln, lambda t: mp.log(abs(mp.gamma(t))), NEGATIVE, (1e-15, 2e-14, 1e-14)),
    "gamma": (sp.gamma, mp.gamma, np.concatenate([NEGATIVE, np.linspace(0.2, 20, 15)]), (2e-14, 2e-14, 2e-14)),
    "digamma": (sp.digamma, mp.digamma, POSITIVE, (1e-15, 2e-15, 2e-13)),
    "betaln": (
        lambda t: sp.betaln(t, 2.5),
        lambda t: mp.loggamma(t) + mp.loggamma(2.5) - mp.loggamma(t + 2.5),
        np.linspace(0.3, 9, 9),
        (2e-15, 2e-15, 2e-15),
    ),
    "erfcx": (
        sp.erfcx,
        lambda t: mp.exp(t * t) * mp.erfc(t),
        np.concatenate([np.linspace(-5, 30, 30), [50.0, 1e3]]),
        (5e-15, 1e-14, 2e-14),
    ),
    "ndtr": (sp.ndtr, mp.ncdf, np.linspace(-30, 8, 20), (1e-15, 1e-15, 1e-15)),
    "log_ndtr": (
        sp.log_ndtr,
        lambda t: mp.log(mp.ncdf(t)),
        np.concatenate([np.linspace(-60, 8, 30), [-1e3]]),
        (1e-14, 1e-14, 2e-14),
    ),
    "logit": (sp.logit, lambda t: mp.log(t / (1 - t)), np.linspace(0.01, 0.98, 10), (1e-15, 1e-15, 5e-15)),
    "entr": (sp.entr, lambda t: -t * mp.log(t), np.linspace(0.01, 3, 10), (1e-15, 1e-15, 1e-15)),
    "j0": (sp.j0, lambda t: mp.besselj(0, t), AROUND, (1e-14, 5e-14, 2e-13)),
    "j1": (sp.j1, lambda t: mp.besselj(1, t), AROUND, (1e-14, 5e-14, 2e-13)),
    "i0e": (sp.i0e, lambda t: mp.besseli(0, t) * mp.exp(-abs(t)), AROUND, (5e-15, 3e-14, 5e-13)),
    "i1": (sp.i1, lambda t: mp.besseli(1, t), np.linspace(-7, 30, 25), (1e-14, 1e-13, 5e-12)),
    "Re wofz": (
        lambda t: sp.wofz(t + 0.5j).real,
        lambda t: mp.re(mp.exp(-((t + 0.5j) ** 2)) * mp.erfc(-1j * (t + 0.5j))),
        np.linspace(-6, 15, 10),
        (1e-15, 2e-15, 2e-14),
    ),
    "Im wofz below the axis": (
        lambda t: sp.wofz(t - 1.2j).imag,
        lambda t: mp.im(mp.exp(-((t - 1.2j) ** 2)) * mp.erfc(-1j * (t - 1.2j))),
        np.linspace(-6, 15, 10),
        (2e-15, 2e-15, 2e-14),
    ),
    "voigt_profile": (
        lambda t: sp.voigt_profile(t, 1.2, 0.3),
        lambda t: (
            mp.re(mp.exp(-(((t + 0.3j) / (1.2 * mp.sqrt(2))) ** 2)) * mp.erfc(-1j * (t + 0.3j) / (1.2 * mp.sqrt(2))))
            / (1.2 * mp.sqrt(2 * mp.pi))
        ),
        np.linspace(-6, 15, 10),
        (1e-15, 2e-15, 2e-15),
    ),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_value_and_derivatives(name):
    function, exact, points, allowed = FUNCTIONS[name]
    objective = bgd.Objective(lambda x: function(x[0]), box=[(points.min(), points.max())])
    x = points[:, None]
    found = objective.value(x), objective.gradient(x)[:, 0], objective.hessian(x)[:, 0, 0]
    with mp.workdps(40):
        for order, (values, error) in enumerate(zip(found, allowed, strict=True)):
            wanted = [exact(mp.mpf(t)) if order == 0 else mp.diff(exact, mp.mpf(t), order) for t in points]
            wanted = np.array([float(mp.re(value)) for value in wanted])
            np.testing.assert_array_less(np.abs(values - wanted), error * np.maximum(1.0, np.abs(wanted)))


def test_the_zeros_of_the_logarithm_of_gamma_keep_their_digits():
    points = np.array([1 + 1e-5, 1 - 1e-5, 2 + 1e-5, 2 - 1e-6, 1.001, 2.001])
    found = bgd.Objective(lambda x: math.lgamma(x[0]), box=[(0.5, 3)]).value(points[:, None])
    with mp.workdps(40):
        wanted = np.array([float(mp.loggamma(mp.mpf(t))) for t in points])
    np.testing.assert_allclose(found, wanted, rtol=5e-16)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_tails_neither_overflow_nor_vanish(sign):
    objective = bgd.Objective(lambda x: sp.log_ndtr(sign * x[0]), box=[(-1, 1)])
    x = np.array([[sign * -1e4], [sign * 30.0]])
    np.testing.assert_allclose(objective.value(x), sp.log_ndtr(sign * x[:, 0]), rtol=1e-14)
    assert np.isfinite(objective.gradient(x)).all()
    assert np.isfinite(objective.hessian(x)).all()
