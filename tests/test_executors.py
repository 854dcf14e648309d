"""Runs on executors: whoever makes the parts, and whatever happens to them, the result is the same to the last bit."""

import json
import os
import random
import signal
import sys
import threading
from collections import Counter
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
from faulty_executors import WRONG, Elsewhere
from hypothesis import given, settings
from hypothesis import strategies as st
from same_results import differing
from shell_samples import shell

import batchgd as bgd
from batchgd.api.executors import desk, worker
from batchgd.api.executors.local import LocalWorkers, WorkerDied
from batchgd.api.runs.configuration import configuration_of
from batchgd.api.testing import forced, no_work

SETTINGS = {"dim": 2, "starts": 2000, "backend": "numpy", "maxiter": 200}
BOX = [(-2.0, 2.0), (-1.0, 3.0)]
T = np.linspace(0.0, 3.0, 50)


def solve(executor=None, fun="rastrigin", **changes):
    """Rastrigin's function from 2,000 starts, in parts of 300."""
    with forced(part=300):
        return bgd.multistart(fun, **SETTINGS | changes, executor=executor)


def of(fun, **changes):
    """Another function, from 320 starts."""
    return {"fun": fun, "dim": None, "box": BOX, "starts": 320} | changes


def called(x):
    return float((x[0] ** 2 - 1.0) ** 2 + x[1] ** 2)


def failing(x):
    raise ValueError("nothing here")


def exponential(p):
    return p[0] * np.exp(-p[1] * T) - 1.5 * np.exp(-0.6 * T)


@pytest.fixture(scope="module")
def whole():
    """The undisturbed result."""
    return solve()


@pytest.fixture(scope="module")
def local():
    """Two worker processes of our own."""
    with LocalWorkers(2) as workers:
        yield workers


@pytest.fixture(scope="module")
def client():
    """Dask's, with two workers."""
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, protocol="tcp", dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def test_processes_and_threads(whole, local):
    with ThreadPoolExecutor(3) as threads:
        for executor in (local, threads):
            made = solve(executor)
            assert differing(made, whole) == []
            assert made.provenance["parts"] == 7


@pytest.mark.filterwarnings("default")
def test_dask(capsys, whole, client):
    line = "run himmelblau --starts 1000 --backend numpy --json"
    found = []
    for options in ("", f" --scheduler {client.scheduler.address}"):
        code, out, err = shell(capsys, line + options)
        assert code == 0, err
        found.append(json.loads(out)["minima"])
    assert found[0] == found[1]
    assert "computed by 1 worker" in err
    assert differing(solve(client.get_executor()), whole) == []
    with pytest.raises(bgd.InputError, match=r"executor is a Client: give client\.get_executor\(\)"):
        solve(client)


