"""Kinds of start points: each makes any shard of its points at any time, and always the same ones.

Start i is a function only of the seed, the box and i, whatever the shard, so any worker can reproduce any start.
"""

from __future__ import annotations

import copy
import hashlib
import math
import threading
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from batchgd.problem import check
from batchgd.problem.box import Box
from batchgd.problem.errors import InputError, quoted
from batchgd.problem.keywords import Explained

_CHUNK = 8192  # indices handled at once: the temporaries of one chunk stay in the cache
_WITHHELD = "so a binomial interval for their fractions does not hold; sampling='uniform' gives intervals"

Points = NDArray[np.float64]


class Starts:
    """A set of n start points in d dimensions, made shard by shard.

    A new kind of start implements ``points`` and sets the class attributes; a named one is registered in ``SAMPLINGS``.

    Attributes
    ----------
    n, dim : int
        How many starts, in how many dimensions.
    name : str
        The kind of start: ``"uniform"``, ``"sobol"``, ``"latin_hypercube"``, ``"grid"``, ``"normal"``, ``"array"``.
    independent : bool
        Whether starts are independent draws, so that counts are binomial and fractions have intervals.
    interval_note : str or None
        Why intervals are withheld, if they are.
    in_kernel : bool
        Whether the kernel makes the starts itself, from the seed and the start's number, so that no array is passed.
    number : int
        The number of the first start.
    open_ended : bool
        Whether start i does not depend on n, so that more starts of the same kind begin with the same ones.
    """

    name: str = ""
    open_ended: bool = False
    independent: ClassVar[bool] = False
    interval_note: str | None = None
    in_kernel: bool = False
    number: int = 0

    def __init__(self, n: int, dim: int) -> None:
        self.n, self.dim = n, dim

    def points(self, first: int, stop: int) -> Points:
        """Return the starts first..stop-1 as float64, shape (stop - first, d)."""
        raise NotImplementedError

    def rows(self, first: int, stop: int) -> NDArray[Any]:
        """Return these starts in their stored precision, sharing memory if they are in an array."""
        return self.points(first, stop)

    def at(self, index: NDArray[Any]) -> Points:
        """Return the starts with these numbers, shape (len(index), d)."""
        if len(index) == 0:
            return self.points(0, 0)
        lowest, end = int(index.min()), int(index.max()) + 1
        if end - lowest <= 4 * len(index) + 1024:
            return self.points(lowest, end)[index - lowest]
        return np.concatenate([self.points(int(i), int(i) + 1) for i in index])

    def part(self, first: int, stop: int) -> Starts:
        """Return the starts first..stop-1, numbered from 0."""
        return _PartOfStarts(self, first, stop)

    def head(self, n: int) -> Starts:
        """Return the first n of independent starts, as starts of the same kind: start i does not depend on n."""
        if not self.independent or n > self.n:
            raise InputError(f"the first {n} of {self!r} are not starts of the same kind")
        first = copy.copy(self)
        first.n = n
        return first

    def settings(self) -> dict[str, Any]:
        """What decides the starts besides box, seed, dtype and n."""
        return {"name": self.name}

    def __len__(self) -> int:
        return self.n

    def __repr__(self) -> str:
        return f"<{self.n} {self.name} starts in {self.dim}-D>"


class _PartOfStarts(Starts):
    """A range of other starts."""

    def __init__(self, whole: Starts, first: int, stop: int) -> None:
        super().__init__(stop - first, whole.dim)
        self._whole, self._first = whole, first
        self.name, self.in_kernel, self.number = whole.name, whole.in_kernel, whole.number + first

    def points(self, first: int, stop: int) -> Points:
        return self._whole.points(self._first + first, self._first + stop)

    def rows(self, first: int, stop: int) -> NDArray[Any]:
        return self._whole.rows(self._first + first, self._first + stop)


class ChosenStarts(Starts):
    """A selection of other starts, made on request: the starts of ``result[index]``.

    >>> ChosenStarts(ArrayStarts(np.arange(8.0).reshape(4, 2)), np.array([3, 0])).points(0, 1)
    array([[6., 7.]])
    """

    name = "array"

    def __init__(self, whole: Starts, index: NDArray[np.int64]) -> None:
        super().__init__(len(index), whole.dim)
        self._whole, self._index = whole, index

    def points(self, first: int, stop: int) -> Points:
        """Return the chosen starts first..stop-1."""
        return self._whole.at(self._index[first:stop])


class _InBox(Starts):
    """Starts made as points u in the unit cube and placed in the box."""

    def __init__(self, n: int, box: Box, seed: int) -> None:
        super().__init__(n, box.dim)
        self.box, self.seed = box, seed

    def points(self, first: int, stop: int) -> Points:
        from batchgd.kernels.philox import place

        return place(self.unit_points(first, stop), self.box.lower, self.box.width)

    def unit_points(self, first: int, stop: int) -> Points:
        """Return the starts first..stop-1 in [0, 1)^d."""
        raise NotImplementedError


