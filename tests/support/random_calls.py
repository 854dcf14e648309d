"""Random calls of ``multistart`` for Hypothesis, and what holds for each of them, whatever it is called with."""

import json
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from same_results import differing

import batchgd as bgd
from batchgd import Status
from batchgd.problem.methods import METHODS

MAXITER = 30
MOST_EVALUATIONS = 20 * (MAXITER + 10)

FUNCTIONS = {
    "bowl": lambda x: np.sum(x**2),
    "waves": lambda x: np.sum(x**2 - 10 * np.cos(2 * np.pi * x)),
    "quartic": lambda x: np.sum((x**2 - 1) ** 2) + x[0],
    "kink": lambda x: np.sum(np.abs(x - 0.3)),
    "slope": lambda x: np.sum(x),
    "flat": lambda x: 0.0 * x[0] + 1.0,
    "logarithm": lambda x: np.sum(x - np.log(x)),
    "steep": lambda x: np.sum(np.exp(x) + np.exp(-3 * x)),
    "pole": lambda x: np.sum(1 / (x - 0.1) ** 2 + x**2),
    "root": lambda x: np.sum(np.sqrt(x**2 + 1e-6)),
}
"""Functions with poles, plateaus, kinks, slopes without end and values that are not numbers."""

_SIDES = st.one_of(
    st.sampled_from([(-1.0, 1.0), (-5.12, 5.12), (0.0, 1.0), (-1e-6, 1e-6), (1e6, 1e6 + 1), (-1e12, 1e12)]),
    st.tuples(st.floats(-1e3, 1e3), st.floats(1e-6, 1e3)).map(lambda side: (side[0], side[0] + side[1])),
    st.sampled_from([(1.0, -1.0), (0.0, 0.0), (-np.inf, 1.0), (np.nan, 1.0), (-1e308, 1e308), (0.0, 5e-324)]),
)
_BOUNDS = st.one_of(
    _SIDES, st.sampled_from([(-np.inf, np.inf), (0.0, np.inf), (-np.inf, 0.5), (0.25, 0.25), (-1.0, 1.0)])
)


@st.composite
def calls(draw, backends=("numpy",)):
    """Draw the settings of a call, and how it is made in parts: their size, the number of shards and their order."""
    dim = draw(st.integers(1, 4))
    sides = draw(st.lists(_SIDES, min_size=dim, max_size=dim))
    call = {
        "fun": FUNCTIONS[draw(st.sampled_from([*FUNCTIONS]))],
        "box": sides,
        "starts": draw(st.integers(1, 60)),
        "seed": draw(st.integers(0, 2**63 - 1)),
        "sampling": draw(st.sampled_from(["uniform", "sobol", "latin_hypercube"])),
        "dtype": draw(st.sampled_from(["float64", "float64", "float32", "mixed"])),
        "keep": draw(st.sampled_from(["all", "minima"])),
        "scale": draw(st.sampled_from(["auto", None, "box"])),
        "backend": draw(st.sampled_from(backends)),
        "maxiter": MAXITER,
    }
    name = draw(st.sampled_from(sorted(METHODS)))
    if draw(st.booleans()):
        call["method"] = name
    if draw(st.booleans()):
        call["bounds"] = draw(st.lists(_BOUNDS, min_size=dim, max_size=dim))
        if draw(st.booleans()):
            del call["box"]
    shards = draw(st.integers(1, 4))
    parts = {"size": draw(st.integers(1, 70)), "order": draw(st.permutations(range(1, shards + 1)))}
    return call, parts


def holds(call, parts):
    """Make a call, whole and in parts, and check all that must hold; False if it was refused."""
    try:
        result = bgd.multistart(**call)
    except bgd.InputError as error:
        message = str(error)
        assert message.isprintable(), message
        return False
    _check(result, call)
    with tempfile.TemporaryDirectory() as scratch, bgd.testing.forced(part=parts["size"]):
        for number in parts["order"]:
            if len(parts["order"]) <= call["starts"]:
                bgd.multistart(**call, run=scratch, shard=(number, len(parts["order"])))
        whole = bgd.multistart(**call, run=Path(scratch))
    assert differing(whole, result) == []
    return True


def _check(result, call):
    n, counts = call["starts"], result.status_counts()
    assert result.n == n == sum(counts.values())
    assert counts.keys() <= {status.name for status in Status}
    assert result.minima.count.sum() + result.stationary.count.sum() <= n
    assert json.dumps(result.summary(), allow_nan=False)
    assert str(result)
    assert str(result.coverage)
    if not result.kept:
        return
    assert result.x.shape[0] == len(result.fun) == len(result.status) == len(result.label) == n
    assert result.nit.min() >= 0
    assert result.nfev.max() <= MOST_EVALUATIONS
    assert -1 <= result.label.min() <= result.label.max() < len(result.minima)
    if "bounds" in call:
        low, high = (np.array(side) for side in zip(*call["bounds"], strict=True))
        for points in (result.x, result.minima.x):
            inside = np.isnan(points) | ((points >= low) & (points <= high))
            assert inside.all(), (points[~inside.all(axis=1)], low, high)
    if call["dtype"] == "float64":
        with np.errstate(all="ignore"):
            fun = np.array([call["fun"](point) for point in result.x])
        ended = ~np.isin(result.status, [Status.NONFINITE, Status.DIVERGED, Status.ESCAPED])
        np.testing.assert_allclose(result.fun[ended], fun[ended], rtol=1e-9, atol=1e-9)
