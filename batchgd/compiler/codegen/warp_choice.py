"""Choose how many CUDA threads share a trajectory: one, or a warp if one would not hold its state in registers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType

from batchgd.compiler.codegen import warp_tick
from batchgd.compiler.codegen.loading import load
from batchgd.compiler.codegen.specialisation import Specialisation

THREADS: int | None = None
"""Replaces the choice, if that is possible at all: for measurements, and for the simulator."""

LARGE_STATE = 64
"""The most 32-bit numbers that a lane may remember: no thread was found to hold more in registers.

Gradient descent in 64 dimensions and float32, the smallest above it, needs 272 bytes of stack on sm_90. Up to it the
kernel is compiled, which shows whether they fit.
"""


def chosen(specialisation: Specialisation, fits: Callable[[ModuleType, str], bool]) -> Specialisation:
    """Return the specialisation with as many threads per trajectory as it should have.

    Parameters
    ----------
    specialisation : Specialisation
        The one with a single thread.
    fits : callable
        Whether the descent of a module for this dtype keeps the state of a thread in registers.
    """
    if specialisation.target != "cuda" or specialisation.bounded:
        return specialisation
    objective, rule = specialisation.objective, specialisation.read
    if THREADS is not None:
        return replace(specialisation, threads=THREADS) if warp_tick.can_share(objective, rule) else specialisation
    if specialisation.simulated or not warp_tick.gains(objective, rule):
        return specialisation
    words = specialisation.layout.size * (2 if specialisation.dtype == "float64" else 1)
    if words <= LARGE_STATE and fits(load(specialisation), specialisation.dtype):
        return specialisation
    return replace(specialisation, threads=warp_tick.WIDTH)
