"""The method for sums of squares: Levenberg-Marquardt."""

from __future__ import annotations

from dataclasses import dataclass

from batchgd.problem.methods.base import POSITIVE, Hyperparameter, Method, rounding
from batchgd.problem.methods.register import register_method

__all__ = ["LevenbergMarquardt"]


@register_method("levenberg_marquardt")
@dataclass(frozen=True, eq=False)
class LevenbergMarquardt(Method):
    """Levenberg-Marquardt: x <- x - (J'J + μ D)⁻¹ J'r for least squares, with Nielsen's damping μ.

    For :class:`~batchgd.LeastSquares`, whose kernels compute J'J from the first derivatives of the residuals. D is the
    largest diagonal of J'J so far, so neither the units of x nor a J without full rank matter: a step along which the
    residuals do not change is 0. A step is taken if f falls; μ then shrinks, by up to 3, the more the better the model
    was, and after a rejected one grows by 2, 4, 8 ... Each trial is one evaluation. Steps cross basins: it finds minima
    in few evaluations, not the one that a start belongs to. Any other objective has its Hessian in the place of J'J, a
    damped Newton's method. A tick costs a factorisation, O(D³). Code is compiled in half a second for few
    parameters, and in 1 (a linear model) to 3 s for 100.

    Near a minimum with small residuals it converges quadratically, so a small ``gtol`` costs little.

    Parameters
    ----------
    damping : float or (n,) array
        μ at the start, relative to J'J: between 1e-3, for starts near a minimum, and 1. Of NIST's Gauss3, from a box
        around both certified starts, 94 % of the starts end at the certified fit with 0.1, and 32 % with 1e-3.
    max_displacement : float or (n,) array
        The longest step, in box widths (2-norm): without it, first steps may lead to where the model is constant. 1e6
        is no limit, for a single start whose box means nothing.

    References
    ----------
    K. Levenberg, Quart. Appl. Math. 2 (1944) 164. D. W. Marquardt, J. SIAM 11 (1963) 431. J. J. Moré, Lecture Notes in
    Mathematics 630 (1978) 105 (D). K. Madsen, H. B. Nielsen and O. Tingleff, Methods for Non-Linear Least Squares
    Problems, 2nd edition (2004), Algorithm 3.16 (μ).

    Examples
    --------
    >>> import numpy as np
    >>> import batchgd as bgd
    >>> rosenbrock = bgd.LeastSquares(lambda x: np.array([10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]]), dim=2)
    >>> batch = bgd.descend(rosenbrock, [[-1.2, 1.0]], method=LevenbergMarquardt(), backend="numpy")
    >>> batch.x.round(5).tolist(), bool(batch.nfev[0] < 40)
    ([[1.0, 1.0]], True)
    """

    damping: Hyperparameter = 0.1
    max_displacement: Hyperparameter = 1.0

    LIMITS = {"damping": POSITIVE, "max_displacement": POSITIVE}
    unit_free = True

    def hyperparameters(self, dtype: str) -> dict[str, Hyperparameter]:
        """Return the rule's hyperparameters, with those that depend on the precision."""
        return {**super().hyperparameters(dtype), **rounding(dtype)}
