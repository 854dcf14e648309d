"""Steps along the gradient itself: constant, scheduled, by line search, Polyak's, Barzilai and Borwein's."""

from __future__ import annotations

from dataclasses import dataclass

from batchgd.problem.errors import InputError
from batchgd.problem.methods.base import ANY, POSITIVE, SHARE, Hyperparameter, Interval, Method, ScaleFree, rounding
from batchgd.problem.methods.first_order import FirstOrder
from batchgd.problem.methods.register import register_method

__all__ = ["Armijo", "BarzilaiBorwein", "GradientDescent", "Polyak"]


@register_method("gradient_descent")
@dataclass(frozen=True, eq=False)
class GradientDescent(FirstOrder):
    """Gradient descent: x <- x - η ∇f(x).

    Parameters
    ----------
    learning_rate : float, (n,) array or Schedule
        η > 0, one number or one per start, in units of x² / f. Below 2 / (largest curvature at a minimum) the minimum
        attracts; above it, no trajectory can stay there. :class:`BarzilaiBorwein`, :class:`Armijo` and :class:`Polyak`
        need no learning rate.

    Raises
    ------
    InputError
        If no learning rate is given, or a value is outside its range.

    References
    ----------
    A. Cauchy, C. R. Acad. Sci. Paris 25 (1847) 536.

    Examples
    --------
    >>> print(GradientDescent(learning_rate=1e-3))
    GradientDescent(learning_rate=0.001)
    """

    learning_rate: Hyperparameter = None

    LIMITS = {"learning_rate": POSITIVE}
    EXAMPLE = {"learning_rate": 0.01}
    NEEDED = "give one, or choose BarzilaiBorwein, Armijo or Polyak, which find the length of each step by themselves"


@register_method("armijo")
@dataclass(frozen=True, eq=False)
class Armijo(Method):
    """Gradient descent with Armijo backtracking: x <- x - η ∇f(x), η halved until f has fallen enough.

    η is the first of η_0, q η_0, q² η_0, ... for which f(x - η g) <= f(x) - c η ||g||².

    Parameters
    ----------
    learning_rate : float or (n,) array
        η_0 > 0, the first trial of every update, in units of x² / f.
    sufficient_decrease : float or (n,) array
        c of the Armijo condition, between 0 and 0.5.
    shrink : float or (n,) array
        q between 0 and 1, by which a step that fails is shortened.

    References
    ----------
    L. Armijo, Pacific J. Math. 16 (1966) 1. J. Nocedal and S. J. Wright, Numerical Optimization (2006), Algorithm 3.1.

    Examples
    --------
    >>> import batchgd as bgd
    >>> bgd.descend("himmelblau", [[1.0, 1.0]], method=Armijo()).x.round(5).tolist()
    [[3.0, 2.0]]
    """

    learning_rate: Hyperparameter = 1.0
    sufficient_decrease: Hyperparameter = 1e-4
    shrink: Hyperparameter = 0.5

    LIMITS = {"learning_rate": POSITIVE, "sufficient_decrease": Interval(0.0, 0.5), "shrink": SHARE}

    def hyperparameters(self, dtype: str) -> dict[str, Hyperparameter]:
        """Return the rule's hyperparameters, with those that depend on the precision."""
        return {**super().hyperparameters(dtype), **rounding(dtype)}


@register_method("polyak")
@dataclass(frozen=True, eq=False)
class Polyak(FirstOrder):
    """Gradient descent with Polyak's step: x <- x - (f(x) - f*) / ||∇f(x)||² ∇f(x), f* the value of the minimum sought.

    Parameters
    ----------
    optimum : float or (n,) array
        f*, which must be known. A trajectory whose value has fallen below f* stalls.

    Raises
    ------
    InputError
        If f* is not given, or a value is outside its range.

    References
    ----------
    B. T. Polyak, USSR Comput. Math. Math. Phys. 9 (1969) 14.

    Examples
    --------
    On a quadratic every step halves the distance to the minimum.

    >>> import batchgd as bgd
    >>> bgd.descend(lambda x: x[0] ** 2, [[8.0]], method=Polyak(0.0), maxiter=3).x.tolist()
    [[1.0]]
    """

    optimum: Hyperparameter = None

    LIMITS = {"optimum": ANY}
    EXAMPLE = {"optimum": 0.0}
    SCHEDULED = False

    def __post_init__(self) -> None:
        if self.optimum is None:
            raise InputError("Polyak needs optimum, the value of the minimum sought: give it, or use BarzilaiBorwein")
        super().__post_init__()


@register_method("barzilai_borwein")
@dataclass(frozen=True, eq=False)
class BarzilaiBorwein(ScaleFree):
    """Gradient descent with a Barzilai-Borwein trial step and a nonmonotone Armijo safeguard: the default.

    With s and y the last changes of x and of the gradient, the trial step is s's / s'y, or s'y / y'y if that is less
    than half of it. It is accepted when f <= C - c η ||g||², C a running average of past values, and shortened
    otherwise. No learning rate has to be chosen. The formulas and their sources are in
    ``batchgd/kernels/methods/barzilai_borwein.py``.

    Parameters
    ----------
    max_displacement : float or (n,) array
        The longest step, in box widths, between 0 and 1. Long steps jump over borders between basins: on Himmelblau's
        function 0.01 labels 0.04 % of starts differently from gradient flow (``python benchmarks/fidelity.py``).
        Smaller values are more faithful and slower.
    sufficient_decrease : float or (n,) array
        c of the Armijo condition, between 0 and 0.5.
    forgetting : float or (n,) array
        Weight of the past in the running average C, between 0 (monotone) and 1.

    Raises
    ------
    InputError
        If a value is outside its range.

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

    LIMITS = {
        "max_displacement": SHARE,
        "sufficient_decrease": Interval(0.0, 0.5),
        "forgetting": SHARE,
    }
