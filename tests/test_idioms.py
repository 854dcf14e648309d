"""Ways to write a function: each is traced as it stands, to the value that it has and to derivatives that fit.

The groups name what a trace needs for them. `UNTRACEABLE` lists what no trace can follow, with the words of the cure.
"""

import bisect
import math
from math import exp, lgamma
from math import log as ln

import numpy as np
import pytest
import scipy.special as sp
from numpy import array, zeros
from scipy import integrate, interpolate, linalg, signal, stats
from scipy.spatial.distance import cdist, pdist, squareform
from scipy.spatial.transform import Rotation
from scipy.special import logsumexp
from scipy.stats import norm

import batchgd as bgd

T = np.linspace(0, 1, 7)
FEW = np.array([0.2, 1.1, 0.7])
A0 = np.array([[2.0, 0.3, 0], [0.3, 1.5, 0.2], [0, 0.2, 1.0]])
SPLINE = interpolate.CubicSpline(T, np.sin(3 * T))
BSPLINE = interpolate.make_interp_spline(T, np.sin(3 * T))
PCHIP = interpolate.PchipInterpolator(T, np.sin(3 * T))
SMOOTHED = interpolate.InterpolatedUnivariateSpline(T, np.sin(3 * T))
LINE = interpolate.interp1d(T, np.sin(3 * T))
QUARTER = Rotation.from_rotvec([0, 0, np.pi / 2])
STANDARD = stats.norm(0.1, 1.2)


def matrix(x):
    return np.array([[2 + x[0] ** 2, 0.3 * x[1], 0], [0.3 * x[1], 1.5 + x[2] ** 2, 0.2], [0, 0.2, 1.0]])


def by_branches(x):
    if x[0] > 0.3:
        return x[0] ** 2 + x[1]
    elif x[0] < -0.3 and x[1] > 0:
        return x[1] ** 3 - x[0]
    return np.exp(x[2]) * x[0]


def early_return(x):
    if not np.isfinite(x[0]):
        return 1e10
    total = 0.0
    for value in x:
        if value < -0.5:
            return value**2 - 3 * value
        total += value**3
    return total


def newton(x):
    z, n = 1.0, 0
    while abs(z * z - (2 + x[0])) > 1e-12 and n < 20:
        z, n = z - (z * z - (2 + x[0])) / (2 * z), n + 1
    return z * x[1]


def with_break(x):
    total = x[1]
    for k in range(8):
        if abs(total) > 3:
            break
        total = total * (1.5 + x[0]) + 0.1 * k
    return total


def buffer(x):
    y = np.zeros(3)
    y[0] = x[0]
    if x[1] > 0:
        y[1] = x[1] ** 2
    else:
        y[2] = x[0] * x[1]
    y += x
    return np.sum(y**2)


def swapped(x):
    a, b = x[0], x[1]
    if a > b:
        a, b = b, a
    return a**2 + 3 * b


def insertion(x):
    ordered = []
    for value in x:
        bisect.insort(ordered, value)
    return ordered[0] + 2 * ordered[1] ** 2 + 3 * ordered[2]


def nested(x):
    def part(t):
        return t if t > 0 else -2 * t

    return part(x[0]) + part(x[1]) * part(x[2])


def raising(x):
    if x[0] > 50:
        raise ValueError("too far")
    assert x[1] < 50
    return np.sum(x**2)


def masked(x):
    y = np.array(x) * 2
    y[y < 0.1] = 0.25
    y[x > 0.5] = x[x > 0.5] ** 2
    return np.sum(y**3)


def imported_inside(x):
    import numpy as np
    from scipy.special import gammaln, logsumexp

    y = np.zeros(3)
    y[:] = x**2
    return logsumexp(y) + gammaln(2 + x[0])


def dft(x):
    z = np.fft.fft([x[0], x[1], x[2], 1.0, 2.0, x[0] * x[1]])
    return np.abs(z[1]) ** 2 + z[2].real * z[3].imag + np.angle(z[0] + 20)


