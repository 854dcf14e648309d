"""What a message blames: the call of the user's function that a trace cannot follow, at its line."""

import inspect
import re

import numpy as np
import pytest
import scipy
import scipy.integrate
import scipy.interpolate
import scipy.optimize
import scipy.stats
from numba import njit
from scipy.integrate import odeint, quad, solve_ivp
from scipy.interpolate import interp1d

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


def kepler(x):
    angle = x[0]
    for _ in range(100):
        better = x[0] + 0.3 * np.sin(angle)
        if abs(better - angle) < 1e-12:  # here
            break
        angle = better
    return angle


def many_branches(x):
    total = 0.0
    for k in range(10):
        if x[0] * k > x[1]:  # here
            total += x[0]
    return total


def long_mask(x):
    return np.sum((x[0] * T)[x[0] * T > x[1]])  # here


def many_members(x):
    return sum(1.0 if x[0] * k in (x[1], 2.0) else x[0] for k in range(10))  # here


def long_sort(x):
    values = [x[0] * k for k in range(5)] + [x[1]]
    values.sort()  # here
    return values[0]


CALLS = [0.0]


def forgetful(x):
    CALLS[0] += 1.0
    return x[0] if x[0] > CALLS[0] else x[1]  # here


def whole_numbers(x):
    return sum(x[1] * i for i in range(int(abs(x[0]))))  # here


def histogram(x):
    return np.sum(np.histogram(x, bins=3)[0])  # here


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


BLAMED = [
    # the function, what the line begins with, and what it advises
    (
        while_on_the_data,
        "`z > 0.5` has not ended its loop after 63 rounds, and a trace follows at most 64 paths",
        "run it a fixed number of times: `for _ in range",
    ),
    (kepler, "`abs(better - angle) < 1e-12` has not ended its loop after 63 rounds", "run it a fixed number of times"),
    (many_branches, "`x[0] * k > x[1]` decides by the value of x, which makes more than the 64 paths", "bgd.where(co"),
    (long_mask, "`(x[0] * T)[x[0] * T > x[1]]` decides by the value of x", "write `bgd.where(mask, a, b)` instead of"),
    (many_members, "`x[0] * k in (x[1], 2.0)` decides by the value of x", "compare with each value"),
    (long_sort, ".sort() orders values of x in more ways than the 64 paths", "write `np.sort(a)`"),
    (forgetful, "`x[0] > CALLS[0]` decides differently when", "remove random numbers and state"),
    (whole_numbers, "`range(int(abs(x[0])))` needs the number behind", "give it as args=(n,)"),
    (histogram, "np.histogram cannot be traced", "minimise a likelihood"),
    (guarded_by_try, "SciPy's quad cannot be traced", "integrate g from a to b by Gauss-Legendre: `t, w = np.poly"),
    (quad_whose_integrand_decides, "SciPy's quad cannot be traced", "integrate g"),
    (ode, "SciPy's odeint cannot be traced", "solve y' = g(t, y) by Runge-Kutta"),
    (ivp, "SciPy's solve_ivp cannot be traced", "solve y' = g(t, y) by Runge-Kutta"),
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
    "SciPy's brentq": lambda x: scipy.optimize.brentq(lambda z: z - x[0], -9, 9),
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
    exec("def f(x):\n    while x[0] > 0:\n        x = x - 1\n    return x[0]", names)
    with pytest.raises(TraceError, match=r"<string>:2: a condition decides by the value of x"):
        bgd.Objective(names["f"], 1)
