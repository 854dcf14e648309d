"""The PTX that a device gets, run by the interpreter in tests/ptx, against the compiled CPU code and NumPy.

What is marked ``ptx`` takes minutes: ``pytest -m ptx``. ``test_ptx_mutations.py`` breaks the kernels.
"""

import dataclasses
import signal
from unittest.mock import patch

import mpmath
import numpy as np
import pytest
import simulated_cuda

import batchgd as bgd

pytest.importorskip("numba_cuda", reason="numba-cuda is not installed")
pytest.importorskip("cuda.core", reason="cuda-core is not installed")

from ptx.agreement import compare, compare_exactly, merged
from ptx.contraction import fused
from ptx.functions import NAMES, DeviceFunction
from ptx.product import interpreted

from batchgd.kernels import launch_cuda

METHODS = bgd.methods.METHODS

REPRESENTATIVE = {
    "the default method": ("himmelblau", {}),
    "float32": ("himmelblau", {"dtype": "float32"}),
    "l-bfgs": ("himmelblau", {"method": bgd.LBFGS()}),
    "a schedule, and clipping": (
        "himmelblau",
        {"method": bgd.Adam(bgd.Cosine(0.2, 50), clip_norm=50.0), "maxiter": 60},
    ),
}


@pytest.mark.parametrize("case", REPRESENTATIVE)
def test_as_on_the_cpu(case):
    name, options = REPRESENTATIVE[case]
    compare(name, **options)


def test_unfused_every_bit_is_that_of_numpy():
    compare_exactly("ackley", dtype="float32", maxiter=30)


@pytest.mark.parametrize("dtype", [pytest.param("float64", marks=pytest.mark.ptx), "float32"])
def test_starts_are_the_same_in_every_bit(dtype):
    least = float(np.finfo(dtype).tiny)
    with interpreted():
        still = bgd.multistart(
            "ackley", dim=3, starts=64, backend="cuda", dtype=dtype, method=bgd.GradientDescent(least)
        )
    assert np.array_equal(still.x, still.x0)


def test_a_function_of_the_users():
    compare(bgd.compiled(simulated_cuda.wells, box=[(-2, 2)] * 2, params=[1.0, 0.25]), 8, maxiter=5)


def test_given_starts():
    compare("himmelblau", np.random.default_rng(1).uniform(-5, 5, (64, 2)))


@pytest.mark.parametrize("method", [None, pytest.param(bgd.Newton(), marks=pytest.mark.ptx)])
def test_bounds_are_kept(method):
    x0 = np.random.default_rng(1).uniform([-2, -1], [2.5, 4], (32, 2))
    compare("himmelblau", x0, bounds=[(-2.0, 2.5), (-1.0, 4.0)], method=method)


def test_bounds_per_start_are_kept():
    rng = np.random.default_rng(1)
    lower = rng.uniform([-2, -1], [0, 1], (32, 2))
    upper = lower + rng.uniform(0.0, 2.5, (32, 2))
    upper[::5, 1] = lower[::5, 1]
    x0, bounds = rng.uniform(lower, upper), np.stack([lower, upper], axis=-1)
    cpu = bgd.descend("himmelblau", x0, bounds=bounds, backend="cpu", gtol=1e-8)
    with interpreted():
        cuda = bgd.descend("himmelblau", x0, bounds=bounds, backend="cuda", gtol=1e-8)
    assert (cuda.x >= lower).all()
    assert (cuda.x <= upper).all()
    np.testing.assert_allclose(cuda.x, cpu.x, rtol=0, atol=1e-8)


RNG = np.random.default_rng(6)
FEATURES, TARGETS = RNG.normal(size=(9, 13)), RNG.uniform(-0.5, 0.5, (6, 9))
_, INSIDE, TRACES = simulated_cuda.PROBLEMS["data sets, and bounds per start"]
with bgd.testing.forced(large=4):
    TRACE = bgd.LeastSquares(simulated_cuda.trace, 2, params={"y": simulated_cuda.DATA[0]}, box=[(0.0, 4.0)] * 2)
    LAYER = bgd.LeastSquares(lambda p, y: np.tanh(FEATURES @ p) - y, 13, params={"y": TARGETS[0]}, box=[(-2, 2)] * 13)
OWN = {
    "data sets": (TRACE, INSIDE, TRACES),
    "one program": simulated_cuda.PROBLEMS["one program"],
    "float32": simulated_cuda.PROBLEMS["a matrix, in float32"],
    "one warp a trajectory": (simulated_cuda.ring, RNG.normal(size=(12, 40)), {"params": simulated_cuda.OWN}),
    "many parameters": (
        LAYER,
        np.zeros((2, 13)),
        {"params": {"y": TARGETS}, "method": bgd.LevenbergMarquardt(), "bounds": [(-0.2, 0.4)] * 13, "maxiter": 4},
    ),
}


