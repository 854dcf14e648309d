"""No point outside bounds is evaluated, not by an ulp: recorded call by call, and by values that would change all."""

from contextlib import nullcontext

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import batchgd as bgd
from batchgd.api import testing
from batchgd.problem.bounds import Bounds
from batchgd.problem.methods import METHODS

INF = np.inf
DIM, STARTS = 3, 4
ENDS = st.sampled_from([0.1, 1 / 3, 1.0, 2.7, 1e3 / 7])  # most are no numbers of float32


@st.composite
def intervals(draw):
    """Finite on both sides, on one, on none, next to nothing, or one number."""
    kind = draw(st.sampled_from(["both", "lower", "upper", "free", "narrow", "fixed"]))
    low = draw(ENDS) * draw(st.sampled_from([-1.0, 1.0]))
    high = low + draw(ENDS)
    return {
        "both": (low, high),
        "lower": (low, INF),
        "upper": (-INF, low),
        "free": (-INF, INF),
        "narrow": (low, np.nextafter(low, INF)),
        "fixed": (low, low),
    }[kind]


@st.composite
def bounds_of_starts(draw):
    """Bounds for all starts, (d, 2), or one pair for each, (n, d, 2)."""
    rows = STARTS if draw(st.booleans()) else 1
    pairs = np.array([[draw(intervals()) for _ in range(DIM)] for _ in range(rows)])
    return pairs if rows > 1 else pairs[0]


class Watched:
    """A function with its minima outside of most bounds, and a list of the points at which it was called."""

    def __init__(self):
        self.points = []

    def value(self, x):
        self.points.append(x.copy())
        return float(np.sum((x - [3.0, -2.0, 0.2]) ** 2 + 0.3 * np.cos(4.0 * x)) + 0.5 * x[0] * x[1])

    def slope(self, x):
        self.points.append(x.copy())
        return 2.0 * (x - [3.0, -2.0, 0.2]) - 1.2 * np.sin(4.0 * x) + 0.5 * np.array([x[1], x[0], 0.0])


def allowed(bounds, dtype):
    """The ends of the intervals of each start in a precision, (n, d) each; one row if they are the same for all."""
    return [np.atleast_2d(side) for side in Bounds.parse(bounds, DIM, STARTS).in_dtype(dtype)]


@settings(max_examples=50, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    name=st.sampled_from(list(METHODS)),
    bounds=bounds_of_starts(),
    dtype=st.sampled_from(["float64", "float32", "mixed"]),
    slopes=st.booleans(),
)
def test_a_callback_is_never_called_outside(name, bounds, dtype, slopes):
    watched, per_start = Watched(), bounds.ndim == 3
    objective = bgd.Callback(watched.value, jac=watched.slope if slopes or per_start else None, dim=DIM)
    low, high = np.broadcast_to(bounds, (STARTS, DIM, 2)).transpose(2, 0, 1)
    x0 = np.clip(np.random.default_rng(0).uniform(-5, 5, (STARTS, DIM)), low, high)
    matrix = per_start and name in ("newton", "levenberg_marquardt", "gradient_flow")
    with pytest.raises(bgd.InputError, match="second derivatives") if matrix else nullcontext():
        batch = bgd.descend(objective, x0, bounds=bounds, dtype=dtype, method=METHODS[name].example(), maxiter=25)
    if matrix:
        return
    ends = [allowed(bounds, each) for each in {"float64", "float64" if dtype == "float64" else "float32"}]
    points = np.array(watched.points)
    points = points[np.isfinite(points).all(axis=1)]
    inside = [
        ((points >= low) & (points <= high)).all(axis=1)
        for lower, upper in ends
        for low, high in zip(lower, upper, strict=True)
    ]
    assert np.any(inside, axis=0).all()
    lower, upper = allowed(bounds, batch.x.dtype.name)
    assert ((batch.x >= lower) & (batch.x <= upper)).all()


LOWER, UPPER = np.array([-1 / 3, 0.1, 0.7]), np.array([2.7, INF, 0.7])


def pulled(x):
    """Minima outside of the bounds."""
    return np.sum((x - np.array([3.0, -2.0, 0.2])) ** 2 + 0.3 * np.cos(4.0 * x)) + 0.5 * x[0] * x[1]


def poisoned(x):
    """The same within the bounds; far below it, with another slope, outside."""
    inside = (x[0] >= LOWER[0]) & (x[0] <= UPPER[0]) & (x[1] >= LOWER[1]) & (x[2] >= LOWER[2]) & (x[2] <= UPPER[2])
    return np.where(inside, pulled(x), -1e6 - 1e3 * x[0] ** 2 - 1e3 * x[1] ** 2 + 77.0 * x[2])


@pytest.mark.parametrize("block", [False, True])
@pytest.mark.parametrize(
    ("method", "dtype"),
    [
        (None, "float64"),
        (None, "mixed"),
        ("heavy_ball", "float32"),
        ("adam", "float64"),
        ("lbfgs", "float32"),
        ("newton", "float64"),
        ("gradient_flow", "float64"),
    ],
)
def test_compiled_code_never_sees_what_is_outside(method, dtype, block):
    x0 = np.clip(np.random.default_rng(0).uniform(-5, 5, (40, DIM)), LOWER, UPPER)
    options = {"bounds": np.stack([LOWER, UPPER], axis=1), "dtype": dtype, "backend": "cpu", "maxiter": 200}
    options["method"] = method and METHODS[method].example()
    with testing.forced(block=block):
        whole, poison = (bgd.descend(fun, x0, **options) for fun in (pulled, poisoned))
    for name in ("x", "fun", "nit", "nfev", "status"):
        assert np.array_equal(getattr(whole, name), getattr(poison, name)), name
    assert (whole.x[:, 1] == whole.x[:, 1].min()).mean() > 0.5  # most are on a face
