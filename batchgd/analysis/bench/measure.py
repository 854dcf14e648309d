"""Measure every row of the standard set against the ceilings of the device it runs on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from batchgd.analysis.bench import cases, ceiling, efficiency, machine, printing
from batchgd.analysis.bench.ceiling import Ceiling
from batchgd.analysis.bench.operations import split, tick_operations
from batchgd.analysis.bench.timing import Timing
from batchgd.engine.backends import BACKENDS, choose, simulated
from batchgd.engine.batch import Batch
from batchgd.engine.compute import Compute, check_threads
from batchgd.engine.prepare import module_of, specialisation_of
from batchgd.engine.run import run
from batchgd.kernels.status import Status
from batchgd.problem.arrays import DTYPES, check_dtype
from batchgd.problem.check import cupy_for
from batchgd.problem.errors import InputError
from batchgd.problem.stopping import Stopping

ROW_SECONDS = 20.0  # the longest time of one run: a row beyond it is cut and reported as such


@dataclass
class Report:
    """Everything that was measured; ``str`` is the table, ``to_dict`` goes into JSON."""

    machine: dict[str, Any]
    ceilings: dict[tuple[str, str], Ceiling] = field(default_factory=dict)
    rows: list[Timing] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return one object of numbers, texts and lists."""
        return {
            "machine": self.machine,
            "ceilings": [{**asdict(value), "backend": backend} for (backend, _), value in self.ceilings.items()],
            "rows": [row.to_dict(self.ceilings.get((row.backend, row.dtype))) for row in self.rows],
            "failures": self.failures,
        }

    def __str__(self) -> str:
        parts = [
            "\n".join(f"- {line}" for line in (*machine.heading(self.machine), *printing.ceilings_text(self.ceilings))),
            printing.rows_table(self.rows, self.ceilings),
            printing.gpu_table(self.rows),
            "\n".join(f"- failed: {failure}" for failure in self.failures),
            "\n".join(f"- {line}" for line in printing.LEGEND),
        ]
        return "\n\n".join(part for part in parts if part)


