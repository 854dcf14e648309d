"""Wrong values for every parameter of every public call: one line of InputError each, or they are taken as meant."""

import inspect
import math
import warnings
from datetime import datetime
from fractions import Fraction

import numpy as np
import pytest

import batchgd as bgd
from batchgd import gather, landscapes, run, solve
from batchgd.coverage import starts_to_see
from batchgd.methods import METHODS
from batchgd.strategies import STRATEGIES

ENDLESS = []
ENDLESS.append(ENDLESS)


class Hostile:
    """Its text cannot be had, and whatever is asked of it raises."""

    def __repr__(self):
        raise RuntimeError("no text")

    def __len__(self):
        raise RuntimeError("no length")


VALUES = {
    "None": None,
    "text": "x",
    "empty text": "",
    "long text": "x" * 5000,
    "null": "a\0b",
    "half a character": "\ud800",
    "bytes": b"x",
    "True": True,
    "numpy's bool": np.True_,
    "NaN": math.nan,
    "inf": math.inf,
    "-inf": -math.inf,
    "-1": -1,
    "0": 0,
    "0.5": 0.5,
    "2**70": 2**70,
    "10**400": 10**400,
    "10**5000": 10**5000,
    "-10**400": -(10**400),
    "1e300": 1e300,
    "5e-324": 5e-324,
    "complex": 1j,
    "numpy's complex": np.complex128(1 + 1j),
    "fraction": Fraction(1, 3),
    "masked": np.ma.masked_array([1.0, 2.0], [True, False]),
    "masked number": np.ma.masked,
    "masked matrix": np.ma.masked_array(np.eye(2), np.eye(2)),
    "list of masked": [np.ma.masked_array([1.0, 2.0], [True, False])] * 2,
    "ragged": [[1, 2], [3]],
    "endless": ENDLESS,
    "nothing": [],
    "no rows": np.empty((0, 2)),
    "no columns": np.empty((2, 0)),
    "objects": np.array([object(), None]),
    "texts": ["a", "b"],
    "complexes": np.array([1j, 2.0]),
    "bools": [True, False],
    "NaNs": [math.nan, math.nan],
    "huge": [10**400, 1],
    "matrix": [[0.0, 1.0], [0.0, 1.0]],
    "cube": np.zeros((2, 2, 2)),
    "number in an array": np.array(1.0),
    "dates": np.array(["2020-01-01"], "datetime64[D]"),
    "date": datetime(2020, 1, 1),
    "dict": {"a": 1},
    "set": {1, 2},
    "object": object(),
    "class": int,
    "module": math,
    "generator": (k for k in (1, 2)),
    "hostile": Hostile(),
    "many dtypes": np.zeros(2, [("a", float), ("b", int)]),
}


class Work(Exception):
    """Raised where a run would start."""


@pytest.fixture(autouse=True)
def no_work(monkeypatch):
    def started(*_, **__):
        raise Work

    for module in (solve, gather, run):
        monkeypatch.setattr(module, "run", started)


def bowl(x):
    return np.sum(x**2)


def row_loss(x, row):
    return (x[0] - row) ** 2


ONE_OF_A_KIND = ("gradient_descent", "barzilai_borwein", "adam", "rmsprop", "fire", "lbfgs", "gradient_flow")
BOX = [(-1.0, 1.0)] * 2
LABELS = np.arange(100) % 2 * np.ones((100, 1), int)
QUICK = {"starts": 5, "backend": "numpy"}


@pytest.fixture(scope="module")
def results():
    """What public calls return, made before the seam is set."""
    return {
        "result": bgd.multistart("himmelblau", seed=0, **QUICK),
        "lean": bgd.multistart("himmelblau", keep="minima", **QUICK),
        "map": bgd.basin_map("himmelblau", resolution=48, maxiter=200, backend="numpy"),
        "paths": bgd.trace_path("himmelblau", [[1.0, 1.0]], maxiter=3, backend="numpy"),
        "saddles": bgd.multistart("himmelblau", **QUICK).connect(border_points=0, rounds=1),
        "table": bgd.compare(["adam"], ["sphere"], starts=2, backend="numpy"),
        "sweep": bgd.sweep("himmelblau", learning_rate=[0.001, 0.01], fidelity=False, **QUICK),
        "objective": bgd.Objective(bowl, 2),
        "sum": bgd.FiniteSum(lambda x, row, p: p * (x[0] - row) ** 2, [1.0, 2.0], 1, params=1.0),
    }


