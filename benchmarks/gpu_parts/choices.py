"""What is chosen automatically, compared with the alternatives: blocks, bounds on registers, threads per trajectory."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from gpu_parts.correctness import DTYPES
from gpu_parts.launched import Launched, batch_of
from gpu_parts.place import Place
from gpu_parts.workers import Record, Work

SECONDS = 0.08
"""Of one launch: there are many configurations."""
SIZES = (128, 64, 256)
"""Threads of a block that are tried."""


def choices(place: Place) -> dict[str, Work]:
    """The kernels of two landscapes in every configuration, then the number of threads that share a trajectory."""
    items: dict[str, Work] = {}
    for name, case, method, dtype in launched_kernels(place):
        items[f"blocks and registers, {name}"] = partial(_configurations, place, case, method, dtype)
    for dim in place.of((64, 32, 128, 16), (32,)):
        for dtype in DTYPES if place.real else ("float64",):
            items[f"threads per trajectory, {dim}-D {dtype}"] = partial(_threads, place, dim, dtype)
    return items


def launched_kernels(place: Place) -> list[tuple[str, Any, str, str]]:
    """Return the kernels whose configurations are tried."""
    from batchgd.analysis.bench.cases import METHODS, QUICK

    found = [
        (f"{case.landscape} {case.dim} {method} {dtype}", case, method, dtype)
        for case in QUICK
        for dtype in DTYPES
        for method in METHODS[::-1]
    ]
    return found if place.real else found[:1]


def alternatives(launched: Launched) -> list[Any]:
    """Return the configurations of a kernel: every size of a block, each with every bound on registers."""
    from batchgd.kernels.cuda.occupancy import Configuration, limits_of, register_bounds, resident_blocks

    if not hasattr(launched, "compiled"):
        return [replace(launched.chosen, threads=threads) for threads in (32, 64)]
    from batchgd.kernels.cuda.assemble import current_capability

    limits, found = limits_of(current_capability()), []
    launched.use(replace(launched.chosen, max_registers=None))
    for bound in (None, *register_bounds(launched.compiled.regs_per_thread, limits)):
        launched.use(replace(launched.chosen, max_registers=bound))
        for threads in SIZES:
            held = resident_blocks(launched.compiled.regs_per_thread, threads, limits)
            if held:
                found.append(Configuration(threads, held, bound))
    return found


def _configurations(place: Place, case: Any, method: str, dtype: str) -> Record:
    launched = Launched(batch_of(place, case, method, dtype))
    n = launched.enough(place, SECONDS)
    tried = []
    for how in [launched.chosen, *(each for each in alternatives(launched) if each != launched.chosen)]:
        launched.use(how)
        launched.once(n)
        tried.append({**launched.needs(), "updates_per_s": launched.rate(n, place.of(2, 1))["updates_per_s"]})
    best = max(tried, key=lambda row: row["updates_per_s"])
    return {"tried": tried, "best": best, "chosen_over_best": tried[0]["updates_per_s"] / best["updates_per_s"]}


def _threads(place: Place, dim: int, dtype: str) -> Record:
    """A hundred updates at a constant rate, and of the default method: one thread, a warp, and the choice."""
    import batchgd as bgd
    from batchgd.analysis.bench.cases import METHODS, Case

    case = Case("styblinski_tang", dim, 1e-4, maxiter=100)
    tried: list[Record] = []
    for method in METHODS if place.real else METHODS[:1]:
        for threads in (None, *place.of((1, 32), (32,) if place.name == "interpreter" else (4,))):
            with bgd.testing.forced(warp=threads):
                launched = Launched(batch_of(place, case, method, dtype))
                n = place.of(partial(launched.enough, place, SECONDS), lambda: 2)()
                rate = launched.rate(n, place.of(2, 1))["updates_per_s"]
            chosen = "chosen" if threads is None else "forced"
            tried.append({"method": method, "how": chosen, **launched.needs(), "updates_per_s": rate})
    ratios = {}
    for method in dict.fromkeys(row["method"] for row in tried):
        rows = [row for row in tried if row["method"] == method]
        ratios[method] = rows[0]["updates_per_s"] / max(row["updates_per_s"] for row in rows)
    return {"tried": tried, "chosen_over_best": min(ratios.values()), "by_method": ratios}
