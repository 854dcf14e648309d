"""Where trajectories start: what a user passes as starts, sampling and seed, checked and turned into start points."""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.problem import check
from batchgd.problem.arrays import check_dtype
from batchgd.problem.box import Box
from batchgd.problem.errors import InputError, bare, quoted
from batchgd.problem.keywords import explained
from batchgd.problem.registry import find_name
from batchgd.problem.samplings import (
    SAMPLINGS,
    ArrayStarts,
    GridStarts,
    Normal,
    NormalStarts,
    Points,
    Starts,
    UniformStarts,
    uniform_in_box,
)
from batchgd.problem.speaker import option
from batchgd.problem.wording import plural

__all__ = ["MAX_STARTS", "Normal", "Starts", "parse_seed", "parse_starts", "start"]

MAX_STARTS = 2**62


@explained
def start(seed: int, i: Any, box: Any, dim: int | None = None, dtype: str = "float64") -> Points:
    """Reproduce uniform start i of a run: ``lower + u(seed, i) (upper - lower)``.

    Parameters
    ----------
    seed : int
        The seed of the run, 0 to 2**64 - 1.
    i : int or (m,) array of int
        Which start, 0 to 2**64 - 1.
    box : Box or anything that ``Box.parse`` takes
        The box of the run.
    dim : int, optional
        The number of dimensions, if ``box`` is one pair for all of them.
    dtype : str
        The dtype of the run. A float32 run draws the leading 24 bits of u and places them in float32.

    Returns
    -------
    (d,) array, or (m, d) for an array of i
        float64, in [lower, upper) up to the rounding of the last bit.

    Raises
    ------
    InputError
        If seed, i or box cannot be used.

    Examples
    --------
    >>> start(0, 2**40, (0.0, 1.0), dim=2).shape
    (2,)
    >>> bool(np.all(start(0, [3, 4], (-1, 1), dim=2)[1] == start(0, 4, (-1, 1), dim=2)))
    True
    """
    box, seed, dtype = Box.parse(box, dim), _given_seed(seed), check_dtype(dtype)
    index = check.reals("the start number contains", i, "give a whole number from 0 up, or an array of them")
    if index.ndim > 1 or (index.size and (index.dtype.kind not in "iu" or int(index.min()) < 0)):
        raise InputError(f"start number {quoted(i)} does not exist: give a whole number from 0 up, or an array of them")
    points = uniform_in_box(seed, np.atleast_1d(index).astype(np.uint64), box, dtype)
    return points[0] if index.ndim == 0 else points


def parse_seed(seed: Any) -> int:
    """Return the seed as an int in 0..2**64 - 1; None draws one from the operating system.

    >>> parse_seed(np.int64(7))
    7
    """
    # 53 bits: the seed that is reported survives JSON readers that store every number as float64.
    return int.from_bytes(os.urandom(8), "little") >> 11 if seed is None else _given_seed(seed)


def _given_seed(seed: Any) -> int:
    return check.whole("the seed", seed, 0, 2**64 - 1)


def parse_starts(
    starts: Any, sampling: Any, box: Box | None, dim: int | None, seed: Any, dtype: Any, *, resident: bool = True
) -> Starts:
    """Turn the ``starts`` and ``sampling`` of a run into start points that can be made shard by shard.

    Parameters
    ----------
    starts : int, tuple of int, or (n, d) array_like
        The number of starts; for a grid also the counts per axis; or the points (NumPy, CuPy, DLPack, lists).
    sampling : str or Normal
        ``"uniform"``, ``"sobol"``, ``"latin_hypercube"``, ``"grid"``, or ``Normal(mean, std)``; unused for an array.
    box : Box or None
        Where starts are drawn; None only when ``starts`` is an array.
    dim : int or None
        The number of variables; None takes it from the array.
    seed : int or None
        None draws one; call ``parse_seed`` first to report it.
    dtype : dtype_like
        The precision of the run: what float32 cannot hold is refused here.
    resident : bool
        Whether the results of all starts are held in memory at once: if so, more starts than fit are refused.

    Raises
    ------
    InputError
        If the starts cannot be used; one line with the cause and the remedy.

    Examples
    --------
    >>> parse_starts(1e3, "sobol", Box([0, 0], [1, 1]), 2, 0, "float64")
    <1000 sobol starts in 2-D>
    """
    if isinstance(starts, Starts):
        return starts
    dtype = np.dtype(dtype)
    sampling = _sampling(sampling)
    if check.is_array(starts) and sampling is not GridStarts:
        if sampling is not UniformStarts:
            raise InputError(
                "starts is a list or an array of points, so sampling has nothing to draw: leave out one of the two"
            )
        return ArrayStarts(_rows(starts, dim, dtype))
    if box is None:
        raise InputError(f"the start points are {quoted(starts)}: give them as an array of shape (n, d)")
    _check_box(box, dim, dtype)
    if sampling is GridStarts:
        points: Starts = GridStarts(_grid_counts(starts, box.dim), box)
    elif isinstance(sampling, Normal):
        points = NormalStarts(_count(starts), box.dim, sampling, parse_seed(seed))
    elif sampling is UniformStarts:
        points = UniformStarts(_count(starts), box, parse_seed(seed), dtype.name)
    else:
        points = sampling(_count(starts), box, parse_seed(seed))
    if resident:
        check_memory(points.n, box.dim, dtype)
    return points


