"""Shared by all pictures: a figure without a display, grids of values, contour levels, titles and files."""

import contextlib
import os
import shutil
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from batchgd.output.plot.style import INK, LABEL_SIZE, NOTE_SIZE, TITLE_SIZE
from batchgd.problem import check
from batchgd.problem.errors import InputError, WriteError, quoted
from batchgd.problem.optional import require
from batchgd.problem.wording import minima_counted, plural

_DPI = 150
_MOST_LAYOUTS = 6
_SKEWED = 6.0  # highest over median value, both above the lowest: 2 for a ramp, 4 for a bowl, hundreds for a quartic


def new_axes(size: tuple[float, float], rows: int = 1, columns: int = 1, **options: Any) -> Any:
    """Return axes (an array of them for several) on a new figure that needs no display and no pyplot."""
    require("matplotlib", "plot")
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08)
    figure = Figure(figsize=size, layout=layout, dpi=_DPI, facecolor="white")
    return figure.subplots(rows, columns, **options)


def new_panels(count: int, columns: int, size: Callable[[int], tuple[float, float]], **options: Any) -> Any:
    """Return ``count`` axes of a new figure in rows of ``columns``; ``size`` gives its inches for a number of rows."""
    rows = -(-count // columns)
    axes = new_axes(size(rows), rows, columns, squeeze=False, **options).ravel()
    for spare in axes[count:]:
        spare.remove()
    return axes[:count]


def given_or_new(ax: Any, size: tuple[float, float]) -> Any:
    """Return the axes that a caller gave to draw on, or a new figure's if there are none."""
    if ax is None:
        return new_axes(size)
    from matplotlib.axes import Axes

    if not isinstance(ax, Axes):
        raise InputError(f"ax is {quoted(ax)}: give axes of Matplotlib to draw on, or omit it for a new figure")
    return ax


def given_axes(axes: Any, count: int) -> list[Any]:
    """Return the axes that a caller gave to draw panels on: one, a list or an array of them."""
    from matplotlib.axes import Axes

    given = [*axes.flat] if isinstance(axes, np.ndarray) else list(axes) if isinstance(axes, Iterable) else [axes]
    if len(given) != count or not all(isinstance(ax, Axes) for ax in given):
        raise InputError(f"axes is {quoted(axes)}: give {count} axes of Matplotlib, or omit it for a new figure")
    return given


def headline(ax: Any, title: str, note: str = "") -> None:
    """Put a title and a smaller line that explains the picture above the axes, flush left."""
    ax.set_title(
        title, loc="left", fontsize=TITLE_SIZE, fontweight="bold", color=INK, pad=8 + 12 * len(note.splitlines())
    )
    if note:
        ax.annotate(
            note,
            (0, 1),
            (0, 6),
            xycoords="axes fraction",
            textcoords="offset points",
            fontsize=NOTE_SIZE,
            color="#555555",
        )


def figure_title(ax: Any, title: str, size: float = TITLE_SIZE) -> None:
    """Put a title above all axes of the figure, flush left."""
    ax.figure.suptitle(title, x=0.012, ha="left", fontsize=size, fontweight="bold", color=INK)


def name_of(result: Any, otherwise: str) -> str:
    """Return the name of a result's function."""
    return getattr(result.objective, "name", None) or otherwise


def starts_and_minima(result: Any) -> str:
    """Return "2,000 starts, 4 minima"."""
    return f"{plural(result.n, 'start')}, {minima_counted(len(result.minima))}"


def finish(ax: Any, x: str = "", y: str = "", *, grid: str = "", hide: Collection[str] = ("top", "right")) -> Any:
    """Give axes their labels, lines along ``grid`` ("x", "y", "both"), thin spines and small ticks; returns them."""
    if x:
        ax.set_xlabel(x, fontsize=LABEL_SIZE)
    if y:
        ax.set_ylabel(y, fontsize=LABEL_SIZE)
    if grid:
        ax.grid(axis=grid, color=INK, alpha=0.12, linewidth=0.5)
    ax.tick_params(labelsize=NOTE_SIZE, colors=INK, width=0.6, length=3)
    for side, spine in ax.spines.items():
        spine.set_linewidth(0.6)
        spine.set_visible(side not in hide)
    return ax


def finish_plane(ax: Any, low: Any, high: Any, names: Sequence[str] = ("x0", "x1")) -> Any:
    """Give axes over a plane their limits and labels; both have the same scale if the region is nearly square."""
    ax.set_xlim(low[0], high[0])
    ax.set_ylim(low[1], high[1])
    ax.set_aspect("equal" if 0.5 <= (high[0] - low[0]) / (high[1] - low[1]) <= 2.0 else "auto")
    ax.xaxis.labelpad = ax.yaxis.labelpad = 1
    return finish(ax, *names, hide=())


def legend_beside(ax: Any, place: tuple[float, float] = (1.0, 1.0), **options: Any) -> Any:
    """Put the legend to the right of the axes."""
    fixed = {"loc": "upper left", "frameon": False, "alignment": "left", "title_fontsize": NOTE_SIZE}
    given = {"fontsize": NOTE_SIZE, "borderaxespad": 0.2} | options
    return ax.legend(bbox_to_anchor=place, **fixed, **given)


def colour_bar(ax: Any, mappable: Any, **options: Any) -> Any:
    """Put a colour bar next to the axes."""
    bar = ax.figure.colorbar(mappable, ax=ax, pad=0.02, **options)
    bar.ax.tick_params(labelsize=NOTE_SIZE, width=0.6, length=3)
    bar.outline.set_linewidth(0.6)
    return bar


def grid_values(objective: Any, lower: Any, upper: Any, side: int = 201, base: Any = None, pair: Any = (0, 1)) -> Any:
    """Return (u, v, values) on the plane along coordinates ``pair`` through ``base``; values[j, i] at (u[i], v[j])."""
    u, v = np.linspace(lower[0], upper[0], side), np.linspace(lower[1], upper[1], side)
    points = np.tile(np.zeros(2) if base is None else np.asarray(base, dtype=float), (side * side, 1))
    points[:, pair[0]], points[:, pair[1]] = np.tile(u, side), np.repeat(v, side)
    with np.errstate(all="ignore"):
        values = np.asarray(objective.value(points), dtype=float).reshape(side, side)
    return u, v, np.where(np.isfinite(values), values, np.nan)


def levels(values: np.ndarray, count: int = 12) -> np.ndarray:
    """Return contour levels: evenly spaced, or by equal factors above the lowest value if the range is large.

    >>> levels(np.linspace(0.0, 10.0, 1001), 3).round(1).tolist()
    [2.5, 5.0, 7.5]
    """
    finite = values[np.isfinite(values)]
    if len(finite) == 0 or finite.max() <= finite.min():
        return np.array([])
    lowest = float(finite.min())
    above = finite - lowest
    low, middle, high = np.quantile(above, (0.01, 0.5, 0.995))
    if above.max() > _SKEWED * middle:
        return lowest + np.geomspace(max(low, 1e-6 * high), high, count) if high > 0 else np.array([])
    return lowest + np.linspace(0, float(above.max()), count + 2)[1:-1]


def contour_lines(ax: Any, u: Any, v: Any, values: Any, count: int, **style: Any) -> None:
    """Draw thin contours of a function, if it has any."""
    steps = levels(values, count)
    if len(steps):
        ax.contour(u, v, values, levels=steps, colors=INK, linestyles="solid", **style)


def shading(ax: Any, u: Any, v: Any, values: Any, count: int, colours: str, lines: str, alpha: float) -> Any:
    """Fill between contours of a function and draw them as thin lines; returns the fill, or None without levels."""
    from matplotlib.colors import BoundaryNorm

    steps = levels(values, count)
    if len(steps) < 2:
        return None
    norm = BoundaryNorm(steps, 256, extend="both")
    filled = ax.contourf(u, v, values, levels=steps, cmap=colours, norm=norm, extend="both", zorder=0)
    ax.contour(u, v, values, levels=steps, colors=lines, linewidths=0.3, alpha=alpha, linestyles="solid", zorder=1)
    return filled


def check_path(path: str | Path) -> None:
    """Raise InputError for a file that no picture can be written to, before any drawing is done."""
    require("matplotlib", "plot")
    from matplotlib.backend_bases import FigureCanvasBase

    file = check.path("the file", path)
    known = FigureCanvasBase.get_supported_filetypes()
    if file.suffix[1:].lower() not in known:
        raise InputError(f"{file} must end in a picture format: .{', .'.join(sorted(known))}")
    check_folder(file)


def check_folder(path: str | Path) -> None:
    """Raise InputError for a file whose folder does not exist or cannot be written."""
    file = check.path("the file", path)
    try:
        folder = file.absolute().parent
        if not folder.is_dir():
            raise InputError(f"{file.parent} is not a folder; create it first, or write the picture elsewhere")
        writable = os.access(folder, os.W_OK) and not file.is_dir()
    except OSError as error:  # the name is too long, or the working folder is gone
        raise InputError(f"cannot write {file}: {error.strerror}; choose a file that you can write") from error
    if not writable:
        raise InputError(f"cannot write {file}; choose a file that you can write")


@contextlib.contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """Yield the file to write to: it takes the name of ``path`` once it is complete, and is removed if that fails."""
    try:
        target = Path(os.path.realpath(path))
        if target.exists() and not target.is_file():  # a pipe or a device cannot be replaced
            yield Path(path)
            return
        draft = target.with_name(f".batchgd-{uuid.uuid4().hex[:8]}{Path(path).suffix}")
        try:
            yield draft
            if target.exists():
                shutil.copymode(target, draft)
            os.replace(draft, target)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise WriteError(f"cannot write {path}: {error.strerror or error}; choose a file that you can write") from error


def drawn(path: str | Path | None, draw: Callable[[], Any]) -> Any:
    """Return the axes of a picture, written into a file if a path is given, which is checked first."""
    if path is None:
        return draw()
    check_path(path)
    axes = draw()
    write(axes, path)
    return axes


def _is_cut(figure: Any) -> bool:
    """Whether a label of an axis reaches beyond the figure: with equal scales the layout needs several rounds."""
    labels = [axis.label for ax in figure.axes for axis in (ax.xaxis, ax.yaxis) if axis.label.get_text()]
    room = figure.bbox.padded(1.0)
    extents = [label.get_window_extent() for label in labels]
    return any(not (room.contains(*each.min) and room.contains(*each.max)) for each in extents)


def write(axes: Any, path: str | Path) -> None:
    """Write the figure of the axes (or of an array of axes) into a file."""
    figure = np.asarray(axes, dtype=object).ravel()[0].figure
    for _ in range(_MOST_LAYOUTS):
        figure.draw_without_rendering()  # settles ticks first: their width moves the layout, which moves the ticks
        if not _is_cut(figure):
            break
    with written_whole(path) as file:
        figure.savefig(file, dpi=_DPI)
