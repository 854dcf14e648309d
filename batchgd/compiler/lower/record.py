"""The loop for the CPU that also writes down the accepted points of every trajectory.

What ``kernels/record_paths.py`` does on CUDA; ``Trails`` in ``kernels/plan.py`` describes the arrays.
"""

from __future__ import annotations

from functools import cached_property

from llvmlite import ir

from batchgd.compiler.lower.evaluation import Evaluation
from batchgd.compiler.lower.loop import Function, Loop
from batchgd.compiler.lower.processor import Processor
from batchgd.compiler.lower.scalars import Variable, Whole
from batchgd.compiler.lower.vectors import INTEGER, integer


def record(lanes: int, dtype: str, processor: Processor, *, own: bool = False) -> Evaluation:
    """Return the function ``descend`` that records the paths."""
    loop = Recording(lanes, dtype, processor, own=own)
    loop.descend()
    return Evaluation("descend", str(loop.module), (), 0)


class Recording(Loop):
    """Writes the functions of one module."""

    @cached_property
    def begin_trail(self) -> Function:
        """Keep the start of a lane as the point after 0 updates."""
        f = Function(self, "begin_trail", "lane")
        (lane,), latest = f.given, f.give("trail_latest")
        row = f.start(lane) - f.give("base")
        first = row * (latest + 1)
        with f.each(2) as end:
            at = first + end * latest
            with f.each(f.slot("D")) as k:
                f.write(f.number(k, lane), f.array("trail_points"), at * f.slot("D") + k)
            f.write(ir.Constant(f.real, 0.0), f.array("trail_moved"), at)
            f.write(integer(0), f.array("trail_updates"), at)
        f.write(integer(1), f.array("trail_kept"), row * 2)
        f.builder.ret(integer(0))
        return f

    def _copy_point(self, f: Function, source: Whole, target: Whole) -> None:
        """Copy a point of a path to another place."""
        with f.each(f.slot("D")) as k:
            value = f.read(f.array("trail_points"), source * f.slot("D") + k, f.real)
            f.write(value, f.array("trail_points"), target * f.slot("D") + k)
        for name, kind in (("trail_moved", f.real), ("trail_updates", INTEGER)):
            f.write(f.read(f.array(name), source, kind), f.array(name), target)

    @cached_property
    def keep_latest(self) -> Function:
        """Keep the latest point of a path if it is due; once the path is full, drop every second point first."""
        f = Function(self, "keep_latest", "row")
        (row,), latest = f.given, f.give("trail_latest")
        first, kept = row * (latest + 1), f.array("trail_kept")
        updates = f.whole(f.read(f.array("trail_updates"), first + latest, INTEGER))

        def number(place: int) -> Whole:
            return f.whole(f.read(kept, row * 2 + place, INTEGER))

        def due() -> Whole:
            return (updates % number(1)).equals(0)

        with f.when(due() & number(0).equals(latest)):
            half = (latest + 1) >> 1
            f.write(half.value, kept, row * 2)
            f.write((number(1) * 2).value, kept, row * 2 + 1)
            with f.each(half, first=1) as i:
                self._copy_point(f, first + i * 2, first + i)
        with f.when(due()):
            last = number(0)
            self._copy_point(f, first + latest, first + last)
            f.write((last + 1).value, kept, row * 2)
        f.builder.ret(integer(0))
        return f

    @cached_property
    def extend_trail(self) -> Function:
        """Write down the accepted point of a lane if it has made another update."""
        f = Function(self, "extend_trail", "lane")
        (lane,), builder = f.given, f.builder
        row, latest = f.start(lane) - f.give("base"), f.give("trail_latest")
        last, made = row * (latest + 1) + latest, f.count("NIT", lane)
        with f.when(made.differs(f.whole(f.read(f.array("trail_updates"), last, INTEGER)))):
            moved = f.at(f.array("trail_moved"), last, f.real)
            builder.store(ir.Constant(f.real, 0.0), moved)
            with f.each(f.slot("D")) as k:
                point = last * f.slot("D") + k
                accepted = f.number(f.slot("ACCEPTED") + k, lane)
                step = builder.fsub(accepted, f.read(f.array("trail_points"), point, f.real))
                builder.store(builder.fadd(builder.load(moved, typ=f.real), builder.fmul(step, step)), moved)
                f.write(accepted, f.array("trail_points"), point)
            f.write(made.value, f.array("trail_updates"), last)
            f.run(self.keep_latest, row)
        builder.ret(integer(0))
        return f

    def descend(self) -> None:
        """Descend from every start of the call as ``descend`` does, and record the paths."""
        f = Function(self, "descend", entry=True)
        live = f.variable(0)
        f.write(integer(0), f.index, self.lanes)
        with f.each(self.lanes) as lane:
            self._begin(f, lane, live)
        with f.during(lambda: live.get() > 0):
            self.tick(f)
            ending = self.ending(f)
            with f.each(self.lanes) as lane, f.when(f.start(lane) >= 0):
                code = f.count("CODE", lane)
                f.run(self.extend_trail, lane)
                with f.when(code.differs(0)):
                    f.run(self.store, lane, code)
                    live.set(live.get() - 1)
                    self._begin(f, lane, live)
                with f.when(code.equals(0) & ending.differs(0)):
                    f.run(self.store, lane, code)
                    self.set_status(f, lane, ending)
                    f.write(integer(-1), f.index, lane)
                    live.set(live.get() - 1)
        f.builder.ret(integer(0))

    def _begin(self, f: Function, lane: Whole, live: Variable) -> None:
        """Give a lane the next start, if one is left."""
        live.set(live.get() + f.run(self.refill, lane))
        with f.when(f.start(lane) >= 0):
            f.run(self.begin_trail, lane)