def _count(starts: Any) -> int:
    """Return the number of starts as an int from 1 to MAX_STARTS."""
    value = check.number("starts", starts, "a whole number from 1 up, or an (n, d) array of points")
    if value > MAX_STARTS:
        raise InputError("starts is too large: at most 2**62 starts can be counted, give fewer")
    if value < 1:
        raise InputError(f"starts is {quoted(starts)}: give at least 1")
    return check.whole("starts", starts, 1, MAX_STARTS, of="starts", real=True)


def _sampling(sampling: Any) -> Any:
    """Return the kind of start with this name, or a Normal unchanged."""
    if isinstance(sampling, Normal):
        return sampling
    if sampling is Normal:
        raise InputError("sampling is Normal without its mean and std: write Normal(mean, std)")
    names = ", ".join(repr(name) for name in SAMPLINGS)
    if not isinstance(sampling, str):
        raise InputError(f"sampling is {quoted(sampling)}: give one of {names}, or Normal(mean, std)")
    if bare(sampling) == "normal":
        raise InputError("sampling 'normal' needs a mean and a std: pass sampling=bgd.Normal(mean, std)")
    return SAMPLINGS[find_name("sampling", sampling, SAMPLINGS, f"choose {names} or bgd.Normal(mean, std)")]


def _grid_counts(starts: Any, dim: int) -> tuple[int, ...]:
    """Return the counts per axis of a grid, from a total k**d or from the counts themselves."""
    if not check.is_array(starts):
        total = _count(starts)
        k = round(total ** (1.0 / dim))
        while k**dim > total:
            k -= 1
        while (k + 1) ** dim <= total:
            k += 1
        if k**dim != total:
            near = [str(count) for count in (k**dim, (k + 1) ** dim) if count <= MAX_STARTS]
            example = f"({', '.join([str(k + 1)] * min(dim, 3))}{', ...' if dim > 3 else ''})"
            raise InputError(
                f"a regular grid of {total} starts does not fit {dim} dimensions: give {' or '.join(near)}, "
                f"or one count per axis, for example starts={example}"
            )
        return (k,) * dim
    counts = np.asarray(starts, object)  # whatever it contains, _count reports what is wrong
    if counts.ndim != 1 or len(counts) != dim:
        raise InputError(
            f"a grid in {dim} dimensions needs {dim} counts, or k**{dim} starts: starts has shape {counts.shape}"
        )
    sides = tuple(_count(count) for count in counts)
    if math.prod(sides) > MAX_STARTS:
        raise InputError(
            f"the grid has {math.prod(sides):.3g} starts: at most 2**62 can be counted, give fewer per axis"
        )
    return sides


def _rows(starts: Any, dim: int | None, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return given points as an (n, d) copy on the host, in the precision that they came in."""
    array = check.reals("the start points contain", starts, "give an (n, d) array of real numbers")
    if 0 in array.shape:
        raise InputError(f"the start points have shape {array.shape}, which contains no start: give at least one row")
    if array.ndim != 2:
        remedy = "for one start write x0[None, :]" if array.ndim == 1 else "give an array of shape (n, d)"
        counts = "; for counts per axis, add sampling='grid'" if array.ndim == 1 and array.dtype.kind in "iu" else ""
        raise InputError(f"the start points have shape {array.shape}, not (n, d): {remedy}{counts}")
    if dim is not None and array.shape[1] != dim:
        raise InputError(f"the start points have shape {array.shape} but there are {dim} variables: give (n, {dim})")
    with np.errstate(over="ignore"):  # wider types may overflow; the test below finds that
        copy = np.array(array, np.float32 if array.dtype == np.float32 else np.float64, order="C")
        finite = np.isfinite(copy if dtype == copy.dtype else copy.astype(dtype))
    if not finite.all():  # row by row takes five times as long
        bad = ~finite.all(axis=1)
        row = int(np.argmax(bad))
        cause = f"is outside the range of {dtype}" if np.isfinite(array[row]).all() else "contains NaN or infinity"
        raise InputError(
            f"start point {row} {cause} ({plural(int(bad.sum()), 'such row')}): leave them out or correct them"
        )
    return copy


def _check_box(box: Box, dim: int | None, dtype: np.dtype[Any]) -> None:
    """Refuse a box whose dimension is not the function's, or that vanishes in the precision of the run."""
    if dim is not None and box.dim != dim:
        raise InputError(
            f"the box has {box.dim} dimensions but the function has {dim}: give one (lo, hi) pair per variable"
        )
    with np.errstate(over="ignore"):
        lower, upper = box.lower.astype(dtype), box.upper.astype(dtype)
    bad = ~(np.isfinite(lower) & np.isfinite(upper) & (lower < upper))
    if bad.any():
        axis = int(np.argmax(bad))
        side = f"({box.lower[axis]:g}, {box.upper[axis]:g})"
        raise InputError(
            f"{dtype} cannot hold the box {side} on axis {axis}: use dtype='float64', or rescale the variable"
        )


def check_memory(n: int, dim: int, dtype: np.dtype[Any]) -> None:
    """Refuse more starts than this machine can hold the results of."""
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # unknown on this platform
        return
    each = (dim + 1) * dtype.itemsize + 29  # x and fun; nit, nfev, status, label and the cell's key
    if n * each > memory:
        raise InputError(
            f"the results of {n:.4g} starts take {n * each / 1e9:.3g} GB and this machine has {memory / 1e9:.3g} GB: "
            f"use at most {memory // (2 * each):.2g} starts, or {option('keep', 'minima')}, which keeps no row of each"
        )