@pytest.mark.parametrize("case", ["data sets", *(pytest.param(name, marks=pytest.mark.ptx) for name in [*OWN][1:])])
def test_each_start_has_its_own_params(case):
    """In several launches, each with the params of its starts only; by rows, which are loops."""
    fun, x0, options = OWN[case]
    options = {"gtol": 1e-9, "maxiter": 30, "which": simulated_cuda.OF_SIX[: len(x0)], **options}
    cpu = bgd.descend(fun, x0, backend="cpu", **options)
    several = patch.object(launch_cuda, "BUFFER_BYTES", 400)
    with interpreted(), several, bgd.testing.forced(warp=32 if "warp" in case else None):
        cuda = bgd.descend(fun, x0, backend="cuda", **options)
    assert np.array_equal(cuda.status, cpu.status)
    close = {"rtol": 0.0, "atol": 1e-5 if case == "float32" else 1e-10}
    np.testing.assert_allclose(cuda.x, cpu.x, **close)
    np.testing.assert_allclose(cuda.fun, cpu.fun, **close)


TIMES = np.linspace(0.0, 4.0, 20)
DECAY, SOME_OF_DECAY = (
    bgd.FiniteSum(
        lambda x, row: (x[0] * np.exp(-x[1] * row[0]) + x[2] - row[1]) ** 2,
        np.column_stack([TIMES, 2.5 * np.exp(-1.3 * TIMES) + 0.5]),
        3,
        reduction="sum",
        batch_size=size,
    )
    for size in (None, 4)
)
TWELVE = np.clip(np.random.default_rng(0).uniform(-1.0, 1.0, (2, 12)), -1.0, 0.7)
LARGE = {
    "a sum": (DECAY, [[1.0, 1.0, 0.0], [0.5, 3.0, 1.0]], [[(0, 2), (0, 5), (-5, 5)], [(0, 1), (0, 5), (-1, 5)]], {}),
    "batches": (SOME_OF_DECAY, [[1.0, 1.0, 0.0]], [(0, 1.1), (0, 5), (-5, 5)], {"method": bgd.GradientDescent(0.01)}),
    "bfgs": ("rosenbrock", TWELVE, [(-1, 0.7)] * 12, {"method": bgd.BFGS()}),
    "the implicit flow": ("rosenbrock", TWELVE, [(-1, 0.7)] * 12, {"method": bgd.GradientFlow(1e-3)}),
}


@pytest.mark.parametrize(
    "case", ["a sum", *(pytest.param(name, marks=pytest.mark.ptx) for name in ("batches", "bfgs", "the implicit flow"))]
)
def test_bounds_are_kept_by_lanes_that_remember_much(case):
    fun, x0, bounds, options = LARGE[case]
    cpu = bgd.descend(fun, x0, bounds=bounds, backend="cpu", maxiter=12, **options)
    with interpreted():
        cuda = bgd.descend(fun, x0, bounds=bounds, backend="cuda", maxiter=12, **options)
    lower, upper = np.moveaxis(np.array(bounds, float), -1, 0)
    assert (cuda.x >= lower).all()
    assert (cuda.x <= upper).all()
    assert np.array_equal(cuda.nfev, cpu.nfev)
    np.testing.assert_allclose(cuda.x, cpu.x, rtol=0, atol=1e-10)


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
        lean, full = (bgd.multistart("himmelblau", starts=64, backend="cuda", keep=keep) for keep in ("minima", "all"))
    for name in ("x", "fun", "count"):
        assert np.array_equal(getattr(lean.minima, name), getattr(full.minima, name))
    merged("float64 1048576 256")


TIMES = np.linspace(0.0, 2.0, 9)
PLACES = np.array([0, 2, 1, 1, 0, 2, 2])
RETURNS = np.array([0.3, -1.2, 0.8, 0.1, -0.4, 1.9])


def decay(x):
    return np.sum((x[0] * np.exp(-x[1] * TIMES) - 2.0 * np.exp(-0.7 * TIMES)) ** 2)


def levels(x):
    """Rows pick coordinates, and the gradient is added up at theirs."""
    return np.sum((x[PLACES] - TIMES[:7]) ** 2) + np.sum(np.diff(x) ** 2)


