"""Functions that cannot be traced, called as plain Python: derivatives, descents, errors, workers, and the messages."""

import json
import math
import os
import pickle
import re
import signal
import sys
import time
from types import ModuleType

import numpy as np
import pytest
from scipy.integrate import odeint, quad
from scipy.special import erf

import batchgd as bgd

BOX = [(-2.0, 2.0), (-1.0, 3.0)]


def wells(x):
    """(x² - 1)² + y², by numbers alone: two minima, at (±1, 0), and a saddle between them."""
    return (float(x[0]) ** 2 - 1) ** 2 + float(x[1]) ** 2


def wells_gradient(x):
    return [4 * x[0] * (x[0] ** 2 - 1), 2 * x[1]]


def both(x):
    return wells(x), wells_gradient(x)


def many(x):
    assert x.ndim == 2
    return (x[:, 0] ** 2 - 1) ** 2 + x[:, 1] ** 2


def many_gradients(x):
    return np.stack([4 * x[:, 0] * (x[:, 0] ** 2 - 1), 2 * x[:, 1]], axis=1)


def wells_hessian(x):
    return np.array([[[12 * a**2 - 4, 0.0], [0.0, 2.0]] for a, _ in x])


def only_left(x):
    if x[0] > 0:
        raise KeyError("right")
    return wells(x)


def dies(x):
    os._exit(3)


WAYS = {
    "central": lambda: bgd.Callback(wells),
    "forward": lambda: bgd.Callback(wells, differences="forward"),
    "jac": lambda: bgd.Callback(wells, wells_gradient),
    "both": lambda: bgd.Callback(both, True),
    "vectorized": lambda: bgd.Callback(many, vectorized=True),
    "vectorized jac": lambda: bgd.Callback(many, many_gradients, vectorized=True),
    "workers": lambda: bgd.Callback(wells, workers=2),
}


def wells_found(result):
    return sorted(np.asarray(result.minima.x).round(6).tolist()) == [[-1.0, 0.0], [1.0, 0.0]]


@pytest.mark.parametrize("way", WAYS)
def test_a_callback_finds_what_the_traced_function_finds(way):
    result = bgd.multistart(WAYS[way](), box=BOX, starts=40)
    traced = bgd.multistart(lambda x: (x[0] ** 2 - 1) ** 2 + x[1] ** 2, box=BOX, starts=40, backend="numpy")
    assert wells_found(result)
    assert result.backend == "numpy"
    assert np.array_equal(np.sign(result.x[:, 0]), np.sign(traced.x[:, 0]))
    assert list(result.minima.kind) == ["minimum"] * 2
    assert np.allclose(result.minima.eigenvalues, [[2.0, 8.0]] * 2, rtol=1e-5)


@pytest.mark.parametrize("way", ["central", "forward", "jac", "both", "vectorized", "vectorized jac", "workers"])
def test_derivatives_are_those_of_the_formula(way):
    made = bgd.as_objective(WAYS[way](), box=BOX)
    x = np.random.default_rng(1).uniform(*np.array(BOX).T, (20, 2))
    close = 1e-5 if way == "forward" else 1e-8
    assert np.array_equal(made.value(x), [wells(each) for each in x])
    assert np.allclose(made.gradient(x), many_gradients(x), rtol=0, atol=close)
    value, slope = made.value_and_gradient(x)
    assert np.array_equal(value, made.value(x))
    assert np.array_equal(slope, made.gradient(x))
    assert np.allclose(made.hessian(x), wells_hessian(x), rtol=0, atol=1e-5)


@pytest.mark.parametrize("method", [bgd.Adam(0.1), "lbfgs", bgd.Newton(), bgd.GradientDescent(0.02)], ids=str)
@pytest.mark.parametrize("dtype", ["float64", "mixed"])
def test_every_kind_of_method_takes_a_callback(method, dtype):
    assert wells_found(bgd.multistart(bgd.Callback(wells), box=BOX, starts=20, method=method, dtype=dtype))


