"""Confidence intervals from profiles: where the profile is below the level, and on which side it stays there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from batchgd.problem.errors import InputError, did_you_mean, quoted
from batchgd.problem.optional import require
from batchgd.problem.tables import TextTable

OPEN = "open"


@dataclass(frozen=True)
class ConfidenceInterval:
    """The values of one parameter at which chi-square rises by no more than a level allows.

    Attributes
    ----------
    name, value, level
        The parameter, its best value, and the level of confidence.
    low, high : float
        The ends; on an open side, the parameter's limit (or infinity).
    open_left, open_right : bool
        Whether the level is not reached up to the limit on that side.
    others : tuple of (low, high)
        Further intervals of the same level that the profile has apart from this one, around other solutions.

    >>> print(ConfidenceInterval("k", 2.0, 0.95, 1.5, 100.0, False, True))
    k = 2, from 1.5, open to the right (up to 100), at 95 %
    """

    name: str
    value: float
    level: float
    low: float
    high: float
    open_left: bool = False
    open_right: bool = False
    others: tuple[tuple[float, float], ...] = ()

    @property
    def closed(self) -> bool:
        """Whether the level is reached on both sides."""
        return not (self.open_left or self.open_right)

    def __str__(self) -> str:
        low, high = f"{self.low:.6g}", f"{self.high:.6g}"
        if self.closed:
            span = f"from {low} to {high}"
        elif self.open_left and self.open_right:
            span = f"open on both sides (from {low} to {high})"
        elif self.open_right:
            span = f"from {low}, open to the right (up to {high})"
        else:
            span = f"to {high}, open to the left (down to {low})"
        return f"{self.name} = {self.value:.6g}, {span}, at {percent_of(self.level)}"


class ConfidenceIntervals(Mapping):
    """What :meth:`FitResult.conf_interval` returns: for each parameter an interval, or one for each level; print it.

    ``intervals["k"]`` is the :class:`ConfidenceInterval` of k, or a tuple of them, the lowest level first, if several
    levels were asked for.
    """

    def __init__(self, rows: Mapping[str, tuple[ConfidenceInterval, ...]], test: str, notes: tuple[str, ...] = ()):
        self._rows, self.test, self.notes = dict(rows), test, notes

    def __getitem__(self, name: str) -> Any:
        if name not in self._rows:
            raise unknown(name, [*self._rows], "no interval was computed for")
        found = self._rows[name]
        return found[0] if len(found) == 1 else found

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def to_dataframe(self) -> Any:
        """Return a pandas DataFrame with a row per parameter and level."""
        pandas = require("pandas", "frames")
        fields = ("name", "level", "value", "low", "high", "open_left", "open_right")
        rows = [{each: getattr(one, each) for each in fields} for found in self._rows.values() for one in found]
        return pandas.DataFrame(rows).rename(columns={"name": "parameter"})

    def table(self) -> TextTable:
        """Return the distances of the ends from the best value, in the order of ``lmfit.ci_report``."""
        rows = []
        for name, found in self._rows.items():
            row = {"parameter": name}
            for each in reversed(found):
                below = OPEN if each.open_left else f"{each.low - each.value:+.5g}"
                row[f"-{percent_of(each.level)}"] = below
            row["best"] = f"{found[0].value:.7g}"
            for each in found:
                above = OPEN if each.open_right else f"{each.high - each.value:+.5g}"
                row[f"+{percent_of(each.level)}"] = above
            rows.append(row)
        return TextTable(rows, words=["parameter"])

    def __repr__(self) -> str:
        return "\n\n".join([f"confidence intervals by {self.test}", str(self.table()), *self._below()])

    def _below(self) -> list[str]:
        lines = [str(each) for found in self._rows.values() for each in found if not each.closed]
        for found in self._rows.values():
            apart = [each for each in found if each.others]
            if apart:
                spans = ", ".join(f"{low:.6g} to {high:.6g}" for low, high in apart[-1].others)
                lines.append(f"{apart[-1].name} may also be in {spans}, at {percent_of(apart[-1].level)}")
        lines += self.notes
        return ["\n".join(lines)] if lines else []


def regions(values: Any, rises: Any, rise: float, ends: list[tuple[float, bool]]) -> list[tuple[float, float]]:
    """Return the intervals in which a profile is below a rise; an open side is infinite.

    ``ends`` are the crossings in order, each with whether the profile is below the rise to its left.

    >>> regions([0.0, 4.0], [9.0, 0.0], 4.0, [(1.0, False), (2.0, True), (3.0, False)])
    [(1.0, 2.0), (3.0, inf)]
    """
    found, low = [], -np.inf if rises[0] <= rise else None
    for place, below_before in ends:
        if below_before:
            found.append((-np.inf if low is None else low, place))
            low = None
        else:
            low = place
    if low is not None:
        found.append((low, np.inf))
    return found


def percent_of(level: float) -> str:
    """Return a level of confidence in per cent, with no more digits than it needs.

    >>> percent_of(0.95), percent_of(0.9973002)
    ('95 %', '99.73 %')
    """
    return f"{round(100.0 * level, 2):g} %"


def unknown(name: Any, known: list[str], what: str) -> InputError:
    """Return the error for a parameter that is not among those known."""
    hint = did_you_mean(str(name), known) or f"there are {', '.join(known)}"
    return InputError(f"{what} {quoted(name)}: {hint.strip()}")
