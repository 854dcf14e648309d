"""Half the step: what it means for each method, in one place.

The first of these that a method has is halved, and nothing else:

* ``learning_rate``: a number, one per start, or a schedule, whose heights are halved and whose times stay. Momentum and
  running averages keep their memory in updates. For Armijo's search it is the first trial.
* ``time_step``: FIRE's.
* ``max_displacement``: the longest step of a method that finds its own, as Barzilai and Borwein's.

Polyak's step and gradient flow have nothing that could be halved.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from batchgd.problem.methods import Method, Schedule

STEPS = ("learning_rate", "time_step", "max_displacement")
_HEIGHTS = ("initial", "final")  # of a schedule


def halved(method: Method) -> Method | None:
    """Return the method at half the step; None where it has none.

    >>> from batchgd.problem.methods import Adam, BarzilaiBorwein, Cosine, GradientDescent
    >>> print(halved(Adam(0.02)))
    Adam(learning_rate=0.01, beta1=0.9, beta2=0.999, epsilon=1e-08)
    >>> print(halved(GradientDescent(Cosine(0.1, period=50, final=0.01))).learning_rate)
    Cosine(initial=0.05, period=50, final=0.005, growth=1)
    >>> print(halved(BarzilaiBorwein()))
    BarzilaiBorwein(max_displacement=0.005, sufficient_decrease=0.0001, forgetting=0.85)
    """
    name = step_name(method)
    if name is None:
        return None
    value = getattr(method, name)
    if isinstance(value, Schedule):
        heights = {field: 0.5 * getattr(value, field) for field in _HEIGHTS if hasattr(value, field)}
        return replace(method, **{name: replace(value, **heights)})
    return replace(method, **{name: 0.5 * np.asarray(value)[()]})


def step_name(method: Method) -> str | None:
    """The field that is the method's step; None where it has none.

    >>> from batchgd.problem.methods import FIRE, Polyak
    >>> step_name(FIRE(0.02)), step_name(Polyak(optimum=0.0))
    ('time_step', None)
    """
    return next((name for name in STEPS if hasattr(method, name)), None)


def of_rows(method: Any, rows: Any) -> Any:
    """Return the method for some of the starts: of hyperparameters with one value per start, those of the rows.

    >>> from batchgd.problem.methods import GradientDescent
    >>> of_rows(GradientDescent(np.array([0.1, 0.2, 0.3])), [2, 0]).learning_rate.tolist()
    [0.3, 0.1]
    """
    if not is_dataclass(method) or isinstance(method, type):
        return method
    changed: dict[str, Any] = {}
    for field in fields(method):
        value = getattr(method, field.name)
        if isinstance(value, np.ndarray) and value.ndim:
            changed[field.name] = value[rows]
        elif isinstance(value, Schedule):
            changed[field.name] = of_rows(value, rows)
    return replace(method, **changed) if changed else method