def complex_buffer(x):
    z = np.zeros(3, dtype=complex)
    z[0] = x[0] + 1j * x[1]
    z[1] = np.conj(z[0]) * (2 - 1j)
    z[2] = z[1] / (z[0] + 3)
    return np.sum(np.abs(z) ** 2) + z.real[1] * z.imag[2] + abs(z[2] * 2)


def impedance(x):
    w = np.linspace(1, 2, 4)
    z = (2 + x[0]) + 1 / (1j * w * (2 + x[1])) + 1j * w * (1.5 + x[2])
    return np.sum((np.abs(z) - 2) ** 2) + np.sum(np.angle(z))


def poisson(x):
    return -np.sum(stats.poisson.logpmf([0, 2, 5], np.exp(x[0] + x[1])))


IDIOMS = {
    "paths": {
        "branches": by_branches,
        "early return": early_return,
        "while with a bound": newton,
        "for with break": with_break,
        "array filled by cases": buffer,
        "swap": swapped,
        "insertion": insertion,
        "helper that decides": nested,
        "raise, assert": raising,
        "conditional": lambda x: x[0] ** 2 if x[0] > x[1] else x[1] + x[2] ** 2,
        "and, or, not": lambda x: x[0] if (x[0] > 0 and x[1] > 0) or not x[2] > 0 else x[1] ** 2,
        "chained comparison": lambda x: x[0] ** 2 if 0 < x[0] < 0.5 else x[1] + x[0],
        "isnan": lambda x: 1e10 if np.isnan(np.sum(x**2)) else np.sum(x**2),
        "isfinite": lambda x: 1e10 if not np.isfinite(np.sum(np.log(x + 2))) else x[0] ** 2,
        "np.any": lambda x: np.inf if np.any(x < -5) else np.sum(x**2),
        "any": lambda x: 1e9 + x[0] if any(v < -0.5 for v in x) else np.sum(x**2),
        "all": lambda x: np.sum(x**3) if all(v > -0.5 for v in x) else x[0],
        "in": lambda x: 1e9 if x[0] in (1.0, 2.0) else np.sum(x**2),
        "mask": lambda x: np.sum(x[x > 0] ** 2) + 0.1 * np.sum(x),
        "mask of two": lambda x: np.sum(x[(x > 0) & (x < 0.5)]) * x[0] + len(x[x > 0.2]),
        "mask assigned": masked,
        "filter": lambda x: sum(v**2 for v in filter(lambda v: v > 0, x)) + x[1],
        "list.sort": lambda x: (lambda a: (a.sort(), a[0] ** 2 + a[2])[1])(list(x)),
        "sorted by key": lambda x: sorted(x, key=abs)[0] ** 2 + x[1],
        "max by key": lambda x: max(x, key=lambda v: -v) ** 2,
        "list at argmin": lambda x: [1.0, 2.0, 3.0][np.argmin(x)] * x[0],
    },
    "order": {
        "max, abs": lambda x: max(abs(x[0]), abs(x[1])),
        "min of a list": lambda x: min([v**2 for v in x]),
        "max of a number": lambda x: max(0.0, x[0]) ** 2 + min(x[1], 0.1, x[2]),
        "many max": lambda x: sum(max(0.0, x[0] * k - 1) ** 2 for k in range(20)) + max(x),
        "sorted": lambda x: sorted(x)[0] ** 2 + sorted(x, reverse=True)[0],
        "np.sort": lambda x: np.sum(np.sort(x) * T[:3]),
        "x.sort": lambda x: (lambda a: (a.sort(), np.sum(a * FEW))[1])(x.copy()),
        "np.argmin": lambda x: x[np.argmin(x)] ** 2 + x[x.argmax()],
        "np.argsort": lambda x: np.sum(x[np.argsort(x**2)] * FEW) + FEW[np.argsort(x)[0]] * x[1],
        "np.median": lambda x: np.median(x) ** 2 + np.median(np.append(x, 0.1)),
        "np.percentile": lambda x: np.percentile(x, 30) + np.quantile(x**2, [0.1, 0.9]) @ [1.0, 2.0],
        "np.searchsorted": lambda x: T[np.searchsorted(T, x[0])] * x[1] if 0.1 < x[0] < 0.9 else x[2],
        "np.piecewise": lambda x: np.sum(
            np.piecewise(T, [x[0] > T], [lambda s: s * x[1], lambda s: s * x[2]]) ** 2,
        ),
        "np.piecewise of x": lambda x: np.sum(np.piecewise(x, [x < 0, x > 0.5], [lambda s: -s, 2.0, lambda s: s**2])),
        "np.select": lambda x: np.sum(np.select([x > 1, x > 0], [x, x**2], x**3)),
        "np.max, np.min": lambda x: np.max(x) - np.min(x),
        "bisect": lambda x: bisect.bisect([-0.5, 0.0, 0.5], x[0]) * x[1],
    },
    "conversions": {
        "float": lambda x: float(x[0]) ** 2 + float(np.sum(x**2)),
        "float of an array of one": lambda x: float(x[:1] ** 2) if np.ndim(x) == 0 else float((x[:1] ** 2)[0]),
        "np.float64": lambda x: np.float64(x[0]) ** 2,
        "isinstance": lambda x: x[0] ** 2 if isinstance(x[0], float) else 0.0,
        "isinstance np.floating": lambda x: x[0] ** 2 if isinstance(x[0], (int, np.float64)) else 0.0,
        "dtype=float": lambda x: np.sum(np.array([x[0], x[1]], dtype=float) ** 2) + np.zeros(2, dtype=float)[0],
        "astype": lambda x: np.sum(x.astype(float) ** 2) + np.sum(x.astype(np.float64)),
        "int": lambda x: int(4 * x[0]) * x[1] + x[1] ** 2 + np.int64(3 * x[2]),
        "round": lambda x: np.sum(np.round(x, 1) * x) + round(x[0], 1) * x[1] + round(3 * x[1]) * x[0] + np.rint(x[2]),
        "tolist": lambda x: sum(v**2 for v in x.tolist()),
        "nan_to_num": lambda x: np.sum(np.nan_to_num(np.log(x + 1)) ** 2),
        "nansum": lambda x: np.nansum(np.log(x) ** 2) + np.nanmax(x),
        "f-string": lambda x: (f"{x[0]:.3f}", np.sum(x**2))[1],
        "isclose": lambda x: np.sum(x**2) if not np.isclose(x[0], 7.0) and not math.isclose(x[0], 8.0) else 0.0,
        "from math import": lambda x: exp(x[0]) + ln(x[1] + 2) + lgamma(x[2] + 3),
        "from numpy import": lambda x: np.sum(array([x[0], x[1]]) ** 2) + zeros(2)[0],
        "import inside": imported_inside,
    },
    "linear algebra": {
        "solve": lambda x: np.sum(np.linalg.solve(matrix(x), np.ones(3))),
        "solve with pivots": lambda x: np.sum(np.linalg.solve(matrix(x)[[2, 0, 1]] - x[0] * np.eye(3), x)),
        "inv": lambda x: np.trace(np.linalg.inv(matrix(x))),
        "det": lambda x: np.linalg.det(matrix(x)) + np.linalg.det(np.eye(5) + np.outer(np.append(x, [1, 2]), T[:5])),
        "slogdet": lambda x: np.linalg.slogdet(matrix(x))[1] + np.linalg.slogdet(matrix(x) - 5 * np.eye(3)).sign * x[0],
        "cholesky": lambda x: np.sum(np.linalg.cholesky(matrix(x))),
        "eigvalsh": lambda x: np.linalg.eigvalsh(matrix(x))[0] + linalg.eigvalsh(matrix(x)[:2, :2])[1] ** 2,
        "norm": lambda x: np.linalg.norm(x - 1.5) + np.linalg.norm([x[0] + 2, 1.0]),
        "lstsq": lambda x: np.sum(
            np.linalg.lstsq(np.stack([np.exp(-T * x[0]), np.exp(-T * (x[1] + 3))], 1), T, rcond=None)[0]
        ),
        "pinv": lambda x: np.sum(np.linalg.pinv(np.stack([np.exp(-T * x[0]), np.exp(-T * (x[1] + 3))], 1)) @ T),
        "expm": lambda x: np.sum(linalg.expm(matrix(x))),
        "scipy solve": lambda x: np.sum(linalg.solve(matrix(x), np.ones(3))) + linalg.det(matrix(x)),
        "cho_solve": lambda x: x @ linalg.cho_solve(linalg.cho_factor(matrix(x)), x),
        "cho_solve lower": lambda x: x @ linalg.cho_solve(linalg.cho_factor(matrix(x), lower=True), x),
        "solve_triangular": lambda x: np.sum(
            linalg.solve_triangular(np.linalg.cholesky(matrix(x)), x, lower=True) ** 2
        ),
        "multi_dot": lambda x: np.linalg.multi_dot([x, A0, x]),
    },
    "complex numbers": {
        "exp(1j x)": lambda x: np.abs(np.sum(np.exp(1j * x))) ** 2,
        "impedance": impedance,
        "complex buffer": complex_buffer,
        "fft": dft,
        "rfft": lambda x: np.sum(np.abs(np.fft.rfft(x)) ** 2) + np.sum(np.fft.irfft(np.fft.rfft(x * FEW)) ** 2),
        "ifft": lambda x: np.sum(np.abs(np.fft.ifft(np.exp(1j * x))) ** 2),
        "complex()": lambda x: abs(complex(x[0], x[1]) ** 2 + 1),
        "sqrt, log, sin": lambda x: (np.sqrt(x[0] + 1j) * np.log(x[1] + 2j) + np.sin(x[2] + 0.5j)).real,
        "wofz": lambda x: sp.wofz(x[0] + 1j * (x[1] + 1.5)).real + sp.voigt_profile(x[0], 1.2, 0.5),
        "conjugate": lambda x: ((x[0] + 2j) * np.conj(x[1] - 1j)).imag + (x[0] * 1j).conjugate().imag ** 2,
    },
    "special functions": {
        "logsumexp": lambda x: logsumexp(x) + sp.logsumexp(3 * x, b=FEW),
        "softmax": lambda x: np.sum(sp.softmax(x) ** 2) + sp.log_softmax(x)[0],
        "expit, logit": lambda x: np.sum(sp.expit(x)) + sp.logit(sp.expit(x[0])) + np.sum(sp.log_expit(x)),
        "erf, erfc, erfcx": lambda x: np.sum(sp.erf(x)) + sp.erfc(x[0]) + sp.erfcx(3 * x[1]) + math.erf(x[2]),
        "ndtr": lambda x: np.sum(sp.ndtr(x)) + np.sum(sp.log_ndtr(5 * x)),
        "gammaln": lambda x: np.sum(sp.gammaln(x + 5)) + sp.gammaln(3 * x[0] - 0.02),
        "gamma": lambda x: sp.gamma(x[0] + 2) + math.gamma(x[1] + 3) + math.lgamma(x[2] + 4),
        "digamma": lambda x: sp.digamma(x[0] + 2) + sp.psi(x[1] + 7),
        "beta": lambda x: sp.betaln(x[0] + 2, x[1] + 3) + sp.beta(x[2] + 2, 1.5) + sp.binom(x[0] + 5, 2),
        "xlogy": lambda x: sp.xlogy(x[0] + 2, x[1] + 2) + sp.xlog1py(x[0], x[1]) + sp.entr(x[2] + 1.5),
        "rel_entr": lambda x: sp.rel_entr(x[0] + 2, x[1] + 3) + sp.kl_div(x[2] + 2, 1.5),
        "huber": lambda x: np.sum(sp.huber(0.4, x)) + sp.pseudo_huber(1.0, x[0]),
        "j0, j1": lambda x: np.sum(sp.j0(x * 12)) + sp.j1(x[0] * 3),
        "i0, i1": lambda x: sp.i0(x[0]) + sp.i0e(x[1] * 12) + sp.i1(x[2]) + sp.i1e(x[0]),
        "polygamma": lambda x: sp.psi(x[0] + 3) * sp.gammaln(x[1] + 3),
    },
    "densities": {
        "norm": lambda x: np.sum(stats.norm.pdf(T, x[0], 1.5)) + np.sum(norm.logpdf(T, x[0], np.exp(x[1]))),
        "norm.cdf": lambda x: np.sum(stats.norm.cdf(x)) + norm.logcdf(x[0]) + norm.sf(x[1]) + norm.logsf(x[2]),
        "frozen": lambda x: STANDARD.logpdf(x[0]) + norm(x[1], 1.5).cdf(0.3) + STANDARD.cdf(x[2]),
        "poisson": poisson,
        "binom": lambda x: stats.binom.logpmf(3, 10, sp.expit(x[0])) + stats.nbinom.logpmf(3, 2.5, sp.expit(x[1])),
        "t, cauchy": lambda x: np.sum(stats.t.logpdf(T, 3 + x[0], x[1], 1.2)) + stats.cauchy.logpdf(x[2]),
        "gamma, beta": lambda x: stats.gamma.logpdf(1.5, 2 + x[0], scale=1.5 + x[1]) + stats.beta.pdf(0.3, 2 + x[2], 3),
        "expon, weibull": lambda x: (
            stats.expon.logpdf(T, scale=1.2 + x[0]).sum() + stats.weibull_min.pdf(0.7, 2 + x[1])
        ),
        "lognorm": lambda x: stats.lognorm.logpdf(FEW, 1.2 + x[0] / 2, scale=np.exp(x[1])).sum() + 0.1 * x[2],
        "laplace, logistic": lambda x: stats.laplace.pdf(x[0]) + stats.logistic.logpdf(x[1]) + stats.logistic.cdf(x[2]),
        "multivariate normal": lambda x: (
            stats.multivariate_normal.logpdf(x, FEW, A0) + stats.multivariate_normal.logpdf(A0, x, matrix(x)).sum()
        ),
        "still others": lambda x: (
            stats.gumbel_l.logpdf(x[0])
            + stats.maxwell.logpdf(x[1] + 2)
            + stats.bernoulli.logpmf([0, 1], sp.expit(x[2])).sum()
            + stats.geom.logpmf(3, sp.expit(x[0]))
            + stats.expon.logsf(x[1] + 1)
            + stats.lognorm.cdf(1.3, 1.5 + x[2], scale=2.0)
            + stats.pareto.sf(x[0] + 2.5, 1.5)
            + stats.rayleigh.logcdf(x[1] + 2)
            + stats.gumbel_r.cdf(x[2])
            + stats.cauchy.cdf(x[0])
            + stats.laplace.cdf(x[1])
        ),
        "invalid parameters": lambda x: np.nansum(
            [
                stats.norm.cdf(0.3, 0.1, x[0]),
                stats.gamma.logpdf(1.5, x[1]),
                stats.binom.pmf(0, 4, x[2]),
                stats.weibull_min.sf(0.7, x[0], scale=x[1]),
                x[0] ** 2,
            ]
        ),
        "support": lambda x: stats.expon.pdf(x[0]) + stats.uniform.pdf(x[1], 0.2, 0.5) * x[2] + stats.expon.cdf(x[0]),
        "vonmises": lambda x: stats.vonmises.logpdf(0.5, 2 + x[0], x[1]) + stats.skewnorm.logpdf(x[2], 2.0),
        "others": lambda x: (
            stats.chi2.logpdf(1.5, 3 + x[0])
            + stats.rayleigh.pdf(x[1] + 2)
            + stats.gumbel_r.logpdf(x[2])
            + stats.pareto.logpdf(1.5 + x[0] / 4, 2.0)
            + stats.invgamma.logpdf(x[0] + 2, 1.5)
            + stats.halfnorm.logpdf(x[1] + 1.5)
        ),
    },
    "arrays": {
        "interp": lambda x: np.sum(np.interp(T + x[0], T, T**2)) + np.interp(0.3, T[:3], x),
        "CubicSpline": lambda x: float(np.sum(interpolate.CubicSpline(T, T**2)(T * 0.5 + 0.1 * x[0]))),
        "splines made outside": lambda x: SPLINE(0.5 + 0.3 * x[0]) + BSPLINE(0.5 + 0.3 * x[1]) + PCHIP(0.4 + x[2] / 4),
        "spline derivative": lambda x: SPLINE(0.5 + 0.3 * x[0], 1) + SPLINE.derivative()(0.3) * x[1],
        "splines of other kinds": lambda x: SMOOTHED(0.5 + 0.3 * x[0]) + LINE(0.53 + 0.03 * x[1]) + x[2] ** 2,
        "gradient": lambda x: np.sum(np.gradient(x**2) ** 2) + np.sum(np.gradient(x**2, T[[0, 2, 3]]) ** 2),
        "trapezoid, simpson": lambda x: np.trapezoid(np.exp(-x[0] * T), T) + integrate.simpson(np.exp(-x[0] * T), x=T),
        "convolve": lambda x: np.sum(np.convolve(x, T) ** 2) + np.sum(signal.convolve(x, T) ** 2),
        "lfilter": lambda x: np.sum(signal.lfilter([x[0]], [1, -0.5], T) ** 2),
        "unwrap": lambda x: np.sum(np.unwrap(8 * x) ** 2),
        "cov, corrcoef": lambda x: np.cov(x, FEW)[0, 1] + np.corrcoef(x + FEW, FEW**2)[0, 1] + np.cov(x),
        "polyfit": lambda x: np.sum(np.polyfit(T, x[0] * T + x[1] * T**2, 1)),
        "apply_along_axis": lambda x: np.sum(np.apply_along_axis(lambda r: r**2, 0, x)),
        "fill_diagonal": lambda x: (lambda m: (np.fill_diagonal(m, x), np.sum(m**2))[1])(np.zeros((3, 3))),
        "add.at, bincount": lambda x: (
            (lambda b: (np.add.at(b, [0, 0, 1], x), np.sum(b**2))[1])(np.zeros(2))
            + np.sum(np.bincount([0, 0, 1], weights=x) ** 2)
        ),
        "cdist, pdist": lambda x: np.sum(cdist(x[None], A0)) + np.sum(pdist(np.outer(x + 2, FEW))),
        "Rotation": lambda x: (
            np.sum(Rotation.from_rotvec(x).apply([1, 2, 3])) + Rotation.from_rotvec(x * 3).magnitude()
        ),
        "Rotation of angles": lambda x: np.sum(
            (Rotation.from_euler("xyz", x) * Rotation.from_euler("ZX", x[:2]) * QUARTER).as_matrix() * A0
        ),
        "Rotation of a quaternion": lambda x: np.sum((QUARTER * Rotation.from_quat([*x, 2.0]).inv()).apply(A0) * A0[0]),
        "squareform": lambda x: np.sum(squareform(x)[0] ** 2),
        "sum where": lambda x: np.sum(x**2, where=x > 0) + np.mean(x, where=np.array([True, False, True])),
        "vectorize": lambda x: np.sum(np.vectorize(lambda a: a * a if a > 0 else -a)(x)),
        "mod, floor": lambda x: np.sum(np.mod(x, 0.4) ** 2) + np.sum((x - np.floor(x)) ** 2),
        "count_nonzero": lambda x: np.count_nonzero(x > 0) * x[0] + x[1] ** 2,
    },
}
CASES = [pytest.param(fun, id=f"{group}: {name}") for group, rows in IDIOMS.items() for name, fun in rows.items()]


