"""Run until covered: the rule that ends a multi-start once little of the box can be unseen, and what ended it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from batchgd.minima.fractions import check_confidence
from batchgd.problem import check
from batchgd.problem.errors import InputError
from batchgd.problem.keywords import Explained

MOST_STARTS = 10_000_000
"""The most starts of a run until covered, if no other number is given."""

_SMALLEST = 1e-9  # the smallest unseen share that can be requested: it takes four billion starts
_GROWTH = 2  # from look to look: at most half of the starts of a run come after the ones that would have sufficed


def spent(confidence: float, looks: int) -> float:
    """Confidence of the bound at look k, counted from 1, of a run that may end at any look: 1 - (1 - c) / 2^k.

    A bound that fails with probability α fails more often if one looks until it is met. The errors
    α / 2 + α / 4 + ... sum to at most α, so with probability ``confidence`` every look's bound holds, the last one's
    included. Halving costs little because the starts double: ln 2 more in ln(1 / α) while n doubles. Without looks (0)
    the confidence stays as it is.

    >>> spent(0.95, 0), round(spent(0.95, 1), 6), round(spent(0.95, 3), 6)
    (0.95, 0.975, 0.99375)
    """
    return 1.0 - (1.0 - confidence) * 0.5**looks


@dataclass(frozen=True)
class Coverage(Explained):
    """Stop a multi-start once this share of the starts is in basins of minima seen: ``until=bgd.Coverage(0.999)``.

    The run goes in batches of growing size and looks at the counts after each. At look k it ends when

        U(f1, f2, n; 1 - (1 - confidence) / 2^k) <= 1 - share

    with U the bound of :func:`batchgd.minima.coverage.unseen_bound` on the share in basins of minima not seen. The
    error is spent over the looks (half at the first, a quarter at the second, ...), so that looking often does not
    weaken the bound. The first look comes as soon as the bound could be met, each later one at twice the starts.

    Parameters
    ----------
    share : float
        Wanted share of the starts in basins of minima seen, strictly between 0 and 1. 0.999 takes at least 3,688
        starts at 95 %; ten times closer to 1 takes ten times the starts. Many small basins take more.
    confidence : float
        The confidence with which the bound holds at the end, strictly between 0 and 1.

    Raises
    ------
    InputError
        If a number is outside its range; and from ``multistart``, if starts are not independent draws.

    Examples
    --------
    >>> import batchgd as bgd
    >>> rule = bgd.Coverage(0.99, confidence=0.95)
    >>> rule.first_look
    368
    >>> result = bgd.multistart("himmelblau", until=rule)
    >>> print(result.stopped)
    stopped: covered after 368 starts, at look 1

    References
    ----------
    K. K. G. Lan and D. L. DeMets, "Discrete sequential boundaries for clinical trials", Biometrika 70, 1983, for
    spending an error over looks.
    """

    share: float
    confidence: float = 0.95

    def __post_init__(self) -> None:
        for name in ("share", "confidence"):
            value = check.number(f"{name} of Coverage", getattr(self, name), "a number between 0 and 1")
            object.__setattr__(self, name, value)
        if not 0.0 < self.share <= 1.0 - _SMALLEST:
            why = "no number of starts can show that nothing is left" if self.share == 1.0 else "it is a share"
            if 1.0 - _SMALLEST < self.share < 1.0:
                why = f"closer to 1 than {_SMALLEST:g}, which takes more than four billion starts to show"
            raise InputError(f"coverage is {self.share!r}: {why}; give a number between 0 and 1, such as 0.999")
        check_confidence(self.confidence)

    @property
    def first_look(self) -> int:
        """The fewest starts at which the bound can be met: ln(1 - confidence of look 1) / ln(share)."""
        return math.ceil(math.log1p(-spent(self.confidence, 1)) / math.log(self.share) - 1e-9)

    def looks(self, most: int) -> Iterator[tuple[int, int]]:
        """Ranges of starts, from first to before stop, after each of which the run looks; the last ends at ``most``.

        >>> list(Coverage(0.99).looks(1000))
        [(0, 368), (368, 736), (736, 1000)]
        """
        first, stop = 0, min(self.first_look, most)
        while first < stop:
            yield first, stop
            first, stop = stop, min(_GROWTH * stop, most)

    def __str__(self) -> str:
        return f"Coverage({self.share:g}, confidence={self.confidence:g})"


@dataclass(frozen=True)
class Stopped:
    """What ended a run with ``until=``: ``result.stopped``.

    Attributes
    ----------
    why : str
        ``"covered"``: the bound was met. ``"starts"`` or ``"max_time"``: they ran out first. ``"interrupted"``.
    starts, looks : int
        Starts made, and how often the counts were looked at.
    share, confidence : float
        What the rule asked for.
    """

    why: str
    starts: int
    looks: int
    share: float
    confidence: float

    def __str__(self) -> str:
        words = {"covered": "covered", "starts": "starts ran out", "max_time": "time ran out"}.get(self.why, self.why)
        missed = "" if self.why == "covered" else f"; a coverage of {100 * self.share:.10g} % was not reached"
        return f"stopped: {words} after {self.starts:,} starts, at look {self.looks}{missed}"

    def to_dict(self) -> dict[str, Any]:
        """The fields, for JSON."""
        return {**self.__dict__}
