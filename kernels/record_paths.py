"""CUDA's recording launch: the loop of ``descend`` that also writes down the accepted points of every trajectory.

A template like ``descend.py``, copied after the same ``tick``, ``refill`` and ``store``: what is recorded is what the
ordinary loop does. ``Trails`` in ``plan.py`` describes the arrays of a path.
"""

from batchgd.kernels.descend import ACCEPTED, CODE, NIT, D, W, look, look_due, real, refill, store, tick

# Copied into every specialisation from here on.


def begin_trail(ws, lane, row, trail):
    """Keep the start of a lane as the point after 0 updates."""
    points, moved, updates, kept = trail
    latest = points.shape[1] - 1
    for i in range(0, latest + 1, latest):
        for k in range(D):
            points[row, i, k] = ws[k * W + lane]
        moved[row, i] = real(0.0)
        updates[row, i] = 0
    kept[row, 0] = 1


def keep_latest(row, trail):
    """Keep the latest point of a path if it is due; once the path is full, drop every second point first."""
    points, moved, updates, kept = trail
    latest = points.shape[1] - 1
    if updates[row, latest] % kept[row, 1] == 0 and kept[row, 0] == latest:
        kept[row, 0] = (latest + 1) // 2
        kept[row, 1] *= 2
        for i in range(1, kept[row, 0]):
            for k in range(points.shape[2]):
                points[row, i, k] = points[row, 2 * i, k]
            moved[row, i] = moved[row, 2 * i]
            updates[row, i] = updates[row, 2 * i]
    if updates[row, latest] % kept[row, 1] == 0:
        i = kept[row, 0]
        for k in range(points.shape[2]):
            points[row, i, k] = points[row, latest, k]
        moved[row, i] = moved[row, latest]
        updates[row, i] = updates[row, latest]
        kept[row, 0] = i + 1


def extend_trail(ws, lane, row, made, trail):
    """Write down the accepted point of a lane after this many updates."""
    points, moved, updates, _ = trail
    latest = points.shape[1] - 1
    length = real(0.0)
    for k in range(D):
        step = ws[(ACCEPTED + k) * W + lane] - points[row, latest, k]
        length += step * step
        points[row, latest, k] = ws[(ACCEPTED + k) * W + lane]
    moved[row, latest] = length
    updates[row, latest] = made
    keep_latest(row, trail)


def record(ws, index, starts, numbers, control, ends, trail):
    """Descend from every start of the queue as ``descend`` does, and record the paths."""
    latest = trail.updates.shape[1] - 1
    live = 0
    for lane in range(W):
        live += refill(ws, index, lane, starts)
        if index[lane] >= 0:
            begin_trail(ws, lane, index[lane] - starts.base, trail)
    ticks = 0
    while live > 0:
        tick(ws, index, starts.seed, numbers.p, numbers.box, numbers.h, numbers.limits)
        ending = look(control) if look_due(ticks) else 0
        ticks += 1
        for lane in range(W):
            if index[lane] >= 0:
                made, code = int(ws[NIT * W + lane]), int(ws[CODE * W + lane])
                if made != trail.updates[index[lane] - starts.base, latest]:
                    extend_trail(ws, lane, index[lane] - starts.base, made, trail)
                if code != 0:
                    store(ws, index, lane, code, ends, starts.base)
                    live += refill(ws, index, lane, starts) - 1
                    if index[lane] >= 0:
                        begin_trail(ws, lane, index[lane] - starts.base, trail)
                elif ending != 0:
                    store(ws, index, lane, code, ends, starts.base)
                    ends.status[index[lane] - starts.base] = ending
                    index[lane] = -1
                    live -= 1


CALLED = (begin_trail, keep_latest, extend_trail)
"""What the loop calls in addition to what the loop of ``descend`` does."""
