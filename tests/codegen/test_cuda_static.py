"""CUDA kernels compiled to PTX and assembled without a device: registers, stack, spills and stray float64."""

import gc
import re

import numpy as np
import pytest
import simulated_cuda

import batchgd as bgd
from batchgd import LeastSquares, Objective
from batchgd.compiler.codegen import warp_choice
from batchgd.compiler.codegen.loading import load
from batchgd.compiler.codegen.specialisation import Specialisation

pytest.importorskip("numba_cuda", reason="numba-cuda is not installed")
pytest.importorskip("cuda.core", reason="cuda-core is not installed")

from batchgd.kernels.cuda import assemble, merge

METHODS = bgd.methods.METHODS


def styblinski_tang(x):
    total = 0.0
    for value in x:
        total = total + 0.5 * (value**4 - 16.0 * value**2 + 5.0 * value)
    return total


@pytest.fixture(autouse=True, scope="module")
def no_garbage_collection():
    """A tenth of the time that assembling takes."""
    gc.disable()
    yield
    gc.enable()


# Bounds a little above what was measured; stack and spills are exact.
REGISTERS = {
    ("gradient_descent", "float32", 2): 40,
    ("gradient_descent", "float64", 2): 48,
    ("gradient_descent", "float32", 10): 72,
    ("gradient_descent", "float64", 10): 128,
}
REGISTERS_OF_ANY = {"float32": 64, "float64": 96}  # of every method in two dimensions but for these
REGISTERS_OF = {
    "gradient_flow": {"float32": 80, "float64": 128},
    "newton": {"float32": 80, "float64": 128},
    "nonlinear_cg": {"float32": 72, "float64": 112},
    "bfgs": {"float32": 80, "float64": 128},
    "lbfgs": {"float32": 96, "float64": 176},
}


def assembled(kernel, dtype, capability):
    """Return the PTX that the linker makes of a kernel, and what its machine code needs."""
    library = assemble.compiled(kernel, dtype, capability)
    return assemble.ptx(library, capability), assemble.machine_code(library, capability).resources


def check(method, dtype, dim, capability, registers, objective=None, **options):
    objective = objective or Objective(styblinski_tang, dim)
    made_of = {"parts": method.parts, "constants": method.fixed, **options}
    module = load(Specialisation(objective, method.rule, dtype, "cuda", lanes=1, **made_of))
    text, needs = assembled(module.descend_kernel, dtype, capability)
    assert (needs.stack, needs.spill_stores, needs.spill_loads) == (0, 0, 0)
    assert needs.registers <= registers
    if dtype == "float32":
        assert not re.findall(r"^.*\.f64.*$", text, re.MULTILINE)
    return text


KINDS = ("armijo", "adam", "fire", "lbfgs", "newton", "gradient_flow")
"""One method of each kind: with trials, with moments, with sums, with a history, with matrices, with several points."""


@pytest.mark.parametrize("capability", [(8, 0), (9, 0)], ids=["sm_80", "sm_90"])
@pytest.mark.parametrize(("name", "dtype", "dim"), REGISTERS, ids=str)
def test_state_stays_in_registers(name, dtype, dim, capability):
    check(METHODS[name].example(), dtype, dim, capability, REGISTERS[name, dtype, dim])


@pytest.mark.parametrize("dtype", REGISTERS_OF_ANY)
@pytest.mark.parametrize(
    "name", [name if name in KINDS else pytest.param(name, marks=pytest.mark.ptx) for name in METHODS]
)
def test_every_method_stays_in_registers(name, dtype):
    check(METHODS[name].example(), dtype, 2, (9, 0), REGISTERS_OF.get(name, REGISTERS_OF_ANY)[dtype])


@pytest.mark.parametrize(("dtype", "registers"), [("float32", 72), ("float64", 136)])
def test_a_fit_stays_in_registers(dtype, registers):
    """Three parameters, 50 rows: J'J is a sum in the same loop."""
    times = np.linspace(0.0, 5.0, 50)
    fit = LeastSquares(lambda p: p[0] * np.exp(-p[1] * times) + p[2] - np.exp(-times), 3)
    check(METHODS["levenberg_marquardt"].example(), dtype, 3, (9, 0), registers, fit)


@pytest.mark.parametrize("dtype", REGISTERS_OF_ANY)
def test_schedules_and_modifiers_stay_in_registers(dtype):
    options = {"clip_norm": 1.0, "clip_value": 1.0, "weight_decay": 0.1, "momentum": 0.5}
    check(bgd.RMSprop(bgd.Cosine(0.1, 10, growth=2.0), **options), dtype, 2, (9, 0), REGISTERS_OF_ANY[dtype])


@pytest.mark.parametrize("dtype", REGISTERS_OF_ANY)
@pytest.mark.parametrize("batch", [{}, {"batch_size": 3}, {"batch_size": 3, "replace": True}], ids=str)
def test_sums_over_rows_stay_in_registers(batch, dtype):
    rows = [[1.0, 2.0, 3.0]] * 7
    objective = bgd.FiniteSum(lambda x, row: (x[0] * row[0] + x[1] * row[1] - row[2]) ** 2, rows, dim=2, **batch)
    check(bgd.GradientDescent(0.1), dtype, 2, (9, 0), 144, objective)


