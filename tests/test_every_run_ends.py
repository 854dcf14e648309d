"""Every trajectory ends, with a status that says what stopped it: norms that overflow, steps of nothing, edges."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import batchgd as bgd
from batchgd import Status

METHODS = bgd.methods.METHODS

MAXITER = 30
BOUND = 20 * (MAXITER + 10)
"""The stated bound on evaluations, for methods that reject trials."""

REJECTING = {
    **{name: METHODS[name].example() for name in ("barzilai_borwein", "nonlinear_cg", "lbfgs", "bfgs", "newton")},
    "armijo": bgd.Armijo(),
    "gradient_flow": bgd.GradientFlow(),
    "explicit flow": bgd.GradientFlow(stiff=False),
}
ACCEPTING = {
    **{name: row.example() for name, row in METHODS.items() if name not in REJECTING},
    "polyak": bgd.Polyak(0.0),
    "clipped": bgd.Adam(0.1, clip_norm=1.0),
}

EDGES = {
    "the slope of a root is infinite": (lambda x: np.sqrt(1 - np.cos(x[0])) + x[1] ** 2, 2.0),
    "the edge of a domain": (lambda x: np.arccosh(1 + np.sum(x**2)), 2.0),
    "the inverse of a cosine": (lambda x: np.arccos(np.cos(x[0]) * np.cos(x[1])), 2.0),
    "a huge value": (lambda x: 1e300 * np.sum(x**2 - np.cos(5 * x)), 2.0),
    "a steep exponential": (lambda x: np.exp(x[0]) + np.exp(-x[0]) + x[1] ** 2, 400.0),
    "a pole": (lambda x: 1 / x[0] + x[0] + x[1] ** 2, 3.0),
    "nothing finite": (lambda x: np.sum(x**2) / (0.0 * x[0]), 1.0),
    "a huge box": (lambda x: np.sum((x / 1e307 - 1.0) ** 2), 8e307),
    "a steep valley": (lambda x: (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2, 1e6),
}


def descend(fun, width, n, **options):
    x0 = np.random.default_rng(0).uniform(-width, width, (n, 2))
    stopping = bgd.Stopping(maxiter=MAXITER, escape=np.inf)
    with np.errstate(all="ignore"):
        return bgd.descend(fun, x0, box=[(-width, width)] * 2, stopping=stopping, **options)


def check_ended(batch):
    assert batch.nfev.max() <= BOUND
    assert not np.isin(batch.status, (Status.RUNNING, Status.MAXTIME)).any()
    finite = np.isfinite(batch.fun) & np.isfinite(batch.x).all(axis=1)
    assert finite[batch.status != Status.NONFINITE].all()


@pytest.mark.parametrize("edge", EDGES)
def test_methods_that_reject_trials_end_at_all_edges(edge):
    dtypes = ["float64", "float32"] if edge in ("a pole", "a steep valley") else ["float64"]
    for dtype in dtypes:
        for method in REJECTING.values():
            check_ended(descend(*EDGES[edge], 20, method=method, dtype=dtype, backend="numpy"))


def test_methods_that_accept_every_point_end():
    for edge in ("a huge value", "the slope of a root is infinite"):
        for method in ACCEPTING.values():
            check_ended(descend(*EDGES[edge], 20, method=method, backend="numpy"))


@pytest.mark.parametrize("method", ["barzilai_borwein", "lbfgs"])
def test_compiled_code_ends_where_the_reference_does(method):
    ends = [
        descend(*EDGES["the slope of a root is infinite"], 300, method=method, backend=backend)
        for backend in ("cpu", "numpy")
    ]
    for batch in ends:
        check_ended(batch)
    assert (ends[0].status == ends[1].status).mean() > 0.98


UNARY = [np.sin, np.exp, np.log, np.sqrt, np.abs, np.tan, np.arccos, np.cosh, np.arctanh, np.cbrt, np.square]
UNARY += [lambda v: 1 / v, lambda v: v**3, lambda v: -v, lambda v: 1e200 * v, lambda v: 1e-200 * v]
BINARY = [np.add, np.subtract, np.multiply, np.divide, np.maximum, np.hypot, np.arctan2]
EXPRESSIONS = st.recursive(
    st.sampled_from([lambda x: x[0], lambda x: x[1], lambda x: 1.5, lambda x: -0.3]),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(UNARY), inner).map(lambda made: lambda x: made[0](made[1](x))),
        st.tuples(st.sampled_from(BINARY), inner, inner).map(lambda made: lambda x: made[0](made[1](x), made[2](x))),
    ),
    max_leaves=6,
)


@settings(max_examples=20, deadline=None)
@given(
    EXPRESSIONS,
    st.sampled_from(sorted(REJECTING)),
    st.sampled_from(["float64", "float32"]),
    st.sampled_from([1e-6, 2.0, 60.0, 1e6]),
)
def test_random_expressions_end(expression, method, dtype, width):
    with np.errstate(all="ignore"):
        try:
            fun = bgd.Objective(lambda x: expression(x) + 0.0 * x[0] + x[1] ** 2, dim=2, box=[(-width, width)] * 2)
        except bgd.InputError:
            return  # nothing finite in the box, or no number at all
    check_ended(descend(fun, width, 20, method=REJECTING[method], dtype=dtype, backend="numpy"))


def test_a_gradient_whose_square_overflows_is_descended():
    """The squared norm of the gradient overflows at most starts, in float32 and in float64.

    L-BFGS in short steps: one over forty decades of the gradient leaves it an H too small to move on, and it stalls.
    """
    for dtype, fun, width in (
        ("float32", EDGES["a steep exponential"][0], 60.0),
        ("float64", EDGES["a steep exponential"][0], 500.0),
    ):
        for method in (bgd.BarzilaiBorwein(), bgd.NonlinearCG(), bgd.LBFGS(0.01), bgd.Newton()):
            x0 = np.random.default_rng(1).uniform(-width, width, (200, 2))
            batch = bgd.descend(fun, x0, box=[(-width, width)] * 2, method=method, dtype=dtype, backend="numpy")
            assert np.isin(batch.status, [Status.GRADIENT, Status.STALLED]).all(), method
            assert np.abs(batch.x).max() < 1e-2, method


def test_a_factor_of_a_power_of_two_moves_no_point():
    """Multiplied by 2^900 the square of the gradient overflows, and the endpoints stay the same."""

    def fun(x):
        return np.sum(x**4 - 3 * x**2 + 0.5 * x)

    for method in ("barzilai_borwein", "bfgs", "newton"):
        ends = [
            bgd.descend(
                lambda x, factor=factor: factor * fun(x),
                np.random.default_rng(2).uniform(-2, 2, (200, 3)),
                box=[(-2, 2)] * 3,
                method=method,
                stopping=bgd.Stopping(gtol=0.0, gtol_rel=1e-7),
                backend="numpy",
            ).x
            for factor in (1.0, 2.0**900)
        ]
        same = (np.abs(ends[0] - ends[1]) < 1e-4).all(axis=1)
        assert same.mean() > 0.97, method


def test_trials_that_are_rejected_count_towards_maxiter():
    """At the edge of its domain a line search may try for ever: the bound is stated, and it is MAXFEV that names it."""
    batch = bgd.descend(lambda x: x[0] ** 2, [[1.0]], method="lbfgs", backend="numpy", stopping=bgd.Stopping(maxfev=3))
    assert batch.status.tolist() == [Status.MAXFEV]
    assert batch.nfev.tolist() == [3]


def test_what_never_moved_is_no_success():
    """A step of 0 because a norm overflows, in a rule that accepts every point."""
    batch = descend(*EDGES["a huge value"], 20, method=bgd.Adam(0.1), backend="numpy")
    assert (batch.status == Status.NONFINITE).all()
    assert not batch.success.any()
