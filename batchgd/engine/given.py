"""A batch that descends from given starts: their number and width checked, and the box that stands behind them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from batchgd.engine.batch import Batch, make_batch
from batchgd.problem.arrays import MIXED, check_dtype
from batchgd.problem.box import Box
from batchgd.problem.errors import InputError


def batch_at(
    fun: Any, x0: Any, *, box: Any, dtype: Any, check: Callable[[int], None] | None = None, **options: Any
) -> Batch:
    """Return the batch that descends from given starts, as :func:`descend` does; ``check`` may refuse their number."""
    from batchgd.problem.starts import parse_starts

    dtype = check_dtype(dtype, mixed=True)
    points = parse_starts(x0, "uniform", None, None, 0, "float32" if dtype == MIXED else dtype)
    if check is not None:
        check(points.n)
    _check_width(fun, points.dim)
    region = _surrounding(points.points(0, points.n)) if box is None else _scale(box, points.dim)
    return make_batch(fun, box=region, starts=points, dtype=dtype, **options)


def _surrounding(x0: np.ndarray) -> Box:
    """Return the box around some starts, each side at least 1 wide, and wide enough to be told from rounding."""
    lower, upper = x0.min(axis=0).astype(np.float64), x0.max(axis=0).astype(np.float64)
    with np.errstate(over="ignore"):
        width = upper - lower
    if not np.isfinite(width).all():
        raise InputError("x0 spreads wider than float64 can hold: rescale the variables, or take out such starts")
    least = np.maximum(1.0, 1e-6 * np.maximum(np.abs(lower), np.abs(upper)))
    margin = np.maximum(0.0, 0.5 * (least - width))
    return Box(lower - margin, upper + margin)


def _scale(box: Any, width: int) -> Box:
    """Return the box that a user gave with starts of this many coordinates; one pair stands for every axis."""
    region = Box.parse(box)
    if region.dim == 1 and not isinstance(box, Box):
        return Box.parse(box, width)
    if region.dim != width:
        raise InputError(
            f"x0 has {width} coordinates per start, but the box has {region.dim}: give one (lo, hi) pair per coordinate"
        )
    return region


def _check_width(fun: Any, width: int) -> None:
    """Refuse starts of another width than a landscape or an Objective takes; a plain function shows it when traced."""
    from batchgd.compiler.differentiable import Differentiable
    from batchgd.problem import landscapes

    known = landscapes.get(fun) if isinstance(fun, str) else fun
    if isinstance(known, landscapes.Landscape):
        least, greatest = known.dims
    elif isinstance(known, Differentiable):
        least = greatest = known.dim
    else:
        return
    if width < least or (greatest is not None and width > greatest):
        span = f"{least} or more" if greatest is None else f"{least}" if least == greatest else f"{least} to {greatest}"
        raise InputError(f"x0 has {width} coordinates per start, but {known.name} takes {span}: give x0 to match")
