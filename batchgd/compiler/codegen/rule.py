"""What an update rule and its modifiers declare, read from the parameter names of their functions."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import ModuleType

from batchgd.kernels.followers import FOLLOWERS, asked_as, part_name
from batchgd.kernels.rule_parts.stages import Stage

MATRICES = ("hessian", "gauss_newton")
"""The names by which rules ask for a symmetric matrix besides value and gradient; one of them at most."""

LOOP_NAMES = frozenset(
    {"x", "g", "f", "gg", "first", "nit", "accepted", "following", "inverse_width", "seed", "start", "axis", *MATRICES}
) | {"lower_bound", "upper_bound", "raw_g"}
"""The names that the loop provides to rules, schedules and modifiers."""

_ONCE = ("decide", "advance", "update", "step_squared")


@dataclass(frozen=True)
class Part:
    """A schedule or a modifier: its module, what each of its functions asks for, and what a schedule gives."""

    name: str
    module: ModuleType
    vectors: tuple[str, ...]
    functions: dict[str, tuple[str, ...]]
    gives: str = ""


@dataclass(frozen=True)
class Rule:
    """An update rule as the loop sees it; see ``batchgd.kernels.methods`` for what a module may contain.

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
    stages: tuple[Stage, ...] = ()
    constants: tuple[str, ...] = ()

    @property
    def matrix(self) -> str | None:
        """The name of the matrix that the rule looks at, if it does."""
        asked = {name for stage in self.stages for name in parameters_of(stage.function)}
        return next((name for name in MATRICES if name in asked), None)

    def slots(self, **available: int) -> dict[str, int]:
        """Return how many slots each of the rule's further arrays takes, for this dimension and these constants."""
        if not hasattr(self.module, "arrays"):
            return {}
        return self.module.arrays(**{name: available[name] for name in parameters_of(self.module.arrays)})

    @property
    def needs_value(self) -> bool:
        """Whether the rule looks at the value, not only at the gradient."""
        asked = (self.decide, self.advance, self.update, self.step_squared)
        staged = (parameters_of(stage.function) for stage in self.stages)
        return any("f" in names for names in (*asked, *staged) if names is not None)

    @property
    def draws(self) -> bool:
        """Whether the tick makes random numbers, which are keyed by the number of the start."""
        return any("start" in names for part in self.parts for names in part.functions.values())

    def parts_with(self, function: str) -> list[Part]:
        """Return the schedules or modifiers that have this function, in the order in which they are applied."""
        return [part for part in self.parts if function in part.functions]


def read_rule(name: str, parts: tuple[str, ...] = (), *, bounded: bool = False) -> Rule:
    """Read the rule of this name, with the schedules and modifiers of these names, from the tables of the kernels.

    ``bounded`` reads the stages that a rule has within bounds.
    """
    from batchgd.kernels.methods import RULES

    return _read(name, RULES[name], parts, bounded)


@cache
def _read(name: str, module: ModuleType, parts: tuple[str, ...], bounded: bool) -> Rule:
    if hasattr(module, "STAGES"):
        return _read_stages(name, module, bounded)
    asks = {key: parameters_of(getattr(module, key)) for key in _ONCE if hasattr(module, key)}
    sums = {
        key.removeprefix("sum_"): parameters_of(value)
        for key, value in vars(module).items()
        if key.startswith("sum_") and inspect.isfunction(value)
    }
    own_vectors = tuple(getattr(module, "VECTORS", ()))
    scalars = tuple(getattr(module, "SCALARS", ()))
    parts = (*parts, *getattr(module, "PARTS", ()))
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


def takes_bounds(name: str) -> bool:
    """Whether the rule of this name keeps bounds: all do but those with stages for no others than free coordinates."""
    from batchgd.kernels.methods import RULES

    return not hasattr(RULES[name], "STAGES") or hasattr(RULES[name], "STAGES_WITHIN")


def _read_stages(name: str, module: ModuleType, bounded: bool) -> Rule:
    """Read a rule that lists the stages of its tick."""
    stages: tuple[Stage, ...] = module.STAGES_WITHIN if bounded else module.STAGES
    scalars, vectors = tuple(getattr(module, "SCALARS", ())), tuple(getattr(module, "VECTORS", ()))
    vectors += tuple(getattr(module, "VECTORS_WITHIN", ())) if bounded else ()
    constants = (
        tuple(name for name in parameters_of(module.arrays) if name != "dim") if hasattr(module, "arrays") else ()
    )
    gives = {name for stage in stages for name in stage.gives}
    arrays = module.arrays(dim=1, **dict.fromkeys(constants, 1)) if hasattr(module, "arrays") else {}
    known = LOOP_NAMES | {*vectors, *scalars, *gives, *arrays, "ws"}
    asked = [parameters_of(stage.function) for stage in stages]
    deciding = [parameters_of(stage.function) for stage in stages if "accepted" in stage.gives]
    moving = [parameters_of(stage.function) for stage in stages if "moved" in stage.gives]
    return Rule(
        name,
        module,
        own_vectors=vectors,
        vectors=vectors,
        scalars=scalars,
        accepted=getattr(module, "ACCEPTED", None),
        sums={},
        decide=deciding[0] if deciding else None,
        advance=None,
        update=(),
        step_squared=moving[0] if moving else None,
        parts=(),
        hyperparameters=tuple(dict.fromkeys(name for names in asked for name in names if name not in known)),
        stages=stages,
        constants=constants,
    )


@cache
def _all_parts() -> tuple[Part, ...]:
    """Read every schedule and every modifier, in the order in which they are applied."""
    from batchgd.kernels.modifiers import MODIFIERS
    from batchgd.kernels.schedules import SCHEDULES

    def schedule(name: str, module: ModuleType, follower: str) -> Part:
        asks = tuple(asked_as(asked, follower) for asked in parameters_of(module.rate))
        return Part(part_name(name, follower), module, (), {"rate": asks}, follower)

    def modifier(name: str, module: ModuleType) -> Part:
        asks = {key: parameters_of(getattr(module, key)) for key in ("gradient", "point") if hasattr(module, key)}
        return Part(name, module, tuple(getattr(module, "VECTORS", ())), asks)

    return (
        *(schedule(name, module, follower) for follower in FOLLOWERS for name, module in SCHEDULES.items()),
        *(modifier(name, module) for name, module in MODIFIERS.items()),
    )


@cache  # asked thousands of times for one text in block form
def parameters_of(function: Callable) -> tuple[str, ...]:
    """The names of a function's parameters: what it asks for."""
    return tuple(inspect.signature(function).parameters)
