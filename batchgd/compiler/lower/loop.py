"""The loop over a block of lanes for the CPU, as LLVM text: refill lanes, tick, store what ended.

``descend(ws, index, call)`` descends from every start of a range, ``values(ws, index, call)`` evaluates the function at
rows of points. One text serves all objectives and methods: the tick and the evaluation are called by their addresses,
and where everything of a lane is, is read from ``index``. The arguments are in ``call``, in the order of ``CALL``
(``kernels/cpu_places.py``). CUDA's loop is ``kernels/descend.py``, and that of NumPy ``kernels/launch_numpy.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from llvmlite import ir

from batchgd.compiler.lower.evaluation import Evaluation
from batchgd.compiler.lower.processor import Processor
from batchgd.compiler.lower.random_words import pair_of_block
from batchgd.compiler.lower.scalars import Scalars, Whole
from batchgd.compiler.lower.vectors import INTEGER, LINE, POINTER, Vectors, integer
from batchgd.kernels.cpu_places import CALL, EVALUATE, FIRST_SLOT, SLOTS, TICK, places
from batchgd.kernels.philox import STREAM_STARTS, place

_BYTE, _INT32 = ir.IntType(8), ir.IntType(32)


def descend(lanes: int, dtype: str, processor: Processor, *, own: bool = False) -> Evaluation:
    """Return the function that descends from every start of a call, in blocks of as many lanes, at most 64.

    With ``own`` each start has its own params.
    """
    loop = Loop(lanes, dtype, processor, own=own)
    loop.descend()
    return Evaluation("descend", str(loop.module), (), 0)


def values(lanes: int, dtype: str, processor: Processor, *, own: bool = False) -> Evaluation:
    """Return the function that evaluates an objective at the rows of a call."""
    loop = Loop(lanes, dtype, processor, own=own)
    loop.values()
    return Evaluation("values", str(loop.module), (), 0)


class Function(Scalars):
    """One function of a block of lanes: its arguments, and what it finds by them."""

    def __init__(self, loop: Loop, name: str, *more: str, entry: bool = False):
        kind = ir.FunctionType(INTEGER, [POINTER] * 3 + [INTEGER] * len(more))
        self.function = ir.Function(loop.module, kind, name)
        self.function.attributes.add("nounwind")
        if entry:
            self.function.attributes.alignstack = LINE
        else:
            self.function.linkage = "internal"
        super().__init__(ir.IRBuilder(self.function.append_basic_block("entry")))
        self.lanes, self.form, self.real = loop.lanes, loop.form, loop.form.real
        self.ws, self.index, self.call, *given = self.function.args
        self.given = [Whole(self.builder, value) for value in given]
        self.vectors = Vectors(self.builder, self.form.over(loop.width))
        self._read: dict[tuple[str, str], ir.Value] = {}

    def run(self, function: Function, *more: Whole) -> Whole:
        """Call another one for the same block."""
        passed = [self.ws, self.index, self.call, *(value.value for value in more)]
        return Whole(self.builder, self.builder.call(function.function, passed))

    def give(self, name: str) -> Whole:
        """A whole number of the call."""
        return self.whole(self._once(name, self.call, CALL.index(name), self.vectors.position))

    def array(self, name: str) -> ir.Value:
        """An array of the call."""
        return self._once(name, self.call, CALL.index(name), self.vectors.pointer)

    def slot(self, name: str) -> Whole:
        """Where something of a lane is."""
        place = self.lanes + 1 + FIRST_SLOT + SLOTS.index(name)
        return self.whole(self._once(name, self.index, place, self.vectors.position))

    def _once(self, name: str, base: ir.Value, place: int, read: Callable[[ir.Value], ir.Value]) -> ir.Value:
        """Read what does not change, when the function begins."""
        key = name, read.__name__
        if key not in self._read:
            with self.builder.goto_entry_block():
                self._read[key] = read(self.at(base, place, INTEGER))
        return self._read[key]

    def start(self, lane: Whole | int) -> Whole:
        """The start that a lane descends from, -1 if it is parked; after the lanes, the first that was not drawn."""
        return self.whole(self.read(self.index, lane, INTEGER))

    def number(self, slot: Whole, lane: Whole) -> ir.Value:
        """A number of a lane."""
        return self.read(self.ws, slot * self.lanes + lane, self.real)

    def set_number(self, value: ir.Value, slot: Whole, lane: Whole) -> None:
        """Change a number of a lane."""
        self.write(value, self.ws, slot * self.lanes + lane)

    def count(self, name: str, lane: Whole) -> Whole:
        """A number of a lane that is whole."""
        return self.whole(self.builder.fptosi(self.number(self.slot(name), lane), INTEGER))

    def at_address(self, place: int, *arguments: str) -> Whole:
        """Call the function whose address is at a place of the tail of ``index``, and return its result.

        The two pointers in front of the arguments, and the 0 that is returned, are those of Numba's convention.
        """
        builder = self.builder
        with builder.goto_entry_block():
            result = builder.alloca(INTEGER)  # room for what any function returns
        values = [self.give(name).value if name == "seed" else self.array(name) for name in arguments]
        passed = [result, result, self.ws, self.index, *values]
        kind = ir.FunctionType(_INT32, [value.type for value in passed])
        address = self.read(self.index, self.lanes + 1 + place, INTEGER)
        builder.call(builder.inttoptr(address, kind.as_pointer()), passed)
        return self.whole(builder.load(result, typ=_INT32))


class Loop:
    """Writes the functions of one module."""

    def __init__(self, lanes: int, dtype: str, processor: Processor, *, own: bool = False):
        self.lanes, self.own = lanes, own
        self.form = processor.form(dtype)
        self.width = min(processor.lanes("float64"), lanes)  # of random numbers, whose words have 64 bits
        self.module = ir.Module("batchgd")
        self.module.triple = processor.triple

    @cached_property
    def draw(self) -> Function:
        """Draw the starts from ``first`` on, one per lane, into the slots behind all others."""
        f = Function(self, "draw", "first")
        (first,), vectors, builder = f.given, f.vectors, f.builder
        whole = ir.VectorType(INTEGER, self.width)
        seed = vectors.spread(f.give("seed").value).value
        ahead = builder.add(vectors.spread(first.value).value, ir.Constant(whole, [*map(integer, range(self.width))]))
        lower, width = f.array("lower"), f.array("width")
        with f.each((f.slot("D") + 1) >> 1) as block:
            row = (f.slot("SLOTS") + block * 2) * self.lanes
            turn = vectors.spread(block.value).value
            with f.each(self.lanes, step=self.width) as lane:
                starts = builder.add(ahead, vectors.spread(lane.value).value)
                pair = pair_of_block(builder, vectors.form, seed, starts, turn, STREAM_STARTS)
                for k, u in enumerate(pair):
                    with f.when(block * 2 + k < f.slot("D")):
                        sides = (vectors.uniform(f.at(side, block * 2 + k, f.real)) for side in (lower, width))
                        to = f.at(f.ws, row + k * self.lanes + lane, f.real)
                        builder.store(place(u, *sides).value, to, align=self.form.bits // 8)
        f.builder.ret(integer(0))
        return f

    @cached_property
    def refill(self) -> Function:
        """Give a lane the next start, or park it; return the number of lanes that this leaves at work, 0 or 1."""
        f = Function(self, "refill", "lane")
        (lane,), following = f.given, f.at(f.call, CALL.index("next"), INTEGER)
        start = f.whole(f.builder.load(following, typ=INTEGER))
        found = start < f.give("stop")
        f.write(found.choose(start, -1).value, f.index, lane)
        with f.each(f.slot("SLOTS"), first=f.slot("STATE")) as k:
            f.set_number(ir.Constant(f.real, 0.0), k, lane)
        with f.when(found):
            f.builder.store((start + 1).value, following)
            row = start - f.give("base")
            with f.either(f.give("points").equals(0)) as (drawn, given):
                with drawn:
                    self._take_drawn(f, start, lane)
                with given, f.each(f.slot("D")) as k:
                    f.set_number(f.read(f.array("points"), row * f.slot("D") + k, f.real), k, lane)
            each = f.slot("N_PER_START")
            with f.each(each) as k:
                f.set_number(f.read(f.array("per_start"), row * each + k, f.real), f.slot("PER_START") + k, lane)
            if self.own:
                self._take_place(f, row, lane)
            f.set_number(ir.Constant(f.real, 1.0), f.slot("BUSY"), lane)
        f.builder.ret(found.choose(1, 0).value)
        return f

    def _take_drawn(self, f: Function, start: Whole, lane: Whole) -> None:
        """Copy a start of those that were drawn a block ahead: in vectors they take a third of the time."""
        with f.when(start >= f.start(self.lanes)):
            f.run(self.draw, start)
            f.write((start + self.lanes).value, f.index, self.lanes)
        column = start - f.start(self.lanes) + self.lanes
        with f.each(f.slot("D")) as k:
            f.set_number(f.number(f.slot("SLOTS") + k, column), k, lane)

    def _take_place(self, f: Function, row: Whole, lane: Whole) -> None:
        """Note where the params of a row are."""
        f.write(f.read(f.array("places"), row, INTEGER), f.index, lane + places(self.lanes))

    @cached_property
    def store(self) -> Function:
        """Write the endpoint of a lane to its row; an interrupted one falls back to its last accepted point."""
        f = Function(self, "store", "lane", "code")
        lane, code = f.given
        row, trials = f.start(lane) - f.give("base"), f.slot("TRIALS").differs(0)
        made, evaluated = f.count("NIT", lane), f.count("NFEV", lane)
        back = trials & code.equals(0) & (evaluated > 0)
        first = back.choose(f.slot("ACCEPTED"), 0)
        with f.each(f.slot("D")) as k:
            f.write(f.number(first + k, lane), f.array("x"), row * f.slot("D") + k)
        f.write(made.value, f.array("nit"), row)
        counted = trials.choose(evaluated, made + code.differs(0).choose(1, 0))
        f.write(counted.value, f.array("nfev"), row)
        f.write(f.builder.trunc(code.value, _BYTE), f.array("status"), row)
        f.builder.ret(integer(0))
        return f

    def tick(self, f: Function) -> Whole:
        """Advance every lane, and return whether one has ended."""
        return f.at_address(TICK, "seed", "p", "box", "h", "limits")

    def ending(self, f: Function) -> Whole:
        """The status that the host wants everything to end with, or 0."""
        return f.whole(f.read(f.array("control"), 0, _INT32))

    def set_status(self, f: Function, lane: Whole, code: Whole) -> None:
        """Set the status of the start that a lane descends from."""
        status = f.builder.trunc(code.value, _BYTE)
        f.write(status, f.array("status"), f.start(lane) - f.give("base"))

    @cached_property
    def pack(self) -> Function:
        """Swap lanes until those at work come before the parked ones: a tick passes over vectors without any."""
        f = Function(self, "pack")
        back = f.variable(self.lanes - 1)
        with f.each(self.lanes) as front, f.when(f.start(front) < 0):
            with f.during(lambda: (back.get() > front) & (f.start(back.get()) < 0)):
                back.set(back.get() - 1)
            there = back.get()
            with f.when(there > front):
                one, other = f.start(front), f.start(there)
                f.write(one.value, f.index, there)
                f.write(other.value, f.index, front)
                if self.own:
                    own, its = (f.start(lane + places(self.lanes)) for lane in (front, there))
                    f.write(own.value, f.index, there + places(self.lanes))
                    f.write(its.value, f.index, front + places(self.lanes))
                with f.each(f.slot("SLOTS")) as k:
                    this, that = f.number(k, front), f.number(k, there)
                    f.set_number(this, k, there)
                    f.set_number(that, k, front)
        f.builder.ret(integer(0))
        return f

    def descend(self) -> None:
        """Descend from every start of the call; ``control[0]``, once not 0, ends all lanes with that status."""
        f = Function(self, "descend", entry=True)
        live = f.variable(0)
        f.write(integer(0), f.index, self.lanes)
        with f.each(self.lanes) as lane:
            live.set(live.get() + f.run(self.refill, lane))
        with f.during(lambda: live.get() > 0):
            with f.when(self.tick(f).differs(0)):
                before, left = live.get(), f.variable(self._ended(f))
                with f.during(lambda: left.get().differs(0)):
                    lane = f.whole(f.builder.cttz(left.get().value, ir.Constant(ir.IntType(1), 1)))
                    left.set(left.get() & (left.get() - 1))
                    f.run(self.store, lane, f.count("CODE", lane))
                    live.set(live.get() + f.run(self.refill, lane) - 1)
                with f.when(live.get() < before):
                    f.run(self.pack)
            ending = self.ending(f)
            with f.when(ending.differs(0)):
                with f.each(self.lanes) as lane, f.when(f.start(lane) >= 0):
                    f.run(self.store, lane, f.count("CODE", lane))
                    self.set_status(f, lane, ending)
                live.set(0)
        f.builder.ret(integer(0))

    def _ended(self, f: Function) -> Whole:
        """The lanes whose code is not 0, one bit each."""
        codes = f.at(f.ws, f.slot("CODE") * self.lanes, f.real)
        kind, builder = ir.VectorType(f.real, self.lanes), f.builder
        ended = builder.fcmp_unordered(
            "!=",
            builder.load(codes, typ=kind, align=min(self.lanes * self.form.bits // 8, LINE)),
            ir.Constant(kind, None),
        )
        bits = builder.bitcast(ended, ir.IntType(self.lanes))
        return f.whole(builder.zext(bits, INTEGER) if self.lanes < INTEGER.width else bits)

    def values(self) -> None:
        """Evaluate the function at every row of ``x``, a block at a time."""
        f = Function(self, "values", entry=True)
        x, rows, dim = f.array("x"), f.give("rows"), f.slot("D")
        with f.each(rows, step=self.lanes) as first:
            left = rows - first
            here = (left < self.lanes).choose(left, self.lanes)
            with f.each(here) as lane, f.each(dim) as k:
                f.set_number(f.read(x, (first + lane) * dim + k, f.real), k, lane)
            if self.own:
                with f.each(here) as lane:
                    self._take_place(f, first + lane, lane)
            f.at_address(EVALUATE, "seed", "p")
            with f.each(here) as lane:
                f.write(f.number(f.slot("VALUE"), lane), f.array("fun"), first + lane)
        f.builder.ret(integer(0))
