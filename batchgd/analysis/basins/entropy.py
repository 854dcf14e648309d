"""Basin entropy: how uncertain the label of a point in a small box is, on average and on borders."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from batchgd.problem import check
from batchgd.problem.errors import InputError
from batchgd.problem.keywords import explained


class BasinEntropy(NamedTuple):
    """Mean entropy of all boxes, and of those that contain more than one label (NaN if none does), in nats."""

    basin: float
    boundary: float


@explained
def basin_entropy(labels: ArrayLike, size: int = 5) -> BasinEntropy:
    r"""Return the basin entropy S_b and the boundary basin entropy S_bb of a grid of labels.

    The grid is cut into N boxes of ``size`` cells a side. With p_ij the share of label j in box i,

        S_b = 1/N sum_i sum_j p_ij ln(1 / p_ij),    S_bb = S_b N / N_b,

    N_b the number of boxes with more than one label. S_bb > ln 2 is sufficient for fractal borders: between two basins
    with a smooth border it is at most ln 2, and boxes with more labels are rare there. It is not necessary.

    Parameters
    ----------
    labels : (n1, ..., nD) array of int
        Labels on an even grid; -1 counts as a label. Cells at the ends that do not fill a box are ignored.
    size : int
        Cells along each side of a box. Entropies of different sizes, or of different numbers of cells per box width,
        are not comparable; 5 gives the 25 trajectories per box of the source.

    Raises
    ------
    InputError
        If labels are not a grid, or it has fewer than ``size`` cells along a side.

    Examples
    --------
    >>> import numpy as np
    >>> halves = np.repeat([0, 1], 6)[None, :] * np.ones((5, 1), int)  # the border halves the second of three boxes
    >>> basin_entropy(halves, size=4)
    BasinEntropy(basin=0.23104906018664842, boundary=0.6931471805599453)

    References
    ----------
    A. Daza, A. Wagemakers, B. Georgeot, D. Guéry-Odelin, M. A. F. Sanjuán, "Basin entropy: a new tool to analyze
    uncertainty in dynamical systems", Sci. Rep. 6, 31416 (2016).
    """
    grid = as_grid(labels)
    boxes = cut(grid, check.whole("size", size, 2, min(grid.shape), of="cells along a side of a box"))
    count, cells = boxes.shape
    label = np.unique(boxes, return_inverse=True)[1].reshape(boxes.shape)
    key, times = np.unique(label + np.arange(count)[:, None] * (label.max() + 1), return_counts=True)
    share = times / cells
    entropy = np.bincount(key // (label.max() + 1), weights=-share * np.log(share), minlength=count)
    mixed = (boxes != boxes[:, :1]).any(axis=1)
    return BasinEntropy(float(entropy.mean()), float(entropy[mixed].mean()) if mixed.any() else float("nan"))


def as_grid(labels: Any) -> NDArray[np.int64]:
    """Return labels as an array of whole numbers with one axis or more, or raise InputError."""
    grid = check.reals("labels hold", labels, "give a grid of whole numbers, such as bgd.map(...).label")
    if grid.ndim == 0 or grid.dtype.kind not in "iu":
        raise InputError("labels are not a grid of whole numbers: give an array such as bgd.map(...).label")
    if min(grid.shape) < 2:
        raise InputError(f"labels have shape {grid.shape}: give two cells or more along each side")
    return grid.astype(np.int64)


def cut(grid: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Cut a grid into boxes of ``size`` cells a side: (boxes, cells); cells that do not fill a box are ignored."""
    whole = grid[tuple(slice(0, n - n % size) for n in grid.shape)]
    parts = whole.reshape([k for n in whole.shape for k in (n // size, size)])
    d = grid.ndim
    return parts.transpose(*range(0, 2 * d, 2), *range(1, 2 * d, 2)).reshape(-1, size**d)
