"""The fused tick of a block of lanes, as LLVM text.

``tick(ws, index, seed, p, box, h, limits)`` sweeps over the lanes of the block in groups, each of them a vector, until
some lane has ended or ``index[MOST_TICKS]`` ticks were made, and says whether one has. A group reads its state from the
slots of ``ws`` and writes it back. What is in between has one of two forms:

- Where that pays (``form_of``), the state stays in registers for a run of ticks, until a lane of the group ends.
  Whatever only the end needs (the code of why a lane has ended, where it has come to rest) is computed there: as long
  as none has ended, all lanes at work go on.
- Otherwise it is one tick, whose numbers are read where they are used, and written as soon as they are known.

A group that has no lane at work is passed over. The two pointers in front of the arguments, and the 0 that is returned,
are what Numba's code expects of a function that it calls.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from llvmlite import ir

from batchgd.compiler.codegen.layout import BOUNDS
from batchgd.compiler.codegen.program import ARRAYS, Place, Program
from batchgd.compiler.lower.evaluation import Evaluation
from batchgd.compiler.lower.functions import INLINED, Functions
from batchgd.compiler.lower.processor import OPERATIONS_PER_CLOCK, Processor
from batchgd.compiler.lower.program import Program as FusedProducts
from batchgd.compiler.lower.program import cost_of, wait_of
from batchgd.compiler.lower.values import Computed, Surroundings
from batchgd.compiler.lower.vectors import INTEGER, LINE, POINTER, Vectors, integer
from batchgd.compiler.trace.graph import Node, reachable
from batchgd.compiler.trace.operations import OPERATIONS
from batchgd.kernels.cpu_places import ENDS, MOST_TICKS, RUN, TICKS, places
from batchgd.kernels.vecmath.ir import Real

SYMBOL = "tick"
FEW = 500
"""The number of operations up to which their order does not matter: there the processor finds enough to do at once.

In order of ``frugal``, 26 ticks of 70 to 500 operations took 0.90 to 1.17 times as long, 1.01 on average; larger ones
0.92 to 0.97."""
LONG = 6
"""Ticks of a group until one of its lanes ends, on average, from which on it runs until then; below, it makes one.

