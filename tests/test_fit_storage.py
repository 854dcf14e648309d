"""Fits as files: they come back as they were, with and without their models; nothing damaged or forged is taken."""

import json
import zipfile

import numpy as np
import pytest

import batchgd as bgd

T = np.linspace(0.0, 4.0, 40)
Y = 2.0 * np.exp(-0.7 * T) + 0.3 + 0.01 * np.cos(31.0 * T)
LIMITS = {"a": bgd.Parameter(1.0, 0, 5), "k": bgd.Parameter(min=1e-2, max=10, scale="log"), "c": (-1, 1)}


def decay(t, a, k, c):
    return a * np.exp(-k * t) + c


def vector(t, p):
    return p[0] * np.exp(-p[1] * t) + p[2]


def dose(t, d, a, k):
    return a * d * np.exp(-k * t)


def rate(t, a, k):
    return a * np.exp(-k * t)


def double(t, a, k, b, q):
    return a * np.exp(-k * t) + b * np.exp(-q * t)


def fitted(model=decay, x=T, y=Y, parameters=LIMITS, starts=30, **options):
    return bgd.fit(model, x, y, parameters=parameters, starts=starts, **options)


CASES = {
    "function": {},
    "formula": {"model": "a*exp(-k*x) + c"},
    "vector": {"model": vector},
    "list": {"model": vector, "parameters": [(0, 5), (0, 10), (-1, 1)]},
    "by name": {"model": dose, "x": {"t": T, "d": 1.0 + T}, "parameters": {"a": (0, 5), "k": (0, 9)}},
    "two rows": {"model": "a*exp(-k*t) + c*d", "x": {"t": T, "d": 1.0 + T}},
    "rows of one array": {"model": lambda x, a, k, c: decay(x[0], a, k, c) * x[1], "x": (T, 1.0 + 0.0 * T)},
    "sigma, robust": {"sigma": 0.01 + 0.01 * T, "loss": "huber", "f_scale": 2.0, "absolute_sigma": True},
    "missing rows": {"y": np.where(T < 0.5, np.nan, Y)},
    "formulas, fixed": {"parameters": LIMITS | {"c": "0.1*a", "k": bgd.Parameter(0.7, vary=False)}},
    "at a limit": {"parameters": LIMITS | {"k": (0.9, 3)}},
    "open side": {"parameters": LIMITS | {"k": bgd.Parameter(min=0, box=(0.1, 2))}},
    "guess to nothing new": {"parameters": LIMITS | {"k": bgd.Parameter(0.6, 0.5, 3)}},
    "not determined": {"model": lambda t, a, k, c: a * c * np.exp(-k * t)},
    "data sets": {
        "model": rate, "x": [T, T[:20]], "y": [Y, 0.5 * Y[:20]], "shared": ["k"],
        "parameters": {"a": (0, 5), "a_2": "a_1/2", "k": (0, 3)},
    },
    "exchange": {
        "model": double, "parameters": dict.fromkeys("akbq", (0, 4)), "exchangeable": [("k", "a"), ("q", "b")],
    },
    "not exchanged": {"model": double, "parameters": dict.fromkeys("akbq", (0, 4))},
    "until covered": {"starts": None, "until": bgd.Coverage(0.9)},
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_fit_comes_back(name, tmp_path):
    fit = fitted(**CASES[name])
    path = fit.save(tmp_path / "fit.npz")
    model = CASES[name].get("model", decay)
    alone, whole = bgd.load(path), bgd.load(path, fun=None if isinstance(model, str) else model)
    assert alone.model.missing == (not isinstance(model, str))
    for again in (alone, whole):
        assert isinstance(again, bgd.FitResult)
        assert str(again) == str(fit)
        assert again._repr_html_() == fit._repr_html_()
        assert again.params == fit.params
        np.testing.assert_array_equal(again.covar, fit.covar)
        np.testing.assert_array_equal(again.landscape.x, fit.landscape.x)
        np.testing.assert_array_equal(again.walkers(5), fit.walkers(5))
        assert again.to_dataframe(solutions=True).equals(fit.to_dataframe(solutions=True))
        np.testing.assert_array_equal(again.to_scipy().grad, fit.to_scipy().grad)
        assert again.outcome.guess == fit.outcome.guess
    np.testing.assert_array_equal(np.hstack(whole.predict()), np.hstack(fit.predict()))
    if np.isfinite(fit.covar).all():
        np.testing.assert_allclose(*(np.hstack([*map(np.hstack, each.prediction_band())]) for each in (whole, fit)))
    np.testing.assert_allclose(whole.landscape.jac, fit.landscape.jac)
    assert bgd.load(whole.save(tmp_path / "again.npz")).params == fit.params


def test_without_the_model_predictions_name_the_remedy(tmp_path):
    path = fitted().save(tmp_path / "fit.npz")
    with pytest.raises(bgd.InputError, match=r"the model decay was not saved.*bgd.load\(path, fun=model\)"):
        bgd.load(path).predict()
    with pytest.raises(bgd.InputError, match="fun does not have the stored residuals"):
        bgd.load(path, fun=lambda t, a, k, c: decay(t, a, 2.0 * k, c))
    with pytest.raises(bgd.InputError, match="fun is not the model of that fit: the model has no parameter 'c'"):
        bgd.load(path, fun=rate)
    with pytest.raises(bgd.InputError, match="already contains a result"):
        fitted().save(path)
    assert fitted().save(path, overwrite=True) == path


def rewritten(path, change):
    """The file with a change of its JSON and its arrays."""
    with np.load(path) as stored:
        arrays = {name: stored[name] for name in stored.files if name != "result.json"}
    with zipfile.ZipFile(path) as archive:
        head = json.loads(archive.read("result.json"))
    change(head, arrays)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("result.json", json.dumps(head))
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def put(name, value):
    return lambda head, arrays: arrays.__setitem__(name, value(arrays[name]) if callable(value) else value)


def record(**changes):
    return lambda head, arrays: head["fit"].update(changes)


FORGED = {
    "no record": lambda head, arrays: head.pop("fit"),
    "no data": lambda head, arrays: arrays.pop("fit.y"),
    "short data": put("fit.y", lambda y: y[:-1]),
    "infinite data": put("fit.y", lambda y: np.where(y > 2.0, np.inf, y)),
    "other x": put("fit.x.0.0", lambda x: x[:3]),
    "text": put("fit.x.0.0", np.array(["a"] * 40)),
    "sigma": put("fit.sigma", -np.ones(40)),
    "residuals": put("fit.residual", lambda r: r[1:]),
    "derivatives": put("fit.jac", lambda j: j[:, 1:]),
    "counts": put("fit.solutions.count", lambda n: n + 1000),
    "kinds": put("fit.solutions.kind", np.arange(3)),
    "limits": put("fit.solutions.at_limit", lambda at: at + 5),
    "solutions": put("fit.solutions.free", lambda free: free[:, :1]),
    "no solution": put("fit.solutions.free", lambda free: free[:0]),
    "guess": record(guess=7),
    "names": record(names=["a", "k"]),
    "numbers as names": record(names=[1, 2, 3]),
    "given": record(given={"a": 3}),
    "reversed": lambda head, arrays: head["fit"]["given"]["k"].update(min=5.0, max=1.0),
    "circle": lambda head, arrays: head["fit"]["given"]["k"].update(expr="k + 1"),
    "code": lambda head, arrays: head["fit"]["given"]["k"].update(expr="__import__('os').getcwd()"),
    "code as formula": record(formula=True, name="__import__('os').system('true')"),
    "sets": record(shared=["z"]),
    "loss": record(loss="worst"),
    "scale": record(f_scale=-1.0),
    "columns": record(columns=[["t", "d"]]),
    "exchange": record(exchangeable=[["a"], ["z"]]),
    "run": put("status", lambda status: status + 99),
}


@pytest.mark.parametrize("name", FORGED)
def test_what_does_not_fit_together_is_refused(name, tmp_path):
    path = fitted().save(tmp_path / "fit.npz")
    rewritten(path, lambda head, arrays: None)
    assert bgd.load(path).name == "decay"
    rewritten(path, FORGED[name])
    with pytest.raises(bgd.InputError, match="cannot be read: ") as caught:
        bgd.load(path)
    assert "\n" not in str(caught.value)
