"""What a message blames: the call of the user's function that a trace cannot follow, at its line."""

import inspect
import re
from math import cos

import numpy as np
import pytest
import scipy
import scipy.integrate
import scipy.interpolate
import scipy.optimize
import scipy.stats
from numba import njit
from numpy import array
from scipy import linalg, special
from scipy.integrate import odeint, quad, solve_ivp
from scipy.interpolate import CubicSpline, interp1d
from scipy.spatial import distance
from scipy.spatial.transform import Rotation
from scipy.stats import norm

import batchgd as bgd
from batchgd import TraceError

T = np.linspace(0.0, 1.0, 7)
KNOTS = interp1d([0.0, 1.0, 2.0], [1.0, 2.0, 0.0])


def matrix(x):
    return np.array([[2.0 + x[0] ** 2, x[1]], [x[1], 1.5]])


def while_on_the_data(x):
    z = x[0]
    while z > 0.5:  # here
        z = z / 2
    return z


def guard(x):
    value = np.sum(np.log(x))
    if np.isnan(value):  # here
        return np.inf
    return value


def guard_in_one_line(x):
    return 1e10 if not np.isfinite(x[0]) else x[0] ** 2  # here


def guarded_by_try(x):
    try:
        return quad(lambda t: np.exp(-x[0] * t), 0, 1)[0]  # here
    except Exception:
        return np.inf


def quad_whose_integrand_decides(x):
    def integrand(t):
        return t if t < x[0] else x[1]

    return quad(integrand, 0, 1)[0]  # here


def vectorised_quad(x):
    curve = np.vectorize(lambda t: quad(lambda s: np.exp(-x[0] * (t - s)), 0, 1)[0])
    return np.sum(curve(T) ** 2)  # not here


def ode(x):
    return odeint(lambda y, t: [y[1], x[0] * y[0] + x[1] * y[1]], [1.0, 0.0], T)[-1, 0]  # here


def ivp(x):
    return solve_ivp(lambda t, y: -x[0] * y, (0, 1), [1.0]).y[0, -1]  # here


def asserted(x):
    assert x[0] < 1e9, "too far"  # here
    return x[0] ** 2


def largest(x):
    return max(abs(x[0]), abs(x[1]))  # here


def in_order(x):
    return sorted(x)[0] ** 2  # here


def any_of(x):
    return 1e9 if any(v < 0 for v in x) else np.sum(x**2)  # here


def membership(x):
    return 1e9 if x[0] in (1.0, 2.0) else np.sum(x**2)  # here


def as_float(x):
    return float(x[0]) ** 2  # here


def as_float64(x):
    return np.float64(x[0]) ** 2  # here


def as_int(x):
    return int(x[0]) + x[1] ** 2  # here


def window(x):
    return np.ones(round(x[0])) @ np.ones(2) * x[1]  # here


def imported_cos(x):
    return cos(x[0])  # here


def imported_array(x):
    return np.sum(array([x[0], x[1]], dtype=float) ** 2)  # here


def percent(x):
    print("%f" % x[0])  # noqa: UP031 # here
    return x[0] ** 2


def filled(x):
    y = T.copy()
    y[0] = x[0]  # here
    return np.sum(y)


def repeats_a_list(x):
    return np.sum(x[0] * [1.0, 2.0])  # here


@njit
def compiled(x):
    return x[0] ** 2


def calls_compiled(x):
    return compiled(x) + x[1]  # here


BRANCH = "branches on the value of x, but a trace follows one branch only"

BLAMED = [
    # the function, what the line begins with, and what it advises
    (
        while_on_the_data,
        "`z > 0.5` ends a loop depending on the value of x",
        "run it a fixed number of times: `for _ in range",
    ),
    (guard, f"`if np.isnan(value):` {BRANCH}", "leave the guard out"),
    (guard_in_one_line, f"`1e10 if not np.isfinite(x[0]) else x[0] ** 2` {BRANCH}", "leave the guard out"),
    (guarded_by_try, "SciPy's quad cannot be traced", "integrate g from a to b by Gauss-Legendre: `t, w = np.poly"),
    (quad_whose_integrand_decides, "SciPy's quad cannot be traced", "integrate g"),
    (ode, "SciPy's odeint cannot be traced", "solve y' = g(t, y) by Runge-Kutta"),
    (ivp, "SciPy's solve_ivp cannot be traced", "solve y' = g(t, y) by Runge-Kutta"),
    (asserted, f'`assert x[0] < 1e9, "too far"` {BRANCH}', "leave the assertion out"),
    (largest, "`max(abs(x[0]), abs(x[1]))` uses Python's max, which compares", "write `np.maximum(a, b)`"),
    (in_order, "sorted orders values of x", "write `a = a.copy()`"),
    (any_of, "`any(v < 0 for v in x)` uses Python's any", "write `np.any(a < 0.0)`"),
    (membership, f"`x[0] in (1.0, 2.0)` {BRANCH}", "compare with each value"),
    (as_float, "`float(x[0])` needs the number behind a traced value", "leave float() out: x is an array of floats"),
    (as_float64, "`np.float64(x[0])` needs the number", "leave np.float64() out"),
    (as_int, "`int(x[0])` needs the number behind a traced value (int)", "write `np.floor(a)` for a step"),
    (window, "`round(x[0])` needs the number behind a traced value (round)", "args=(n,), and run each n"),
    (imported_cos, "`cos(x[0])` calls cos, imported by its name", "write `import math` and math.cos"),
    (imported_array, "`array([x[0], x[1]], dtype=float)` calls array", "write `import numpy as np` and np.array"),
    (percent, '`"%f" % x[0]` needs the number', "leave it out, or write `print(f'{a}')`"),
    (
        filled,
        "`y[0] = x[0]` puts a traced value into an array of plain numbers",
        "start from `y = np.zeros_like",
    ),
    (repeats_a_list, "`x[0] * [1.0, 2.0]` multiplies a list", "write `np.array(t) * a`"),
    (calls_compiled, "Numba's compiled function cannot be traced", "write the plain function, `f.py_func` of f"),
]


