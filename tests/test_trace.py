"""Tracing: each NumPy function's value, gradient and Hessian, and the shape of the graph and its source."""

import itertools
import math

import mpmath
import numpy as np
import pytest

import batchgd as bgd
from batchgd import Objective
from batchgd.compiler.trace.emit import emit_function
from batchgd.compiler.trace.graph import reachable
from batchgd.compiler.trace.powers import lowered
from batchgd.compiler.trace.simplify import SimplifyingGraph
from batchgd.compiler.trace.tracer import trace

MATRIX = np.array([[2.0, -1.0, 0.5], [0.3, 1.5, -0.7], [0.1, 0.4, 1.2]])
VECTOR = np.array([0.5, -1.0, 2.0])
POSITIVE = [(0.2, 0.9)] * 3
AROUND_ZERO = [(-0.9, 0.9)] * 3

SMOOTH = {
    "arithmetic": lambda x: x[0] * x[1] - x[2] / (3.0 + x[0]) + 2 * x[1] - 1 / (4 - x[2]),
    "negation": lambda x: -x[0] * -x[1] - (-x[2]) * 3,
    "in place": lambda x: _in_place(x),
    "power 2": lambda x: np.sum(x**2),
    "power 3": lambda x: np.sum(x**3),
    "power 7": lambda x: np.sum(x**7),
    "power 20": lambda x: np.sum(x**20),
    "power function": lambda x: np.power(x[0], 3) + pow(x[1], 2) + x[2] ** 4,
    "floor divide, modulo": lambda x: (x[0] + 5.3) % 2.0 * x[1] + (x[2] // 10.0) * x[0],
    "exponent base": lambda x: np.sum(2.0**x) + 3.0 ** x[0],
    "sum": lambda x: np.sum(x * VECTOR),
    "sum method": lambda x: (x * x).sum(),
    "sum builtin": lambda x: sum(x) ** 2 + sum(t * t for t in x),
    "sum axis": lambda x: np.sum(np.sum(np.outer(x, x) * MATRIX, axis=0) * VECTOR),
    "sum keepdims": lambda x: np.sum(np.outer(x, x) / (4 + np.sum(np.outer(x, x), axis=1, keepdims=True))),
    "sum generator": lambda x: np.sum([t**3 for t in x]),
    "prod": lambda x: np.prod(x + 2) + x.prod() + math.prod(list(x)),
    "dot": lambda x: np.dot(x, MATRIX @ x) + x.dot(VECTOR) + VECTOR @ x,
    "matmul": lambda x: x @ MATRIX @ x + np.matmul(MATRIX, x)[0] ** 2,
    "matrix of x": lambda x: np.sum((np.outer(x, x) @ MATRIX.T) ** 2),
    "inner, vdot": lambda x: np.inner(x, x) * np.vdot(x, VECTOR),
    "tensordot": lambda x: np.tensordot(x, MATRIX, axes=1) @ x,
    "einsum": lambda x: np.einsum("i,ij,j->", x, MATRIX, x),
    "outer": lambda x: np.sum(np.outer(x, VECTOR) ** 2) + np.sum(np.subtract.outer(x, x) ** 2),
    "trace": lambda x: np.trace(np.outer(x, x) * MATRIX),
    "cross": lambda x: np.sum(np.cross(x, VECTOR) ** 2),
    "det": lambda x: np.linalg.det(np.outer(x, VECTOR) + MATRIX),
    "polyval": lambda x: np.sum(np.polyval([1.0, -2.0, 0.5], x)),
    "mean": lambda x: np.mean(x**2) + x.mean() + np.average(x, weights=[1.0, 2.0, 3.0]),
    "var": lambda x: np.var(x) + x.std() + np.var(x, ddof=1),
    "cumsum": lambda x: np.sum(np.cumsum(x) ** 2) + x.cumsum()[1] * np.cumprod(x)[2],
    "diff": lambda x: np.sum(np.diff(x) ** 2),
    "roll": lambda x: np.sum(x * np.roll(x, 1) ** 2),
    "flip": lambda x: np.sum(x * x[::-1] * VECTOR) + np.flip(x)[0] ** 2,
    "concatenate": lambda x: np.sum(np.concatenate([x, [1.0], x[:1]]) ** 3),
    "stack": lambda x: np.sum(np.stack([x, x**2]) * np.vstack([VECTOR, x])) + np.hstack([x, x])[3],
    "slices": lambda x: np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2),
    "reshape": lambda x: np.sum(x.reshape(3, 1) * x.reshape(1, 3) * MATRIX) + x.T[0] + np.ravel(x)[1] ** 2,
    "transpose": lambda x: np.sum(np.outer(x, VECTOR).T[0] * x),
    "fancy index": lambda x: np.sum(x[[0, 2]] * x[np.array([1, 1])]) + x[-1] ** 2,
    "constant mask": lambda x: np.sum(x[np.array([True, False, True])] ** 2),
    "ellipsis, newaxis": lambda x: np.sum(x[..., None] * x[None, :] * MATRIX),
    "arange": lambda x: np.sum(np.arange(1, len(x) + 1) * x**2) + x.shape[0] * x[0] + x.size + x.ndim,
    "enumerate": lambda x: sum(i * t**2 for i, t in enumerate(x)),
    "comparison sum": lambda x: np.sum((x > 5.0) * x) + x[0],
    "logaddexp": lambda x: np.logaddexp(x[0], x[1]) + x[2] ** 2,
    "sin": lambda x: np.sum(np.sin(x * VECTOR)),
    "cos": lambda x: np.cos(x[0]) * x[1] + np.sum(np.cos(3 * x)),
    "sin and cos": lambda x: np.sum(np.sin(2 * x) * np.cos(2 * x)),
    "tan": lambda x: np.sum(np.tan(x)),
    "arcsin": lambda x: np.sum(np.arcsin(x)),
    "arccos": lambda x: np.sum(np.arccos(x)),
    "arctan": lambda x: np.sum(np.arctan(3 * x)),
    "arctan2": lambda x: np.arctan2(x[0], x[1] + 2.0) + np.arctan2(1.0, x[2] + 3),
    "hypot": lambda x: np.hypot(x[0], x[1] + 2) + np.hypot(x[2], 1.5),
    "sinh": lambda x: np.sum(np.sinh(x)),
    "cosh": lambda x: np.sum(np.cosh(x)),
    "tanh": lambda x: np.sum(np.tanh(2 * x)),
    "arcsinh": lambda x: np.sum(np.arcsinh(3 * x + 0.01)),
    "arctanh": lambda x: np.sum(np.arctanh(x)),
    "exp": lambda x: np.exp(-np.sum(x**2)) + np.sum(np.exp(x)) + np.sum(np.exp2(x)),
    "expm1": lambda x: np.sum(np.expm1(x)),
    "log1p": lambda x: np.sum(np.log1p(x)),
    "square": lambda x: np.sum(np.square(x)) + np.reciprocal(x[0] + 3) + np.negative(x[1]),
    "degrees": lambda x: np.deg2rad(x[0]) ** 2 + np.rad2deg(x[1]) + np.radians(x[2]),
    "sinc": lambda x: np.sum(np.sinc(x + 0.01)),
    "math": lambda x: math.sin(x[0]) + math.exp(x[1]) * math.tanh(x[2]) + math.pow(x[0], 2) + math.pi * math.fabs(2.0),
    "math sums": lambda x: math.fsum(t * t for t in x) + math.hypot(x[0], 2.0) + math.dist(x, [2.0, 2.0, 2.0]),
    "math inverse": lambda x: (
        math.asin(x[0]) + math.acos(x[1]) + math.atan(x[2]) + math.atan2(x[0], 2) + math.erf(x[1])
    ),
    "array of elements": lambda x: np.sum(np.sin(np.array([x[0], x[1] * x[2]])) * np.array([[x[0]], [x[2]]])),
    "asarray": lambda x: np.sum(np.asarray(x, dtype=float) ** 2) + np.sum(x.astype(float)) + np.float64(2.0) * x[0],
    "zeros": lambda x: _filled(x, np.zeros(3)),
    "zeros_like": lambda x: _filled(x, np.zeros_like(x)),
    "empty_like": lambda x: _filled(x, np.empty_like(x)),
    "copy": lambda x: _filled(x, x.copy()),
    "norm off zero": lambda x: np.linalg.norm(x - 3.0) + np.linalg.norm(np.outer(x, x) + 2.0),
    "norm p": lambda x: np.linalg.norm(x + 2.0, 1) + np.linalg.norm(x + 2.0, 3),
    "softmax": lambda x: np.sum(np.exp(x) / np.sum(np.exp(x)) * VECTOR),
    "select": lambda x: np.select([x[0] > 5, x[0] > -5], [x[1], x[2] ** 2], 0.0) + x[0],
    "vectorize": lambda x: np.sum(np.vectorize(lambda t: t**2)(x)),
    "item": lambda x: x[0].item() * x.tolist()[1] + x[2],
}

