"""What first-order methods share: a learning rate that may follow a schedule, and options that compose."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from batchgd.errors import InputError
from batchgd.methods.base import POSITIVE, Hyperparameter, Method
from batchgd.methods.schedules import Schedule, as_schedule

MODIFIERS = {"clip_value": "clip_value", "clip_norm": "clip_norm", "weight_decay": "decay_rate"}
"""Fields that are modifiers of the same name, and the hyperparameter that carries each one's number."""


@dataclass(frozen=True, eq=False)
class FirstOrder(Method):
    """A method whose step is an elementwise function of the gradient, what is remembered, and a learning rate.

    Parameters
    ----------
    clip_value : float or (n,) array, optional
        Clip each coordinate of the gradient to at most this size before the method sees it.
    clip_norm : float or (n,) array, optional
        Shorten the gradient to at most this 2-norm (after ``clip_value``): it bounds the first step where a start lies
        on a steep wall. A few times the gradient's usual norm.
    weight_decay : float or (n,) array, optional
        λ > 0 of decoupled weight decay: after the step, x <- x - η λ x. It pulls towards 0, so points of rest are no
        longer stationary points of the function, and the gradient test does not see them.

    Raises
    ------
    InputError
        When a value is not positive and finite.

    References
    ----------
    R. Pascanu, T. Mikolov and Y. Bengio, ICML 2013, arXiv:1211.5063. I. Loshchilov and F. Hutter, ICLR 2019,
    arXiv:1711.05101.

    Examples
    --------
    >>> from batchgd.methods import Adam
    >>> Adam(clip_norm=1.0, weight_decay=0.01).parts
    ('clip_norm', 'weight_decay')
    """

    clip_value: Hyperparameter = field(default=None, kw_only=True)
    clip_norm: Hyperparameter = field(default=None, kw_only=True)
    weight_decay: Hyperparameter = field(default=None, kw_only=True)

    RULE: ClassVar[str] = ""
    NEEDED: ClassVar[str] = ""
    """How to choose the learning rate, for methods that have no default for it."""
    SCHEDULED: ClassVar[bool] = True
    """Whether the learning rate is one of every step, so that a schedule and weight decay make sense."""

    def __post_init__(self) -> None:
        rate = as_schedule(getattr(self, "learning_rate", None))
        scheduled = isinstance(rate, Schedule)
        if not self.SCHEDULED and (scheduled or self.weight_decay is not None):
            option = "learning_rate takes one number or one per start" if scheduled else "weight_decay has no meaning"
            raise InputError(f"{option} in {type(self).__name__}, which has no rate that is common to all its steps")
        if rate is None and self.NEEDED:
            raise InputError(f"{type(self).__name__} needs a learning_rate: {self.NEEDED}")
        if scheduled:
            object.__setattr__(self, "learning_rate", rate)
        super().__post_init__()
        for name in MODIFIERS:
            if getattr(self, name) is not None:
                object.__setattr__(self, name, POSITIVE.check(name, getattr(self, name)))

    def _is_settled(self, name: str, value: Any) -> bool:
        """Whether a field needs no check: a schedule has checked itself."""
        return isinstance(value, Schedule) or super()._is_settled(name, value)

    @property
    def rule(self) -> str:
        """The update rule's name."""
        return self.RULE

    @property
    def own_parts(self) -> tuple[str, ...]:
        """Modifiers that belong to the method itself."""
        return ()

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of the schedule, if any, and of the modifiers."""
        rate = getattr(self, "learning_rate", None)
        schedule = (rate.part,) if isinstance(rate, Schedule) else ()
        return (*schedule, *self.own_parts, *(name for name in MODIFIERS if getattr(self, name) is not None))

    def own_hyperparameters(self) -> dict[str, Any]:
        """Return what the rule and its own modifiers ask for."""
        return {name: getattr(self, name) for name in self.LIMITS if getattr(self, name) is not None}

    def hyperparameters(self, dtype: str) -> dict[str, Hyperparameter]:
        """Return what the rule, its schedule and its modifiers ask for."""
        given = self.own_hyperparameters()
        rate = given.get("learning_rate")
        if isinstance(rate, Schedule):
            given |= rate.hyperparameters()
        added = {name: getattr(self, field) for field, name in MODIFIERS.items() if getattr(self, field) is not None}
        return {name: value if np.ndim(value) else float(value) for name, value in (given | added).items()}