@pytest.mark.parametrize(("fun", "begins", "advice"), BLAMED, ids=[row[0].__name__ for row in BLAMED])
def test_the_cause_the_line_and_the_cure(fun, begins, advice):
    with pytest.raises(TraceError) as caught:
        bgd.Objective(fun, 2, box=[(0.1, 1.0)] * 2)
    lines, first = inspect.getsourcelines(fun)
    here = first + next(i for i, line in enumerate(lines) if "# here" in line)
    place, _, said = str(caught.value).partition(": ")
    assert re.fullmatch(rf"\S*test_blame\.py:{here}", place), caught.value
    assert said.startswith(begins), said
    assert advice in said
    assert "\n" not in said


NAMED = {
    "np.linalg.solve": lambda x: np.sum(np.linalg.solve(matrix(x), np.ones(2))),
    "np.linalg.inv": lambda x: np.trace(np.linalg.inv(matrix(x))),
    "np.linalg.cholesky": lambda x: np.sum(np.linalg.cholesky(matrix(x))),
    "np.linalg.eigvalsh": lambda x: np.linalg.eigvalsh(matrix(x))[0],
    "np.fft.rfft": lambda x: np.sum(np.abs(np.fft.rfft(x)) ** 2),
    "np.piecewise": lambda x: np.sum(np.piecewise(T, [x[0] > T], [lambda s: s * x[1], lambda s: s])),
    "np.round": lambda x: np.sum(np.round(x, 3)),
    "np.add.at": lambda x: np.add.at(x, [0], x[:1]),
    "SciPy's expm": lambda x: np.sum(linalg.expm(matrix(x))),
    "SciPy's solve": lambda x: np.sum(linalg.solve(matrix(x), np.ones(2))),
    "SciPy's logsumexp": lambda x: special.logsumexp(x),
    "SciPy's softmax": lambda x: np.sum(special.softmax(x) ** 2),
    "SciPy's gammaln": lambda x: np.sum(special.gammaln(x)),
    "SciPy's j0": lambda x: np.sum(special.j0(x)),
    "SciPy's norm.pdf": lambda x: np.sum(norm.pdf(T, x[0], 1)),
    "SciPy's norm.logpdf": lambda x: np.sum(norm(x[0], x[1]).logpdf(T)),
    "SciPy's gamma.logpdf": lambda x: np.sum(scipy.stats.gamma.logpdf(T, x[0])),
    "SciPy's multivariate_normal.logpdf": lambda x: scipy.stats.multivariate_normal.logpdf(x, [0, 0]),
    "SciPy's pdist": lambda x: np.sum(distance.pdist(x.reshape(2, 1))),
    "SciPy's cdist": lambda x: np.sum(distance.cdist(x[None], np.eye(2))),
    "SciPy's interp1d": lambda x: KNOTS(x[0]),
    "SciPy's CubicSpline": lambda x: float(np.sum(CubicSpline(T, T**2)(T * x[0]))),
    "SciPy's brentq": lambda x: scipy.optimize.brentq(lambda z: z - x[0], -9, 9),
    "SciPy's from_rotvec": lambda x: np.sum(Rotation.from_rotvec(np.append(x, 0.0)).as_matrix()),
    "SciPy's quad": lambda x: np.sum(np.vectorize(lambda t: quad(lambda s: s * x[0], 0, t)[0])(T)),
}


@pytest.mark.parametrize("name", [*NAMED])
def test_library_functions_are_named(name):
    with pytest.raises(TraceError, match=rf"test_blame\.py:\d+: {re.escape(name)} cannot be traced: ") as caught:
        bgd.Objective(NAMED[name], 2, box=[(0.1, 1.0)] * 2)
    assert "NumPy's elementary functions" not in str(caught.value) or name in ("np.add.at",)


def test_the_plain_function_of_a_compiled_one_works():
    assert bgd.Objective(compiled.py_func, 1).value([3.0]) == 9.0


def test_a_function_of_no_source_is_blamed_without_its_text():
    names = {}
    exec("def f(x):\n    return x[0] if x[0] > 0 else -x[0]", names)
    with pytest.raises(TraceError, match=r"<string>:2: a condition branches on the value of x"):
        bgd.Objective(names["f"], 1)
