"""Update rules as a user names them: one dataclass and one row of ``METHODS`` each.

The dataclass holds and checks hyperparameters; the arithmetic stands in ``batchgd.kernels.methods``.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, ClassVar

import numpy as np

from batchgd.errors import InputError

Hyperparameter = Any
"""One number, or one per start: an array of shape (n,)."""


@dataclass(frozen=True, eq=False)
class Method:
    """What every method is: a name in ``RULES``, and numbers for the hyperparameters that the rule asks for.

    A subclass declares one field per hyperparameter and, in ``LIMITS``, the open interval that it must lie in.
    """

    LIMITS: ClassVar[dict[str, tuple[float, float]]] = {}

    def __post_init__(self) -> None:
        for name, (low, high) in self.LIMITS.items():
            _check(name, getattr(self, name), low, high)

    @property
    def rule(self) -> str:
        """The update rule's name in ``batchgd.kernels.methods.RULES``."""
        raise NotImplementedError

    def hyperparameters(self, dtype: str) -> dict[str, Hyperparameter]:
        """Return a value for every hyperparameter of the rule, in a run of this dtype."""
        return {name: getattr(self, name) for name in self.LIMITS}

    def describe(self) -> dict[str, Any]:
        """Return name and settings, JSON-ready; an array of one value per start is given by its range."""
        settings = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                value = {"per_start": int(value.size), "lowest": float(value.min()), "highest": float(value.max())}
            settings[field.name] = value
        return {"name": type(self).__name__, **settings}

    def __str__(self) -> str:
        given = {key: value for key, value in self.describe().items() if key != "name" and value is not None}
        return f"{type(self).__name__}({', '.join(f'{key}={_short(value)}' for key, value in given.items())})"


@dataclass(frozen=True, eq=False)
class GradientDescent(Method):
    """Gradient descent: x <- x - η ∇f(x).

    Parameters
    ----------
    learning_rate : float or (n,) array, optional
        η > 0, one number or one per start, in units of x² / f. Below 2 / (largest curvature at a minimum) the minimum
        attracts; above it, no trajectory can stay there. Left out, the step is adaptive: see
        :class:`BarzilaiBorwein`, which then does the work.
    line_search : "armijo", optional
        Try η and halve it until f(x - η g) <= f(x) - 1e-4 η ||g||² (Armijo 1966). ``learning_rate`` is the first
        trial, 1 when left out.

    Raises
    ------
    InputError
        When the learning rate is not positive and finite, or the line search is not known.

    References
    ----------
    A. Cauchy, C. R. Acad. Sci. Paris 25 (1847) 536. L. Armijo, Pacific J. Math. 16 (1966) 1.

    Examples
    --------
    >>> print(GradientDescent(learning_rate=1e-3))
    GradientDescent(learning_rate=0.001)
    >>> GradientDescent().rule, GradientDescent(1e-3).rule, GradientDescent(line_search="armijo").rule
    ('barzilai_borwein', 'gradient_descent', 'armijo')
    """

    learning_rate: Hyperparameter = None
    line_search: str | None = None

    def __post_init__(self) -> None:
        if self.line_search not in (None, "armijo"):
            raise InputError(f"line_search is {self.line_search!r}: give 'armijo', or leave it out")
        if self.learning_rate is not None:
            _check("learning_rate", self.learning_rate, 0.0, np.inf)
            object.__setattr__(self, "learning_rate", _number_or_array(self.learning_rate))

    @property
    def rule(self) -> str:
        """The rule that the settings ask for."""
        if self.line_search == "armijo":
            return "armijo"
        return "barzilai_borwein" if self.learning_rate is None else "gradient_descent"

    def hyperparameters(self, dtype: str) -> dict[str, Hyperparameter]:
        """Return the rule's hyperparameters."""
        if self.rule == "barzilai_borwein":
            return BarzilaiBorwein().hyperparameters(dtype)
        if self.rule == "gradient_descent":
            return {"learning_rate": self.learning_rate}
        first = 1.0 if self.learning_rate is None else self.learning_rate
        return {"learning_rate": first, "sufficient_decrease": 1e-4, "shrink": 0.5}