class UniformStarts(_InBox):
    """Independent uniform draws in the box; start i is ``start(seed, i, box, dtype=...)``."""

    name = "uniform"
    independent = True
    in_kernel = True
    open_ended = True

    def __init__(self, n: int, box: Box, seed: int, dtype: str = "float64") -> None:
        super().__init__(n, box, seed)
        self.dtype = dtype

    def points(self, first: int, stop: int) -> Points:
        """Return Philox draws first..stop-1, placed in the box as a run of this dtype does."""
        return uniform_in_box(self.seed, _indices(first, stop), self.box, self.dtype)


class SobolStarts(_InBox):
    """A scrambled Sobol sequence, which fills the box more evenly than chance; at most 2**32 starts.

    Best balanced if n is a power of two. Points are cheap to draw in order; a shard out of order costs a pass over the
    indices before it (about 2 ns each).
    """

    name = "sobol"
    open_ended = True
    interval_note = f"starts of a Sobol sequence are not independent draws, {_WITHHELD}"
    BITS: ClassVar[int] = 32
    MAX_DIM: ClassVar[int] = 21201

    def __init__(self, n: int, box: Box, seed: int) -> None:
        super().__init__(n, box, seed)
        if n > 2**self.BITS:
            raise InputError(f"a Sobol sequence has at most 2**{self.BITS} starts, not {n}: use sampling='uniform'")
        if box.dim > self.MAX_DIM:
            raise InputError(
                f"a Sobol sequence has at most {self.MAX_DIM} dimensions, not {box.dim}: use sampling='uniform'"
            )
        self._begin()

    def _begin(self) -> None:
        self._engine: Any = None
        self._first_point: Points = np.empty((1, 0))
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {"n": self.n, "dim": self.dim, "box": self.box, "seed": self.seed}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._begin()

    def unit_points(self, first: int, stop: int) -> Points:
        """Return points first..stop-1 of the sequence."""
        with self._lock:
            if self._engine is None:
                self._engine = self._make_engine()
                self._first_point = self._engine.random(1)
            head = self._first_point[: max(0, min(stop, 1) - first)]
            first = max(first, 1)
            if stop <= first:
                return head.copy()
            if self._engine.num_generated > first:
                self._engine.reset()
                self._engine.random(1)  # one point first: SciPy warns when the first draw is not a power of two
            if self._engine.num_generated < first:
                self._engine.fast_forward(first - self._engine.num_generated)
            return np.concatenate([head, self._engine.random(stop - first)])

    def _make_engine(self) -> Any:
        from scipy.stats import qmc

        generator = np.random.default_rng(self.seed)
        try:
            return qmc.Sobol(self.dim, scramble=True, bits=self.BITS, rng=generator)
        except TypeError:  # SciPy before 1.15 calls it seed
            return qmc.Sobol(self.dim, scramble=True, bits=self.BITS, seed=generator)


class LatinHypercubeStarts(_InBox):
    """A Latin hypercube: each axis is cut into n slices and each slice holds one start, at a random place.

    x_i = (π(i) + u_i) / n on each axis, with a permutation π that is computed, not stored: no memory, any shard.
    """

    name = "latin_hypercube"
    interval_note = f"starts of a Latin hypercube are not independent draws, {_WITHHELD}"

    def unit_points(self, first: int, stop: int) -> Points:
        """Return points first..stop-1 of the design."""
        from batchgd.kernels.philox import permuted

        index = _indices(first, stop)
        u = uniform_points(self.seed, index, self.dim)
        for axis in range(self.dim):
            u[:, axis] += permuted(self.seed, axis, index, self.n)
        return np.minimum(u / self.n, 1.0 - 2.0**-53)


class GridStarts(_InBox):
    """A regular grid: the centres of k_1 x ... x k_d equal cells of the box, the last axis varying fastest.

    Centres rather than corners, so that each start represents a cell of the same size and none is on the box's faces.
    """

    name = "grid"
    interval_note = f"starts on a regular grid are not independent draws, {_WITHHELD}"

    def __init__(self, counts: tuple[int, ...], box: Box, seed: int = 0) -> None:
        super().__init__(math.prod(counts), box, seed)
        self.counts = counts

    def settings(self) -> dict[str, Any]:
        """The counts per axis."""
        return {"name": self.name, "counts": list(self.counts)}

    def unit_points(self, first: int, stop: int) -> Points:
        """Return the centres of cells first..stop-1."""
        cell = np.stack(np.unravel_index(np.arange(first, stop), self.counts), axis=-1)
        return (cell + 0.5) / np.array(self.counts, np.float64)


