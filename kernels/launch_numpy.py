"""Run the same tick on whole NumPy arrays: the slow, plain reference for the compiled backends.

Lanes are columns. The loop is that of ``descend``: a lane that ends is stored and takes the next start at once, and
when no start is left, the columns of parked lanes are dropped.
"""

from types import ModuleType
from typing import Any

import numpy as np

from batchgd.kernels.plan import Abandoned, Endpoints, Plan, Starts
from batchgd.kernels.record_paths import keep_latest
from batchgd.kernels.status import Status


def launch(module: ModuleType, plan: Plan, threads: int) -> None:
    """Descend from every start of the plan, in this thread."""
    plan.ready()
    with np.errstate(all="ignore"):
        for first, stop in plan.shards():
            if plan.control[0] != 0:
                return
            rows = plan.rows(first, stop)
            _descend_shard(module, plan, rows)
            begun = rows.status != Status.RUNNING if plan.control[0] else slice(None)
            rows.fun[begun] = module.value_at(rows.x[begun], None, _params(plan, np.arange(first, stop)[begun]))
            plan.done(rows)
            plan.pause()


def _params(plan: Plan, starts: Any) -> Any:
    """The params of the objective: those of all, or a column for each of these starts."""
    return plan.numbers.p if plan.problems is None else plan.problems.part(starts).of_starts.T


def _descend_shard(module: Any, plan: Plan, rows: Endpoints) -> None:
    first, stop = rows.first, rows.first + len(rows)
    starts = plan.starts(first, stop)
    ws = np.zeros((module.SLOTS, min(module.W, stop - first)), plan.dtype)
    following, end = starts.queue
    index = np.arange(following, following + ws.shape[1])
    following += ws.shape[1]
    _refill(module, plan, ws, slice(None), index, starts)
    numbers = plan.numbers._replace(p=_params(plan, index - plan.number))
    while index.size:
        try:
            some_ended = module.tick(ws, index, starts.seed, *numbers)
        except Abandoned:
            _break_off(module, plan, rows, ws, index)
            return
        if plan.trails is not None:
            _extend_trails(module, plan, ws, index)
        if some_ended:
            ended = np.flatnonzero(ws[module.CODE])
            _store(module, rows, ws[:, ended], index[ended] - starts.base, ws[module.CODE, ended])
            taken = np.arange(following, min(following + ended.size, end))
            following += taken.size
            refilled, parked = ended[: taken.size], ended[taken.size :]
            _refill(module, plan, ws, refilled, taken, starts)
            index[refilled] = taken
            if parked.size:
                ws, index = np.delete(ws, parked, axis=1), np.delete(index, parked)
            if plan.problems is not None:
                numbers = plan.numbers._replace(p=_params(plan, index - plan.number))
        plan.pause()
        if plan.control[0] != 0:
            _break_off(module, plan, rows, ws, index)
            return


def _break_off(module: Any, plan: Plan, rows: Endpoints, ws: Any, index: Any) -> None:
    """Store what is under way, with the status that ends the run; what has not been evaluated was never taken up."""
    begun = ws[module.NFEV if module.TRIALS else module.NIT] > 0
    taken = index[begun] - plan.number - rows.first
    _store(module, rows, ws[:, begun], taken, np.zeros(taken.size))
    rows.status[taken] = plan.control[0]


def _refill(module: Any, plan: Plan, ws: Any, lanes: Any, taken: Any, starts: Starts) -> None:
    """Put these of the starts into these lanes."""
    rows = taken - starts.base
    ws[module.STATE :, lanes] = 0.0
    if module.IN_KERNEL:
        for block in range((plan.dim + 1) // 2):
            pair = module.uniform_pair(starts.seed, taken, block)
            for k, u in zip((2 * block, 2 * block + 1), pair, strict=True):
                if k < plan.dim:
                    ws[k, lanes] = module.place(u, starts.lower[k], starts.width[k])
    else:
        ws[: plan.dim, lanes] = starts.points[rows].T
    ws[module.PER_START : module.PER_START + module.N_PER_START, lanes] = starts.per_start[rows].T
    ws[module.BUSY, lanes] = 1.0
    if plan.trails is not None:
        rows = taken - plan.number
        plan.trails.points[rows, 0] = plan.trails.points[rows, -1] = ws[: plan.dim, lanes].T
        plan.trails.kept[rows, 0] = 1


def _extend_trails(module: Any, plan: Plan, ws: Any, index: Any) -> None:
    """Write down the accepted points of those lanes that have made another update."""
    assert plan.trails is not None
    points, moved, updates, _ = plan.trails
    lanes = np.flatnonzero(ws[module.NIT] != updates[index - plan.number, -1])
    rows, accepted = index[lanes] - plan.number, ws[module.ACCEPTED : module.ACCEPTED + plan.dim, lanes].T
    moved[rows, -1] = ((accepted - points[rows, -1]) ** 2).sum(axis=1)
    points[rows, -1], updates[rows, -1] = accepted, ws[module.NIT, lanes]
    for row in rows:
        keep_latest(row, plan.trails)


def _store(module: Any, rows: Endpoints, ws: Any, index: Any, code: Any) -> None:
    """Write the endpoints of these lanes; interrupted ones fall back to their last accepted point."""
    source = np.where((code == 0) & (ws[module.NFEV] > 0), module.ACCEPTED, 0)
    rows.x[index] = ws[source[:, None] + np.arange(rows.x.shape[1]), np.arange(index.size)[:, None]]
    rows.nit[index], rows.status[index] = ws[module.NIT], code
    rows.nfev[index] = ws[module.NFEV] if module.TRIALS else ws[module.NIT] + (code != 0)