POSITIVE_ONLY = {
    "sqrt": lambda x: np.sum(np.sqrt(x)) + math.sqrt(x[0]) + x[1] ** 0.5,
    "half powers": lambda x: np.sum(x**1.5) + np.sum(x**-0.5) + np.sum(x**-2.5),
    "negative powers": lambda x: np.sum(x**-1) + np.sum(x**-2.0) + np.sum(x**-6),
    "real powers": lambda x: np.sum(x**1.7) + np.sum(x ** (-1 / 3)) + x[0] ** x[1],
    "large power": lambda x: np.sum((0.5 + x) ** 70),
    "cbrt": lambda x: np.sum(np.cbrt(x)) + math.cbrt(x[0]),
    "log": lambda x: np.sum(np.log(x)) + np.log2(x[0]) + np.log10(x[1]) + math.log(x[2], 3),
    "arccosh": lambda x: np.sum(np.arccosh(1.5 + x)),
    "reciprocals": lambda x: np.sum(x / x[0]) + 3 / x[1] + x[2] / 7 + x[0] / x[1] ** 2,
    "trapezoid": lambda x: np.trapezoid(np.sin(x), dx=0.5),
}

CORNERS = {
    "abs": lambda x: np.sum(np.abs(x)) * x[0] + abs(x[1]) * np.fabs(x[2]),
    "max": lambda x: np.max(x) * x[0] + x.max() + np.amax(x),
    "min": lambda x: np.min(x**2) + x.min() * x[1] + np.ptp(x),
    "maximum": lambda x: np.sum(np.maximum(x, 0.1) ** 2) + np.maximum(x[0], x[1]) * x[2],
    "minimum": lambda x: np.sum(np.minimum(x, VECTOR) ** 2) + np.fmin(x[0], 0.2),
    "where": lambda x: np.sum(np.where(x > 0.1, x**2, -x)) + bgd.where(x[0] < x[1], x[0], x[1] ** 2),
    "where guards": lambda x: np.sum(np.where(x > 0, np.log(np.where(x > 0, x, 1.0)), x)),
    "logic": lambda x: bgd.where((x[0] > 0) & (x[1] > 0) | ~(x[2] > 0), x[0] * x[1], x[2] ** 2),
    "logical functions": lambda x: np.where(np.logical_and(x > 0, x < 0.5), x, x**2).sum(),
    "any all": lambda x: bgd.where(np.any(x > 0.5), x[0], x[1]) * x[2] + bgd.where((x > 0).all(), x[0], 2.0),
    "clip": lambda x: np.sum(np.clip(x, -0.3, 0.4) ** 2 + x.clip(min=0.0)),
    "sign": lambda x: np.sum(np.sign(x) * x**2),
    "heaviside": lambda x: np.sum(np.heaviside(x, 0.5) * x),
    "floor": lambda x: np.sum(np.floor(3 * x) * x) + np.ceil(2 * x[0]) * x[1] + np.trunc(4 * x[1]) * x[0],
    "norms": lambda x: np.linalg.norm(x) + np.linalg.norm(x, 1) * x[0] + np.linalg.norm(x, np.inf),
    "norm axis": lambda x: np.sum(np.linalg.norm(np.outer(x, VECTOR) + 1, axis=1)),
    "comparisons": lambda x: np.sum((x >= 0.2) * x + (x != 0.1) * x**2 + (x <= 0.0)),
    "copysign": lambda x: np.copysign(x[0], x[1]) * x[2] + math.copysign(x[2], -1.0),
}


