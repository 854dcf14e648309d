"""Adan: Adam with Nesterov's momentum, from the changes of the gradient."""

from __future__ import annotations

from dataclasses import dataclass

from batchgd.problem.methods.base import DECAY, NOT_NEGATIVE, POSITIVE, Hyperparameter
from batchgd.problem.methods.first_order import FirstOrder
from batchgd.problem.methods.register import register_method

__all__ = ["Adan"]


@register_method("adan")
@dataclass(frozen=True, eq=False)
class Adan(FirstOrder):
    """Adan: m <- β1 m + (1 - β1) g, v <- β2 v + (1 - β2) d, n <- β3 n + (1 - β3) (g + β2 d)², d the change of g.

    x <- (x - η (m̂ + β2 v̂) / (√n̂ + ε)) / (1 + η λ), with m̂ = m / (1 - β1^t) and so on, as in the authors' code;
    Algorithm 1 of the paper begins the averages with the first gradient instead. Without its restarts.

    Parameters
    ----------
    learning_rate : float, (n,) array or Schedule
        η > 0, in units of x: the first step is η sign(g). A thousandth to a hundredth of the box.
    beta1, beta2, beta3 : float or (n,) array
        At least 0 and below 1: how slowly the averages of g, of its changes and of the squares forget; one minus the
        paper's. Without mini-batches or noise ``beta1=0.9`` arrives sooner: with η = 0.05 the median start on
        Himmelblau's function takes 250 updates, and 660 with 0.98.
    epsilon : float or (n,) array
        ε > 0, against division by zero.
    proximal_decay : float or (n,) array
        λ >= 0, the paper's weight decay, which pulls towards 0 as ``weight_decay`` does, but cannot overshoot it.

    References
    ----------
    X. Xie, P. Zhou, H. Li, Z. Lin and S. Yan, IEEE Trans. Pattern Anal. Mach. Intell. 46 (2024) 9508,
    arXiv:2208.06677 (2022).

    Examples
    --------
    >>> import batchgd as bgd
    >>> bgd.descend("himmelblau", [[1.0, 1.0]], method=Adan(learning_rate=0.05)).x.round(5).tolist()
    [[3.0, 2.0]]
    """

    learning_rate: Hyperparameter = 0.001
    beta1: Hyperparameter = 0.98
    beta2: Hyperparameter = 0.92
    beta3: Hyperparameter = 0.99
    epsilon: Hyperparameter = 1e-8
    proximal_decay: Hyperparameter = 0.0

    LIMITS = {
        "learning_rate": POSITIVE,
        "beta1": DECAY,
        "beta2": DECAY,
        "beta3": DECAY,
        "epsilon": POSITIVE,
        "proximal_decay": NOT_NEGATIVE,
    }
    EXAMPLE = {"learning_rate": 0.1, "beta1": 0.9}
