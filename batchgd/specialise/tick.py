"""Emit the tick: one evaluation, one decision, one update and one stopping test for every lane of a block.

Everything is unrolled over coordinates and free of branches, so that LLVM keeps a lane in registers and runs lanes in
SIMD. The text is the same for all targets but for how a slot is reached and how lanes are iterated.
"""

from __future__ import annotations

from batchgd.specialise.layout import Layout
from batchgd.specialise.typed import Constants

LIMITS = ("gtol_squared", "xtol", "ftol", "resolution", "least_size", "maxiter")
"""The run-time limits of the stopping tests, in the order of the array that carries them."""

BOX = ("inverse_width", "outer_lower", "outer_upper")
"""What the tick knows of the box, per coordinate or once for a cubic one."""


class TickEmitter:
    """Writes the source of ``tick`` for one specialisation."""

    def __init__(
        self, layout: Layout, constants: Constants, *, n_params: int, cubic: bool, value_test: bool, arrays: bool
    ):
        self.layout, self.rule, self.dim = layout, layout.rule, layout.dim
        self.constants, self.n_params, self.cubic = constants, n_params, cubic
        self.value_test, self.arrays = value_test, arrays
        self.lines: list[str] = []

    @property
    def has_value(self) -> bool:
        """Whether the value is computed beside the gradient."""
        return self.rule.needs_value or self.value_test

    def source(self) -> str:
        """Return the text of the function."""
        head = ["def tick(ws, p, box, h, limits):", *("    " + line for line in self._invariants())]
        self._loads()
        self._evaluation()
        self._decision()
        self._update()
        self._stopping()
        self._stores()
        if self.arrays:
            body, tail = ["    " + line for line in self.lines], ["    return np.any(ended)"]
        else:
            head += ["    any_ended = 0", "    for lane in range(W):"]
            body = ["        " + line for line in [*self.lines, "any_ended |= int(ended)"]]
            tail = ["    return any_ended"]
        return "\n".join([*head, *body, *tail])

    def _slot(self, number: int) -> str:
        return f"ws[{number}]" if self.arrays else f"ws[{number} * W + lane]"

    def _box(self, name: str, i: int) -> str:
        return name if self.cubic else f"{name}_{i}"

    def _invariants(self) -> list[str]:
        """What is the same for all lanes, read once."""
        lines = [f"p{k} = p[{k}]" for k in range(self.n_params)]
        shared = [name for name in self.rule.hyperparameters if name not in self.layout.per_start]
        lines += [f"{name} = h[{k}]" for k, name in enumerate(shared)]
        lines += [f"{name} = limits[{k}]" for k, name in enumerate(LIMITS)]
        if self.cubic:
            return lines + [f"{name} = box[{k}]" for k, name in enumerate(BOX)]
        return lines + [f"{name}_{i} = box[{k * self.dim + i}]" for k, name in enumerate(BOX) for i in range(self.dim)]

    def _loads(self) -> None:
        layout = self.layout
        slots = {f"x{i}": layout.x(i) for i in range(self.dim)}
        slots |= {f"{v}_{i}": layout.vector(v, i) for v in self.rule.vectors for i in range(self.dim)}
        slots |= {name: layout.scalar(name) for name in self.rule.scalars}
        slots |= {name: layout.hyperparameter(name) for name in layout.per_start}
        slots |= {name: layout.counter(name) for name in ("nit", "nfev", "first_gg", "busy")}
        if self.value_test:
            slots["previous_f"] = layout.counter("previous_f")
        self.lines += [f"{name} = {self._slot(number)}" for name, number in slots.items()]
        self.lines.append(f"first = nfev < {self.constants(0.5)}")

    def _evaluation(self) -> None:
        arguments = ", ".join([*(f"x{i}" for i in range(self.dim)), *(f"p{k}" for k in range(self.n_params))])
        gradient = [f"g{i}" for i in range(self.dim)]
        if self.has_value:
            self.lines.append(f"f, {', '.join(gradient)} = value_and_gradient({arguments})")
        else:
            self.lines.append(f"{', '.join(gradient)}, = gradient({arguments})")
        self.lines.append("gg = " + " + ".join(f"{g} * {g}" for g in gradient))
        self.lines.append("first_gg = where(first, gg, first_gg)")

    def _decision(self) -> None:
        for name, wanted in self.rule.sums.items():
            terms = (f"sum_{name}({self._arguments(wanted, i)})" for i in range(self.dim))
            self.lines.append(f"{name} = " + " + ".join(terms))
        if self.rule.decide is None:
            self.lines.append("accepted = first | True")
            return
        outputs = ", ".join(["accepted", *self.rule.scalars])
        self.lines.append(f"{outputs} = decide({', '.join(self.rule.decide)})")
        later = f"where(accepted & (nfev > {self.constants(0.5)}), {self.constants(1.0)}, {self.constants(0.0)})"
        self.lines.append(f"nit = nit + {later}")

    def _update(self) -> None:
        for i in range(self.dim):
            outputs = ", ".join([f"n{i}", *(f"{v}_{i}" for v in self.rule.vectors)])
            self.lines.append(f"{outputs} = update({self._arguments(self.rule.update, i)})")

    def _stopping(self) -> None:
        self.lines.append("size = absolute(x0)")
        self.lines += [f"size = maximum(size, absolute(x{i}))" for i in range(1, self.dim)]
        beyond = [
            f"(x{i} < {self._box('outer_lower', i)}) | (x{i} > {self._box('outer_upper', i)})" for i in range(self.dim)
        ]
        self.lines.append("outside = " + " | ".join(beyond))
        if self.rule.step_squared is None:
            steps = [f"(n{i} - {self._resting(i)})" for i in range(self.dim)]
            self.lines.append("moved = " + " + ".join(f"{step} * {step}" for step in steps))
        else:
            self.lines.append(f"moved = step_squared({', '.join(self.rule.step_squared)})")
        if self.value_test:
            self.lines.append(f"settled = value_settled(f, previous_f, ftol) & (nfev > {self.constants(0.5)})")
        else:
            self.lines.append("settled = nfev < nfev")
        self.lines.append(
            "code = stop(accepted, gg, first_gg, settled, moved, size, outside, nit, gtol_squared, xtol, "
            "resolution, least_size, maxiter)"
        )
        zero = self.constants(0.0)
        self.lines.append(f"working = busy > {zero}")
        self.lines.append(f"code = where(working, code, {zero})")
        self.lines.append(f"ended = code != {zero}")
        self.lines.append(f"going = working & (code == {zero})")

    def _stores(self) -> None:
        layout, one = self.layout, self.constants(1.0)
        values = {layout.x(i): f"where(going, n{i}, {self._resting(i)})" for i in range(self.dim)}
        values |= {layout.vector(v, i): f"{v}_{i}" for v in self.rule.vectors for i in range(self.dim)}
        values |= {layout.scalar(name): name for name in self.rule.scalars}
        values[layout.counter("nit")] = f"where(going, nit + {one}, nit)" if self.rule.decide is None else "nit"
        values[layout.counter("nfev")] = f"nfev + {one}"
        values[layout.counter("first_gg")] = "first_gg"
        if self.value_test:
            values[layout.counter("previous_f")] = "where(accepted, f, previous_f)"
        values[layout.counter("code")] = "code"
        self.lines += [f"{self._slot(number)} = {value}" for number, value in values.items()]

    def _resting(self, i: int) -> str:
        """Where a trajectory that ends now has come to rest: the last accepted point."""
        return f"x{i}" if self.rule.accepted is None else f"{self.rule.accepted}_{i}"

    def _arguments(self, wanted: tuple[str, ...], i: int) -> str:
        """The names of one coordinate's arguments."""
        per_coordinate = {"x": f"x{i}", "g": f"g{i}", "inverse_width": self._box("inverse_width", i)}
        per_coordinate |= {v: f"{v}_{i}" for v in self.rule.vectors}
        return ", ".join(per_coordinate.get(name, name) for name in wanted)
