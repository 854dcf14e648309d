"""Wrong values for every parameter of every public call: one line of InputError each, or they are taken as meant."""

import inspect
import math
import warnings
from datetime import datetime
from fractions import Fraction

import numpy as np
import pytest
from scipy.optimize import Bounds

import batchgd as bgd
from batchgd import landscapes, testing
from batchgd.analysis.strategies import STRATEGIES
from batchgd.minima.coverage import starts_to_see

METHODS = bgd.methods.METHODS

MASKED = np.ma.masked_array([[1.0, 2.0], [3.0, 4.0]], [[False, True], [False, False]])
MANY = np.linspace(0.1, 0.9, 5000)
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
    "class": type,
    "module": math,
    "generator": (k for k in (1, 2)),
    "hostile": Hostile(),
    "many dtypes": np.zeros(2, [("a", float), ("b", int)]),
}


@pytest.fixture
def no_work(monkeypatch):
    def started(*_, **__):
        raise testing.Work

    monkeypatch.setattr("matplotlib.figure.Figure.__init__", started)
    with testing.no_work():
        yield


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
        "map": bgd.map("himmelblau", resolution=48, maxiter=200, backend="numpy"),
        "paths": bgd.path("himmelblau", [[1.0, 1.0]], maxiter=3, backend="numpy"),
        "saddles": bgd.multistart("himmelblau", **QUICK).connect(border_points=0, rounds=1),
        "table": bgd.compare(["adam"], ["sphere"], starts=2, backend="numpy"),
        "sweep": bgd.sweep("himmelblau", learning_rate=[0.001, 0.01], fidelity=False, **QUICK),
        "objective": bgd.Objective(bowl, 2),
        "sum": bgd.FiniteSum(lambda x, row, p: p * (x[0] - row) ** 2, [1.0, 2.0], 1, params=1.0),
    }


def calls(made):
    """Every public call with arguments that are right; each parameter of each then gets every value above."""
    result, box, quiet = made["result"], {"box": BOX}, {"backend": "numpy"}
    yield from ((METHODS[name], METHODS[name].EXAMPLE) for name in ONE_OF_A_KIND)
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
    yield bgd.path, {"fun": bowl, "x0": np.ones((3, 2)), **quiet}
    yield bgd.sweep, {"fun": bowl, **box, "learning_rate": [0.1, 0.2], **quiet}
    yield bgd.compare, {"methods": ["adam"], "landscapes": ["sphere"], "starts": 5, **quiet}
    yield bgd.map, {"fun": bowl, **box, "resolution": 16, **quiet}
    yield bgd.curvature, {"fun": bowl, **box, "samples": 10}
    yield bgd.borders, {"labels": LABELS}
    yield bgd.basin_entropy, {"labels": LABELS}
    yield bgd.fractal_dimension, {"labels": LABELS}
    yield bgd.uncertainty_exponent, {"labels": LABELS}
    yield bgd.diff, {"a": result, "b": result}
    yield bgd.load, {"path": "no such file"}
    yield landscapes.get, {"name": "sphere"}
    for name in ("box", "minima", "n_minima", "global_value", "is_complete", "check_dim"):
        yield getattr(landscapes.get("rastrigin"), name), {"dim": 2}
    for kept in (result, made["lean"]):
        yield kept.fidelity, {"sample": 5, "reference": None, "confidence": 0.9, "seed": 0}
        yield kept.recluster, {}
        yield kept.stability, {}
        yield kept.connect, {"border_points": 0, "rounds": 1, "most_minima": 1}
        yield kept.save, {"path": "no/such/folder"}
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
    "waterfall": {"ax": None, "key": None},
    "basins": {"ax": None, "contours": False, "key": None},
    "slices": {"pairs": [(0, 1)], "axes": None},
    "confusion": {"other": None, "ax": None, "names": None},
    "tolerances": {"ax": None, "x": None, "f": None},
    "zoom": {"center": None, "factor": 2.0, "panels": 2, "resolution": 16, "plane": None, "axes": None},
}