def test_results_do_not_depend_on_processes_or_on_who_runs_with_whom():
    one = bgd.multistart(bgd.Callback(wells), box=BOX, starts=300)
    two = bgd.multistart(bgd.Callback(wells, workers=2), box=BOX, starts=300)
    alone = bgd.descend(bgd.Callback(wells, box=BOX), one.starts.at(np.array([299])), box=BOX, gtol=one.stopping.gtol)
    assert one.x.tobytes() == two.x.tobytes()
    assert one.nfev.tobytes() == two.nfev.tobytes()
    assert alone.x.tobytes() == one.x[299:].tobytes()


@pytest.mark.parametrize(
    ("made", "method", "each"),
    [
        (bgd.Callback(wells), None, 5),
        (bgd.Callback(wells), bgd.GradientDescent(0.01), 4),
        (bgd.Callback(wells, differences="forward"), None, 3),
        (bgd.Callback(wells, differences="forward"), bgd.GradientDescent(0.01), 3),
        (bgd.Callback(both, True), None, 1),
        (bgd.Callback(wells), bgd.Newton(), 13),
    ],
)
def test_nfev_counts_calls_of_the_function(made, method, each):
    made = bgd.as_objective(made, box=BOX)
    counted = [0]

    def counting(x):
        counted[0] += 1
        return made.fun(x)

    objective = bgd.as_objective(
        bgd.Callback(counting, made.jac, differences=made.differences, box=BOX, dim=2, step=1e-5)
    )
    before = objective.calls
    assert before == counted[0]
    result = bgd.descend(objective, [[0.5, 0.7], [-0.3, 0.2]], maxiter=20, method=method, gtol=1e-3)
    endpoints = 0 if method is None or type(method) is bgd.Newton else len(result.x)
    assert (result.nfev % each == 0).all()
    assert objective.calls == counted[0]
    assert result.nfev.sum() <= counted[0] - before <= result.nfev.sum() + endpoints


def test_scaled_runs_and_arguments():
    wide = bgd.multistart(bgd.Callback(wells), box=[(-2, 2), (-100, 100)], starts=30)
    assert wide.scale is not None
    assert wells_found(wide)
    assert wells_found(bgd.multistart(bgd.Callback(wells), box=BOX, starts=20, jac=wells_gradient))
    shifted = bgd.Callback(lambda x, a: wells(x) + a)
    assert bgd.multistart(shifted, box=BOX, starts=20, args=(3.0,)).minima.fun[0] == pytest.approx(3.0)
    assert bgd.multistart(shifted, box=BOX, starts=20, params=4.0).minima.fun[0] == pytest.approx(4.0)
    made = bgd.Callback(lambda x, a: a @ x, params=[1.0, 2.0], dim=2)
    assert np.allclose(made.with_params([3.0, 4.0]).gradient([1.0, 1.0]), [3.0, 4.0])


def test_analyses_and_storage(tmp_path):
    made = bgd.Callback(wells)
    result = bgd.multistart(made, box=BOX, starts=30, check=True)
    assert result.warnings == ()
    assert len(bgd.map(made, box=BOX, resolution=8).minima) == 2
    assert bgd.path(made, [0.5, 0.5]).x[-1] == pytest.approx([1.0, 0.0], abs=1e-6)
    file = tmp_path / "wells.npz"
    result.save(file)
    assert bgd.load(file, fun=made).objective.value([1.0, 0.0]) == 0.0
    again = pickle.loads(pickle.dumps(result)).objective
    assert again.calls == 0
    assert again.value([1.0, 2.0]) == 4.0
    assert np.array_equal(again.gradient([0.3, 0.2]), result.objective.gradient([0.3, 0.2]))


def test_a_fit_by_odeint_and_an_integral_by_quad():
    time_ = np.linspace(0.0, 6.0, 15)
    data = np.exp(-0.5 * time_) * 2

    def decay(p):
        return np.sum((odeint(lambda y, t: -p[0] * y, [p[1]], time_)[:, 0] - data) ** 2)

    fit = bgd.multistart(bgd.Callback(decay), box=[(0.1, 2), (0.5, 4)], starts=6, max_time=60)
    assert fit.minima.x[0] == pytest.approx([0.5, 2.0], abs=1e-5)

    def area(x):
        return (quad(lambda t: math.exp(-(t**2)), 0, x[0])[0] - 0.5) ** 2

    root = bgd.multistart(bgd.Callback(area), box=[(0.0, 2.0)], starts=6).minima.x[0, 0]
    assert np.sqrt(np.pi) / 2 * erf(root) == pytest.approx(0.5, abs=1e-6)


