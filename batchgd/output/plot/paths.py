"""Pictures of paths: over contours in two dimensions, against the number of updates, and several runs side by side."""

from collections.abc import Sequence
from pathlib import Path as File
from typing import Any

import numpy as np

from batchgd.kernels.status import LOST
from batchgd.output.plot.canvas import (
    contour_lines,
    drawn,
    figure_title,
    finish,
    finish_plane,
    given_axes,
    given_or_new,
    headline,
    legend_beside,
    new_axes,
    new_panels,
)
from batchgd.output.plot.limits import draw_bounds, values_within, with_margin
from batchgd.output.plot.style import INK, STAR, palette
from batchgd.problem.errors import InputError
from batchgd.problem.wording import plural

_DOTTED = 80  # largest number of points for which each is marked
MAX_RUNS = 12
_COLUMNS = 3
_LOG_RATIO = 20  # longest over shortest path: beyond, the axis of updates is logarithmic


def compare_paths(runs: Sequence[Any], path: str | File | None = None) -> Any:
    """Draw several runs side by side and, if a path is given, write the picture there.

    Two dimensions: one panel over contours for each run. Otherwise: values and gradient norms of all in one picture.

    Parameters
    ----------
    runs : sequence of Paths
        What ``bgd.path`` returned for several methods or learning rates; at most 12.
    path : str or Path, optional
        The file; its ending chooses the format.

    Returns
    -------
    array of Axes

    Raises
    ------
    InputError
        If there are no runs or too many, or the file cannot be written; ImportError without matplotlib.
    """
    check_runs(runs)
    return drawn(path, lambda: side_by_side(runs) if runs[0].dim == 2 else convergence(runs))


def check_runs(runs: Sequence[Any]) -> None:
    """Raise InputError if there are no runs, too many, or functions of different dimensions."""
    if not runs or not any(len(run) for run in runs):
        raise InputError("there is no path to draw: give at least one")
    if len(runs) > MAX_RUNS:
        raise InputError(f"{len(runs)} runs do not fit side by side: draw at most {MAX_RUNS} at once")
    if len({run.dim for run in runs}) > 1:
        raise InputError("the runs have different dimensions: draw those of one function together")


def side_by_side(runs: Sequence[Any]) -> Any:
    """Draw one panel of paths over contours for each run, with the same region in all; returns the axes."""
    lower, upper = region(runs)
    columns = min(len(runs), _COLUMNS if len(runs) != 4 else 2)
    ratio = float(np.clip((upper[1] - lower[1]) / (upper[0] - lower[0]), 0.5, 2.0))
    width = 4.6 if columns == 1 else 3.1
    axes = new_panels(len(runs), columns, lambda rows: (width * columns + 0.5, (width * ratio + 0.5) * rows + 0.5))
    for ax, run, label in zip(axes, runs, labels(runs), strict=True):
        contours(run, ax, lower=lower, upper=upper, title=label)
    name = runs[0].result.objective.name
    if name != "<lambda>":
        figure_title(axes[0], name)
    return axes


def contours(paths: Any, ax: Any = None, *, lower: Any = None, upper: Any = None, title: str | None = None) -> Any:
    """Draw paths in two dimensions over contours of the function.

    A circle is a start, a star an endpoint at rest, and a cross the endpoint of a trajectory that was given up
    (diverged, escaped, not finite) or not finished. The points of a path are drawn as dots if there are at most 80.

    Parameters
    ----------
    paths : Paths
        What ``bgd.path`` returned, for a function of two variables.
    ax : matplotlib Axes, optional
        Where to draw; default: a new figure.
    lower, upper : (2,) arrays, optional
        The region; default: large enough for the box and the paths.
    title : str, optional
        Default: the method.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If there are not two dimensions.
    """
    if paths.dim != 2:
        raise InputError(f"paths over contours need 2 dimensions, these have {paths.dim}: draw .convergence()")
    if lower is None or upper is None:
        lower, upper = region([paths])
    ax = given_or_new(ax, (5.4, 5.0))
    bounds = paths.result.bounds
    u, v, values = values_within(paths.result.objective, bounds, lower, upper)
    contour_lines(ax, u, v, values, 16, linewidths=0.5, alpha=0.35, zorder=1)
    for path, colour in zip(paths, palette(len(paths)), strict=True):
        _draw_path(ax, path, colour)
    headline(ax, labels([paths])[0] if title is None else title, _note(paths))
    finish_plane(ax, *with_margin(bounds, lower, upper))
    draw_bounds(ax, bounds)
    return ax