def outcome(call, arguments):
    """What a call came to, "refused", "taken", or what is wrong with it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", bgd.TraceSizeWarning)
            call(**arguments)
    except testing.Work:
        return "taken"
    except bgd.InputError as error:
        line = str(error)
        return "refused" if "\n" not in line and len(line) < 500 else f"a long line: {line!r:.200}"
    except Exception as error:
        return f"{type(error).__name__}: {error!s:.150}"
    return "taken"


TOLD = {
    # a call on the results above: what it says
    "masked box": (lambda made: bgd.multistart(bowl, box=MASKED), "the box contains masked entries: fill them"),
    "masked starts": (lambda made: bgd.descend(bowl, MASKED), "the start points contain masked entries"),
    "masked points": (lambda made: made["objective"].value(MASKED), "x contains masked entries"),
    "complex points": (
        lambda made: made["objective"].gradient([1j, 0.0]),
        "x contains complex numbers: bowl takes real",
    ),
    "true points": (lambda made: made["objective"].hessian([True, False]), "x contains true/false values"),
    "points in words": (lambda made: made["sum"].value(["one"]), "x contains text"),
    "check in words": (lambda made: bgd.multistart(bowl, box=BOX, check="False"), "check is 'False': give True or Fal"),
    "device in words": (lambda made: bgd.descend(bowl, [[1, 2]], device="no"), "device is 'no': give True or False"),
    "adaptive in words": (lambda made: bgd.map(bowl, BOX, adaptive="no"), "adaptive is 'no': give True or False"),
    "fidelity in words": (
        lambda made: bgd.sweep(bowl, box=BOX, learning_rate=[0.1], fidelity="yes"),
        "fidelity is 'yes': give True or False",
    ),
    "scale in words": (lambda made: bgd.compare(scale="x"), "scale is 'x': give True or False"),
    "replace in words": (lambda made: bgd.FiniteSum(row_loss, [1.0], 1, replace="yes"), "replace is 'yes': give True"),
    "replace alone": (
        lambda made: bgd.FiniteSum(row_loss, [1.0], 1, replace=True),
        "replace=True belongs to batch_size",
    ),
    "overwrite in words": (
        lambda made: made["result"].save("x", overwrite="no"),
        "overwrite is 'no': give True or False",
    ),
    "no directions": (lambda made: made["result"].stability(0), "directions is 0: give a whole number from 1"),
    "a seed below 0": (lambda made: made["result"].stability(4, seed=-1), "the seed is -1: give a whole number from 0"),
    "starts beyond the last": (lambda made: made["result"].start_points(0, 10**6), "stop is 1000000: .* from 0 to 5"),
    "starts before the first": (lambda made: made["result"].start_points(-1, 5), "first is -1: .* from 0 to 5"),
    "all but nothing covered": (
        lambda made: bgd.Coverage(0.999999999999),
        "coverage is 0.999999999999: closer to 1 than",
    ),
    "dim beyond memory": (
        lambda made: bgd.multistart("sphere", dim=10**9),
        "dim is 1000000000: give .* from 1 to 100000",
    ),
    "dim beyond float": (lambda made: bgd.Objective(bowl, 10**400), "dim is 1000*[.]{3}: give .* from 1 to 100000"),
    "a tolerance beyond float": (lambda made: bgd.Stopping(gtol=10**400), "gtol is 1000*[.]{3}, which float64 cannot"),
    "an array of norms": (lambda made: bgd.Stopping(norm=np.array([2, 2])), "norm is array.*: give 2 or 'max'"),
    "ragged labels": (lambda made: bgd.basin_entropy([[1, 2], [3]]), "labels hold rows of different lengths"),
    "ragged borders": (lambda made: bgd.borders([[1, 2], [3]]), "labels hold rows of different lengths"),
    "a null in a path": (lambda made: made["result"].save("a\0b"), r"the path is 'a\\x00b', which is not a path"),
    "a long path": (lambda made: made["result"].save("x" * 5000), "File name too long.: give another path"),
    "a picture of a number": (lambda made: made["result"].plot(3), "the file is 3: give its path as text"),
    "load of a result": (lambda made: bgd.load(made["result"]), "the path is himmelblau .*: give its path as text"),
    "confidence in words": (
        lambda made: bgd.diff(made["result"], made["result"], confidence="a"),
        "confidence is 'a': give a probability",
    ),
    "known is a number": (lambda made: bgd.map(bowl, BOX, known=3), "known is 3: give the minima of another map"),
    "starts that were not kept": (
        lambda made: made["lean"].to_dataframe(starts=True),
        "did not keep: run it with keep='all'",
    ),
    "labels that were not kept": (lambda made: made["lean"].fidelity(), "kept none: run it with keep='all'"),
    "a sweep of millions": (
        lambda made: bgd.sweep(
            bowl,
            box=BOX,
            method="heavy_ball",
            learning_rate=MANY,
            momentum=MANY,
        ),
        "the sweep has 25,000,000 values: give at most 100,000",
    ),
    "a list in itself": (lambda made: bgd.descend(bowl, ENDLESS), "lists that are nested too deeply"),
    "bounds": (
        lambda made: bgd.multistart(bowl, box=Bounds([0, 0], [1, 1])),
        "a Bounds, which constrains x, but a box",
    ),
}


@pytest.mark.parametrize("name", TOLD)
@pytest.mark.usefixtures("no_work")
def test_what_it_says(name, results, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    call, line = TOLD[name]
    with pytest.raises(bgd.InputError, match=line) as caught:
        call(results)
    assert "\n" not in str(caught.value)


class Exchanged:
    """An array of another library: it can be handed over, and has neither a length nor axes."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


class Convertible:
    """An object that NumPy can convert."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return self.array


@pytest.mark.parametrize("kind", [Exchanged, Convertible])
def test_arrays_of_any_library_are_starts(kind):
    points = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert bgd.descend(bowl, kind(points), backend="numpy").x0.tolist() == points.tolist()
    assert bgd.path(bowl, kind(points[0]), backend="numpy")[0].x[0].tolist() == [1.0, 2.0]
    assert bgd.Objective(bowl, 2).value(kind(points)).tolist() == [5.0, 25.0]


@pytest.mark.parametrize("scale", [1e300, 1e-300])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_no_warning_of_numpy_comes_through(scale, dtype):
    options = {"dtype": dtype, "maxiter": 5, "max_time": 2, **QUICK}
    steep = bgd.multistart(lambda x: scale * np.sum(x**2), box=BOX, **options)
    assert f"{steep.n} starts" in repr(steep)
    wide = 1e307 if dtype == "float64" else 1e38
    far = bgd.multistart(lambda x: np.sum(np.cos(x / wide)), box=[(-wide, wide)] * 2, **options)
    assert f"{far.n} starts" in repr(far)


@pytest.mark.usefixtures("no_work")
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
