"""Basin maps: the minimum that each pixel of a plane descends to; most pixels are filled in without a descent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from batchgd.analysis.basins.plane import PixelGrid, PixelStarts, Plane, parse_plane, parse_resolution, parse_window
from batchgd.analysis.basins.refine import fill, refine, stride_of
from batchgd.compiler.resolve import Problem
from batchgd.engine.batch import Batch, make_batch
from batchgd.engine.compute import Compute
from batchgd.engine.progress import Progress, Watch
from batchgd.kernels.plan import Endpoints
from batchgd.kernels.status import Status
from batchgd.minima import Minima, wilson
from batchgd.minima.collector import Collector
from batchgd.minima.invariance import identity_for
from batchgd.minima.tables import points_table
from batchgd.problem import check
from batchgd.problem.errors import InputError, quoted
from batchgd.problem.identity import Identity, as_identity
from batchgd.problem.keywords import explained
from batchgd.problem.limits import cut, rows_shown
from batchgd.problem.stopping import Stopping, as_stopping
from batchgd.problem.tables import listed
from batchgd.problem.wording import duration, format_values, percent_column

if TYPE_CHECKING:
    from batchgd.analysis.basins.borders import Borders
    from batchgd.problem.bounds import Bounds
    from batchgd.problem.box import Box

_AUDITED = 1000  # filled-in pixels that are descended from after all, by default
_SHARES = "pixels of a map are not independent draws, so their shares have no interval"


@dataclass(frozen=True)
class Audit:
    """Filled-in pixels that were descended from after all: how many, and how many had another label.

    >>> print(Audit(1000, 0))
    audit: 0 of 1,000 filled-in pixels have another label, at most 0.38 % of them (95 %)
    """

    pixels: int
    wrong: int

    @property
    def rate(self) -> float:
        """Share of wrong ones among the audited."""
        return self.wrong / max(self.pixels, 1)

    @property
    def rate_high(self) -> float:
        """Upper end of its Wilson interval at 95 %."""
        return float(wilson(self.wrong, self.pixels)[1])

    def __str__(self) -> str:
        if not self.pixels:
            return "audit: every pixel was descended from"
        share = f"at most {100 * self.rate_high:.2g} % of them (95 %)"
        return f"audit: {self.wrong:,} of {self.pixels:,} filled-in pixels have another label, {share}"


@dataclass(frozen=True, eq=False, repr=False)
class BasinMap:
    """A plane cut into pixels, each with the minimum that a descent from its centre reaches.

    Attributes
    ----------
    label : (rows, columns) int32
        A row of ``minima``, -1 for none; pixel (i, j) is centred at ``v[i], u[j]``.
    nit, fun, status : (rows, columns)
        Updates made, final value, and why the descent ended (``bgd.Status``). For filled-in pixels: the mean of the
        lattice points around them, and a neighbour's status.
    computed : (rows, columns) bool
        Which pixels were descended from; the others are filled in.
    u, v : (columns,), (rows,)
        Centres of the pixels, in units of x along the plane's two directions.
    plane, window, box
        The plane, ((u0, u1), (v0, v1)), and the box relative to which steps and distances are measured.
    minima : Minima
        All minima that were found, in the plane or not; ``count`` and ``fraction`` are numbers and shares of pixels.
    audit : Audit
        How often filled-in pixels were wrong; those found wrong are corrected.
    descents, seconds : int, float
        How many descents the map took, audit and frame included, and the wall time.
    objective, recipe
        The function, and the arguments to draw another window.
    within : (rows, columns) bool, or None
        Which pixels are within the bounds; None if all are. No descent starts from the others; their label is -1.
    """

    label: NDArray[np.int32]
    nit: NDArray[np.int32]
    fun: NDArray[np.float64]
    status: NDArray[np.int8]
    computed: NDArray[np.bool_]
    u: NDArray[np.float64]
    v: NDArray[np.float64]
    plane: Plane
    window: NDArray[np.float64]
    box: Box
    minima: Minima
    audit: Audit
    descents: int
    seconds: float
    objective: Any
    recipe: dict[str, Any]
    within: NDArray[np.bool_] | None = None

    @property
    def n(self) -> int:
        """Number of pixels; with bounds, of those within."""
        return self.label.size if self.within is None else int(np.count_nonzero(self.within))

    @property
    def unlabelled(self) -> int:
        """How many pixels have no label: descents from there reached no minimum."""
        none = self.label < 0
        return int(np.count_nonzero(none if self.within is None else none & self.within))

    @property
    def bounds(self) -> Bounds | None:
        """The bounds of the descents, or None."""
        return self.recipe["bounds"]

    def zoom(self, window: Any, resolution: Any = None) -> BasinMap:
        """The map of another window of the same plane, ((u0, u1), (v0, v1)); known minima keep their labels."""
        recipe = self.recipe | ({} if resolution is None else {"resolution": resolution})
        return map(self.objective, self.box, plane=self.plane, window=window, known=self.minima, **recipe)

    def borders(self, size: int = 5) -> Borders:
        """Entropy, uncertainty exponent and dimension of the borders; see :func:`batchgd.borders`."""
        from batchgd.analysis.basins.borders import borders

        return borders(self, size)

    def plot(self, ax: Any = None, **options: Any) -> Any:
        """Draw the map; see ``batchgd/output/plot/maps.py``. Returns the axes."""
        from batchgd.output.plot.maps import draw_map

        return draw_map(self, ax, **options)

    def to_xarray(self) -> Any:
        """The map as an xarray Dataset, with the coordinates of the plane and the table of minima."""
        from batchgd.output.frames import map_dataset

        return map_dataset(self)

    def to_dict(self) -> dict[str, Any]:
        """The map without its images, for JSON."""
        return {
            "objective": self.objective.name,
            "resolution": list(self.label.shape[::-1]),
            "plane": {name: getattr(self.plane, name) for name in ("origin", "first", "second", "names")},
            "window": self.window,
            **listed(minima={name: getattr(self.minima, name) for name in ("x", "fun", "count", "fraction", "kind")}),
            "unlabelled": self.unlabelled,
            "pixels": self.n,
            "descents": self.descents,
            "audit": {"pixels": self.audit.pixels, "wrong": self.audit.wrong, "rate_high": self.audit.rate_high},
            "seconds": self.seconds,
        }

    def __repr__(self) -> str:
        shown = self.minima[: rows_shown(len(self.minima))]
        table = {
            "label": [str(k) for k in range(len(shown))],
            "value": format_values(shown.fun),
            "share": [percent_column(share, 3) for share in shown.fraction],
        }
        below = cut(len(self.minima), "minimum", "minima") if len(self.minima) else "no minimum was found"
        rows, columns = self.label.shape
        share = f"{self.descents:,} descents, {100 * self.descents / max(self.n, 1):.3g} % of the pixels"
        outside = self.label.size - self.n
        lines = [
            f"{self.objective.name} · {columns} x {rows} pixels of {' and '.join(self.plane.names)} · "
            f"{share} · {duration(self.seconds)}",
            "",
            str(points_table(table, shown.x, self.box.width, below)),
            "",
            str(self.audit),
        ]
        if self.unlabelled:
            lines.append(f"no label (-1): {self.unlabelled:,} pixels")
        if outside:
            lines.append(f"outside the bounds: {outside:,} pixels")
        return "\n".join(lines)


@explained
def map(
    fun: Any,
    box: Any = None,
    resolution: int | tuple[int, int] = 512,
    *,
    plane: Any = None,
    at: Any = None,
    window: Any = None,
    dim: int | None = None,
    bounds: Any = None,
    domain: Any = None,
    method: Any = None,
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
    identity: Identity | dict[str, Any] | None = None,
    adaptive: bool = True,
    audit: int = _AUDITED,
    known: Minima | None = None,
    progress: Progress | None = None,
) -> BasinMap:
    """Map the basins on a plane: each pixel takes the minimum that the descent from its centre reaches.

    The map is adaptive: it descends from every 8th pixel in both directions, and in between only where neighbouring
    labels differ, with one cell of margin around. The other pixels are filled in with their neighbours' label. That
    saves most descents where borders are smooth (a 4096 x 4096 map of Himmelblau's function takes 2.1 % of them) and
    few where they are fractal. The risk is a piece of a basin that fits between the points of the coarse lattice;
    some filled-in pixels are descended from after all, and ``map.audit`` shows how many were wrong.

    Parameters
    ----------
    fun, box, dim, bounds, domain, method, params, jac, args, scale, gtol, xtol, ftol, maxiter, max_time, stopping,
    backend, dtype, threads, identity
        As in :func:`multistart`; hyperparameters of the method are one number each. Pixels outside the bounds have no
        label.
    resolution : int or (int, int)
        Pixels along u and v, 2 to 32768.
    plane : (int, int) or (3, d) array, optional
        Two axes, the other coordinates fixed at ``at``; or three points, such as three minima. In 2-D it may be
        omitted.
    at : (d,) array, optional
        A point of the plane of two axes; default: the centre of the box.
    window : ((u0, u1), (v0, v1)), optional
        The part to draw, in units of x along the plane's directions. Default: the sides of the box, or the three points
        with a margin of a quarter.
    adaptive : bool
        False descends from every pixel.
    audit : int
        Filled-in pixels to descend from after all.
    known : Minima, optional
        Minima whose labels come first, so that maps of several windows have the same labels: ``other.minima``.
    progress : callable, optional
        Called with a :class:`ProgressUpdate` about twice a second; its total grows as the map is refined.

    Returns
    -------
    BasinMap
        Arrays; ``plot()`` draws it, ``zoom(window)`` maps another window, ``to_xarray()`` makes a Dataset.

    Raises
    ------
    InputError
        If an argument cannot be used, before work starts: three points on one line, a resolution of 0 or 1e6, ...

    Examples
    --------
    >>> import batchgd as bgd
    >>> found = bgd.map("himmelblau", resolution=64)
    >>> len(found.minima), found.label.shape, found.descents < 64 * 64
    (4, (64, 64), True)
    >>> print(found.zoom(((2.0, 4.0), (0.0, 2.0)), resolution=32).label[16, 16] == found.label[42, 48])
    True

    References
    ----------
    G. Datseris and A. Wagemakers, "Effortless estimation of basins of attraction", Chaos 32, 2022, for maps of basins
    on grids; the refinement is this project's own.
    """
    watch = Watch(progress)
    shape = parse_resolution(resolution)[::-1]
    window = None if window is None else parse_window(window)
    audit, adaptive = check.whole("audit", audit, of="pixels"), check.flag("adaptive", adaptive)
    if known is not None and not isinstance(known, Minima):
        raise InputError(
            f"known is {quoted(known)}: give the minima of another map or result, as in known=other.minima"
        )
    compute = Compute.of(backend, dtype, threads)
    identity = as_identity(identity)
    stopping = as_stopping(stopping, gtol=gtol, xtol=xtol, ftol=ftol, maxiter=maxiter, max_time=max_time)
    problem = Problem(fun, box, dim, params, jac, args, bounds, domain)
    batch = make_batch(problem, compute, starts=1, method=method, stopping=stopping, scale=scale)
    identity = identity_for(batch, identity)
    if not isinstance(plane, Plane):
        plane, suits = parse_plane(plane, at, batch.box, batch.bounds)
        window = suits if window is None else window
    grid = PixelGrid(plane, window, shape)
    within = None if batch.bounds is None else grid.within(batch.bounds, batch.box)
    if within is not None and not within.any():
        raise InputError("no pixel of the map is within the bounds: give a window that reaches into them")
    images = _Images(batch, grid, known, identity, watch)
    computed, checked = images.draw(stride_of(shape) if adaptive else 1, audit, within)
    within = None if within is None or within.all() else within
    return BasinMap(
        **images.images,
        computed=computed,
        u=grid.u,
        v=grid.v,
        plane=plane,
        window=window,
        box=batch.box,
        minima=images.minima(within),
        within=within,
        audit=checked,
        descents=images.descents,
        seconds=watch.elapsed,
        objective=batch.objective,
        recipe={"resolution": shape[::-1], "method": batch.method, "stopping": batch.stopping, "scale": batch.scale}
        | {"adaptive": adaptive, "audit": audit, "identity": identity, "bounds": batch.bounds, "domain": batch.domain}
        | {"backend": compute.backend.name, "dtype": compute.dtype, "threads": compute.threads},
    )


class _Images:
    """The images of a map while they are drawn, in the lattice's frame."""

    def __init__(self, batch: Batch, grid: PixelGrid, known: Minima | None, identity: Identity, watch: Watch) -> None:
        self._batch, self._grid = batch, grid
        self._collector, self._watch = Collector(batch.coordinates, identity), watch
        self._row: list[NDArray[np.int64]] = []
        self._column: list[NDArray[np.int64]] = []
        self._within: list[NDArray[np.bool_]] = []
        self._head = 0 if known is None else len(known)
        if known is not None and self._head:
            zeros = np.zeros(self._head, np.int64)
            self._collector.add(Endpoints(0, known.x, known.fun, zeros, zeros, zeros.astype(np.int8) + Status.GRADIENT))

    @property
    def descents(self) -> int:
        """The number of descents so far."""
        return self._collector.n - self._head

    def visit(self, row: NDArray[np.int64], column: NDArray[np.int64]) -> None:
        """Descend from these pixels, as far as they are within the bounds."""
        within, bounds = np.ones(len(row), np.bool_), self._batch.bounds
        if bounds is not None:
            within = self._grid.pixels_within(row, column, bounds, self._batch.box)
        self._row.append(row)
        self._column.append(column)
        self._within.append(within)
        row, column = row[within], column[within]
        if len(row):
            part = self._watch.part(self.descents, self.descents + len(row))
            self._collector.run(replace(self._batch, starts=PixelStarts(self._grid, row, column)), part)

    def labels(self) -> NDArray[np.int32]:
        """The labels of all visited pixels, in order; -1 outside the bounds."""
        self._found = self._collector.find(self._batch)
        return self._of_all(self._collector.labels(self._found)[self._head :], -1)

    def _of_all(self, values: NDArray, otherwise: float) -> NDArray:
        """Values of the pixels descended from, as entries of all visited ones."""
        within = np.concatenate(self._within)
        out = np.full(len(within), otherwise, values.dtype)
        out[within] = values
        return out

    def draw(self, stride: int, audit: int, within: NDArray[np.bool_] | None) -> tuple[NDArray[np.bool_], Audit]:
        """Visit the pixels that decide the image, fill in the rest; returns the computed pixels and the audit."""
        rows, columns = self._grid.shape
        known = refine((rows, columns), stride, self.visit, self.labels)
        refined = sum(len(rows) for rows in self._row)
        filled = np.flatnonzero(~known[:rows, :columns] if within is None else ~known[:rows, :columns] & within)
        chosen = np.sort(np.random.default_rng(0).choice(filled, min(audit, len(filled)), replace=False))
        row, column = np.divmod(chosen, columns)
        if len(row):
            self.visit(row, column)
        visited = self._visited()
        image = {name: self._placed(values, refined, known.shape) for name, values in visited.items()}
        computed = known[:rows, :columns].copy()
        fill(known, stride, [image["label"], image["status"]], [image["nit"], image["fun"]])
        wrong = int(np.count_nonzero(image["label"][row, column] != visited["label"][refined:]))
        for name, values in visited.items():
            image[name][row, column] = values[refined:]
        computed[row, column] = True
        self.images = {name: np.ascontiguousarray(whole[:rows, :columns]) for name, whole in image.items()}
        return computed, Audit(len(row), wrong)

    def _visited(self) -> dict[str, NDArray]:
        """What the visited pixels show, in order."""
        label, ends = self.labels(), self._collector.endpoints()
        kinds = {"nit": np.int32, "fun": np.float64, "status": np.int8}
        return {"label": label} | {
            name: self._of_all(getattr(ends, name)[self._head :].astype(kind), np.nan if name == "fun" else 0)
            for name, kind in kinds.items()
        }

    def _placed(self, values: NDArray, most: int, side: tuple[int, ...]) -> NDArray:
        """An image of the values of the first visited pixels."""
        image = np.zeros(side, values.dtype)
        image[np.concatenate(self._row)[:most], np.concatenate(self._column)[:most]] = values[:most]
        return image

    def minima(self, within: NDArray[np.bool_] | None) -> Minima:
        """The minima, counted in pixels; shares are those of the pixels within the bounds."""
        label, found = self.images["label"], self._found.minima
        count = np.bincount(label[label >= 0], minlength=len(found))
        pixels = label.size if within is None else np.count_nonzero(within)
        shares: dict[str, Any] = {"count": count, "fraction": count / pixels}
        return replace(found, **shares, fraction_low=None, fraction_high=None, interval_note=_SHARES)
