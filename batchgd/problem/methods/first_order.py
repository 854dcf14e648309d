"""What first-order methods share: a learning rate that may follow a schedule, and options that compose."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from batchgd.kernels.followers import FOLLOWERS
from batchgd.problem.errors import InputError
from batchgd.problem.methods.base import NOT_NEGATIVE, POSITIVE, Hyperparameter, Method
from batchgd.problem.methods.schedules import Schedule, as_schedule

MODIFIERS: dict[str, tuple[str, dict[str, str]]] = {
    "clip_value": ("clip_value", {"clip_value": "clip_value"}),
    "clip_norm": ("clip_norm", {"clip_norm": "clip_norm"}),
    "weight_decay": ("weight_decay", {"weight_decay": "decay_rate"}),
    "noise": ("gradient_noise", {"noise": "noise", "noise_decay": "noise_decay"}),
    "temperature": ("langevin", {"temperature": "temperature"}),
}
"""Fields that switch a modifier on: its name in the kernels, its fields and the hyperparameters that carry them."""

_DEFAULTS = {"noise_decay": 0.55}
_OF_A_RATE = ("weight_decay", "temperature")  # in units of the learning rate


@dataclass(frozen=True, eq=False)
class FirstOrder(Method):
    """A method whose step is an elementwise function of the gradient, what is remembered, and a learning rate.

    Parameters
    ----------
    clip_value : float or (n,) array, optional
        Clip each coordinate of the gradient to at most this size before the method sees it.
    clip_norm : float or (n,) array, optional
        Shorten the gradient to at most this 2-norm (after ``clip_value``): it bounds the first step if a start is on a
        steep wall. A few times the gradient's usual norm.
    weight_decay : float or (n,) array, optional
        λ > 0 of decoupled weight decay: after the step, x <- x - η λ x. It pulls towards 0, so points of rest are no
        longer stationary points of the function, and the gradient test does not see them.
    noise : float or (n,) array, optional
        s > 0 of Gaussian noise that is added to the gradient before the method sees it, of variance s / (1 + t)^γ in
        each coordinate after t updates. To escape narrow minima, 0.1 to 1 times the square of the gradient's size.
    noise_decay : float or (n,) array, optional
        γ >= 0 of that noise; default: 0.55.
    temperature : float, (n,) array or Schedule, optional
        T > 0 of Langevin dynamics: after the step, x <- x + sqrt(2 η T) ξ with ξ standard normal, in units of f. Under
        plain gradient descent with a small constant η, x is then distributed as exp(-f / T); barriers up to a few T are
        crossed. A schedule such as ``Exponential(20.0, 0.9997)`` anneals: only as T vanishes does a trajectory come to
        rest.

    Notes
    -----
    Random numbers are functions of the seed, the start and the number of updates: a run is reproducible, whatever the
    threads, the shards and the other starts. The gradient test looks at the gradient without noise.

    Raises
    ------
    InputError
        If a value is outside its range.

    References
    ----------
    R. Pascanu, T. Mikolov and Y. Bengio, ICML 2013, arXiv:1211.5063. I. Loshchilov and F. Hutter, ICLR 2019,
    arXiv:1711.05101. A. Neelakantan et al., arXiv:1511.06807. G. O. Roberts and R. L. Tweedie, Bernoulli 2 (1996) 341.

    Examples
    --------
    >>> from batchgd.problem.methods import Adam
    >>> Adam(clip_norm=1.0, weight_decay=0.01).parts
    ('clip_norm', 'weight_decay')
    >>> from batchgd.problem.methods import Exponential, GradientDescent
    >>> GradientDescent(0.01, temperature=Exponential(20.0, 0.9997)).parts
    ('temperature_exponential', 'langevin')
    """

    clip_value: Hyperparameter = field(default=None, kw_only=True)
    clip_norm: Hyperparameter = field(default=None, kw_only=True)
    weight_decay: Hyperparameter = field(default=None, kw_only=True)
    noise: Hyperparameter = field(default=None, kw_only=True)
    noise_decay: Hyperparameter = field(default=None, kw_only=True)
    temperature: Hyperparameter = field(default=None, kw_only=True)

    NEEDED: ClassVar[str] = ""
    """How to choose the learning rate, for methods that have no default for it."""
    SCHEDULED: ClassVar[bool] = True
    """Whether the learning rate applies to every step, so that a schedule and weight decay make sense."""

    @classmethod
    def takes(cls) -> list[str]:
        """Return the names of the settings that the method takes."""
        return [name for name in super().takes() if cls.SCHEDULED or name not in _OF_A_RATE]

    def __post_init__(self) -> None:
        for name in FOLLOWERS:
            if hasattr(self, name):
                object.__setattr__(self, name, as_schedule(getattr(self, name)))
        rate = getattr(self, "learning_rate", None)
        scheduled = isinstance(rate, Schedule)
        unfit = [name for name in _OF_A_RATE if getattr(self, name) is not None]
        if not self.SCHEDULED and (scheduled or unfit):
            option = "learning_rate takes one number or one per start" if scheduled else f"{unfit[0]} has no meaning"
            raise InputError(f"{option} in {type(self).__name__}, which has no rate that is common to all its steps")
        if rate is None and self.NEEDED:
            raise InputError(f"{type(self).__name__} needs a learning_rate: {self.NEEDED}")
        super().__post_init__()
        for switch, (_, fields) in MODIFIERS.items():
            for name in fields:
                value = getattr(self, name)
                if getattr(self, switch) is None:
                    if value is not None:
                        raise InputError(f"{name} belongs to {switch}: give {switch} as well, or leave {name} out")
                    continue
                interval = POSITIVE if name == switch else NOT_NEGATIVE
                value = _DEFAULTS[name] if value is None else value
                if not self._is_settled(name, value):
                    object.__setattr__(self, name, interval.each(name, value))

    def _is_settled(self, name: str, value: Any) -> bool:
        """Whether a field needs no check: a schedule has checked itself."""
        return (name in FOLLOWERS and isinstance(value, Schedule)) or super()._is_settled(name, value)

    @property
    def own_parts(self) -> tuple[str, ...]:
        """Modifiers that belong to the method itself."""
        return ()

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of the schedule, if any, and of the modifiers."""
        schedules = (schedule.part_for(name) for name, schedule in self._schedules().items())
        return (*schedules, *self.own_parts, *(part for part, _ in self._switched_on()))

    def _schedules(self) -> dict[str, Schedule]:
        """The schedules in use, by the hyperparameter that follows each."""
        values = {name: getattr(self, name, None) for name in FOLLOWERS}
        return {name: value for name, value in values.items() if isinstance(value, Schedule)}

    def _switched_on(self) -> list[tuple[str, dict[str, str]]]:
        """The modifiers in use."""
        return [modifier for switch, modifier in MODIFIERS.items() if getattr(self, switch) is not None]

    def own_hyperparameters(self) -> dict[str, Any]:
        """Return what the rule and its own modifiers need."""
        return {name: getattr(self, name) for name in self.LIMITS if getattr(self, name) is not None}

    def hyperparameters(self, dtype: str) -> dict[str, Hyperparameter]:
        """Return what the rule, its schedule and its modifiers need."""
        values = self.own_hyperparameters()
        values |= {name: getattr(self, field) for _, fields in self._switched_on() for field, name in fields.items()}
        for follower, schedule in self._schedules().items():
            values |= schedule.hyperparameters_for(follower)
        return {name: value if np.ndim(value) else float(value) for name, value in values.items()}
