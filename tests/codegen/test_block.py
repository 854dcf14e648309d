"""The block form of the tick: the same iterates as the fused form, for every method and on every target."""

import ctypes
from dataclasses import replace

import numpy as np
import pytest

import batchgd as bgd
from batchgd import Objective
from batchgd.compiler.cache.native import NativeCode, object_code
from batchgd.compiler.codegen.specialisation import BLOCK_DIM, BLOCK_OPERATIONS, Specialisation
from batchgd.compiler.codegen.trace_block import pieces_of
from batchgd.compiler.lower.block import block_tick
from batchgd.compiler.lower.processor import this_processor
from batchgd.kernels.cpu_places import EVALUATE, TAIL

METHODS = bgd.methods.METHODS

OPTIONS = {"gtol": 1e-6, "maxiter": 60, "backend": "numpy"}


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("box", [[(-6.0, 6.0), (-6.0, 6.0)], [(-6.0, 6.0), (-6.0, 6.5)]], ids=["cubic", "oblong"])
def test_both_forms_make_the_same_iterates(name, box):
    x0 = np.random.default_rng(2).uniform(-5.0, 5.0, (60, 2))
    options = {**OPTIONS, "method": METHODS[name].example(), "box": box, "ftol": 1e-13, "xtol": 1e-13}
    fused = bgd.descend("himmelblau", x0, **options)
    with bgd.testing.forced(block=True):
        blocks = bgd.descend("himmelblau", x0, **options)
    np.testing.assert_allclose(blocks.x, fused.x, rtol=0, atol=1e-12)
    for field in ("nit", "nfev", "status"):
        np.testing.assert_array_equal(getattr(blocks, field), getattr(fused, field))


def test_schedules_modifiers_and_rates_per_start_have_their_place():
    x0 = np.random.default_rng(2).uniform(-5.0, 5.0, (4, 2))
    options = {"clip_norm": 20.0, "clip_value": 15.0, "weight_decay": np.array([0.1, 0.2, 0.3, 0.4]), "momentum": 0.5}
    method = bgd.RMSprop(bgd.Cosine(np.array([0.1, 0.05, 0.1, 0.05]), 5, growth=2), **options)
    fused = bgd.descend("himmelblau", x0, method=method, **OPTIONS)
    with bgd.testing.forced(block=True):
        blocks = bgd.descend("himmelblau", x0, method=method, **OPTIONS)
    np.testing.assert_allclose(blocks.x, fused.x, rtol=0, atol=1e-12)


