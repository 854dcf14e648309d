"""Descents on the device compared with the same descents on the CPU, trajectory by trajectory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gpu_parts.workers import Record

BEYOND = {"float64": 1e-10, "float32": 2e-3, "mixed": 1e-6}
"""How far apart two endpoints may be, in a box of width 10: in float32 a gradient is lost in rounding before that."""
SHIFTS = (0, 1, -1, 8, -8, 64, -64, 512, -512)
"""Rounding errors by which starts are moved: a trajectory that then ends elsewhere, on the CPU too, depends on them.

Not moved, they descend in NumPy, which rounds products before it adds them.
"""
ABOUT = 8.0
"""How much further apart two endpoints may be than those of the moved starts."""
UNEXPLAINED = {"float64": 0.002, "float32": 0.01, "mixed": 0.002}
"""The share of trajectories that may differ without that: most of what was found on compiled code that is right."""
OTHERWISE = {"float64": 0.02, "float32": 0.25, "mixed": 0.02}
"""The share of trajectories that may end at the same place, but with success on one side only."""
SAME_MINIMUM = 1e-6
"""How far apart two polished minima may be, in widths of the box."""
SHOWN = 3
"""Differing trajectories that a record describes."""


@dataclass(frozen=True)
class Case:
    """One batch, described for ``multistart``; ``warp`` threads share a trajectory if given."""

    fun: Any
    starts: int = 1000
    options: dict[str, Any] = field(default_factory=dict)
    warp: int | None = None
    points: NDArray[Any] | None = None

    def run(self, backend: str) -> Any:
        """Descend from every start."""
        import batchgd as bgd

        with bgd.testing.forced(warp=self.warp):
            if self.points is not None:
                return bgd.descend(self.fun, self.points, backend=backend, **self.options)
            return bgd.multistart(self.fun, starts=self.starts, backend=backend, **self.options)

    def moved(self, found: Any, roundings: int, backend: str) -> Any:
        """Descend from the starts of a result, moved by some rounding errors of the box."""
        import batchgd as bgd

        width = np.spacing(found.box.width.astype("float64" if found.dtype == "float64" else "float32"))
        same = ("method", "dtype", "bounds", "params", "which")
        options = {name: self.options[name] for name in same if name in self.options}
        options |= {"box": found.box, "stopping": found.stopping, "backend": backend}
        x0 = found.x0 + roundings * width
        if found.bounds is not None:
            x0 = np.clip(x0, found.bounds.lower, found.bounds.upper)
        return bgd.descend(self.fun, x0, **options)


def compare(case: Case, reference: str) -> Record:
    """Compare one batch on the device with the reference; ``wrong`` describes trajectories that rounding can't explain.

    A trajectory differs if its endpoint is further away than ``BEYOND``, or if it is assigned to another minimum. On a
    border between basins one rounding decides, and on long ways rounding errors grow. So the reference runs again from
    starts that are some rounding errors away: a trajectory counts as decided by rounding if that scatters its endpoint
    about as far. Of the others a few are allowed. Whether the last update ends a trajectory or the limit of updates
    does, depends on rounding as well: some may end otherwise at the same place.
    """
    cuda, cpu = case.run("cuda"), case.run(reference)
    beyond = BEYOND[cpu.dtype] * np.maximum(cpu.box.width / 10.0, 1.0)
    apart = np.max(_apart(cuda.x, cpu.x) / beyond, axis=1)
    otherwise = cuda.success != cpu.success
    differs = (apart > 1.0) | (_elsewhere(cuda, cpu, beyond) & ~otherwise)
    otherwise &= ~differs
    decided = np.zeros(len(cpu.x), bool)
    if differs.any():
        for roundings in SHIFTS:
            other = case.moved(cpu, roundings, reference if roundings else "numpy")
            scatter = np.max(_apart(other.x, cpu.x) / beyond, axis=1)
            decided |= np.maximum(apart, 1.0) <= ABOUT * scatter
    wrong = np.flatnonzero(differs & ~decided)
    names = ("x", "fun", "nit", "status", *(["label"] if hasattr(cpu, "label") else []))
    shown = [_described(i, cuda, cpu, names) for i in wrong[:SHOWN]]
    agrees = wrong.size <= UNEXPLAINED[cpu.dtype] * len(cpu.x)
    if np.mean(otherwise) > OTHERWISE[cpu.dtype]:
        agrees, wrong = False, np.append(wrong, np.flatnonzero(otherwise))
        shown += [_described(i, cuda, cpu, names) for i in np.flatnonzero(otherwise)[:SHOWN]]
    return {
        "agrees": agrees,
        "trajectories": len(cpu.x),
        "differ": int(differs.sum()),
        "decided_by_rounding": int((differs & decided).sum()),
        "ended_otherwise": int(otherwise.sum()),
        "apart_over_tolerance": float(np.max(apart[~differs], initial=0.0)),
        "updates_equal": float(np.mean(cuda.nit == cpu.nit)),
        "wrong": shown,
        "wrong_count": int(wrong.size),
    }


def _elsewhere(cuda: Any, cpu: Any, beyond: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which trajectories are assigned to other minima: by place, as the numbers follow the values."""
    if not hasattr(cpu, "label"):
        return np.zeros(len(cpu.x), bool)
    places = [np.vstack([found.minima.x, np.full((1, found.dim), np.nan)])[found.label] for found in (cuda, cpu)]
    return np.any(_apart(*places) > np.maximum(beyond, SAME_MINIMUM * cpu.box.width), axis=1)


def _apart(one: NDArray[Any], other: NDArray[Any]) -> NDArray[np.float64]:
    """Return how far apart the coordinates are: not at all if both are the same or not finite."""
    one, other = np.asarray(one, np.float64), np.asarray(other, np.float64)
    with np.errstate(invalid="ignore"):
        apart = np.abs(one - other)
    lost = ~np.isfinite(one) & ~np.isfinite(other)
    return np.where(lost | (one == other), 0.0, np.where(np.isnan(apart), np.inf, apart))


def _described(i: int, cuda: Any, cpu: Any, names: tuple[str, ...]) -> Record:
    def shown(result: Any) -> Record:
        return {name: np.asarray(getattr(result, name)[i]).tolist() for name in names}

    return {"start": int(i), "x0": cpu.x0[i].tolist(), "got": shown(cuda), "expected": shown(cpu)}


def in_words(wrong: Record) -> str:
    """Return one line on a trajectory that differs.

    >>> in_words({"start": 3, "x0": [0.5], "got": {"x": [1.0], "label": 0}, "expected": {"x": [2.0], "label": 0}})
    'start 3 at [0.5]: x [1.0], expected [2.0]'
    """
    if "start" not in wrong:
        return ", ".join(f"{name} {value}" for name, value in wrong.items())
    got, expected = wrong["got"], wrong["expected"]
    parts = [f"{name} {got[name]}, expected {expected[name]}" for name in got if got[name] != expected[name]]
    return f"start {wrong['start']} at {wrong['x0']}: " + "; ".join(parts)