def differences(fun, x, step):
    """Central differences of fourth order."""
    rows = []
    for e in np.eye(len(x)) * step:
        rows.append((8 * (fun(x + e) - fun(x - e)) - (fun(x + 2 * e) - fun(x - 2 * e))) / (12 * step))
    return np.array(rows)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("fun", CASES)
def test_an_idiom_has_its_value_and_derivatives(fun):
    objective = bgd.Objective(fun, box=[(-0.9, 0.9)] * 3)
    points = np.random.default_rng(11).uniform(-0.9, 0.9, (7, 3))
    compared = 0
    for x in points:
        plain = float(np.real(fun(x.copy())))
        value, gradient, hessian = objective.value(x), objective.gradient(x), objective.hessian(x)
        np.testing.assert_allclose(value, plain, rtol=1e-12, atol=1e-12)
        wanted = [differences(lambda y: float(np.real(fun(y.copy()))), x, step) for step in (1e-4, 7e-5)]
        if not np.allclose(*wanted, rtol=1e-8, atol=1e-9):  # next to a corner or jump
            continue
        scale = max(1.0, np.abs(wanted[0]).max())
        np.testing.assert_allclose(gradient, wanted[0], rtol=1e-7, atol=1e-7 * scale)
        wanted = [differences(objective.gradient, x, step) for step in (1e-4, 7e-5)]
        if np.allclose(*wanted, rtol=1e-7, atol=1e-7):
            scale = max(1.0, np.abs(wanted[0]).max())
            np.testing.assert_allclose(hessian, wanted[0], rtol=1e-6, atol=1e-6 * scale)
            compared += 1
    assert compared >= 2


