"""The coverage of a result: how certain it is that no minimum is missing, in numbers and in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from batchgd.minima.coverage.estimates import (
    boender_rinnooy_kan,
    chao1,
    extrapolation,
    rarefaction,
    unseen_bound,
)
from batchgd.minima.coverage.rule import spent
from batchgd.minima.fractions import check_confidence, seen_interval
from batchgd.problem import check
from batchgd.problem.errors import InputError
from batchgd.problem.wording import percent

_NO_MINIMUM = "no start reached a minimum"
_NOTHING = 0.9  # an upper bound from here on is of no use
_REACH = 2  # times n: how far the discovery curve is extrapolated (Chao et al. 2014)


@dataclass(frozen=True, eq=False, repr=False)
class CoverageReport:
    """What the counts of the minima reveal about the minima not seen: ``result.coverage``.

    Shares are shares of all n starts. Starts without a label (-1) reached no minimum: they count in n, their share
    (``unlabelled / n``) is given separately, and it is neither covered nor unseen. So the bound is about starts that
    this method brings to a minimum; nobody knows where the unlabelled starts would have ended. Starts that a time limit
    or an interrupt cut off carry no information yet and are not in n.

    Attributes
    ----------
    count : (m,) of int
        Starts that reached each minimum.
    n : int
        All starts that ended.
    confidence : float
        Of ``unseen_high``, ``single_basin`` and ``fractions``.
    note : str or None
        Why the bounds and intervals are None; None if they are given.
    place : str
        What the shares are shares of: "this box" for uniform starts, "such starts" for any other distribution.
    cut : int
        Starts that were cut off before they ended: not in n.
    looks : int
        How often a run with ``until=`` looked at its counts before it ended. The bounds are then those of
        :func:`batchgd.minima.coverage.rule.spent`, so that ``confidence`` holds in spite of the repeated looks.
    chosen : bool
        Whether the starts were chosen by the results of others. Then the counts reveal nothing about what was missed,
        and estimates are None like the bounds.

    Examples
    --------
    >>> coverage = CoverageReport(np.array([60, 38, 1, 1]), 100)
    >>> print(coverage.sentence())
    at most 6.2 % of this box (95 %) is in basins of minima not seen
    >>> coverage.unseen, coverage.chao1, coverage.curve([0, 1, 100])
    (0.02, 5.0, array([0., 1., 4.]))
    """

    count: NDArray[np.int64]
    n: int
    confidence: float = 0.95
    note: str | None = None
    place: str = "this box"
    cut: int = 0
    looks: int = 0
    chosen: bool = False

    def __post_init__(self) -> None:
        check_confidence(self.confidence)
        count = np.asarray(self.count, dtype=np.int64)
        if count.ndim != 1 or np.any(count < 0) or count.sum() > self.n:
            raise InputError(f"count is {self.count}: give one count per minimum, with a sum of at most n = {self.n}")
        object.__setattr__(self, "count", count)
        if self.note is None and not self.seen:
            object.__setattr__(self, "note", _NO_MINIMUM)

    @property
    def seen(self) -> int:
        """Distinct minima seen, w."""
        return int(np.count_nonzero(self.count))

    @property
    def once(self) -> int:
        """Minima that exactly one start reached, f1."""
        return int(np.count_nonzero(self.count == 1))

    @property
    def twice(self) -> int:
        """Minima that exactly two starts reached, f2."""
        return int(np.count_nonzero(self.count == 2))

    @property
    def unlabelled(self) -> int:
        """Starts that reached no minimum."""
        return self.n - int(self.count.sum())

    @property
    def unseen(self) -> float | None:
        """Good-Turing's estimate f1 / n of the share in basins of minima not seen; None without a minimum."""
        return self.once / self.n if self.seen and not self.chosen else None

    @property
    def unseen_high(self) -> float | None:
        """Upper confidence bound on that share, see :func:`unseen_bound`; None if withheld: see ``note``."""
        return None if self.note else self._bound(self.once, self.twice)

    @property
    def single_basin(self) -> float | None:
        """Share above which any one basin would have been hit, 1 - (1 - confidence)^(1/n); None if withheld."""
        return None if self.note else self._bound(0, 0)

    def _bound(self, once: int, twice: int) -> float:
        return unseen_bound(once, twice, self.n, spent(self.confidence, self.looks))

    @property
    def chao1(self) -> float | None:
        """Number of minima, at least; see :func:`chao1`."""
        return None if self.chosen else chao1(self.seen, self.once, self.twice)

    @property
    def boender_rinnooy_kan(self) -> tuple[float, float] | None:
        """Expected number of minima and covered share, over-confident on skewed basins: :func:`boender_rinnooy_kan`."""
        return None if self.chosen else boender_rinnooy_kan(self.seen, self.n - self.unlabelled)

    def fractions(self, simultaneous: bool = False) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Intervals (low, high) of the minima's shares, given that they were seen; None if withheld.

        Among the runs that list a minimum, its interval contains its share in at least ``confidence`` of them; see
        :func:`batchgd.minima.fractions.seen_interval`; ``python benchmarks/intervals.py`` measures it.

        Parameters
        ----------
        simultaneous : bool
            The intervals of all minima listed hold at once in at least ``confidence`` of the runs (the error is
            divided by their number); if False, each for itself.
        """
        together = check.flag("simultaneous", simultaneous)
        if self.note:
            return None
        error = (1 - self.confidence) / (max(len(self.count), 1) if together else 1)
        return seen_interval(self.count, self.n, 1 - error)

    def curve(self, starts: ArrayLike) -> NDArray[np.float64]:
        """Expected number of distinct minima after this many starts: the discovery curve.

        Up to n :func:`rarefaction`, exact; up to 2 n :func:`extrapolation`.

        Raises
        ------
        InputError
            If a number is beyond 2 n (or beyond n, if the starts are not independent), or below 0.
        """
        if self.chosen:
            raise InputError(f"there is no discovery curve: {self.note}")
        starts = check.reals("starts holds", starts, "give numbers of starts").astype(np.float64)
        limit = self.n if self.note else _REACH * self.n
        if np.any(~((starts >= 0) & (starts <= limit))):
            why = f" ({self.note})" if self.note else f", {_REACH} times the starts of the run"
            raise InputError(f"the discovery curve reaches from 0 to {limit:,} starts{why}: ask for starts within it")
        inside = rarefaction(self.count, self.n, np.minimum(starts, self.n))
        return np.where(
            starts <= self.n,
            inside,
            extrapolation(self.seen, self.once, self.twice, self.n, np.maximum(starts, self.n)),
        )

    @property
    def empty(self) -> bool:
        """Whether the bound is of no use: too few starts, nearly each of which found a minimum of its own."""
        high = self.unseen_high
        return high is not None and high >= _NOTHING and not self.mostly_unlabelled

    @property
    def mostly_unlabelled(self) -> bool:
        """Whether most starts reached no minimum, so that a bound on the others says little about the box."""
        return 2 * self.unlabelled > self.n

    def sentence(self) -> str:
        """The bound in words; if most starts reached no minimum, what would help instead."""
        high = self.unseen_high
        if high is None:
            return f"no bound on the basins of minima not seen: {self.note}"
        if self.mostly_unlabelled:
            lost = percent(self.unlabelled / self.n)
            return (
                f"cannot be judged while {lost} of the starts reach no minimum: "
                "raise maxiter, take a smaller step, or try L-BFGS"
            )
        extra = f"; {percent(self.unlabelled / self.n)} reached no minimum" if self.unlabelled else ""
        extra += f"; not counted: {self.cut:,} starts that were cut off" if self.cut else ""
        sure = f"{100 * self.confidence:.6g} %"
        verb = "is" if self.place == "this box" else "are"
        return f"at most {percent(high, up=True)} of {self.place} ({sure}) {verb} in basins of minima not seen{extra}"

    def __repr__(self) -> str:
        lines = [
            self.sentence(),
            f"{self.seen:,} minima seen from {self.n:,} starts; {self.once:,} of them once, {self.twice:,} twice",
        ]
        if self.unseen is not None:
            lines.append(f"unseen share, estimated: {percent(self.unseen)} (Good-Turing)")
        if self.chao1 is not None:
            lines.append(f"number of minima: at least {self.chao1:,.1f} (Chao1)")
        bayes = self.boender_rinnooy_kan
        if bayes:
            lines[-1] += f"; {bayes[0]:,.1f} (Boender-Rinnooy Kan, over-confident on skewed basins)"
        if not self.note:
            next_found = float(self.curve(_REACH * self.n)) - self.seen
            lines.append(f"another {self.n:,} starts would show about {next_found:.2g} more")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """The numbers for JSON: no NaN; None if a number does not exist or is withheld."""
        bayes = self.boender_rinnooy_kan
        reach = self.n if self.note else _REACH * self.n
        starts = np.unique(np.append(np.round(np.geomspace(1, max(reach, 1), 16)), self.n)).astype(np.int64)
        starts = starts[starts <= reach]
        return {
            "sentence": self.sentence(),
            "n": self.n,
            "minima": self.seen,
            "once": self.once,
            "twice": self.twice,
            "unlabelled": self.unlabelled,
            "cut": self.cut,
            "confidence": self.confidence,
            "looks": self.looks,
            "unseen": self.unseen,
            "unseen_high": self.unseen_high,
            "single_basin": self.single_basin,
            "note": self.note,
            "chao1": self.chao1,
            "boender_rinnooy_kan": None if bayes is None else {"minima": bayes[0], "covered": bayes[1]},
            "curve": None if self.chosen else {"starts": starts.tolist(), "minima": self.curve(starts).tolist()},
        }
