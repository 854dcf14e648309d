"""The PTX that a device gets, run by the interpreter in tests/ptx, against the compiled CPU code.

What is marked ``ptx`` takes minutes: ``pytest -m ptx tests/test_ptx.py``.
"""

import re
import signal

import numpy as np
import pytest
import simulated_cuda

import batchgd as bgd

pytest.importorskip("numba_cuda", reason="numba-cuda is not installed")
pytest.importorskip("cuda.core", reason="cuda-core is not installed")

from ptx.contraction import fused
from ptx.memory import Fault
from ptx.product import interpreted

METHODS = bgd.methods.METHODS
BEYOND = {"float64": 1e-10, "float32": 2e-3, "mixed": 1e-6}
"""How far apart two endpoints may be: in float32 a trajectory stops where its gradient is lost in rounding."""


def run(name, backend, starts=64, **options):
    return bgd.multistart(name, starts=starts, backend=backend, **options)


def agree(cuda, cpu, may_differ=0.0):
    """Hold a run to that of the CPU: the same labels, and ends and counts but for so large a share.

    In float32 rounding decides on the last update of some, and on whether they end as converged or as stalled.
    """
    beyond = BEYOND[cpu.dtype] * np.maximum(cpu.box.width / 10, 1)
    assert np.mean(np.any(np.abs(cuda.x - cpu.x) > beyond, axis=1)) <= may_differ
    assert np.array_equal(cuda.label, cpu.label)
    assert np.mean(cuda.success != cpu.success) <= may_differ
    for name in ("status", "nit", "nfev") if cpu.dtype == "float64" else ("nit",):
        differ = np.mean(getattr(cuda, name) != getattr(cpu, name))
        assert differ <= (may_differ if cpu.dtype == "float64" else max(may_differ, 0.1))


def compare(name, starts=64, how=None, may_differ=0.0, **options):
    cpu = run(name, "cpu", starts, **options)
    with interpreted(**how or {}) as device:
        agree(run(name, "cuda", starts, **options), cpu, may_differ)
    return device


REPRESENTATIVE = {
    "the default method": ("himmelblau", {}),
    "float32": ("himmelblau", {"dtype": "float32"}),
    "mixed": ("himmelblau", {"dtype": "mixed"}),
    "l-bfgs": ("himmelblau", {"method": bgd.LBFGS()}),
    "a schedule, and clipping": (
        "himmelblau",
        {"method": bgd.Adam(bgd.Cosine(0.2, 50), clip_norm=50.0), "maxiter": 60},
    ),
    "batches of a sum": (simulated_cuda.SOME_OF_LINE, {"method": bgd.GradientDescent(0.05), "maxiter": 30}),
}


@pytest.mark.parametrize("case", REPRESENTATIVE)
def test_as_on_the_cpu(case):
    name, options = REPRESENTATIVE[case]
    compare(name, **options)


def test_starts_are_the_same_to_a_unit_in_the_last_place_of_the_box():
    with interpreted():
        still = run("himmelblau", "cuda", method=bgd.GradientDescent(1e-300), maxiter=1)
    assert np.all(np.abs(still.x - still.x0) <= np.spacing(still.box.upper))


def test_given_starts():
    x0 = np.random.default_rng(1).uniform(-5, 5, (64, 2))
    cpu = bgd.descend("himmelblau", x0, backend="cpu")
    with interpreted():
        cuda = bgd.descend("himmelblau", x0, backend="cuda")
    np.testing.assert_allclose(cuda.x, cpu.x, rtol=0, atol=1e-10)
    assert np.array_equal(cuda.nit, cpu.nit)


def test_paths():
    x0 = [[-4.0, 1.0], [2.0, 0.5], [0.0, -3.0]]
    paths = bgd.path("himmelblau", x0, max_points=8, backend="cpu")
    with interpreted():
        cuda = bgd.path("himmelblau", x0, max_points=8, backend="cuda")
    for one, other in zip(cuda, paths, strict=True):
        assert np.array_equal(one.nit, other.nit)
        np.testing.assert_allclose(one.x, other.x, rtol=0, atol=1e-10)


def test_a_second_kernel_is_compiled_after_the_cpu_code():
    """Numba remembers one compiled overload of a function for all targets: here the CPU's is the latest."""
    x0 = [[-4.0, 1.0], [2.0, 0.5]]
    with bgd.testing.fresh_cache(), interpreted():
        cuda, cpu = (bgd.descend("himmelblau", x0, backend=backend) for backend in ("cuda", "cpu"))
        (path, _) = bgd.path("himmelblau", x0, backend="cuda")
    np.testing.assert_allclose(cuda.x, cpu.x, rtol=0, atol=1e-10)
    assert np.array_equal(path.x[-1], cuda.x[0])


def test_minima_merged_on_the_device_are_those_of_all_endpoints():
    with interpreted():
        lean, full = (run("himmelblau", "cuda", keep=keep) for keep in ("minima", "all"))
    for name in ("x", "fun", "count"):
        assert np.array_equal(getattr(lean.minima, name), getattr(full.minima, name))
    found = simulated_merge("float64 1048576 256")
    assert found == {key: value if key == "cells" else True for key, value in found.items()}


def simulated_merge(case):
    """Endpoints of every kind in tables of a size, merged by the interpreted kernels and by the catalogue."""
    dtype, cells, table = case.split()
    with interpreted():
        return simulated_cuda.merged_on_the_device(dtype, int(cells), int(table))


