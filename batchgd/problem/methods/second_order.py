"""Methods that remember curvature or read it: conjugate gradients, L-BFGS, BFGS, and Newton's method."""

from __future__ import annotations

from dataclasses import dataclass

from batchgd.problem import check
from batchgd.problem.methods.base import SHARE, Hyperparameter, Interval, ScaleFree
from batchgd.problem.methods.register import register_method

__all__ = ["BFGS", "LBFGS", "Newton", "NonlinearCG"]

LONGEST_MEMORY = 64


@dataclass(frozen=True, eq=False)
class LineSearch(ScaleFree):
    """A method with a line search under the strong Wolfe conditions.

    Parameters
    ----------
    sufficient_decrease : float or (n,) array
        c₁ of the Wolfe conditions, between 0 and 0.5.
    """

    max_displacement: Hyperparameter = 0.1
    curvature: Hyperparameter = 0.9
    sufficient_decrease: Hyperparameter = 1e-4

    LIMITS = {"max_displacement": SHARE, "curvature": SHARE, "sufficient_decrease": Interval(0.0, 0.5)}


@register_method("nonlinear_cg")
@dataclass(frozen=True, eq=False)
class NonlinearCG(LineSearch):
    """Nonlinear conjugate gradients, Polak-Ribiere+: d <- -g + β d, β = max(0, g'(g - g_prev) / ||g_prev||²).

    The step along d is found by a line search under the strong Wolfe conditions, one evaluation per tick. d is reset to
    -g when consecutive gradients are far from orthogonal. On a quadratic in D dimensions it ends in D updates, up to
    the slope that ``curvature`` leaves.

    Parameters
    ----------
    max_displacement : float or (n,) array
        The longest step, in box widths (2-norm), between 0 and 1. 0.1 is chosen for speed, and basins are lost: steps
        cross those that are narrower. On Himmelblau's function 0.5 % of the labels are not those of gradient flow, 3 %
        on the six-hump camel function, 15 % on Rastrigin's with its 11 x 11 basins. 0.01 takes twice as many
        evaluations and keeps nearly all of them, unless the box is oblong, because directions are those in box widths.
    curvature : float or (n,) array
        c₂ of the Wolfe conditions, between 0 and 1: a step is accepted when the slope has fallen to this share. 0.1 is
        usual for conjugate gradients; towards 0 the search becomes exact.

    References
    ----------
    E. Polak and G. Ribiere, Rev. Fr. Inform. Rech. Oper. 3 (1969) 35. J. C. Gilbert and J. Nocedal, SIAM J. Optim. 2
    (1992) 21. M. J. D. Powell, Math. Program. 12 (1977) 241 (restarts).

    Examples
    --------
    >>> import batchgd as bgd
    >>> batch = bgd.descend("rosenbrock", [[-1.2, 1.0]], method=NonlinearCG(), backend="numpy")
    >>> batch.x.round(5).tolist(), bool(batch.nit[0] < 100)
    ([[1.0, 1.0]], True)
    """

    curvature: Hyperparameter = 0.1


@register_method("bfgs")
@dataclass(frozen=True, eq=False)
class BFGS(LineSearch):
    """BFGS: steps along -H g, with H the inverse Hessian, built from the changes of the gradient as a dense matrix.

    H <- (I - ρ s y') H (I - ρ y s') + ρ s s' with the last changes s of x and y of the gradient and ρ = 1 / s'y. If the
    curvature along s was not positive, H is discarded, and the step is the longest one along the steepest descent in
    box widths. A line search under the strong Wolfe conditions, one evaluation per tick, tries the step 1 first. A lane
    stores D (D + 1) / 2 numbers: for small D. For more than about 30 dimensions :class:`LBFGS`.

    Parameters
    ----------
    max_displacement : float or (n,) array
        The longest step, in box widths (2-norm), between 0 and 1. 0.1 is chosen for speed, and basins are lost: steps
        cross those that are narrower. On Himmelblau's function 0.3 to 0.7 % of the labels are not those of gradient
        flow, 17 % on Rastrigin's with its 11 x 11 basins. 0.01 takes two to four times as many evaluations and keeps
        those, but no value keeps all: steps follow the inverse Hessian and not the gradient (1.5 % of the labels differ
        on Himmelblau's function, 7 % on Müller-Brown's). For labels take :class:`BarzilaiBorwein`.
    curvature : float or (n,) array
        c₂ of the Wolfe conditions, between 0 and 1: a step is accepted when the slope has fallen to this share. 0.9 is
        usual for quasi-Newton methods; towards 0 the search becomes exact.

    References
    ----------
    C. G. Broyden, J. Inst. Math. Appl. 6 (1970) 76. R. Fletcher, Comput. J. 13 (1970) 317. D. Goldfarb, Math. Comput.
    24 (1970) 23. D. F. Shanno, Math. Comput. 24 (1970) 647. Here as in J. Nocedal and S. J. Wright, Numerical
    Optimization (2006), Algorithm 6.1.

    Examples
    --------
    >>> import batchgd as bgd
    >>> batch = bgd.descend("rosenbrock", [[-1.2, 1.0]], method=BFGS(), backend="numpy")
    >>> batch.x.round(5).tolist(), bool(batch.nit[0] < 60)
    ([[1.0, 1.0]], True)
    """


