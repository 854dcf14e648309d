"""`batchgd bench`: counts and derived numbers on made-up inputs, the ceilings, the table, JSON."""

import json

import numpy as np
import pytest
from shell_samples import shell

from batchgd import InputError
from batchgd.analysis.bench import ceiling, efficiency, measure, printing
from batchgd.analysis.bench.cases import CASES, METHODS, QUICK, Case
from batchgd.analysis.bench.ceiling import Ceiling
from batchgd.analysis.bench.ceiling_cuda import source
from batchgd.analysis.bench.measure import batch_of
from batchgd.analysis.bench.timing import Timing
from batchgd.engine.run import run


@pytest.fixture(autouse=True, scope="module")
def short_ceilings():
    """Measure ceilings for an instant: what they are is not tested, only that they are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ceiling, "SECONDS", 0.002)
        patch.setattr(ceiling, "_COPY_BYTES", 1 << 20)
        yield


def made_up_row(**changes):
    """A row of round numbers: a thousand starts, 2.5 million evaluations, half a second."""
    values = {
        "backend": "cpu",
        "dtype": "float64",
        "landscape": "sphere",
        "dim": 4,
        "method": "default",
        "threads": 2,
        "starts": 1000,
        "seconds": [0.5, 0.4, 0.8],
        "ready_seconds": 1.25,
        "iterations": 2_400_000,
        "evaluations": 2_500_000,
        "reached": 900,
        "evaluates": "gradient",
        "objective_operations": 40,
        "tick_operations": {"adds": 30, "multiplies": 30, "divides": 2},
        "longest": 5000,
        "lane_ticks": 3_125_000,
    }
    return Timing(**{**values, **changes})


LIMITS = Ceiling("cpu", "float64", 2, operations=1e9, copied=1e10, functions={"divides": 1e8}, steadiness=0.9)


# Lanes


def brute_force(work, lanes):
    """Lane by lane and tick by tick, as the engine does it: (ticks of each lane at work, ticks of the block)."""
    queue, left = list(work), [0] * lanes
    worked, last, tick = [0] * lanes, [0] * lanes, 0
    for lane in range(lanes):
        left[lane] = queue.pop(0) if queue else 0
    while any(left):
        tick += 1
        for lane in range(lanes):
            if left[lane]:
                worked[lane], last[lane] = worked[lane] + 1, tick
                left[lane] -= 1
                if left[lane] == 0 and queue:
                    left[lane] = queue.pop(0)
    return worked, last, tick


@pytest.mark.parametrize("lanes", [1, 3, 16, 5000])  # so many are counted in another way
@pytest.mark.parametrize("n", [1, 7, 6000])
def test_lane_ticks_against_brute_force(lanes, n):
    work = np.random.default_rng(lanes + n).geometric(0.2, n)
    worked, last, ticks = brute_force(work, lanes)
    assert efficiency.lane_ends(work, lanes).tolist() == last
    assert sum(worked) == work.sum()
    assert efficiency.lane_ticks(work, lanes, [(0, n)]) == ticks * lanes
    assert efficiency.lane_ticks(work, lanes, [(0, n)], group=1) == sum(last)


def test_lane_ticks_of_shards_add_up():
    work = np.arange(1, 41)
    parts = [(0, 10), (10, 40)]
    whole = sum(efficiency.lane_ticks(work[first:stop], 4, [(0, stop - first)]) for first, stop in parts)
    assert efficiency.lane_ticks(work, 4, parts) == whole


def test_equal_work_keeps_every_lane_busy():
    assert efficiency.lane_ticks(np.full(64, 7), 16, [(0, 64)]) == 64 * 7


# Derived numbers


def test_rates_take_the_median_and_shares_the_fastest():
    found = made_up_row().derive(LIMITS)
    assert found["iterations_per_s"] == 4_800_000
    assert found["minima_per_s"] == 1800
    assert found["operations_per_s"] == 200e6
    assert found["share_of_multiply_adds"] == pytest.approx(2_500_000 / 0.4 * 40 / 1e9)
    assert found["share_of_mix"] == pytest.approx(2_500_000 / 0.4 * (60 / 1e9 + 2 / 1e8))
    assert found["lane_efficiency"] == 0.5
    assert found["lane_share"] == 0.8
    assert found["spread"] == 2.0
    assert found["special_function_bound"] is None


def test_without_ceilings_there_are_rates_but_no_shares():
    for limits in (None, Ceiling("cpu", "float64", 2), Ceiling("cpu", "float64", 2, operations=None)):
        found = made_up_row().derive(limits)
        assert found["share_of_multiply_adds"] is found["share_of_mix"] is None
        assert found["iterations_per_s"] > 0.0
    unknown = made_up_row(tick_operations={"adds": 1, "erf": 1}).derive(LIMITS)
    assert unknown["share_of_mix"] is None


def test_the_special_function_bound_counts_all_but_divisions():
    row = made_up_row(
        tick_operations={"adds": 9, "divides": 5, "sincos": 3, "sqrt": 1}, resources={"special_functions": 8e9}
    )
    assert row.derive(None)["special_function_bound"] == 2e9


# Ceilings


def test_every_ceiling_is_positive():
    found = ceiling.measure_cpu("float64", 1, ["divides"], repeats=2)
    assert found.operations > found.functions["divides"] > 0.0
    assert found.copied > 0.0
    assert 0.0 < found.steadiness <= 1.0
    before = found.operations
    ceiling.again(found)
    assert found.operations >= before


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_ceiling_loop_multiplies_and_adds(dtype):
    from numba import njit

    from batchgd.analysis.bench.chains import multiply_add_chains

    chains = multiply_add_chains(16, dtype)
    loop = njit(lambda turns, start: chains(turns, start))
    start = np.dtype(dtype).type(0.5)
    assert loop(1, start) == 16 * (0.5 * 0.75 + 0.25)
    assert loop(200, start) == pytest.approx(16.0)


def test_the_cuda_ceiling_is_compiled_by_nvrtc():
    core = pytest.importorskip("cuda.core", reason="cuda-core is not installed")
    pytest.importorskip("cuda.bindings.nvrtc", reason="NVRTC is not installed")
    for dtype in ("float64", "float32"):
        for name in (None, "sincos", "exp", "divides", "power"):
            options = core.ProgramOptions(arch="sm_90")
            assert core.Program(source(dtype, name), "c++", options).compile("cubin").code


# A small run, the table and JSON


@pytest.fixture(scope="module")
def report():
    case = Case("himmelblau", 2, 0.004)
    return measure(["cpu", "numpy"], ["float64"], starts=300, repeats=2, threads=1, chosen=[case])


def test_every_row_of_a_run_adds_up(report):
    assert report.failures == []
    assert [(row.backend, row.method) for row in report.rows] == [(b, m) for b in ("cpu", "numpy") for m in METHODS]
    for row in report.rows:
        found = row.derive(report.ceilings[row.backend, row.dtype])
        assert row.reached == row.starts == 300
        assert row.evaluates == ("gradient" if row.method == "constant rate" else "value and gradient")
        assert 0.0 < found["lane_efficiency"] <= found["lane_share"] <= 1.0
        assert found["share_of_mix"] > 0.0


def test_counts_are_those_of_the_trajectories(report):
    batch = batch_of(Case("himmelblau", 2, 0.004), "constant rate", "cpu", "float64", 300, 1)
    rows = run(batch).endpoints
    assert report.rows[0].iterations == rows.nit.sum()
    assert report.rows[0].evaluations == rows.nfev.sum()
    assert report.rows[0].longest == rows.nfev.max()


def test_the_report_is_markdown_and_json(report):
    lines = str(report).splitlines()
    rows = [line for line in lines if line.startswith("| ")]
    assert len(rows) == 1 + len(report.rows)
    assert len({len(line) for line in rows}) == 1
    assert all(line.count("|") == 14 + 1 for line in rows)
    again = json.loads(json.dumps(report.to_dict()))
    assert set(again) == {"machine", "ceilings", "rows", "failures"}
    assert again["rows"][0]["iterations_per_s"] > 0.0


def test_the_gpu_table_is_there_for_gpu_rows_alone():
    assert printing.gpu_table([made_up_row()]) == ""
    needs = {"threads": 1, "registers": 60, "stack": 0, "spill_stores": 0, "spill_loads": 0, "occupancy": 0.5}
    text = printing.gpu_table([made_up_row(backend="cuda", resources=needs)])
    assert "| float64 | sphere 4  | default |       1 |        60 |     0 |       0 |      50 % |" in text


def test_a_row_that_fails_costs_no_other():
    cases = [Case("no_such_landscape", 2, 0.1), Case("himmelblau", 2, 0.004)]
    found = measure(["numpy"], ["float64"], starts=50, repeats=1, chosen=cases)
    assert len(found.rows) == 2
    assert len(found.failures) == 2
    assert "no_such_landscape" in found.failures[0]
    assert "failed: numpy float64 no_such_landscape" in str(found)


def test_rates_of_the_standard_set_are_named_once():
    assert len({(case.landscape, case.dim) for case in CASES}) == len(CASES)
    assert set(QUICK) < set(CASES)


# The shell


@pytest.fixture
def one_case(monkeypatch):
    monkeypatch.setattr("batchgd.analysis.bench.cases.QUICK", (Case("himmelblau", 2, 0.004),))
    monkeypatch.setattr("batchgd.analysis.bench.cases.STARTS_QUICK", {"numpy": 50})


def test_json_alone_is_on_stdout(capsys, one_case):
    code, out, err = shell(capsys, "bench --quick --backend numpy --dtype float64 --json")
    assert code == 0
    assert len(json.loads(out)["rows"]) == 2
    assert "numpy float64 himmelblau 2 default" in err


def test_quiet_is_quiet(capsys, one_case):
    code, out, err = shell(capsys, "bench --quick --backend numpy --dtype float32 --quiet")
    assert (code, err) == (0, "")
    assert "| numpy   | float32 | himmelblau 2 |" in out


def test_kernels_are_assembled_without_a_device(capsys, monkeypatch):
    pytest.importorskip("numba_cuda", reason="numba-cuda is not installed")
    pytest.importorskip("cuda.core", reason="cuda-core is not installed")
    monkeypatch.setattr("batchgd.analysis.bench.cases.QUICK", (Case("himmelblau", 2, 0.004),))
    code, out, _ = shell(capsys, "bench --quick --assemble 9.0 --dtype float32 --json")
    assert code == 0
    kernels = json.loads(out)["kernels"]
    assert [kernel["method"] for kernel in kernels] == list(METHODS)
    assert all(kernel["registers"] > 0 and kernel["spill_stores"] == 0 for kernel in kernels)


@pytest.mark.parametrize(
    "line",
    [
        "bench --assemble sm_90",
        "bench --backend opencl",
        "bench --backend auto",
        "bench --dtype float16",
        "bench --threads 0",
    ],
)
def test_bad_options_are_refused(capsys, line):
    code, out, err = shell(capsys, line)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1


def test_auto_is_no_backend_to_measure():
    with pytest.raises(InputError, match="by name"):
        measure(["auto"])
