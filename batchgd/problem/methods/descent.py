"""Steps along the gradient itself: constant, scheduled, by line search, Polyak's, Barzilai and Borwein's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from batchgd.problem.errors import InputError, told
from batchgd.problem.methods.base import ANY, POSITIVE, SHARE, Hyperparameter, Interval, Method, overflow, rounding
from batchgd.problem.methods.first_order import FirstOrder


@dataclass(frozen=True, eq=False)
class GradientDescent(FirstOrder):
    """Gradient descent: x <- x - η ∇f(x).

    Parameters
    ----------
    learning_rate : float, (n,) array or Schedule, optional
        η > 0, one number or one per start, in units of x² / f. Below 2 / (largest curvature at a minimum) the minimum
        attracts; above it, no trajectory can stay there. Left out, the step is adaptive: see
        :class:`BarzilaiBorwein`, which then does the work.
    line_search : "armijo", optional
        Try η and halve it until f(x - η g) <= f(x) - 1e-4 η ||g||² (Armijo 1966). ``learning_rate`` is the first
        trial, 1 when left out.
    optimum : float or (n,) array, optional
        The value f* of the minimum sought, where it is known: η is then Polyak's step (f(x) - f*) / ||g||². Where a
        trajectory has come below f*, it stalls.
    clip_value, clip_norm, weight_decay
        See :class:`FirstOrder`; for steps of a constant, scheduled or Polyak's length.

    Raises
    ------
    InputError
        When a number lies outside its range, the line search is not known, or two choices of the step are given.

    References
    ----------
    A. Cauchy, C. R. Acad. Sci. Paris 25 (1847) 536. L. Armijo, Pacific J. Math. 16 (1966) 1. B. T. Polyak, USSR
    Comput. Math. Math. Phys. 9 (1969) 14.

    Examples
    --------
    >>> print(GradientDescent(learning_rate=1e-3))
    GradientDescent(learning_rate=0.001)
    >>> GradientDescent().rule, GradientDescent(1e-3).rule, GradientDescent(line_search="armijo").rule
    ('barzilai_borwein', 'gradient_descent', 'armijo')
    >>> GradientDescent(optimum=0.0).rule
    'polyak'
    """

    learning_rate: Hyperparameter = None
    line_search: str | None = None
    optimum: Hyperparameter = None

    LIMITS = {"learning_rate": POSITIVE, "optimum": ANY}  # noqa: RUF012

    def __post_init__(self) -> None:
        if not (self.line_search is None or (isinstance(self.line_search, str) and self.line_search == "armijo")):
            raise InputError(f"line_search is {told(self.line_search)}: give 'armijo', or leave it out")
        super().__post_init__()
        if self.optimum is not None and (self.learning_rate is not None or self.line_search is not None):
            raise InputError("optimum chooses Polyak's step: leave out learning_rate and line_search")
        if self.rule in ("armijo", "barzilai_borwein") and self.parts:
            remedy = "leave out line_search" if self.line_search else "give a learning_rate"
            raise InputError(f"{', '.join(self.parts)} cannot be joined with a search for the step: {remedy}")
        for name in ("weight_decay", "temperature"):
            if self.rule == "polyak" and getattr(self, name) is not None:
                raise InputError(f"{name} is in units of the learning rate, which optimum replaces: leave one out")

    @property
    def unit_free(self) -> bool:
        """Whether the step is adaptive."""
        return self.rule == "barzilai_borwein"

    @property
    def rule(self) -> str:
        """The rule that the settings ask for."""
        if self.line_search == "armijo":
            return "armijo"
        if self.optimum is not None:
            return "polyak"
        return "barzilai_borwein" if self.learning_rate is None else "gradient_descent"

    def own_hyperparameters(self) -> dict[str, Any]:
        """Return the rule's hyperparameters."""
        given = super().own_hyperparameters()
        if self.rule == "armijo":
            return {"learning_rate": 1.0, **given, "sufficient_decrease": 1e-4, "shrink": 0.5}
        return given

    def hyperparameters(self, dtype: str) -> dict[str, Hyperparameter]:
        """Return the rule's hyperparameters, or those of the method that stands in for it."""
        if self.rule == "barzilai_borwein":
            return BarzilaiBorwein().hyperparameters(dtype)
        own = super().hyperparameters(dtype)
        return {**own, **rounding(dtype)} if self.rule == "armijo" else own


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
        Himmelblau's function 0.01 labels 0.04 % of starts otherwise than gradient flow does
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

    LIMITS = {  # noqa: RUF012
        "max_displacement": SHARE,
        "sufficient_decrease": Interval(0.0, 0.5),
        "forgetting": SHARE,
    }

    unit_free = True

    @property
    def rule(self) -> str:
        """The update rule's name."""
        return "barzilai_borwein"

    def hyperparameters(self, dtype: str) -> dict[str, Hyperparameter]:
        """Return the rule's hyperparameters."""
        return {**super().hyperparameters(dtype), **rounding(dtype), **overflow(dtype)}