def mixture(x):
    """A sum over one axis in a sum over another."""
    centres = x[0] + x[1] * np.linspace(-1.0, 1.0, 5)
    return -np.sum(np.log(np.sum(np.exp(-((TIMES[:, None] - centres) ** 2)), axis=1))) + x[0] ** 2


def volatility(x):
    """A recurrence, whose gradient is one in the other direction."""
    start, memory = 0.1 + x[0] ** 2, 0.5 * x[1] ** 2 / (1.0 + x[1] ** 2)

    def step(variance, shock):
        variance = start + memory * (variance + shock)
        return variance, variance

    _, variances = bgd.scan(step, 1.0, RETURNS**2)
    return np.sum(np.log(variances) + RETURNS**2 / variances)


ROWS = {decay: [(0.5, 3.0)] * 2, levels: [(-2.0, 2.0)] * 3, mixture: [(-1.0, 2.0)] * 2, volatility: [(0.2, 1.5)] * 2}


@pytest.mark.parametrize("fun", ROWS)
@pytest.mark.parametrize("dtype", ["float64", pytest.param("float32", marks=pytest.mark.ptx)])
def test_rows_are_loops(fun, dtype):
    with bgd.testing.forced(large=4):
        objective = bgd.Objective(fun, box=ROWS[fun])
    assert objective.has_rows
    compare(objective, 16, dtype=dtype, maxiter=8)


@pytest.mark.parametrize("dtype", ["float64", pytest.param("float32", marks=pytest.mark.ptx)])
def test_residuals_are_rows(dtype):
    with bgd.testing.forced(large=4):
        fit = bgd.LeastSquares(lambda p: p[0] * np.exp(-p[1] * TIMES) - np.exp(-TIMES), box=ROWS[decay], loss="huber")
    assert fit.has_rows
    compare(fit, 16, method=bgd.LevenbergMarquardt(), dtype=dtype, maxiter=6)


@pytest.mark.ptx
@pytest.mark.parametrize("fun", ROWS)
def test_rows_in_block_form(fun):
    with bgd.testing.forced(large=4):
        objective = bgd.Objective(fun, box=ROWS[fun])
    compare(objective, 16, method=bgd.LBFGS(), maxiter=6)


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


# All of it.


@pytest.mark.ptx
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("method", METHODS)
def test_every_method(method, dtype):
    options = {"method": METHODS[method].example(), "dtype": dtype, "maxiter": 60}
    compare("himmelblau", **options)
    compare_exactly("himmelblau", **options)


def of_all(options, n=64):
    """The same options for n starts, where those of a method are one per start."""
    method = options.get("method")
    if method is None:
        return options
    arrays = {f.name: getattr(method, f.name) for f in dataclasses.fields(method)}
    longer = {name: np.resize(value, n) for name, value in arrays.items() if isinstance(value, np.ndarray)}
    return {**options, "method": dataclasses.replace(method, **longer)}


CASES = {
    **{case: (name, of_all(options)) for case, (name, _, options) in simulated_cuda.CASES.items()},
    "noise of both kinds": (
        "himmelblau",
        {"method": bgd.GradientDescent(0.005, noise=0.1, temperature=0.1), "maxiter": 40},
    ),
    "noise in float32": ("himmelblau", {"method": bgd.Adam(0.05, noise=0.1), "dtype": "float32", "maxiter": 40}),
    "rates per start in float32": (
        "himmelblau",
        {"method": bgd.GradientDescent(np.linspace(0.005, 0.015, 64)), "dtype": "float32"},
    ),
    "batches in float32": (
        simulated_cuda.SOME_OF_LINE,
        {"method": bgd.GradientDescent(0.05), "dtype": "float32", "maxiter": 60},
    ),
    "decay of weights": (
        "himmelblau",
        {"method": bgd.Adam(bgd.Step(0.1, 0.5, 20), weight_decay=0.01), "maxiter": 60},
    ),
    "state in local memory": ("styblinski_tang", {"method": METHODS["bfgs"].example(), "dim": 12, "maxiter": 20}),
    "a long history in registers": (
        "styblinski_tang",
        {"method": bgd.LBFGS(memory=6), "dim": 9, "maxiter": 20, "dtype": "float32"},
    ),
    "matrices in local memory": ("styblinski_tang", {"method": bgd.Newton(), "dim": 12, "maxiter": 3}),
    "given starts": ("himmelblau", {"starts": np.random.default_rng(2).uniform(-5, 5, (64, 2)), "dtype": "float32"}),
}


@pytest.mark.ptx
@pytest.mark.parametrize("case", CASES)
def test_every_part(case):
    name, options = CASES[case]
    compare(name, **options)
    compare_exactly(name, **options)