@register_method("lbfgs")
@dataclass(frozen=True, eq=False)
class LBFGS(BFGS):
    """L-BFGS: steps along -H g, with H built anew from the last few changes of x and of the gradient.

    The two-loop recursion over ``memory`` pairs (s, y), from the initial matrix s'y / y'y I in box widths; a pair
    without positive curvature discards them all, as in :class:`BFGS`.

    Parameters
    ----------
    memory : int
        How many pairs are kept, 1 to 64; a lane stores 2 ``memory`` D numbers. 3 to 20 are usual; more than D gain
        nothing. Code is compiled for this number, so it is one for all starts.

    References
    ----------
    J. Nocedal, Math. Comput. 35 (1980) 773. D. C. Liu and J. Nocedal, Math. Program. 45 (1989) 503.

    Examples
    --------
    >>> import batchgd as bgd
    >>> batch = bgd.descend("rosenbrock", [[-1.2, 1.0]], method=LBFGS(memory=3), backend="numpy")
    >>> batch.x.round(5).tolist(), bool(batch.nit[0] < 60)
    ([[1.0, 1.0]], True)
    """

    memory: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "memory", check.whole("memory", self.memory, 1, LONGEST_MEMORY))

    @property
    def fixed(self) -> tuple[tuple[str, int], ...]:
        """Names and values of whole numbers that the rule is compiled for."""
        return (("memory", int(self.memory)),)


@register_method("newton")
@dataclass(frozen=True, eq=False)
class Newton(ScaleFree):
    """Newton's method in a trust region: the step minimises g'p + p'Hp / 2 over ||p|| <= Δ, in box widths.

    H is the traced Hessian, computed in the kernel. If it is not positive definite, or its Newton step is too long,
    p solves (H + λ I) p = -g with the λ that makes it Δ long. On a quadratic it ends in one update, if that is no
    longer than ``max_displacement``. A tick costs a few factorisations, O(D³): for D up to about 20.

    Parameters
    ----------
    max_displacement : float or (n,) array
        The largest Δ, in box widths, between 0 and 1; the first one, too. 0.1 is chosen for speed, and basins are lost:
        steps cross those that are narrower. On Himmelblau's function 1 % of the labels are not those of gradient flow,
        2 % on the six-hump camel function, 47 % on Rastrigin's with its 11 x 11 basins. 0.01 takes three to five times
        as many evaluations and keeps nearly all of them, unless the box is oblong, because far from a minimum steps
        follow the slope in box widths.

    References
    ----------
    J. J. Moré and D. C. Sorensen, SIAM J. Sci. Stat. Comput. 4 (1983) 553. J. Nocedal and S. J. Wright, Numerical
    Optimization (2006), Algorithms 4.1 and 4.3.

    Examples
    --------
    >>> import batchgd as bgd
    >>> batch = bgd.descend("rosenbrock", [[-1.2, 1.0]], method=Newton(), backend="numpy")
    >>> batch.x.round(5).tolist(), bool(batch.nit[0] < 60)
    ([[1.0, 1.0]], True)
    """

    max_displacement: Hyperparameter = 0.1

    LIMITS = {"max_displacement": SHARE}
