"""What an update rule does in one tick, as one list of steps, whichever form the tick takes.

A rule of plain functions becomes the same list as one that names its stages: a schedule and modifiers, sums, the
decision, the update, and the squared length of the step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from batchgd.compiler.codegen.rule import Rule, parameters_of
from batchgd.kernels.rule_parts.stages import Each, Lane, Stage, Sum


@dataclass(frozen=True)
class Step:
    """One step of a tick: its kind, the function, the names of what it gets, and of what it returns.

    ``text`` is how a generated module writes the call.
    """

    kind: type[Stage]
    function: Callable
    asks: tuple[str, ...]
    gives: tuple[str, ...]
    text: str


def squared(g):
    """The term of one coordinate in the squared norm of a gradient that a modifier has changed."""
    return g * g


def steps_of(rule: Rule) -> list[Step]:
    """Return what a rule does in one tick, in order; a schedule and modifiers included."""
    if rule.stages:
        return [
            _step(type(stage), stage.name, stage.function, parameters_of(stage.function), stage.gives, {})
            for stage in rule.stages
        ]
    renamed: dict[str, str] = {}
    steps = _prepared_gradient(rule, renamed)

    def of_rule(kind: type[Stage], name: str, asks: tuple[str, ...], *gives: str) -> None:
        steps.append(_step(kind, name, getattr(rule.module, name), asks, gives, renamed))

    for name, asks in rule.sums.items():
        of_rule(Sum, f"sum_{name}", asks, name)
    if rule.decide is not None:
        of_rule(Lane, "decide", rule.decide, "accepted", *rule.scalars)
    elif rule.advance is not None:
        of_rule(Lane, "advance", rule.advance, *rule.scalars)
    of_rule(Each, "update", rule.update, "following", *rule.own_vectors)
    points = rule.parts_with("point")
    for part in points:
        asks, gives = part.functions["point"], ("following", *part.vectors)
        steps.append(_step(Each, f"{part.name}_point", part.module.point, asks, gives, renamed))
    if rule.step_squared is not None and not points:
        of_rule(Lane, "step_squared", rule.step_squared, "moved")
    return steps


def _prepared_gradient(rule: Rule, renamed: dict[str, str]) -> list[Step]:
    """The steps of schedules and of modifiers of the gradient; ``renamed`` learns by which names they are followed."""
    steps = []
    for part in rule.parts_with("rate"):
        scheduled = f"scheduled_{part.gives}"
        steps.append(_step(Lane, f"{part.name}_rate", part.module.rate, part.functions["rate"], (scheduled,), renamed))
        renamed[part.gives] = scheduled
    for part in rule.parts_with("gradient"):
        asks = part.functions["gradient"]
        steps.append(_step(Each, f"{part.name}_gradient", part.module.gradient, asks, ("g",), renamed))
        steps.append(Step(Sum, squared, ("g",), ("modified_gg",), "g * g"))
        renamed["gg"] = "modified_gg"
    return steps


def _step(
    kind: type[Stage],
    name: str,
    function: Callable,
    asks: tuple[str, ...],
    gives: tuple[str, ...],
    renamed: dict[str, str],
) -> Step:
    names = tuple(renamed.get(asked, asked) for asked in asks)
    return Step(kind, function, names, gives, f"{name}({', '.join(names)})")
