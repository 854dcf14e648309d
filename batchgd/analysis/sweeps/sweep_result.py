"""The result of a sweep: one entry per value, as a table, a data frame, JSON and a picture."""

from __future__ import annotations

from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from batchgd.analysis.sweeps.recommend import Curvatures, Recommendation, recommend
from batchgd.analysis.sweeps.tally import REGIMES, Tally
from batchgd.kernels.status import CUT, Status
from batchgd.minima.fractions import wilson
from batchgd.problem import check
from batchgd.problem.limits import cut, rows_shown
from batchgd.problem.tables import TextTable, listed, records
from batchgd.problem.wording import duration, percent_column

if TYPE_CHECKING:
    from batchgd.analysis.sweeps.grid import SweepGrid
    from batchgd.engine.batch import Batch


class SweepResult:
    """The effect of each of K values of a hyperparameter on the same n starts.

    Attributes
    ----------
    values : dict of (K,) arrays
        The swept hyperparameters by name; ``result.values["learning_rate"]``.
    slow, monotone, oscillating, lost : (K,)
        Shares of the starts; they add up to 1. See :func:`sweep` for what they mean.
    nit_median, nit_tail : (K,)
        Median and 90 % quantile of the updates of starts that are not lost; slow ones count with the updates that they
        made. NaN if all are lost.
    best : (K,)
        The lowest value reached; inf if none was finite.
    fidelity, fidelity_low, fidelity_high : (K,) or None
        Share of the starts that land in the minimum that gradient flow takes them to, with its 95 % Wilson interval
        (None for starts that are not independent). Slow and lost starts do not land.
    curvatures : Curvatures or None
        Extreme eigenvalues of the Hessian at the minima found, and the thresholds 1/L and 2/L.
    n_starts, n_values, n_with_basin, seconds, interrupted
        Starts per value that were begun, values, starts that gradient flow takes to a minimum, the wall time, and
        whether Ctrl-C ended the sweep.
    """

    def __init__(
        self,
        batch: Batch,
        grid: SweepGrid,
        tally: Tally,
        fidelity: bool,
        curvatures: Curvatures | None,
        seconds: float,
    ) -> None:
        self.batch, self._tally, self.curvatures, self.seconds = batch, tally, curvatures, seconds
        self.values = dict(zip(grid.names, grid.values.T, strict=True))
        self.n_starts, self.n_values, self.n_with_basin = tally.n, len(grid), tally.with_basin
        self.slow, self.monotone, self.oscillating, self.lost = (tally.regimes / tally.n).T
        self.nit_median, self.nit_tail, self.best = tally.updates(0.5), tally.updates(0.9), tally.best
        self.fidelity: NDArray[np.float64] | None = None
        self.fidelity_low: NDArray[np.float64] | None = None
        self.fidelity_high: NDArray[np.float64] | None = None
        if fidelity and tally.with_basin:
            self.fidelity = tally.kept / tally.with_basin
            if batch.starts.independent:
                self.fidelity_low, self.fidelity_high = wilson(tally.kept, tally.with_basin)

    @property
    def constant_rate(self) -> bool:
        """Whether this is plain gradient descent at constant learning rates, about which theory says more."""
        method = self.batch.method
        return method.rule == "gradient_descent" and not method.parts and [*self.values] == ["learning_rate"]

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended the sweep."""
        return self._tally.interrupted or bool(self._tally.status[:, Status.INTERRUPTED].any())

    @cached_property
    def recommended(self) -> Recommendation | None:
        """The value to use with its reason (``recommended.value``); None if nothing converged."""
        optimum = self.curvatures.optimum if self.constant_rate and self.curvatures else None
        return recommend(self.values, self.monotone + self.oscillating, self.nit_median, self.fidelity, optimum)

    def at(self, k: int) -> dict[str, float]:
        """Return the k-th value of every swept hyperparameter."""
        k = check.whole("k", k, -self.n_values, self.n_values - 1)
        return {name: float(values[k]) for name, values in self.values.items()}

    def status_counts(self, k: int | None = None) -> dict[str, int]:
        """How many trajectories ended for each reason: all of them, or those of the k-th value."""
        if k is not None:
            k = check.whole("k", k, -self.n_values, self.n_values - 1)
        counts = self._tally.status.sum(axis=0) if k is None else self._tally.status[k]
        return {
            Status(int(code)).name: int(counts[code]) for code in np.argsort(-counts, kind="stable") if counts[code]
        }

    def columns(self) -> dict[str, NDArray]:
        """Return the table, one (K,) array per column."""
        names = [*REGIMES, "nit_median", "nit_tail", "best"]
        if self.fidelity is not None:
            names += ["fidelity"] if self.fidelity_low is None else ["fidelity", "fidelity_low", "fidelity_high"]
        return self.values | {name: getattr(self, name) for name in names}

    def to_dataframe(self) -> Any:
        """Return a pandas DataFrame, one row per value; the last columns count statuses."""
        from batchgd.problem.optional import require

        statuses = {name: self._tally.status[:, Status[name]] for name in self.status_counts()}
        return require("pandas", "frames").DataFrame(self.columns() | statuses)

    def summary(self) -> dict[str, Any]:
        """The result as a dict that ``json.dumps`` takes, what ``--json`` prints; ``values``: one entry per value."""
        from batchgd.output.summary import json_ready, method_name

        status = [self.status_counts(k) for k in range(self.n_values)]
        curvatures = None
        if self.curvatures is not None:
            curvatures = asdict(self.curvatures) | {"optimum": self.curvatures.optimum}
        return json_ready(
            {
                "objective": self.batch.objective.name,
                "dim": self.batch.objective.dim,
                "method": method_name(self.batch.method),
                "swept": [*self.values],
                "n_starts": self.n_starts,
                "n_with_basin": self.n_with_basin,
                "seed": self.batch.seed,
                "backend": self.batch.backend.name,
                "dtype": self.batch.dtype,
                "seconds": self.seconds,
                "interrupted": self.interrupted,
                "status": self.status_counts(),
                "curvatures": curvatures,
                "thresholds": self.curvatures.thresholds if self.curvatures and self.constant_rate else None,
                "recommended": None if self.recommended is None else asdict(self.recommended),
                **listed(None, values=self.columns() | {"status": status}),
            }
        )

    def plot(self, path: str | Path | None = None) -> Any:
        """Draw regimes over the value, updates and fidelity below; with a path, write it there. Returns the axes."""
        from batchgd.output.plot.sweep import draw_sweep

        return draw_sweep(self, path)

    def __len__(self) -> int:
        return self.n_values

    def __repr__(self) -> str:
        from batchgd.output.report import wrapped
        from batchgd.output.summary import method_name

        pieces = [
            self.batch.objective.name,
            f"{self.batch.objective.dim}-D",
            f"{self.n_starts:,} starts x {self.n_values:,} values",
            method_name(self.batch.method),
            f"{self.batch.backend.name} {self.batch.dtype}",
            duration(self.seconds),
        ]
        return "\n".join([" · ".join(pieces), "", str(self._table()), "", *wrapped(self._notes())])

    def _table(self) -> TextTable:
        most = rows_shown(self.n_values, None)
        columns = {name: [f"{value:.4g}" for value in values[:most]] for name, values in self.values.items()}
        columns |= {f"{name} %": _percents(getattr(self, name)[:most]) for name in REGIMES}
        for name, updates in (("updates", self.nit_median), ("90 % of them", self.nit_tail)):
            columns[name] = [f"{value:,.0f}" if np.isfinite(value) else "-" for value in updates[:most]]
        columns["best value"] = [f"{value:.6g}" for value in self.best[:most]]
        if self.fidelity is not None:
            columns["fidelity %"] = _percents(self.fidelity[:most])
        return TextTable(records(columns), below=cut(self.n_values, "value", shown=most))

    def _nothing(self) -> str:
        at = "" if self.curvatures is None or not self.constant_rate else f"; 2/(L+μ) is {self.curvatures.optimum:.4g}"
        return f"none, nothing converged at any value{at}"

    def _notes(self) -> list[str]:
        notes = ["ended by: " + " · ".join(f"{name} {count:,}" for name, count in self.status_counts().items())]
        if self.fidelity is not None:
            notes.append(f"fidelity: of {self.n_with_basin:,} starts that gradient flow takes to a minimum")
        if self.curvatures is not None and self.constant_rate:
            notes.append(
                "in theory: " + " · ".join(f"{name} = {at:.4g}" for name, at in self.curvatures.thresholds.items())
            )
        if self._tally.status[:, list(CUT)].any():
            begun = f"{self.n_starts:,} of {self.batch.starts.n:,} starts were begun"
            notes.append(f"cut short: {begun}, and those that had not ended count as slow")
        notes.append(f"recommended: {self.recommended or self._nothing()}")
        return notes


def _percents(shares: NDArray[np.float64]) -> list[str]:
    return [percent_column(share, 2, unit="") for share in shares]
