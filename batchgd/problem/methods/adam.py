"""Adam and its relatives: an average of gradients, scaled by an average of their squares."""

from __future__ import annotations

from dataclasses import dataclass, field

from batchgd.problem.methods.base import DECAY, NOT_NEGATIVE, POSITIVE, Hyperparameter
from batchgd.problem.methods.first_order import FirstOrder
from batchgd.problem.methods.register import register_method
from batchgd.problem.methods.schedules import Exponential

__all__ = ["AMSGrad", "AdaMax", "Adam", "AdamW", "Adan", "Nadam"]


@register_method("adam")
@dataclass(frozen=True, eq=False)
class Adam(FirstOrder):
    """Adam: m <- β1 m + (1 - β1) g, v <- β2 v + (1 - β2) g², x <- x - η m̂ / (√v̂ + ε).

    m̂ = m / (1 - β1^t) and v̂ = v / (1 - β2^t). Algorithm 1 of the paper; with ``weight_decay`` this is AdamW.

    Parameters
    ----------
    learning_rate : float, (n,) array or Schedule
        η > 0, in units of x: the first step is η sign(g), and no later one is much longer. A thousandth to a
        hundredth of the box.
    beta1, beta2 : float or (n,) array
        At least 0 and below 1: how slowly the averages forget.
    epsilon : float or (n,) array
        ε > 0, against division by zero.

    References
    ----------
    D. P. Kingma and J. Ba, ICLR 2015, arXiv:1412.6980.

    Examples
    --------
    >>> import batchgd as bgd
    >>> bgd.descend("himmelblau", [[1.0, 1.0]], method=Adam(learning_rate=0.05)).x.round(5).tolist()
    [[3.0, 2.0]]
    """

    learning_rate: Hyperparameter = 0.001
    beta1: Hyperparameter = 0.9
    beta2: Hyperparameter = 0.999
    epsilon: Hyperparameter = 1e-8

    LIMITS = {"learning_rate": POSITIVE, "beta1": DECAY, "beta2": DECAY, "epsilon": POSITIVE}
    EXAMPLE = {"learning_rate": 0.05}


@register_method("amsgrad")
@dataclass(frozen=True, eq=False)
class AMSGrad(Adam):
    """AMSGrad: Adam with the largest v̂ so far, v̂ <- max(v̂, v / (1 - β2^t)), x <- x - η m̂ / (√v̂ + ε).

    With Adam's bias corrections, the maximum taken over corrected values; the paper omits the corrections, and PyTorch
    takes the maximum before the correction.

    References
    ----------
    S. J. Reddi, S. Kale and S. Kumar, ICLR 2018, arXiv:1904.09237, Algorithm 2.

    Examples
    --------
    >>> import batchgd as bgd
    >>> bgd.descend("himmelblau", [[1.0, 1.0]], method=AMSGrad(learning_rate=0.05)).x.round(5).tolist()
    [[3.0, 2.0]]
    """

    EXAMPLE = {"learning_rate": 0.5}


@register_method("adamax")
@dataclass(frozen=True, eq=False)
class AdaMax(Adam):
    """AdaMax: Adam in the infinity norm, u <- max(β2 u, |g| + ε), x <- x - η m̂ / u.

    Algorithm 2 of the paper; ε, which the paper omits, avoids 0 / 0.

    References
    ----------
    D. P. Kingma and J. Ba, ICLR 2015, arXiv:1412.6980.

    Examples
    --------
    >>> import batchgd as bgd
    >>> bgd.descend("himmelblau", [[1.0, 1.0]], method=AdaMax(learning_rate=0.05)).x.round(5).tolist()
    [[3.0, 2.0]]
    """

    learning_rate: Hyperparameter = 0.002

    EXAMPLE = {"learning_rate": 0.05}


@register_method("nadam")
@dataclass(frozen=True, eq=False)
class Nadam(Adam):
    """Nadam: Adam with Nesterov's look-ahead, m̂ = β1 m / (1 - β1^(t+1)) + (1 - β1) g / (1 - β1^t).

    With a constant β1 (the paper's warm-up of the momentum is omitted) and Adam's second moment.

    References
    ----------
    T. Dozat, Incorporating Nesterov Momentum into Adam, ICLR workshop 2016.

    Examples
    --------
    >>> import batchgd as bgd
    >>> bgd.descend("himmelblau", [[1.0, 1.0]], method=Nadam(learning_rate=0.05)).x.round(5).tolist()
    [[3.0, 2.0]]
    """

    learning_rate: Hyperparameter = 0.002

    EXAMPLE = {"learning_rate": 0.05}


@register_method("adamw")
@dataclass(frozen=True, eq=False)
class AdamW(Adam):
    """AdamW: Adam with decoupled weight decay, x <- x - η (m̂ / (√v̂ + ε) + λ x).

    Parameters
    ----------
    weight_decay : float or (n,) array
        λ > 0, which pulls towards 0: points of rest are not stationary points of the function, and trajectories end by
        a test other than the gradient's.

    References
    ----------
    I. Loshchilov and F. Hutter, ICLR 2019, arXiv:1711.05101, Algorithm 2.

    Examples
    --------
    >>> AdamW(0.01).rule, AdamW(0.01).parts
    ('adam', ('weight_decay',))
    """

    weight_decay: Hyperparameter = field(default=0.01, kw_only=True)

    RULE = "adam"
    EXAMPLE = {"learning_rate": Exponential(0.3, 0.97)}


@register_method("adan")
@dataclass(frozen=True, eq=False)
class Adan(FirstOrder):
    """Adan: m <- β1 m + (1 - β1) g, v <- β2 v + (1 - β2) d, n <- β3 n + (1 - β3) (g + β2 d)², d the change of g.

    x <- (x - η (m̂ + β2 v̂) / (√n̂ + ε)) / (1 + η λ), with m̂ = m / (1 - β1^t) and so on, as in the authors' code;
    Algorithm 1 of the paper begins the averages with the first gradient instead. The paper's restarts are omitted.

    Parameters
    ----------
    learning_rate : float, (n,) array or Schedule
        η > 0, in units of x: the first step is η sign(g). A thousandth to a hundredth of the box.
    beta1, beta2, beta3 : float or (n,) array
        At least 0 and below 1: how slowly the averages of g, of its changes and of the squares forget; one minus the
        paper's. Without mini-batches or noise ``beta1=0.9`` converges sooner: with η = 0.05 the median start on
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