@pytest.mark.parametrize("dtype", REGISTERS_OF_ANY)
def test_every_stopping_rule_at_once_stays_in_registers(dtype):
    names = ("gtol_rel", "xtol", "xtol_abs", "xtol_rel", "ftol", "ftol_abs", "ftol_rel", "maxfev", "target", "patience")
    tests = (*names, "f_growth", "x_growth", "oscillation", "window", "max_norm", "turns")
    check(bgd.GradientDescent(0.1), dtype, 2, (9, 0), 128, tests=tests)


@pytest.mark.parametrize("dtype", REGISTERS_OF_ANY)
@pytest.mark.parametrize("name", ["barzilai_borwein", pytest.param("newton", marks=pytest.mark.ptx)])
def test_a_function_of_the_users_stays_in_registers(name, dtype):
    objective = bgd.compiled(simulated_cuda.wells, 2, params=[1.0, 0.25])
    method = METHODS[name].example()
    made_of = {"parts": method.parts, "constants": method.fixed}
    module = load(Specialisation(objective, method.rule, dtype, "cuda", lanes=1, **made_of))
    _, needs = assembled(module.descend_kernel, dtype, (9, 0))
    assert (needs.stack, needs.spill_stores, needs.spill_loads) == (0, 0, 0)
    assert needs.registers <= 128


SHARED = (
    ("gradient_descent", "rosenbrock", "float64", 128, (8, 0), 160),
    ("adam", "ackley", "float32", 64, (9, 0), 96),
    pytest.param("barzilai_borwein", "rastrigin", "float64", 100, (9, 0), 176, marks=pytest.mark.ptx),
    pytest.param("lbfgs", "ellipsoid", "float32", 64, (9, 0), 120, marks=pytest.mark.ptx),
)
"""Method, landscape, dtype, dimensions, compute capability, and a bound a little above the registers measured."""


@pytest.mark.filterwarnings("ignore::batchgd.problem.errors.TraceSizeWarning")
@pytest.mark.parametrize(("name", "landscape", "dtype", "dim", "capability", "registers"), SHARED, ids=str)
def test_a_warp_holds_many_coordinates_in_registers(name, landscape, dtype, dim, capability, registers):
    method = bgd.LBFGS() if name == "lbfgs" else METHODS[name].example()
    objective = bgd.as_objective(bgd.landscapes.get(landscape), dim)
    text = check(method, dtype, dim, capability, registers, objective, threads=32)
    assert "shfl.sync" in text
    assert "bar.sync" not in text  # warps do not wait for each other
    assert set(re.findall(r"\b(\w+)\.approx\b", text)) <= ({"div", "ex2"} if dtype == "float32" else {"ex2"})


def test_threads_share_where_one_would_need_local_memory():
    objective = Objective(styblinski_tang, 32)
    tried = []

    def fits(module, dtype):
        tried.append(dtype)
        return dtype == "float32"

    for dtype, threads in (("float32", 1), ("float64", 32)):
        one = Specialisation(objective, "gradient_descent", dtype, "cuda", lanes=1)
        assert warp_choice.chosen(one, fits).threads == threads
    assert tried == ["float32"]  # 72 numbers of 32 bits are too many anyway
    few = Specialisation(Objective(styblinski_tang, 31), "adam", "float64", "cuda", lanes=1)
    assert warp_choice.chosen(few, fits) is few


@pytest.mark.parametrize("kernel", ["descend_kernel", "record_kernel"])
def test_what_the_host_writes_is_read_within_the_loop(kernel):
    rule = METHODS["gradient_descent"].example().rule
    module = load(Specialisation(Objective(styblinski_tang, 2), rule, "float64", "cuda", lanes=1))
    text, _ = assembled(getattr(module, kernel), "float64", (9, 0))
    labels = [(found.start(), found.group(1)) for found in re.finditer(r"^(\$L__BB\w+):", text, re.MULTILINE)]
    branches = [(found.start(), found.group(1)) for found in re.finditer(r"\bbra(?:\.uni)?\s+(\$L__BB\w+)", text)]
    reads = [found.start() for found in re.finditer("ld.volatile", text)]
    # Some branch behind each read leads back to a label before it: it is read on every way round.
    assert reads
    for read in reads:
        before = {label for at, label in labels if at < read}
        assert any(at > read and label in before for at, label in branches)


@pytest.mark.parametrize("dtype", REGISTERS_OF_ANY)
@pytest.mark.parametrize("kernel", merge.KERNELS, ids=lambda kernel: kernel.__name__)
def test_the_merge_needs_no_memory_of_its_own(kernel, dtype):
    text, needs = assembled(kernel, dtype, (8, 0))
    assert (needs.stack, needs.spill_stores, needs.spill_loads) == (0, 0, 0)
    assert needs.registers <= 64
    if kernel is merge.merge_kernel:
        assert "div.rn.f64" in text  # rounded as NumPy does: the cells are the catalogue's
        assert "fma" not in text


@pytest.mark.parametrize("dtype", REGISTERS_OF_ANY)
@pytest.mark.parametrize("kernel", ["record_kernel", "values_kernel"])
def test_the_other_kernels_of_an_objective_assemble(kernel, dtype):
    method = METHODS["barzilai_borwein"].example()
    module = load(Specialisation(Objective(styblinski_tang, 2), method.rule, dtype, "cuda", lanes=1))
    text, needs = assembled(getattr(module, kernel), dtype, (9, 0))
    assert needs.stack == 0
    if dtype == "float32":
        assert not re.findall(r"^.*\.f64.*$", text, re.MULTILINE)
