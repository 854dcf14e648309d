"""The parameters of a fit: which vary, between which limits and on which scale, and which follow from others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.analysis.fitting.expressions import CONSTANTS, FUNCTIONS, Expression
from batchgd.problem import check
from batchgd.problem.domain import LogScale
from batchgd.problem.errors import InputError, did_you_mean, quoted
from batchgd.problem.keywords import Explained
from batchgd.problem.speaker import said

Floats = NDArray[np.float64]

AROUND = 10.0
"""Starts of a parameter with a value and an open side are drawn up to this many times |value| away from it."""

_LMFIT = ("value", "min", "max", "vary", "expr")
"""What a parameter of lmfit has, too."""


@dataclass(frozen=True)
class Parameter(Explained):
    """A parameter of :func:`batchgd.fit`.

    Parameters
    ----------
    value : float or (N,) array, optional
        The value of a parameter that does not vary. For one that does, a guess: one more fit starts there. On a side
        without a limit, starts are drawn around it: up to 10 \\|value\\| away, or a factor of 10 with ``scale="log"``.
    min, max : float or (N,) array, optional
        Limits, which the fit keeps; infinite if omitted. Starts are drawn between them. Arrays have one number for each
        of N data sets.
    vary : bool
        False keeps the parameter at ``value``.
    scale : {"linear", "log"}
        ``"log"`` draws starts uniformly in ln(value) and fits that; for rates and amplitudes whose order of magnitude
        is unknown. Both limits must be positive.
    expr : str, optional
        A formula of other parameters, such as ``"1 - a"``, that gives the value; standard errors are propagated. It has
        no limits of its own.
    box : (lo, hi), optional
        Where starts are drawn, if not between the limits.

    Raises
    ------
    InputError
        If limits are reversed or exclude the value or the box, or the settings contradict one another.

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
    box: Any = None

    def __post_init__(self) -> None:
        for name, open_side in (("value", None), ("min", -np.inf), ("max", np.inf)):
            given = getattr(self, name)
            number = open_side if given is None else _number(f"{name} of a parameter", given)
            object.__setattr__(self, name, number)
        if self.box is not None:
            object.__setattr__(self, "box", _pair(self.box))
        object.__setattr__(self, "vary", check.flag("vary", self.vary))
        object.__setattr__(self, "scale", check.one_of("scale", self.scale, ("linear", "log")))
        if self.expr is not None:
            Expression.parse(self.expr, "expr")

    @classmethod
    def parse(cls, name: str, given: Any) -> Parameter:
        """Return the parameter behind a pair of limits, a formula or a Parameter, lmfit's included; checked."""
        if isinstance(given, cls):
            parameter = given
        elif isinstance(given, str):
            parameter = cls(expr=given)
        elif isinstance(given, Sequence | np.ndarray) and len(given) == 2:
            try:
                parameter = cls(min=given[0], max=given[1])
            except InputError:
                raise InputError(f"parameter {name!r} has the limits {quoted(given)}: give two numbers") from None
        elif all(hasattr(given, field) for field in _LMFIT):
            parameter = cls(**{field: getattr(given, field) for field in _LMFIT})
        else:
            raise InputError(
                f"parameter {name!r} is {quoted(given)}: give limits (lo, hi), or bgd.Parameter(value, min, max)"
            )
        parameter._check(f"parameter {name!r}")
        return parameter

    def _check(self, subject: str) -> None:
        if any(isinstance(each, np.ndarray) for each in (self.value, self.min, self.max)):
            raise InputError(f"{subject} has an array, one number per data set: give y of shape (N, m)")
        if self.expr is not None:
            if np.isfinite(self.min) or np.isfinite(self.max) or self.box is not None or self.scale != "linear":
                raise InputError(
                    f"{subject} follows from expr {quoted(self.expr)}, for which limits, box and scale are not kept: "
                    "give them to the parameters in it"
                )
            return
        if not self.vary:
            if self.value is None or not np.isfinite(self.value):
                raise InputError(f"{subject} does not vary and has no finite value: give value=")
            return
        if self.min > self.max:
            given, turned = f"({self.min:g}, {self.max:g})", f"({self.max:g}, {self.min:g})"
            raise InputError(f"{subject} has the limits {given}, which are reversed: write {turned}")
        if self.min == np.inf or self.max == -np.inf:
            raise InputError(f"{subject} has the limits ({self.min:g}, {self.max:g}), between which there is no number")
        if self.min == self.max:
            raise InputError(f"{subject} has equal limits: {_fixed(self.min)}")
        if self.value is not None and not self.min <= self.value <= self.max:
            raise InputError(
                f"{subject} has the value {self.value:g} outside its limits ({self.min:g}, {self.max:g}): change either"
            )
        low, high = self.region(subject)
        if not (self.min <= low and high <= self.max):
            raise InputError(
                f"{subject} has the box ({low:g}, {high:g}), which reaches beyond its limits ({self.min:g}, "
                f"{self.max:g}): change either"
            )
        if self.scale == "log" and low <= 0.0:
            raise InputError(f"{subject} has scale='log' and the lower limit {low:g}: give a positive one")
        if not np.isfinite(high - low):
            raise InputError(f"{subject} would start between {low:g} and {high:g}, too far apart: give a narrower box=")

    def region(self, subject: str) -> tuple[float, float]:
        """Return where starts are drawn: in the box, between the limits, or around the value on an open side."""
        if self.box is not None:
            return self.box
        low, high = self.min, self.max
        if np.isfinite(low) and np.isfinite(high):
            return low, high
        if not self.value or not np.isfinite(self.value):
            side = "lower" if np.isfinite(high) else "upper" if np.isfinite(low) else "lower and no upper"
            raise InputError(
                f"{subject} has no {side} limit, so starts cannot be drawn: give limits (lo, hi), or where to start, "
                + said("bgd.Parameter(value, min, max) or bgd.Parameter(box=(lo, hi))", "as in '2 in 0:inf'")
            )
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
            added = said(f"parameters={{{missing[0]!r}: (lo, hi)}}", f"--param {missing[0]}=LO:HI")
            raise InputError(f"parameter {missing[0]!r} of the model is not given: add {added}")
        self.given = {name: Parameter.parse(name, given[name]) for name in self.names}
        self.free = [name for name, each in self.given.items() if each.vary and each.expr is None]
        self.expressions = _in_order(self.given)
        if not self.free:
            raise InputError("no parameter varies: give limits (lo, hi) to at least one")
        regions = [self.given[name].region(f"parameter {name!r}") for name in self.free]
        self.region = np.array(regions, dtype=np.float64)
        self.limits = np.array([(self.given[name].min, self.given[name].max) for name in self.free])
        self.log = np.array([self.given[name].scale == "log" for name in self.free])
        self._scale = LogScale(self.log)
        self.bounds = self.within(self.limits)
        try:
            with np.errstate(all="ignore"):
                self.values(self.region.mean(axis=1))
        except ArithmeticError as error:
            formulas = ", ".join(self.expressions)
            raise InputError(f"expr of {formulas} cannot be computed ({error}): change it, or a fixed value") from None

    @property
    def box(self) -> Floats:
        """The region of the starts in the coordinates u, (free, 2), which is within the bounds."""
        low, high = self.bounds.T
        return np.clip(self.inward(self.region.T), low, high).T

    @property
    def guess(self) -> Floats | None:
        """The coordinates u of the given values, with the middle of the box for the others; None if none is given."""
        given = [self.given[name].value for name in self.free]
        if all(value is None for value in given):
            return None
        low, high = self.bounds.T
        known = self.inward(np.array([np.nan if value is None else value for value in given]))
        return np.clip(np.where(np.isnan(known), self.box.mean(axis=1), known), low, high)

    def within(self, limits: Floats) -> Floats:
        """Return limits, (..., free, 2), in the coordinates u; those of logarithms are moved inside by rounding."""
        return np.stack(self._scale.ends(limits[..., 0], limits[..., 1]), axis=-1)

    def inward(self, free: Floats) -> Floats:
        """Return the coordinates u of values of the free parameters, (..., free)."""
        return self._scale.inward(free)

    def outward(self, u: Floats, ends: Floats | None = None, limits: Floats | None = None) -> Floats:
        """Return the values of the free parameters at coordinates u; at a bound that is the limit itself.

        ``ends`` and ``limits``, (..., free, 2), are those of u and of the values, if not the set's own.
        """
        low, high = np.moveaxis(self.bounds if ends is None else ends, -1, 0)
        least, most = np.moveaxis(self.limits if limits is None else limits, -1, 0)
        return self._scale.outward(u, (low, high), (least, most))

    def at_limit(self, u: Floats, ends: Floats | None = None) -> NDArray[np.int8]:
        """Return -1, 1 or 0 for each coordinate: at its lower bound, at its upper one, or at neither."""
        low, high = np.moveaxis(self.bounds if ends is None else ends, -1, 0)
        return (u >= high).astype(np.int8) - (u <= low).astype(np.int8)

    def depends(self, name: str) -> bool:
        """Return whether a parameter varies, or follows from one that does."""
        expression = self.expressions.get(name)
        return name in self.free if expression is None else any(map(self.depends, expression.names))

    def values(self, free: Any, *, coordinates: bool = False, fixed: Mapping[str, Any] | None = None) -> list[Any]:
        """Return the values of all parameters; ``free`` may be traced, and be coordinates u.

        ``fixed`` has other values for some of those that do not vary.
        """
        known: dict[str, Any] = dict(fixed or {})
        for k, name in enumerate(self.free):
            known[name] = np.exp(free[k]) if coordinates and self.log[k] else free[k]
        for name, each in self.given.items():
            if name not in known and each.expr is None:
                known[name] = each.value
        for name, expression in self.expressions.items():
            known[name] = expression(known)
        return [known[name] for name in self.names]


def _number(name: str, given: Any) -> Any:
    """Return a number, or an array with one for each data set."""
    if np.ndim(given) != 1:
        return check.number(name, given)
    array = np.array(check.reals(f"{name} contains", given, "give one number per data set"), np.float64)
    if np.isnan(array).any():
        raise InputError(f"{name} contains nan in data set {int(np.argmax(np.isnan(array)))}: give a number")
    return array


def _fixed(value: float) -> str:
    return said(f"write bgd.Parameter({value:g}, vary=False)", f"write the number alone, {value:g}, to fix it")


def _pair(box: Any) -> tuple[float, float]:
    """Return the box of a parameter as two numbers."""
    if not isinstance(box, Sequence | np.ndarray) or isinstance(box, str) or len(box) != 2:
        raise InputError(f"box of a parameter is {quoted(box)}: give two numbers (lo, hi)")
    low, high = (check.number("box of a parameter", end) for end in box)
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise InputError(f"box of a parameter is ({low:g}, {high:g}): give two finite numbers, the lower one first")
    return low, high


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