@pytest.mark.parametrize("units", [0.0, 1.0, -1.0])
def test_labels_do_not_depend_on_the_error_of_approximate_instructions(units):
    device = compare("ackley", dtype="float32", dim=2, how={"units": units})
    assert device.approximations.used > 0


def test_labels_do_not_depend_on_what_the_assembler_fuses():
    changed = []

    def edit(name, text):
        changed.append(fused(name, text).count("fma.") - text.count("fma."))
        return fused(name, text)

    compare("himmelblau", how={"edit": edit})
    assert sum(changed) > 0


# Kernels that are wrong are found out.


def changed(pattern, by, count=1):
    """An edit of the descent: the first so many places where this stands (0: all), which must be there."""

    def edit(name, text):
        if name != "descend_kernel":
            return text
        text, made = re.subn(pattern, by, text, count=count)
        if made < max(count, 1):
            raise ValueError(f"{pattern} stands there {made} times")
        return text

    return edit


WRONG = {
    "a constant": (r"0dC026000000000000", "0dC026000001000000"),
    "a start behind the last": (r"setp\.lt(\.s64 \t%p\d+, %rd\d+, %rd\d+;\n\tselp\.b64)", r"setp.le\1", 0),
    "a start too few": (r"(atom\.global\.add\.u64 .*), 1;", r"\1, 2;"),
    "a comparison": (r"setp\.gt\.f64", "setp.lt.f64"),
    "a sum not fused with its product": (r"fma\.rn\.f64 (\t%fd\d+, %fd\d+, %fd\d+), \S+;", r"mul.f64 \1;"),
    "the generator of starts": (r"3528531795", "3528531797"),
}


@pytest.fixture(scope="module")
def himmelblau():
    return run("himmelblau", "cpu", maxiter=100)


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_kernel_is_found_out(what, himmelblau):
    with interpreted(edit=changed(*WRONG[what])), pytest.raises((AssertionError, Fault)):
        agree(run("himmelblau", "cuda", maxiter=100), himmelblau)


# All of it.


@pytest.mark.ptx
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("method", METHODS)
def test_every_method(method, dtype):
    compare("himmelblau", method=METHODS[method].example(), dtype=dtype, maxiter=60)


@pytest.mark.ptx
@pytest.mark.parametrize("case", simulated_cuda.CASES)
def test_what_the_simulator_runs_too(case):
    name, starts, options = simulated_cuda.CASES[case]
    compare(name, starts, may_differ=0.25, **options)


HOW = {
    "float64": ("float64", {}),
    "float64, fused": ("float64", {"edit": fused}),
    "float32, fused": ("float32", {"edit": fused}),
    "float32, errors added": ("float32", {"units": 1.0}),
    "float32, errors subtracted": ("float32", {"units": -1.0}),
}


@pytest.mark.ptx
@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("name", bgd.landscapes.names())
def test_every_landscape(name, how):
    """Some are still under way after 30 updates, and rounding grows along their way: as between CPU and NumPy."""
    dtype, options = HOW[how]
    compare(name, dtype=dtype, maxiter=30, how=options, may_differ=0.25)


@pytest.mark.ptx
@pytest.mark.parametrize("case", simulated_cuda.MERGED)
def test_tables_that_fill_up(case):
    found = simulated_merge(case)
    assert found == {key: value if key == "cells" else True for key, value in found.items()}


WARPS = {
    "the default method": ("rosenbrock", 64, {}),
    "float32": ("rosenbrock", 64, {"dtype": "float32"}),
    "a history": ("styblinski_tang", 33, {"method": bgd.LBFGS()}),
    "noise, sums within sums": ("ackley", 40, {"method": bgd.Adam(0.05, noise=0.1, clip_norm=1.0)}),
    "rates per start": ("ellipsoid", 64, {"method": bgd.GradientDescent(np.linspace(0.01, 0.05, 16))}),
}


@pytest.mark.ptx
@pytest.mark.parametrize("case", WARPS)
def test_one_warp_a_trajectory(case):
    name, dim, options = WARPS[case]
    with bgd.testing.forced(warp=32):
        compare(name, 16, dim=dim, maxiter=6, **options)


@pytest.mark.ptx
@pytest.mark.parametrize("what", ["bar", "shfl"])
def test_a_warp_that_does_not_wait_is_found_out(what):
    options = {"dim": 64, "maxiter": 3}
    cpu = run("rosenbrock", "cpu", 4, **options)
    drop = {"bar": (r"\tbar\.warp\.sync .*;", "", 0), "shfl": (r"(shfl\.sync\.bfly\.b32 \t\S+, \S+), \S+,", r"\1, 0,")}[
        what
    ]
    with (
        bgd.testing.forced(warp=32),
        interpreted(edit=changed(*drop)),
        pytest.raises((AssertionError, Fault)),
    ):
        agree(run("rosenbrock", "cuda", 4, **options), cpu)


@pytest.mark.ptx
def test_a_launch_is_interrupted():
    """A launch that would take hours, ended by Ctrl-C, which threads see at their next look."""
    looks = 0

    def press():
        nonlocal looks
        looks += 1
        if looks == 1000:
            signal.raise_signal(signal.SIGINT)

    options = {"method": bgd.GradientDescent(1e-12), "gtol": 1e-30, "maxiter": 10**9}
    with interpreted() as device:
        device.between.append(press)
        stopped = run("himmelblau", "cuda", **options)
    assert stopped.interrupted
    assert looks > 1000
    assert np.abs(stopped.x - stopped.x0).max() < 1e-4