def test_noise_is_measured_and_widens_the_steps():
    def noisy(x):
        return 1.0 + wells(x) + 1e-8 * math.sin(1e9 * x[0] + 3e8 * x[1])

    made = bgd.as_objective(bgd.Callback(noisy), box=BOX)
    assert 1e-10 < made.noise < 1e-7
    x = np.random.default_rng(0).uniform(*np.array(BOX).T, (20, 2))
    assert np.allclose(made.gradient(x), many_gradients(x), rtol=0, atol=1e-3)
    exact = bgd.as_objective(bgd.Callback(noisy, step=1e-5), box=BOX)
    assert np.abs(exact.gradient(x) - many_gradients(x)).max() > 1e-4


def test_an_exception_is_the_status_of_its_trajectory():
    result = bgd.multistart(bgd.Callback(only_left), box=BOX, starts=40)
    right = result.starts.at(np.arange(40))[:, 0] > 0
    assert ((result.status == bgd.Status.NONFINITE) == right).all()
    assert len(result.minima) == 1
    vector = bgd.Callback(lambda x: np.array([only_left(each) for each in x]), vectorized=True)
    assert bgd.multistart(vector, box=BOX, starts=40).status.tolist() == result.status.tolist()


@pytest.mark.parametrize("workers", [None, 2])
def test_an_exception_at_every_start_is_one_line(workers):
    made = bgd.Callback(only_left, box=BOX, workers=workers)
    with pytest.raises(bgd.InputError, match=r"test_callback\.py:\d+: only_left raises KeyError: 'right'") as caught:
        bgd.descend(made, [[0.5, 0.5], [1.0, 1.0]])
    assert "\n" not in str(caught.value)
    with bgd.testing.no_work(), pytest.raises(bgd.InputError, match=r"test_callback\.py:\d+: broken raises NameError"):
        bgd.multistart(bgd.Callback(broken), box=BOX)


def broken(x):
    return undefined_name(x)  # noqa: F821


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: bgd.Callback(3), "fun is 3: give a function"),
        (lambda: bgd.Callback(wells, 3), "jac is 3: give a function of x that returns the gradient, or True"),
        (lambda: bgd.Callback(wells, step=2), "step is 2: give a number between 0 and 1"),
        (lambda: bgd.Callback(wells, differences="five"), "differences is 'five'"),
        (lambda: bgd.Callback(wells).value([1.0, 2.0]), "give it dim= or box="),
        (lambda: bgd.Callback(lambda x: None, box=BOX), "returns None: return one real number"),
        (lambda: bgd.Callback(lambda x: x, box=BOX), r"returns an array of shape \(2,\): return one real number"),
        (lambda: bgd.Callback(lambda x: 1j * x[0], box=BOX), "returns .*: return one real number"),
        (
            lambda: bgd.Callback(many, lambda x: x[0], vectorized=True, box=BOX),
            r"return an array of shape \(\d, 2\)",
        ),
        (
            lambda: bgd.Callback(lambda x: np.sum(x), vectorized=True, box=BOX),
            r"returns [-\d.]+: return an array of shape \(\d,\)",
        ),
        (lambda: bgd.Callback(wells, True, box=BOX), "with jac=True, return the value and the gradient as a pair"),
        (
            lambda: bgd.Callback(wells, lambda x: [0.0, 0.0], box=BOX),
            r"\.py:\d+: the gradient that .*correct it",
        ),
        (lambda: bgd.Callback(lambda x, y: x, box=BOX), "is called as"),
        (
            lambda: bgd.multistart(bgd.Callback(wells), box=BOX, backend="cpu"),
            "'cpu' cannot call a bgd.Callback",
        ),
        (lambda: bgd.multistart(bgd.Callback(wells)), "the box is missing"),
        (lambda: bgd.multistart(bgd.Callback(wells, wells_gradient), box=BOX, jac=wells_gradient), "jac was given"),
        (lambda: bgd.Callback(wells, workers=0), "workers is 0"),
    ],
)
def test_bad_input_is_refused_in_one_line(make, message):
    with bgd.testing.no_work(), pytest.raises(bgd.InputError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_cuda_is_refused_before_the_function_is_called():
    with bgd.testing.no_work(), pytest.raises(bgd.InputError, match="cuda"):
        bgd.multistart(bgd.Callback(broken), box=BOX, backend="cuda")


def test_lambdas_in_workers_need_cloudpickle(monkeypatch):
    import importlib.util

    found = importlib.util.find_spec

    def without(name, *rest):
        return None if name == "cloudpickle" else found(name, *rest)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    with pytest.raises(bgd.InputError, match=r"workers=2 sends <lambda> to other processes.*or install cloudpickle"):
        bgd.Callback(lambda x: wells(x), workers=2)
    stand_in = ModuleType("cloudpickle")
    stand_in.dumps = lambda functions: pickle.dumps(tuple(type(each)(wells, "value", each.dim) for each in functions))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: True if name == "cloudpickle" else found(name))
    monkeypatch.setitem(sys.modules, "cloudpickle", stand_in)
    assert bgd.Callback(lambda x: wells(x), workers=2, dim=2).value([1.0, 2.0]) == 4.0


