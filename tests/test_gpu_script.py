"""`benchmarks/gpu.py`, rehearsed without a device: what it finds, what it keeps, and what a hang or a crash costs."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import batchgd as bgd

pytest.importorskip("numba_cuda", reason="numba-cuda is not installed")

from gpu_parts import choices, correctness, report, speed
from gpu_parts.compared import Case, compare
from gpu_parts.place import Place
from gpu_parts.table import PARTS
from gpu_parts.workers import Workers

from batchgd.kernels.cuda import assemble
from batchgd.kernels.cuda.occupancy import Configuration

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "benchmarks" / "gpu.py"


def command(*words):
    return [sys.executable, str(SCRIPT), *map(str, words)]


def rehearse(where, *words):
    return subprocess.run(
        command("--rehearse", where, *words), capture_output=True, text=True, check=False, timeout=300
    )


def test_without_a_gpu_the_script_says_so():
    from batchgd.engine.backends import cuda_problem

    if cuda_problem() is None:
        pytest.skip("there is a GPU here")
    environment = {**os.environ, "NUMBA_ENABLE_CUDASIM": "0"}
    done = subprocess.run(command(), env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1


def test_parts_run_through_in_the_simulator(tmp_path):
    results = sorted((ROOT / "benchmarks" / "results").iterdir())
    path, parts = tmp_path / "found.json", ["ready", "kernels", "calls"]
    done = rehearse("simulator", "--out", path, "--parts", ",".join(parts))
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(path.read_text())
    assert found["complete"]
    assert [*found["parts"]] == parts
    assert {part["result"] for part in found["parts"].values()} == {"ok"}
    assert all(line in done.stdout for line in ("REHEARSAL", f"written to {path}"))
    assert sorted((ROOT / "benchmarks" / "results").iterdir()) == results


@pytest.mark.ptx
@pytest.mark.parametrize("device", ["simulator", "interpreter"])
def test_all_parts_run_through(device, tmp_path):
    done = rehearse(device, "--out", tmp_path / "found.json")
    assert done.returncode == 0, done.stdout + done.stderr


WRONG = {
    "the generator of starts": ("3528531795=3528531797", "starts float64"),
    "a constant": ("0dC026000000000000=0dC026000001000000", "himmelblau float64"),
}


@pytest.mark.parametrize("what", ["the generator of starts", pytest.param("a constant", marks=pytest.mark.ptx)])
def test_a_wrong_kernel_is_named_with_a_trajectory(what, tmp_path):
    pytest.importorskip("cuda.core", reason="cuda-core is not installed")
    spoiled, item = WRONG[what]
    path = tmp_path / "found.json"
    done = rehearse("interpreter", "--parts", "basics", "--items", item, "--spoil", spoiled, "--out", path)
    assert done.returncode == 1, done.stdout + done.stderr
    part = json.loads(path.read_text())["parts"]["basics"]
    assert part["result"] == "WRONG"
    first = part["records"][0]["wrong"][0]
    assert first["got"]["x"] != first["expected"]["x"]
    assert f"WRONG in basics: {item}: start {first['start']} at {first['x0']}: x {first['got']['x']}" in done.stdout


def until(holds, seconds=120.0):
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.05)


def parts_in(path):
    return json.loads(path.read_text())["parts"] if path.exists() else {}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_run_that_is_killed_keeps_what_it_has(number, tmp_path):
    path = tmp_path / "found.json"
    words = command("--rehearse", "simulator", "--parts", "ready,basics", "--out", path)
    run = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    until(lambda: len(parts_in(path).get("basics", {}).get("records", [])) >= 2)
    run.send_signal(number)
    out, _ = run.communicate(timeout=60)
    found = json.loads(path.read_text())
    assert not found["complete"]
    assert found["parts"]["ready"]["result"] == "ok"
    if number == signal.SIGTERM:
        assert run.returncode == 128 + number
        assert found["parts"]["basics"]["ended"] == "SIGTERM"
        assert "not done" in out
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_a_part_beyond_its_time_is_stopped_and_reported(tmp_path):
    path = tmp_path / "found.json"
    done = rehearse("simulator", "--parts", "calls", "--seconds", "0.2", "--out", path)
    assert done.returncode == 1
    part = json.loads(path.read_text())["parts"]["calls"]
    assert part["result"] == "FAILED"
    assert "stopped after 0 s" in part["failures"][0]
    assert "skipped" in part["records"][-1]


SERVES = """
import os, signal, sys, time
sys.path.insert(0, sys.argv[1])
from gpu_parts.workers import serve
serve(lambda part: {
    "good": lambda: {"process": os.getpid()},
    "good again": lambda: {"process": os.getpid()},
    "hangs": lambda: time.sleep(60),
    "crashes": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "raises": lambda: 1 / 0,
    "last": lambda: {"process": os.getpid()},
})
"""


def test_a_hang_a_crash_and_an_exception_cost_one_item_each():
    workers = Workers([sys.executable, "-c", SERVES, str(SCRIPT.parent)], dict(os.environ), 1)
    names = ["good", "good again", "hangs", "crashes", "raises", "last"]
    found = {record["name"]: record for record in workers.records("part", names, 60.0, 3.0)}
    workers.close()
    assert found["good"]["process"] == found["good again"]["process"] != found["last"]["process"]
    errors = {name: found[name]["error"] for name in ("hangs", "crashes", "raises")}
    assert errors["hangs"] == "stopped after 3 s"
    assert errors["crashes"] == "its process crashed (SIGSEGV)"
    assert errors["raises"] == "ZeroDivisionError: division by zero"


def test_every_method_and_landscape_is_checked():
    names = {*correctness.methods(Place()), *correctness.landscapes(Place())}
    for dtype in ("float64", "float32"):
        assert names >= {f"{name} {dtype}" for name in (*bgd.methods.METHODS, *bgd.landscapes.names())}
    assert any(name.startswith("one warp") for name in names)


def test_the_limits_of_the_parts_are_within_eight_minutes():
    assert sum(part.seconds for part in PARTS) <= 470
    assert all(part.each <= part.seconds for part in PARTS)


class Moved(Case):
    """A device that ends where others start: ``cuda`` descends from other points."""

    other = None

    def run(self, backend):
        if backend != "cuda":
            return super().run(backend)
        return Case(self.fun, options=self.options, points=self.other).run("numpy")


def two_wells(x):
    return (x[0] ** 2 - 1.0) ** 2


def test_a_border_is_told_from_an_error():
    points = np.array([[1e-17], [0.5], [-0.5]])
    how = {"method": bgd.GradientDescent(0.05), "gtol": 1e-18, "maxiter": 2000}
    case = Moved(two_wells, options={"box": [(-2.0, 2.0)], **how}, points=points)
    rounded, wrong = -points, points.copy()
    rounded[1:], wrong[2] = points[1:], 0.25
    Moved.other = rounded
    found = compare(case, "numpy")
    assert (found["agrees"], found["differ"], found["decided_by_rounding"]) == (True, 1, 1)
    Moved.other = wrong
    found = compare(case, "numpy")
    assert (found["agrees"], found["wrong_count"], found["wrong"][0]["start"]) == (False, 1, 2)


def test_a_kernel_is_compared_with_the_prediction_of_its_name():
    compiled = report.Found("compile", 1, [{"name": "a", "block": 64, "predicted": 100.0, "bound_by": "fp64"}])
    kernel = {"name": "a", "evaluations_per_s": 80.0, "updates_per_s": 79.0}
    assert report.with_prediction(kernel, [compiled])["measured_over_predicted"] == 0.8
    assert "predicted" not in report.with_prediction({**kernel, "name": "b"}, [compiled])
    assert "no prediction" in report.summary([report.Found("kernels", 1, [kernel])], real=True)


def test_the_standard_kernels_begin_with_both_dtypes():
    assert {dtype for *_, dtype in speed.standard(Place())[:4]} == {"float64", "float32"}


class OnDevice:
    """A kernel of 122 registers that obeys a bound."""

    chosen = Configuration(128, 4)

    def use(self, how):
        self.compiled = SimpleNamespace(regs_per_thread=min(122, how.max_registers or 122))

    compiled = SimpleNamespace(regs_per_thread=122)


def test_every_bound_on_registers_is_tried_with_every_size_of_a_block(monkeypatch):
    monkeypatch.setattr(assemble, "current_capability", lambda: (9, 0))
    found = choices.alternatives(OnDevice())
    assert {how.max_registers for how in found} == {None, 96, 80, 72}
    assert {how.threads for how in found} == {64, 128, 256}
    assert OnDevice.chosen in found


def test_what_the_driver_does_not_answer_is_left_out():
    assert speed._answers("name,driver_version", "NVIDIA H200, 580.159\nNVIDIA H200, 580.159\n") == {
        "name": "NVIDIA H200",
        "driver_version": "580.159",
    }
    assert speed._answers("name", "") == {"name": ""}


GROWING = ("mueller_brown", "goldstein_price", "griewank", "levy", "vincent", "beale", "rosenbrock", "hartmann3")
"""Landscapes on which rounding errors grow most."""


@pytest.mark.ptx
def test_kernels_that_round_otherwise_give_few_false_alarms():
    from ptx.contraction import fused
    from ptx.product import interpreted

    differ, alarms = 0, 0
    for dtype in ("float64", "float32"):
        for name in GROWING:
            with interpreted(edit=fused, units=1.0):
                found = compare(Case(name, 200, {"dtype": dtype, "maxiter": 60}), "cpu")
            differ, alarms = differ + found["differ"], alarms + found["wrong_count"]
    assert differ > 100
    assert alarms <= 6
