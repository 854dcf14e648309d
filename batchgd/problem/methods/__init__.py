"""Update rules as a user names them: one dataclass and one row of ``METHODS`` each.

The dataclass holds and checks hyperparameters; the arithmetic is in ``batchgd.kernels.methods``.

>>> import batchgd as bgd
>>> bgd.methods.METHODS["adam"](learning_rate=0.1).beta1
0.9
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from batchgd.problem.errors import InputError, did_you_mean, told
from batchgd.problem.methods.adam import Adam, AdaMax, AdamW, AMSGrad, Nadam
from batchgd.problem.methods.adaptive import AdaDelta, AdaGrad, RMSprop
from batchgd.problem.methods.base import Method, field_names, split_per_start
from batchgd.problem.methods.descent import BarzilaiBorwein, GradientDescent
from batchgd.problem.methods.first_order import FirstOrder
from batchgd.problem.methods.flow import GradientFlow
from batchgd.problem.methods.momentum import FIRE, HeavyBall, Nesterov
from batchgd.problem.methods.schedules import Cosine, Exponential, InverseTime, Schedule, Step
from batchgd.problem.methods.second_order import BFGS, LBFGS, Newton, NonlinearCG
from batchgd.problem.methods.signs import Lion, Rprop, SignSGD

__all__ = [
    "BFGS",
    "FIRE",
    "LBFGS",
    "METHODS",
    "AMSGrad",
    "AdaDelta",
    "AdaGrad",
    "AdaMax",
    "Adam",
    "AdamW",
    "BarzilaiBorwein",
    "Cosine",
    "Exponential",
    "FirstOrder",
    "GradientDescent",
    "GradientFlow",
    "HeavyBall",
    "InverseTime",
    "Lion",
    "Method",
    "Nadam",
    "Nesterov",
    "Newton",
    "NonlinearCG",
    "RMSprop",
    "Row",
    "Rprop",
    "Schedule",
    "SignSGD",
    "Step",
    "as_method",
    "split_per_start",
]


@dataclass(frozen=True)
class Row:
    """A method of the table: its class, settings that its name implies, and settings to try it with.

    ``trial`` suits Himmelblau's function: tests, benchmarks and listings that go through all methods use it.
    """

    cls: type[Method]
    trial: dict[str, Any] = field(default_factory=dict)
    fixed: dict[str, Any] = field(default_factory=dict)

    def __call__(self, **hyperparameters: Any) -> Method:
        """Return the method with these hyperparameters, and defaults for the others."""
        return self.cls(**self.fixed, **hyperparameters)

    def example(self) -> Method:
        """Return the method with the settings to try it with."""
        return self(**self.trial)

    @property
    def takes(self) -> list[str]:
        """The names of the hyperparameters that the method takes."""
        return [name for name in field_names(self.cls) if name not in self.fixed]

    @property
    def title(self) -> str:
        """The first line of the method's description."""
        return (self.cls.__doc__ or "").splitlines()[0]


METHODS: dict[str, Row] = {
    "gradient_descent": Row(GradientDescent, {"learning_rate": 0.01}),
    "armijo": Row(GradientDescent, fixed={"line_search": "armijo"}),
    "polyak": Row(GradientDescent, {"optimum": 0.0}),
    "barzilai_borwein": Row(BarzilaiBorwein),
    "heavy_ball": Row(HeavyBall, {"learning_rate": 0.003, "momentum": 0.7}),
    "nesterov": Row(Nesterov, {"learning_rate": 0.003, "momentum": 0.7}),
    "adagrad": Row(AdaGrad, {"learning_rate": 0.5}),
    "adadelta": Row(AdaDelta, {"learning_rate": Exponential(1.0, 0.97), "epsilon": 1e-2}),
    "rmsprop": Row(RMSprop, {"learning_rate": Exponential(0.2, 0.97), "epsilon": 1e-2}),
    "adam": Row(Adam, {"learning_rate": 0.05}),
    "amsgrad": Row(AMSGrad, {"learning_rate": 0.5}),
    "adamax": Row(AdaMax, {"learning_rate": 0.05}),
    "nadam": Row(Nadam, {"learning_rate": 0.05}),
    "adamw": Row(AdamW, {"learning_rate": Exponential(0.3, 0.97)}),
    "lion": Row(Lion, {"learning_rate": Exponential(0.3, 0.97)}),
    "rprop": Row(Rprop, {"learning_rate": 0.1}),
    "signsgd": Row(SignSGD, {"learning_rate": Exponential(0.2, 0.97)}),
    "fire": Row(FIRE, {"time_step": 0.02}),
    "nonlinear_cg": Row(NonlinearCG),
    "lbfgs": Row(LBFGS),
    "bfgs": Row(BFGS),
    "newton": Row(Newton),
    "gradient_flow": Row(GradientFlow),
}
"""Every method by the name that the shell and the tests use."""


def as_method(method: Any = None, **hyperparameters: Any) -> Method:
    """Return the method that a user named: an instance, a name of ``METHODS`` with settings, or None for the default.

    >>> print(as_method("adam", learning_rate=0.1))
    Adam(learning_rate=0.1, beta1=0.9, beta2=0.999, epsilon=1e-08)
    """
    if isinstance(method, Method):
        return method
    if method is None:
        method = "gradient_descent" if hyperparameters else "barzilai_borwein"
    if isinstance(method, type) and issubclass(method, Method):
        raise InputError(f"method is the class {method.__name__}: write {method.__name__}(...)")
    if not isinstance(method, str) or method not in METHODS:
        raise InputError(
            f"unknown method {told(method)}: {did_you_mean(method, METHODS)}there are {', '.join(METHODS)}"
        )
    row = METHODS[method]
    strange = [name for name in hyperparameters if name not in row.takes]
    if strange:
        raise InputError(f"{method} takes {', '.join(row.takes)}, not {', '.join(strange)}: leave out the others")
    return row(**hyperparameters)