A group that runs waits for its own results, and at its end for a jump that the processor did not expect. Those of
different groups fill one another's waits, but each is read and written at every tick.
"""
OVERLAP = 2.5
"""The time for a tick over the wait for its results, from which on the state of a group stays in registers."""
SPILLS = 1.25
"""Values in use over registers, up to which a group has two vectors: few that wait on the stack cost nothing."""
_INT32 = ir.IntType(32)


def tick(
    program: Program,
    *,
    lanes: int,
    dtype: str,
    processor: Processor,
    width: int | None = None,
    resident: bool | None = None,
    own: bool = False,
) -> Evaluation:
    """Return the function for a block of ``lanes``.

    ``width`` is the number of lanes in a group, ``resident`` whether their state stays in registers; by default what
    is quickest (``form_of``). Neither changes a bit of any result. With ``own`` the params of a lane are in ``p`` from
    its own place on.
    """
    vectors, stays = form_of(program, processor)
    writer = _Writer(
        program,
        lanes,
        dtype,
        processor,
        min(width or vectors * processor.lanes(dtype), lanes),
        stays if resident is None else resident,
        own=own,
    )
    return Evaluation(SYMBOL, writer.text(), (), 0)


def form_of(program: Program, processor: Processor) -> tuple[int, bool]:
    """Return how many vectors a group has, and whether its state stays in registers.

    A group that runs waits for its own results, unless a tick has enough else to do. Two vectors fill one another's
    waits if the registers suffice for both (2-D Himmelblau: 0.8 of the time that one takes). One that stays pays if
    what a tick does takes ``OVERLAP`` times as long as what the next tick waits for, even if half of the state is then
    on the stack: 20-D quartics took 0.7 to 0.8 of the time, the median of 40 ticks was 0.96. Below, groups that make
    one tick each fill one another's waits (2-D Adam: 0.8). So they do if points can be rejected: such methods take few
    ticks, and at each end of a run its state is read and written.
    """
    bounds = {node.id for name, node in program.inputs.items() if name.startswith(BOUNDS)}
    if 2 * pressure([*program.outputs.values()], bounds) <= SPILLS * processor.registers:
        return 2, True
    if "nfev" in program.needed:
        return 1, False
    work, wait = work_and_wait(program, processor)
    return 1, work >= OVERLAP * wait


def work_and_wait(program: Program, processor: Processor) -> tuple[float, float]:
    """Return the clocks for everything that a tick does, and those until the last of its state is known."""
    following = [*program.while_going().values()]
    outputs = [*following, program.outputs["ended"]]
    products = FusedProducts(outputs, fuses=processor.fuses)
    nodes = reachable(outputs)
    absorbed = {node.args[products.absorbed(node)].id for node in nodes if products.absorbed(node) >= 0}
    work, known = 0.0, dict.fromkeys(absorbed, 0.0)
    for node in nodes:
        if node.id not in absorbed:
            known[node.id] = wait_of(node) + max((known[need.id] for need in products.needs(node)), default=0.0)
            work += cost_of(node)
    return work / OPERATIONS_PER_CLOCK, max((known[node.id] for node in following), default=0.0)


def pressure(outputs: list[Node], read_where_used: Collection[int] = ()) -> int:
    """Return roughly how many vectors are in use at the same time; some nodes wait in memory as well as anywhere."""
    nodes = [node for node in reachable(outputs) if node.id not in read_where_used]
    last = {arg.id: node.id for node in nodes for arg in node.args if arg.id not in read_where_used}
    last |= {node.id: -1 for node in outputs}
    ends = sorted(number for number in last.values() if number >= 0)
    alive = most = done = 0
    for node in nodes:
        while done < len(ends) and ends[done] < node.id:
            done, alive = done + 1, alive - 1
        alive += not node.is_constant
        most = max(most, alive)
    return most


class TickCode(Computed):
    """Appends the operations of a program, some at a time."""

    few = FEW

    def __init__(self, vectors: Vectors, functions: Functions, program: FusedProducts, around: Surroundings):
        super().__init__(vectors, functions, program, around)
        self._slots: dict[int, list[int]] = {}

    def write(self, outputs: dict[int, Node]) -> None:
        """Append what some of the outputs need, and put each into its slot as soon as it is known."""
        for slot, node in outputs.items():
            self._slots.setdefault(node.id, []).append(slot)
        self.compute(outputs.values())
        for node in outputs.values():
            self.known(node)

    def numbers(self, outputs: list[Node]) -> list[Any]:
        """Append what some of the outputs need, and return their values."""
        self.compute(outputs)
        return [self.values(node)[0] for node in outputs]

    def known(self, node: Node) -> None:
        """Write an output."""
        for slot in self._slots.pop(node.id, ()):
            self.around.store(slot, self.values(node)[0])


class _Writer:
    """Writes one function: ``entry``, and for each ``group`` the ``loop`` of its ticks, its end, and ``following``."""

    def __init__(
        self,
        program: Program,
        lanes: int,
        dtype: str,
        processor: Processor,
        width: int,
        resident: bool,
        *,
        own: bool = False,
    ) -> None:
        self.own = own
        self.program, self.lanes, self.processor = program, lanes, processor
        self.width, self.resident = width, resident
        self.form = processor.form(dtype, self.width)
        module = ir.Module("batchgd")
        module.triple = processor.triple
        given = [INTEGER if name == "seed" else POINTER for name in ARRAYS]
        self.function = ir.Function(module, ir.FunctionType(_INT32, [POINTER, POINTER, *given]), SYMBOL)
        self.function.attributes.alignstack = LINE
        self.function.attributes.add("nounwind")
        self.result, _, *arrays = self.function.args
        self.arrays = dict(zip(ARRAYS, arrays, strict=True))
        self.entry, self.sweep, self.group, self.begin, self.loop, self.end, self.following = (
            Vectors(ir.IRBuilder(self.function.append_basic_block(name)), self.form)
            for name in ("entry", "sweep", "group", "begin", "loop", "end", "following")
        )
        self.sweeps_left = self.sweep.builder.phi(INTEGER)
        self.first_lane, self.ended_before = (self.group.builder.phi(INTEGER) for _ in range(2))
        self.state = self.group.at(self.arrays["ws"], self.first_lane, self.group.scalar)
        self.starts = self.group.at(self.arrays["index"], self.first_lane, INTEGER)
        self.places: Any = None
        self.carried = program.while_going()
        self.names = {node.id: name for name, node in program.inputs.items()}
        self.phis: dict[str, Any] = {}
        needed = program.needed.items()
        state = ((name, program.reads[name]) for name, _ in needed if program.reads[name].array == "ws")
        self.before = {place.number: program.inputs[name] for name, place in state}
        self.code = self._code(module)

    def _code(self, module: ir.Module) -> TickCode:
        outputs = [*self.carried.values(), *self.program.outputs.values()]
        nodes = reachable(outputs)
        calls = sum(OPERATIONS[node.op].cost == "transcendentals" for node in nodes if node.op in OPERATIONS)
        absent: Any = None  # there are no rows in it
        around = Surroundings(self._leaf, absent, self._store, absent, absent, absent)
        products = FusedProducts(outputs, fuses=self.processor.fuses)
        return TickCode(self.loop, Functions(module, inlined=calls <= INLINED), products, around)

    def text(self) -> str:
        """Return the function."""
        entry = self.entry.builder
        most, run = (entry.load(self._tail(place, entry), typ=INTEGER) for place in (MOST_TICKS, RUN))
        busy = self._load(self.group, self.program.reads["busy"])
        self.group.builder.cbranch(
            self.group.any_of(busy > 0.0), self.begin.builder.block, self.following.builder.block
        )
        some = self._ticks(run) if self.resident else self._tick_in_memory()
        ended = self._finish(some)
        self.begin.builder.branch(self.function.blocks[4])
        ended = self._next_group(ended)
        self._next_sweep(most, run, ended)
        self.sweep.builder.branch(self.group.builder.block)
        self.entry.builder.branch(self.sweep.builder.block)
        return self.processor.written(self.function.module)

    def _tail(self, place: int, builder: ir.IRBuilder) -> Any:
        """The address of a number in the tail of ``index``."""
        return Vectors(builder, self.form).at(self.arrays["index"], integer(self.lanes + 1 + place), INTEGER)

    def _count(self, place: int, more: ir.Value) -> None:
        """Add to a number in the tail of ``index`` at the end of a group's run."""
        builder = self.loop.builder
        address = self._tail(place, builder)
        builder.store(builder.add(builder.load(address, typ=INTEGER), more), address)

    def _next_group(self, ended: ir.Value) -> ir.Value:
        """Go on to the next group; return in how many of them a lane has ended in this sweep."""
        builder, group, sweep = self.following.builder, self.group.builder.block, self.sweep.builder.block
        groups = builder.phi(INTEGER)
        groups.add_incoming(self.ended_before, group)
        groups.add_incoming(ended, self.end.builder.block)
        next_lane = builder.add(self.first_lane, integer(self.width))
        for phi, first, following in ((self.first_lane, 0, next_lane), (self.ended_before, 0, groups)):
            phi.add_incoming(integer(first), sweep)
            phi.add_incoming(following, builder.block)
        swept = self.function.append_basic_block("swept")
        builder.cbranch(builder.icmp_signed("<", next_lane, integer(self.lanes)), group, swept)
        builder.position_at_end(swept)
        return groups

    def _next_sweep(self, most: ir.Value, run: ir.Value, ended: ir.Value) -> None:
        """Begin another sweep, or return, and choose how long groups run from how long they have run so far."""
        builder, sweep = self.following.builder, self.sweep.builder.block
        left = builder.sub(self.sweeps_left, run if self.resident else integer(1))
        self.sweeps_left.add_incoming(most, self.entry.builder.block)
        self.sweeps_left.add_incoming(left, builder.block)
        none = builder.icmp_signed("==", ended, integer(0))
        leave = self.function.append_basic_block("leave")
        builder.cbranch(builder.and_(none, builder.icmp_signed(">", left, integer(0))), sweep, leave)
        builder.position_at_end(leave)
        builder.store(builder.zext(builder.not_(none), _INT32), self.result)
        if self.resident:
            ticks, ends = (builder.load(self._tail(place, builder), typ=INTEGER) for place in (TICKS, ENDS))
            long = builder.icmp_signed(">=", ticks, builder.mul(ends, integer(LONG)))
            builder.store(builder.select(long, most, integer(1)), self._tail(RUN, builder))
        builder.ret(ir.Constant(_INT32, 0))

    def _tick_in_memory(self) -> ir.Value:
        """Append one tick whose state is read where it is used, and written as soon as it is known."""
        self.code.write(self._written)
        (has_ended,) = self.code.numbers([self.program.outputs["ended"]])
        some = self.loop.any_of(has_ended)
        self.loop.builder.branch(self.end.builder.block)
        return some

    @property
    def _written(self) -> dict[int, Node]:
        """What a lane remembers, by the slots that it is written to."""
        return {place.number: self.program.outputs[name] for name, place in self.program.writes.items()}

    def _store(self, slot: int, value: Real) -> None:
        """Write a number of the state; what it was is read before if anything needs it."""
        before = self.before.get(slot)
        if before is not None:
            self.code.numbers([before])
        self.loop.store(value, self._slot(self.loop, slot))

    def _ticks(self, most: ir.Value) -> ir.Value:
        """Append the loop, at least one tick; return whether a lane of the group has ended."""
        builder, head, before = self.loop.builder, self.loop.builder.block, self.begin.builder.block
        left = builder.phi(INTEGER)
        self.phis = {name: builder.phi(self.form.real) for name in self.carried}
        ended = self.program.outputs["ended"]
        *following, has_ended = self.code.numbers([*self.carried.values(), ended])
        some = self.loop.any_of(has_ended)
        fewer = builder.sub(left, integer(1))
        self.made = builder.sub(most, fewer)
        left.add_incoming(most, before)
        left.add_incoming(fewer, builder.block)
        for (name, phi), value in zip(self.phis.items(), following, strict=True):
            phi.add_incoming(self._load(self.begin, self.program.reads[name]).value, before)
            phi.add_incoming(value.value, builder.block)
        over = builder.or_(some, builder.icmp_signed("<=", fewer, integer(0)))
        builder.cbranch(over, self.end.builder.block, head)
        return some

    def _finish(self, some: ir.Value) -> ir.Value:
        """Write back what the lanes of a group remember; return whether a lane has ended so far."""
        builder = self.loop.builder
        builder.position_at_end(self.end.builder.block)
        if self.resident:
            self.code.write(self._written)
            self._count(TICKS, self.made)
            self._count(ENDS, builder.zext(some, INTEGER))
        ended = builder.add(self.ended_before, builder.zext(some, INTEGER))
        builder.branch(self.following.builder.block)
        return ended

    def _leaf(self, node: Node) -> Real:
        """The value of an input: of a lane at this tick, of a lane at all its ticks, or the same in all lanes."""
        name = node.op + str(int(node.value)) if node.op in ("x", "p") else self.names[node.id]
        place = self.program.reads[name]
        if name in self.phis:
            value = self.phis[name]
        elif place.array == "ws":
            value = (
                self._load(self.begin, place) if self.resident else self.loop.frozen(self._load(self.loop, place))
            ).value
        elif place.array == "index":
            kind = ir.VectorType(INTEGER, self.width)
            value = self.begin.builder.load(self.starts, typ=kind, align=8)
        elif place.array == "p" and self.own:
            value = self._own(place.number).value
        elif place.array == "seed":
            value = self.entry.spread(self.arrays["seed"]).value
        else:
            address = self.entry.at(self.arrays[place.array], integer(place.number), self.entry.scalar)
            value = self.entry.uniform(address).value
        return self.loop.real(value)

    def _own(self, number: int) -> Real:
        """A param of each lane."""
        if self.places is None:
            self.places = self.begin.whole_numbers(self.begin.at(self.starts, integer(places(self.lanes)), INTEGER))
        return self.begin.of_each(self.arrays["p"], self.places, integer(number))

    def _load(self, vectors: Vectors, place: Place) -> Real:
        return vectors.load(self._slot(vectors, place.number))

    def _slot(self, vectors: Vectors, slot: int) -> Any:
        return vectors.at(self.state, integer(slot * self.lanes), vectors.scalar)
