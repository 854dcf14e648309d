"""The parameters of a fit: which vary, between which limits and on which scale, and which follow from others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.analysis.fitting.expressions import CONSTANTS, FUNCTIONS, Expression
from batchgd.problem import check
from batchgd.problem.errors import InputError, did_you_mean, quoted
from batchgd.problem.keywords import Explained

Floats = NDArray[np.float64]

AROUND = 10.0
"""Starts of a parameter with a value and an open side are drawn up to this many times |value| away from it."""

AT_LIMIT = 1e-8
"""A parameter this close to a limit, relative to the distance of the two, is at it."""


@dataclass(frozen=True)
class Parameter(Explained):
    """A parameter of :func:`batchgd.fit`.

    Parameters
    ----------
    value : float, optional
        The value of a parameter that does not vary. For one that does, starts are drawn around it on a side without a
        limit: up to 10 \\|value\\| away, or a factor of 10 with ``scale="log"``.
    min, max : float
        Limits. Starts are drawn between them.
    vary : bool
        False keeps the parameter at ``value``.
    scale : {"linear", "log"}
        ``"log"`` draws starts uniformly in ln(value) and fits that; for rates and amplitudes whose order of magnitude
        is unknown. Both limits must be positive.
    expr : str, optional
        A formula of other parameters, such as ``"1 - a"``, that gives the value; standard errors are propagated.

    Raises
    ------
    InputError
        If limits are reversed or exclude the value, or the settings contradict one another.

    Examples
    --------
    >>> Parameter(min=1e-4, max=1e2, scale="log").max
    100.0
    """

    value: float | None = None
    min: float = -np.inf
    max: float = np.inf
    vary: bool = True
    scale: str = "linear"
    expr: str | None = None

    def __post_init__(self) -> None:
        for name in ("value", "min", "max"):
            if (given := getattr(self, name)) is not None:
                object.__setattr__(self, name, check.number(f"{name} of a parameter", given))
        object.__setattr__(self, "vary", check.flag("vary", self.vary))
        object.__setattr__(self, "scale", check.one_of("scale", self.scale, ("linear", "log")))
        if self.expr is not None:
            Expression.parse(self.expr, "expr")

    @classmethod
    def parse(cls, name: str, given: Any) -> Parameter:
        """Return the parameter behind a pair of limits, a fixed number, a formula or a Parameter; checked."""
        if isinstance(given, cls):
            parameter = given
        elif isinstance(given, str):
            parameter = cls(expr=given)
        elif isinstance(given, Sequence | np.ndarray) and len(given) == 2:
            parameter = cls(min=given[0], max=given[1])
        else:
            raise InputError(
                f"parameter {name!r} is {quoted(given)}: give limits (lo, hi), or bgd.Parameter(value, min, max)"
            )
        parameter._check(f"parameter {name!r}")
        return parameter

    def _check(self, subject: str) -> None:
        if self.expr is not None:
            return
        if not self.vary:
            if self.value is None or not np.isfinite(self.value):
                raise InputError(f"{subject} does not vary and has no finite value: give value=")
            return
        if self.min > self.max:
            given, turned = f"({self.min:g}, {self.max:g})", f"({self.max:g}, {self.min:g})"
            raise InputError(f"{subject} has the limits {given}, which are reversed: write {turned}")
        if self.min == self.max:
            raise InputError(f"{subject} has equal limits: write bgd.Parameter({self.min:g}, vary=False)")
        if self.value is not None and not self.min <= self.value <= self.max:
            raise InputError(
                f"{subject} has the value {self.value:g} outside its limits ({self.min:g}, {self.max:g}): change either"
            )
        low, _ = self.region(subject)
        if self.scale == "log" and low <= 0.0:
            raise InputError(f"{subject} has scale='log' and the lower limit {low:g}: give a positive one")

    def region(self, subject: str) -> tuple[float, float]:
        """Return where starts are drawn: between the limits, or around the value on an open side."""
        low, high = self.min, self.max
        if np.isfinite(low) and np.isfinite(high):
            return low, high
        if not self.value or not np.isfinite(self.value):
            raise InputError(f"{subject} has an open side: give limits (lo, hi), between which starts are drawn")
        far = AROUND * abs(self.value)
        around = (self.value / AROUND, far) if self.scale == "log" else (self.value - far, self.value + far)
        return (low if np.isfinite(low) else around[0]), (high if np.isfinite(high) else around[1])


class ParameterSet:
    """All parameters of a model in its order, and the coordinates u in which the free ones are fitted.

    >>> parameters = ParameterSet(["a", "b"], {"a": (0, 1), "b": "1 - a"})
    >>> parameters.free, parameters.values([0.25])
    (['a'], [0.25, 0.75])
    """

    def __init__(self, names: Sequence[str], given: Mapping[str, Any]):
        self.names = list(names)
        unknown = [name for name in given if name not in self.names]
        if unknown:
            hint = did_you_mean(unknown[0], self.names) or f"its parameters are {', '.join(self.names)}"
            raise InputError(f"the model has no parameter {unknown[0]!r}: {hint.strip()}")
        missing = [name for name in self.names if name not in given]
        if missing:
            raise InputError(
                f"parameter {missing[0]!r} of the model is not given: add parameters={{{missing[0]!r}: (lo, hi)}}"
            )
        self.given = {name: Parameter.parse(name, given[name]) for name in self.names}
        self.free = [name for name, each in self.given.items() if each.vary and each.expr is None]
        if not self.free:
            raise InputError("no parameter varies: give limits (lo, hi) to at least one")
        self.expressions = _in_order(self.given)
        regions = [self.given[name].region(f"parameter {name!r}") for name in self.free]
        self.region = np.array(regions, dtype=np.float64)
        self.limits = np.array([(self.given[name].min, self.given[name].max) for name in self.free])
        self.log = np.array([self.given[name].scale == "log" for name in self.free])
        try:
            self.values(self.region.mean(axis=1))
        except ArithmeticError as error:
            formulas = ", ".join(self.expressions)
            raise InputError(f"expr of {formulas} cannot be computed ({error}): change it, or a fixed value") from None

    @property
    def box(self) -> Floats:
        """The region of the starts in the coordinates u, (free, 2)."""
        return self.inward(self.region.T).T

    def inward(self, free: Floats) -> Floats:
        """Return the coordinates u of values of the free parameters, (..., free)."""
        return np.where(self.log, np.log(np.where(self.log, free, 1.0)), free)

    def outward(self, u: Floats) -> Floats:
        """Return the values of the free parameters at coordinates u."""
        return np.where(self.log, np.exp(np.where(self.log, u, 0.0)), u)

    def values(self, free: Any, *, coordinates: bool = False) -> list[Any]:
        """Return the values of all parameters; ``free`` may be traced, and be coordinates u."""
        known: dict[str, Any] = {}
        for k, name in enumerate(self.free):
            known[name] = np.exp(free[k]) if coordinates and self.log[k] else free[k]
        for name, each in self.given.items():
            if name not in known and each.expr is None:
                known[name] = each.value
        for name, expression in self.expressions.items():
            known[name] = expression(known)
        return [known[name] for name in self.names]

    def at_limit(self, free: Floats) -> NDArray[np.int8]:
        """Return -1, 1 or 0 for each free parameter: at its lower limit, its upper one, or at neither."""
        low, high = self.limits.T
        near = AT_LIMIT * np.where(np.isfinite(high - low), high - low, np.maximum(np.abs(free), 1.0))
        at_lower, at_upper = np.abs(free - low) <= near, np.abs(free - high) <= near
        return at_upper.astype(np.int8) - at_lower.astype(np.int8)

    def inside(self, free: Floats) -> NDArray[np.bool_]:
        """Return which rows of values are within the limits, up to rounding."""
        low, high = self.limits.T
        slack = AT_LIMIT * np.where(np.isfinite(high - low), high - low, 1.0)
        return np.all((free >= low - slack) & (free <= high + slack), axis=-1)


def _in_order(given: Mapping[str, Parameter]) -> dict[str, Expression]:
    """Return the formulas in an order in which each needs only earlier ones; InputError for a circle."""
    waiting = {
        name: Expression.parse(each.expr, f"expr of {name!r}") for name, each in given.items() if each.expr is not None
    }
    for name, expression in waiting.items():
        for used in sorted(expression.names):
            if used not in given:
                hint = did_you_mean(used, [*given, *CONSTANTS, *FUNCTIONS]) or f"parameters are {', '.join(given)}"
                raise InputError(f"expr of {name!r} contains {used!r}, which is not a parameter: {hint.strip()}")
    done: dict[str, Expression] = {}
    while waiting:
        ready = [name for name, each in waiting.items() if not each.names & waiting.keys()]
        if not ready:
            circle = " and ".join(map(repr, waiting))
            raise InputError(f"expr of {circle} is circular: give one of them limits or a value instead")
        done |= {name: waiting.pop(name) for name in ready}
    return done
