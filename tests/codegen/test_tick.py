"""The fused tick as LLVM code: the program's numbers, with the same bits whatever is done together."""

import ctypes

import numpy as np
import pytest
from stopping_rules import bowl

import batchgd as bgd
from batchgd.compiler.cache.native import NativeCode, object_code
from batchgd.compiler.codegen.specialisation import Specialisation
from batchgd.compiler.codegen.trace_tick import tick_program
from batchgd.compiler.lower.array_tick import ArrayTick
from batchgd.compiler.lower.processor import this_processor
from batchgd.compiler.lower.tick import SYMBOL, tick
from batchgd.kernels.cpu_places import MOST_TICKS, RUN, TAIL
from batchgd.kernels.stopping_tests import LIMITS
from batchgd.problem.methods import split_per_start

LANES = 16
NOISY = bgd.GradientDescent(0.1, noise=0.1, temperature=0.01)
METHODS = {
    "constant rate": bgd.GradientDescent(0.1),
    "default": bgd.BarzilaiBorwein(),
    "adam": bgd.Adam(0.1),
    "noisy": NOISY,
}

RESIDENT = [(2, 1), (4, 3), (8, 3), (16, 1)]
"""Widths of groups, and ticks of a run."""


def aligned(array):
    raw = np.zeros(array.nbytes + 64, np.uint8)
    first = -raw.ctypes.data % 64
    room = raw[first : first + array.nbytes].view(array.dtype).reshape(array.shape)
    room[:] = array
    return room


class Ticks:
    """Lanes on a bowl, and what their tick reads."""

    def __init__(self, method, dtype):
        objective = bgd.Objective(bowl, 2)
        self.of = Specialisation(objective, method.rule, dtype, lanes=LANES, parts=method.parts, tests=("xtol",))
        self.program = tick_program(self.of)
        layout, shared = self.of.fused_layout, split_per_start(method, LANES, dtype)[0]
        self.ws = np.zeros((layout.size, LANES), dtype)
        self.ws[:2] = np.random.default_rng(0).uniform(-4.0, 4.0, (2, LANES))
        self.ws[layout.counter("busy"), :-1] = 1.0
        self.nit, self.code = layout.counter("nit"), layout.counter("code")
        limits = dict.fromkeys(LIMITS, 0.0) | {"resolution": 1e-15, "maxiter": 7.0, "maxfev": 9.0, "xtol": 1e-3}
        self.given = {
            "p": np.zeros(1, dtype),
            "box": np.zeros(1, dtype),
            "h": np.array([shared[name] for name in self.of.read.hyperparameters] or [0.0], dtype),
            "limits": np.array([*limits.values(), 0.125, -50.0, 50.0], dtype),  # and of the box
        }

    def compiled(self, ticks, run=1, **options):
        """The state after at most so many ticks by compiled code, and whether a lane has ended."""
        processor = this_processor()
        made = tick(self.program, lanes=LANES, dtype=self.of.dtype, processor=processor, **options)
        code = NativeCode(SYMBOL, object_code(made.text, processor), processor)
        ws, index, ended = aligned(self.ws), np.arange(LANES + 1 + TAIL), np.zeros(1, np.int32)
        index[LANES + 1 :] = 0
        index[LANES + 1 + MOST_TICKS], index[LANES + 1 + RUN] = ticks, run
        pointer, word = ctypes.c_void_p, ctypes.c_uint64
        call = ctypes.CFUNCTYPE(ctypes.c_int32, *[pointer] * 4, word, *[pointer] * 4)(code.address)
        arrays = [array.ctypes.data for array in self.given.values()]
        call(ended.ctypes.data, None, ws.ctypes.data, index.ctypes.data, 5, *arrays)
        return ws, bool(ended[0])

    def plain(self, ticks):
        """The same by NumPy."""
        ws, tick = self.ws.copy(), ArrayTick(self.program, self.of.dtype)
        for _ in range(ticks):
            ended = tick(ws, np.arange(LANES), np.uint64(5), *self.given.values())
            if np.any(ended):
                break
        return ws, bool(np.any(ended))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("method", METHODS)
def test_it_computes_what_numpy_does(method, dtype):
    ticks = Ticks(METHODS[method], dtype)
    for count in (1, 3):
        (compiled, ended), (plain, ended_there) = ticks.compiled(count), ticks.plain(count)
        assert ended == ended_there
        working = slice(0, LANES - 1)
        np.testing.assert_allclose(
            compiled[:, working], plain[:, working], rtol=1e-12 if dtype == "float64" else 2e-5, atol=1e-5
        )


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("method", METHODS)
def test_bits_do_not_depend_on_what_is_done_together(method, dtype):
    ticks = Ticks(METHODS[method], dtype)
    states = [ticks.compiled(3, run, width=width, resident=True)[0] for width, run in RESIDENT]
    states += [ticks.compiled(3, width=width, resident=False)[0] for width in (4, 16)]
    for state in states[1:]:
        np.testing.assert_array_equal(state[:, :-1], states[0][:, :-1])


def test_a_group_runs_until_one_of_its_lanes_ends():
    ticks = Ticks(METHODS["constant rate"], "float64")
    state, ended = ticks.compiled(100, run=100, width=4, resident=True)
    assert ended
    assert set(state[ticks.nit, :-1]) == {7.0}
    assert (state[ticks.code, :-1] == bgd.Status.MAXITER).all()
    assert state[ticks.code, -1] == 0.0, "this lane had no start"


def test_a_block_stops_after_the_tick_in_which_a_lane_ends():
    ticks = Ticks(METHODS["constant rate"], "float64")
    ticks.ws[ticks.nit, 3] = 5.0
    for resident in (False, True):
        state, ended = ticks.compiled(100, run=1, width=4, resident=resident)
        assert ended
        assert (state[ticks.code, :-1] != 0.0).tolist() == [lane == 3 for lane in range(LANES - 1)]
        assert state[ticks.nit, 3] == 7.0
        assert (np.delete(state[ticks.nit, :-1], 3) == 3.0).all()
