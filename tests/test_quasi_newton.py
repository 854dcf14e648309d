"""Conjugate gradients, BFGS, L-BFGS and Newton: quadratic facts, naive references, SciPy, and NIST's hard fits."""

import sys
from pathlib import Path

import naive
import numpy as np
import pytest

import batchgd as bgd
from batchgd import InputError, Status

sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))
import nist

CURVATURES = np.array([1.0, 3.0, 10.0, 40.0, 100.0])
WIDE = {"box": [(-1e4, 1e4)] * 5}  # no step is cut short
BOX = [(-6.0, 6.0)] * 2
OBLONG = [(-6.0, 6.0), (-6.0, 6.5)]  # that of test_methods: what it compiled serves here too
UNITS = np.array([1.0, 12.5 / 12.0])  # in these it is cubic
KINDS = {
    "cg": (bgd.NonlinearCG(), 0.1),
    "bfgs": (bgd.BFGS(), 0.9),
    "lbfgs": (bgd.LBFGS(), 0.9),
}


def himmelblau(x):
    return (x[0] ** 2 + x[1] - 11.0) ** 2 + (x[0] + x[1] ** 2 - 7.0) ** 2


def himmelblau_gradient(x):
    a, b = x[0] ** 2 + x[1] - 11.0, x[0] + x[1] ** 2 - 7.0
    return np.array([4.0 * a * x[0] + 2.0 * b, 2.0 * a + 4.0 * b * x[1]])


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


@pytest.mark.parametrize(
    ("method", "updates"),
    [(bgd.NonlinearCG(curvature=1e-8), 5), (bgd.BFGS(curvature=1e-8), 6), (bgd.LBFGS(curvature=1e-8, memory=6), 6)],
    ids=["cg", "bfgs", "lbfgs"],
)
def test_an_exact_search_ends_on_a_quadratic_in_as_many_updates_as_dimensions(method, updates):
    x0 = np.random.default_rng(0).uniform(-1.0, 1.0, (20, 5))
    batch = bgd.descend(
        lambda x: 0.5 * np.sum(CURVATURES * x**2), x0, method=method, gtol=1e-7, backend="numpy", **WIDE
    )
    assert (batch.status == Status.GRADIENT).all()
    assert batch.nit.max() <= updates


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("backend", ["numpy", "cpu"])
def test_follows_its_reference(kind, backend):
    (method, curvature), x0 = KINDS[kind], np.random.default_rng(3).uniform(-5.0, 5.0, (30, 2))
    batch = bgd.descend(himmelblau, x0, method=method, box=OBLONG, gtol=1e-3, backend=backend)
    in_units = (lambda u: himmelblau(u * UNITS)), (lambda u: himmelblau_gradient(u * UNITS) * UNITS)
    ends = [
        naive.along_directions(
            kind, *in_units, x / UNITS, 12.0, 1e-3, cap=method.max_displacement, c2=curvature, memory=5, units=UNITS
        )
        for x in x0
    ]
    np.testing.assert_allclose(batch.x, [end[0] * UNITS for end in ends], rtol=0, atol=1e-8)
    assert batch.nit.tolist() == [end[1] for end in ends]
    assert batch.nfev.tolist() == [end[2] for end in ends]


def test_newton_ends_on_a_quadratic_in_one_update():
    x0 = np.random.default_rng(0).uniform(-1.0, 1.0, (20, 5))
    batch = bgd.descend(
        lambda x: 0.5 * np.sum(CURVATURES * x**2) + x[0] * x[1], x0, method=bgd.Newton(), backend="numpy", **WIDE
    )
    assert (batch.status == Status.GRADIENT).all()
    assert (batch.nit == 1).all()


