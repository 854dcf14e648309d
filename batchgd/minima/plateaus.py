"""Endpoints on plateaus: modes without curvature, and which endpoints need no polishing to be recognised by them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from batchgd.engine.progress import POLISHING, UNWATCHED, Watch
from batchgd.kernels.status import AT_REST
from batchgd.minima.catalogue import Catalogue
from batchgd.minima.curvature import hessians, modes
from batchgd.minima.newton import CLEAR, clear, compiled, newton
from batchgd.minima.scale import EPS, Derivable, Scale, points_at_once, rounding, values
from batchgd.problem.box import Box

ALONG = np.r_[10.0 ** np.arange(-4.0, -2.0), np.linspace(0.02, 1.0, 50)]
"""Box widths at which a plateau may end."""

_SLOPE = 1e-5  # of the typical slope: an endpoint with less came to rest on a plateau
_CURVATURE = 1e-5  # of the typical curvature: with less in all directions it is flat, in some a valley
_FALL = 1e-3  # of the typical difference of values
_SAMPLE = 256  # cells that show whether there are any


def on_plateaus(
    objective: Derivable, box: Box, catalogue: Catalogue, scale: Scale, watch: Watch = UNWATCHED
) -> NDArray[np.bool_]:
    """Which cells are on a plateau that falls at its end, (k,), if not too few are.

    Those without curvature in all directions are left to be probed.

    Along a mode without curvature the value falls by a thousandth of its typical differences, further than the slope at
    the endpoint alone could take it, and never rises before: so the endpoint is not next to a minimum. Polishing such
    points would fail after many steps.
    """
    out = np.zeros(len(catalogue), np.bool_)
    rest = np.flatnonzero(np.isin(catalogue.status, AT_REST))
    sample = rest[:: -(-len(rest) // _SAMPLE) or 1]
    if len(rest) == 0 or not _in_doubt(objective, box, catalogue.x[sample], scale).any():
        return out
    rows = points_at_once(box)
    for begin in range(0, len(rest), rows):
        if not watch.go_on(POLISHING, begin, len(rest)):
            break
        part = rest[begin : begin + rows]
        part = part[_in_doubt(objective, box, catalogue.x[part], scale)]
        out[part] = _falls_at_its_end(objective, box, catalogue.x[part], scale)
    return out


def flat_modes(
    objective: Derivable, box: Box, x: NDArray, scale: Scale
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
    """Which modes of points without slope have no curvature, and no minimum that Newton's step would lead to.

    Returns them, (m, d), with the modes and the gradients per box width. Points with a slope have none.
    """
    with np.errstate(all="ignore"):
        gradient = objective.value_and_gradient(x)[1] * box.width
    mild = np.abs(gradient).max(axis=1) <= _SLOPE * scale.slope
    flat, vector = np.zeros(x.shape, np.bool_), np.zeros((*x.shape, box.dim))
    value, vector[mild] = modes(objective, box, x[mild])
    flat[mild] = np.abs(value) <= _CURVATURE * scale.curvature
    point, mode = np.nonzero(flat[mild] & (value > 0))
    value, point = value[point, mode], np.flatnonzero(mild)[point]
    slope = np.einsum("ki,ki->k", vector[point, :, mode], gradient[point])
    with np.errstate(all="ignore"):
        step = -slope / value
        start = values(objective, x[point])
        fall = values(objective, x[point] + (step[:, None] * vector[point, :, mode]) * box.width) - start
        ratio = fall / (0.5 * slope * step)
    leads = (np.abs(step) <= 1.0) & (ratio > 0.5) & (ratio < 2.0) & (fall < -rounding(objective, box, x[point], start))
    flat[point[leads], mode[leads]] = False
    return flat, vector, gradient


def _in_doubt(objective: Derivable, box: Box, x: NDArray, scale: Scale) -> NDArray[np.bool_]:
    """Which points have no slope, and not a curvature that is clearly a minimum's either."""
    with np.errstate(all="ignore"):
        at = newton(objective, box, x, scale)
        firm = at.kind == CLEAR if compiled(objective) else clear(hessians(objective, box, x), scale)
    return np.asarray((np.abs(at.g).max(axis=1) <= _SLOPE * scale.slope) & ~firm)


def _falls_at_its_end(objective: Derivable, box: Box, x: NDArray, scale: Scale) -> NDArray[np.bool_]:
    flat, vector, gradient = flat_modes(objective, box, x, scale)
    flat[flat.all(axis=1)] = False
    fun = values(objective, x)
    blur = np.maximum(64 * EPS * np.abs(fun), rounding(objective, box, x, fun))
    out = np.zeros(len(x), np.bool_)
    for sign in (-1.0, 1.0):
        for mode in range(box.dim):
            rows = np.flatnonzero(flat[:, mode] & ~out)
            if len(rows) == 0:
                continue
            way = vector[rows, :, mode]
            slope = np.einsum("ki,ki->k", way, gradient[rows])
            way = way * np.where(slope > 0, sign, -sign)[:, None] / np.abs(way).max(axis=1, keepdims=True)
            least = np.maximum(blur[rows], _FALL * scale.value)
            out[rows] = _falls(objective, x[rows], fun[rows], blur[rows], way * box.width, np.abs(slope), least)
    return out


def _falls(
    objective: Derivable, x: NDArray, fun: NDArray, blur: NDArray, way: NDArray, slope: NDArray, least: NDArray
) -> NDArray[np.bool_]:
    """Whether values along these ways fall by this, and by more than twice what the slope promises, and never rise."""
    out, going = np.zeros(len(x), np.bool_), np.arange(len(x))
    for distance in ALONG:
        rise = values(objective, x[going] + distance * way[going]) - fun[going]
        below = rise < -least[going] - 2 * slope[going] * distance * np.sqrt(x.shape[1])
        out[going[below]] = True
        going = going[~below & (rise <= blur[going])]
        if len(going) == 0:
            break
    return out
