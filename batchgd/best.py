"""The lowest value that a run has reached, and where."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from batchgd.kernels.status import LOST
from batchgd.standins import host

if TYPE_CHECKING:
    from batchgd.result import MultistartResult

_SAME = 1e-9  # relative


class Best(NamedTuple):
    """The lowest value ``fun`` and its place ``x``, (d,); ``label``: its row of ``minima``, -1 if it is not one."""

    fun: float
    x: np.ndarray
    label: int


def best_of(result: "MultistartResult") -> Best | None:
    """Return the lowest of the minima, the other stationary points and the endpoints without a label.

    Of several minima of the lowest value it is the first inside the box. Endpoints that diverged or escaped count only
    where there is nothing else. None if no value is known.
    """
    minima, other, cells = result.minima, result.stationary, result.cells
    places = [] if len(minima.fun) == 0 else [_of_minima(result)]
    if len(other.fun):
        row = int(np.argmin(other.fun))
        places.append(Best(float(other.fun[row]), other.x[row], -1))
    if cells is not None and cells.lowest is not None:
        places.append(Best(cells.lowest.fun, cells.lowest.x, -1))
    fun, x = host(result.fun), host(result.x)
    free, lost = host(result.label) < 0, np.isin(host(result.status), LOST)
    for which in (free & ~lost, free & lost):
        rows = np.flatnonzero(which & np.isfinite(fun))
        if len(rows):
            row = rows[np.argmin(fun[rows])]
            places.append(Best(float(fun[row]), np.asarray(x[row], np.float64), -1))
        if places:
            lowest = min(places, key=lambda place: place.fun)
            return places[0] if places[0].fun <= lowest.fun + same_value(result, lowest.fun) else lowest
    return None


def _of_minima(result: "MultistartResult") -> Best:
    minima, row = result.minima, 0
    if not minima.inside[0]:
        copies = minima.fun <= minima.fun[0] + same_value(result, float(minima.fun[0]))
        row = int(np.argmax(copies & np.asarray(minima.inside, bool)))  # 0 if there is none
    return Best(float(minima.fun[row]), minima.x[row], row)


def same_value(result: "MultistartResult", fun: float) -> float:
    """How far above ``fun`` a value is the same but for rounding.

    At a minimum of value 0 the measure is how far the lowest minimum's curvature raises the value within the box.
    """
    steepest = float(np.nan_to_num(np.abs(result.minima.eigenvalues[:1])).max(initial=0.0))
    width = 0.0 if result.box is None else float(np.min(result.box.width))
    rise = steepest * width * width
    return _SAME * max(abs(fun), 1e-3 * rise)
