"""Emit the block form of the tick: a sequence of passes over the lane block, each a loop over coordinates and lanes.

The fused form (``fused_tick.py``) keeps a lane in registers; here every name has its slots in the workspace, so that
text and compile time do not grow with the dimension, and a rule can work on matrices and histories. A pass reads the
names that its lines mention, and stores what it computes. The text is written for lanes; ``to_numpy.py`` turns it into
NumPy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from batchgd.compiler.codegen.emit_evaluation import triangle
from batchgd.compiler.codegen.emit_stopping import Fold, StoppingEmitter
from batchgd.compiler.codegen.fused_tick import BOX, cubic_box
from batchgd.compiler.codegen.layout import COUNTERS, Layout
from batchgd.compiler.codegen.rule import Rule, parameters_of
from batchgd.compiler.codegen.typed_constants import Constants
from batchgd.kernels.rule_parts.stages import Block, Each, Lane, Stage, Sum
from batchgd.kernels.stopping_tests import LIMITS

TRUTHS = ("accepted", "outside", "going", "whole")
"""Names of truth values: stored as 1 or 0."""


@dataclass(frozen=True)
class Call:
    """One stage as the tick runs it: its kind, an expression in the names of lanes and coordinates, its results."""

    kind: type[Stage]
    expression: str
    gives: tuple[str, ...]


def calls(rule: Rule) -> list[Call]:
    """Return what a rule does in one tick, in order; a schedule and modifiers included."""
    if rule.stages:
        return [_call(type(stage), stage.name, parameters_of(stage.function), stage.gives, {}) for stage in rule.stages]
    renamed: dict[str, str] = {}
    stages = []
    for part in rule.parts_with("rate"):
        scheduled = f"scheduled_{part.gives}"
        stages.append(_call(Lane, f"{part.name}_rate", part.functions["rate"], (scheduled,), renamed))
        renamed[part.gives] = scheduled
    for part in rule.parts_with("gradient"):
        stages.append(_call(Each, f"{part.name}_gradient", part.functions["gradient"], ("g",), renamed))
        stages.append(Call(Sum, "g * g", ("modified_gg",)))
        renamed["gg"] = "modified_gg"
    stages += [_call(Sum, f"sum_{name}", wanted, (name,), renamed) for name, wanted in rule.sums.items()]
    if rule.decide is not None:
        stages.append(_call(Lane, "decide", rule.decide, ("accepted", *rule.scalars), renamed))
    elif rule.advance is not None:
        stages.append(_call(Lane, "advance", rule.advance, rule.scalars, renamed))
    stages.append(_call(Each, "update", rule.update, ("following", *rule.own_vectors), renamed))
    for part in rule.parts_with("point"):
        stages.append(_call(Each, f"{part.name}_point", part.functions["point"], ("following", *part.vectors), renamed))
    if rule.step_squared is not None and not rule.parts_with("point"):
        stages.append(_call(Lane, "step_squared", rule.step_squared, ("moved",), renamed))
    return stages


def _call(
    kind: type[Stage], function: str, asks: tuple[str, ...], gives: tuple[str, ...], renamed: dict[str, str]
) -> Call:
    return Call(kind, f"{function}({', '.join(renamed.get(name, name) for name in asks)})", gives)


@dataclass(frozen=True)
class BlockLayout(Layout):
    """The slots of a lane in block form: after x what ``evaluate`` writes, at the end the tick's own numbers."""

    constants_of_rule: tuple[tuple[str, int], ...] = ()
    temporaries: tuple[str, ...] = field(default=())
    batch: tuple[str, ...] = ()

    @property
    def _vectors(self) -> int:
        return 2 * self.dim + 1 + (triangle(self.dim) if self.rule.hessian else 0)

    @property
    def arrays(self) -> dict[str, int]:
        """How many slots each further array of the rule takes."""
        return self.rule.slots(dim=self.dim, **dict(self.constants_of_rule))

    def first(self, name: str) -> int | None:
        """Return the first slot of a name, or None if it has none."""
        fixed = {"x": 0, "g": self.dim, "f": 2 * self.dim, "hessian": 2 * self.dim + 1}
        if name in fixed:
            return fixed[name]
        if name in self.rule.vectors:
            return self.vector(name, 0)
        if name in self.rule.scalars:
            return self.scalar(name)
        if name in self.per_start:
            return self.hyperparameter(name)
        return self._behind.get(name)

    @property
    def _behind(self) -> dict[str, int]:
        """First slots of what follows the loop's own counters."""
        numbers = (*self.temporaries, *self.batch)
        sizes = {"following": self.dim, **dict.fromkeys(numbers, 1), **self.arrays}
        slots, here = {}, super().size
        for name, size in sizes.items():
            slots[name] = here
            here += size
        return slots

    @property
    def batch_slots(self) -> dict[str, int]:
        """The slots of what a batch of a finite sum's rows needs."""
        return {name: self._behind[name] for name in self.batch}

    @property
    def size(self) -> int:
        """Number of slots."""
        return super().size + self.dim + len(self.temporaries) + len(self.batch) + sum(self.arrays.values())


