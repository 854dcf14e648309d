"""Emit the block form of the tick: a sequence of passes over the lane block, each a loop over coordinates and lanes.

The fused form keeps a lane in registers; here every name has its slots in the workspace, so that text and compile time
do not grow with the dimension, and a rule can work on matrices and histories. A pass reads the names that its lines
mention, and stores what it computes. The text is for CUDA's threads that share a trajectory (``warp_tick.py``);
elsewhere the block form is traced (``trace_block.py``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from batchgd.compiler.codegen.block_layout import BlockLayout
from batchgd.compiler.codegen.emit_stopping import Fold, StoppingEmitter
from batchgd.compiler.codegen.layout import COUNTERS
from batchgd.compiler.codegen.program import BOX
from batchgd.compiler.codegen.rule import Rule
from batchgd.compiler.codegen.steps import Step, steps_of
from batchgd.compiler.codegen.typed_constants import Constants
from batchgd.kernels.rule_parts.stages import Block, Each, Sum
from batchgd.kernels.stopping_tests import LIMITS

TRUTHS = ("accepted", "outside", "going")
"""Names of truth values: stored as 1 or 0."""


def cubic_box() -> list[str]:
    """The lines that read what the tick knows about a cubic box, behind the limits."""
    return [f"{name} = limits[{len(LIMITS) + k}]" for k, name in enumerate(BOX)]


class BlockTick:
    """Writes the source of ``tick`` in block form for one specialisation."""

    DIMENSION = "D"
    """The name of the number of coordinates that a thread holds, which may be only some of them."""

    def __init__(self, layout: BlockLayout, constants: Constants, *, cubic: bool):
        self.layout, self.rule, self.constants, self.cubic = layout, layout.rule, constants, cubic
        self.ending = StoppingEmitter(layout.rule, constants, layout.ending, cubic=cubic)
        self.steps = steps_of(self.rule)
        self.lines: list[str] = []
        self.trials = self.rule.decide is not None

    @staticmethod
    def temporaries(rule: Rule, ending: StoppingEmitter) -> tuple[str, ...]:
        """The numbers of a lane that one part of a tick passes to a later one."""
        kept = {*rule.vectors, *rule.scalars, "following", "g"}
        results = [name for step in steps_of(rule) for name in step.gives if name not in kept]
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
        for step in self.steps:
            if step.kind is Sum and not any(_mentions(step.text, fold.name) for fold in sums):
                sums.append(Fold(step.gives[0], step.text))
                continue
            self._gather(sums)
            sums = []
            if step.kind is Sum:
                sums = [Fold(step.gives[0], step.text)]
            elif step.kind is Block:
                self._block(step)
            else:
                line = f"{', '.join(step.gives)} = {step.text}"
                self._pass([line], step.gives, coordinates="range(D)" if step.kind is Each else None)
            if "accepted" in step.gives:
                one, later = self.constants(1.0), f"accepted & (nfev > {self.constants(0.5)})"
                self._pass([f"nit = where({later}, nit + {one}, nit)"], ["nit"])
        self._gather(sums)

    def _block(self, step: Step) -> None:
        """Call a function of the block with the first slots of what it names."""
        function, names = step.text.rstrip(")").split("(")
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
        self.lines.append("any_ended = False")
        self._pass([*lines, "any_ended = any_ended | ended"], ["code", "going", *self.layout.ending.numbers])
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
