"""Schedules: η as a function of the number of updates made, given to a method as its ``learning_rate``.

The ``temperature`` of Langevin dynamics takes the same schedules. A plain number is the constant schedule. The
arithmetic is in ``batchgd.kernels.schedules``.
"""

from __future__ import annotations

import ast
import inspect
from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar

import numpy as np

from batchgd.kernels.followers import asked_as, part_name
from batchgd.problem.errors import InputError
from batchgd.problem.methods.base import NOT_NEGATIVE, POSITIVE, SHARE, Checked, Hyperparameter, Interval, shown
from batchgd.problem.registry import find_name

__all__ = ["Cosine", "Exponential", "InverseTime", "Step"]


@dataclass(frozen=True, eq=False)
class Schedule(Checked):
    """The base class of every schedule: a name in ``SCHEDULES``, and numbers for what its function needs.

    Calling it with numbers of updates gives the learning rates. What is written about η applies to any hyperparameter
    that may follow a schedule.
    """

    PART: ClassVar[str] = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        lengths = {field.name: np.size(value) for field in fields(self) if np.ndim(value := getattr(self, field.name))}
        if len({*lengths.values()}) > 1:
            counts = " and ".join(f"{name} {length}" for name, length in lengths.items())
            raise InputError(
                f"the settings of {type(self).__name__} have different lengths, {counts}: "
                "give one number each, or one per start"
            )

    @property
    def part(self) -> str:
        """The schedule's name in ``batchgd.kernels.schedules.SCHEDULES``."""
        return self.PART

    def hyperparameters(self) -> dict[str, Hyperparameter]:
        """Return a value for everything that the schedule's function needs, except ``nit``."""
        raise NotImplementedError

    def part_for(self, follower: str) -> str:
        """Return the name of the part of a rule whose hyperparameter of this name follows the schedule."""
        return part_name(self.part, follower)

    def hyperparameters_for(self, follower: str) -> dict[str, Hyperparameter]:
        """Return a value for everything that this part needs."""
        return {asked_as(name, follower): value for name, value in self.hyperparameters().items()}

    def settings(self) -> dict[str, Any]:
        """Return the schedule's name and its fields, from which ``as_schedule`` makes it again."""
        return {"schedule": type(self).__name__, **{field.name: getattr(self, field.name) for field in fields(self)}}

    def __call__(self, nit: Any) -> Any:
        """Return the learning rate after ``nit`` updates, a number or an array."""
        from batchgd.kernels.schedules import SCHEDULES

        rate = SCHEDULES[self.part].rate
        values = {**self.hyperparameters(), "nit": np.asarray(nit, np.float64)}
        return rate(*(values[name] for name in inspect.signature(rate).parameters))

    def __str__(self) -> str:
        return shown(type(self).__name__, {field.name: getattr(self, field.name) for field in fields(self)})


@dataclass(frozen=True, eq=False)
class InverseTime(Schedule):
    """Inverse time: η_t = η_0 / (1 + t / T).

    Parameters
    ----------
    initial : float or (n,) array
        η_0 > 0, the first learning rate.
    half_life : float or (n,) array
        T > 0: after T updates η is half of η_0. The sum of all η is infinite and that of η² finite, as noise asks for.

    Raises
    ------
    InputError
        If a value is not positive and finite.

    References
    ----------
    H. Robbins and S. Monro, Ann. Math. Stat. 22 (1951) 400.

    Examples
    --------
    >>> InverseTime(0.1, half_life=100)([0, 100, 300]).tolist()
    [0.1, 0.05, 0.025]
    """

    initial: Hyperparameter
    half_life: Hyperparameter

    LIMITS = {"initial": POSITIVE, "half_life": POSITIVE}
    PART = "inverse_time"

    def hyperparameters(self) -> dict[str, Hyperparameter]:
        """Return what the schedule's function needs."""
        return {"learning_rate": self.initial, "half_life": self.half_life}


@dataclass(frozen=True, eq=False)
class Exponential(Schedule):
    """Exponential decay: η_t = η_0 q^(t / T).

    Parameters
    ----------
    initial : float or (n,) array
        η_0 > 0, the first learning rate.
    factor : float or (n,) array
        q between 0 and 1, by which η falls in T updates. All further steps together span about η T / -log(q) times
        the gradient: too small a q freezes a trajectory before it arrives.
    every : float or (n,) array
        T > 0, in updates.

    Raises
    ------
    InputError
        If a value is outside its range.

    Examples
    --------
    >>> Exponential(0.8, factor=0.5, every=10)([0, 10, 20]).round(12).tolist()
    [0.8, 0.4, 0.2]
    """

    initial: Hyperparameter
    factor: Hyperparameter
    every: Hyperparameter = 1.0

    LIMITS = {"initial": POSITIVE, "factor": SHARE, "every": POSITIVE}
    PART = "exponential"

    def hyperparameters(self) -> dict[str, Hyperparameter]:
        """Return what the schedule's function needs."""
        return {"learning_rate": self.initial, "slope": np.log(self.factor) / self.every}


