"""Predicted speed of a batch on a named GPU, from the machine code of its kernel and published rates; no device needed.

A prediction is the least time that the busiest pipe of a multiprocessor needs for the instructions of a tick. Nothing
is lost to latency, memory, threads of a warp that wait for others, refill, or a clock below its boost: a device is
slower than this, and how much slower is what a measurement says.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from types import ModuleType

from batchgd.analysis.bench.devices import Device, clocks, device_of
from batchgd.analysis.bench.listing import Tick, listing_of, tick_of
from batchgd.compiler.codegen.specialisation import Specialisation
from batchgd.engine.batch import Batch
from batchgd.kernels.cuda.assemble import ComputeCapability, MachineCode, Resources


@dataclass(frozen=True)
class Prediction:
    """What a device is predicted to do at most.

    ``updates_per_second`` are ticks, one evaluation and decision of one trajectory each: updates of x, for a method
    that accepts every point, else evaluations. It is None if a tick has loops, whose counts the listing does not show.
    ``bound_by`` is the pipe that needs the longest, ``clocks`` what each needs for one tick of a trajectory on one
    multiprocessor.
    """

    device: str
    updates_per_second: float | None
    bound_by: str
    clocks: dict[str, float]


@dataclass(frozen=True)
class Cost:
    """What one kernel executes and needs: per thread, ``threads`` of which share a trajectory."""

    tick: Tick
    resources: Resources
    threads: int


def predicted_updates(batch: Batch, device: str) -> Prediction:
    """Predict the speed of a batch (``measure.batch_of`` makes those of the standard set).

    Parameters
    ----------
    batch : Batch
        With ``backend="cuda"``; it is not run.
    device : str
        A name of ``devices.DEVICES``, or what the driver calls such a device.

    Raises
    ------
    InputError
        If the device is unknown.
    BackendError
        If numba-cuda, the assembler or nvdisasm is missing.
    """
    from batchgd.engine.prepare import specialisation_of

    known = device_of(device)
    return predict(cost_of(specialisation_of(batch), known.capability), known)


def predict(cost: Cost, device: Device) -> Prediction:
    """Return what the counts of a tick and the rates of a device give."""
    needed = {pipe: cost.threads * each for pipe, each in clocks(cost.tick.names, device.rates).items()}
    bound = max(needed, key=lambda pipe: needed[pipe])
    rate = device.multiprocessors * device.clock / needed[bound]
    return Prediction(device.name, None if cost.tick.loops else rate, bound, needed)


@lru_cache(maxsize=256)
def cost_of(specialisation: Specialisation, capability: ComputeCapability) -> Cost:
    """Compile, assemble and read one kernel, with as many threads per trajectory as such a device would take."""
    from batchgd.compiler.codegen import warp_choice
    from batchgd.compiler.codegen.loading import load
    from batchgd.kernels.cuda import assemble

    @cache
    def code(module: ModuleType, dtype: str) -> MachineCode:
        return assemble.machine_code(assemble.compiled(module.descend_kernel, dtype, capability), capability)

    chosen = warp_choice.chosen(specialisation, lambda module, dtype: code(module, dtype).resources.stack == 0)
    made = code(load(chosen), chosen.dtype)
    return Cost(tick_of(listing_of(made.cubin)), made.resources, chosen.threads)
