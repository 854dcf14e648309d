"""The real CUDA shell (grid, atomics, local arrays, refill) under Numba's simulator, against the CPU."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import simulated_cuda

from batchgd.problem.methods import METHODS

pytest.importorskip("numba_cuda", reason="numba-cuda is not installed")


@pytest.fixture(scope="module")
def seen():
    environment = {**os.environ, "NUMBA_ENABLE_CUDASIM": "1"}
    script = Path(simulated_cuda.__file__)
    run = subprocess.run([sys.executable, str(script)], env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_the_simulator_is_never_chosen_by_itself(seen):
    assert seen["automatic"] == "cpu"


@pytest.mark.parametrize("case", simulated_cuda.CASES)
def test_simulated_cuda_agrees_with_the_cpu(seen, case):
    found = seen[case]
    assert found["backend"] == "cuda"
    assert found["labels"]
    assert found["statuses"]
    assert found["minima"] < 1e-10
    assert found["updates"] > 0.9


def test_a_method_of_another_package_agrees_too(seen):
    found = seen["foreign"]
    assert found["backend"] == "cuda"
    assert found["labels"]
    assert found["statuses"]
    assert found["updates"] == 1.0


def test_a_function_of_the_users_agrees_too(seen):
    found = seen["compiled"]
    assert found["backend"] == "cuda"
    assert found["labels"]
    assert found["statuses"]
    assert found["minima"] < 1e-10


@pytest.mark.parametrize("case", simulated_cuda.SHARED)
def test_trajectories_shared_by_threads_are_those_of_one(seen, case):
    found = seen[f"shared {case}"]
    assert found["same"]
    assert found["apart"] < (1e-5 if "float32" in case else 1e-10)


@pytest.mark.parametrize("case", simulated_cuda.PROBLEMS)
def test_each_start_has_its_own_params(seen, case):
    found = seen[f"problems {case}"]
    assert found["same"]
    assert found["apart"] < (1e-5 if "float32" in case else 1e-10)
    assert found["lost"] == (2 if "data" in case else 0)


def test_results_stay_on_the_device_when_asked_to(seen):
    found = seen["device"]
    assert found["on the device"]
    assert found["on the host"]
    assert found["counts"][0] == found["counts"][1] > 0
    assert "40 starts" in found["text"]


@pytest.mark.parametrize("case", simulated_cuda.MERGED)
def test_cells_merged_on_the_device_are_the_catalogues_bit_for_bit(seen, case):
    found = seen[f"merged {case}"]
    assert found.pop("cells") > 9
    assert found == dict.fromkeys(found, True)


@pytest.mark.parametrize("case", ["only minima", "only minima, some escaped"])
def test_only_minima_travel_and_say_the_same(seen, case):
    found = seen[case]
    assert found["rows"]
    assert found["counts"]
    assert found["statuses"]
    assert found["minima"] < 1e-10
    assert (found["lost"] > 0) == (case != "only minima")


def test_a_part_of_the_starts_ends_where_the_whole_does(seen):
    assert seen["part"] < 1e-10


def test_a_sweep_says_the_same(seen):
    assert seen["swept"]


def test_an_interrupt_is_seen_within_a_launch(seen):
    for found in seen["interrupted"]:
        assert found.pop("moved") < 1e-3  # the rate is tiny; a start that was not taken up ends where it begins
        assert found == {"statuses": {"INTERRUPTED": 200}, "starts": 200}


@pytest.mark.parametrize("name", METHODS)
def test_recorded_paths_are_those_of_the_ordinary_launch(seen, name):
    assert seen["recorded"][name]
