"""Methods with inertia: the step remembers the steps before it."""

from __future__ import annotations

from dataclasses import dataclass

from batchgd.problem.methods.base import DECAY, NOT_NEGATIVE, POSITIVE, SHARE, Hyperparameter, Interval
from batchgd.problem.methods.first_order import FirstOrder
from batchgd.problem.methods.register import register_method

__all__ = ["FIRE", "HeavyBall", "Nesterov"]


@register_method("heavy_ball")
@dataclass(frozen=True, eq=False)
class HeavyBall(FirstOrder):
    """Heavy ball: x <- x - η ∇f(x) + β (x - x_previous).

    As Polyak published it; with a schedule, past steps keep the lengths that they had.

    Parameters
    ----------
    learning_rate : float, (n,) array or Schedule
        η > 0. Below 2 (1 + β) / L, L the largest curvature, a minimum attracts. For curvatures from μ to L the best
        values are η = 4 / (√L + √μ)² and β = ((√κ - 1) / (√κ + 1))², κ = L / μ: errors then fall by √β per step.
    momentum : float or (n,) array
        β, at least 0 and below 1; 0.9 is the usual choice.

    Raises
    ------
    InputError
        If no learning rate is given, or a value is outside its range.

    References
    ----------
    B. T. Polyak, USSR Comput. Math. Math. Phys. 4 (1964) 1.

    Examples
    --------
    >>> import batchgd as bgd
    >>> batch = bgd.descend("himmelblau", [[1.0, 1.0]], method=HeavyBall(0.005, momentum=0.8))
    >>> batch.x.round(5).tolist()
    [[3.0, 2.0]]
    """

    learning_rate: Hyperparameter = None
    momentum: Hyperparameter = 0.9

    LIMITS = {"learning_rate": POSITIVE, "momentum": DECAY}
    EXAMPLE = {"learning_rate": 0.003, "momentum": 0.7}
    NEEDED = "below 2 (1 + momentum) / L, L the largest curvature, a minimum attracts"


@register_method("nesterov")
@dataclass(frozen=True, eq=False)
class Nesterov(FirstOrder):
    """Nesterov's accelerated gradient: v <- β v - η ∇f(x), x <- x + β v - η ∇f(x).

    The momentum is constant and x is the look-ahead point, where the gradient is taken: the form of Bengio,
    Boulanger-Lewandowski and Pascanu, which neural-network libraries use too.

    Parameters
    ----------
    learning_rate : float, (n,) array or Schedule
        η > 0; 1 / L, L the largest curvature, is the textbook value.
    momentum : float or (n,) array
        β, at least 0 and below 1; (√κ - 1) / (√κ + 1) for a condition number κ, else 0.9.

    Raises
    ------
    InputError
        If no learning rate is given, or a value is outside its range.

    References
    ----------
    Y. Nesterov, Dokl. Akad. Nauk SSSR 269 (1983) 543. Y. Bengio, N. Boulanger-Lewandowski and R. Pascanu, ICASSP
    2013, arXiv:1212.0901.

    Examples
    --------
    >>> import batchgd as bgd
    >>> batch = bgd.descend("himmelblau", [[1.0, 1.0]], method=Nesterov(0.005, momentum=0.8))
    >>> batch.x.round(5).tolist()
    [[3.0, 2.0]]
    """

    learning_rate: Hyperparameter = None
    momentum: Hyperparameter = 0.9

    LIMITS = {"learning_rate": POSITIVE, "momentum": DECAY}
    EXAMPLE = {"learning_rate": 0.003, "momentum": 0.7}
    NEEDED = "1 / L, L the largest curvature, is a safe one"


@register_method("fire")
@dataclass(frozen=True, eq=False)
class FIRE(FirstOrder):
    """FIRE 2.0, the fast inertial relaxation engine: inertia that is steered downhill, and stopped when it climbs.

    With F = -∇f and the power P = F'v. P > 0: after ``delay`` such steps, Δ <- min(Δ ``growth``, ``longest`` Δ_0) and
    α <- α ``mixing_decay``. Else: x <- x - Δ v / 2, v <- 0, Δ <- Δ ``shrink`` and α <- ``mixing``. Then v <- v + Δ F,
    v <- (1 - α) v + α F ||v|| / ||F||, x <- x + Δ v. Unit masses, semi-implicit Euler, with the initial delay of the
    2020 paper and without its limit on the number of climbs. A step beyond ``max_displacement`` is shortened to it; v
    is kept. The numbers are those of the paper and of ASE's ``FIRE2``, except ``mixing_decay``, which is 0.99 there:
    the mixing turns v across a curved valley, where it has to stop. With 0.9, 512 of 512 starts come within 1e-5 of
    Rosenbrock's and of Wood's minimum in 10,000 steps, a median of 3,500 and 1,900; with 0.99 it is 444 for
    Rosenbrock's.

    Parameters
    ----------
    time_step : float or (n,) array
        Δ_0 > 0, the first time step, in units of 1 / √curvature. Steps beyond 2 / √L, L the largest curvature, are
        cut down at once; a tenth of that is a good start.
    longest, shortest : float or (n,) array
        Bounds of the time step, in units of Δ_0.
    delay : float or (n,) array
        Steps downhill before Δ grows; in the very first ``delay`` steps, Δ does not shrink either.
    growth, shrink : float or (n,) array
        Factors of Δ, above 1 and between 0 and 1.
    mixing, mixing_decay : float or (n,) array
        α at first and after a climb, and its factor downhill, both between 0 and 1.
    max_displacement : float or (n,) array
        The longest step, in box widths (2-norm), between 0 and 1. Without one, starts on steep walls diverge before Δ
        has shrunk.

    References
    ----------
    E. Bitzek, P. Koskinen, F. Gähler, M. Moseler and P. Gumbsch, Phys. Rev. Lett. 97 (2006) 170201. J. Guénolé et
    al., Comput. Mater. Sci. 175 (2020) 109584.

    Examples
    --------
    >>> import batchgd as bgd
    >>> batch = bgd.descend("himmelblau", [[1.0, 1.0]], method=FIRE(time_step=0.02))
    >>> batch.x.round(5).tolist()
    [[3.0, 2.0]]
    """

    time_step: Hyperparameter = 0.1
    longest: Hyperparameter = 10.0
    shortest: Hyperparameter = 0.02
    delay: Hyperparameter = 20.0
    growth: Hyperparameter = 1.1
    shrink: Hyperparameter = 0.5
    mixing: Hyperparameter = 0.25
    mixing_decay: Hyperparameter = 0.9
    max_displacement: Hyperparameter = 0.01

    LIMITS = {
        "time_step": POSITIVE,
        "longest": Interval(1.0, low_included=True),
        "shortest": SHARE,
        "delay": NOT_NEGATIVE,
        "growth": Interval(1.0),
        "shrink": SHARE,
        "mixing": SHARE,
        "mixing_decay": SHARE,
        "max_displacement": SHARE,
    }
    EXAMPLE = {"time_step": 0.02}
    SCHEDULED = False