def test_newtons_step_is_the_best_one_within_the_radius():
    x0, width = np.random.default_rng(5).uniform(-5.0, 5.0, (200, 2)), 12.0
    batch = bgd.descend(himmelblau, x0, method=bgd.Newton(0.05), box=BOX, maxiter=1, gtol=1e-300, backend="numpy")
    moved = (batch.nit == 1) & (batch.nfev == 2)
    assert np.mean(moved) > 0.9
    shares = []
    for x, new in zip(x0[moved], batch.x[moved], strict=True):
        g = himmelblau_gradient(x)
        cross = 4.0 * (x[0] + x[1])
        h = np.array([[12.0 * x[0] ** 2 + 4.0 * x[1] - 42.0, cross], [cross, 12.0 * x[1] ** 2 + 4.0 * x[0] - 26.0]])
        step = new - x
        assert np.linalg.norm(step) <= 1.051 * 0.05 * width
        shares.append((g @ step + 0.5 * step @ h @ step) / naive.least_of_model(g, h, 0.05 * width))
    assert min(shares) > 0.7
    assert np.mean(np.array(shares) > 0.9) > 0.95


@pytest.mark.parametrize("backend", ["numpy", "cpu"])
def test_newton_leaves_a_maximum_and_converges_quadratically(backend):
    x0 = [[-0.6, -1.3]]  # in the concave region around the maximum
    updates = [
        bgd.descend(himmelblau, x0, method=bgd.Newton(0.01), box=OBLONG, gtol=gtol, backend=backend).nit[0]
        for gtol in (1.0, 1e-10)
    ]
    assert updates[0] > 10
    assert updates[1] - updates[0] <= 4


@pytest.fixture(scope="module")
def scipys_ends():
    from scipy.optimize import minimize

    x0 = np.random.default_rng(1).uniform(0.5, 1.5, (10, 5))
    return x0, [minimize(rosenbrock, x, method="L-BFGS-B", options={"ftol": 0, "gtol": 1e-9}).x for x in x0]


@pytest.mark.parametrize("kind", [*KINDS, "newton"])
def test_ends_where_scipy_ends(kind, scipys_ends):
    x0, scipy = scipys_ends
    method = bgd.Newton() if kind == "newton" else KINDS[kind][0]
    batch = bgd.descend(rosenbrock, x0, method=method, box=[(-2.0, 2.0)] * 5, gtol=1e-9, backend="numpy")
    np.testing.assert_allclose(batch.x, scipy, rtol=0, atol=1e-5)
    np.testing.assert_allclose(batch.x, 1.0, rtol=0, atol=1e-8)


def test_is_blind_to_the_units_of_each_coordinate():
    units, x0 = np.array([1.0, 1024.0]), np.random.default_rng(3).uniform(-5.0, 5.0, (30, 2))
    for method, _ in KINDS.values():
        plain = bgd.descend(himmelblau, x0, method=method, box=BOX, xtol=1e-12, gtol=0, maxiter=15, backend="numpy")
        other = bgd.descend(
            lambda x: himmelblau(x / units), x0 * units, method=method, box=list(np.array(BOX) * units[:, None]),
            xtol=1e-12, gtol=0, maxiter=15, backend="numpy",
        )  # fmt: skip
        np.testing.assert_allclose(other.x / units, plain.x, rtol=0, atol=1e-9)


FITS = ("BoxBOD", "MGH09", "Eckerle4", "Rat43")


@pytest.mark.parametrize("name", FITS)
@pytest.mark.parametrize("method", [bgd.BFGS(), bgd.LBFGS(), bgd.Newton()], ids=["bfgs", "lbfgs", "newton"])
def test_fits_what_nist_calls_hard_to_seven_digits(name, method):
    """Of Eckerle4's starts 8 % lie where its peak is so far from the data that the gradient vanishes.

    Newton's first steps take another 14 % there, and BFGS's a third of MGH09's starts into a valley to infinity.
    """
    share = {("MGH09", "bfgs"): 0.6, ("Eckerle4", "newton"): 0.7}.get((name, method.rule), 0.85)
    data = nist.read(nist.FOLDER / f"{name}.dat")
    result = bgd.multistart(
        nist.residual_sum(data), box=data.box(1.1), starts=60, method=method, backend="numpy", gtol=1e-10
    )
    digits = -np.log10(np.maximum(np.abs(result.x / data.parameters - 1.0).max(axis=1), 1e-16))
    assert np.mean(digits > 7.0) > share


@pytest.mark.parametrize("bad", [0, 65, 2.5, True, "many"], ids=repr)
def test_memory_is_checked(bad):
    with pytest.raises(InputError, match="memory is"):
        bgd.LBFGS(memory=bad)
