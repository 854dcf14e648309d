"""What an update rule and what modifies it declare, read from the parameter names of their functions."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import ModuleType

LOOP_NAMES = frozenset({"x", "g", "f", "gg", "first", "nit", "accepted", "following", "inverse_width"})
"""The names that the loop provides to rules, schedules and modifiers."""

_ONCE = ("decide", "advance", "update", "step_squared")


@dataclass(frozen=True)
class Part:
    """A schedule or a modifier: its module, and what each of its functions asks for."""

    name: str
    module: ModuleType
    vectors: tuple[str, ...]
    functions: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Rule:
    """An update rule as the loop sees it; see ``batchgd.kernels.methods`` for what a module may hold.

    ``vectors`` and ``hyperparameters`` are those of the rule and of its parts; ``own_vectors`` are the rule's.
    """

    name: str
    module: ModuleType
    own_vectors: tuple[str, ...]
    vectors: tuple[str, ...]
    scalars: tuple[str, ...]
    accepted: str | None
    sums: dict[str, tuple[str, ...]]
    decide: tuple[str, ...] | None
    advance: tuple[str, ...] | None
    update: tuple[str, ...]
    step_squared: tuple[str, ...] | None
    parts: tuple[Part, ...]
    hyperparameters: tuple[str, ...]

    @property
    def needs_value(self) -> bool:
        """Whether the rule looks at the value, not only at the gradient."""
        asked = (self.decide, self.advance, self.update, self.step_squared)
        return any("f" in names for names in asked if names is not None)

    def parts_with(self, function: str) -> list[Part]:
        """Return the schedules or modifiers that have this function, in the order in which they are applied."""
        return [part for part in self.parts if function in part.functions]


@cache
def read_rule(name: str, parts: tuple[str, ...] = ()) -> Rule:
    """Read the rule of this name, with the schedules and modifiers of these names, from the tables of the kernels."""
    from batchgd.kernels.methods import RULES

    module = RULES[name]
    asks = {key: parameters_of(getattr(module, key)) for key in _ONCE if hasattr(module, key)}
    sums = {
        key.removeprefix("sum_"): parameters_of(value)
        for key, value in vars(module).items()
        if key.startswith("sum_") and inspect.isfunction(value)
    }
    own_vectors = tuple(getattr(module, "VECTORS", ()))
    scalars = tuple(getattr(module, "SCALARS", ()))
    added = tuple(part for part in _all_parts() if part.name in parts)
    vectors = (*own_vectors, *(vector for part in added for vector in part.vectors))
    known = LOOP_NAMES | {*vectors, *scalars, *sums}
    asked = [*asks.values(), *sums.values(), *(names for part in added for names in part.functions.values())]
    return Rule(
        name,
        module,
        own_vectors,
        vectors,
        scalars,
        getattr(module, "ACCEPTED", None),
        sums,
        asks.get("decide"),
        asks.get("advance"),
        asks["update"],
        asks.get("step_squared"),
        added,
        tuple(dict.fromkeys(name for names in asked for name in names if name not in known)),
    )


@cache
def _all_parts() -> tuple[Part, ...]:
    """Read every schedule and every modifier, in the order in which they are applied."""
    from batchgd.kernels.modifiers import MODIFIERS
    from batchgd.kernels.schedules import SCHEDULES

    def read(name: str, module: ModuleType) -> Part:
        asks = {
            key: parameters_of(getattr(module, key)) for key in ("rate", "gradient", "point") if hasattr(module, key)
        }
        return Part(name, module, tuple(getattr(module, "VECTORS", ())), asks)

    return tuple(read(name, module) for name, module in (SCHEDULES | MODIFIERS).items())


def parameters_of(function: Callable) -> tuple[str, ...]:
    """The names of a function's parameters: what it asks for."""
    return tuple(inspect.signature(function).parameters)
