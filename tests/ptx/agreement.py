"""Whether a run on the interpreter is that of the CPU, up to rounding.

The compiled CPU code, NumPy and the PTX fuse different products and sums, so their last bits differ, and a trajectory
may carry these apart. How far is measured and not assumed: NumPy runs again with products rounded up or down at random.
What CUDA does differently from the CPU must be what those runs do, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import simulated_cuda
from numpy.typing import NDArray

import batchgd as bgd
from ptx.counts import COUNTS
from ptx.functions import of_the_device
from ptx.machine import Device
from ptx.product import interpreted
from ptx.rounding import random_rounding

GROWTH = 10.0
"""An endpoint may be so many times further away than those of the other runs, which are few."""

RUNS = 400
"""Runs with random rounding at most, before a difference is one that rounding does not explain.

Few need more than five; in float32 one end of a trajectory was seen in one run of a hundred.
"""

SHARP = {"float64": 1e-10, "float32": 1e-5, "mixed": 1e-10}
"""Endpoints and values this close (values: of their size, if that is above 1) are equal without looking further."""

SAME_MINIMUM = 1e-6
"""Polished minima of two runs are the same if they are this close, in box widths."""


def other_runs(run: Callable[[str], Any]) -> Iterator[Any]:
    """Yield results that differ from the CPU's by rounding, from ``run("numpy")``."""
    yield run("numpy")
    for seed in range(RUNS):
        with random_rounding(seed):
            other = run("numpy")
        yield other


def agree(cuda: Any, cpu: Any, others: Iterable[Any] = ()) -> None:
    """Hold a run to that of the CPU: endpoints, values, minima, statuses and counts of every trajectory.

    A trajectory may differ by ``SHARP``, and by ``GROWTH`` times what it differs by in one of the other runs; minima,
    statuses and counts only if they are others in one of those, too.
    """
    found, sharp = _apart(cuda, cpu), _sharp(cpu)
    spread, runs = np.zeros_like(found), iter(others)
    while not (explained := found <= np.maximum(sharp, GROWTH * spread)).all():
        other = next(runs, None)
        assert other is not None, _report(found, spread, explained)
        spread = np.maximum(spread, _apart(other, cpu))
    equal = (found[:2] <= sharp[:2]).all(axis=0)
    COUNTS.update(
        {
            "trajectories held to the CPU's": len(equal),
            "- the same in every bit": int((found == 0).all(axis=0).sum()),
            "- endpoint or value further apart, explained by rounding": int((~equal).sum()),
            "- another minimum, explained by rounding": int((found[2] > 0).sum()),
            "- another status or count, explained by rounding": int((found[3:] > 0).any(axis=0).sum()),
        }
    )


NAMES = ("x", "fun", "minimum", "status", "nit", "nfev")


def _apart(run: Any, cpu: Any) -> NDArray[Any]:
    """How far each trajectory is from that of the CPU, in the order of ``NAMES``; what is counted: 0 or infinite."""
    rows = [_distance(run.x, cpu.x), _distance(run.fun, cpu.fun)]
    places = _distance(_place(run) / cpu.box.width, _place(cpu) / cpu.box.width)
    rows.append(np.where(places <= SAME_MINIMUM, 0.0, np.inf))
    rows += [np.where(getattr(run, name) == getattr(cpu, name), 0.0, np.inf) for name in NAMES[3:]]
    return np.array(rows)


def _distance(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    """The largest difference within a row; numbers that are the same, NaN included, differ by 0, others by a number."""
    a, b = (np.asarray(each, np.float64).reshape(len(each), -1) for each in (a, b))
    with np.errstate(invalid="ignore"):
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        return np.max(np.where(same, 0.0, np.nan_to_num(np.abs(a - b), nan=np.inf)), axis=1)


def _place(run: Any) -> NDArray[Any]:
    """The minimum of each start, NaN for those without one."""
    if not len(run.minima):
        return np.full(run.x.shape, np.nan)
    return np.where(run.label[:, None] < 0, np.nan, np.asarray(run.minima.x)[run.label])


def _sharp(cpu: Any) -> NDArray[Any]:
    sharp = np.zeros((len(NAMES), len(cpu.x)))
    size = np.nan_to_num(np.abs(np.asarray(cpu.fun, np.float64)), posinf=1.0)
    sharp[:2] = SHARP[cpu.dtype] * np.array([np.ones_like(size), np.maximum(size, 1.0)])
    return sharp


def _report(found: NDArray[Any], spread: NDArray[Any], explained: NDArray[Any]) -> str:
    rows = [
        f"start {i}: {NAMES[k]} differs by {found[k, i]:.3g}, others by {spread[k, i]:.3g}"
        for k, i in np.argwhere(~explained)
    ]
    return "; ".join(rows[:5]) + (f"; {len(rows)} in all" if len(rows) > 5 else "")


def exactly(cuda: Any, numpy: Any) -> None:
    """Hold a run to that of NumPy, bit for bit."""
    for name in ("x", "fun", "nit", "nfev", "status", "label"):
        a, b = np.asarray(getattr(cuda, name)), np.asarray(getattr(numpy, name))
        differ = (a != b) & ~(np.isnan(a) & np.isnan(b)) if a.dtype.kind == "f" else a != b
        assert not differ.any(), f"{name} differs at {np.argwhere(differ)[:5].tolist()}, {differ.sum()} in all"
    COUNTS["trajectories of unfused kernels, all the same as NumPy's in every bit"] += len(cuda)


def compare(name: Any, starts: Any = 64, how: dict[str, Any] | None = None, **options: Any) -> Device:
    """Hold a multi-start on the interpreter to that of the CPU; ``how`` is for ``interpreted``."""

    def run(backend: str) -> Any:
        return bgd.multistart(name, starts=starts, backend=backend, **options)

    cpu = run("cpu")
    with interpreted(**how or {}) as device:
        cuda = run("cuda")
    agree(cuda, cpu, other_runs(run))
    return device


def compare_exactly(name: Any, starts: Any = 64, how: dict[str, Any] | None = None, **options: Any) -> None:
    """Hold a multi-start by kernels in which nothing was fused to that of NumPy with the device's functions."""
    with interpreted(contract=False, **how or {}):
        cuda = bgd.multistart(name, starts=starts, backend="cuda", **options)
    with of_the_device():
        numpy = bgd.multistart(name, starts=starts, backend="numpy", **options)
    exactly(cuda, numpy)


def merged(case: str, **how: Any) -> None:
    """Merge endpoints of every kind in tables of a size, and see that the state is the catalogue's, bit for bit."""
    dtype, cells, table = case.split()
    with interpreted(**how):
        found = simulated_cuda.merged_on_the_device(dtype, int(cells), int(table))
    assert found == {key: value if key == "cells" else True for key, value in found.items()}