CASES = {
    "minima only": {"keep": "minima"},
    "until": {"until": bgd.Coverage(0.99)},
    "sobol": {"sampling": "sobol"},
    "normal": {"sampling": bgd.Normal(0.0, 2.0)},
    "starts": {"starts": np.random.default_rng(1).uniform(-5, 5, (1000, 2)), "dim": None},
    "mixed": {"dtype": "mixed"},
    "bounds": {"bounds": [(-3, 3), (-3, 3)]},
    "cpu": {"backend": "cpu"},
    "lambda": of(lambda x: (x[0] ** 2 - 1.0) ** 2 + np.sin(x[1]) ** 2),
    "units": of(lambda x: (x[0] ** 2 - 1.0) ** 2 + (x[1] - 1.0) ** 2, scale=[4.0, 0.5]),
    "domain": of(
        lambda x: (np.log(x[0]) - 1.0) ** 2 + np.cos(np.pi * x[1] / 3.0),
        box=[(0.1, 9.0), (-3.0, 3.0)],
        domain=["positive", "periodic"],
        scale=[4.0, 0.5],
    ),
    "params": of(lambda x, a: (x[0] ** 2 - a[0]) ** 2 + a[1] * x[1] ** 2, params=[1.0, 0.5]),
    "own gradient": of(lambda x: x[0] ** 2 + x[1] ** 4, jac=lambda x: np.array([2 * x[0], 4 * x[1] ** 3])),
    "newton": of(lambda x: x[0] ** 4 + x[0] * x[1] + x[1] ** 4, method="newton"),
    "rows": of(lambda x: np.sum((x[0] * np.exp(-x[1] * T) - np.exp(-T)) ** 2)),
    "scan": of(
        lambda x: bgd.scan(lambda c, t: (c + 0.01 * np.sin(c * t), c), x[0], T)[0] ** 2 + x[1] ** 2,
        starts=40,
        maxiter=20,
    ),
    "least squares": of(bgd.LeastSquares(exponential, box=BOX), box=None, method=bgd.LevenbergMarquardt()),
    "least squares in units": of(
        bgd.LeastSquares(exponential, box=BOX), box=None, method=bgd.LevenbergMarquardt(), scale="box"
    ),
    "sum": of(
        bgd.FiniteSum(lambda x, t: (x[0] * t - x[1]) ** 2, T, box=BOX, batch_size=20),
        box=None,
        method=bgd.GradientDescent(0.01),
        starts=40,
        maxiter=20,
    ),
    "callback": of(bgd.Callback(called), starts=40, maxiter=20),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_sent_is_what_is_computed(case):
    executor = Elsewhere()
    made = solve(executor, **CASES[case])
    assert differing(made, solve(**CASES[case])) == []
    assert executor.largest < 20_000


def test_a_large_batch_is_sent_to_those_who_ask():
    starts = np.random.default_rng(1).uniform(-5, 5, (3000, 2))
    executor = Elsewhere()
    made = solve(executor, starts=starts, dim=None)
    assert differing(made, solve(starts=starts, dim=None)) == []
    assert [order.packed is None for order in executor.orders[-4:]] == [True] * 4


def test_what_cannot_be_sent_is_refused_before_work(local):
    lock = threading.Lock()  # cannot be pickled
    settings = of(bgd.Callback(lambda x: float(x @ x) + bool(lock)), starts=50, maxiter=5)
    with no_work(), pytest.raises(bgd.InputError, match=r"cannot be sent to other processes \(.*\): define") as refusal:
        solve(local, **settings)
    assert "\n" not in str(refusal.value)
    with ThreadPoolExecutor(2) as threads:
        assert differing(solve(threads, **settings), solve(**settings)) == []


@pytest.mark.parametrize("keep", ["all", "disk"])
def test_a_folder_is_filled_by_workers(tmp_path, whole, keep):
    solve(run=tmp_path, starts=700)
    kept = {file.name: file.stat().st_ino for file in (tmp_path / "parts").iterdir()}
    made = solve(Elsewhere(), run=tmp_path, keep=keep)
    assert made.provenance["computed"] == 5
    with no_work():
        assert differing(solve(run=tmp_path), whole) == []
        assert differing(solve(Elsewhere(), run=tmp_path), whole) == []
    assert all((tmp_path / "parts" / name).stat().st_ino == inode for name, inode in kept.items())
    assert np.array_equal(np.concatenate([part["fun"] for part in bgd.rows(tmp_path)]), whole.fun)
    assert {path.name for path in tmp_path.rglob(".*")} == {".lock"}


@pytest.mark.parametrize("faults", [WRONG[:7], WRONG[7:]], ids=["one half", "the other"])
def test_a_wrong_answer_costs_its_part_alone(tmp_path, whole, faults):
    wrong, asked = {300 * k: fault for k, fault in enumerate(faults)}, Counter()

    def fault(order, attempt):
        asked[order.part[0]] += 1
        return wrong.get(order.part[0]) if asked[order.part[0]] == 1 else None

    assert differing(solve(Elsewhere(fault=fault), run=tmp_path), whole) == []
    assert [fault for first, fault in wrong.items() if asked[first] == 1] == []
    with no_work():
        assert differing(solve(run=tmp_path), whole) == []


@pytest.mark.parametrize("fault", ["hangs", "refuses to begin"])
def test_what_hangs_is_made_by_others_and_at_last_here(monkeypatch, whole, fault):
    monkeypatch.setattr(desk, "LEAST", 0.1)
    hung = Elsewhere(fault=lambda order, attempt: fault if attempt == 3 else None)
    assert differing(solve(hung), whole) == []
    hopeless = Elsewhere(fault=lambda order, attempt: fault if order.part[0] == 900 else None)
    assert differing(solve(hopeless), whole) == []


def test_who_never_returns_what_was_ordered_is_not_asked_for_ever(whole):
    made = solve(Elsewhere(fault=lambda order, attempt: "garbage" if order.part[0] == 600 else None))
    assert differing(made, whole) == []  # computed here


def test_a_part_that_always_fails_is_reported(tmp_path, whole):
    def fault(order, attempt):
        return "fails" if order.part[0] == 600 else None

    part = solve(Elsewhere(fault=fault), run=tmp_path)
    assert part.n == 1700
    assert "starts 600 to 899 were not computed: ValueError: bad\\x1b[2Jpoint" in part.warnings
    assert "1,700 of 2,000 starts are done; the same call does the rest" in part.warnings[1]
    assert np.array_equal(part.x, np.delete(whole.x, np.s_[600:900], axis=0))
    assert differing(solve(run=tmp_path), whole) == []
    alone = solve(Elsewhere(fault=fault))
    assert alone.warnings[1].endswith("1,700 of 2,000 starts are done")
    with pytest.raises(bgd.BackendError, match="no part could be computed: ValueError: bad") as failure:
        solve(Elsewhere(fault=lambda order, attempt: "fails"))
    assert "\n" not in str(failure.value)


def test_a_function_that_fails_everywhere_is_refused_as_without(local):
    with pytest.raises(bgd.InputError, match="failing raises ValueError: nothing here"):
        solve(Elsewhere(), fun=bgd.Callback(failing, dim=2), box=[(-1, 1)] * 2, starts=50)


@given(st.integers(0, 10**6), st.sampled_from([30, 64, 300]), st.integers(1, 5))
@settings(max_examples=5, deadline=None)
def test_any_order_any_size_any_number_of_workers(seed, size, workers):
    rng, faults = random.Random(seed), Counter()

    def fault(order, attempt):
        faults[order.part] += 1
        return rng.choice(WRONG) if faults[order.part] < 3 and rng.random() < 0.4 else None

    changes = {"dim": 2, "starts": 300, "backend": "numpy", "maxiter": 30}
    with forced(part=size):
        made = bgd.multistart("ackley", **changes, executor=Elsewhere(workers, fault, seed))
    assert differing(made, bgd.multistart("ackley", **changes)) == []


def test_the_pool_of_python_and_what_happens_when_it_breaks(whole):
    pool = ProcessPoolExecutor(1, get_context("spawn"))
    assert differing(solve(pool), whole) == []

    def kill(partial):
        for process in pool._processes.values() if pool._processes else ():
            process.kill()

    with pytest.warns(bgd.RunWarning, match=r"does not work any more \(BrokenProcessPool: .*this process computes"):
        made = solve(pool, callback=kill)
    assert differing(made, whole) == []
    pool.shutdown()
    with pytest.warns(bgd.RunWarning, match="does not work any more"):
        assert differing(solve(pool), whole) == []


class Breaking(ThreadPoolExecutor):
    """Breaks for good at its third call, as a pool of processes does."""

    def submit(self, fn, /, *args):
        if self._shutdown:
            raise BrokenExecutor("a process ended abruptly")
        self.calls = getattr(self, "calls", 0) + 1
        if self.calls < 3:
            return super().submit(fn, *args)
        future = Future()
        future.set_exception(BrokenExecutor("a process ended abruptly"))
        self.shutdown()
        return future


def test_an_executor_is_made_again_when_it_breaks(recwarn, whole):
    made = []

    def make():
        made.append(Breaking(1))
        return made[-1]

    assert differing(solve(make), whole) == []
    assert len(made) >= 3
    assert not recwarn
    with pytest.warns(bgd.RunWarning, match="does not work any more"):
        assert differing(solve(lambda: Elsewhere(fault=lambda order, attempt: "shut down")), whole) == []
    assert differing(solve(ThreadPoolExecutor), whole) == []


def test_workers_that_are_killed_are_replaced(whole, local):
    killed = []

    def kill(partial):
        if len(killed) < 2:
            killed.append(local.processes[0])
            os.kill(killed[-1], signal.SIGKILL)

    made = solve(local, callback=kill)
    assert differing(made, whole) == []
    assert len(killed) == 2
    with pytest.raises(WorkerDied, match=r"worker process \d+ ended with exit code 3"):
        local.submit(os._exit, 3).result()


def test_other_versions_are_refused(monkeypatch):
    monkeypatch.setattr(worker, "here", lambda wanted: wanted | {"batchgd": "0.0.1"})
    with pytest.raises(bgd.InputError, match=r"has batchgd 0\.0\.1, and this process 0\.1.*: give both the same"):
        solve(Elsewhere())


def test_another_arithmetic_is_refused(monkeypatch):
    from batchgd.api.executors import order

    found = []

    def configuration(batch):
        made = configuration_of(batch)
        found.append(made)
        return made | {"arithmetic": {"fused": len(found) == 1}}

    monkeypatch.setattr(order, "configuration_of", configuration)
    words = "computes something else: fused is True in this process and False in the worker"
    with pytest.raises(bgd.InputError, match=words):
        solve(Elsewhere(), seed=11)  # a batch that no thread of another test still knows


def test_ctrl_c_and_a_callback_end_the_run_with_whole_parts(whole):
    def press(partial):
        signal.raise_signal(signal.SIGINT)

    cut = solve(Elsewhere(), callback=press)
    assert cut.interrupted
    assert 0 < cut.n < 2000
    assert cut.n % 300 == 0 or cut.n % 300 == 200
    ended = solve(Elsewhere(1), callback=lambda partial: partial.n >= 900)
    assert 900 <= ended.n < 2000
    assert "starts are done" in ended.warnings[-1]


def test_workers_in_the_shell(capsys):
    lines = [f"run himmelblau --starts 1000 --backend numpy --csv{more}" for more in ("", " --workers 1")]
    (_, whole, _), (code, out, err) = (shell(capsys, line) for line in lines)
    assert (code, out) == (0, whole)
    assert "computed by 1 worker" in err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--workers 0", "--workers is 0"),
        ("--workers many", "--workers takes a whole number"),
        ("--workers 2 --scheduler tcp://here:1", "--workers and --scheduler were both given: omit one of them"),
        ("--scheduler here:8786", "--scheduler is 'here:8786': give the address that `dask scheduler` prints"),
        ("--workers 2 --strategy mlsl", "--workers or --scheduler does not go with mlsl"),
    ],
)
def test_bad_lines(capsys, options, words):
    with no_work():
        code, out, err = shell(capsys, f"run himmelblau {options}")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert words in err


def test_the_line_without_dask_names_the_extra(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    code, _, err = shell(capsys, "run himmelblau --scheduler tcp://127.0.0.1:1")
    assert (code, err.count("\n")) == (1, 1)
    assert 'distributed is not installed; type: pip install "batchgd[distributed]"' in err


@pytest.mark.parametrize("executor", ["two", 0, 2.5, True, object(), lambda: 3])
def test_what_is_not_an_executor(executor):
    with no_work(), pytest.raises(bgd.InputError, match="executor"):
        solve(executor)


def test_what_does_not_go_with_executors():
    for changes, words in (
        ({"strategy": "mlsl"}, "executor does not go with mlsl"),
        ({"method": bgd.GradientDescent(np.full(2000, 1e-3))}, "executor needs one value of each hyperparameter"),
        ({"shard": (1, 2)}, "shard needs run, a folder"),
    ):
        with no_work(), pytest.raises(bgd.InputError, match=words):
            solve(2, **changes)