def measure(
    backends: Sequence[str] | None = None,
    dtypes: Sequence[str] | None = None,
    *,
    quick: bool = False,
    threads: int | None = None,
    repeats: int | None = None,
    starts: int | None = None,
    chosen: Iterable[cases.Case] | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Report:
    """Run the standard set and return what this machine does.

    Parameters
    ----------
    backends : sequence of str, optional
        Default: those of ``BACKENDS`` that work here; the simulator is never chosen automatically.
    dtypes : sequence of str, optional
        Default: both.
    quick : bool
        Two landscapes, fewer starts, three repeats.
    threads : int, optional
        Worker threads of the CPU backend; default: one per core.
    repeats, starts : int, optional
        Override the defaults of the backend.
    chosen : iterable of Case, optional
        Overrides the landscapes.
    say : callable
        Called with one line before each row.

    Raises
    ------
    InputError
        If a backend or dtype does not exist or cannot run here. Later failures are listed in ``failures``.
    """
    names = list(backends) if backends else [name for name, row in BACKENDS.items() if _usable(name, row)]
    kinds = [check_dtype(dtype) for dtype in dtypes or DTYPES]
    for name in names:
        if name == "auto":
            raise InputError("bench measures backends by name: give cpu, numpy or cuda, or leave it out for all")
        if choose(name)[0].name == "cuda" and not simulated():
            cupy_for("the ceilings of a device are measured with", "bench the other backends by name")
    workers = check_threads(threads)
    report = Report(machine.describe(workers))
    for backend in names:
        short = quick or (backend == "numpy" and not backends)  # the plain reference is only there for comparison
        setups = tuple(chosen) if chosen is not None else cases.QUICK if short else cases.CASES
        count = starts or _starts(backend, quick)
        for dtype in kinds:
            limits = _ceiling(backend, dtype, workers, report, say)
            for case in setups:
                for method in cases.METHODS:
                    say(f"{backend} {dtype} {case.landscape} {case.dim} {method}")
                    try:
                        batch = batch_of(case, method, backend, dtype, count, workers)
                        report.rows.append(measure_batch(batch, case, method, repeats or (3 if quick else 5)))
                        _complete(limits, report.rows[-1])
                    except Exception as error:  # one failing row must not lose the others
                        text = " ".join(str(error).split())
                        report.failures.append(
                            f"{backend} {dtype} {case.landscape} {case.dim} {method}: {type(error).__name__}: {text}"
                        )
    return report


def batch_of(case: cases.Case, method: str, backend: str, dtype: str, starts: int, threads: int) -> Batch:
    """Return the batch that one row runs."""
    from batchgd.compiler.resolve import Problem
    from batchgd.problem.starts import parse_starts

    box, trace = Problem(case.landscape, dim=case.dim).resolve()
    objective = trace()
    gtol = cases.GTOL if dtype == "float64" else cases.GTOL_SINGLE
    stopping = Stopping(gtol=gtol, maxiter=case.maxiter, max_time=ROW_SECONDS)
    points = parse_starts(starts, "uniform", box, objective.dim, 0, dtype)
    rule = cases.method_of(method, case)
    return Batch(objective, points, box, rule, stopping, Compute(BACKENDS[backend], dtype, threads), 0)


def measure_batch(batch: Batch, case: cases.Case, method: str, repeats: int) -> Timing:
    """Run one batch warm and repeatedly; count what it did."""
    ready = _ready(batch)
    outcome = run(batch)
    nit, nfev = outcome.endpoints.nit, outcome.endpoints.nfev
    if Status.MAXTIME in outcome.status_counts:
        raise RuntimeError(f"one run takes more than {ROW_SECONDS:g} s here: use fewer starts")
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        run(batch, keep=False)
        seconds.append(time.perf_counter() - began)
    specialisation = specialisation_of(batch)
    with_value = specialisation.has_value
    counts = batch.objective.counts if with_value else batch.objective.gradient_counts
    evaluations = int(np.sum(nfev))
    return Timing(
        backend=batch.backend.name,
        dtype=batch.dtype,
        landscape=case.landscape,
        dim=case.dim,
        method=method,
        threads=batch.threads if batch.backend.name == "cpu" else 1,
        starts=batch.starts.n,
        seconds=seconds,
        ready_seconds=ready,
        iterations=int(np.sum(nit)),
        evaluations=evaluations,
        reached=sum(count for status, count in outcome.status_counts.items() if status.success),
        evaluates="value and gradient" if with_value else "gradient",
        objective_operations=counts.total,
        tick_operations=tick_operations(specialisation),
        longest=int(np.max(nfev)),
        lane_ticks=_lane_ticks(batch, nfev),
        resources=_resources(batch) if batch.backend.name == "cuda" else {},
    )


def _usable(name: str, backend: Any) -> bool:
    return backend.problem() is None and not (name == "cuda" and simulated())


def _starts(backend: str, quick: bool) -> int:
    if backend == "cuda" and simulated():
        return cases.STARTS_SIMULATED
    return (cases.STARTS_QUICK if quick else cases.STARTS)[backend]


def _ceiling(backend: str, dtype: str, threads: int, report: Report, say: Callable[[str], None]) -> Ceiling | None:
    """Measure the ceiling that the rows of one backend and dtype are compared with."""
    if backend == "cuda" and simulated():
        return None
    say(f"{backend} {dtype} ceilings")
    try:
        if backend == "cuda":
            from batchgd.analysis.bench.ceiling_cuda import measure_cuda

            limits = measure_cuda(dtype)
        else:
            limits = ceiling.measure_cpu(dtype, threads if backend == "cpu" else 1)
    except Exception as error:  # rates without ceilings are better than nothing
        report.failures.append(f"{backend} {dtype} ceilings: {type(error).__name__}: {' '.join(str(error).split())}")
        return None
    report.ceilings[backend, dtype] = limits
    return limits


def _complete(limits: Ceiling | None, row: Timing) -> None:
    """Measure the slow operations that this row uses; on a CPU, which others may use, everything once more."""
    if limits is None:
        return
    names = list(split(row.tick_operations)[1])
    if limits.device == "cpu":
        ceiling.again(limits, names)
        return
    from batchgd.analysis.bench.ceiling_cuda import function_rate

    for name in names:
        if name not in limits.functions:
            limits.functions[name] = function_rate(name, row.dtype)


def _ready(batch: Batch) -> float:
    """Return the seconds until a batch just large enough for the same module has been run once."""
    from batchgd.problem.starts import parse_starts

    lanes = batch.backend.lanes
    enough = min((n for n in (64, 1024) if lanes(n) == lanes(batch.starts.n)), default=batch.starts.n)
    points = parse_starts(min(enough, batch.starts.n), "uniform", batch.box, batch.objective.dim, 0, batch.dtype)
    small = Batch(**{**vars(batch), "starts": points, "stopping": Stopping(maxiter=1)})
    began = time.perf_counter()
    run(small)
    return time.perf_counter() - began


def _lane_ticks(batch: Batch, nfev: Any) -> int:
    """Return the lane-ticks that the batch took; only a model on a GPU, where warps are not in step."""
    n, backend = batch.starts.n, batch.backend
    size = backend.shard(n, batch.threads)
    if backend.name == "numpy":  # columns of lanes that have nothing to do are dropped
        return int(np.sum(nfev))
    if backend.name == "cpu":
        from batchgd.kernels.launch_cpu import shards_of

        return efficiency.lane_ticks(nfev, backend.lanes(n), [*shards_of(n, size, batch.threads)])
    from batchgd.kernels.cuda.occupancy import WARP
    from batchgd.kernels.launch_cuda import shape, threads_per_trajectory

    module = module_of(specialisation_of(batch))
    blocks, threads = shape(module, batch.dtype, min(size, n))
    width = threads_per_trajectory(module)
    shards = [(first, min(first + size, n)) for first in range(0, n, size)]
    return efficiency.lane_ticks(nfev, blocks * threads // width, shards, group=max(1, min(WARP, threads) // width))


def _resources(batch: Batch) -> dict[str, Any]:
    """Return what one thread of the kernel needs, and what the device offers; empty under the simulator."""
    if simulated():
        return {}
    from batchgd.analysis.bench.ceiling_cuda import device_facts
    from batchgd.kernels.cuda import assemble
    from batchgd.kernels.cuda.occupancy import limits_of, occupancy
    from batchgd.kernels.launch_cuda import configuration, shared_bytes, threads_per_trajectory

    facts, module = device_facts(), module_of(specialisation_of(batch))
    how = configuration(module, batch.dtype)
    library = assemble.compiled(module.descend_kernel, batch.dtype, facts.capability)
    needs = assemble.machine_code(library, facts.capability, how.max_registers).resources
    return {
        **asdict(needs),
        "threads": threads_per_trajectory(module),
        "occupancy": occupancy(
            needs.registers, how.threads, limits_of(facts.capability), shared_bytes(module, batch.dtype)
        ),
        "special_functions": facts.special_functions,
    }
