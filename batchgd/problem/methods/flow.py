"""Gradient flow: the continuous descent whose endpoint defines the true basin of a point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from batchgd.problem import check
from batchgd.problem.methods.base import POSITIVE, Hyperparameter, Method
from batchgd.problem.methods.register import register_method

__all__ = ["GradientFlow"]

LARGEST_STIFF = 12
FOREVER = 1e30


@register_method("gradient_flow")
@dataclass(frozen=True, eq=False)
class GradientFlow(Method):
    """Gradient flow: dx/dt = -∇f(x), integrated with error control; its endpoint defines the true basin.

    An update is one time step, adapted so that the estimated local error stays below atol width + rtol |x|. Up to 12
    dimensions an L-stable Rosenbrock method of order 3 on the traced Hessian (RODAS3), which copes with stiffness and
    near a minimum becomes Newton's method; in more dimensions, Bogacki and Shampine's explicit pair of order 3. Three
    evaluations a step. The formulas are in ``batchgd/kernels/methods/gradient_flow.py`` and
    ``gradient_flow_explicit.py``.

    Within bounds it is the projected flow, dx/dt = -P(x, ∇f(x)), where P drops what would lead outside: coordinates
    rest on a bound and leave it at times that are found within the same tolerance.

    Parameters
    ----------
    rtol : float or (n,) array
        Error allowed per step, relative to |x|. 1e-4 labels all starts correctly except those within about that
        distance of a border; 1e-8 follows the flow itself. Each factor of 1000 costs ten times the steps.
    atol : float or (n,) array
        Error allowed per step where x is near 0, in box widths.
    end_time : float or (n,) array, optional
        Stop at this time, with status ``TIME``, in units of x² / f; if omitted, the flow runs until it comes to rest
        (``gtol``).
    stiff : bool, optional
        Whether to use the Rosenbrock method; default: up to 12 dimensions. It costs O(D³) a step and needs a Hessian.

    Raises
    ------
    InputError
        If a number is not positive, or stiff is neither True, False nor None.

    References
    ----------
    A. Sandu et al., Atmos. Environ. 31 (1997) 3459. P. Bogacki and L. F. Shampine, Appl. Math. Lett. 2 (1989) 321.

    Examples
    --------
    >>> import batchgd as bgd
    >>> batch = bgd.descend(lambda x: 0.5 * x[0] ** 2, [[1.0]], method=GradientFlow(1e-8, 1e-8, end_time=1.0))
    >>> bgd.Status(batch.status[0]).name, bool(abs(batch.x[0, 0] - np.exp(-1.0)) < 1e-7)
    ('TIME', True)
    """

    rtol: Hyperparameter = 1e-4
    atol: Hyperparameter = 1e-6
    end_time: Hyperparameter = None
    stiff: bool | None = None

    LIMITS = {"rtol": POSITIVE, "atol": POSITIVE, "end_time": POSITIVE}

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.stiff is not None:
            object.__setattr__(self, "stiff", check.flag("stiff", self.stiff))

    @property
    def rule(self) -> str:
        """The update rule's name, in few dimensions."""
        return "gradient_flow_explicit" if self.stiff is False else "gradient_flow"

    def rule_in(self, dim: int) -> str:
        """The update rule's name in ``dim`` dimensions."""
        many = self.stiff is None and dim > LARGEST_STIFF
        return "gradient_flow_explicit" if many else self.rule

    def hyperparameters(self, dtype: str) -> dict[str, Hyperparameter]:
        """Return the rule's hyperparameters; errors below four rounding errors cannot be seen."""
        values = super().hyperparameters(dtype)
        end_time = FOREVER if self.end_time is None else self.end_time
        rtol = np.maximum(self.rtol, 4.0 * float(np.finfo(dtype).eps))
        return {**values, "rtol": rtol if np.ndim(rtol) else float(rtol), "end_time": end_time}
