"""Everything that is public, and everything that public calls return, goes through pickle and copy and comes back."""

import copy
import dataclasses
import functools
import math
import pickle
import types

import numpy as np
import pytest

import batchgd as bgd
from batchgd import Objective, landscapes
from batchgd.analysis.saddles.tree import disconnectivity
from batchgd.analysis.strategies import STRATEGIES
from batchgd.minima.eigen import HessianEigenvalues
from batchgd.problem.samplings import Starts

METHODS = bgd.methods.METHODS

BOX = [(-6.0, 6.0)] * 2
RUN = {"starts": 40, "backend": "numpy"}


def wells(x):
    return np.sum((x**2 - 1.0) ** 2) + 0.1 * x[0]


def residual(x, row):
    return (x[0] + x[1] * row[0] - row[1]) ** 2


def residuals(x):
    return np.array([10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]])


def decay(t, a, k):
    return a * np.exp(-k * t)


def fitted():
    t = np.linspace(0.0, 3.0, 20)
    limits = {"a": bgd.Parameter(1.0, 0, 5), "k": bgd.Parameter(min=0.01, max=9, scale="log")}
    fit = bgd.fit(decay, t, decay(t, 2.0, 0.7) + 0.01 * np.cos(9.0 * t), parameters=limits, starts=20, backend="numpy")
    assert fit.params["k"].stderr  # keeps the statistics
    return fit


def fitted_rows():
    t = np.linspace(0.0, 3.0, 20)
    y = np.array([[2.0], [1.0]]) * decay(t, 1.0, 0.7)
    return bgd.fit(decay, t, y, parameters={"a": (0, 5), "k": (0, 3)}, starts=5, backend="numpy")


def plain(x):
    return 0.5 * np.sum(x**2)


@functools.cache
def run():
    return bgd.multistart(wells, box=[(-2.0, 2.0)] * 2, **RUN)


@functools.cache
def connected():
    return run().connect(border_points=20, rounds=1)


def paths():
    return bgd.path(plain, [[1.0, 2.0], [0.5, 0.5]], maxiter=3, backend="numpy")


def data():
    return bgd.FiniteSum(residual, [[0, 1], [1, 3], [2, 5]], box=BOX, batch_size=2, replace=True)


def used(objective):
    """An objective after it was run: what it has compiled must not get in the way."""
    bgd.descend(objective, [[1.0, 2.0]], method=bgd.GradientDescent(0.01), maxiter=1, backend="numpy")
    objective.hessian([0.0, 0.0])
    return objective


def basins():
    return bgd.map(wells, box=[(-2.0, 2.0)] * 2, resolution=48, maxiter=200, backend="numpy")


