"""Whether data determine a parameter: identifiable, practically not, or structurally not, from its profile."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from batchgd.analysis.fitting.profile_intervals import ConfidenceInterval, unknown
from batchgd.problem.optional import require
from batchgd.problem.tables import TextTable
from batchgd.problem.wording import percent_of

FLAT = 1e-3
"""A profile that rises by less than this, in units of the variance, next to the best value does not rise."""

IDENTIFIABLE = "identifiable"
PRACTICALLY = "practically not identifiable"
STRUCTURALLY = "structurally not identifiable"


@dataclass(frozen=True)
class Verdict:
    """Whether data determine a parameter (``verdict``), and in words why not (``why``, empty if they do)."""

    name: str
    verdict: str
    why: str = ""

    @property
    def identifiable(self) -> bool:
        """Whether its interval is closed on both sides."""
        return self.verdict == IDENTIFIABLE

    def __str__(self) -> str:
        return f"{self.name} is {self.verdict}{': ' if self.why else ''}{self.why}"


def judge(
    interval: ConfidenceInterval,
    near: float,
    sides: tuple[tuple[float, float], tuple[float, float]],
    level: float,
    with_it: list[str],
    limits: list[str],
) -> Verdict:
    """Return the verdict on a parameter.

    Structurally not identifiable: J has no full rank, with the parameter in a direction that changes nothing
    (``with_it`` are the others in it), and the profile is flat next to the best value (``near`` is its rise there).
    Practically not identifiable: the profile has a minimum, but its interval is open; ``sides`` are the highest rise
    and the last value, on the left and on the right, ``level`` the rise that is not reached. ``limits`` are the
    parameters at whose limits the interval ends.
    """
    if with_it and near < FLAT:
        others = [name for name in with_it if name != interval.name]
        along = f"together with {', '.join(others)}" if others else "whatever its value"
        return Verdict(interval.name, STRUCTURALLY, f"chi-square does not change along it, {along}")
    if interval.closed:
        why = f"at an end of its interval {' and '.join(limits)} reached a limit" if limits else ""
        return Verdict(interval.name, IDENTIFIABLE, why)
    parts = [
        f"its best value is at its {'lower' if side == 'left' else 'upper'} limit"
        if math.isclose(last, interval.value, rel_tol=1e-12)
        else f"open to the {side}: {to} to {last:.6g} the rise is at most {rise:.3g}, and the level is at {level:.3g}"
        for is_open, side, to, (rise, last) in zip(
            (interval.open_left, interval.open_right), ("left", "right"), ("down", "up"), sides, strict=True
        )
        if is_open
    ]
    return Verdict(interval.name, PRACTICALLY, " and ".join(parts))


class Identifiability(Mapping):
    """What :meth:`FitResult.identifiability` returns: a :class:`Verdict` for each parameter; print it."""

    def __init__(self, verdicts: Mapping[str, Verdict], level: float):
        self._verdicts, self.level = dict(verdicts), level

    def __getitem__(self, name: str) -> Verdict:
        if name not in self._verdicts:
            raise unknown(name, [*self._verdicts], "there is no verdict on")
        return self._verdicts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._verdicts)

    def __len__(self) -> int:
        return len(self._verdicts)

    def to_dataframe(self) -> Any:
        """Return a pandas DataFrame with a row per parameter."""
        pandas = require("pandas", "frames")
        return pandas.DataFrame(self._rows())

    def _rows(self) -> list[dict[str, str]]:
        return [{"parameter": each.name, "verdict": each.verdict, "why": each.why} for each in self._verdicts.values()]

    def __repr__(self) -> str:
        rows = self._rows()
        if not any(row["why"] for row in rows):
            for row in rows:
                del row["why"]
        return (
            f"identifiability at {percent_of(self.level)}\n\n{TextTable(rows, words=['parameter', 'verdict', 'why'])}"
        )