class BlockTick:
    """Writes the source of ``tick`` in block form for one specialisation."""

    DIMENSION = "D"
    """The name of the number of coordinates that a thread holds, which may be only some of them."""

    def __init__(self, layout: BlockLayout, constants: Constants, *, cubic: bool, arrays: bool):
        self.layout, self.rule, self.constants, self.cubic, self.arrays = layout, layout.rule, constants, cubic, arrays
        self.ending = StoppingEmitter(layout.rule, constants, layout.ending, cubic=cubic, batches=bool(layout.batch))
        self.calls = calls(self.rule)
        self.lines: list[str] = []
        self.trials = self.rule.decide is not None

    @staticmethod
    def temporaries(rule: Rule, ending: StoppingEmitter) -> tuple[str, ...]:
        """The numbers of a lane that one part of a tick passes to a later one."""
        kept = {*rule.vectors, *rule.scalars, "following", "g"}
        results = [name for call in calls(rule) for name in call.gives if name not in kept]
        folds = [fold.name for fold in (*ending.slope_folds(), *ending.folds())]
        return tuple(dict.fromkeys(["gg", *results, *folds, "moved", "going"]))

    def source(self) -> str:
        """Return the text of the function."""
        self._invariants()
        self.lines.append("evaluate(ws, index, seed, p)")
        self._gather([Fold("gg", "{g} * {g}"), *self.ending.slope_folds()])
        self._rule()
        self._gather(self.ending.folds())
        self._end()
        return "\n".join(["def tick(ws, index, seed, p, box, h, limits):", *("    " + line for line in self.lines)])

    def _invariants(self) -> None:
        """What is the same for all lanes, read once."""
        shared = [name for name in self.rule.hyperparameters if name not in self.layout.per_start]
        self.lines += [f"{name} = h[{k}]" for k, name in enumerate(shared)]
        self.lines += [f"{name} = limits[{LIMITS.index(name)}]" for name in self.layout.ending.limits]
        if self.cubic:
            self.lines += cubic_box()

    def _rule(self) -> None:
        """Run the stages; consecutive sums are computed in one pass."""
        sums: list[Fold] = []
        for call in self.calls:
            if call.kind is Sum and not any(_mentions(call.expression, fold.name) for fold in sums):
                sums.append(Fold(call.gives[0], call.expression))
                continue
            self._gather(sums)
            sums = []
            if call.kind is Sum:
                sums = [Fold(call.gives[0], call.expression)]
            elif call.kind is Block:
                self._block(call)
            else:
                line = f"{', '.join(call.gives)} = {call.expression}"
                self._pass([line], call.gives, coordinates="range(D)" if call.kind is Each else None)
            if "accepted" in call.gives:
                one, later = self.constants(1.0), f"accepted & (nfev > {self.constants(0.5)})"
                self._pass([f"nit = where({later}, nit + {one}, nit)"], ["nit"])
        self._gather(sums)

    def _block(self, call: Call) -> None:
        """Call a function of the block with the first slots of what it names."""
        function, names = call.expression.rstrip(")").split("(")
        slots = ["ws" if name == "ws" else str(self._first(name)) for name in names.split(", ")]
        self.lines.append(f"{function}({', '.join(slots)})")

    def _gather(self, folds: list[Fold]) -> None:
        """Fold over the coordinates, all of these in one pass."""
        if not folds:
            return
        names = [fold.name for fold in folds]
        coordinate = self._coordinate()
        for after, coordinates in ((False, "range(1)"), (True, "range(1, D)")):
            lines = [self._folded(fold, coordinate, after=after) for fold in folds]
            if not after or self.layout.dim > 1:
                self._pass(lines, names, coordinates)

    def _folded(self, fold: Fold, coordinate: dict[str, str], *, after: bool) -> str:
        """The line that takes one coordinate in: the first, or one after it."""
        return f"{fold.name} = {(fold.after if after else fold.first).format(**coordinate)}"

    def _number_of(self, i: str) -> str:
        """The text of a coordinate's number from that of its slot in a vector."""
        return i

    def _end(self) -> None:
        """Apply the stopping tests, then move the lanes that go on and count."""
        lines = [*self.ending.verdict(), *self.ending.late_numbers()]
        flag = "np.any(ended)" if self.arrays else "any_ended | ended"
        self.lines.append("any_ended = False")
        self._pass([*lines, f"any_ended = {flag}"], ["code", "going", *self.layout.ending.numbers])
        renewals = self.ending.vector_renewals()
        if renewals:
            renewed = [f"{name} = {template.format(**self._coordinate())}" for name, template in renewals]
            self._pass(renewed, [name for name, _ in renewals], "range(D)")
        self._pass(["x = where(going, following, resting)"], ["x"], "range(D)")
        one = self.constants(1.0)
        if self.trials:
            self._pass([f"nfev = nfev + {one}"], ["nfev"])
        else:
            self._pass([f"nit = where(going, nit + {one}, nit)"], ["nit"])
        self.lines.append("return np.int32(any_ended)")

    def _coordinate(self) -> dict[str, str]:
        """What represents one coordinate in templates: the name itself, which a pass reads."""
        names = ("x", "g", "following", "resting", "outer_lower", "outer_upper", *self.layout.ending.vectors)
        return {name: name for name in names}

    def _pass(self, lines: list[str], stored: Iterable[str], coordinates: str | None = None) -> None:
        """Add one pass: read what the lines mention, run them, store what they compute."""
        names = dict.fromkeys(re.findall(r"\b[A-Za-z_]\w*\b", "\n".join(lines)))
        body = [*self._reads(names), *lines]
        for name in stored:
            value = name
            if name in TRUTHS:
                value = f"where({name}, {self.constants(1.0)}, {self.constants(0.0)})"
            body.append(f"{self._element(name)} = {value}")
        indent = ""
        if coordinates is not None:
            self.lines.append(f"for i in {coordinates}:")
            indent = "    "
        self.lines.append(f"{indent}for lane in range(W):")
        self.lines += [f"{indent}    {line}" for line in body]

    def _reads(self, names: Iterable[str]) -> list[str]:
        reads = []
        for name in names:
            half = self.constants(0.5)
            if name == "first":
                reads.append(f"first = {self._element('nfev' if self.trials else 'nit')} < {half}")
            elif name == "accepted" and not self.trials:
                reads.append(f"accepted = {self._element('busy')} > -{half}")
            elif name == "start":
                reads.append("start = index[lane]")
            elif name == "axis":
                reads.append(f"axis = {self._number_of('i')}")
            elif name in BOX and not self.cubic:
                reads.append(f"{name} = box[{BOX.index(name)} * {self.DIMENSION} + {self._number_of('i')}]")
            elif self._first(name) is not None:
                truth = f" > {half}" if name in TRUTHS else ""
                reads.append(f"{name} = {self._element(name)}{truth}")
        return reads

    def _first(self, name: str) -> int | None:
        """First slot of a name that lines may mention."""
        if name == "resting":
            return self.layout.accepted
        found = self.layout.first(name)
        if found is None and name in COUNTERS:
            return self.layout.counter(name)
        if found is None and name in (*self.layout.ending.numbers, *self.layout.ending.vectors):
            return self.layout.remembered(name)
        return found

    def _element(self, name: str) -> str:
        """The text for a name in a pass: its slot, or that of its coordinate i."""
        first = self._first(name)
        vector = name in ("x", "g", "following", "resting", *self.rule.vectors, *self.layout.ending.vectors)
        return f"ws[({first} + i) * W + lane]" if vector else f"ws[{first} * W + lane]"


def _mentions(text: str, name: str) -> bool:
    return re.search(rf"\b{name}\b", text) is not None