def _in_place(x):
    x += 1.0
    x[0] *= 2.0
    x[1:] -= x[0]
    return np.sum(x**3)


def _filled(x, y):
    y[0] = x[1]
    y[1:] = x[:2] * x[2]
    return np.sum(y**2)


TABLE = [
    *[pytest.param(fun, AROUND_ZERO, id=name) for name, fun in SMOOTH.items()],
    *[pytest.param(fun, POSITIVE, id=name) for name, fun in POSITIVE_ONLY.items()],
    *[pytest.param(fun, AROUND_ZERO, id=name) for name, fun in CORNERS.items()],
]


def _differences(fun, x, step):
    """Central differences of fourth order."""
    out = []
    for e in np.eye(len(x)) * step:
        out.append((8 * (fun(x + e) - fun(x - e)) - (fun(x + 2 * e) - fun(x - 2 * e))) / (12 * step))
    return np.array(out)


@pytest.mark.parametrize(("fun", "box"), TABLE)
def test_value_gradient_and_hessian(fun, box):
    objective = Objective(fun, box=box)
    points = np.random.default_rng(5).uniform(*np.array(box).T, (100, 3))
    points = points[np.all(np.abs(points * 10 - np.round(points * 10)) > 0.1, axis=1)][:12]  # off the corners
    plain = np.array([float(fun(x.copy())) for x in points])
    value, gradient = objective.value_and_gradient(points)
    np.testing.assert_allclose(objective.value(points), plain, rtol=1e-12, atol=1e-13)
    np.testing.assert_array_equal(value, objective.value(points))
    np.testing.assert_array_equal(gradient, objective.gradient(points))
    hessian = objective.hessian(points)
    np.testing.assert_array_equal(hessian, np.swapaxes(hessian, 1, 2))
    for x, g, h in zip(points, gradient, hessian, strict=True):
        scale = max(1.0, np.abs(g).max())
        np.testing.assert_allclose(
            g, _differences(lambda y: float(fun(y.copy())), x, 1e-4), rtol=1e-7, atol=1e-8 * scale
        )
        scale = max(1.0, np.abs(h).max())
        np.testing.assert_allclose(h, _differences(objective.gradient, x, 1e-4), rtol=1e-7, atol=1e-8 * scale)