def test_a_worker_that_dies_is_one_line():
    with pytest.raises(bgd.InputError, match="a worker process that called dies ended unexpectedly"):
        bgd.Callback(dies, workers=2, dim=2).value([1.0, 2.0])


class Slow:
    """Sleeps, and presses Ctrl-C at some call."""

    def __init__(self, press=0):
        self.press, self.calls = press, 0
        self.__name__ = "slow"

    def __call__(self, x):
        self.calls += 1
        if self.calls == self.press:
            os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.001)
        return wells(x)


def test_time_runs_out_between_two_calls():
    slow = Slow()
    result = bgd.multistart(bgd.Callback(slow), box=BOX, starts=2000, max_time=0.2, gtol=1e-6)
    assert (result.status == bgd.Status.MAXTIME).all()
    assert np.isnan(result.fun).any()
    assert slow.calls < 2500  # one tick of 256 trajectories takes 1,280 calls


@pytest.mark.parametrize("press", [100, 3000])
def test_ctrl_c_ends_a_run_between_two_calls(press):
    slow = Slow(press)
    result = bgd.multistart(bgd.Callback(slow), box=BOX, starts=2000, gtol=1e-6)
    assert result.interrupted
    assert (result.status == bgd.Status.INTERRUPTED).any()
    assert slow.calls < press + 2000  # half a second is left for what comes after the descents


def squares(x):
    return quad(lambda t: (x[0] - t) ** 2, 0, 1)[0]


def indexed(x):
    return [2.0, 1.0, 3.0][int(x[0] * 0)] + x[0] ** 2


def converted(x):
    return math.fsum([float(x[0]) ** 2, len(bytes(int(x[0])))])


def formatted(x):
    return float(str(float(x[0]))) ** 2


@pytest.mark.parametrize("fun", [squares, indexed, converted, formatted])
def test_the_cure_of_what_cannot_be_traced_works(fun):
    with pytest.raises(bgd.TraceError, match=r"or run it untraced: bgd\.Callback\(fun\), which is slower") as caught:
        bgd.multistart(fun, box=[(-1, 2)])
    cure = re.search(r"bgd\.Callback\(fun\)", str(caught.value))[0]
    made = eval(cure, {"bgd": bgd, "fun": fun})
    assert len(bgd.multistart(made, box=[(-1, 2)], starts=10).minima) == 1


def test_the_shell_takes_a_callback(tmp_path, monkeypatch, capfd):
    from batchgd.cli.app import main

    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text(
        "import batchgd as bgd\n\n\ndef wells(x):\n    return (float(x[0]) ** 2 - 1) ** 2\n\n\n"
        "called = bgd.Callback(wells)\n"
    )
    assert main(["run", "own.py:called", "--box", "-2", "2", "--starts", "20", "--json"]) == 0
    out, err = capfd.readouterr()
    assert len(json.loads(out)["minima"]) == 2
    assert "backend numpy" in err
    assert main(["run", "own.py:called", "--box", "-2", "2", "--backend", "cpu"]) == 2
    assert "--backend cpu cannot call a bgd.Callback" in capfd.readouterr().err
