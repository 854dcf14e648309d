"""What an update rule declares, read from the parameter names of its functions."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import cache
from types import ModuleType

LOOP_NAMES = frozenset({"x", "g", "f", "gg", "first", "nit", "accepted", "inverse_width"})
"""The names that the loop provides to every rule."""


@dataclass(frozen=True)
class Rule:
    """An update rule as the loop sees it; see ``batchgd.kernels.methods`` for what a module may hold."""

    name: str
    module: ModuleType
    vectors: tuple[str, ...]
    scalars: tuple[str, ...]
    accepted: str | None
    sums: dict[str, tuple[str, ...]]
    decide: tuple[str, ...] | None
    update: tuple[str, ...]
    step_squared: tuple[str, ...] | None
    hyperparameters: tuple[str, ...]

    @property
    def needs_value(self) -> bool:
        """Whether the rule looks at the value, not only at the gradient."""
        return "f" in (self.decide or ()) or "f" in self.update


@cache
def read_rule(name: str) -> Rule:
    """Read the rule of this name from the table ``batchgd.kernels.methods.RULES``."""
    from batchgd.kernels.methods import RULES

    module = RULES[name]
    vectors = tuple(getattr(module, "VECTORS", ()))
    scalars = tuple(getattr(module, "SCALARS", ()))
    sums = {
        key.removeprefix("sum_"): _parameters(value)
        for key, value in vars(module).items()
        if key.startswith("sum_") and inspect.isfunction(value)
    }
    decide = _parameters(module.decide) if hasattr(module, "decide") else None
    update = _parameters(module.update)
    step_squared = _parameters(module.step_squared) if hasattr(module, "step_squared") else None
    asked = [*(decide or ()), *update, *(step_squared or ())]
    known = LOOP_NAMES | set(vectors) | set(scalars) | set(sums)
    hyperparameters = tuple(dict.fromkeys(name for name in asked if name not in known))
    return Rule(
        name,
        module,
        vectors,
        scalars,
        getattr(module, "ACCEPTED", None),
        sums,
        decide,
        update,
        step_squared,
        hyperparameters,
    )


def _parameters(function) -> tuple[str, ...]:
    return tuple(inspect.signature(function).parameters)
