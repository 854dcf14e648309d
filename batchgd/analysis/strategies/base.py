"""The base of every strategy: checked settings, and a way to spend the descents of a campaign."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from batchgd.problem import check
from batchgd.problem.keywords import Explained

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from batchgd.analysis.strategies.campaign import Campaign
    from batchgd.engine.batch import Batch
    from batchgd.problem.box import Box

share = check.Interval(0.0, 1.0).one
count = partial(check.whole, least=1, real=True)


@dataclass(frozen=True)
class Strategy(Explained):
    """A way to choose starts. A new one sets ``name`` and ``bias``, implements ``explore``, and is a row of
    ``STRATEGIES``.
    """

    name: ClassVar[str] = ""
    bias: ClassVar[str] = ""
    """What the choice of starts biases, a clause that completes "... , because"."""
    resumes: ClassVar[str] = "a start may depend on all results before it, so nothing of it can be resumed"
    """What of a run in parts could be resumed, a clause."""
    CHECKS: ClassVar[dict[str, Callable[[str, Any], Any]]] = {}
    """For each setting a function of name and value, which returns the value to keep or raises InputError."""

    def __post_init__(self) -> None:
        for name, checked in self.CHECKS.items():
            object.__setattr__(self, name, checked(name, getattr(self, name)))

    def check(self, batch: Batch) -> None:
        """Raise InputError if the strategy cannot use this batch; called before any work starts."""

    def explore(self, campaign: Campaign) -> dict[str, Any]:
        """Spend the descents; return fields of :class:`StrategyInfo` besides the cost (``drawn``, ``origin``, ...)."""
        raise NotImplementedError

    @classmethod
    def settings_taken(cls) -> list[str]:
        """The names of the settings."""
        return [item.name for item in fields(cls)]

    def settings(self) -> dict[str, Any]:
        """The settings by name."""
        return {name: getattr(self, name) for name in self.settings_taken()}

    def __str__(self) -> str:
        from batchgd.problem.methods.base import shown

        return shown(type(self).__name__, self.settings())


def fold(x: NDArray[np.float64], box: Box) -> NDArray[np.float64]:
    """Bring points into the box by reflection at its faces.

    >>> from batchgd.problem.box import Box
    >>> fold(np.array([[-0.25], [0.5], [1.25], [2.25]]), Box([0.0], [1.0])).ravel().tolist()
    [0.25, 0.5, 0.75, 0.25]
    """
    u = np.mod((x - box.lower) / box.width, 2.0)
    return np.clip(box.lower + np.minimum(u, 2.0 - u) * box.width, box.lower, box.upper)
