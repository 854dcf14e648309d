"""Prepare a batch for its launch: the compiled module, and the plan of what it reads and writes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from batchgd.kernels.plan import Endpoints, Merge, Numbers, Plan, Trails
from batchgd.problem.errors import InputError
from batchgd.problem.methods import split_per_start

if TYPE_CHECKING:
    from batchgd.compiler.codegen.specialisation import Specialisation
    from batchgd.engine.batch import Batch

IN_BLOCK: bool | None = None
"""The value of ``Specialisation.in_block`` that tests force (``api.testing``)."""


PLAIN_LANES, PLAIN_SHARD = 256, 1024
"""Trajectories at a time of a function that is called as plain Python, and starts handed out at once: few, so that some
have ended when time is up."""


def specialisation_of(batch: Batch) -> Specialisation:
    """Return the specialisation that the module for this batch is compiled for."""
    from batchgd.compiler.codegen.specialisation import Specialisation
    from batchgd.engine.backends import simulated

    box, (shared, differing) = batch.box, split_per_start(batch.method, batch.starts.n, batch.dtype)
    per_start = batch.bounds is not None and batch.bounds.per_start
    specialisation = Specialisation(
        batch.objective,
        batch.method.rule_in(batch.objective.dim),
        batch.dtype,
        target=batch.backend.name,
        lanes=min(batch.backend.lanes(batch.starts.n), PLAIN_LANES if batch.objective.plain else 1 << 30),
        in_kernel=batch.starts.in_kernel,
        cubic=all(np.ptp(side) == 0.0 for side in (box.lower, box.upper)),
        per_start=tuple(differing),
        tests=(*batch.stopping.active, *(["turns"] if batch.watch_turns else [])),
        simulated=batch.backend.name == "cuda" and simulated(),
        parts=batch.method.parts,
        constants=batch.method.fixed,
        in_block=IN_BLOCK,
        bounded=batch.bounds is not None,
        own=batch.problems is not None,
        bounds_per_start=per_start,
    )
    if missing := {*specialisation.read.hyperparameters} - {*shared, *differing}:
        absent = f"{type(batch.method).__name__}.hyperparameters has no such name"
        raise InputError(f"the rule of {batch.method} needs {', '.join(sorted(missing))}, but {absent}: add it")
    return specialisation.narrowed()


def module_of(specialisation: Specialisation) -> Any:
    """Return the compiled module of a specialisation, on CUDA with the threads per trajectory that suit the device."""
    from batchgd.compiler.codegen.loading import load
    from batchgd.compiler.codegen.warp_choice import chosen

    def fits(module: Any, dtype: str) -> bool:
        from batchgd.kernels.launch_cuda import keeps_state_in_registers

        return keeps_state_in_registers(module, dtype)

    return load(chosen(specialisation, fits))


def prepare(
    batch: Batch,
    shard: int | None,
    trails: Trails | None,
    *,
    control: NDArray[np.int32],
    rows: Callable[[int, int], Endpoints],
    ready: Callable[[], None],
    done: Callable[[Endpoints], None],
    pause: Callable[[], None],
    merge: Merge | None,
) -> tuple[Any, Plan]:
    """Return the compiled module for a batch of one dtype, and the plan that its launch reads (see :class:`Plan`)."""
    from batchgd.compiler.codegen.loading import load

    n, dtype, box, objective = batch.starts.n, batch.dtype, batch.box, batch.objective
    shared, differing = split_per_start(batch.method, n, dtype)
    outer = batch.stopping.outer(box)
    specialisation = specialisation_of(batch)
    # A path is recorded by one thread: there are few.
    module = module_of(specialisation) if trails is None else load(specialisation, recording=True)
    with np.errstate(over="ignore"):  # an end that the dtype cannot hold is infinite: no trajectory gets there
        sides = np.array([1.0 / box.width, *outer]).astype(dtype)
    ends = [] if batch.bounds is None else [*batch.bounds.in_dtype(dtype)]
    problems = batch.problems and batch.problems.in_dtype(dtype)
    columns = [np.asarray(values, dtype)[:, None] for values in differing.values()]
    if specialisation.bounds_per_start:
        columns, ends = [*columns, *ends], []
    names = [name for name in specialisation.layout.rule.hyperparameters if name in shared]
    return module, Plan(
        n=n,
        dim=objective.dim,
        dtype=dtype,
        shard=shard or min(batch.backend.shard(n, batch.threads), PLAIN_SHARD if objective.plain else n),
        seed=batch.seed,
        number=batch.starts.number,
        lower=box.lower.astype(dtype),
        width=box.width.astype(dtype),
        points=_points(batch, dtype),
        per_start=np.ascontiguousarray(np.hstack(columns)) if columns else np.empty((n, 0), dtype),
        numbers=Numbers(
            p=np.concatenate([objective.numbers, getattr(module, "TABLES", [])]).astype(dtype),
            box=np.concatenate([sides.ravel(), *ends]),
            h=np.array([shared[name] for name in names] or [0.0], dtype),
            limits=np.concatenate([batch.stopping.limits(box, dtype), sides[:, 0]]),
        ),
        control=control,
        rows=rows,
        ready=ready,
        done=done,
        pause=pause,
        merge=merge,
        trails=trails,
        problems=problems,
    )


def _points(batch: Batch, dtype: str) -> Callable[[int, int], NDArray[Any]] | None:
    """Return what makes the starts of a shard, none of them outside bounds, or None if the kernel makes them."""
    starts, bounds = batch.starts, batch.bounds
    if starts.in_kernel:
        return None
    if bounds is None:
        return starts.rows
    return lambda first, stop: bounds.of(slice(first, stop)).clip(starts.rows(first, stop).astype(dtype))