def convergence(runs: Sequence[Any], axes: Any = None, *, optimum: float | None = None) -> Any:
    """Draw value and gradient norm against the number of updates, both on logarithmic axes.

    Parameters
    ----------
    runs : sequence of Paths
        Each has one colour and one entry in the key.
    axes : two matplotlib Axes, optional
        Where to draw; default: a new figure.
    optimum : float, optional
        Subtracted from the values; default: the lowest value on any of the paths.

    Returns
    -------
    array of two Axes

    Raises
    ------
    InputError
        If there are no runs or too many, or if ``axes`` is not a pair of Matplotlib axes.
    """
    check_runs(runs)
    axes = new_axes((8.4, 3.8), 1, 2) if axes is None else given_axes(axes, 2)
    finite = np.concatenate([run.fun[np.isfinite(run.fun)] for run in runs])
    lowest = float(finite.min(initial=np.inf)) if optimum is None else optimum
    lengths = np.concatenate([run.nit[run.first[1:] - 1] for run in runs])
    log = lengths.max() > _LOG_RATIO * max(int(lengths.min()), 5)
    for run, label, colour in zip(runs, labels(runs), palette(len(runs)), strict=True):
        for k, path in enumerate(run):
            for ax, height in zip(axes, (path.fun - lowest, path.gradient_norm), strict=True):
                shown = (height > 0.0) & np.isfinite(height) & ((path.nit > 0) | (not log))
                ax.plot(path.nit[shown], height[shown], color=colour, linewidth=1.2, label=None if k else label)
    value = "value − lowest value reached" if optimum is None else f"value − {optimum:g}" if optimum else "value"
    for ax, name in zip(axes, (value, "gradient norm"), strict=True):
        ax.set_yscale("log")
        ax.set_xscale("log" if log else "linear")
        headline(ax, name)
        finish(ax, "updates", grid="both")
    legend_beside(axes[1])
    return np.asarray(axes, dtype=object)


def labels(runs: Sequence[Any]) -> list[str]:
    """Name each run by its method, or by the learning rate if nothing else differs."""
    methods = [run.result.method for run in runs]
    rates = [getattr(method, "learning_rate", None) for method in methods]
    if len(runs) > 1 and len({type(method) for method in methods}) == 1 and len(set(map(str, rates))) == len(runs):
        return [f"η = {rate:g}" if isinstance(rate, float) else f"η = {rate}" for rate in rates]
    return [_short(method) for method in methods]


def _short(method: Any) -> str:
    """The method with its learning rate, if that is its first setting: more does not fit above a panel."""
    name, _, settings = str(method).partition("(")
    first = settings.rstrip(")").split(", ")[0]
    rate = first.removeprefix("learning_rate=")
    return f"{name}, η = {rate}" if rate != first and "(" not in rate else name


def region(runs: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return corners around the box of the function and the paths; those given up count only near the box."""
    objective = runs[0].result.objective
    box = objective.box if objective.box is not None else runs[0].result.box
    bounds = runs[0].result.bounds
    lower, upper = (
        np.array(end) if bounds is None else np.clip(end, bounds.lower, bounds.upper) for end in (box.lower, box.upper)
    )
    for settled in (True, False):
        margin = 0.1 * (upper - lower)
        low, high = lower - margin, upper + margin
        for run in runs:
            for path in run:
                if (path.status not in LOST) == settled:
                    points = path.x[np.isfinite(path.x).all(axis=1)]
                    if not settled:
                        points = np.clip(points, low, high)
                    lower = np.minimum(lower, points.min(axis=0, initial=np.inf))
                    upper = np.maximum(upper, points.max(axis=0, initial=-np.inf))
    return lower, upper


def _draw_path(ax: Any, path: Any, colour: Any) -> None:
    x = path.x[np.isfinite(path.x).all(axis=1)]
    marker = "." if len(x) <= _DOTTED else None
    ax.plot(*x.T, color=colour, linewidth=1.1, marker=marker, markersize=4, zorder=3, gid="path", clip_on=True)
    ax.scatter(*x[:1].T, s=26, facecolors="white", edgecolors=colour, linewidths=1.3, zorder=4, gid="start")
    if path.status.success:
        ax.scatter(*x[-1:].T, s=110, marker="*", color=STAR, edgecolors=INK, linewidths=0.8, zorder=5, gid="rest")
    else:
        ax.scatter(*x[-1:].T, s=34, marker="X", color=colour, edgecolors="white", linewidths=0.6, zorder=5, gid="lost")


def _note(paths: Any) -> str:
    """How the paths ended."""
    longest = int(np.max(paths.nit[paths.first[1:] - 1]))
    ended = ", ".join(
        name.lower() if len(paths) == 1 else f"{count} {name.lower()}"
        for name, count in paths.result.status_counts().items()
    )
    return f"{'' if len(paths) == 1 else 'up to '}{plural(longest, 'update')}: {ended}"