@dataclass(frozen=True, eq=False)
class Normal(Explained):
    """Starts drawn from a normal distribution around a point: ``sampling=Normal(mean, std)``.

    x = mean + std z, with z = Φ⁻¹(u) of independent Philox uniforms, |z| < 8.3. Starts may be outside the box.

    Parameters
    ----------
    mean : float or (d,) array_like
        The centre, in units of x; one number is used on every axis.
    std : float or (d,) array_like
        The standard deviation of each coordinate, positive, in units of x.

    Raises
    ------
    InputError
        If mean or std is not finite, std is not positive, or (once the box is known) a length is wrong.

    Examples
    --------
    >>> Normal([1.0, 2.0], 0.1).spread(2)[1]
    array([0.1, 0.1])
    """

    mean: Any
    std: Any

    def __post_init__(self) -> None:
        for name in ("mean", "std"):
            given, wanted = getattr(self, name), "finite numbers" if name == "mean" else "finite positive numbers"
            wanted = f"give {wanted}, one or one per axis"
            values = check.finite(f"the {name} of Normal is {quoted(given)}, which contains", given, wanted)
            if values.ndim > 1 or values.size == 0 or (name == "std" and not (values > 0.0).all()):
                raise InputError(f"the {name} of Normal is {quoted(given)}: {wanted}")
            object.__setattr__(self, name, values)

    def spread(self, dim: int) -> tuple[Points, Points]:
        """Return mean and std with one number per axis."""
        for name in ("mean", "std"):
            values = getattr(self, name)
            if values.ndim == 1 and len(values) != dim:
                raise InputError(
                    f"the {name} of Normal has {len(values)} numbers for {dim} dimensions: give 1 or {dim}"
                )
        return np.broadcast_to(self.mean, dim), np.broadcast_to(self.std, dim)


class NormalStarts(Starts):
    """Independent draws from a normal distribution (see :class:`Normal`)."""

    name = "normal"
    independent = True
    open_ended = True

    def __init__(self, n: int, dim: int, sampling: Normal, seed: int) -> None:
        super().__init__(n, dim)
        self.seed = seed
        self.mean, self.std = sampling.spread(dim)

    def settings(self) -> dict[str, Any]:
        """The centre and the spread."""
        return {"name": self.name, "mean": self.mean, "std": self.std}

    def points(self, first: int, stop: int) -> Points:
        """Return draws first..stop-1."""
        from scipy.special import ndtri

        u = uniform_points(self.seed, _indices(first, stop), self.dim)
        # The middle of one of 2**52 cells: exact, symmetric, and never 0 or 1, where the inverse is infinite.
        u = (np.floor(u * 2.0**52) + 0.5) * 2.0**-52
        return self.mean + self.std * ndtri(u)


class ArrayStarts(Starts):
    """Starts that are in an array on the host: passed in, chosen by a strategy, or read from a file."""

    interval_note = f"starts given as an array may not be independent uniform draws in the box, {_WITHHELD}"

    def __init__(self, array: NDArray[Any], name: str = "array", interval_note: str | None = None) -> None:
        super().__init__(*array.shape)
        self._array, self.name = array, name
        if interval_note is not None:
            self.interval_note = interval_note

    def settings(self) -> dict[str, Any]:
        """A hash of the array."""
        return {"name": self.name, "sha256": hashlib.sha256(np.ascontiguousarray(self._array).data).hexdigest()}

    def points(self, first: int, stop: int) -> Points:
        """Return rows first..stop-1."""
        return self._array[first:stop].astype(np.float64)

    def rows(self, first: int, stop: int) -> NDArray[Any]:
        """Return rows first..stop-1 themselves."""
        return self._array[first:stop]


SAMPLINGS: dict[str, type[_InBox]] = {
    kind.name: kind for kind in (UniformStarts, SobolStarts, LatinHypercubeStarts, GridStarts)
}


def _indices(first: int, stop: int) -> NDArray[np.uint64]:
    return np.arange(first, stop, dtype=np.uint64)


def uniform_in_box(seed: int, index: NDArray[np.uint64], box: Box, dtype: str) -> Points:
    """Return the uniform start of each index as a run of this dtype makes it, shape (len(index), d), in float64."""
    from batchgd.kernels.philox import place

    u = uniform_points(seed, index, box.dim, dtype)
    return place(u, box.lower.astype(dtype), box.width.astype(dtype)).astype(np.float64)


def uniform_points(seed: int, index: NDArray[np.uint64], dim: int, dtype: str = "float64") -> NDArray[Any]:
    """Return the Philox draws of each index in [0, 1)^dim, shape (len(index), dim)."""
    from batchgd.kernels import philox

    uniform_pair = philox.uniform_pair if dtype == "float64" else philox.uniform_pair_single
    out = np.empty((len(index), dim + dim % 2), dtype)
    for first in range(0, len(index), _CHUNK):
        rows = slice(first, first + _CHUNK)
        for block in range(out.shape[1] // 2):
            out[rows, 2 * block], out[rows, 2 * block + 1] = uniform_pair(seed, index[rows], block)
    return out[:, :dim]