def test_many_dimensions_take_the_block_form_on_the_cpu():
    dim = BLOCK_DIM
    x0 = np.random.default_rng(2).uniform(-2.0, 2.0, (130, dim))
    options = {"maxiter": 40, "box": [(-2.0, 2.0)] * dim}
    cpu, plain = (bgd.descend("rosenbrock", x0, backend=backend, **options) for backend in ("cpu", "numpy"))
    np.testing.assert_allclose(cpu.x, plain.x, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(cpu.nfev, plain.nfev)
    part = bgd.descend("rosenbrock", x0[5:30], backend="cpu", threads=1, **options)
    np.testing.assert_array_equal(part.x, cpu.x[5:30])
    assert not Specialisation(Objective(lambda x: sum(x**2), dim - 1), "adam").blocked


def test_many_operations_take_the_block_form_on_the_cpu():
    def waves(count):
        return Objective(lambda x: sum(np.sin((k + 1.5) * x[k % 2]) for k in range(count)) + x[0] ** 2 + x[1] ** 2, 2)

    few, many = (Specialisation(waves(count), "barzilai_borwein") for count in (5, BLOCK_OPERATIONS // 16 + 1))
    assert (few.blocked, many.blocked) == (False, True)
    assert not replace(many, target="numpy").blocked
    assert replace(many, lanes=16).blocked


def specialised(objective, method):
    return Specialisation(objective, method.rule, constants=method.fixed)


@pytest.mark.parametrize("method", [bgd.Adam(0.02), bgd.NonlinearCG()], ids=["adam", "nonlinear_cg"])
def test_bits_do_not_depend_on_the_width_of_a_block(method):
    """Whether LLVM unrolls the lanes of a pass must not decide which products are fused with which sums."""
    objective = bgd.Objective(lambda x: np.sum((x[1:] * x[:-1] - 1.0) ** 2) + 0.1 * np.sum(x**2), 3)
    x0 = np.random.default_rng(0).uniform(-1.0, 1.0, (1200, 3))  # in blocks of 64 lanes; a hundred run in those of 16
    options = {"box": [(-1.0, 1.0)] * 3, "method": method, "maxiter": 40, "backend": "cpu"}
    with bgd.testing.forced(block=True):
        many, few = (bgd.descend(objective, x, **options) for x in (x0, x0[:100]))
    np.testing.assert_array_equal(few.x, many.x[:100])


@pytest.mark.parametrize("method", [bgd.BFGS(), bgd.LBFGS(memory=3), bgd.Newton()], ids=["bfgs", "lbfgs", "newton"])
def test_rules_with_history_or_matrices_are_unrolled_while_a_lane_remembers_little(method):
    few, many = (specialised(bgd.as_objective("rosenbrock", dim), method) for dim in (6, 16))
    assert (few.blocked, many.blocked) == (False, True)
    assert [replace(each, target="numpy").blocked for each in (few, many)] == [False, True]


def aligned(array):
    """A copy that begins at a line of the cache."""
    raw = np.zeros(array.nbytes + 64, np.uint8)
    first = -raw.ctypes.data % 64
    room = raw[first : first + array.nbytes].view(array.dtype).reshape(array.shape)
    room[:] = array
    return room


def block_code(of, **options):
    """The compiled tick of a block form."""
    made = block_tick(pieces_of(of), of.sizes, lanes=of.lanes, dtype=of.dtype, processor=this_processor(), **options)
    return NativeCode("tick", object_code(made.text, this_processor()), this_processor())


def nothing(*_):
    """An evaluation that leaves everything as it is."""
    return 0


POINTER, WORD = ctypes.c_void_p, ctypes.c_uint64
EVALUATION = ctypes.CFUNCTYPE(ctypes.c_int32, *[POINTER] * 4, WORD, POINTER)(nothing)
TICK = ctypes.CFUNCTYPE(ctypes.c_int32, *[POINTER] * 4, WORD, *[POINTER] * 4)


@pytest.mark.parametrize(
    ("method", "dtype"),
    [
        (bgd.BFGS(), "float64"),
        (bgd.LBFGS(memory=3), "float32"),
        (bgd.Newton(), "float64"),
        (bgd.GradientFlow(), "float32"),
        (bgd.GradientDescent(0.1, temperature=0.1), "float64"),
    ],
    ids=lambda value: getattr(value, "rule", value),
)
def test_bits_of_a_piece_do_not_depend_on_how_many_lanes_it_does_at_once(method, dtype):
    """From any numbers in the slots, in 5 dimensions: Cholesky factors, histories, random numbers and tests."""
    of = Specialisation(bgd.Objective(lambda x: np.sum(x**2), 5), method.rule, dtype, lanes=16, parts=method.parts,
                        constants=method.fixed, cubic=False, in_block=True, tests=("xtol", "patience"))  # fmt: skip
    layout, rng = of.layout, np.random.default_rng(0)
    state = rng.uniform(0.5, 2.0, (layout.size, 16)).astype(dtype)
    state[layout.slot_of("nit")] = state[layout.slot_of("nfev")] = 3.0
    others = [rng.uniform(0.5, 2.0, 64).astype(dtype) for _ in range(4)]  # p, box, h, limits
    found = []
    for width in (1, 4, 16):
        code = block_code(of, width=width)
        ws, index = aligned(state), np.arange(16 + 1 + TAIL)
        index[16 + 1 + EVALUATE] = ctypes.cast(EVALUATION, POINTER).value
        ended = np.zeros(1, np.int32)
        arrays = [array.ctypes.data for array in others]
        TICK(code.address)(ended.ctypes.data, None, ws.ctypes.data, index.ctypes.data, 5, *arrays)
        found.append((ws, bool(ended[0])))
    assert not np.array_equal(found[0][0], state)
    for ws, ended in found[1:]:
        np.testing.assert_array_equal(ws, found[0][0])
        assert ended == found[0][1]
