"""The picture of a fit: data, best curve with its band, other optima, and residuals below."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from batchgd.output.plot.canvas import finish, given_axes, headline, new_axes
from batchgd.output.plot.style import INK, NOTE_SIZE, OKABE_ITO
from batchgd.output.plot.thinning import evenly, left_out
from batchgd.problem.errors import InputError

SIZE = (4.4, 4.2)
"""Inches of a new figure: its letters are still 7 points high in one column of a journal."""

_GRID, _FINE = 400, 4_000  # points of a curve, and of one with many turns
_TURNS = 40  # of a curve, more than which need a fine grid; another optimum that has them would be a smear
_OTHERS, _CANDIDATES = 3, 20  # other optima that are drawn, and that are looked at
_FEW = 200  # points that are drawn with a white face
_SETS = 7  # data sets with a colour of their own
_NAME, _WIDE = 42, 62  # characters of a title, and of a line below it
_GREY = "#8A8A8A"


def draw_fit(
    fit: Any,
    axes: Any = None,
    *,
    x: str | None = None,
    y: str = "y",
    level: float = 0.95,
    sets: Sequence[str] = (),
) -> Any:
    """Draw data with error bars, the best curve, its confidence band and other optima; residuals below.

    With several independent variables, observations are drawn against predictions instead.

    Parameters
    ----------
    axes : two axes of Matplotlib, optional
        Default: those of a new figure.
    x, y : str
        Labels of the axes.
    level : float
        Confidence of the band.
    sets : sequence of str
        Names of several data sets.
    """
    above, below = given_axes(axes, 2) if axes is not None else _new()
    parts = _parts(fit, sets)
    if parts is None:
        _observed_and_predicted(fit, above, y)
        place, label = predicted(fit), f"predicted {y}"
    else:
        band = _curves(fit, above, parts, level)
        place, label = np.concatenate([part.x for part in parts]), x or _name_of_x(fit)
        _legend(above, parts, level if band else None)
    _residual_panel(fit, below, place, parts)
    headline(above, _title(fit), _note(fit) + ("\n " if parts is not None else ""))  # a line for the legend
    finish(above, "", y if parts is not None else f"observed {y}")
    above.tick_params(labelbottom=False)
    finish(below, label, "residual / σ" if fit.data.sigma is not None else "residual")
    above.figure.align_ylabels([above, below])
    return np.array([above, below], dtype=object)


def _new() -> Any:
    return new_axes(SIZE, 2, 1, sharex=True, height_ratios=(3, 1))


class _Part:
    """One data set of a fit: its points, and how they are drawn."""

    def __init__(self, name: str, x: Any, rows: slice, colour: str, marker: str):
        self.name, self.x, self.rows, self.colour, self.marker = name, x, rows, colour, marker


def _parts(fit: Any, sets: Sequence[str]) -> list[_Part] | None:
    """Return the data sets of a fit of one independent variable; None if there are several variables."""
    given = fit.data.x if isinstance(fit.data.x, list) else [fit.data.x]
    columns = []
    for each in given:
        arrays = [*each.values()] if isinstance(each, dict) else [each]
        if len(arrays) != 1 or np.ndim(arrays[0]) != 1:
            return None
        columns.append(np.asarray(arrays[0], dtype=float))
    names = [*sets] if len(sets) == len(columns) else [f"set {k + 1}" for k in range(len(columns))]
    ends = np.cumsum([0, *map(len, columns)])
    parts = []
    for k, (name, column) in enumerate(zip(names, columns, strict=True)):
        rows = slice(int(ends[k]), int(ends[k + 1]))
        parts.append(_Part(name, column, rows, OKABE_ITO[k % _SETS], "osD^vPX"[k % _SETS]))
    return parts


def _name_of_x(fit: Any) -> str:
    one = fit.data.x[0] if isinstance(fit.data.x, list) else fit.data.x
    return next(iter(one)) if isinstance(one, dict) else "x"


def _curves(fit: Any, ax: Any, parts: list[_Part], level: float) -> bool:
    """Draw points and curves of each data set; return whether the band could be drawn."""
    log = all(_is_log(part.x) for part in parts)
    if log:
        ax.set_xscale("log")
    grids, best = _predicted(fit, [_grid(part.x, log) for part in parts], parts)
    if _turns(best) > _TURNS * len(parts):
        grids, best = _predicted(fit, [_grid(part.x, log, _FINE) for part in parts], parts)
    lower, upper = _band(fit, grids, level)
    _frame(fit, ax, best)
    others = _other_curves(fit, grids, best, ax.get_ylim())
    ends = np.cumsum([0, *map(len, grids)])
    for k, part in enumerate(parts):
        rows = slice(ends[k], ends[k + 1])
        for values in others:
            ax.plot(grids[k], values[rows], color=_GREY, lw=0.8, alpha=0.7, zorder=1, gid="other")
        if lower is not None:
            ax.fill_between(
                grids[k], lower[rows], upper[rows], color=part.colour, alpha=0.22, lw=0, zorder=2, gid="band"
            )
        ax.plot(grids[k], best[rows], color=part.colour, lw=1.4, zorder=4, gid="best")
        _points(fit, ax, part, part.x, fit.data.y[part.rows], scaled=False)
    return lower is not None


def _points(fit: Any, ax: Any, part: _Part, x: Any, y: Any, *, scaled: bool) -> None:
    """Draw points with their error bars; ``scaled`` points are in units of sigma already."""
    chosen = evenly(len(x))
    sigma = None if fit.data.sigma is None or scaled else fit.data.sigma[part.rows][chosen]
    few = len(x) <= _FEW
    size, fill, alpha = (3.4, "white", 1.0) if few else (2.2, part.colour, 0.55)
    ax.errorbar(
        x[chosen], y[chosen], sigma, fmt=part.marker, ms=size, mfc=fill, lw=0, mew=0.8, elinewidth=0.7, alpha=alpha,
        color=part.colour, ecolor=part.colour, zorder=3, gid="data",
    )  # fmt: skip


def _is_log(x: Any) -> bool:
    """Whether points are spread over decades, so that a linear axis would crowd most of them at its left end."""
    low, high = float(x.min()), float(x.max())
    if low <= 0.0 or high < 50.0 * low:
        return False
    return float(np.median(x) - low) < 0.1 * (high - low)


def _grid(x: Any, log: bool, count: int = _GRID) -> Any:
    low, high = float(x.min()), float(x.max())
    if log:
        return np.geomspace(low, high, count)
    margin = 0.02 * (high - low)
    return np.linspace(low - (0.0 if low >= 0.0 > low - margin else margin), high + margin, count)


def _turns(values: Any) -> int:
    """How often a curve changes between rising and falling."""
    slopes = np.diff(values)
    return int(np.count_nonzero(slopes[1:] * slopes[:-1] < 0.0))


def _predicted(fit: Any, grids: list[Any], parts: list[_Part]) -> tuple[list[Any], Any]:
    """Return the best curve on a grid, or at the data if the model cannot be evaluated elsewhere."""
    best = _at(fit, grids, fit.best.values)
    if best is not None and len(best) == sum(map(len, grids)):
        return grids, best
    order = [np.argsort(part.x, kind="stable") for part in parts]
    at = predicted(fit)
    values = [at[part.rows][rows] for part, rows in zip(parts, order, strict=True)]
    return [part.x[rows] for part, rows in zip(parts, order, strict=True)], np.concatenate(values)


def _given(fit: Any, grids: list[Any]) -> Any:
    """Return grids in the form in which the model takes x."""
    several = isinstance(fit.data.x, list)
    one = fit.data.x[0] if several else fit.data.x
    shaped = [{next(iter(one)): grid} if isinstance(one, dict) else grid for grid in grids]
    return shaped if several else shaped[0]


def _at(fit: Any, grids: list[Any], values: dict[str, float]) -> Any:
    try:
        with np.errstate(all="ignore"):
            return _joined(fit.predict(_given(fit, grids), **values))
    except (ValueError, TypeError, IndexError, InputError):
        return None


def _joined(parts: Any) -> Any:
    """Return the values of all data sets, one after the other."""
    return np.concatenate(parts) if isinstance(parts, list) else parts


def _band(fit: Any, grids: list[Any], level: float) -> tuple[Any, Any]:
    try:
        lower, upper = fit.confidence_band(_given(fit, grids), level)
        return _joined(lower), _joined(upper)
    except (ValueError, TypeError, IndexError, InputError):  # no standard errors, or a model of its own grid only
        return None, None


def _other_curves(fit: Any, grids: list[Any], best: Any, limits: tuple[float, float]) -> list[Any]:
    """Return the curves of other optima that can be seen: within the limits, and apart from the best curve."""
    equal, (low, high) = {id(each) for each in fit.equal}, limits
    curves = []
    for each in [each for each in fit.solutions if id(each) not in equal][:_CANDIDATES]:
        values = _at(fit, grids, each.values)
        if values is None or len(values) != len(best) or _turns(values) > max(_TURNS * len(grids), 2 * _turns(best)):
            continue
        seen = (values > low) & (values < high)
        if np.any(np.abs(values - best)[seen] > 0.01 * (high - low)):
            curves.append(values)
    return curves[:_OTHERS]


def _frame(fit: Any, ax: Any, best: Any) -> None:
    """Set the limits by data and best curve: other optima may be far away."""
    spread = 0.0 if fit.data.sigma is None else fit.data.sigma
    finite = best[np.isfinite(best)]
    ends = np.concatenate([fit.data.y - spread, fit.data.y + spread])
    low, high = float(ends.min()), float(ends.max())
    reach = high - low or 1.0
    if len(finite):
        low = max(min(low, float(finite.min())), low - 0.5 * reach)
        high = min(max(high, float(finite.max())), high + 0.5 * reach)
    margin = 0.06 * (high - low or 1.0)
    ax.set_ylim(low - margin, high + margin)


def _legend(ax: Any, parts: list[_Part], level: float | None) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = []
    if len(parts) > 1:
        for part in parts[:_SETS]:
            style: dict[str, Any] = {"marker": part.marker, "ms": 3.4, "mfc": "white", "mew": 0.8}
            handles.append(Line2D([], [], color=part.colour, lw=1.4, label=part.name, **style))
    else:
        colour = parts[0].colour
        handles.append(Line2D([], [], color=colour, lw=0, marker="o", ms=3.4, mfc="white", mew=0.8, label="data"))
        handles.append(Line2D([], [], color=colour, lw=1.4, label="best fit"))
    if level is not None:
        grey = parts[0].colour if len(parts) == 1 else _GREY
        handles.append(Patch(color=grey, alpha=0.3, lw=0, label=f"{100 * level:g} % band"))
    if any(line.get_gid() == "other" for line in ax.get_lines()):
        handles.append(Line2D([], [], color=_GREY, lw=0.8, label="other optima"))
    ax.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(-0.01, 0.995), ncols=5, fontsize=NOTE_SIZE, frameon=False,
        handlelength=1.4, handletextpad=0.5, columnspacing=1.2, borderaxespad=0.0,
    )  # fmt: skip


def _observed_and_predicted(fit: Any, ax: Any, y: str) -> None:
    """Draw what was observed against what the fit predicts; the diagonal is a perfect fit."""
    best, chosen = predicted(fit), evenly(len(fit.data))
    ends = [min(best.min(), fit.data.y.min()), max(best.max(), fit.data.y.max())]
    ax.plot(ends, ends, color=INK, lw=0.8, zorder=1)
    sigma = None if fit.data.sigma is None else fit.data.sigma[chosen]
    ax.errorbar(
        best[chosen], fit.data.y[chosen], sigma, fmt="o", ms=3.4, mfc="white", mew=0.8, lw=0, elinewidth=0.7,
        color=OKABE_ITO[0], zorder=3, gid="data",
    )  # fmt: skip


def _residual_panel(fit: Any, ax: Any, place: Any, parts: list[_Part] | None) -> None:
    """Draw observed minus predicted, in units of sigma if there is one."""
    left = standardised(fit)
    ax.axhline(0.0, color=INK, lw=0.8, zorder=1)
    if fit.data.sigma is not None:
        ax.axhspan(-1.0, 1.0, color=INK, alpha=0.07, lw=0, zorder=0)
    whole = _Part("", place, slice(0, len(fit.data)), OKABE_ITO[0], "o")
    for part in parts or [whole]:
        _points(fit, ax, part, place[part.rows], left[part.rows], scaled=True)
    reach = 1.15 * float(np.abs(left).max()) or 1.0
    ax.set_ylim(-reach, reach)


def standardised(fit: Any) -> Any:
    """Return observed minus predicted values, divided by sigma if there is one."""
    return -fit.residual


def predicted(fit: Any) -> Any:
    """Return the best fit at the data."""
    return fit.data.y + fit.residual * (1.0 if fit.data.sigma is None else fit.data.sigma)


def _title(fit: Any) -> str:
    name = "best fit" if fit.name == "<lambda>" else fit.name
    return name if len(name) <= _NAME else f"{name[: _NAME - 1]}…"


def _note(fit: Any) -> str:
    found = [f"{name} = {measured(each.value, each.stderr)}" for name, each in fit.params.items() if each.vary]
    first = ", ".join(found)
    first = first if len(first.replace("$^{", "").replace("}$", "")) <= _WIDE else ""
    scale = f"residual SD {np.sqrt(fit.redchi):.3g}" if fit.data.sigma is None else f"χ²/ν = {fit.redchi:.3g}"
    second = f"{fit.agree:,} of {fit.landscape.n:,} starts agree, {scale}"
    second += left_out(len(evenly(len(fit.data))), len(fit.data), "point", "points", "evenly")
    return "\n".join(filter(None, [first, second]))


def measured(value: float, stderr: float | None) -> str:
    """Return a value with its error, both rounded to the second digit of the error, as a picture shows them.

    >>> measured(2.51387, 0.07735), measured(1234.5, 230.0), measured(2.0, None), measured(1.2e-9, 3e-11)
    ('2.514 ± 0.077', '1230 ± 230', '2', '(1.200 ± 0.030)·10$^{-9}$')
    """
    if stderr is None or not np.isfinite(stderr) or stderr <= 0.0:
        return f"{value:.6g}".replace("-", "−")
    size, power = max(abs(value), stderr), 0
    if not 1e-3 <= size < 1e6:
        power = int(np.floor(np.log10(size)))
    value, stderr = value / 10.0**power, stderr / 10.0**power
    digits = 1 - int(np.floor(np.log10(stderr)))
    shown = max(digits, 0)
    text = f"{round(value, digits):.{shown}f} ± {round(stderr, digits):.{shown}f}".replace("-", "−")
    return f"({text})·10$^{{{power}}}$" if power else text
