"""What messages name in place of a function that cannot be traced: the code in them is run and its value checked."""

import re

import numpy as np
import pytest
import scipy
import scipy.integrate
import scipy.interpolate
import scipy.linalg
import scipy.optimize
import scipy.signal
import scipy.spatial
import scipy.stats

import batchgd as bgd
from batchgd.compiler.trace.substitutes import CURES, cure_for, special_cure

X = np.array([0.7, 1.2, 0.4])
MATRIX = (
    "A = np.array([[3 + x[0], x[1], 0.1], [x[1], 4.0, x[2]], [0.1, x[2], 2 + x[1]]]); b = np.array([x[0], 1.0, 2.0])"
)


def matrix(x):
    names = {"np": np, "x": x}
    exec(MATRIX, names)
    return names["A"], names["b"]


def fourier(x):
    return np.fft.fft([*x, 2.0])


WEIBULL = "pdf = lambda a: 2 * a * np.exp(-(a**2)); a = x"

ROWS = {
    # name: (what stands before the code, the value of each expression in it)
    "quad": (
        "a = 0.0; b = x[0]; g = lambda s: np.exp(-x[1] * s) * np.cos(x[2] * s)",
        [lambda x: scipy.integrate.quad(lambda s: np.exp(-x[1] * s) * np.cos(x[2] * s), 0, x[0])[0]],
    ),
    "special": ("a = x; lo = 0.0; hi = 2.0", [scipy.special.j0]),
    "pdist": ("a = x.reshape(3, 1)", [lambda x: scipy.spatial.distance.pdist(x.reshape(3, 1))]),
    "cdist": (
        "a = x.reshape(1, 3); b = np.eye(3)",
        [lambda x: scipy.spatial.distance.cdist(x.reshape(1, 3), np.eye(3))],
    ),
    "interp1d": (
        "t = np.linspace(0, 2, 6); y = np.sin(t); s = np.array([x[0], x[2]])",
        [lambda x: scipy.interpolate.interp1d(np.linspace(0, 2, 6), np.sin(np.linspace(0, 2, 6)), "cubic")(x[[0, 2]])],
    ),
    "CubicSpline": (
        "t = np.linspace(0, 2, 3); s = np.array([0.3, 1.1]); y = x**2",
        [lambda x: scipy.interpolate.CubicSpline(np.linspace(0, 2, 3), x**2)([0.3, 1.1])],
    ),
    "spsolve": (MATRIX, [lambda x: np.linalg.solve(*matrix(x))]),
    "np.linalg.tensorinv": (MATRIX, [lambda x: np.linalg.inv(matrix(x)[0])]),
    "eigh": (
        MATRIX + "; w = 2.0",
        [lambda x: np.linalg.eigvalsh(matrix(x)[0]), lambda x: np.prod(np.linalg.eigvalsh(matrix(x)[0]) - 2.0)],
    ),
    "svd": (MATRIX, [lambda x: np.linalg.svd(matrix(x)[0])[1][::-1]]),
    "np.fft": (
        "a = np.array([*x, 2.0])",
        [lambda x: fourier(x).real, lambda x: fourier(x).imag, lambda x: np.abs(fourier(x)) ** 2],
    ),
    "np.gradient": ("a = x**2", [lambda x: np.gradient(x**2)]),
    "np.roots": ("p = x; r = 2.0", [lambda x: np.polyval(x, 2.0)]),
    "np.histogram": (WEIBULL, [lambda x: -np.sum(np.log(2 * x * np.exp(-(x**2))))]),
    "np.unique": ("a = x", [np.sort, np.argsort]),
    "np.sort": ("a = x", [np.min, np.max, np.mean]),
    "brentq": (
        "z = 1.0; g = lambda z: z**3 + x[0] * z - x[1]; slope = lambda z: 3 * z**2 + x[0]",
        [lambda x: scipy.optimize.brentq(lambda z: z**3 + x[0] * z - x[1], 0, 9)],
        "z",
    ),
    "minimize": ("", []),
    "complex": ("a = 2 * x", [None, lambda x: np.exp(2j * x).real, lambda x: np.exp(2j * x).imag]),
    "while": (
        "z = 5 * x[0]; going = lambda z: abs(z) > 1; step = lambda z: z / 2",
        [lambda x: np.frexp(5 * x[0])[0]],
        "z",
    ),
    "max": (
        "a = x[0]; b = x[1]; c = x",
        [lambda x: max(x[0], x[1]), lambda x: min(x[0], x[1]), lambda x: max(x), lambda x: min(x)],
    ),
    "any": (
        "a = x - 0.5; condition = np.any(a < 0.0); b = x[1]",
        [lambda x: float(np.any(x < 0.5)), lambda x: x - 0.5 if np.any(x < 0.5) else 0 * x + x[1]],
    ),
    "in": ("a = 1 + 0 * x[0]; b = x[1]; c = x[2]", [lambda x: x[1]]),
    "state": ("", []),
    "branch": ("condition = x[0] > 0.5; a = x[1]; b = x[2]", [lambda x: x[1] if x[0] > 0.5 else x[2]]),
    "mask": ("mask = x > 0.5; a = x; b = 0.0", [lambda x: np.where(x > 0.5, x, 0.0)]),
    "fill": ("a = x[0]; b = x[1]", [lambda x: x[:2]]),
    "whole": ("a = 5 * x", [lambda x: np.floor(5 * x)]),
    "list": ("t = [1.0, 2.0]; a = x[1]", [lambda x: np.array([1.0, 2.0]) * x[1]]),
    "number": ("a = x[0]", [lambda x: np.cos(x[0])]),
    "text": ("a = x[0]", []),
}
ROWS["odeint"] = (
    "t0 = 0.0; t1 = 1.0; n = 40; y = np.array([x[0], 1.0]); g = lambda t, y: np.array([y[1], -x[1] * y[0] + t])",
    [
        lambda x: scipy.integrate.solve_ivp(
            lambda t, y: [y[1], -x[1] * y[0] + t], (0, 1), [x[0], 1.0], rtol=1e-11, atol=1e-11
        ).y[:, -1]
    ],
    "y",
)
TOLERANCE = {"odeint": 1e-7, "svd": 1e-9}
CONSTANT = {"in"}


