"""The result of a comparison of methods: one cell per method and landscape, as a table in several forms."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.minima.fractions import wilson
from batchgd.problem import check
from batchgd.problem.errors import InputError, quoted
from batchgd.problem.limits import cut, rows_shown
from batchgd.problem.tables import TextTable, listed
from batchgd.problem.wording import percent_column

_NOTE = (
    "success: share of the starts that reach the global minimum; evaluations: median, and 90th percentile, until a "
    "trajectory comes to rest at a minimum (-: not even that share of the starts does); fidelity: of the starts that "
    "the reference takes to a minimum, the share that end there (-: it takes none); seconds: wall time, not compiling"
)


@dataclass(frozen=True, eq=False)
class Cell:
    """One method on one landscape.

    Attributes
    ----------
    method, landscape : str
        Their names in the table.
    successes, starts : int
        Starts that reached the global minimum, and all starts.
    minima : int
        Distinct minima found.
    fidelity : float
        Of the starts that the reference takes to a minimum, the share that end there; NaN if it takes none.
    evaluations : (starts,)
        Evaluations of value and gradient until a trajectory came to rest at a minimum; infinite if it did not.
    compile_seconds, seconds : float
        Wall time of compiling, and of the run with what follows it.
    error : str or None
        What went wrong, if anything did.

    >>> cell = Cell("adam", "levy", successes=3, starts=4, evaluations=np.array([9.0, 5.0, np.inf, 7.0]))
    >>> cell.success, cell.quantile(0.5), cell.quantile(0.9)
    (0.75, 7.0, inf)
    """

    method: str
    landscape: str
    successes: int = 0
    starts: int = 0
    minima: int = 0
    fidelity: float = float("nan")
    evaluations: NDArray[np.float64] = field(default_factory=lambda: np.empty(0), repr=False)
    compile_seconds: float = float("nan")
    seconds: float = float("nan")
    interrupted: bool = False
    error: str | None = None

    @property
    def success(self) -> float:
        """Share of the starts that reached the global minimum."""
        return self.successes / self.starts if self.starts else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of that share."""
        low, high = wilson(self.successes, self.starts)
        return float(low), float(high)

    def quantile(self, share: float) -> float:
        """Evaluations within which this share of the starts came to rest at a minimum; infinite if fewer did."""
        share = check.number("share", share, "a share of the starts from 0 to 1")
        if not 0.0 <= share <= 1.0:
            raise InputError(f"share is {share:g}: give a share of the starts from 0 to 1")
        if not len(self.evaluations):
            return float("nan")
        return float(np.quantile(self.evaluations, share, method="inverted_cdf"))

    def record(self) -> dict[str, Any]:
        """The numbers of the table."""
        low, high = self.interval if self.starts else (float("nan"),) * 2
        return {
            "landscape": self.landscape,
            "method": self.method,
            "success": self.success,
            "success_low": low,
            "success_high": high,
            "minima": self.minima,
            "evaluations_median": self.quantile(0.5),
            "evaluations_90": self.quantile(0.9),
            "fidelity": self.fidelity,
            "seconds": self.seconds,
            "compile_seconds": self.compile_seconds,
            "starts": self.starts,
            "error": self.error,
        }


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """The cells of a comparison, landscape by landscape; it prints as a table.

    >>> from batchgd import compare
    >>> table = compare({"slow": "gradient_descent"}, ["himmelblau"], starts=20, backend="numpy")
    >>> len(table), [cell.method for cell in table], table.landscapes
    (1, ['slow'], ['himmelblau 2-D'])
    """

    cells: tuple[Cell, ...]
    starts: int
    reference: str = ""
    interrupted: bool = False

    def __len__(self) -> int:
        return len(self.cells)

    def __iter__(self) -> Iterator[Cell]:
        return iter(self.cells)

    @property
    def methods(self) -> list[str]:
        """The methods' names, in order."""
        return list(dict.fromkeys(cell.method for cell in self.cells))

    @property
    def landscapes(self) -> list[str]:
        """The landscapes' names, in order."""
        return list(dict.fromkeys(cell.landscape for cell in self.cells))

    @property
    def failures(self) -> list[Cell]:
        """The cells that met an error."""
        return [cell for cell in self.cells if cell.error is not None]

    def __repr__(self) -> str:
        return "\n".join([str(self._table()), "", *self._notes()])

    def markdown(self) -> str:
        """Return the table as Markdown."""
        return "\n".join([self._table().markdown(), "", *self._notes()])

    def _table(self) -> TextTable:
        most = rows_shown(len(self.cells), None)
        rows = [_row(cell) for cell in self.cells[:most]]
        return TextTable(rows, words=("landscape", "method"), below=cut(len(self.cells), "cell", shown=most))

    def pivot(self, name: str) -> str:
        """Return one number of every cell as Markdown, methods down and landscapes across.

        ``name`` is ``"success"``, ``"evaluations"`` (the median), ``"evaluations_90"``, ``"fidelity"``, ``"minima"`` or
        ``"seconds"``.
        """
        name = check.one_of("name", name, [*_SHORT])
        cells = {(cell.method, cell.landscape): cell for cell in self.cells}
        rows = []
        for method in self.methods:
            found = {landscape: cells.get((method, landscape)) for landscape in self.landscapes}
            numbers = {at: "" if c is None else "failed" if c.error else _SHORT[name](c) for at, c in found.items()}
            rows.append({"method": method} | numbers)
        return TextTable(rows, words=("method",)).markdown()

    def on(self, landscapes: Iterable[str]) -> Comparison:
        """Return the cells of some landscapes, by the table's names."""
        names = [landscapes] if isinstance(landscapes, str) else landscapes
        if not isinstance(names, Iterable) or getattr(names, "ndim", 1) == 0:
            raise InputError(
                f"landscapes is {quoted(landscapes)}: give names of the table, such as {self.landscapes[:1]}"
            )
        wanted = {check.text("a landscape's name", name) for name in names}
        return replace(self, cells=tuple(cell for cell in self.cells if cell.landscape in wanted))

    def to_dataframe(self) -> Any:
        """Return a pandas DataFrame, one row per cell."""
        from batchgd.problem.optional import require

        return require("pandas", "frames").DataFrame([cell.record() for cell in self.cells])

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the evaluations of single starts, as a dict that ``json.dumps`` takes."""
        from batchgd.output.summary import json_ready

        cells = [cell.record() for cell in self.cells]
        columns = {name: [cell[name] for cell in cells] for name in (cells[0] if cells else ())}
        return json_ready({"reference": self.reference, **listed(None, cells=columns)})

    def profile(self, ax: Any = None) -> Any:
        """Draw the performance profile; see :func:`batchgd.output.plot.profile.profile`."""
        from batchgd.output.plot.profile import profile

        return profile(self, ax)

    def _notes(self) -> list[str]:
        failed = [f"{cell.method} on {cell.landscape} failed: {cell.error}" for cell in self.failures]
        return [f"{self.starts:,} starts each; {_NOTE}. Reference: {self.reference}.", *failed]


def _count(number: float) -> str:
    return f"{number:,.0f}" if np.isfinite(number) else "-"


_SHORT: dict[str, Callable[[Cell], str]] = {
    "success": lambda cell: percent_column(cell.success, 1, unit=""),
    "evaluations": lambda cell: _count(cell.quantile(0.5)),
    "evaluations_90": lambda cell: _count(cell.quantile(0.9)),
    "fidelity": lambda cell: percent_column(cell.fidelity, 1, unit=""),
    "minima": lambda cell: f"{cell.minima:,}",
    "seconds": lambda cell: f"{cell.seconds:.3f}",
}


def _row(cell: Cell) -> dict[str, str]:
    low, high = cell.interval if cell.starts else (0.0, 1.0)
    row = {
        "landscape": cell.landscape,
        "method": cell.method,
        "success": percent_column(cell.success, 1),
        "95 % interval": f"{100 * low:.1f} to {100 * high:.1f} %",
        "minima": _SHORT["minima"](cell),
        "evaluations": _SHORT["evaluations"](cell),
        "90 %": _SHORT["evaluations_90"](cell),
        "fidelity": percent_column(cell.fidelity, 1),
        "seconds": _SHORT["seconds"](cell),
    }
    if cell.error is None:
        return row
    return dict.fromkeys(row, "") | {"landscape": cell.landscape, "method": cell.method, "success": "failed"}
