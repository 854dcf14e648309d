"""Methods that use only the signs of gradients: steps as long in steep places as in flat ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from batchgd.problem.errors import InputError
from batchgd.problem.methods.base import DECAY, NOT_NEGATIVE, POSITIVE, SHARE, Hyperparameter, Interval
from batchgd.problem.methods.first_order import FirstOrder
from batchgd.problem.methods.register import register_method
from batchgd.problem.methods.schedules import Exponential

__all__ = ["Lion", "Rprop", "SignSGD"]


@register_method("signsgd")
@dataclass(frozen=True, eq=False)
class SignSGD(FirstOrder):
    """SignSGD: x <- x - η sign(∇f(x)).

    Parameters
    ----------
    learning_rate : float, (n,) array or Schedule
        η > 0, the length of every step in every coordinate, in units of x. A constant one ends within η of a
        minimum and goes on to ``maxiter``: give a schedule.

    Raises
    ------
    InputError
        If no learning rate is given, or it is not positive and finite.

    References
    ----------
    J. Bernstein, Y.-X. Wang, K. Azizzadenesheli and A. Anandkumar, ICML 2018, arXiv:1802.04434, Algorithm 1.

    Examples
    --------
    >>> import batchgd as bgd
    >>> method = SignSGD(bgd.Exponential(0.1, factor=0.95))
    >>> bgd.descend("himmelblau", [[2.5, 1.5]], method=method).x.round(5).tolist()
    [[3.0, 2.0]]
    """

    learning_rate: Hyperparameter = None

    LIMITS = {"learning_rate": POSITIVE}
    EXAMPLE = {"learning_rate": Exponential(0.2, 0.97)}
    NEEDED = "the length of every step, such as a hundredth of the box, best with a schedule"


@register_method("lion")
@dataclass(frozen=True, eq=False)
class Lion(FirstOrder):
    """Lion: x <- x - η sign(β1 m + (1 - β1) g), m <- β2 m + (1 - β2) g.

    Parameters
    ----------
    learning_rate : float, (n,) array or Schedule
        η > 0, the length of every step in every coordinate, in units of x: give a schedule, or it ends within about
        η of a minimum.
    beta1, beta2 : float or (n,) array
        At least 0 and below 1.

    References
    ----------
    X. Chen et al., NeurIPS 2023, arXiv:2302.06675, Algorithm 2.

    Examples
    --------
    >>> import batchgd as bgd
    >>> method = Lion(bgd.Exponential(0.1, factor=0.97))
    >>> bgd.descend("himmelblau", [[2.5, 1.5]], method=method).x.round(5).tolist()
    [[3.0, 2.0]]
    """

    learning_rate: Hyperparameter = 1e-4
    beta1: Hyperparameter = 0.9
    beta2: Hyperparameter = 0.99

    LIMITS = {"learning_rate": POSITIVE, "beta1": DECAY, "beta2": DECAY}
    EXAMPLE = {"learning_rate": Exponential(0.3, 0.97)}


@register_method("rprop")
@dataclass(frozen=True, eq=False)
class Rprop(FirstOrder):
    """Rprop, the variant iRprop⁻: x <- x - Δ sign(g), with a Δ of its own for every coordinate.

    Δ grows by η⁺ while g keeps its sign and shrinks by η⁻ when it changes; after a change the coordinate rests once.
    Clipping changes no sign.

    Parameters
    ----------
    learning_rate : float or (n,) array
        The first Δ > 0, in units of x.
    growth, shrink : float or (n,) array
        η⁺ above 1, and η⁻ between 0 and 1.
    shortest, longest : float or (n,) array
        Bounds of Δ. ``shortest`` above 0 (1e-6 in the original Rprop) keeps it from converging further.

    References
    ----------
    M. Riedmiller and H. Braun, IEEE Int. Conf. Neural Networks (1993) 586. C. Igel and M. Hüsken, Neurocomputing 50
    (2003) 105.

    Examples
    --------
    >>> import batchgd as bgd
    >>> bgd.descend("himmelblau", [[1.0, 1.0]], method=Rprop()).x.round(5).tolist()
    [[3.0, 2.0]]
    """

    learning_rate: Hyperparameter = 0.0125
    growth: Hyperparameter = 1.2
    shrink: Hyperparameter = 0.5
    shortest: Hyperparameter = 0.0
    longest: Hyperparameter = 50.0

    LIMITS = {
        "learning_rate": POSITIVE,
        "growth": Interval(1.0),
        "shrink": SHARE,
        "shortest": NOT_NEGATIVE,
        "longest": POSITIVE,
    }
    EXAMPLE = {"learning_rate": 0.1}
    SCHEDULED = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if np.min(self.shortest) > np.max(self.longest):
            raise InputError(
                f"shortest is {np.min(self.shortest):g}, above longest, {np.max(self.longest):g}: swap them"
            )