@pytest.mark.parametrize(
    ("ours", "exact"),
    [
        (lambda x: np.tanh(x[0]) * np.exp(-(x[0] ** 2)), lambda t: mpmath.tanh(t) * mpmath.exp(-(t**2))),
        (lambda x: x[0] ** 7 / (1 + x[0] ** 2) ** 1.5, lambda t: t**7 / (1 + t**2) ** mpmath.mpf(1.5)),
        (lambda x: np.log1p(np.sin(x[0]) ** 2), lambda t: mpmath.log1p(mpmath.sin(t) ** 2)),
        (lambda x: math.erf(x[0]) * np.arctan(x[0]), lambda t: mpmath.erf(t) * mpmath.atan(t)),
        (lambda x: np.cbrt(2 + x[0]) + np.arcsinh(x[0]), lambda t: mpmath.cbrt(2 + t) + mpmath.asinh(t)),
    ],
)
def test_derivatives_to_rounding(ours, exact):
    objective = Objective(ours, 1)
    for t in (-0.8, -0.1, 0.3, 0.95):
        with mpmath.workdps(40):
            first, second = (float(mpmath.diff(exact, mpmath.mpf(t), k)) for k in (1, 2))
        assert objective.gradient([t])[0] == pytest.approx(first, rel=1e-13, abs=1e-14)
        assert objective.hessian([t])[0, 0] == pytest.approx(second, rel=1e-12, abs=1e-13)


def test_nodes_exist_once():
    graph = SimplifyingGraph(dim=2)
    x, y = graph.x
    assert graph.make("mul", x, y) is graph.make("mul", y, x)
    assert graph.make("sub", y, x) is not graph.make("sub", x, y)
    assert graph.constant(0.0) is not graph.constant(-0.0)
    assert graph.constant(math.nan) is graph.constant(float("nan"))