@dataclass(frozen=True, eq=False)
class BarzilaiBorwein(Method):
    """Gradient descent with a Barzilai-Borwein trial step and a nonmonotone Armijo safeguard: the default.

    With s and y the last changes of x and of the gradient, the trial step is s's / s'y, or s'y / y'y where that is
    less than half of it. It is accepted when f <= C - c η ||g||², C a running average of past values, and shortened
    otherwise. No learning rate has to be chosen. The formulas and their sources stand in
    ``batchgd/kernels/methods/barzilai_borwein.py``.

    Parameters
    ----------
    max_displacement : float or (n,) array
        The longest step, in box widths, between 0 and 1. Long steps jump over borders between basins: on
        Himmelblau's function 0.01 labels 0.03 % of starts otherwise than gradient flow does
        (``python benchmarks/fidelity.py``). Smaller is truer and slower.
    sufficient_decrease : float or (n,) array
        c of the Armijo condition, between 0 and 0.5.
    forgetting : float or (n,) array
        Weight of the past in the running average C, between 0 (monotone) and 1.

    Raises
    ------
    InputError
        When a value lies outside its range.

    References
    ----------
    J. Barzilai and J. M. Borwein, IMA J. Numer. Anal. 8 (1988) 141. B. Zhou, L. Gao and Y.-H. Dai, Comput. Optim.
    Appl. 35 (2006) 69. H. Zhang and W. W. Hager, SIAM J. Optim. 14 (2004) 1043; 16 (2005) 170.

    Examples
    --------
    >>> BarzilaiBorwein(max_displacement=0.005).rule
    'barzilai_borwein'
    """

    max_displacement: Hyperparameter = 0.01
    sufficient_decrease: Hyperparameter = 1e-4
    forgetting: Hyperparameter = 0.85

    LIMITS = {"max_displacement": (0.0, 1.0), "sufficient_decrease": (0.0, 0.5), "forgetting": (0.0, 1.0)}  # noqa: RUF012

    @property
    def rule(self) -> str:
        """The update rule's name."""
        return "barzilai_borwein"

    def hyperparameters(self, dtype: str) -> dict[str, Hyperparameter]:
        """Return the rule's hyperparameters; values closer than 64 rounding errors cannot be told apart."""
        return {**super().hyperparameters(dtype), "value_resolution": 64.0 * float(np.finfo(dtype).eps)}


METHODS: dict[str, Callable[..., Method]] = {
    "gradient_descent": GradientDescent,
    "armijo": partial(GradientDescent, line_search="armijo"),
    "barzilai_borwein": BarzilaiBorwein,
}
"""Every method by the name that the shell and the tests use."""


def as_method(method: Any = None, **hyperparameters: Any) -> Method:
    """Return the method that a user named: an instance, a name of ``METHODS`` with settings, or None for the default.

    >>> print(as_method("gradient_descent", learning_rate=0.1))
    GradientDescent(learning_rate=0.1)
    """
    if isinstance(method, Method):
        return method
    if method is None:
        return GradientDescent(**hyperparameters) if hyperparameters else BarzilaiBorwein()
    if isinstance(method, type) and issubclass(method, Method):
        raise InputError(f"method is the class {method.__name__}: write {method.__name__}(...)")
    if not isinstance(method, str) or method not in METHODS:
        near = difflib.get_close_matches(str(method), METHODS, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise InputError(f"unknown method {method!r}: {hint}there are {', '.join(METHODS)}")
    try:
        return METHODS[method](**hyperparameters)
    except TypeError:
        taken = [field.name for field in fields(METHODS[method]())]  # type: ignore[arg-type]
        raise InputError(
            f"{method} takes {', '.join(taken)}, not all of {', '.join(hyperparameters)}: leave out the others"
        ) from None


def split_per_start(method: Method, n: int, dtype: str) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Part a method's hyperparameters into those that are one number and those that differ per start.

    Raises InputError for an array whose length is not the number of starts.
    """
    shared: dict[str, float] = {}
    differing: dict[str, np.ndarray] = {}
    for name, value in method.hyperparameters(dtype).items():
        if np.ndim(value) == 0:
            shared[name] = float(value)
        elif len(value) != n:
            raise InputError(f"{name} has {len(value)} values for {n} starts: give one number, or one per start")
        else:
            differing[name] = np.asarray(value, np.float64)
    return shared, differing


def _check(name: str, value: Any, low: float, high: float) -> None:
    """Raise unless every value is a real number inside the open interval."""
    wanted = f"greater than {low:g}" if high == np.inf else f"between {low:g} and {high:g}, both excluded"
    try:
        array = np.asarray(_number_or_array(value), np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{name} is {value!r}: give one number {wanted}, or one per start") from None
    if array.ndim > 1 or array.size == 0:
        raise InputError(f"{name} has shape {array.shape}: give one number, or one per start")
    bad = ~((array > low) & (array < high))
    if bad.any():
        raise InputError(f"{name} is {array[bad].flat[0]:g}: give a finite number {wanted}")


def _number_or_array(value: Any) -> Any:
    """Return a float, or a float64 array on the host."""
    if isinstance(value, bool | str | bytes):
        raise TypeError
    array = np.asarray(value.get() if hasattr(value, "get") and hasattr(value, "device") else value)
    if array.dtype.kind not in "iuf":
        raise TypeError
    return float(array) if array.ndim == 0 else array.astype(np.float64)


def _short(value: Any) -> str:
    """A setting in a line of text."""
    if isinstance(value, dict):
        return f"{value['lowest']:g}..{value['highest']:g}"
    return f"{value:g}" if isinstance(value, float) else repr(value)
