"""Trace a tick: one evaluation, one decision, one update and the stopping tests of one lane, as one program.

The plain functions of ``kernels`` are called with traced numbers, each with those that it names as its parameters.
Vectors are lists of numbers, one per coordinate, and so are a rule's further arrays, one per slot. In
``trace_block.py`` a vector is one number with an axis, and the tick several programs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from types import FunctionType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from batchgd.compiler.codegen.coordinates import Looped, Unrolled, Whole
from batchgd.compiler.codegen.layout import BOUNDS, COUNTERS, Layout
from batchgd.compiler.codegen.program import BOX, Place, Program, ProgramGraph
from batchgd.compiler.codegen.steps import Step, steps_of
from batchgd.compiler.codegen.trace_stopping import StoppingTrace
from batchgd.compiler.trace.graph import Node
from batchgd.compiler.trace.scalar import Scalar, node_of
from batchgd.kernels import bounds
from batchgd.kernels.rule_parts.stages import Block, Each, Lane, Least, Sum, with_callees
from batchgd.kernels.rule_parts.trial_steps import update as along_the_gradient
from batchgd.kernels.stopping_tests import LIMITS

if TYPE_CHECKING:
    from batchgd.compiler.codegen.specialisation import Specialisation


def tick_program(of: Specialisation) -> Program:
    """Return the program of the fused tick of a specialisation: its state is in the slots of its ``fused_layout``."""
    return TickTrace(of).program()


class TickTrace:
    """Traces one tick; ``names`` are the numbers and vectors of a lane as they are at this point of it."""

    ways: type[Unrolled | Looped] = Unrolled

    @staticmethod
    def slots(of: Specialisation) -> Layout:
        """Return where everything is."""
        return of.fused_layout

    def __init__(self, of: Specialisation):
        self.of, self.layout, self.rule = of, self.slots(of), of.read
        self.dim = of.objective.dim
        self.over = self.ways(self.dim)
        self.graph = ProgramGraph(self.dim, of.objective.n_params)
        self.inputs: dict[str, Node] = {}
        self.reads: dict[str, Place] = {}
        self.outputs: dict[str, Node] = {}
        self.writes: dict[str, Place] = {}
        self.names: dict[str, Any] = {}
        self.trials = self.rule.decide is not None
        self.stopping = StoppingTrace(self.layout.ending, self.rule, self.over, cubic=of.cubic, batches=of.batches)

    def program(self) -> Program:
        """Trace everything in order."""
        self._trace()
        self._write()
        going = self.names["going"].node
        return Program(self.graph, self.inputs, self.reads, self.outputs, self.writes, going)

    def _trace(self) -> None:
        """Name everything as it is when the tick is over."""
        self._read()
        self._evaluate()
        if self.of.bounded:
            self._project()
        self.names["gg"] = self.over.total(self.over.each(lambda g: g * g, self.names["g"]))
        self.stopping.look_at_slope(self.names)
        for step in steps_of(self.rule):
            self._step(step)
        names = self.names
        resting = names["x" if self.rule.accepted is None else self.rule.accepted]
        self.stopping.judge(names, resting)
        if self.of.bounded:
            self._stay_inside()
        names["x"] = self.over.each(chosen, names["going"], names["following"], resting)
        if self.trials:
            names["nfev"] = names["nfev"] + 1.0
        else:
            names["nit"] = chosen(names["going"], names["nit"] + 1.0, names["nit"])

    def constant(self, value: float) -> Scalar:
        """Return a number."""
        return Scalar(self.graph.constant(value))

    def _input(self, name: str, array: str, number: int = 0) -> Scalar:
        """Return a number of the lane that is read at a place."""
        self.inputs[name] = self.graph.input(len(self.inputs))
        self.reads[name] = Place(array, number)
        return Scalar(self.inputs[name])

    def _leaves(self, name: str, nodes: Sequence[Node], array: str) -> list[Scalar]:
        for i, node in enumerate(nodes):
            self.inputs[f"{name}{i}"], self.reads[f"{name}{i}"] = node, Place(array, i)
        return [Scalar(node) for node in nodes]

    def _read(self) -> None:
        """Name what a lane remembers, and what is the same for all of them."""
        self._read_state()
        shared = [name for name in self.rule.hyperparameters if name not in self.layout.per_start]
        self.names |= {name: self._input(name, "h", k) for k, name in enumerate(shared)}
        self.names |= {name: self._input(name, "limits", LIMITS.index(name)) for name in self.layout.ending.limits}
        self.names |= {name: self._side(name, k) for k, name in enumerate(BOX)}
        if self.of.bounded and not self.of.bounds_per_start:
            self.names |= {name: self._bound(name, len(BOX) + k) for k, name in enumerate(BOUNDS)}
        self.names |= {"seed": self._input("seed", "seed"), "start": self._input("start", "index")}
        self.names["first"] = self.names["nfev" if self.trials else "nit"] < 0.5
        self.names["axis"] = self._axis()
        if not self.trials:
            self.names["accepted"] = self.constant(1.0)

    def _read_state(self) -> None:
        layout, ending = self.layout, self.layout.ending
        self.names["x"] = self._leaves("x", self.graph.x, "ws")
        self.names["p"] = self._leaves("p", self.graph.p, "p")
        for name, (first, size) in self._vectors().items():
            self.names[name] = [self._input(f"{name}_{i}", "ws", first + i) for i in range(size)]
        for name in layout.vectors_per_start:
            slots = [layout.vector_per_start(name, i) for i in range(self.dim)]
            self.names[name] = [self._input(f"{name}_{i}", "ws", slot) for i, slot in enumerate(slots)]
        numbers = {name: layout.scalar(name) for name in self.rule.scalars}
        numbers |= {name: layout.hyperparameter(name) for name in layout.per_start}
        numbers |= {name: layout.counter(name) for name in COUNTERS[: COUNTERS.index("code")]}
        numbers |= {name: layout.remembered(name) for name in ending.numbers}
        self.names |= {name: self._input(name, "ws", slot) for name, slot in numbers.items()}

    def _vectors(self) -> dict[str, tuple[int, int]]:
        """The first slot and the number of slots of each vector and further array that a lane remembers."""
        layout = self.layout
        slots = {name: (layout.vector(name, 0), self.dim) for name in self.rule.vectors}
        slots |= {name: (layout.remembered(name, 0), self.dim) for name in layout.ending.vectors}
        return slots | {name: (layout.array(name), size) for name, size in layout.arrays.items()}

    def _side(self, name: str, k: int) -> Any:
        if self.of.cubic:
            return self._input(name, "limits", len(LIMITS) + k)
        return self._bound(name, k)

    def _bound(self, name: str, k: int) -> Any:
        """One number per coordinate of those in ``box``."""
        return [self._input(f"{name}_{i}", "box", k * self.dim + i) for i in range(self.dim)]

    def _bounds(self) -> list[Any]:
        return [self.names[name] for name in BOUNDS]

    def _axis(self) -> Any:
        """The numbers of the coordinates."""
        return list(range(self.dim))

    def _evaluate(self) -> None:
        """Value, gradient and matrix, as far as they are needed, from the operations of the objective."""
        outputs = self.of.outputs(self.of.what)
        results = [Scalar(node) for node in self.graph.imported(outputs)]
        if self.of.what != "gradient":
            self.names["f"] = results.pop(0)
        self.names["g"] = results[: self.dim]
        if self.rule.matrix is not None:
            self.names[self.rule.matrix] = results[self.dim :]

    def _project(self) -> None:
        """Put the projected gradient in place of the gradient."""
        self.names["raw_g"] = self.names["g"]
        self.names["g"] = self.over.each(bounds.projected, self.names["g"], self.names["x"], *self._bounds())

    def _stay_inside(self) -> None:
        """Move the next point into the bounds; the tests have seen the step that the rule asks for."""
        names, sides = self.names, self._bounds()
        if "velocity" in self.rule.vectors:
            names["velocity"] = self.over.each(bounds.stopped, names["velocity"], names["following"], *sides)
        names["following"] = self.over.each(bounds.inside, names["following"], *sides)

    def _step_made(self) -> dict[str, Any]:
        """What a rule that rejects trials sees of a step that bounds have cut short: -s / η, and y behind it."""
        names, sides = self.names, self._bounds()
        if "cut" not in self.__dict__:
            moved = [names[name] for name in ("x", "base_x", "base_g")]
            along = self.over.each(bounds.step_slope, *moved, names["step"], *sides)
            gradient = self.over.each(bounds.compared, names["g"], names["raw_g"], *moved, along, *sides)
            base_gg = self.over.total(self.over.each(bounds.squared, along))
            self.cut = {"base_g": along, "g": gradient, "base_gg": base_gg}
        return self.cut

    def _seen(self, step: Step) -> dict[str, Any]:
        """The names that a step sees, with bounds on a rule whose trials are along the gradient."""
        if not self.of.bounded or self.rule.module.__dict__.get("update") is not along_the_gradient:
            return self.names
        if "accepted" in step.gives or (step.kind is Sum and "base_g" in step.asks):
            return self.names | self._step_made()
        return self.names

    def _step(self, step: Step) -> None:
        """Trace one step of the rule; it sees the results of the steps before it."""
        if step.kind is Block:
            self._block(step)
            return
        seen = self._seen(step)
        function, values = traced(step.function), [seen[name] for name in step.asks]
        kept = self.names.get("base_gg")
        if step.kind is Lane:
            self._name(step.gives, function(*values))
        elif step.kind is Sum:
            self.names[step.gives[0]] = self.over.total(self.over.each(function, *values))
        elif step.kind is Least:
            self.names[step.gives[0]] = self.over.smallest(self.over.each(function, *values))
        elif step.kind is Each:
            self._name(step.gives, self.over.each(function, *values))
        if "accepted" in step.gives:
            if seen is not self.names:  # what is promised of the next trial is that of the whole gradient
                self.names["base_gg"] = self._traced(chosen(self.names["accepted"], self.names["base_gg"], kept))
            later = self.names["accepted"] & (self.names["nfev"] > 0.5)
            nit = self.names["nit"]
            self.names["nit"] = self._traced(chosen(later, nit + 1.0, nit))

    def _name(self, gives: Sequence[str], results: Any) -> None:
        together = results if isinstance(results, tuple) else (results,)
        for name, value in zip(gives, together, strict=True):
            self.names[name] = [self._traced(v) for v in value] if isinstance(value, list) else self._traced(value)

    def _traced(self, value: Any) -> Scalar:
        return Scalar(node_of(self.graph, value))

    def _block(self, step: Step) -> None:
        """Run operations on a lane block of one lane, whose slots are traced numbers."""
        ws: dict[int, Any] = {}
        first: dict[str, int] = {}
        for name in step.asks[1:]:
            value = self.names.get(name, self.constant(0.0))
            several = value if isinstance(value, list) else [Scalar(self.graph.number(value.node))]
            first[name] = len(ws)
            ws |= dict(enumerate(several, len(ws)))
        sizes = {"D": self.dim, "W": 1, **{name.upper(): value for name, value in self.of.constants}}
        traced(step.function, sizes)(ws, *first.values())
        for name, slot in first.items():
            value = self.names.get(name)
            if isinstance(value, list):
                self.names[name] = [self._traced(ws[slot + i]) for i in range(len(value))]
            elif value is None or not value.node.is_boolean:
                self.names[name] = self._traced(ws[slot])

    def _write(self) -> None:
        """Say what a lane remembers of this tick."""
        names, layout = self.names, self.layout
        self._output("x{}", names["x"], 0)
        for name, (slot, _) in self._vectors().items():
            self._output(f"{name}_{{}}", names[name], slot)
        for name in self.rule.scalars:
            self._output(name, [names[name]], layout.scalar(name))
        for name in ("nit", "code", "nfev") if self.trials else ("nit", "code"):
            self._output(name, [names[name]], layout.counter(name))
        for name in layout.ending.numbers:
            self._output(name, [names[name]], layout.remembered(name))
        self.outputs["ended"] = names["ended"].node

    def _output(self, name: str, values: Iterable[Any], slot: int) -> None:
        for i, value in enumerate(values):
            self.outputs[name.format(i)] = node_of(self.graph, value)
            self.writes[name.format(i)] = Place("ws", slot + i)


def chosen(condition: Scalar, yes: Any, no: Any) -> Any:
    """Return ``yes`` where the condition holds, else ``no``."""
    graph = condition.node.graph
    return Scalar(graph.make("where", condition.node, node_of(graph, yes), node_of(graph, no)))


def traced(function: Callable[..., Any], constants: dict[str, Any] | None = None) -> Callable[..., Any]:
    """Return a function of the kernels, and what it calls, for traced numbers.

    It sees the constants in place of its module's, and random numbers are traced as one operation.
    """
    functions = with_callees(function)
    if constants is None and "normal" not in functions:
        return function
    made: dict[str, Callable[..., Any]] = {}
    for name, each in functions.items():
        made[name] = FunctionType(each.__code__, {**each.__globals__, **(constants or {})}, name)
    if "normal" in made:
        made["uniform_pair"] = _uniform_pair
        made["normal"].__globals__["np"] = SimpleNamespace(int64=lambda value: value)
    for name in functions:
        names = made[name].__globals__
        names.update({other: made[other] for other in made if other in names})
    return made[function.__name__]


def _uniform_pair(seed: Scalar, start: Scalar, update: Scalar, counter: int | Whole) -> tuple[Scalar, Scalar]:
    graph: Any = seed.node.graph
    number = counter.real.node if isinstance(counter, Whole) else counter
    u, v = graph.uniform_pair(seed.node, start.node, update.node, number)
    return Scalar(u), Scalar(v)
