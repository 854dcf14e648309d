"""The profiles of a fit as a result: what was found at each value, as a table, a data frame and a picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.analysis.fitting.profile_identifiability import Identifiability
from batchgd.analysis.fitting.profile_intervals import ConfidenceInterval, ConfidenceIntervals, percent_of, unknown
from batchgd.analysis.fitting.profile_levels import RiseTest
from batchgd.problem.optional import require
from batchgd.problem.tables import TextTable
from batchgd.problem.wording import plural

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Profile:
    """The profile of one parameter.

    Attributes
    ----------
    name : str
    value, stderr : float
        The best value, and its standard error or None.
    values : (n,)
        Values of the parameter, in order.
    cost : (n,)
        The lowest chi-square at each (the cost, if the loss is robust), with the others fitted; ``rise`` (n,) is its
        distance to the best, in units of s² = chi-square / nfree, or as it is if sigma is absolute.
    points : (n, p)
        The free parameters there.
    branch : (n,)
        Which basin that fit is in: 0 for that of the best fit, followed along the parameter.
    optima : (k, 3)
        All optima that were found: value, rise, branch.
    scale : "linear" or "log"
    """

    name: str
    value: float
    stderr: float | None
    values: Floats
    cost: Floats
    rise: Floats
    points: Floats
    branch: NDArray[np.int64]
    optima: Floats
    scale: str


class Profiles(Mapping):
    """Profiles of several parameters by name, and what follows from them: :meth:`FitResult.profile`; print it.

    Attributes
    ----------
    intervals : ConfidenceIntervals
        For each parameter and level.
    identifiability : Identifiability
        For each parameter, at the highest level.
    better : dict or None
        The parameters of a better fit than the best, if one was found: profiles and intervals are then about it.
    chisqr : float
        The chi-square of the best fit, or of the better one.
    fits : int
        How many fits with one parameter held were made.
    """

    def __init__(
        self,
        profiles: Mapping[str, Profile],
        intervals: ConfidenceIntervals,
        identifiability: Identifiability,
        test: RiseTest,
        **facts: Any,
    ):
        self._profiles, self.intervals, self.identifiability, self.test = (
            dict(profiles),
            intervals,
            identifiability,
            test,
        )
        self.model, self.fits, self.chisqr = facts["model"], facts["fits"], facts["chisqr"]
        self.better, self.notes = facts["better"], facts["notes"]

    def __getitem__(self, name: str) -> Profile:
        if name not in self._profiles:
            raise unknown(name, [*self._profiles], "there is no profile of")
        return self._profiles[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._profiles)

    def __len__(self) -> int:
        return len(self._profiles)

    def to_dataframe(self) -> Any:
        """Return a pandas DataFrame with a row per parameter and value: value, cost, rise, branch, confidence."""
        pandas = require("pandas", "frames")
        parts = [
            pandas.DataFrame(
                {"parameter": name, "value": each.values, "cost": each.cost, "rise": each.rise}
                | {"branch": each.branch, "confidence": self.test.level(each.rise)}
            )
            for name, each in self._profiles.items()
        ]
        return pandas.concat(parts, ignore_index=True)

    def plot(self, path: Any = None, axes: Any = None) -> Any:
        """Draw a panel per parameter; with a path, write it there. Returns the axes."""
        from batchgd.output.plot.canvas import drawn
        from batchgd.output.plot.profiles_of_fits import profiles

        return drawn(path, lambda: profiles(self, axes))

    def __repr__(self) -> str:
        of = "" if self.model == "<lambda>" else f" of {self.model}"
        head = f"profiles{of} · {plural(len(self), 'parameter')} · {plural(self.fits, 'fit')} with one held"
        rows = []
        for name, each in self._profiles.items():
            interval = _highest(self.intervals[name])
            level = percent_of(interval.level)
            shown = {
                "parameter": name,
                "best": f"{each.value:.7g}",
                "stderr": "–" if each.stderr is None else f"{each.stderr:.4g}",
                f"low {level}": "open" if interval.open_left else f"{interval.low:.6g}",
                f"high {level}": "open" if interval.open_right else f"{interval.high:.6g}",
                "basins": f"{len(np.unique(each.branch[self.test.level(each.rise) <= interval.level]))}",
                "verdict": self.identifiability[name].verdict,
            }
            rows.append(shown)
        lines = [str(verdict) for verdict in self.identifiability.values() if verdict.why]
        parts = [head, str(TextTable(rows, words=["parameter", "verdict"]))]
        return "\n\n".join([*parts, *(["\n".join([*lines, *self.notes])] if lines or self.notes else [])])


def _highest(found: Any) -> ConfidenceInterval:
    return found[-1] if isinstance(found, tuple) else found