def test_shared_subexpressions_are_emitted_once():
    objective = Objective(lambda x: np.exp(x[0] * x[1]) + np.sin(np.exp(x[1] * x[0])), 2)
    assert objective.emit("value_and_gradient").count("exp(") == 1


@pytest.mark.parametrize(
    ("fun", "operations"),
    [
        (lambda x: x[0] + 0.0, 0),
        (lambda x: 1.0 * x[0] - 0.0, 0),
        (lambda x: x[0] + 0.0 * x[1], 0),
        (lambda x: np.negative(-x[0]), 0),
        (lambda x: x[0] + (-1.0 * x[1]), 1),
        (lambda x: x[0] + x[1] - x[1] * 0, 1),
        (lambda x: 2.0 * (3.0 * x[0]), 1),
        (lambda x: x[0] ** 4, 2),
        (lambda x: x[0] / 8.0, 1),
        (lambda x: (x[0] - x[1]) ** 2 + (x[1] - x[0]) ** 2, 3),
        (lambda x: np.where(np.array([True, False]), x, x**9)[0], 0),
        (lambda x: math.sin(1.0) * x[0] + math.sqrt(4.0) * x[0], 1),
    ],
)
def test_simplifications(fun, operations):
    assert Objective(fun, 2).value_counts.total == operations


def test_powers_share_their_factors_and_one_division():
    objective = Objective(lambda x: x[0] ** -6 - x[0] ** -12, box=[(1, 2)])
    assert objective.counts.divides == 1
    assert objective.counts.transcendentals == 0
    assert Objective(lambda x: x[0] ** 0.5, box=[(1, 2)]).counts.square_roots == 1


def test_sine_and_cosine_of_one_argument_are_computed_together():
    source = Objective(lambda x: np.sin(3 * x[0]), 1).emit("value_and_gradient")
    assert "= sincos(" in source
    assert " sin(" not in source
    assert "sincos" not in Objective(lambda x: np.sin(x[0]), 1).emit("value")


def test_constant_hook_sees_every_number_as_a_float():
    seen = []

    def constant(value):
        seen.append(value)
        return f"c{len(seen) - 1}"

    source = Objective(lambda x: 3 * x[0] ** 2 + x[0] / 7, 1).emit("value_and_gradient", constant)
    assert all(type(value) is float for value in seen)
    assert not any(character.isdigit() and source[i - 1] in " (" for i, character in enumerate(source) if i)


def test_infinite_and_nan_constants_run():
    objective = Objective(lambda x: bgd.where(x[0] > 0, x[0], np.inf) + bgd.where(x[0] > 5, np.nan, 0.0), 1)
    np.testing.assert_array_equal(objective.value([[1.0], [-1.0], [6.0]]), [1.0, np.inf, np.nan])


def test_constant_outputs_are_spread_over_the_points():
    objective = Objective(lambda x: 3 * x[0], 2)
    np.testing.assert_array_equal(objective.gradient(np.zeros((3, 2))), [[3.0, 0.0]] * 3)
    np.testing.assert_array_equal(objective.hessian(np.zeros((2, 2))), np.zeros((2, 2, 2)))


def test_emission_of_tuples_and_single_values():
    graph = SimplifyingGraph(dim=1)
    x = graph.x[0]
    assert emit_function("f", [x], 1).endswith("return x0,")
    assert emit_function("f", x, 1, 2) == "def f(x0, p0, p1):\n    return x0"


def test_unneeded_nodes_are_not_emitted():
    traced = trace(lambda x: (np.exp(x[0]), x[1] ** 2)[1], 2)
    assert [node.op for node in reachable([traced.value])] == ["x", "mul"]


def test_very_long_sums_do_not_recurse():
    graph = SimplifyingGraph(dim=1)
    total = graph.x[0]
    for k in range(5000):
        total = graph.make("sin", graph.make("add", total, graph.constant(float(k))))
    assert len(emit_function("f", lowered([total]), 1).splitlines()) == 10_001


