"""Methods that scale each coordinate by the size of its past gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from batchgd.problem import check
from batchgd.problem.methods.base import DECAY, POSITIVE, Hyperparameter
from batchgd.problem.methods.first_order import FirstOrder
from batchgd.problem.methods.register import register_method
from batchgd.problem.methods.schedules import Exponential

__all__ = ["AdaDelta", "AdaGrad", "RMSprop"]


@register_method("adagrad")
@dataclass(frozen=True, eq=False)
class AdaGrad(FirstOrder):
    """AdaGrad: G <- G + g², x <- x - η g / (√G + ε), coordinate by coordinate.

    The diagonal form, with ε outside the root and G starting from zero, as published. G grows until a minimum attracts,
    with η / √G just below 2 / curvature there; in float32 it then stops growing, and 2 % of the starts on Himmelblau's
    function jump back and forth by a few roundings until ``maxiter``: ``oscillation=10`` ends them.

    Parameters
    ----------
    learning_rate : float, (n,) array or Schedule
        η > 0, in units of x: the first step is η in every coordinate, later ones shrink like 1 / √t.
    epsilon : float or (n,) array
        ε > 0, against division by zero.

    References
    ----------
    J. Duchi, E. Hazan and Y. Singer, J. Mach. Learn. Res. 12 (2011) 2121, Figure 1. It gives no values; the defaults
    are those of PyTorch.

    Examples
    --------
    >>> import batchgd as bgd
    >>> batch = bgd.descend("himmelblau", [[1.0, 1.0]], method=AdaGrad(learning_rate=0.5))
    >>> batch.x.round(5).tolist()
    [[3.0, 2.0]]
    """

    learning_rate: Hyperparameter = 0.01
    epsilon: Hyperparameter = 1e-10

    LIMITS = {"learning_rate": POSITIVE, "epsilon": POSITIVE}
    EXAMPLE = {"learning_rate": 0.5}


@register_method("adadelta")
@dataclass(frozen=True, eq=False)
class AdaDelta(FirstOrder):
    """AdaDelta: steps as long as past steps, relative to past gradients, coordinate by coordinate.

    E <- ρ E + (1 - ρ) g², d = √((S + ε) / (E + ε)) g, S <- ρ S + (1 - ρ) d², x <- x - η d.

    Parameters
    ----------
    learning_rate : float, (n,) array or Schedule
        η > 0; 1 is the published method.
    decay : float or (n,) array
        ρ, at least 0 and below 1.
    epsilon : float or (n,) array
        ε > 0; √ε is about the length of the first steps, so it should grow with the box.

    References
    ----------
    M. D. Zeiler, arXiv:1212.5701 (2012), Algorithm 1; defaults as in its tables.

    Examples
    --------
    >>> import batchgd as bgd
    >>> method = AdaDelta(bgd.Exponential(1.0, factor=0.97), epsilon=1e-2)
    >>> bgd.descend("himmelblau", [[1.0, 1.0]], method=method).x.round(5).tolist()
    [[3.0, 2.0]]
    """

    learning_rate: Hyperparameter = 1.0
    decay: Hyperparameter = 0.95
    epsilon: Hyperparameter = 1e-6

    LIMITS = {"learning_rate": POSITIVE, "decay": DECAY, "epsilon": POSITIVE}
    EXAMPLE = {"learning_rate": Exponential(1.0, 0.97), "epsilon": 1e-2}


@register_method("rmsprop")
@dataclass(frozen=True, eq=False)
class RMSprop(FirstOrder):
    """RMSprop: v <- ρ v + (1 - ρ) g², x <- x - η g / (√v + ε), coordinate by coordinate.

    Centred: √(v - m²) in place of √v, m <- ρ m + (1 - ρ) g (Graves). With momentum μ the step becomes
    d <- μ d - η g / (√v + ε), x <- x + d. ε is outside the root and v starts from zero, uncorrected.

    Parameters
    ----------
    learning_rate : float, (n,) array or Schedule
        η > 0, in units of x: near a minimum steps stay about as long as η, so only a schedule lets it converge further.
    decay : float or (n,) array
        ρ, at least 0 and below 1.
    epsilon : float or (n,) array
        ε > 0, against division by zero.
    centred : bool
        Whether the mean is subtracted.
    momentum : float or (n,) array, optional
        μ, at least 0 and below 1; 0.9 in Graves' paper.

    References
    ----------
    T. Tieleman and G. Hinton, Lecture 6.5 of Neural Networks for Machine Learning (2012). A. Graves, arXiv:1308.0850
    (2013), equations 38 to 41.

    Examples
    --------
    >>> import batchgd as bgd
    >>> method = RMSprop(bgd.Exponential(0.1, factor=0.97))
    >>> bgd.descend("himmelblau", [[1.0, 1.0]], method=method).x.round(5).tolist()
    [[3.0, 2.0]]
    """

    learning_rate: Hyperparameter = 0.001
    decay: Hyperparameter = 0.9
    epsilon: Hyperparameter = 1e-8
    centred: bool = False
    momentum: Hyperparameter = None

    LIMITS = {"learning_rate": POSITIVE, "decay": DECAY, "epsilon": POSITIVE, "momentum": DECAY}
    EXAMPLE = {"learning_rate": Exponential(0.2, 0.97), "epsilon": 1e-2}

    def __post_init__(self) -> None:
        object.__setattr__(self, "centred", check.flag("centred", self.centred))
        super().__post_init__()

    @property
    def rule(self) -> str:
        """The rule that the settings select."""
        return "rmsprop_centred" if self.centred else "rmsprop"

    @property
    def own_parts(self) -> tuple[str, ...]:
        """The momentum, if there is one."""
        return () if self.momentum is None else ("trailing",)

    def own_hyperparameters(self) -> dict[str, Any]:
        """Return the hyperparameters of the rule and of the momentum."""
        values = super().own_hyperparameters()
        return {"trail_momentum" if name == "momentum" else name: value for name, value in values.items()}
