"""Pictures that judge a fit: residuals, correlations of the parameters, and the waterfall of the starts."""

from typing import Any

import numpy as np

from batchgd.output.plot.canvas import finish, given_axes, given_or_new, headline, new_axes
from batchgd.output.plot.fits import standardised
from batchgd.output.plot.style import INK, NOTE_SIZE, OKABE_ITO
from batchgd.output.plot.thinning import evenly, left_out
from batchgd.problem.arrays import host
from batchgd.problem.wording import plural

_WRITTEN = 12  # parameters up to which correlations are written as numbers
_RATIO = 30.0  # of chi-squares, from which on their axis is logarithmic
_EQUAL = 1e-3  # values that differ less, relative to their size, are drawn as one
_GREY = "#9A9A9A"


def draw_residuals(fit: Any, axes: Any = None) -> Any:
    """Draw residuals against predictions, and their quantiles against those of a normal distribution.

    The first shows what the model misses (a curve) and whether sigma is right everywhere (an even width); the second
    is straight if residuals are normal, and outliers leave it at its ends.
    """
    from scipy import stats

    left, right = given_axes(axes, 2) if axes is not None else new_axes((6.4, 3.0), 1, 2)
    residuals, predicted = standardised(fit), fit.predict()
    chosen = evenly(len(residuals))
    left.axhline(0.0, color=INK, lw=0.8, zorder=1)
    _dots(left, predicted[chosen], residuals[chosen])
    quantiles = stats.norm.ppf((np.arange(1, len(residuals) + 1) - 0.5) / len(residuals))
    ordered = np.sort(residuals)
    spread = float(np.std(residuals))
    ends = np.array([quantiles[0], quantiles[-1]])
    right.plot(ends, float(np.mean(residuals)) + spread * ends, color=INK, lw=0.8, zorder=1)
    _dots(right, quantiles[chosen], ordered[chosen])
    name = "residual / σ" if fit.data.sigma is not None else "residual"
    headline(left, "Residuals", plural(len(residuals), "point") + f", standard deviation {spread:.3g}")
    headline(right, "Normal?", "straight if residuals are normal")
    finish(left, "predicted", name)
    finish(right, "quantile of the normal distribution", name)
    return np.array([left, right], dtype=object)


def _dots(ax: Any, x: Any, y: Any) -> None:
    ax.plot(x, y, "o", ms=3.4, mfc="white", mew=0.8, color=OKABE_ITO[0], zorder=3, gid="data")


def draw_correlation(fit: Any, ax: Any = None) -> Any:
    """Draw the correlation matrix of the free parameters; those without a standard error are hatched."""
    names, correlation = list(fit.free), np.asarray(fit.correl)
    count = len(names)
    side = min(2.2 + 0.42 * count, 9.0)
    ax = given_or_new(ax, (side + 0.6, side))
    ax.set_facecolor("#E6E6E6")
    image = ax.imshow(np.ma.masked_invalid(correlation), cmap="RdBu_r", vmin=-1.0, vmax=1.0, gid="correlation")
    if count <= _WRITTEN:
        for i, j in np.ndindex(count, count):
            if np.isfinite(correlation[i, j]) and i != j:
                dark = abs(correlation[i, j]) > 0.6
                words = f"{round(float(correlation[i, j]), 2) + 0.0:.2f}".replace("-", "−")
                ax.text(
                    j, i, words, ha="center", va="center", fontsize=NOTE_SIZE, color="white" if dark else INK,
                )  # fmt: skip
    ax.set_xticks(range(count), names, rotation=0 if max(map(len, names)) <= 4 else 45, ha="center")
    ax.set_yticks(range(count), names)
    missing = int(np.count_nonzero(~np.isfinite(np.diag(correlation))))
    note = f"grey: {plural(missing, 'parameter')} without a standard error" if missing else ""
    headline(ax, "Correlation of the parameters", note)
    bar = ax.figure.colorbar(image, ax=ax, pad=0.03, shrink=0.85, ticks=[-1, -0.5, 0, 0.5, 1])
    bar.ax.tick_params(labelsize=NOTE_SIZE, width=0.6, length=3)
    bar.outline.set_linewidth(0.6)
    return finish(ax, hide=("top", "right", "left", "bottom"))


def draw_waterfall(fit: Any, ax: Any = None) -> Any:
    """Draw the final chi-square of each start in order: the width of a flat step is how many starts agree.

    Starts at the best optimum are blue, at another optimum orange; grey ones reached no minimum. The axis is
    logarithmic if the values differ by more than a factor of 30. With a robust loss the values are its cost.
    """
    run = fit.landscape
    ax = given_or_new(ax, (4.4, 3.2))
    cost, label = 2.0 * host(run.fun).astype(float), host(run.label)
    order = np.argsort(np.where(np.isfinite(cost), cost, np.inf), kind="stable")
    rank = evenly(len(order))
    height, of = cost[order][rank], label[order][rank]
    finite = np.isfinite(height)
    lowest = float(np.min(cost[np.isfinite(cost)], initial=np.inf))
    log = lowest > 0.0 and _top(cost) > _RATIO * lowest
    if log:
        ax.set_yscale("log")
    best = np.isin(of, _best_labels(fit))
    for chosen, colour, name, size in (
        (finite & (of < 0), _GREY, "no minimum reached", 8),
        (finite & (of >= 0) & ~best, OKABE_ITO[1], "other optima", 12),
        (finite & best, OKABE_ITO[0], "best fit", 12),
    ):
        if chosen.any():
            ax.scatter(rank[chosen] + 1, height[chosen], s=size, c=colour, lw=0, zorder=3, label=name, gid=name)
    _limits(ax, lowest, _top(cost), log)
    note = f"{fit.agree:,} of {plural(run.n, 'start')} agree on the best fit"
    over = int(np.count_nonzero(~(cost <= ax.get_ylim()[1])))
    note += f"\n{plural(over, 'start ends', 'starts end')} above the axis or not finite" if over else ""
    headline(ax, "Starts in order", note + left_out(len(rank), len(order), "start", "starts", "evenly"))
    ax.legend(fontsize=NOTE_SIZE, frameon=False, loc="upper left", handletextpad=0.2)
    ax.set_xlim(1 - 0.02 * len(order), 1.02 * len(order) + 1)
    return finish(ax, "start, best first", "cost" if fit.residuals.loss.name != "linear" else "χ²", grid="y")


def _best_labels(fit: Any) -> Any:
    """Return the labels of the lowest minima, to which as many starts led as agree on the best fit."""
    minima = fit.landscape.minima
    order = np.argsort(np.asarray(minima.fun), kind="stable")
    counted = np.cumsum(np.asarray(minima.count)[order])
    return order[: int(np.searchsorted(counted, fit.agree)) + 1] if fit.agree else []


def _top(cost: Any) -> float:
    """Return the highest value that the axis shows: all but the worst tenth, if that is far above the others."""
    finite = np.sort(cost[np.isfinite(cost)])
    if not len(finite):
        return 1.0
    most, usual = float(finite[-1]), float(finite[int(0.9 * (len(finite) - 1))])
    return most if most <= 1e3 * max(usual, 1e-300) else usual


def _limits(ax: Any, low: float, high: float, log: bool) -> None:
    if not np.isfinite(low):
        return
    if log:
        ax.set_ylim(low / (high / low) ** 0.06, high * (high / low) ** 0.25)
    else:
        margin = max(high - low, _EQUAL * abs(high)) or 1.0
        ax.set_ylim(low - 0.08 * margin, high + 0.35 * margin)
