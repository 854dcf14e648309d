"""The memories of a device: one arena of bytes each, whose allocated, written and shared bytes are known."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

GLOBAL, SHARED, LOCAL = 1 << 40, 1 << 36, 1 << 37
"""Where the windows of the three spaces begin in the generic one."""

_GAP = 256  # bytes between two allocations: an index that runs over the end of one does not reach another


class Fault(RuntimeError):
    """A thread did with memory what it must not do."""


class Arena:
    """Bytes at addresses from ``base`` on; accesses outside of what was allocated, and misaligned ones, are faults."""

    def __init__(self, size: int, base: int, name: str) -> None:
        self.base, self.name = base, name
        self._bytes = np.zeros(size, np.uint8)
        self._allocated, self._written = np.zeros(size, bool), np.zeros(size, bool)
        self._end = _GAP

    def allocate(self, size: int, written: bool = False) -> int:
        """Return the address of so many new bytes."""
        first = self._end
        self._end = -(-(first + size + _GAP) // _GAP) * _GAP
        if self._end > len(self._bytes):
            grown = max(self._end, 2 * len(self._bytes))
            for name in ("_bytes", "_allocated", "_written"):
                old = getattr(self, name)
                new = np.zeros(grown, old.dtype)
                new[: len(old)] = old
                setattr(self, name, new)
        self._allocated[first : first + size] = True
        self._written[first : first + size] = written
        return self.base + first

    def view(self, address: int, size: int) -> NDArray[np.uint8]:
        """The bytes of an allocation, as the host sees them."""
        first = address - self.base
        self._written[first : first + size] = True
        return self._bytes[first : first + size]

    def load(self, address: NDArray[Any], kind: np.dtype[Any], text: str) -> NDArray[Any]:
        """Read one number for each thread."""
        first = self._check(address, kind.itemsize, text)
        if not (self._written[first] & self._written[first + kind.itemsize - 1]).all():
            raise Fault(f"{self.name} memory is read before it was written: {text}")
        return self._bytes.view(kind)[first // kind.itemsize]

    def holds(self, address: NDArray[Any], kind: np.dtype[Any]) -> NDArray[Any]:
        """What is at addresses, for comparison."""
        return self._bytes.view(kind)[(address.astype(np.int64) - self.base) // kind.itemsize]

    def store(self, address: NDArray[Any], value: NDArray[Any], text: str) -> None:
        """Write one number for each thread; of several to one place, the last."""
        size = value.dtype.itemsize
        first = self._check(address, size, text)
        self._bytes.view(value.dtype)[first // size] = value
        for k in range(size):
            self._written[first + k] = True

    def _check(self, address: NDArray[Any], size: int, text: str) -> NDArray[np.int64]:
        first = address.astype(np.int64) - self.base
        if (first % size).any():
            raise Fault(f"a misaligned address: {text}")
        if first.size and (first.min() < 0 or first.max() + size > len(self._bytes)):
            raise Fault(f"an address outside of {self.name} memory: {text}")
        if not (self._allocated[first] & self._allocated[first + size - 1]).all():
            raise Fault(f"an address outside of any allocation in {self.name} memory: {text}")
        return first


class Races:
    """Who last wrote and read each word of shared memory, and after how many barriers.

    The interpreter runs threads that are at one place together, so a missing ``bar`` changes no result of its own. It
    is found by this: a word that one thread wrote and another reads, or one read and another writes, or two write,
    must have a barrier of both between the two.
    """

    def __init__(self, words: int, warp: NDArray[np.int64]) -> None:
        self._warp = warp
        self._writer, self._reader = np.full(words, -1, np.int64), np.full(words, -1, np.int64)
        self._written_at, self._read_at = np.zeros((2, words), np.int64), np.zeros((2, words), np.int64)
        self._epoch = np.zeros((2, len(warp)), np.int64)  # barriers of the block, and of the warp, that were passed

    def passed(self, threads: NDArray[np.int64], of_block: bool) -> None:
        """These threads have waited for the others of their block, or of their warp, at a barrier."""
        self._epoch[0 if of_block else 1, threads] += 1

    def loaded(self, word: NDArray[np.int64], thread: NDArray[np.int64], text: str) -> None:
        """These threads read these words."""
        if self._races(self._writer[word], self._written_at[:, word], thread):
            raise Fault(f"shared memory is read that another thread wrote, with no barrier in between: {text}")
        self._reader[word], self._read_at[:, word] = thread, self._epoch[:, thread]

    def stored(
        self, word: NDArray[np.int64], thread: NDArray[np.int64], values: NDArray[Any], changed: Any, text: str
    ) -> None:
        """These threads write these words; what is there already (not ``changed``) may be written again by others."""
        order = np.argsort(word, kind="stable")
        bits = np.ascontiguousarray(values).view(f"u{values.itemsize}")[order]
        clash = (np.diff(word[order]) == 0) & (bits[1:] != bits[:-1])
        if clash.any() or self._races(self._writer[word[changed]], self._written_at[:, word[changed]], thread[changed]):
            raise Fault(f"shared memory is written that another thread wrote, with no barrier in between: {text}")
        if self._races(self._reader[word], self._read_at[:, word], thread):
            raise Fault(f"shared memory is written that another thread read, with no barrier in between: {text}")
        self._writer[word], self._written_at[:, word] = thread, self._epoch[:, thread]

    def _races(self, other: NDArray[np.int64], when: NDArray[np.int64], thread: NDArray[np.int64]) -> bool:
        block, warp = when >= self._epoch[:, thread]
        apart = block & (warp | (self._warp[other] != self._warp[thread]))
        return bool(((other >= 0) & (other != thread) & apart).any())
