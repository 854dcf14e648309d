"""Functions over data: each NumPy function on large arrays, against the plain function and the unrolled trace."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays, basic_indices, integer_array_indices
from scipy import special

import batchgd as bgd
from batchgd import Objective, TraceError

LARGE = 5
"""Dimensions of more elements are rows in this file, so that the unrolled trace stays small."""

RNG = np.random.default_rng(17)
T = np.linspace(0.2, 2.0, 7)
Y = np.exp(-T) + 0.05 * RNG.normal(size=7)
D = RNG.normal(size=(7, 3))
E = RNG.normal(size=(3, 7))
K = RNG.normal(size=(7, 6))
C = RNG.uniform(0.2, 1.8, 6)
CUBE = RNG.normal(size=(2, 7, 3))
LABELS = np.array([0, 1, 2, 1, 0, 2, 1])
MASK = np.array([True, False, True, True, False, True, True])
FIRST, SECOND = np.triu_indices(7, 1)


def _filled(x):
    y = np.zeros(7)
    y += x[0] * T
    y *= np.exp(-x[1] * T)
    y[0] = x[2]
    y[2:4] = x[:2]
    return np.sum(y**2)


def _in_columns(x):
    out = np.empty((7, 3))
    out[:, 0] = np.exp(-x[0] * T)
    out[:, 1] = x[1]
    out[:, 2] = 2.0 * T
    longer = np.zeros(14)
    longer[:7] = out @ x
    longer[7:] = T * x[2]
    longer[-1] = 0.5
    total = longer.copy()
    total -= 1.0
    return np.sum(total**2) + longer.sum() + np.dot(longer, longer) + longer[3] + np.mean([longer, total])


def _recurrence(x):
    y, drive = np.zeros(7), np.sin(x[2] * T)
    y[0] = 0.5
    for k in range(1, 7):
        y[k] = x[0] * y[k - 1] + x[1] * drive[k]
    return np.sum((y - Y) ** 2) + np.sum(y[1:] * y[:-1]) + np.sum(y * drive)


def _assigned(x):
    y = x[0] * T
    y[1:] = y[1:] * x[1] + T[:-1]
    y[MASK] = x[2]
    z = np.outer(T, x)
    z[:, 1] = T * x[0]
    z[2] = [1.0, 2.0, 3.0]
    return np.sum(y**2) + np.sum(z**3)


def _summed_up(x):
    total = 0.0
    for row, label in zip(D, LABELS, strict=True):
        total = total + np.dot(row, x) ** 2 * (label + 1)
    return total


ON_DATA = {
    "least squares": lambda x: np.sum((Y - x[0] * np.exp(-x[1] * T)) ** 2) + x[2] ** 2,
    "mean": lambda x: np.mean((Y - x[0] * np.exp(-x[1] * T) - x[2]) ** 2),
    "method sum": lambda x: ((Y - x[0] * np.cos(x[1] * T) - x[2]) ** 2).sum(),
    "var, std": lambda x: np.var(x[0] * T + np.sin(x[1] * T)) + np.std(T * x[2] + T**2 * x[0], ddof=1),
    "prod": lambda x: np.prod(1 + x[0] * T * 0.1) + (x[1] + T).prod() * 0.01 + x[2],
    "max, min": lambda x: np.max(np.sin(x[0] * T + x[1])) * x[2] + (x[0] * T).min() + np.ptp(x[1] * T**2),
    "any, all": lambda x: (
        bgd.where(np.any(x[0] * T > 5), x[0], x[1]) * x[2] + bgd.where((x[0] + T > 0).all(), x[1], 9.0)
    ),
    "matmul": lambda x: np.sum((D @ x - Y) ** 2) + np.sum((x @ E) ** 3),
    "dot, inner": lambda x: np.sum(np.dot(D, x) ** 2) + np.sum(np.inner(x, D) ** 3) + D.dot(x) @ Y,
    "matrix of x": lambda x: np.sum(np.tanh(D @ np.outer(x, x)) @ x),
    "einsum": lambda x: (
        np.einsum("ij,j->", D, x) ** 2 + np.einsum("i,ij,j", Y, D, x) + np.einsum("kij,j->k", CUBE, x)[1]
    ),
    "einsum pairs": lambda x: np.sum(np.einsum("ij,kj,j->ik", D, D, x) ** 2),
    "tensordot, outer": lambda x: np.sum(np.tensordot(D, np.outer(x, x), 1) ** 2) + np.sum(np.outer(T, x) ** 2),
    "vdot": lambda x: np.vdot(T * x[0], Y * x[1]) + np.vdot(x, x),
    "small axes": lambda x: (
        np.sum(np.sum(D * x, axis=1) ** 2) + np.sum(np.prod(D + x, axis=1)) + np.sum(np.max(D * x, 1))
    ),
    "rows of an axis": lambda x: (
        np.sum(np.sum(D * x, axis=0) ** 2) + np.sum(np.mean(D + x**2, axis=0, keepdims=True) ** 3)
    ),
    "cube": lambda x: np.sum(np.sum(CUBE * x, axis=(0, 2)) ** 2) + np.sum(np.sum(np.sin(CUBE * x), axis=1) ** 2),
    "two axes": lambda x: np.sum(np.sin(x[0] * K) * x[1]) + np.sum(np.sum(K * x[2] + T[:, None], axis=1) ** 2),
    "against each other": lambda x: np.sum(np.exp(-((x[0] * T[:, None] - x[1] * C[None, :]) ** 2))) * x[2],
    "all pairs": lambda x: np.sum(1 / (1 + (x[0] * T[:, None] - x[1] * T[None, :] + x[2]) ** 2)),
    "kernel": lambda x: np.sum(np.log(np.sum(np.exp(-x[0] * (T[:, None] - C * x[1]) ** 2), axis=1)) ** 2) + x[2] ** 2,
    "transpose": lambda x: (
        np.sum((np.outer(T, x).T @ D) ** 2) + np.sum((x[0] * K).T @ T) + np.sum((x[1] * K).T[1:3] ** 2)
    ),
    "log-sum-exp": lambda x: np.sum(_lse(D * x + x[0])),
    "logaddexp": lambda x: (
        np.logaddexp.reduce(x[0] * T)
        + np.sum(np.logaddexp.reduce(D * x, axis=1) ** 2)
        + np.sum(np.logaddexp(x[1] * T, x[2]))
    ),
    "softmax": lambda x: -np.sum((D * x - _lse(D * x)[:, None])[np.arange(7), LABELS]),
    "mixture": lambda x: (
        -np.sum(np.log(0.3 * np.exp(-((T - x[0]) ** 2)) + 0.7 * np.exp(-((T - x[1]) ** 2) * x[2] ** 2)))
    ),
    "slices": lambda x: (
        np.sum((x[0] * T)[1:] * (x[1] * T)[:-1] ** 2) + np.sum((x[2] * T)[::-1] * T) + (x[0] * T)[::2] @ T[::2]
    ),
    "index": lambda x: (x[0] * T)[3] * (x[1] * T)[-1] + (x[2] * D)[2, 1] + np.sum((x[0] * D)[4] * (x * D)[:, 2][2]),
    "index arrays": lambda x: (
        np.sum(((x[0] * T)[FIRST] - (x[1] * T)[SECOND]) ** 2) + np.sum((D * x)[FIRST, 2] * (D * x)[[0, 3]][1, 0])
    ),
    "small parts": lambda x: (
        np.sum((x[0] * T)[:3] ** 2) + (np.sin(x[1] * T)[2:5] * x).sum() + np.sum((x * D)[1:3] ** 3)
    ),
    "masks": lambda x: (
        np.sum((x[0] * T)[MASK] ** 2) + np.sum((D * x)[MASK][:, 1]) + np.sum(np.compress(MASK, x[2] * T) ** 2)
    ),
    "gather of x": lambda x: np.sum((x[LABELS] - T) ** 2) + np.sum(x[LABELS][FIRST] * x[LABELS][SECOND] ** 2),
    "newaxis": lambda x: np.sum((x[0] * T)[:, None] * x[None, :]) ** 2 + np.sum((x[1] * T)[None] ** 2),
    "roll, flip": lambda x: np.sum(np.roll(x[0] * T, 2) * T * np.flip(np.sin(x[1] * T))) + np.sum(np.flipud(D * x) * D),
    "diff": lambda x: (
        np.sum(np.diff(np.sin(x[0] * T)) ** 2) + np.sum(np.diff(D * x, axis=0) ** 2) + np.sum(np.diff(x * D) ** 2)
    ),
    "take, repeat, tile": lambda x: (
        np.sum(np.take(x[0] * T, FIRST) ** 2 * np.repeat(x[1] * T, 3)) + np.sum(np.tile(x[2] * T, 2) ** 2)
    ),
    "concatenate": lambda x: np.sum(
        np.concatenate([x[0] * T, [1.0], np.sin(x[1] * T), x]) ** 2 * np.linspace(0, 1, 18)
    ),
    "join again": lambda x: np.sum(np.concatenate([(x[0] * T)[3:], (x[0] * T)[:3]]) * T),
    "append": lambda x: np.sum(np.append(x[0] * T, x[1]) ** 2 * np.arange(8)),
    "stack": lambda x: (
        np.sum(np.stack([x[0] * T, np.sin(x[1] * T)]) ** 2) + np.sum(np.column_stack([T * x[0], T, T**2]) @ x)
    ),
    "array of rows": lambda x: np.sum(np.array([x[0] * T, T]) ** 2) + np.sum(np.sum([x[1] * T, T * x[2]], axis=0) ** 2),
    "reshape": lambda x: (
        np.sum(np.reshape(x[0] * K, (6, 7)) @ T)
        + np.sum((x[1] * K).reshape(3, -1)[1] ** 2)
        + x[2] * (x[0] * K).ravel()[20]
    ),
    "where": lambda x: np.sum(np.where(x[0] < T, x[1] * T, x[2] * T**2)) + np.sum(np.where(MASK, x[0] * T, x[1])),
    "clip, maximum": lambda x: (
        np.sum(np.clip(x[0] * T, 0.3, 0.9) ** 2)
        + np.sum(np.maximum(x[1] * T, T**2 * 0.4))
        + np.sum(np.minimum(x[2], T))
    ),
    "select": lambda x: np.sum(np.select([T > 1.5, T > 0.8], [x[0] * T, x[1] * T**2], x[2])),
    "piecewise linear": lambda x: np.sum((Y - np.where(x[0] + 1 > T, x[1] * (T - x[0]), x[2] * (T - x[0]))) ** 2),
    "interp": lambda x: np.mean((np.interp(x[0] * T + x[1], T, Y) - Y) ** 2) + np.interp(x[2] + 1, T, Y),
    "interp ends": lambda x: np.sum(np.interp(2 * T * x[0] - x[1], T, Y, left=0.0, right=1.0) * T) + x[2],
    "polyval": lambda x: np.sum(np.polyval(x, T) ** 2) + np.sum(np.polyval([1.0, 0.5, -2.0], x[0] * T)),
    "convolve": lambda x: (
        np.sum(np.convolve(x, Y) ** 2)
        + np.sum(np.convolve(np.sin(x[0] * T), T, "same") ** 2)
        + np.sum(np.convolve(T, x, "valid") ** 3)
    ),
    "norms": lambda x: (
        np.linalg.norm(x[0] * T - Y)
        + np.sum(np.linalg.norm(D * x + 1, axis=1))
        + np.linalg.norm(D * x)
        + np.linalg.norm(x[0] * T - Y, 1)
    ),
    "norms over rows": lambda x: (
        np.sum(np.linalg.norm(D * x + 1, axis=0)) + np.linalg.norm(x[1] * T + 1, 3) + np.linalg.norm(x[1] * T, np.inf)
    ),
    "cov": lambda x: np.cov(x[0] * T, np.sin(x[1] * T))[0, 1] + np.cov(E * x[:, None])[0, 2],
    "average": lambda x: np.average((x[0] * T - Y) ** 2, weights=T) + np.average(x[1] * T) + x[2],
    "trapezoid": lambda x: np.trapezoid(np.exp(-x[0] * T), T) + np.trapezoid(np.sin(x[1] * T), dx=0.3) + x[2],
    "cumsum": lambda x: np.sum(np.cumsum(x[0] * T) ** 2) + np.cumprod(1 + 0.1 * x[1] * T)[-1] + x[2],
    "loop over rows": _summed_up,
    "elements": lambda x: sum(t**2 for t in x[0] * T) + sum(row[1] for row in D * x) + (x[1] * T).tolist()[2],
    "arithmetic": lambda x: np.sum(
        -(x[0] * T) / (2 + T * x[1]) - 3 % (x[2] + T + 5) + 2.0 ** (x[0] * T) + (x[1] + T + 2) ** x[2]
    ),
    "comparisons": lambda x: (
        np.sum((x[0] * T > 0.4) * (x[1] * T)) + np.sum((T <= 1.0) & (x[2] * T < 0.8)) + np.sum(~(x[0] * T < 0.3) * T)
    ),
    "elementary": lambda x: np.sum(
        np.sqrt(T + x[0] ** 2) + np.log1p(T * x[1] ** 2) * np.arctan(x[2] * T) + np.hypot(x[0], T)
    ),
    "special": lambda x: np.sum(special.erf(x[0] * T) + special.expit(x[1] * T) + special.xlogy(T, 2 + x[2] * T)),
    "poisson": lambda x: np.sum(np.exp(x[0] + x[1] * T) - LABELS * (x[0] + x[1] * T)) + x[2] ** 2,
    "filled": _filled,
    "filled in columns": _in_columns,
    "recurrence": _recurrence,
    "assigned": _assigned,
    "copies": lambda x: (
        np.sum(np.asarray(x[0] * T).copy() ** 2)
        + np.sum(np.array(x[1] * T, dtype=float))
        + np.sum((x[2] * T).astype(float))
    ),
    "likes": lambda x: (
        np.sum((np.ones_like(x[0] * T) + x[1] * T) ** 2)
        + np.sum(np.zeros_like(T) + x[2])
        + np.sum(np.full_like(x[0] * T, 2.0))
    ),
    "shapes": lambda x: (
        (x[0] * D).shape[0] * x[1] + (x[2] * D).ndim + len(x[0] * T) * x[0] + np.size(x[0] * D) + np.sum(x[0] * T)
    ),
    "split": lambda x: np.sum(np.split(x[0] * K, [6])[0] ** 2) + np.sum(np.array_split(x[1] * T, 1)[0]) + x[2],
    "moved axes": lambda x: (
        np.sum(np.moveaxis(CUBE * x, 1, 0)[2] ** 2) + np.sum(np.swapaxes(D * x, 0, 1) @ T) + np.trace(x[0] * K)
    ),
    "squeezed": lambda x: (
        np.sum(np.squeeze((x[0] * T)[:, None]) * np.expand_dims(x[1] * T, 0)) + np.sum(np.atleast_2d(x[2] * T))
    ),
    "broadcast_to": lambda x: np.sum(np.broadcast_to(x[0] * T, (4, 7)) ** 2) + np.sum(np.broadcast_to(x, (7, 3)) * D),
    "outer of ufuncs": lambda x: np.sum(np.subtract.outer(x[0] * T, x[1] * C) ** 2) + np.sum(np.add.outer(x, T) ** 3),
    "meshes": lambda x: np.sum((np.meshgrid(T, C)[0] * x[0] + np.meshgrid(T, C)[1] * x[1]) ** 2) + x[2],
}


def _lse(a):
    top = np.max(a, axis=-1, keepdims=True)
    return top[..., 0] + np.log(np.sum(np.exp(a - top), axis=-1))


def _padded(x):
    full = np.concatenate([[0.5], x, [1.0]])
    return np.sum(np.diff(full) ** 2) + np.sum(np.cos(full[1:-1]))


def _atoms(x):
    atoms = np.concatenate([x, x[:2] ** 2 + 3, [0.3]]).reshape(-1, 2)
    i, j = np.triu_indices(len(atoms), 1)
    apart = np.sum((atoms[i] - atoms[j]) ** 2, axis=1)
    return np.sum(1 / apart**2 - 1 / apart)


Q = RNG.normal(size=(7, 7))

ON_LARGE_X = {
    "rosenbrock": lambda x: np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2),
    "rastrigin": lambda x: 10 * len(x) + np.sum(x**2 - 10 * np.cos(2 * np.pi * x)),
    "dot": lambda x: np.dot(x, x) + x @ Q @ x + np.dot(Q, x)[2] + np.sum(np.sin(Q @ x)) + np.inner(x, Y),
    "method": lambda x: (x**2).sum() + x.mean() ** 2 + np.var(x) + x.dot(Y) + np.linalg.norm(x),
    "extremes": lambda x: np.max(x) * np.min(x) + np.prod(x) + x.max(),
    "padded": _padded,
    "pairs of rows": lambda x: np.sum(np.exp(-((x[:, None] - x[None, :]) ** 2))),
    "points": lambda x: np.sum((Q[:3] @ x - 1) ** 2) + np.sum(np.abs(x - Y) ** 1.5),
    "loops stay": lambda x: sum(t**2 for t in x) + np.sum(x * np.arange(7.0)),
    "differences": lambda x: np.sum(np.diff(x) ** 2) + np.sum(np.diff(x, 2) ** 2) + np.sum(np.roll(x, 1) * x),
    "atoms": _atoms,
    "in place": lambda x: _in_place(x),
    "network": lambda x: np.mean((np.tanh(np.outer(T, x[:2]) + x[2:4]) @ x[4:6] + x[6] - Y) ** 2),
}


def _in_place(x):
    x += 1.0
    x[0] *= 2.0
    x[1:] -= x[0]
    return np.sum(x**3)


W = np.exp(2j * np.pi * np.outer(np.arange(6), np.arange(7)) / 7)
Z = np.exp(3j * T) * T


def _complex_parts(x):
    z = 1 / (x[0] - 1j * x[1] * T)
    return np.sum(z.real**2 + z.imag + (z * z.conj()).real + np.angle(z) + np.imag(z**3)) + np.isfinite(z).all()


def _complex_statistics(x):
    z = x[0] * np.exp(1j * x[1] * T) + x[2]
    return abs(z.mean()) + np.var(z) + np.linalg.norm(z) + np.vdot(z, Z).imag + np.abs(np.dot(z, Z)) + (Z @ z).real


def _complex_elements(x):
    z = x[0] * np.exp(1j * x[1] * T)
    joint = np.concatenate([z[::-1], x[2] * T, z[1:] - z[:-1]])
    return np.sum(np.abs(joint - 1.0) ** 2) + abs(z[3]) + np.sum(np.abs(np.cumsum(z)))


def _complex_scan(x):
    def step(total, z):
        return 0.9 * total + abs(z * x[0] - x[1]) ** 2, total

    total, before = bgd.scan(step, x[2], Z)
    return total + np.sum(before**2)


ON_COMPLEX = {
    "a wave": lambda x: np.sum(np.abs(x[0] * np.exp(1j * x[1] * T) - Z) ** 2) + x[2],
    "square of a sum": lambda x: np.abs(np.sum(x[2] * np.exp(1j * (x[0] * T + x[1] * T**2)))) ** 2,
    "constant matrix": lambda x: np.sum(np.abs(W @ (x[0] * np.sin(x[1] * T)) - x[2]) ** 2),
    "einsum": lambda x: np.sum(np.abs(np.einsum("ij,j->i", W, x[0] * np.exp(1j * x[1] * T))) ** 2) + x[2],
    "two axes": lambda x: np.sum(np.abs(np.sum(np.exp(1j * x[0] * T[:, None] * C) * x[1], axis=1) + x[2]) ** 2),
    "small axis": lambda x: np.sum(
        np.abs(np.exp(1j * x[0] * T[:, None] * [1, 2, 3]) @ np.array([x[1], 2j, x[2]])) ** 2
    ),
    "outer": lambda x: np.sum(np.abs(np.outer(np.exp(1j * x[0] * T), np.exp(-1j * x[1] * C)) - x[2])),
    "selection": lambda x: np.sum(np.where(MASK, x[0] * np.exp(1j * x[1] * T), T * x[2]).real ** 2),
    "complex x": lambda x: np.sum(np.abs((x[0] + 1j * x[1]) * Z - x[2] * Z**2) ** 2) + np.sum((1j * x[0] * T * Z).real),
    "logarithm": lambda x: np.sum(np.log(np.conj(x[0] * np.exp(1j * T) + x[1])).imag + np.sqrt(x[2] + 1j * T).real),
    "parts": _complex_parts,
    "statistics": _complex_statistics,
    "elements": _complex_elements,
    "scan": _complex_scan,
}

TABLE = [
    *[pytest.param(fun, 3, id=f"complex: {name}") for name, fun in ON_COMPLEX.items()],
    *[pytest.param(fun, 3, id=name) for name, fun in ON_DATA.items()],
    *[pytest.param(fun, 7, id=f"large x: {name}") for name, fun in ON_LARGE_X.items()],
]


@pytest.mark.parametrize(("fun", "dim"), TABLE)
def test_rows_are_the_unrolled_function(fun, dim):
    box = [(0.2, 1.1)] * dim
    with bgd.testing.forced(large=LARGE):
        objective = Objective(fun, box=box)
    with bgd.testing.forced(large=1000):
        unrolled = Objective(fun, box=box)
    assert not unrolled.has_rows
    points = np.random.default_rng(5).uniform(0.2, 1.1, (6, dim))
    plain = np.array([float(fun(x.copy())) for x in points])
    value, gradient = objective.value_and_gradient(points)
    np.testing.assert_allclose(value, plain, rtol=1e-12, atol=1e-13)
    np.testing.assert_array_equal(value, objective.value(points))
    np.testing.assert_array_equal(gradient, objective.gradient(points))
    np.testing.assert_array_equal(gradient[2], objective.gradient(points[2]))
    scale = np.abs(gradient).max()
    np.testing.assert_allclose(gradient, unrolled.gradient(points), rtol=1e-10, atol=1e-12 * scale)
    scale = max(1.0, np.abs(unrolled.hessian(points)).max())
    np.testing.assert_allclose(objective.hessian(points), unrolled.hessian(points), rtol=1e-9, atol=1e-11 * scale)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_index_reads_and_writes_as_in_numpy(draw):
    shape = draw.draw(st.sampled_from([(7,), (7, 3), (3, 7), (7, 6), (2, 7, 3), (6, 2, 9)]))
    key = draw.draw(
        st.one_of(
            basic_indices(shape, allow_newaxis=True),
            integer_array_indices(shape, result_shape=array_shapes(max_dims=2, max_side=8)),
            arrays(bool, shape),
            arrays(bool, shape[:1]),
        )
    )
    table = np.random.default_rng(3).normal(size=shape)
    weights = np.random.default_rng(4).normal(size=np.shape(table[key]))

    def read(x):
        return np.sum((np.sin(x[0] * table) + x[1] * table)[key] * weights) + x[0]

    def written(x):
        rows = np.sin(x[0] * table) + x[1] * table
        rows[key] = x[1] * weights
        return np.sum(rows * table**2) + x[0]

    x = np.array([0.7, 0.3])
    for fun in (read, written):
        with bgd.testing.forced(large=LARGE):
            objective = Objective(fun, 2)
        assert objective.value(x) == pytest.approx(fun(x), rel=1e-11, abs=1e-11)
        steps = np.eye(2) * 1e-6
        slopes = [(fun(x + step) - fun(x - step)) / 2e-6 for step in steps]
        np.testing.assert_allclose(objective.gradient(x), slopes, rtol=1e-6, atol=1e-6)


FREQUENCIES = np.arange(90.0)


@pytest.mark.parametrize(
    ("transformed", "inverse"),
    [
        (lambda z: np.fft.fft(z.real), lambda y: np.fft.ifft(y).real),
        (lambda z: np.fft.fft(z, 100), lambda y: np.fft.ifft(y)[:90].real),
        (lambda z: np.fft.rfft(z.real), lambda y: np.fft.irfft(y)),
        (lambda z: np.fft.rfft(z.real, 91), lambda y: np.fft.irfft(y, 91)[:90]),
    ],
)
def test_fourier_transforms_of_rows(transformed, inverse):
    """A transform is that of NumPy, and its inverse has the gradient of the function itself."""

    def wave(x):
        return x[0] * np.exp((1j * x[1] - 0.01) * FREQUENCIES)

    def power(x):
        return np.sum(np.abs(transformed(wave(x))) ** 2 * np.cos(np.arange(len(transformed(wave(x))))))

    there = Objective(power, 2)
    back = Objective(lambda x: np.sum((inverse(transformed(wave(x))) - FREQUENCIES) ** 2), 2)
    same = Objective(lambda x: np.sum((wave(x).real - FREQUENCIES) ** 2), 2)
    x = np.array([0.7, 0.4])
    assert there.has_rows
    assert there.value(x) == pytest.approx(power(x), rel=1e-11)
    np.testing.assert_allclose(back.gradient(x), same.gradient(x), rtol=1e-9)
    np.testing.assert_allclose(back.hessian(x), same.hessian(x), rtol=1e-8, atol=1e-6)


def test_what_complex_rows_cannot_do_is_said():
    with pytest.raises(TraceError, match=r"np.multiply.reduce of complex rows"):
        Objective(lambda x: abs(np.prod(np.exp(1j * x[0] * FREQUENCIES))), 1)


def test_a_phase_is_found_on_the_cpu():
    data = 2.0 * np.exp(1j * (0.3 * FREQUENCIES / 90 + 1.0))
    fit = Objective(
        lambda x: np.mean(np.abs(x[0] * np.exp(1j * (x[1] * FREQUENCIES / 90 + x[2])) - data) ** 2),
        box=[(1, 3), (-1, 1), (0, 2)],
    )
    result = bgd.multistart(fit, starts=20, backend="cpu", seed=1)
    np.testing.assert_allclose(result.minima.x[0], [2.0, 0.3, 1.0], atol=1e-6)


def test_interpolation_between_constants_is_that_of_numpy():
    """Uneven points, ends that go on, values outside, a single number of x, and values that depend on x."""
    knots = np.sort(RNG.uniform(-1.0, 3.0, 60))
    heights = np.cos(3.0 * knots)

    def several(x):
        inside = np.interp(x[0] * FREQUENCIES / 30.0 - x[1], knots, heights)
        outside = np.interp(x[0] * FREQUENCIES / 30.0 - x[1], knots, heights, left=0.5, right=-0.25)
        of_x = np.interp(FREQUENCIES / 30.0, knots, heights * x[1])
        return (
            np.sum(inside * np.sin(FREQUENCIES)) + np.sum(outside**2) + np.interp(x[0], knots, heights) + np.sum(of_x)
        )

    objective = Objective(several, 2)
    points = RNG.uniform(0.3, 1.2, (40, 2))
    np.testing.assert_allclose(objective.value(points), [several(x) for x in points], rtol=1e-12)
    step = 1e-7
    for i, way in enumerate(np.eye(2) * step):
        slopes = np.array([several(x + way) - several(x - way) for x in points]) / (2.0 * step)
        off = np.abs(objective.gradient(points)[:, i] - slopes)
        assert np.median(off) < 1e-5 * np.abs(slopes).max()  # a few lie next to a knot
    assert objective.counts.total < 90 * 60 * 14
