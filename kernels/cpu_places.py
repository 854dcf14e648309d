"""Where the compiled code of the CPU finds what it reads besides the numbers of a lane.

The loop (``compiler/lower/loop.py``) is the same for every objective and method: it calls the tick by its address, and
reads where the tick keeps everything of a lane. The block form's tick and the loop call the evaluation by its address
too. Addresses, sizes and slots are in the tail of ``index``, after the W lanes and the first start that has not been
drawn: they are data, and never part of the code on disk.
"""

TICK, EVALUATE, TABLES, MEMORY, ALL_LANES, MOST_TICKS, RUN, TICKS, ENDS, FIRST_SLOT = range(10)
"""The tail of ``index``: addresses of the tick, the evaluation, a list of its tables and its memory; whether it is to
evaluate parked lanes as well; how many ticks to make; and, for the fused tick, how many of them a group of lanes makes
before the next group, and how many groups have made until a lane has ended how often."""

SLOTS = (
    *("D", "ACCEPTED", "STATE", "PER_START", "N_PER_START", "NIT", "NFEV", "BUSY", "CODE", "SLOTS", "VALUE"),
    "TRIALS",
)
"""And from ``FIRST_SLOT`` on, where everything of a lane is, by the names of ``descend.py``; ``VALUE`` is where the
evaluation leaves the value, ``TRIALS`` whether points can be rejected: then updates and evaluations differ."""

TAIL = FIRST_SLOT + len(SLOTS)


def places(lanes: int) -> int:
    """Where, behind the tail, each lane has the place in ``p`` from which on its own params are, if it has its own."""
    return lanes + 1 + TAIL


LINE = 64
"""Bytes of a line of the cache, and of the longest vector."""

CALL = (
    *("next", "stop", "base", "seed", "lower", "width", "points", "per_start"),
    *("p", "box", "h", "limits", "control"),
    *("rows", "x", "fun", "nit", "nfev", "status"),
    *("trail_points", "trail_moved", "trail_updates", "trail_kept", "trail_latest"),
    "places",
)
"""What one call of the loop reads, each 8 bytes: whole numbers, and addresses of the arrays in ``plan.py``.

``points`` is 0 if starts are drawn in the box, ``rows`` the number of points to evaluate, ``trail_latest`` the last
place of a path. ``places`` are those in ``p`` of the params of each start, if it has its own.
"""
