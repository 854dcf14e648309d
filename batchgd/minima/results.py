"""What a batch of descents found, as data: one entry per start, and the landscape of minima behind them."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import numpy as np

from batchgd.compiler.differentiable import MissingFunction
from batchgd.compiler.problems import function_of
from batchgd.kernels.plan import Problems, columns
from batchgd.kernels.status import CUT, LOST, SUCCESSES, Status
from batchgd.minima.coverage.report import CoverageReport
from batchgd.minima.trajectory import Messages, Trajectory
from batchgd.problem import check
from batchgd.problem.arrays import check_dtype, host
from batchgd.problem.coordinates import Coordinates
from batchgd.problem.errors import InputError
from batchgd.problem.identity import SAME, Identity
from batchgd.problem.samplings import ChosenStarts

if TYPE_CHECKING:
    from batchgd.minima.catalogue import Catalogue
    from batchgd.minima.coverage import Stopped
    from batchgd.minima.tables import Minima, Stationary
    from batchgd.problem.bounds import Bounds
    from batchgd.problem.box import Box
    from batchgd.problem.domain import Domain
    from batchgd.problem.stopping import Stopping

RECIPE = ("objective", "method", "box", "stopping", "backend", "dtype", "scale", "threads", "bounds", "domain")
"""The fields of a result that record how it was made, besides the starts."""

_ROWS_AT_ONCE = 1 << 16  # gradients are evaluated in slices, so that their temporaries stay in the tens of megabytes
_SAME = 1e-9  # relative
_NOT_INDEPENDENT = "the starts are not independent draws"


class Best(NamedTuple):
    """The lowest value ``fun`` and its place ``x``, (d,); ``label``: its row of ``minima``, -1 if it is not one."""

    fun: float
    x: np.ndarray
    label: int


class BatchData:
    """The endpoints of n descents in d dimensions, in the order of the starts; see :class:`batchgd.BatchResult`."""

    cut_short = False

    def __init__(
        self,
        *,
        x: Any,
        fun: Any,
        nit: Any,
        nfev: Any,
        status: Any,
        objective: Any = None,
        starts: Any = None,
        method: Any = None,
        box: "Box | None" = None,
        stopping: "Stopping | None" = None,
        backend: str = "numpy",
        dtype: Any = "float64",
        scale: Any = None,
        bounds: "Bounds | None" = None,
        domain: "Domain | None" = None,
        threads: int | None = None,
        problems: Problems | None = None,
        seconds: float = float("nan"),
        warnings: Sequence[str] = (),
        counted: "dict[Status, int] | None" = None,
    ) -> None:
        self.counted = counted
        self.x, self.fun, self.nit, self.nfev = map(_array, (x, fun, nit, nfev))
        self.status = _array(status).astype(np.int8, copy=False)
        if self.x.ndim != 2 or any(len(a) != len(self.x) for a in (self.fun, self.nit, self.nfev, self.status)):
            raise InputError(f"x has shape {self.x.shape}: give x of shape (n, d) and n entries in each other array")
        self.objective, self.starts, self.method, self.box = objective, starts, method, box
        self.stopping, self.scale, self.threads, self.bounds = stopping, scale, threads, bounds
        self.problems, self.domain = problems, domain
        self.backend, self.dtype, self.seconds = backend, check_dtype(dtype, mixed=True), float(seconds)
        self.warnings: tuple[str, ...] = tuple(warnings)

    @property
    def n(self) -> int:
        """Number of trajectories."""
        return len(self.x) if self.counted is None else sum(self.counted.values())

    @property
    def coordinates(self) -> Coordinates:
        """Those of the descent."""
        assert self.box is not None
        return Coordinates(self.box, self.bounds, self.domain, "float32" if self.dtype == "mixed" else str(self.dtype))

    @property
    def kept(self) -> bool:
        """Whether there is one entry per start: a run with ``keep="minima"`` has none."""
        return self.counted is None

    @property
    def dim(self) -> int:
        """Number of coordinates."""
        return self.x.shape[1]

    @property
    def has_function(self) -> bool:
        """Whether the function is available: a loaded result may have only its name."""
        return self.objective is not None and not isinstance(self.objective, MissingFunction)

    @property
    def success(self) -> Any:
        """True where a tolerance or the target was met, or the rounding floor was reached, shape (n,)."""
        met = self.status == SUCCESSES[0]
        for status in SUCCESSES[1:]:
            met |= self.status == status
        return met

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C was pressed during the run; the result contains what was found until then."""
        return self.cut_short or Status.INTERRUPTED.name in self.status_counts()

    @property
    def message(self) -> Messages:
        """The sentence of each status, made when read."""
        return Messages(self.status)

    @cached_property
    def jac(self) -> np.ndarray:
        """Gradients at the endpoints, shape (n, d), float64; evaluated on first use and kept.

        Raises InputError if the function is not available, as in a result loaded from a folder.
        """
        return self._gradient(host(self.x), np.arange(self.n))

    def _gradient(self, x: np.ndarray, starts: np.ndarray) -> np.ndarray:
        if self.objective is None:
            raise InputError("no gradients: this result was made without its function")
        out = np.empty(x.shape)
        for first in range(0, len(x), _ROWS_AT_ONCE):
            rows = slice(first, first + _ROWS_AT_ONCE)
            function = function_of(self.objective, self.problems, starts[rows])
            out[rows] = function.gradient(x[rows].astype(np.float64, copy=False))
        return out

    @property
    def x0(self) -> np.ndarray:
        """The start points, shape (n, d): recomputed from seed and index, or the array that was passed in."""
        return self.start_points(0, self.n)

    def start_points(self, first: int, stop: int) -> np.ndarray:
        """Return the start points first..stop-1, shape (stop - first, d); 0 <= first <= stop <= n."""
        if self.starts is None:
            raise InputError("no start points: this result was made without its starts")
        stop = check.whole("stop", stop, 0, self.n)
        first = check.whole("first", first, 0, stop)
        return host(self.starts.points(first, stop))

    def status_counts(self) -> dict[str, int]:
        """How many trajectories ended for each reason: name -> count, the most frequent first."""
        if self.counted is None:
            codes, counts = np.unique(host(self.status), return_counts=True)
            counted = {Status(int(code)): int(count) for code, count in zip(codes, counts, strict=True)}
        else:
            counted = self.counted
        return {status.name: count for status, count in sorted(counted.items(), key=lambda item: -item[1])}

    def __len__(self) -> int:
        return self.n

    def __iter__(self) -> Iterator[Trajectory]:
        return (self[i] for i in range(self.n))

    @overload
    def __getitem__(self, index: int) -> Trajectory: ...
    @overload
    def __getitem__(self, index: "slice | np.ndarray | list") -> "BatchData": ...
    def __getitem__(self, index: Any) -> "Trajectory | BatchData":
        if not self.kept:
            raise InputError("this run kept no trajectories: run it with keep='all'")
        if isinstance(index, slice | list) or getattr(index, "ndim", 0) > 0:  # also a mask on the device
            return self._part(index)
        try:
            position = range(self.n)[index]
        except IndexError:
            raise IndexError(f"trajectory {index} of {self.n}; valid are {-self.n}..{self.n - 1}") from None
        return self._trajectory(position)

    def _trajectory(self, i: int) -> Trajectory:
        status = Status(int(self.status[i]))
        x = host(self.x[i])
        out = Trajectory(message=status.message, success=status.success, status=status)
        out.update(fun=float(self.fun[i]), x=x, nit=int(self.nit[i]), nfev=int(self.nfev[i]))
        if "jac" in self.__dict__ or self.has_function:
            out["jac"] = (
                self.__dict__["jac"][i] if "jac" in self.__dict__ else self._gradient(x[None], np.array([i]))[0]
            )
        if self.starts is not None:
            out["x0"] = self.start_points(i, i + 1)[0]
        return out

    def _part(self, index: Any) -> "BatchData":
        rows = np.arange(self.n)[index if isinstance(index, slice | list) else host(index)]
        part = BatchData(
            **columns(self, lambda column: column[index]),
            **{name: getattr(self, name) for name in RECIPE if name != "bounds"},
            bounds=None if self.bounds is None else self.bounds.of(rows),
            starts=None if self.starts is None else ChosenStarts(self.starts, rows),
            problems=None if self.problems is None else self.problems.part(rows),
            warnings=self.warnings,
        )
        if "jac" in self.__dict__:
            part.__dict__["jac"] = self.jac[rows]
        return part


