"""What a batch of descents answers with: arrays with one entry per start, and the landscape of minima behind them."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from batchgd import check
from batchgd.backends import check_dtype
from batchgd.errors import InputError
from batchgd.kernels.status import SUCCESSES, Status
from batchgd.standins import MissingFunction, StartRows, host
from batchgd.trajectory import Messages, Trajectory

if TYPE_CHECKING:
    from batchgd.basins.fidelity import Fidelity
    from batchgd.basins.stability import Stability
    from batchgd.best import Best
    from batchgd.box import Box
    from batchgd.coverage import CoverageReport, Stopped
    from batchgd.minima.catalogue import Catalogue
    from batchgd.minima.tables import Minima, Stationary
    from batchgd.plot import Pictures
    from batchgd.saddles import Saddles
    from batchgd.stopping import Stopping
    from batchgd.strategies import Record
    from batchgd.strategies.network import Network

_OF_LABELS = ("label", "minima", "stationary", "x_tol", "f_tol")
_ROWS_AT_ONCE = 1 << 16  # gradients are evaluated in slices, so that their temporaries stay in the tens of megabytes


class BatchResult:
    """The endpoints of n descents in d dimensions; n starts in, n entries out, in the order of the starts.

    Arrays are NumPy, or CuPy where the run was asked to leave them on the device.

    Attributes
    ----------
    x : (n, d)
        Endpoints; ``fun`` (n,) the values there, ``jac`` (n, d) the gradients.
    nit, nfev : (n,)
        Updates made, and evaluations of value and gradient.
    status : (n,) int8
        Why each trajectory ended: codes of ``Status``; ``message`` has the sentences, ``success`` the verdict.
    objective, starts, method, box, stopping, scale
        The function, where the start points come from, the update rule, the region of the starts or None, the stopping
        rule or None, and the units in which steps were measured, (d,), or None for those of x.
    backend, dtype, threads, seconds, warnings
        Two names, the worker threads of the run or None (not stored; analyses that run again take as many), the wall
        time of the solve, and sentences worth reading.

    counted : dict, optional
        How many starts ended with which status, for a run that kept no trajectories.

    ``result[i]`` is one :class:`Trajectory`, ``result[a:b]`` (or a mask, or an index array) a smaller BatchResult.

    >>> batch = BatchResult(x=[[0.0], [2.0]], fun=[0.0, 4.0], nit=[3, 9], nfev=[4, 10], status=[1, 5])
    >>> len(batch), batch.status_counts(), batch[1].fun
    (2, {'GRADIENT': 1, 'MAXITER': 1}, 4.0)
    """

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
        threads: int | None = None,
        seconds: float = float("nan"),
        warnings: Sequence[str] = (),
        counted: "dict[Status, int] | None" = None,
    ) -> None:
        self.counted = counted
        self.x, self.fun, self.nit, self.nfev = map(_array, (x, fun, nit, nfev))
        self.status = _array(status).astype(np.int8, copy=False)
        if self.x.ndim != 2 or any(len(a) != len(self.x) for a in (self.fun, self.nit, self.nfev, self.status)):
            raise InputError(f"a result needs x of shape (n, d) and n of each other array; x has shape {self.x.shape}")
        self.objective, self.starts, self.method, self.box = objective, starts, method, box
        self.stopping, self.scale, self.threads = stopping, scale, threads
        self.backend, self.dtype, self.seconds = backend, check_dtype(dtype, mixed=True), float(seconds)
        self.warnings: tuple[str, ...] = tuple(warnings)

    @property
    def n(self) -> int:
        """Number of trajectories."""
        return len(self.x) if self.counted is None else sum(self.counted.values())

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
        """Whether the function is at hand: a loaded result may know no more than its name."""
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
        """Whether Ctrl-C came during the run; what was found until then is here."""
        return self.cut_short or Status.INTERRUPTED.name in self.status_counts()

    @property
    def message(self) -> Messages:
        """The sentence of each status, made when read."""
        return Messages(self.status)

    @cached_property
    def jac(self) -> np.ndarray:
        """Gradients at the endpoints, shape (n, d), float64; evaluated on first use and kept.

        Raises InputError where the function is not at hand, as in a result loaded from a folder.
        """
        return self._gradient(host(self.x))

    def _gradient(self, x: np.ndarray) -> np.ndarray:
        if self.objective is None:
            raise InputError("no gradients: this result was made without its function")
        out = np.empty(x.shape)
        for first in range(0, len(x), _ROWS_AT_ONCE):
            rows = slice(first, first + _ROWS_AT_ONCE)
            out[rows] = self.objective.gradient(x[rows].astype(np.float64, copy=False))
        return out

    @property
    def x0(self) -> np.ndarray:
        """The start points, shape (n, d): made again from seed and index, or the array that was passed in."""
        return self.start_points(0, self.n)

    def start_points(self, first: int, stop: int) -> np.ndarray:
        """Return the start points first..stop-1, shape (stop - first, d); 0 <= first <= stop <= n."""
        if self.starts is None:
            raise InputError("no start points: this result was made without its starts")
        stop = check.whole("stop", stop, 0, self.n)
        first = check.whole("first", first, 0, stop)
        return host(self.starts.points(first, stop))

    def status_counts(self) -> dict[str, int]:
        """How many trajectories ended for which reason: name -> count, the most frequent first."""
        if self.counted is None:
            codes, counts = np.unique(host(self.status), return_counts=True)
            counted = {Status(int(code)): int(count) for code, count in zip(codes, counts, strict=True)}
        else:
            counted = self.counted
        return {status.name: count for status, count in sorted(counted.items(), key=lambda item: -item[1])}

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and (name in _OF_LABELS or hasattr(MultistartResult, name)):
            raise AttributeError(f"this result has no labels, so no {name!r}: run bgd.multistart")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __len__(self) -> int:
        return self.n

    def __iter__(self) -> Iterator[Trajectory]:
        return (self[i] for i in range(self.n))

    @overload
    def __getitem__(self, index: int) -> Trajectory: ...
    @overload
    def __getitem__(self, index: "slice | np.ndarray | list") -> "BatchResult": ...
    def __getitem__(self, index: Any) -> "Trajectory | BatchResult":
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
            out["jac"] = self.__dict__["jac"][i] if "jac" in self.__dict__ else self._gradient(x[None])[0]
        if self.starts is not None:
            out["x0"] = self.start_points(i, i + 1)[0]
        return out

    def _part(self, index: Any) -> "BatchResult":
        rows = np.arange(self.n)[index if isinstance(index, slice | list) else host(index)]
        part = BatchResult(
            **{name: getattr(self, name)[index] for name in ("x", "fun", "nit", "nfev", "status")},
            **{
                name: getattr(self, name)
                for name in ("objective", "method", "box", "stopping", "backend", "dtype", "scale", "threads")
            },
            starts=None if self.starts is None else StartRows(self.starts, rows),
            warnings=self.warnings,
        )
        if "jac" in self.__dict__:
            part.__dict__["jac"] = self.jac[rows]
        return part

    def __repr__(self) -> str:
        from batchgd.report import text

        return text(self)

    def _repr_html_(self) -> str:
        from batchgd.report import html

        return html(self)

    def summary(self) -> dict[str, Any]:
        """The result without its arrays, as a dict that ``json.dumps`` takes: what ``--json`` prints.

        JSON has no NaN and no infinity: such a number stands as None (null).
        """
        from batchgd.report import summary

        return summary(self)

    def to_dataframe(self, *, starts: bool = False) -> Any:
        """Return a pandas DataFrame, one row per start: ``x0 … x{d-1}, fun, nit, nfev, status, success`` and ``label``.

        Parameters
        ----------
        starts : bool
            Also give the start points, as columns ``start0 … start{d-1}``.

        Raises
        ------
        ImportError
            Where pandas is not installed; with the command that installs it.
        """
        from batchgd.frames import trajectories_frame

        return trajectories_frame(self, starts=starts)

    def to_xarray(self) -> Any:
        """Return an xarray Dataset with dimensions ``start``, ``coordinate`` and (of a multi-start) ``minimum``."""
        from batchgd.frames import dataset

        return dataset(self)

    def save(self, folder: str | Path, *, overwrite: bool = False) -> Path:
        """Write the result as NumPy arrays and JSON into a new folder, whole or not at all; see :func:`batchgd.load`.

        Parameters
        ----------
        folder : str or Path
            Where to; its parent must exist. A folder that holds anything is refused.
        overwrite : bool
            Replace an earlier saved result; any other folder is still refused.

        Raises
        ------
        InputError
            When the folder is in use or cannot be written.
        OSError
            When the disk is full or fails; nothing is left behind.
        """
        from batchgd.storage import save

        return save(self, folder, overwrite=overwrite)

    @property
    def plot(self) -> "Pictures":
        """The pictures: ``result.plot.waterfall()``, ...; ``result.plot("file.png")`` draws the one that suits."""
        from batchgd.plot import Pictures

        return Pictures(self)


class MultistartResult(BatchResult):
    """A BatchResult with the landscape that its endpoints tell of.

    Attributes
    ----------
    label : (n,) int32
        Which minimum each start reached: a row of ``minima``; -1 where it reached none.
    minima, stationary
        Distinct minima sorted by value, label 0 the best known; and the other points where descents came to rest.
    seed, independent
        Seed of the starts, and whether all of them were drawn independently: only then do fractions have intervals
        (with a strategy, those of the starts that were drawn before any was chosen).
    stopped : Stopped or None
        What ended a run with ``stop=``.
    x_tol, f_tol : float
        By which endpoints were taken for one minimum; :meth:`recluster` changes them.
    cells : Catalogue or None
        Of a run with ``keep="minima"``: the occupied cells of its endpoints. They are not saved.
    strategy : Record or None
        How the starts were chosen, what that biases and what it cost; None for a plain multi-start.
    cut_short : bool
        Whether Ctrl-C came at any time, also after the last trajectory had ended; ``interrupted`` says the same.
    """

    def __init__(
        self,
        *,
        label: Any,
        minima: "Minima",
        stationary: "Stationary",
        seed: int | None = None,
        independent: bool = True,
        stopped: "Stopped | None" = None,
        x_tol: float = 1e-6,
        f_tol: float = 1e-9,
        cells: "Catalogue | None" = None,
        strategy: "Record | None" = None,
        cut_short: bool = False,
        **batch: Any,
    ) -> None:
        super().__init__(**batch)
        self.label = _array(label).astype(np.int32, copy=False)
        if len(self.label) != len(self.x):
            raise InputError(f"a result of {len(self.x)} starts needs as many labels, got {len(self.label)}")
        self.minima, self.stationary = minima, stationary
        self.seed, self.independent = seed, bool(independent)
        self.stopped = stopped
        self.x_tol, self.f_tol, self.cells = x_tol, f_tol, cells
        self.strategy = strategy
        self.cut_short = bool(cut_short)

    @property
    def unlabelled(self) -> int:
        """How many starts reached no minimum."""
        return self.n - int(np.sum(self.minima.count))

    @property
    def best(self) -> "Best | None":
        """The lowest value reached, its x and its label, -1 if it is not a minimum's: ``(fun, x, label)``.

        Of several minima of that value it is the first inside the box; None if no value is known.
        """
        from batchgd.best import best_of

        return best_of(self)

    @property
    def coverage(self) -> "CoverageReport":
        """How sure it is that no minimum is missing: unseen share with its bound, Chao1, discovery curve, ..."""
        from batchgd.coverage import CoverageReport

        return CoverageReport.of(self)

    def fidelity(self, sample: int = 1000, **options: Any) -> "Fidelity":
        """Compare the labels of a sample of starts with gradient flow's and with those at half the step.

        See :func:`batchgd.basins.fidelity.fidelity` for the options.
        """
        from batchgd.basins.fidelity import fidelity

        return fidelity(self, sample, **options)

    def recluster(self, *, x_tol: float | None = None, f_tol: float | None = None) -> "MultistartResult":
        """Tell minima apart by other tolerances, without running again; see :mod:`batchgd.basins.recluster`.

        Parameters
        ----------
        x_tol, f_tol : float, optional
            As in ``multistart``; both must hold. One that is left out stays what it is.

        Returns
        -------
        MultistartResult
            A new result with the same endpoints, and minima, labels and fractions of its own.

        Raises
        ------
        InputError
            When a tolerance cannot be used, the function is not at hand, or neither endpoints nor cells are kept.
        """
        from batchgd.basins.recluster import recluster

        return recluster(self, x_tol, f_tol)

    def stability(self, directions: int = 32, *, seed: int = 0) -> "Stability":
        """How far each minimum is from the border of its basin: the largest ball that stays, and by direction.

        See :func:`batchgd.basins.stability.stability` for the options.
        """
        from batchgd.basins.stability import stability

        return stability(self, directions, seed=seed)

    def connect(self, **options: Any) -> "Saddles":
        """Find the saddles of index 1 in the box, and which minima each joins; kept as ``saddles``.

        See :func:`batchgd.saddles.connect.connect` for the options.
        """
        from batchgd.saddles.connect import connect

        self.__dict__["saddles"] = found = connect(self, **options)
        return found

    @cached_property
    def saddles(self) -> "Saddles":
        """What :meth:`connect` found, by its defaults where it was not called before; saved with the result."""
        return self.connect()

    @property
    def graph(self) -> Any:
        """A networkx MultiGraph: a node per minimum (``fun``, ``x``), an edge per saddle (``fun``, ``barrier``)."""
        return self.saddles.graph

    def network(self) -> "Network":
        """The local-optima network of a basin-hopping run: how often which minimum was reached from which.

        Raises InputError for a run of another kind, whose starts were not perturbed minima.
        """
        from batchgd.strategies.network import network

        return network(self)

    def _trajectory(self, i: int) -> Trajectory:
        out = super()._trajectory(i)
        out["label"] = int(self.label[i])
        return out


def _array(values: Any) -> Any:
    """Lists become NumPy; arrays of any library stay what they are."""
    return values if hasattr(values, "__array__") or hasattr(values, "device") else np.asarray(values)
