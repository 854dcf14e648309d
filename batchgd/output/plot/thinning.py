"""What a picture of very many starts or minima shows of them, and the note that says how many it left out."""

from typing import Any

import numpy as np

from batchgd.problem.wording import plural

MARKS = 4_000
"""Largest number of marks on a picture: more look the same, and take seconds to draw and tens of megabytes as SVG."""

CLOUD = 10_000
"""Largest number of minima drawn one by one in a cloud of points; more become an image of how many there are where."""

_PIXELS = (180, 120)  # of that image


def evenly(count: int, most: int = MARKS) -> np.ndarray:
    """Return at most ``most`` of the indices 0..count - 1, evenly spaced, with both ends.

    >>> evenly(3).tolist(), evenly(101, 5).tolist()
    ([0, 1, 2], [0, 25, 50, 75, 100])
    """
    return np.arange(count) if count <= most else np.linspace(0, count - 1, most).astype(np.int64)


def left_out(drawn: int, total: int, one: str, many: str, which: str) -> str:
    """Return a line for the note of a picture that does not show everything, or nothing.

    >>> left_out(4000, 10**6, "minimum", "minima", "the lowest"), left_out(3, 3, "start", "starts", "")
    ('\\ndrawn: 4,000 of 1,000,000 minima, the lowest', '')
    """
    return f"\ndrawn: {drawn:,} of {plural(total, one, many)}, {which}" if drawn < total else ""


def draw_cloud(ax: Any, x: np.ndarray, y: np.ndarray) -> Any:
    """Draw how many points there are in each pixel of the axes, whose limits must be set; returns the image."""
    from matplotlib.colors import LogNorm

    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    columns, rows = _PIXELS
    with np.errstate(invalid="ignore"):
        across = np.clip((x - left) / (right - left) * columns, 0, columns - 1).astype(np.int64)
        up = np.clip((y - bottom) / (top - bottom) * rows, 0, rows - 1).astype(np.int64)
    counts = np.bincount(up * columns + across, minlength=rows * columns).reshape(rows, columns)
    image = ax.imshow(
        np.ma.masked_equal(counts, 0), origin="lower", extent=(left, right, bottom, top), aspect="auto",
        interpolation="nearest", cmap="viridis_r", norm=LogNorm(1, max(int(counts.max()), 2)), zorder=2, gid="minima",
    )  # fmt: skip
    ax.set_xlim(left, right)
    ax.set_ylim(bottom, top)
    return image