def test_a_branch_not_taken_does_not_spoil_the_gradient():
    objective = Objective(lambda x: bgd.where(x[0] > 0, np.sqrt(x[0]), 0.0) + x[0], 1)
    np.testing.assert_array_equal(objective.gradient([[0.0], [-1.0], [4.0]]), [[1.0], [1.0], [1.25]])


def test_corners_take_the_documented_slope():
    assert Objective(lambda x: abs(x[0]), 1).gradient([0.0]) == [0.0]
    np.testing.assert_array_equal(Objective(lambda x: np.maximum(x[0], x[1]), 2).gradient([1.0, 1.0]), [1.0, 0.0])
    assert np.all(np.isnan(Objective(np.linalg.norm, 2).gradient([0.0, 0.0])))


def _ackley_arrays(x):
    return -20 * np.exp(-0.2 * np.sqrt(np.mean(x**2))) - np.exp(np.mean(np.cos(2 * np.pi * x))) + 20 + np.e


def _ackley_loop(x):
    squares = waves = 0.0
    for t in x:
        squares += t * t
        waves += math.cos(2 * math.pi * t)
    return -20 * math.exp(-0.2 * math.sqrt(squares / len(x))) - math.exp(waves / len(x)) + 20 + math.e


STYLES = {
    "rosenbrock": [
        lambda x: np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2),
        lambda x: sum(100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2 for i in range(len(x) - 1)),
        lambda x: sum(100 * (b - a * a) * (b - a * a) + (1 - a) * (1 - a) for a, b in itertools.pairwise(x)),
    ],
    "rastrigin": [
        lambda x: 10 * len(x) + np.sum(x**2 - 10 * np.cos(2 * np.pi * x)),
        lambda x: 10 * len(x) + sum(t * t - 10 * math.cos(2 * math.pi * t) for t in x),
        lambda x: 10 * x.size + (np.square(x) - 10 * np.cos(np.multiply(x, 2 * np.pi))).sum(),
    ],
    "ackley": [_ackley_arrays, _ackley_loop],
}


@pytest.mark.parametrize("name", STYLES)
def test_styles_of_one_function_agree(name):
    objectives = [Objective(fun, 3, box=[(-4, 4)] * 3) for fun in STYLES[name]]
    points = np.random.default_rng(1).uniform(-4, 4, (50, 3))
    for objective in objectives[1:]:
        np.testing.assert_allclose(objective.value(points), objectives[0].value(points), rtol=1e-14)
        np.testing.assert_allclose(objective.gradient(points), objectives[0].gradient(points), rtol=1e-13, atol=1e-13)
    assert len({objective.counts.total for objective in objectives}) == 1


def _lennard_jones(x):
    atoms = x.reshape(-1, 3)
    energy = 0.0
    for i in range(len(atoms)):
        for j in range(i):
            apart = atoms[i] - atoms[j]
            inverse = 1.0 / np.dot(apart, apart)
            energy += 4.0 * (inverse**6 - inverse**3)
    return energy


def test_lennard_jones_cluster():
    objective = Objective(_lennard_jones, 21)
    assert objective.counts.divides == 21
    assert objective.counts.total < 1000
    x = np.random.default_rng(3).uniform(-2, 2, 21)
    gradient, hessian = objective.gradient(x), objective.hessian(x)
    np.testing.assert_allclose(gradient.reshape(7, 3).sum(axis=0), 0.0, atol=1e-9 * np.abs(gradient).max())
    moved = np.tile(np.eye(3), (7, 1))
    np.testing.assert_allclose(hessian @ moved, 0.0, atol=1e-9 * np.abs(hessian).max())


def test_counts_of_a_known_polynomial():
    """100 (y - x^2)^2 + (1 - x)^2: x*x, y-, 1-, t*t, 100*, u*u, +; the gradient adds 200 t, -2 u, 400 x t and a -."""
    objective = Objective(STYLES["rosenbrock"][0], 2)
    assert (objective.value_counts.adds, objective.value_counts.multiplies) == (3, 4)
    assert (objective.counts.adds, objective.counts.multiplies) == (4, 8)
    assert objective.counts.total == 12
    assert (objective.gradient_counts.adds, objective.gradient_counts.multiplies) == (3, 5)