UNTRACEABLE = {
    "roots": (lambda x: np.max(np.roots([1, x[0], x[1]]).real), "np.polyval(p, r)"),
    "quad": (lambda x: integrate.quad(lambda s: np.exp(-x[0] * s), 0, 1)[0], "Gauss-Legendre"),
    "solve_ivp": (lambda x: integrate.solve_ivp(lambda t, y: -x[0] * y, (0, 1), [1.0]).y[0, -1], "Runge-Kutta"),
    "range(int(x))": (lambda x: sum(x[1] * i for i in range(int(abs(x[0])))), "give it as args=(n,)"),
    "random": (lambda x: np.sum(x**2) + 1e-9 * np.random.default_rng().random(), "remove random numbers"),
    "histogram": (lambda x: np.sum(np.histogram(x, bins=3)[0]), "np.sum(np.log(pdf(a)))"),
    "eigh": (lambda x: np.linalg.eigh(matrix(x))[0][0], "np.linalg.eigvalsh(A)"),
    "svd": (lambda x: np.linalg.svd(matrix(x))[1][0], "np.linalg.eigvalsh(A.T @ A)"),
    "mask of constants": (lambda x: np.sum(T[x[0] > T]), "bgd.where(mask, a, b)"),
    "long sort": (lambda x: np.sort(np.outer(x, np.arange(30.0)).ravel())[4], "at most 64 values"),
    "large matrix": (lambda x: np.linalg.det(np.eye(40) * x[0]), "at most 32 rows"),
}
"""What no trace follows, and part of the cure; `test_substitutes.py` runs the code of these."""


@pytest.mark.parametrize("name", UNTRACEABLE)
def test_what_cannot_be_traced_names_a_cure(name):
    fun, cure = UNTRACEABLE[name]
    with pytest.raises(bgd.TraceError, match=r"test_idioms\.py:\d+: ") as caught:
        bgd.Objective(fun, box=[(-0.9, 0.9)] * 3)
    assert cure in str(caught.value)
    assert "\n" not in str(caught.value)