def calls(made):
    """Every public call with arguments that are right; each parameter of each then gets every value above."""
    result, box, quiet = made["result"], {"box": BOX}, {"backend": "numpy"}
    yield from ((METHODS[name].cls, METHODS[name].trial) for name in ONE_OF_A_KIND)
    yield from ((kind, {}) for kind in STRATEGIES.values())
    yield bgd.Exponential, {"initial": 0.1, "factor": 0.5}
    yield bgd.Step, {"initial": 0.1, "factor": 0.5, "every": 3}
    yield bgd.Cosine, {"initial": 0.1, "period": 3}
    yield bgd.InverseTime, {"initial": 0.1, "half_life": 3}
    yield bgd.Box, {"lower": [0.0], "upper": [1.0]}
    yield bgd.Box.parse, {"box": BOX}
    yield bgd.Box(0, 1).contains, {"x": [0.5]}
    yield bgd.Coverage, {"share": 0.9}
    yield bgd.Normal, {"mean": 0.0, "std": 1.0}
    yield bgd.Stopping, {}
    yield bgd.start, {"seed": 0, "i": 0, "box": BOX}
    yield bgd.Objective, {"fun": bowl, "dim": 2}
    yield bgd.FiniteSum, {"loss": row_loss, "data": [1.0, 2.0], "dim": 1, "batch_size": 1}
    yield bgd.multistart, {"fun": bowl, **box, **quiet}
    yield bgd.descend, {"fun": bowl, "x0": np.ones((3, 2)), **quiet}
    yield bgd.trace_path, {"fun": bowl, "x0": np.ones((3, 2)), **quiet}
    yield bgd.sweep, {"fun": bowl, **box, "learning_rate": [0.1, 0.2], **quiet}
    yield bgd.compare, {"methods": ["adam"], "landscapes": ["sphere"], "starts": 5, **quiet}
    yield bgd.basin_map, {"fun": bowl, **box, "resolution": 16, **quiet}
    yield bgd.curvature, {"fun": bowl, **box, "samples": 10}
    yield bgd.borders, {"labels": LABELS}
    yield bgd.basin_entropy, {"labels": LABELS}
    yield bgd.fractal_dimension, {"labels": LABELS}
    yield bgd.uncertainty_exponent, {"labels": LABELS}
    yield bgd.match, {"a": result, "b": result}
    yield bgd.load, {"folder": "no such folder"}
    yield landscapes.get, {"name": "sphere"}
    for name in ("box", "minima", "n_minima", "global_value", "is_complete", "objective", "check_dim"):
        yield getattr(landscapes.get("rastrigin"), name), {"dim": 2}
    for kept in (result, made["lean"]):
        yield kept.fidelity, {"sample": 5, "reference": None, "confidence": 0.9, "seed": 0}
        yield kept.recluster, {}
        yield kept.stability, {}
        yield kept.connect, {"border_points": 0, "rounds": 1, "most_minima": 1}
        yield kept.save, {"folder": "no/such/folder"}
        yield kept.plot, {}
        yield kept.to_dataframe, {}
        yield kept.start_points, {"first": 0, "stop": 1}
        yield kept.coverage.curve, {"starts": [1]}
        yield kept.coverage.fractions, {}
    for name, right in PICTURES.items():
        yield getattr(result.plot, name), right
    yield starts_to_see, {"share": 0.1}
    yield made["map"].zoom, {"window": ((0.0, 1.0), (0.0, 1.0)), "resolution": 16}
    yield made["map"].borders, {}
    yield made["paths"].plot.animation, {"path": "no/such/folder/a.gif"}
    yield made["saddles"].lowest_path, {"a": 0, "b": 0}
    yield made["sweep"].at, {"k": 0}
    yield made["sweep"].status_counts, {}
    yield made["table"].pivot, {"name": "success"}
    yield made["table"].on, {"landscapes": ["sphere 5-D"]}
    yield made["table"].cells[0].quantile, {"share": 0.5}
    for objective in (made["objective"], made["sum"]):
        for name in ("value", "gradient", "value_and_gradient", "hessian"):
            yield getattr(objective, name), {"x": np.ones((3, objective.dim))}
        yield objective.with_params, {"params": 2.0}


PICTURES = {
    "basins": {"ax": None, "contours": False, "key": None},
    "slices": {"pairs": [(0, 1)], "axes": None},
    "confusion": {"other": None, "ax": None, "names": None},
    "tolerances": {"ax": None, "x_tol": None, "f_tol": None},
    "zoom": {"center": None, "factor": 2.0, "panels": 2, "resolution": 16, "plane": None, "axes": None},
}


def outcome(call, arguments):
    """What a call came to, "refused", "taken", or what is wrong with it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", bgd.TraceSizeWarning)
            call(**arguments)
    except Work:
        return "taken"
    except bgd.InputError as error:
        line = str(error)
        return "refused" if "\n" not in line and len(line) < 500 else f"a long line: {line!r:.200}"
    except Exception as error:
        return f"{type(error).__name__}: {error!s:.150}"
    return "taken"


def test_every_wrong_value_is_refused_in_one_line_or_taken_as_meant(results, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wrong, count = [], {"refused": 0, "taken": 0}
    for call, right in calls(results):
        named = [
            name
            for name, p in inspect.signature(call).parameters.items()
            if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
        ]
        for parameter in [*dict.fromkeys([*named, *right])]:
            for name, value in VALUES.items():
                came = outcome(call, right | {parameter: value})
                if came in count:
                    count[came] += 1
                else:
                    wrong.append(f"{getattr(call, '__qualname__', call)}({parameter}={name}): {came}")
    assert not wrong, f"{len(wrong)} of {sum(count.values()) + len(wrong)}:\n" + "\n".join(wrong)
    assert count["refused"] > 3 * count["taken"]