OBJECTS = {
    # what a user makes
    **{f"method {name}": row.example for name, row in METHODS.items()},
    **{f"strategy {name}": kind for name, kind in STRATEGIES.items()},
    "Exponential": lambda: bgd.Exponential(0.1, 0.5, 10.0),
    "Step": lambda: bgd.Step([0.1, 0.2], 0.5, 10.0),
    "Cosine": lambda: bgd.Cosine(0.1, 50.0),
    "InverseTime": lambda: bgd.InverseTime(0.1, 50.0),
    "InputError": lambda: bgd.InputError("why"),
    "TraceError": lambda: bgd.TraceError("why"),
    "BackendError": lambda: bgd.BackendError("why"),
    "warning": lambda: bgd.TraceSizeWarning("why"),
    "another warning": lambda: bgd.RunWarning("why"),
    "Box": lambda: bgd.Box([0, 1], [2, 3]),
    "Coverage": lambda: bgd.Coverage(0.99),
    "Normal": lambda: bgd.Normal([0.0, 1.0], 0.5),
    "Identity": lambda: bgd.Identity(x=1e-3),
    "Parameter": lambda: bgd.Parameter(1.0, 0.5, 2.0, scale="log"),
    "Stopping": lambda: bgd.Stopping(gtol=1e-8, patience=3),
    "Status": lambda: bgd.Status.GRADIENT,
    "Objective": lambda: used(bgd.Objective(wells, 2)),
    "FiniteSum": lambda: used(data()),
    "LeastSquares": lambda: used(bgd.LeastSquares(residuals, 2)),
    "Callback": lambda: used(bgd.Callback(wells, box=BOX)),
    "ProgressUpdate": lambda: bgd.ProgressUpdate(3, 10, 0.5, 2),
    "Landscape": lambda: landscapes.get("himmelblau"),
    "Landscape's second name": lambda: landscapes.get(landscapes.names()[-1]),
    "Landscape of the user's": lambda: dataclasses.replace(
        landscapes.get("himmelblau"),
        **dict.fromkeys(("_minima", "_n_minima", "_global_value", "_kinks", "_saddles"), len),
    ),
    # what public calls return
    "multistart": run,
    "multistart, minima only": lambda: bgd.multistart(wells, box=[(-2.0, 2.0)] * 2, keep="minima", **RUN),
    "multistart, sobol": lambda: bgd.multistart("sphere", sampling="sobol", **RUN),
    "multistart until covered": lambda: bgd.multistart("sphere", until=bgd.Coverage(0.9), **RUN),
    "multistart with a strategy": lambda: bgd.multistart("himmelblau", strategy=bgd.BasinHopping(hops=2), **RUN),
    "descend": lambda: bgd.descend(plain, [[1.0, 2.0]], backend="numpy"),
    "some of a result": lambda: run()[3:9],
    "trajectory": lambda: run()[0],
    "messages": lambda: list(run().message),
    "minima": lambda: run().minima,
    "stationary": lambda: run().stationary,
    "coverage": lambda: run().coverage,
    "fidelity": lambda: run().fidelity(20),
    "recluster": lambda: run().recluster({"x": 0.1}),
    "stability": lambda: run().stability(1),
    "saddles": lambda: connected(),
    "tree": lambda: disconnectivity(connected()),
    "lowest path": lambda: connected().lowest_path(0, 1),
    "network": lambda: bgd.multistart("himmelblau", strategy=bgd.BasinHopping(hops=2), **RUN).network(),
    "paths": paths,
    "path": lambda: paths()[0],
    "basin map": basins,
    "borders": lambda: basins().borders(),
    "basin entropy": lambda: bgd.basin_entropy(basins().label),
    "scaling": lambda: bgd.fractal_dimension(basins().label),
    "diff": lambda: bgd.diff(run(), run()),
    "sweep": lambda: bgd.sweep(wells, box=[(-2.0, 2.0)] * 2, learning_rate=[0.001, 0.01], **RUN),
    "sweep, recommended": lambda: bgd.sweep("himmelblau", learning_rate=[0.001, 0.01], **RUN).recommended,
    "comparison": lambda: bgd.compare(["gradient_descent"], ["sphere"], starts=10, backend="numpy"),
    "fit": fitted,
    "fits": fitted_rows,
    "fitted parameter": lambda: made("fit").params["k"],
    "curvature": lambda: bgd.curvature("himmelblau", samples=20),
}


@functools.cache
def made(name):
    return OBJECTS[name]()


def equal(a, b):
    """Whether two objects hold the same, all the way down; arrays bit for bit."""
    a, b = (each.computed() if isinstance(each, HessianEigenvalues) else each for each in (a, b))
    if type(a) is not type(b):
        return False
    if isinstance(a, Objective):
        return a.key == b.key and np.array_equal(a.numbers, b.numbers) and (a.name, a.box) == (b.name, b.box)
    if isinstance(a, bgd.Callback):
        return all(
            getattr(a, name) == getattr(b, name) for name in ("fun", "jac", "name", "dim", "box", "noise", "step")
        )
    if isinstance(a, Starts):
        return repr(a) == repr(b) and np.array_equal(a.points(0, a.n), b.points(0, b.n))
    if hasattr(a, "toarray"):  # sparse
        return np.array_equal(a.toarray(), b.toarray())
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    if isinstance(a, dict):
        return [*a] == [*b] and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(equal, a, b))
    if isinstance(a, types.FunctionType | type) or not hasattr(a, "__dict__"):
        return a == b or (isinstance(a, float) and math.isnan(a) and math.isnan(b))
    if isinstance(a, BaseException):
        return str(a) == str(b)
    kept = (name for name in vars(a) if name != "_outputs")  # traced anew
    return all(equal(vars(a)[name], vars(b).get(name)) for name in kept)