class LandscapeData(BatchData):
    """The endpoints of a multi-start and the minima behind them; see :class:`batchgd.MultistartResult`."""

    def __init__(
        self,
        *,
        label: Any,
        minima: "Minima",
        stationary: "Stationary",
        seed: int | None = None,
        independent: bool = True,
        stopped: "Stopped | None" = None,
        identity: Identity = SAME,
        cells: "Catalogue | None" = None,
        strategy: Any = None,
        cut_short: bool = False,
        **batch: Any,
    ) -> None:
        super().__init__(**batch)
        self.label = _array(label).astype(np.int32, copy=False)
        if len(self.label) != len(self.x):
            raise InputError(f"label has {len(self.label)} entries for {len(self.x)} starts: give one label per start")
        self.minima, self.stationary = minima, stationary
        self.seed, self.independent = seed, bool(independent)
        self.stopped = stopped
        self.identity, self.cells = identity, cells
        self.strategy = strategy
        self.cut_short = bool(cut_short)

    @property
    def unlabelled(self) -> int:
        """How many starts reached no minimum."""
        return self.n - int(np.sum(self.minima.count))

    @property
    def best(self) -> Best | None:
        """The lowest value reached, its x and its label, -1 if it is not a minimum's: ``(fun, x, label)``.

        Of several minima of that value it is the first inside the box; None if no value is known.
        """
        return best_of(self)

    @property
    def coverage(self) -> CoverageReport:
        """How certain it is that no minimum is missing: unseen share with its bound, Chao1, discovery curve, ..."""
        stopped, strategy, sampling = self.stopped, self.strategy, getattr(self.starts, "name", None)
        note = getattr(self.minima, "interval_note", None)
        if strategy is None and not self.independent and not note:
            note = _NOT_INDEPENDENT
        if strategy is None or not strategy.drawn:
            count, n, ended = self.minima.count, self.n, self.status_counts()
        else:  # the starts that were drawn, before any was chosen
            n, label = strategy.drawn, host(self.label)[: strategy.drawn]
            count = np.bincount(label[label >= 0], minlength=len(self.minima))
            ended, sampling = self[:n].status_counts(), strategy.sampling
        place = "this box" if self.box is not None and sampling == "uniform" else "such starts"
        cut = min(sum(ended.get(status.name, 0) for status in CUT), n - int(np.sum(count)))
        looks, chosen = 0 if stopped is None else stopped.looks, strategy is not None and not strategy.drawn
        confidence = 0.95 if stopped is None else stopped.confidence
        return CoverageReport(count, n - cut, confidence, note, place, cut, looks, chosen)

    def _trajectory(self, i: int) -> Trajectory:
        out = super()._trajectory(i)
        out["label"] = int(self.label[i])
        return out


