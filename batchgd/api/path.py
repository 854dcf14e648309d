"""Full paths of a few trajectories, recorded by the same kernels that run all others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from batchgd.api.result import BatchResult
from batchgd.compiler.plain.calls import refusing_failures
from batchgd.compiler.problems import function_of
from batchgd.compiler.resolve import Problem
from batchgd.engine.batch import batch_at
from batchgd.engine.compute import Compute
from batchgd.engine.interrupts import heeded
from batchgd.kernels.plan import Trails
from batchgd.kernels.status import Status
from batchgd.minima.collect import endpoints_of
from batchgd.minima.within import within
from batchgd.problem import check
from batchgd.problem.errors import InputError
from batchgd.problem.keywords import explained
from batchgd.problem.limits import cut, rows_shown
from batchgd.problem.stopping import Stopping, as_stopping
from batchgd.problem.tables import TextTable, listed
from batchgd.problem.wording import format_point, format_values

if TYPE_CHECKING:
    from batchgd.api.pictures import PathPictures

MAX_PATHS = 10_000
MAX_NUMBERS = 1 << 26  # half a gigabyte
_SHOWN = 12  # paths of a printed table


@explained
def path(
    fun: Any,
    x0: Any,
    *,
    every: int = 1,
    max_points: int = 2_000,
    box: Any = None,
    bounds: Any = None,
    domain: Any = None,
    method: Any = None,
    seed: int | None = 0,
    gtol: float | None = None,
    xtol: float | None = None,
    ftol: float | None = None,
    maxiter: int | None = None,
    max_time: float | None = None,
    stopping: Stopping | dict[str, Any] | None = None,
    backend: str = "auto",
    dtype: Any = "float64",
    threads: int | None = None,
    params: Any = None,
    jac: Any = None,
    args: Any = (),
    scale: Any = "auto",
) -> Paths:
    """Descend from a few starts and keep every accepted point on the way.

    The loop, the rule and the stopping tests are those of :func:`descend`: endpoints, ``nit``, ``nfev`` and ``status``
    are the same, bit for bit. Values and gradient norms of the points are evaluated afterwards, in float64.

    Parameters
    ----------
    fun, box, bounds, domain, method, seed, gtol, xtol, ftol, maxiter, max_time, stopping, backend, dtype, threads,
    params, jac, args, scale
        As in :func:`descend`.
    x0 : (n, d) array or (d,) array
        The starts, at most 10,000; a single start may be a (d,) array.
    every : int
        Keep the points after 0, ``every``, 2 ``every``, ... updates, and the endpoint. The step lengths are always
        those of single updates.
    max_points : int
        Largest number of points of one path, 3 or more. When a path grows longer, every second point is dropped and
        its ``every`` doubles; start and endpoint stay.

    Returns
    -------
    Paths
        ``paths[i]`` is the path of start i, with ``x``, ``fun``, ``gradient_norm``, ``step``, ``nit``, ``status``.

    Raises
    ------
    InputError
        If an argument cannot be used; raised before work starts.

    Examples
    --------
    A quadratic contracts by 1 - η λ per step, here by a half:

    >>> from batchgd.problem.methods import GradientDescent
    >>> paths = path(lambda x: 2.0 * x[0] ** 2, [1.0], method=GradientDescent(0.125), maxiter=4)
    >>> paths[0].x.ravel().tolist(), paths[0].step.tolist()
    ([1.0, 0.5, 0.25, 0.125, 0.0625], [0.0, 0.5, 0.25, 0.125, 0.0625])
    >>> paths[0].status.name
    'MAXITER'
    """
    every, max_points = check.whole("every", every, 1), check.whole("max_points", max_points, 3)
    batch = batch_at(
        Problem(fun, box, params=params, jac=jac, args=args, bounds=bounds, domain=domain),
        _rows(x0),
        Compute.of(backend, dtype, threads),
        check=_check_count,
        method=method,
        seed=seed,
        stopping=as_stopping(stopping, gtol=gtol, xtol=xtol, ftol=ftol, maxiter=maxiter, max_time=max_time),
        scale=scale,
    )
    n, dim = batch.starts.n, batch.objective.dim
    room = min(max_points, batch.stopping.maxiter // every + 3) - 1
    if n * room * (dim + 2) > MAX_NUMBERS:
        raise InputError(
            f"{n:,} paths of up to {room + 1:,} points in {dim}-D do not fit in memory: give fewer starts, a "
            "larger every, or a smaller max_points"
        )
    trails = Trails.empty(n, max(room, 2), every, dim, batch.dtype)
    with heeded(), refusing_failures():
        return Paths(BatchResult.of(endpoints_of(batch, trails=trails)), trails)


class Paths:
    """The paths of n trajectories in d dimensions, m points in all.

    Attributes
    ----------
    result : BatchResult
        Where the trajectories ended and why; ``status``, ``method``, ``objective`` and ``box`` are also found here.
    x : (m, d)
        The points of all paths, one path after the other: path i has rows ``first[i]`` to before ``first[i + 1]``.
    fun, gradient_norm : (m,)
        Value and 2-norm of the gradient at each point, float64; with bounds, of the projected gradient.
    nit : (m,)
        Updates made up to each point: 0 at the start.
    step : (m,)
        Length of the update that led to each point; 0 at the start.
    first : (n + 1,)
        Where each path begins.
    every : (n,)
        Updates between two points of a path, except before the last.

    ``paths[i]`` is one :class:`Path`, ``for path in paths`` goes through all.

    >>> paths = path("himmelblau", [[0.0, 0.0], [4.0, 4.0]])
    >>> len(paths), paths[1].x[0].tolist(), paths.status.tolist()
    (2, [4.0, 4.0], [1, 1])
    """

    def __init__(self, result: BatchResult, trails: Any) -> None:
        self.result = result
        self.every = trails.kept[:, 1].copy()
        # The endpoint, which is in the last place, is added if it has not been kept already.
        kept, latest = trails.kept[:, 0], trails.updates[:, -1]
        kept = np.maximum(kept, 1)
        rows = np.arange(len(kept))
        added = trails.updates[rows, kept - 1] != latest
        self.first = np.concatenate([[0], np.cumsum(kept + added)])
        chosen = np.arange(trails.updates.shape[1]) < kept[:, None]
        chosen[:, -1] = added
        self.x, self.nit = trails.points[chosen], trails.updates[chosen]
        self.step = np.sqrt(trails.moved[chosen].astype(np.float64))
        assert result.box is not None  # a batch that has just run has one
        of_start = np.repeat(rows, np.diff(self.first))
        bounds = None if result.bounds is None else result.bounds.of(of_start)
        function = function_of(result.objective, result.problems, of_start)
        objective = within(function, bounds, result.box)
        self.fun, gradient = objective.value_and_gradient(self.x)
        with np.errstate(all="ignore"):
            self.gradient_norm = np.linalg.norm(gradient, axis=1)

    @property
    def status(self) -> Any:
        """Why each trajectory ended, (n,)."""
        return self.result.status

    @property
    def dim(self) -> int:
        """Number of coordinates."""
        return self.x.shape[1]

    def __len__(self) -> int:
        return len(self.first) - 1

    def __getitem__(self, i: int) -> Path:
        try:
            position = range(len(self))[i]
        except IndexError:
            raise IndexError(f"path {i} of {len(self)}; valid indices are {-len(self)}..{len(self) - 1}") from None
        rows = slice(self.first[position], self.first[position + 1])
        columns = {name: getattr(self, name)[rows] for name in ("x", "fun", "gradient_norm", "step", "nit")}
        return Path(**columns, status=Status(int(self.status[position])))

    def __iter__(self) -> Iterator[Path]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        from batchgd.output.report import header

        shown = [self[i] for i in range(rows_shown(len(self)))]
        values = format_values([path.fun[-1] for path in shown])
        rows = [
            {
                "path": str(i),
                "start": format_point(path.x[0], most=2),
                "end": format_point(path.x[-1], most=2),
                "value": value,
                "gradient": f"{path.gradient_norm[-1]:.2g}",
                "updates": f"{path.nit[-1]:,}",
                "points": f"{len(path):,}",
                "ended by": path.status.name,
            }
            for i, (path, value) in enumerate(zip(shown, values, strict=True))
        ]
        table = TextTable(rows, ("start", "end", "ended by"), cut(len(self), "path"))
        return f"{header(self.result)}\n\n{table}"

    def record(self) -> dict[str, Any]:
        """Return the paths as a dict of lists that ``json.dumps`` takes; numbers that are not finite are None."""
        from batchgd.output.summary import json_ready, record

        columns = {
            name: [getattr(path, name) for path in self] for name in ("nit", "x", "fun", "gradient_norm", "step")
        }
        columns["status"] = [path.status.name for path in self]
        return json_ready(record(self.result) | listed(paths=columns))

    def to_dataframe(self) -> Any:
        """Return a pandas DataFrame, one row per point.

        Columns: ``path, nit, x0 … x{d-1}, fun, gradient_norm, step`` and ``status``, which is RUNNING except at the
        last point of a path.
        """
        from batchgd.problem.optional import require

        columns = {"path": self._path_of_row(), "nit": self.nit}
        columns |= {f"x{j}": self.x[:, j] for j in range(self.dim)}
        columns |= {name: getattr(self, name) for name in ("fun", "gradient_norm", "step")}
        return require("pandas", "frames").DataFrame(columns | {"status": self._status_of_row()})

    def to_xarray(self) -> Any:
        """Return an xarray Dataset with dimensions ``point``, ``coordinate`` and ``path``.

        A contiguous ragged array in the sense of the CF conventions: ``row_size`` is the number of points of each path.
        """
        from batchgd.problem.optional import require

        names = ("nit", "fun", "gradient_norm", "step")
        variables: dict[str, Any] = {"x": (("point", "coordinate"), self.x)}
        variables |= {name: ("point", getattr(self, name)) for name in names}
        variables |= {"path_of": ("point", self._path_of_row()), "status": ("path", np.asarray(self.status))}
        variables["row_size"] = ("path", np.diff(self.first), {"sample_dimension": "point"})
        return require("xarray", "frames").Dataset(variables)

    @property
    def plot(self) -> PathPictures:
        """The pictures: ``paths.plot.contours()``, ``.convergence()``, ``.animation("descent.gif")``."""
        from batchgd.api.pictures import PathPictures

        return PathPictures(self)

    def _path_of_row(self) -> NDArray[np.int64]:
        return np.repeat(np.arange(len(self)), np.diff(self.first))

    def _status_of_row(self) -> list[str]:
        names = [Status.RUNNING.name] * len(self.x)
        for end, code in zip(self.first[1:], self.status, strict=True):
            names[end - 1] = Status(int(code)).name
        return names


@dataclass(frozen=True, eq=False)
class Path:
    """One path of :class:`Paths`: ``x`` (m, d), ``fun``, ``gradient_norm``, ``step`` and ``nit`` (m,), and its status.

    >>> path = path("sphere", [3.0, 4.0], maxiter=0)[0]
    >>> len(path), path.fun.tolist(), path.gradient_norm.tolist(), path.status.name
    (1, [25.0], [10.0], 'MAXITER')
    """

    x: NDArray[Any]
    fun: NDArray[np.float64]
    gradient_norm: NDArray[np.float64]
    step: NDArray[np.float64]
    nit: NDArray[np.int64]
    status: Status

    def __len__(self) -> int:
        return len(self.x)


def _rows(x0: Any) -> Any:
    """A single point as an array of one row; anything else unchanged."""
    if not check.is_array(x0):
        return x0
    points = check.reals("x0 holds", x0, "give an (n, d) array of real numbers")
    return points[None] if points.ndim == 1 else points


def _check_count(n: int) -> None:
    if n > MAX_PATHS:
        raise InputError(
            f"{n:,} starts are too many to keep their paths: give at most {MAX_PATHS:,}, or call bgd.descend, "
            "which keeps only endpoints"
        )