@pytest.mark.parametrize("name", OBJECTS)
def test_it_comes_back_equal(name):
    whole = made(name)
    shown = repr(whole)  # may keep something for later
    for again in (pickle.loads(pickle.dumps(whole)), copy.deepcopy(whole), copy.copy(whole)):
        assert equal(whole, again)
        assert repr(again) == shown


def test_every_public_class_is_among_them():
    kinds = {type(made(name)) for name in OBJECTS}
    classes = {getattr(bgd, name) for name in bgd.__all__ if isinstance(getattr(bgd, name), type)}
    assert classes <= kinds


def test_a_fit_of_a_lambda_names_the_reason():
    t = np.linspace(0.0, 3.0, 20)
    fit = bgd.fit(lambda t, a: a * t, t, 2.0 * t, parameters={"a": (0, 5)}, starts=5, backend="numpy")
    with pytest.raises(pickle.PicklingError, match=r"lambda or an inner function.*use cloudpickle"):
        pickle.dumps(fit)
    assert copy.deepcopy(fit).predict([1.0]) == pytest.approx(2.0)
    formula = bgd.fit("a*x", t, 2.0 * t, parameters={"a": (0, 5)}, starts=5, backend="numpy")
    assert pickle.loads(pickle.dumps(formula)).predict([1.0]) == pytest.approx(2.0)


def test_what_comes_back_works():
    result = pickle.loads(pickle.dumps(run()))
    assert np.array_equal(result.jac, run().jac)
    assert np.array_equal(result.x0, run().x0)
    swept = pickle.loads(pickle.dumps(made("sweep")))
    assert swept.recommended == made("sweep").recommended
    assert bgd.multistart(**RUN, fun=result.objective, box=result.box).fun.tolist() == run().fun.tolist()


@pytest.mark.parametrize(
    "kind", [lambda f: bgd.Objective(f, 2), lambda f: bgd.FiniteSum(f, [1.0], 2), lambda f: bgd.Callback(f, dim=2)]
)
def test_a_lambda_is_named_as_the_reason(kind):
    objective = kind(lambda x, *row: x[0] ** 2 + x[1] ** 2)
    with pytest.raises(pickle.PicklingError, match=r"lambda or an inner function.*use cloudpickle") as caught:
        pickle.dumps(objective)
    assert "\n" not in str(caught.value)
    assert copy.deepcopy(objective).value([1.0, 2.0]) == 5.0


def test_packages_that_carry_code_are_not_refused(tmp_path, monkeypatch):
    """Stands for cloudpickle: a pickler that takes functions by value, in a module of its name."""
    (tmp_path / "cloudpickle.py").write_text(
        "import io, marshal, pickle, types\n"
        "def load(code):\n    import numpy\n    return types.FunctionType(marshal.loads(code), {'np': numpy})\n"
        "class Pickler(pickle.Pickler):\n"
        "    def reducer_override(self, value):\n"
        "        named = isinstance(value, types.FunctionType) and '<' not in value.__qualname__\n"
        "        if named or not isinstance(value, types.FunctionType):\n            return NotImplemented\n"
        "        return load, (marshal.dumps(value.__code__),)\n"
        "def dumps(value):\n    out = io.BytesIO()\n    Pickler(out).dump(value)\n    return out.getvalue()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import cloudpickle

    again = pickle.loads(cloudpickle.dumps(bgd.Objective(lambda x: x[0] ** 2 + x[1] ** 2, 2)))
    assert again.value([1.0, 2.0]) == 5.0