def best_of(result: "LandscapeData") -> Best | None:
    """Return the lowest of the minima, the other stationary points and the endpoints without a label.

    Of several minima of the lowest value it is the first inside the box. Endpoints that diverged or escaped count only
    if there is nothing else. None if no value is known.
    """
    minima, other, cells = result.minima, result.stationary, result.cells
    places = [] if len(minima.fun) == 0 else [_of_minima(result)]
    if len(other.fun):
        row = int(np.argmin(other.fun))
        places.append(Best(float(other.fun[row]), other.x[row], -1))
    if cells is not None and cells.lowest is not None:
        places.append(Best(cells.lowest.fun, result.coordinates.outward(cells.lowest.x), -1))
    fun, x = host(result.fun), host(result.x)
    free, lost = host(result.label) < 0, np.isin(host(result.status), LOST)
    for which in (free & ~lost, free & lost):
        rows = np.flatnonzero(which & np.isfinite(fun))
        if len(rows):
            row = rows[np.argmin(fun[rows])]
            places.append(Best(float(fun[row]), np.asarray(x[row], np.float64), -1))
        if places:
            lowest = min(places, key=lambda place: place.fun)
            return places[0] if places[0].fun <= lowest.fun + same_value(result, lowest.fun) else lowest
    return None


def _of_minima(result: "LandscapeData") -> Best:
    minima, row = result.minima, 0
    if not minima.inside[0]:
        copies = minima.fun <= minima.fun[0] + same_value(result, float(minima.fun[0]))
        row = int(np.argmax(copies & np.asarray(minima.inside, bool)))  # 0 if there is none
    return Best(float(minima.fun[row]), minima.x[row], row)


def same_value(result: "LandscapeData", fun: float) -> float:
    """How far above ``fun`` a value may be and still be equal but for rounding.

    At a minimum of value 0 the measure is how far the lowest minimum's curvature raises the value within the box.
    """
    steepest = float(np.nan_to_num(np.abs(result.minima[:1].eigenvalues)).max(initial=0.0))
    width = 0.0 if result.box is None else float(np.min(result.box.width))
    rise = steepest * width * width
    return _SAME * max(abs(fun), 1e-3 * rise)


def _array(values: Any) -> Any:
    """Lists become NumPy; arrays of any library stay as they are."""
    return values if hasattr(values, "__array__") or hasattr(values, "device") else np.asarray(values)
