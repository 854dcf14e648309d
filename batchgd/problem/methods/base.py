"""The base class of methods: a rule's name, checked hyperparameters, and how they are shown and passed to a run."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from typing import Any, ClassVar, Self

import numpy as np

from batchgd.problem.check import Interval
from batchgd.problem.errors import InputError
from batchgd.problem.keywords import Explained

__all__ = ["ANY", "DECAY", "NOT_NEGATIVE", "POSITIVE", "SHARE", "Hyperparameter", "Interval", "Method"]
__all__ += ["field_names", "split_per_start"]

Hyperparameter = Any
"""One number, or one per start: an array of shape (n,)."""


ANY = Interval()
POSITIVE = Interval(0.0)
NOT_NEGATIVE = Interval(0.0, low_included=True)
SHARE = Interval(0.0, 1.0)
DECAY = Interval(0.0, 1.0, low_included=True)  # of a running average: 0 forgets at once


class Checked(Explained):
    """Checks the fields named in ``LIMITS`` when an instance is made."""

    LIMITS: ClassVar[dict[str, Interval]] = {}

    def __post_init__(self) -> None:
        for name, interval in self.LIMITS.items():
            value = getattr(self, name)
            if not self._is_settled(name, value):
                object.__setattr__(self, name, interval.each(name, value))

    def _is_settled(self, name: str, value: Any) -> bool:
        """Whether a field needs no check: it is optional and was omitted."""
        return value is None and getattr(type(self), name, 0) is None


@dataclass(frozen=True, eq=False)
class Method(Checked):
    """The base class of every method: the name of its rule, and numbers for the hyperparameters that the rule needs.

    A subclass declares one field per hyperparameter and, in ``LIMITS``, the interval that it must be in.
    ``register_method`` enters it under a name.
    """

    RULE: ClassVar[str] = ""
    """The update rule's name in ``batchgd.kernels.methods.RULES``; that of the method, if it is registered."""
    EXAMPLE: ClassVar[dict[str, Any]] = {}
    """Settings that suit Himmelblau's function: tests, benchmarks and listings that go through all methods use them."""

    @classmethod
    def example(cls) -> Self:
        """Return the method with the settings to try it with."""
        return cls(**cls.EXAMPLE)

    @classmethod
    def takes(cls) -> list[str]:
        """Return the names of the settings that the method takes."""
        return field_names(cls)

    @classmethod
    def title(cls) -> str:
        """Return the first line of the method's description."""
        return (cls.__doc__ or "").splitlines()[0]

    @property
    def rule(self) -> str:
        """The update rule's name in ``batchgd.kernels.methods.RULES``."""
        return self.RULE

    def rule_in(self, dim: int) -> str:
        """The update rule's name in ``dim`` dimensions."""
        return self.rule

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of a schedule and of modifiers of the rule; the kernels' tables give their order."""
        return ()

    @property
    def fixed(self) -> tuple[tuple[str, int], ...]:
        """Names and values of whole numbers that the rule is compiled for."""
        return ()

    @property
    def unit_free(self) -> bool:
        """Whether no setting is in units of x or f, as a learning rate is: the method may choose the scale of x."""
        return False

    def hyperparameters(self, dtype: str) -> dict[str, Hyperparameter]:
        """Return a value for every hyperparameter of the rule and its parts, in a run of this dtype."""
        return {name: getattr(self, name) for name in self.LIMITS}

    def __str__(self) -> str:
        return shown(type(self).__name__, {name: getattr(self, name) for name in field_names(type(self))})


def rounding(dtype: str) -> dict[str, Hyperparameter]:
    """Return what a rule that compares values must know about the precision: 64 rounding errors make no difference."""
    return {"value_resolution": 64.0 * float(np.finfo(dtype).eps)}


def overflow(dtype: str) -> dict[str, Hyperparameter]:
    """Return when ``kernels/rule_parts/trial_steps.py`` scales a gradient down, and by how much.

    Products of two gradients and a Hessian stay finite on both sides.
    """
    largest, downscale = {"float64": (2.0**600, 2.0**-700), "float32": (2.0**76, 2.0**-86)}[dtype]
    return {"largest_square": largest, "downscale": downscale}


class ScaleFree(Method):
    """A method that finds the length of its steps by comparing values: no setting is in units of x or f."""

    unit_free = True

    def hyperparameters(self, dtype: str) -> dict[str, Hyperparameter]:
        """Return the rule's hyperparameters, with those that depend on the precision."""
        return {**super().hyperparameters(dtype), **rounding(dtype), **overflow(dtype)}


def field_names(cls: type) -> list[str]:
    """Return the names of a dataclass' fields, those that can be given by position first."""
    return [field.name for field in sorted(fields(cls), key=lambda field: field.kw_only is True)]


def split_per_start(method: Method, n: int, dtype: str) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Split a method's hyperparameters into those that are one number and those that differ per start.

    Raises InputError for an array whose length is not the number of starts, and for a number that a run of this
    dtype would round to zero or infinity.
    """
    _check_lengths("", method, n)
    shared: dict[str, float] = {}
    differing: dict[str, np.ndarray] = {}
    for name, value in method.hyperparameters(dtype).items():
        _check_precision(name, value, dtype)
        if np.ndim(value) == 0:
            shared[name] = float(value)
        else:
            differing[name] = np.asarray(value, np.float64)
    return shared, differing


def shown(name: str, settings: dict[str, Any]) -> str:
    """Return a name with its settings, except those that are None, as a line of text."""
    return f"{name}({', '.join(f'{key}={_short(value)}' for key, value in settings.items() if value is not None)})"


def _short(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.min():g}..{value.max():g}"
    return f"{value:g}" if isinstance(value, float) else str(value) if hasattr(value, "settings") else repr(value)


def _check_lengths(owner: str, settings: Any, n: int) -> None:
    """Raise if an array of a method, or of its schedule, does not have one value per start."""
    for name in field_names(type(settings)):
        value = getattr(settings, name)
        if is_dataclass(value) and isinstance(value, Checked):
            _check_lengths(f" of {name}", value, n)
        elif np.ndim(value) > 0 and len(value) != n:
            count = f"{len(value)} value{'s' if len(value) > 1 else ''}"
            raise InputError(f"{name}{owner} has {count} for {n} starts: give one number, or one per start")


def _check_precision(name: str, value: Any, dtype: str) -> None:
    """Raise if a number vanishes or overflows in this dtype."""
    with np.errstate(over="ignore", under="ignore"):
        rounded = np.asarray(value, dtype)
    lost = ((np.asarray(value) != 0.0) & (rounded == 0.0)) | ~np.isfinite(rounded)
    if lost.any():
        found = np.asarray(value)[lost].flat[0]
        raise InputError(f"{name} is {found:g}, which {dtype} cannot hold: use dtype='float64', or rescale the problem")
