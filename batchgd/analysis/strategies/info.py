"""What a strategy did: its settings, what it biases, and what it cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class StrategyInfo:
    """How the starts of a result were chosen: ``result.strategy``; None for a plain multi-start.

    Attributes
    ----------
    name : str
        The row of ``STRATEGIES``.
    settings : dict
        The strategy's settings.
    bias : str
        What the choice of starts biases, a sentence.
    drawn : int
        How many starts, the first ones, were drawn from the box before any was chosen: fractions and coverage are
        theirs. If it is 0, fractions are withheld.
    sampling : str
        How those, or the points that starts were chosen from, were drawn.
    sampled : int
        Function values computed besides those of the descents.
    evaluations : int
        All evaluations: those of the descents (value and gradient) and the values sampled.
    origin : (n,) int64 or None
        For a walk: the start whose endpoint each start was perturbed from; -1 for a walker's first start.
    accepted : (n,) bool or None
        For a walk: whether the walker went to the endpoint.
    """

    name: str
    settings: dict[str, Any]
    bias: str
    drawn: int = 0
    sampling: str = "uniform"
    sampled: int = 0
    evaluations: int = 0
    origin: NDArray[np.int64] | None = field(default=None, repr=False)
    accepted: NDArray[np.bool_] | None = field(default=None, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The fields for JSON, without the arrays."""
        names = ("name", "settings", "bias", "drawn", "sampled", "evaluations")
        return {name: getattr(self, name) for name in names}
