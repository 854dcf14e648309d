"""Run the same tick on whole NumPy arrays: the slow, plain reference for the compiled backends.

Lanes are columns. The loop is that of ``descend``: a lane that ends is stored and takes the next start at once, and
when no start is left, the columns of parked lanes are dropped.
"""

from types import ModuleType
from typing import Any

import numpy as np

from batchgd.kernels.plan import Endpoints, Plan
from batchgd.kernels.record import keep_latest


def launch(module: ModuleType, plan: Plan, threads: int) -> None:
    """Descend from every start of the plan, in this thread."""
    plan.ready()
    with np.errstate(all="ignore"):
        for first, stop in plan.shards():
            if plan.control[0] != 0:
                return
            rows = plan.rows(first, stop)
            _descend_shard(module, plan, rows)
            rows.fun[:] = module.value_at(rows.x, None, plan.p)
            plan.done(rows)
            plan.pause()


def _descend_shard(module: Any, plan: Plan, rows: Endpoints) -> None:
    first, stop = rows.first, rows.first + len(rows)
    points, per_start = plan.inputs(first, stop)
    ws = np.zeros((module.SLOTS, min(module.W, stop - first)), plan.dtype)
    index = np.arange(first, first + ws.shape[1])
    following = first + ws.shape[1]
    _refill(module, plan, ws, slice(None), index, points, per_start, first)
    while index.size:
        some_ended = module.tick(ws, plan.number + index, plan.seed, plan.p, plan.box, plan.h, plan.limits)
        if plan.trails is not None:
            _extend_trails(module, plan, ws, index)
        if some_ended:
            ended = np.flatnonzero(ws[module.CODE])
            _store(module, rows, ws[:, ended], index[ended] - first, ws[module.CODE, ended])
            starts = np.arange(following, min(following + ended.size, stop))
            following += starts.size
            refilled, parked = ended[: starts.size], ended[starts.size :]
            _refill(module, plan, ws, refilled, starts, points, per_start, first)
            index[refilled] = starts
            if parked.size:
                ws, index = np.delete(ws, parked, axis=1), np.delete(index, parked)
        plan.pause()
        if plan.control[0] != 0:
            _store(module, rows, ws, index - first, np.zeros(index.size))
            rows.status[index - first] = plan.control[0]
            return


def _refill(module: Any, plan: Plan, ws: Any, lanes: Any, starts: Any, points: Any, per_start: Any, base: int) -> None:
    """Put these starts into these lanes."""
    ws[module.STATE :, lanes] = 0.0
    if module.IN_KERNEL:
        for block in range((plan.dim + 1) // 2):
            pair = module.uniform_pair(plan.seed, plan.number + starts, block)
            for k, u in zip((2 * block, 2 * block + 1), pair, strict=True):
                if k < plan.dim:
                    ws[k, lanes] = module.place(u, plan.lower[k], plan.width[k])
    else:
        ws[: plan.dim, lanes] = points[starts - base].T
    ws[module.PER_START : module.PER_START + module.N_PER_START, lanes] = per_start[starts - base].T
    ws[module.BUSY, lanes] = 1.0
    if plan.trails is not None:
        plan.trails.points[starts, 0] = plan.trails.points[starts, -1] = ws[: plan.dim, lanes].T
        plan.trails.kept[starts, 0] = 1


def _extend_trails(module: Any, plan: Plan, ws: Any, index: Any) -> None:
    """Write down the accepted points of those lanes that have made another update."""
    assert plan.trails is not None
    points, moved, updates, _ = trail = plan.trails.part(0, plan.n)
    lanes = np.flatnonzero(ws[module.NIT] != updates[index, -1])
    starts, accepted = index[lanes], ws[module.ACCEPTED : module.ACCEPTED + plan.dim, lanes].T
    moved[starts, -1] = ((accepted - points[starts, -1]) ** 2).sum(axis=1)
    points[starts, -1], updates[starts, -1] = accepted, ws[module.NIT, lanes]
    for start in starts:
        keep_latest(start, trail)


def _store(module: Any, rows: Endpoints, ws: Any, index: Any, code: Any) -> None:
    """Write the endpoints of these lanes; interrupted ones fall back to their last accepted point."""
    source = np.where((code == 0) & (ws[module.NFEV] > 0), module.ACCEPTED, 0)
    rows.x[index] = ws[source[:, None] + np.arange(rows.x.shape[1]), np.arange(index.size)[:, None]]
    rows.nit[index], rows.status[index] = ws[module.NIT], code
    rows.nfev[index] = ws[module.NFEV] if module.TRIALS else ws[module.NIT] + (code != 0)
