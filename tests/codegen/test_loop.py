"""The CPU's loop over lanes, around a tick that is written here in Python: what it draws, stores, packs and ends."""

import ctypes

import numpy as np
import pytest
from llvmlite import binding as llvm

from batchgd.compiler.cache.native import NativeCode, object_code
from batchgd.compiler.lower.loop import descend
from batchgd.compiler.lower.processor import Processor, this_processor
from batchgd.compiler.lower.record import record
from batchgd.kernels.cpu_places import CALL, FIRST_SLOT, SLOTS, TAIL, TICK
from batchgd.kernels.philox import place, uniform_pair, uniform_pair_single

DIM, SEED, BASE = 3, 2**63 + 7, 40
NIT, NFEV, BUSY, CODE = range(2 * DIM, 2 * DIM + 4)  # after x and an accepted point
SIZE = CODE + 1
BOX = np.array([[-1.0, 0.5], [3.0, 3.25], [0.0, 1e6]])
FEATURES = {"sse2": "+sse2,-avx,-fma", "avx2": "+sse2,+avx,+avx2,+fma,-avx512f", "avx512": "+avx,+avx2,+fma,+avx512f"}
POINTERS = [ctypes.c_void_p] * 4
TICKING = ctypes.CFUNCTYPE(ctypes.c_int, *POINTERS, ctypes.c_uint64, *POINTERS)


def array_at(address, length, dtype):
    kind = np.ctypeslib.as_ctypes_type(dtype)
    return np.ctypeslib.as_array((kind * length).from_address(address))


class Loop:
    """Descends from some starts: each ends after as many ticks as ``ticks`` gives for its number, with status 3."""

    def __init__(self, n, lanes, dtype, processor=None, *, trials=0, ticks=lambda start: 1 + start % 5):
        processor = processor or this_processor()
        self.code = NativeCode("descend", object_code(descend(lanes, dtype, processor).text, processor), processor)
        self.lanes, self.dtype, self.ticks, self.made, self.broken = lanes, np.dtype(dtype), ticks, 0, []
        raw = np.zeros((SIZE + DIM) * lanes + 64, dtype)
        first = -raw.ctypes.data % 64 // raw.itemsize
        self.ws = raw[first:][: (SIZE + DIM) * lanes].reshape(-1, lanes)
        self.index = np.zeros(lanes + 1 + TAIL, np.int64)
        tail = self.index[-TAIL:]
        slots = {
            "D": DIM,
            "ACCEPTED": DIM,
            "STATE": DIM,
            "PER_START": 0,
            "N_PER_START": 0,
            "VALUE": 0,
            "TRIALS": trials,
        }
        slots |= {"NIT": NIT, "NFEV": NFEV, "BUSY": BUSY, "CODE": CODE, "SLOTS": SIZE}
        tail[FIRST_SLOT:] = [slots[name] for name in SLOTS]
        self.tick = TICKING(self._tick)
        tail[TICK] = ctypes.cast(self.tick, ctypes.c_void_p).value
        self.x, self.status = np.zeros((n, DIM), dtype), np.zeros(n, np.int8)
        self.nit, self.nfev = np.zeros((2, n), np.int64)
        self.control = np.zeros(1, np.int32)
        lower, width = BOX[:, 0].astype(dtype), (BOX[:, 1] - BOX[:, 0]).astype(dtype)
        arrays = {"lower": lower, "width": width, "control": self.control, "status": self.status}
        arrays |= {"x": self.x, "nit": self.nit, "nfev": self.nfev}
        call = np.zeros(len(CALL), np.int64)
        numbers = {"next": BASE, "stop": BASE + n, "base": BASE, "seed": SEED - 2**64}
        for name, value in {**numbers, **{name: array.ctypes.data for name, array in arrays.items()}}.items():
            call[CALL.index(name)] = value
        kind = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3)
        kind(self.code.address)(self.ws.ctypes.data, self.index.ctypes.data, call.ctypes.data)

    def _tick(self, result, _, ws, index, seed, *others):
        starts = self.index[: self.lanes]
        busy = starts >= 0
        if not np.array_equal(busy, self.ws[BUSY] > 0) or seed != SEED:
            self.broken.append(starts.copy())
        if (np.diff(busy.astype(int)) > 0).any():
            self.broken.append(starts.copy())  # a parked lane comes before one at work
        self.ws[DIM : 2 * DIM, busy] = -self.ws[:DIM, busy]
        self.ws[NIT, busy] += 1
        self.ws[NFEV, busy] += 2
        self.ws[CODE, busy] = np.where(self.ws[NIT] == self.ticks(starts), 3, 0)[busy]
        array_at(result, 1, np.int32)[0] = self.ws[CODE].any()
        self.made += 1
        if self.made == 40:
            self.control[0] = 7
        return 0


def starts_of(n, dtype):
    pair = uniform_pair if dtype == "float64" else uniform_pair_single
    units = [u for block in range(2) for u in pair(SEED, np.arange(BASE, BASE + n), block)][:DIM]
    lower, width = BOX[:, 0].astype(dtype), (BOX[:, 1] - BOX[:, 0]).astype(dtype)
    return np.stack([place(u, lo, wide) for u, lo, wide in zip(units, lower, width, strict=True)], axis=1)


def here(name):
    """A processor that has the vectors of another one, if this one does."""
    own, feature = this_processor(), {"avx512": "avx512f"}.get(name, name)
    if not own.triple.startswith("x86_64") or not llvm.get_host_cpu_features().get(feature):
        pytest.skip(f"this processor has no {name}")
    return Processor(own.triple, "x86-64", FEATURES[name])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", FEATURES)
@pytest.mark.parametrize(("n", "lanes"), [(1, 16), (16, 16), (200, 64), (47, 4)])
def test_every_start_is_drawn_and_stored_once(n, lanes, name, dtype):
    loop = Loop(n, lanes, dtype, here(name))
    ticks = 1 + np.arange(BASE, BASE + n) % 5
    np.testing.assert_array_equal(loop.x, starts_of(n, dtype))
    np.testing.assert_array_equal(loop.nit, ticks)
    np.testing.assert_array_equal(loop.nfev, ticks + 1)  # the last one did not lead to an update
    assert (loop.status == 3).all()
    assert not loop.broken
    assert (loop.index[:lanes] == -1).all()


@pytest.mark.parametrize("trials", [0, 1])
def test_the_host_ends_it_and_rejected_points_are_given_up(trials):
    """After 40 ticks the control is 7: what has been taken up by then ends with it, at its last accepted point."""
    loop = Loop(100, 16, "float64", trials=trials, ticks=lambda start: 30 + 0 * start)
    ended, cut = loop.status == 3, loop.status == 7
    assert (ended.sum(), cut.sum(), (loop.status == 0).sum()) == (16, 16, 68)
    starts = starts_of(100, "float64")
    np.testing.assert_array_equal(loop.x[ended], starts[ended])
    np.testing.assert_array_equal(loop.x[cut], -starts[cut] if trials else starts[cut])
    assert set(loop.nit[cut]) == {10}
    assert set(loop.nfev[cut]) == {20 if trials else 10}


@pytest.mark.parametrize("made", [descend, record])
@pytest.mark.parametrize("name", FEATURES)
def test_it_is_compiled_for_other_processors(made, name):
    processor = Processor("x86_64-unknown-linux-gnu", "x86-64", FEATURES[name])
    assert object_code(made(64, "float32", processor).text, processor)