@dataclass(frozen=True, eq=False)
class Step(Schedule):
    """Step decay: η_t = η_0 q^floor(t / T).

    Parameters
    ----------
    initial : float or (n,) array
        η_0 > 0, the first learning rate.
    factor : float or (n,) array
        q between 0 and 1, by which η falls after every T updates; 0.1 and 0.5 are common.
    every : float or (n,) array
        T > 0, in updates.

    Raises
    ------
    InputError
        If a value is outside its range.

    Examples
    --------
    >>> Step(0.8, factor=0.5, every=10)([0, 9, 10, 25]).round(12).tolist()
    [0.8, 0.8, 0.4, 0.2]
    """

    initial: Hyperparameter
    factor: Hyperparameter
    every: Hyperparameter

    LIMITS = {"initial": POSITIVE, "factor": SHARE, "every": POSITIVE}
    PART = "step"

    def hyperparameters(self) -> dict[str, Hyperparameter]:
        """Return what the schedule's function needs."""
        return {"learning_rate": self.initial, "log_factor": np.log(self.factor), "every": self.every}


@dataclass(frozen=True, eq=False)
class Cosine(Schedule):
    """Cosine annealing with warm restarts: η = η_min + (η_0 - η_min) (1 + cos(π s)) / 2.

    s is the share of the current period that has passed; period k has T q^k updates.

    Parameters
    ----------
    initial : float or (n,) array
        η_0 > 0, the learning rate at the start of every period.
    period : float or (n,) array
        T > 0, updates of the first period. If it is as long as the run, η falls once, without a restart.
    final : float or (n,) array
        η_min >= 0, which a period approaches at its end.
    growth : float or (n,) array
        q >= 1, the factor by which each period is longer than the one before; above 1 for all starts, or 1 for all.

    Raises
    ------
    InputError
        If a value is outside its range.

    References
    ----------
    I. Loshchilov and F. Hutter, SGDR, ICLR 2017, arXiv:1608.03983, equation 5.

    Examples
    --------
    >>> Cosine(0.1, period=10)([0, 5, 10]).round(12).tolist()
    [0.1, 0.05, 0.1]
    >>> Cosine(0.1, period=10, growth=2)([10, 20, 30]).round(12).tolist()
    [0.1, 0.05, 0.1]
    """

    initial: Hyperparameter
    period: Hyperparameter
    final: Hyperparameter = 0.0
    growth: Hyperparameter = 1.0

    LIMITS = {
        "initial": POSITIVE,
        "period": POSITIVE,
        "final": NOT_NEGATIVE,
        "growth": Interval(1.0, low_included=True),
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        if np.min(self.growth) == 1.0 < np.max(self.growth):
            raise InputError("growth is 1 for some starts and more for others: give 1, or numbers above 1")

    @property
    def part(self) -> str:
        """The schedule's name."""
        return "cosine_growing" if np.max(self.growth) > 1.0 else "cosine"

    def hyperparameters(self) -> dict[str, Hyperparameter]:
        """Return what the schedule's function needs."""
        asked = {"learning_rate": self.initial, "final": self.final, "period": self.period}
        if self.part == "cosine":
            return asked
        return {**asked, "growth_log": np.log(self.growth), "growth_less_one": self.growth - 1.0}


SCHEDULES: dict[str, type[Schedule]] = {cls.__name__: cls for cls in (InverseTime, Exponential, Step, Cosine)}
"""Every schedule by the name of its class."""


def parse_schedule(text: str) -> Schedule:
    """Return the schedule that a text such as "Exponential(0.1, factor=0.97)" describes; raise ValueError otherwise.

    >>> print(parse_schedule("Step(0.1, factor=0.5, every=10)"))
    Step(initial=0.1, factor=0.5, every=10)
    """
    try:
        call = ast.parse(text.strip(), mode="eval").body
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            raise ValueError
        named = {keyword.arg or "": ast.literal_eval(keyword.value) for keyword in call.keywords}
        cls = SCHEDULES[find_name("schedule", call.func.id, SCHEDULES)]
        return cls(*map(ast.literal_eval, call.args), **named)
    except (SyntaxError, TypeError) as error:
        raise ValueError(f"{text!r} is not a schedule") from error


def as_schedule(value: Any) -> Any:
    """Return the schedule that its ``settings()`` describe; anything else unchanged.

    >>> print(as_schedule(Step(0.1, 0.5, 10).settings()))
    Step(initial=0.1, factor=0.5, every=10)
    """
    if not isinstance(value, dict) or "schedule" not in value:
        return value
    cls = SCHEDULES[find_name("schedule", value["schedule"], SCHEDULES)]
    settings = {key: item for key, item in value.items() if key != "schedule"}
    missing = [field.name for field in fields(cls) if field.default is MISSING and field.name not in settings]
    if missing:
        raise InputError(f"{cls.__name__} needs {', '.join(missing)}: give a number for each")
    return cls(**settings)