HOW = {
    "float64": ("float64", {}),
    "float32": ("float32", {}),
    "float64, fused": ("float64", {"edit": fused}),
    "float32, fused": ("float32", {"edit": fused}),
    "float32, errors added": ("float32", {"units": 1.0}),
    "float32, errors subtracted": ("float32", {"units": -1.0}),
}


@pytest.mark.ptx
@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("name", bgd.landscapes.names())
def test_every_landscape(name, how):
    dtype, options = HOW[how]
    compare(name, dtype=dtype, maxiter=60, how=options)
    if not options:
        compare_exactly(name, dtype=dtype, maxiter=60)


@pytest.mark.ptx
@pytest.mark.parametrize("case", simulated_cuda.MERGED)
def test_tables_that_fill_up(case):
    merged(case)


WARPS = {
    "the default method": ("rosenbrock", 64, {}),
    "float32": ("rosenbrock", 64, {"dtype": "float32"}),
    "a history": ("styblinski_tang", 33, {"method": bgd.LBFGS()}),
    "noise, sums within sums": ("ackley", 40, {"method": bgd.Adam(0.05, noise=0.1, clip_norm=1.0)}),
    "rates per start": ("ellipsoid", 64, {"method": bgd.GradientDescent(np.linspace(0.01, 0.05, 64))}),
}


@pytest.mark.ptx
@pytest.mark.parametrize("case", WARPS)
def test_one_warp_a_trajectory(case):
    """Sums over coordinates have another order there, so that no two backends have the same bits."""
    name, dim, options = WARPS[case]
    with bgd.testing.forced(warp=32):
        compare(name, dim=dim, maxiter=6, **options)


@pytest.mark.ptx
@pytest.mark.parametrize("method", METHODS)
def test_paths_of_every_method(method):
    """Recorded with nothing fused, as by NumPy in every bit."""
    x0 = np.random.default_rng(3).uniform(-5, 5, (64, 2))
    options = {"method": METHODS[method].example(), "maxiter": 12, "max_points": 5}
    with interpreted(contract=False):
        cuda = bgd.path("himmelblau", x0, backend="cuda", **options)
    for one, other in zip(cuda, bgd.path("himmelblau", x0, backend="numpy", **options), strict=True):
        assert np.array_equal(one.nit, other.nit)
        np.testing.assert_allclose(one.x, other.x, rtol=0, atol=1e-10)


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
        stopped = bgd.multistart("himmelblau", starts=64, backend="cuda", **options)
    assert stopped.interrupted
    assert looks > 1000
    assert np.abs(stopped.x - stopped.x0).max() < 1e-4


ARGUMENTS = {
    "asin": (-1.0, 1.0), "acos": (-1.0, 1.0), "acosh": (1.0, 50.0), "log": (0.0, 9.0), "log2": (0.0, 9.0),
    "log10": (0.0, 9.0), "log1p": (-1.0, 9.0), "sin": (-600.0, 600.0), "cos": (-600.0, 600.0),
    "sincos": (-600.0, 600.0), "tan": (-600.0, 600.0), "power": (0.0, 9.0),
}  # fmt: skip
EXACT = {
    "sincos": mpmath.sin, "power": mpmath.power, "exp2": lambda x: mpmath.power(2, x),
    "log2": lambda x: mpmath.log(x, 2), "cbrt": lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)),
    "fmod": lambda x, y: mpmath.sign(x) * mpmath.fmod(abs(x), abs(y)),
}  # fmt: skip
ULPS = {"erf": 2.5, "erfc": 5.5}
"""Largest errors in units in the last place; of the others 2 (those of CUDA's programming guide)."""


@pytest.mark.ptx
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", NAMES)
def test_elementary_functions(name, dtype):
    rng, count = np.random.default_rng(4), 2 if name in ("atan2", "power", "hypot", "fmod") else 1
    arguments = rng.uniform(*ARGUMENTS.get(name, (-4.0, 4.0)), (count, 256)).astype(dtype)
    exact = EXACT.get(name) or getattr(mpmath, name)
    with mpmath.workprec(150):
        wanted = [exact(*map(mpmath.mpf, row)) for row in arguments.T.tolist()]
        for edit in (lambda name, text: text, fused):
            found = DeviceFunction(name, contract=True, edit=edit)(*arguments)
            found = (found[0] if name == "sincos" else found).tolist()
            unit = np.spacing(np.abs(np.array(wanted, float)).astype(dtype)).tolist()
            errors = [float(abs(f - w) / u) for f, w, u in zip(found, wanted, unit, strict=True)]
            assert max(errors) <= ULPS.get(name, 2.0)