def code_of(name):
    return re.findall("`([^`]*)`", cure_for(name))


def is_expression(code):
    try:
        compile(code, "cure", "eval")
    except SyntaxError:
        return False
    return "print(" not in code


def written(setup, statements, expression):
    """A function of x that runs the code of a cure, with the modules a user has: a weighted sum of what it gives."""
    lines = [*filter(None, setup.split("; ")), *statements, f"value = np.ravel({expression})"]
    body = "\n    ".join([*lines, "return np.sum(value * np.arange(1.0, 1.0 + len(value))) + 0.0 * x[0]"])
    names = {"np": np, "bgd": bgd, "scipy": scipy}
    exec(f"import math\n\ndef written(x):\n    {body}", names)
    return names["written"]


def test_every_substitute_has_a_row():
    missing = set(CURES.values()) - {CURES[name] for name in ROWS}
    assert not missing


@pytest.mark.parametrize("name", ROWS)
def test_the_code_of_a_substitute_gives_the_right_value(name):
    setup, references, *ends = ROWS[name]
    pieces, statements = code_of(name), []
    values = [*ends]  # what the statements leave behind
    for piece in pieces:
        if is_expression(piece):
            values.append(piece)
        elif not piece.startswith("import"):
            statements.append(piece)
    if not references:
        return
    assert len(values) == len(references)
    for expression, reference in zip(values, references, strict=True):
        if reference is None:
            continue
        function = written(setup, [] if expression not in (*pieces, *ends) else statements, expression)
        wanted = np.ravel(np.asarray(reference(X), float))
        objective = bgd.Objective(lambda x, f=function: f(x) + np.sum(x), 3, box=[(0.3, 1.5)] * 3)
        found = objective.value(X) - X.sum()
        expected = np.sum(wanted * np.arange(1.0, 1.0 + len(wanted)))
        assert found == pytest.approx(expected, rel=TOLERANCE.get(name, 1e-10)), expression
        assert np.isfinite(objective.gradient(X)).all(), expression


def test_special_functions_of_one_argument_are_approximated():
    assert "scipy.special.k1e, 40" in special_cure("k1e", 1)
    assert special_cure("jv", 2) == cure_for("jv") == "write it with arithmetic and NumPy's elementary functions"
    assert cure_for("gumbel.logpdf").startswith("write the formula of its density")
