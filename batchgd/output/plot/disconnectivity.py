"""The disconnectivity graph: which minima are connected below each level."""

from typing import Any

import numpy as np

from batchgd.output.plot.canvas import finish, given_or_new, headline
from batchgd.output.plot.style import INK, NOTE_SIZE, palette

_NAMED = 40  # largest number of minima for which labels are written
_RING = 16.0  # area of the ring on top of a set, points squared, if there is room for it
_SLANT = 0.045  # of the height of the picture: where a superbasin splits, its parts separate over this height


def draw_tree(tree: Any, m: int, title: str, ax: Any = None) -> Any:
    """Draw a disconnectivity graph: minima as the ends of lines, which meet at the level that connects them.

    Sets of minima that no saddle found joins are drawn side by side, each with an open ring on top.

    Parameters
    ----------
    tree : Tree
        Level, place from the left and parent (-1 for a root) of every node; the first m are the minima.
    m : int
        Number of minima.
    title : str
        Title of the picture.
    ax : matplotlib Axes, optional
        Where to draw; default: a new figure.
    """
    ax = given_or_new(ax, (7.0, 4.8))
    _draw_lines(ax, tree, m)
    named = m <= _NAMED
    if named:
        for k in range(m):
            ax.annotate(
                str(k), (tree.place[k], tree.level[k]), (0, -4), textcoords="offset points", size=NOTE_SIZE - 0.5,
                color=INK, ha="center", va="top", gid="label",
            )  # fmt: skip
    size = float(np.clip(900 / max(m, 1), 2, 26))
    colours = palette(m) if named else INK
    ax.scatter(tree.place[:m], tree.level[:m], s=size, c=colours, linewidths=0, zorder=3, gid="minima")
    roots = np.flatnonzero(tree.parent < 0)
    if len(roots) > 1:
        ring, line = float(np.clip(800 / m, 4, _RING)), float(np.clip(60 / m, 0.4, 0.8))
        ax.scatter(
            tree.place[roots], _top(tree, roots), s=ring, facecolors="white", edgecolors=INK, linewidths=line,
            zorder=4, gid="roots",
        )  # fmt: skip
    note = "lines meet at the level of the lowest saddle that connects their minima"
    note += f"\n○ {len(roots):,} sets of minima that no saddle found joins" if len(roots) > 1 else ""
    headline(ax, title, note)
    ax.set_xticks([])
    ax.margins(x=0.04, y=0.08)
    return finish(ax, y="fun", hide=("top", "right", "bottom"))


def _height(tree: Any) -> float:
    return float(np.ptp(tree.level)) or 1.0


def _top(tree: Any, roots: np.ndarray) -> np.ndarray:
    """Where the stem of each root ends."""
    return tree.level[roots] + _SLANT * _height(tree)


def _draw_lines(ax: Any, tree: Any, m: int) -> None:
    """Draw a slanted line from each superbasin to each of its parts, and a vertical one down to where that splits."""
    from matplotlib.collections import LineCollection

    slant, splits = _SLANT * _height(tree), np.sort(tree.level[m:])
    lines = []
    for k, up in enumerate(tree.parent.tolist()):
        end = (tree.place[k], tree.level[k])
        if up < 0:
            lines.append([(tree.place[k], tree.level[k] + slant), end])
            continue
        first = np.searchsorted(splits, tree.level[up])  # beyond the next split, slanted lines would cross
        below = max(splits[first - 1] if first else -np.inf, tree.level[up] - slant)
        bend = (tree.place[k], max(tree.level[k], below))
        lines.append([(tree.place[up], tree.level[up]), bend, end])
    width = float(np.clip(60 / max(m, 1), 0.35, 1.3))
    ax.add_collection(LineCollection(lines, colors=INK, linewidths=width, zorder=2, gid="tree"))
    ax.autoscale_view()
