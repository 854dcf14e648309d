"""Emit the fused tick for CUDA: one evaluation, one decision, one update and the stopping tests of a lane.

Everything is unrolled over coordinates and free of branches. Elsewhere the tick is made from its program
(``trace_tick.py``).
"""

from __future__ import annotations

from batchgd.compiler.codegen.emit_stopping import Fold, StoppingEmitter, sum_in_pairs
from batchgd.compiler.codegen.layout import Layout
from batchgd.compiler.codegen.typed_constants import Constants
from batchgd.kernels.stopping_tests import LIMITS

BOX = ("inverse_width", "outer_lower", "outer_upper")
"""What the tick knows about the box, per coordinate or once for a cubic one."""


def cubic_box() -> list[str]:
    """The lines that read what the tick knows about a cubic box, behind the limits."""
    return [f"{name} = limits[{len(LIMITS) + k}]" for k, name in enumerate(BOX)]


class FusedTick:
    """Writes the source of ``tick`` for one specialisation."""

    def __init__(self, layout: Layout, constants: Constants, *, n_params: int, cubic: bool):
        self.layout, self.rule, self.dim = layout, layout.rule, layout.dim
        self.constants, self.n_params, self.cubic = constants, n_params, cubic
        self.ending = StoppingEmitter(layout.rule, constants, layout.ending, cubic=cubic)
        self.lines: list[str] = []
        # The names, in the arguments of others, of the gradient's norm and of hyperparameters that follow a schedule.
        self._gg = "gg"
        self._scheduled: dict[str, str] = {}

    def source(self) -> str:
        """Return the text of the function."""
        head = ["def tick(ws, index, seed, p, box, h, limits):", *("    " + line for line in self._invariants())]
        self._loads()
        self._evaluation()
        self._rate()
        self._modified_gradient()
        self._decision()
        self._update()
        self._stopping()
        self._stores()
        # A truth value and not 0 or 1: LLVM would use 64 bits for that, and halve the lanes of a float32 vector.
        head += ["    any_ended = False", "    for lane in range(W):"]
        body = ["        " + line for line in [*self.lines, "any_ended = any_ended | ended"]]
        tail = ["    return np.int32(any_ended)"]
        return "\n".join([*head, *body, *tail])

    def _slot(self, number: int) -> str:
        return f"ws[{number} * W + lane]"

    def _box(self, name: str, i: int) -> str:
        return name if self.cubic else f"{name}_{i}"

    def _invariants(self) -> list[str]:
        """What is the same for all lanes, read once."""
        lines = [f"p{k} = p[{k}]" for k in range(self.n_params)]
        shared = [name for name in self.rule.hyperparameters if name not in self.layout.per_start]
        lines += [f"{name} = h[{k}]" for k, name in enumerate(shared)]
        lines += [f"{name} = limits[{LIMITS.index(name)}]" for name in self.layout.ending.limits]
        if self.cubic:
            return lines + cubic_box()
        return lines + [f"{name}_{i} = box[{k * self.dim + i}]" for k, name in enumerate(BOX) for i in range(self.dim)]

    def _loads(self) -> None:
        layout = self.layout
        slots = {f"x{i}": layout.x(i) for i in range(self.dim)}
        slots |= {f"{v}_{i}": layout.vector(v, i) for v in self._early for i in range(self.dim)}
        slots |= {name: layout.scalar(name) for name in self.rule.scalars}
        slots |= {name: layout.hyperparameter(name) for name in layout.per_start}
        slots |= {name: layout.counter(name) for name in ("nit", "busy")}
        if self.rule.decide is not None:
            slots["nfev"] = layout.counter("nfev")
        slots |= {name: layout.remembered(name) for name in layout.ending.numbers}
        slots |= {f"{v}_{i}": layout.remembered(v, i) for v in layout.ending.vectors for i in range(self.dim)}
        self.lines += [f"{name} = {self._slot(number)}" for name, number in slots.items()]
        evaluations = "nit" if self.rule.decide is None else "nfev"
        self.lines.append(f"first = {evaluations} < {self.constants(0.5)}")
        if self.rule.draws:
            self.lines.append("start = index[lane]")

    def _evaluation(self) -> None:
        arguments = ", ".join([*(f"x{i}" for i in range(self.dim)), *(f"p{k}" for k in range(self.n_params))])
        gradient = [f"g{i}" for i in range(self.dim)]
        if self.ending.has_value:
            self.lines.append(f"f, {', '.join(gradient)} = value_and_gradient({arguments})")
        else:
            self.lines.append(f"{', '.join(gradient)}, = gradient({arguments})")
        self._fold([Fold("gg", "{g} * {g}"), *self.ending.slope_folds()])

    def _rate(self) -> None:
        for part in self.rule.parts_with("rate"):
            scheduled = f"scheduled_{part.gives}"
            self.lines.append(f"{scheduled} = {part.name}_rate({self._arguments(part.functions['rate'])})")
            self._scheduled[part.gives] = scheduled

    def _modified_gradient(self) -> None:
        """The gradient that the rule sees; ``gg`` stays that of the gradient itself, for the stopping tests."""
        for part in self.rule.parts_with("gradient"):
            for i in range(self.dim):
                self.lines.append(f"g{i} = {part.name}_gradient({self._arguments(part.functions['gradient'], i)})")
            self._gg = "modified_gg"
            self._fold([Fold("modified_gg", "{g} * {g}")])

    def _decision(self) -> None:
        for name, wanted in self.rule.sums.items():
            terms = [f"sum_{name}({self._arguments(wanted, i)})" for i in range(self.dim)]
            self.lines.append(f"{name} = {sum_in_pairs(terms)}")
        if self.rule.decide is None:
            self.lines.append("accepted = first | True")
            if self.rule.advance is not None:
                self.lines.append(f"{', '.join(self.rule.scalars)} = advance({self._arguments(self.rule.advance)})")
            return
        outputs = ", ".join(["accepted", *self.rule.scalars])
        self.lines.append(f"{outputs} = decide({self._arguments(self.rule.decide)})")
        later = f"where(accepted & (nfev > {self.constants(0.5)}), {self.constants(1.0)}, {self.constants(0.0)})"
        self.lines.append(f"nit = nit + {later}")

    @property
    def _early(self) -> list[str]:
        """The vectors that more than the update mentions; the others are read and stored next to it.

        So they occupy registers only briefly.
        """
        asked = {name for wanted in self.rule.sums.values() for name in wanted}
        return [v for v in self.rule.vectors if self.rule.accepted is not None or v in asked]

    def _update(self) -> None:
        late_vectors = [v for v in self.rule.vectors if v not in self._early]
        for i in range(self.dim):
            late = {f"{v}_{i}": self._slot(self.layout.vector(v, i)) for v in late_vectors}
            self.lines += [f"{name} = {slot}" for name, slot in late.items()]
            outputs = ", ".join([f"n{i}", *(f"{v}_{i}" for v in self.rule.own_vectors)])
            self.lines.append(f"{outputs} = update({self._arguments(self.rule.update, i)})")
            for part in self.rule.parts_with("point"):
                outputs = ", ".join([f"n{i}", *(f"{v}_{i}" for v in part.vectors)])
                self.lines.append(f"{outputs} = {part.name}_point({self._arguments(part.functions['point'], i)})")
            self.lines += [f"{slot} = {name}" for name, slot in late.items()]

    def _stopping(self) -> None:
        self._fold(self.ending.folds())
        if self.rule.step_squared is not None and not self.ending.gathers_step:
            self.lines.append(f"moved = step_squared({self._arguments(self.rule.step_squared)})")
        self.lines += [*self.ending.verdict(), *self.ending.late_numbers()]
        for name, template in self.ending.vector_renewals():
            self.lines += [f"{name}_{i} = {template.format(**self._coordinate(i))}" for i in range(self.dim)]

    def _fold(self, folds: list[Fold]) -> None:
        for fold in folds:
            self.lines += fold.over([self._coordinate(i) for i in range(self.dim)])

    def _coordinate(self, i: int) -> dict[str, str]:
        """What represents one coordinate in the templates of folds."""
        outer = {name: self._box(name, i) for name in ("outer_lower", "outer_upper")}
        vectors = {v: f"{v}_{i}" for v in self.layout.ending.vectors}
        return {"x": f"x{i}", "g": f"g{i}", "following": f"n{i}", "resting": self._resting(i), **outer, **vectors}

    def _stores(self) -> None:
        layout, one = self.layout, self.constants(1.0)
        values = {layout.x(i): f"where(going, n{i}, {self._resting(i)})" for i in range(self.dim)}
        values |= {layout.vector(v, i): f"{v}_{i}" for v in self._early for i in range(self.dim)}
        values |= {layout.scalar(name): name for name in self.rule.scalars}
        values[layout.counter("nit")] = f"where(going, nit + {one}, nit)" if self.rule.decide is None else "nit"
        if self.rule.decide is not None:
            values[layout.counter("nfev")] = f"nfev + {one}"
        values |= {layout.remembered(name): name for name in layout.ending.numbers}
        values |= {layout.remembered(v, i): f"{v}_{i}" for v in layout.ending.vectors for i in range(self.dim)}
        values[layout.counter("code")] = "code"
        self.lines += [f"{self._slot(number)} = {value}" for number, value in values.items()]

    def _resting(self, i: int) -> str:
        """Where a trajectory that ends now has come to rest: the last accepted point."""
        return f"x{i}" if self.rule.accepted is None else f"{self.rule.accepted}_{i}"

    def _arguments(self, wanted: tuple[str, ...], i: int | None = None) -> str:
        """The names of a lane's arguments, or of those of one of its coordinates."""
        names = {"gg": self._gg, **self._scheduled}
        if i is not None:
            names |= {"x": f"x{i}", "g": f"g{i}", "following": f"n{i}", "inverse_width": self._box("inverse_width", i)}
            names["axis"] = str(i)
            names |= {v: f"{v}_{i}" for v in self.rule.vectors}
        return ", ".join(names.get(name, name) for name in wanted)
