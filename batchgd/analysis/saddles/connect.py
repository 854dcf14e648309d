"""From a result to its saddles: walkers from borders and minima, and gradient flow down both sides."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.analysis.saddles.border_points import border_walkers
from batchgd.analysis.saddles.saddles import Nodes, Saddles
from batchgd.analysis.saddles.search import OUTCOMES, Search
from batchgd.minima.classes import moves_freely, quotient
from batchgd.minima.eigen import hessian_modes
from batchgd.minima.find import by_value
from batchgd.minima.mapper import FLOW_UPDATES, Mapper, nearest_minimum
from batchgd.minima.merge import Clustering
from batchgd.minima.results import LandscapeData
from batchgd.minima.scale import measure
from batchgd.minima.within import Within, moved_within, within
from batchgd.problem import check
from batchgd.problem.errors import InputError
from batchgd.problem.methods import GradientFlow
from batchgd.problem.speaker import a_run
from batchgd.problem.stopping import Stopping

_DOWN = 1e-4  # box widths from the saddle at which the flow down begins
_SETTLED = 1e-2  # of the slope there: where the flow ends, whatever the units of the function


def connect(result: LandscapeData, *, border_points: int = 500, rounds: int = 5, most_minima: int = 20_000) -> Saddles:
    """Find the saddles of index 1 in the box and the minima that each joins: ``result.connect()``.

    Walkers set out from borders (between neighbouring starts with different labels) and from minima (along each of
    the six softest modes, both ways), and follow one mode of the Hessian uphill and all others downhill. The point
    where they arrive is polished by Newton's method and kept if exactly one eigenvalue is negative; gradient flow then
    leaves it on both sides along its eigenvector. Walkers set out from minima that this finds for the first time as
    well.

    Within bounds, saddles may be on faces: a point whose multipliers push outwards and whose Hessian, of the
    coordinates that no bound holds, has exactly one negative eigenvalue. These are the passes of the value within the
    bounds. From a minimum on a face walkers also leave each of its bounds at right angles. Not looked for are saddles
    with a weakly active bound, at which the value may fall on one side only.

    Parameters
    ----------
    result : LandscapeData
        With its function.
    border_points : int
        The most walkers from borders, the pairs of neighbouring basins in turn; 0 for none.
    rounds : int
        How often walkers set out from minima that the round before found.
    most_minima : int
        The most minima that walkers set out from, the lowest first: a function may have millions.

    Returns
    -------
    Saddles
        A saddle that no walker reached is missing: barriers are upper bounds, and minima that stay unconnected are
        named (``saddles.unconnected``).

    Raises
    ------
    InputError
        If the function is not available, it has no Hessian, or a number cannot be used.

    Examples
    --------
    >>> import batchgd as bgd
    >>> saddles = bgd.multistart("himmelblau", starts=200).connect()
    >>> saddles.fun.round(3).tolist(), saddles.unconnected
    ([13.312, 67.719, 104.015, 178.337], [])
    """
    flow = _checked(result, border_points=(border_points, 0), rounds=(rounds, 1), most_minima=(most_minima, 0))
    box, name = flow.batch.box, flow.batch.objective.name
    objective = within(flow.batch.objective, flow.batch.bounds, box)
    scale = measure(objective, box)
    if scale.curvature <= np.finfo(np.float64).tiny:
        raise InputError(
            f"{name} has no Hessian to follow: its second derivatives are zero or not finite all over the box"
        )
    symmetry = result.identity.symmetry
    shapes = quotient(objective, symmetry, box)
    search = Search(shapes, box, scale, Clustering(result.identity, scale.value))
    minima = fresh = result.minima.x
    search.walk(*border_walkers(result, shapes, box, flow, border_points), minima, border=True)
    walked = 0
    for _ in range(rounds):
        fresh = fresh[: most_minima - walked]
        search.walk_from_minima(fresh, minima)
        walked += len(fresh)
        nodes, joins = _flow_down(flow, objective, search.found.x)
        fresh = nodes.x[nearest_minimum(nodes.x, minima, box, symmetry) < 0]
        minima = np.concatenate([minima, fresh])
        fresh = fresh[np.asarray(box.contains(fresh), np.bool_) | moves_freely(symmetry, box.dim)]
        if len(fresh) == 0 or walked == most_minima:
            break
    return _table(search, objective, name, nodes, joins, walked)


def _checked(result: Any, **numbers: tuple[Any, int]) -> Mapper:
    """Return the mapper of gradient flow, or raise InputError; numbers come with their smallest values."""
    if not isinstance(result, LandscapeData):
        raise InputError(f"connect joins the minima of a result, and this one has none: run {a_run()}")
    for name, (value, least) in numbers.items():
        check.whole(name, value, least)
    flow = Mapper.of(result).by(GradientFlow(), FLOW_UPDATES, double=True)
    objective = flow.batch.objective
    if not hasattr(objective, "hessian"):
        raise InputError(f"{objective.name} has no Hessian, which connect follows: pass a function to be traced")
    return flow


def _flow_down(flow: Mapper, objective: Any, x: NDArray) -> tuple[Nodes, NDArray[np.int64]]:
    """Leave each saddle both ways along its unstable eigenvector; returns all minima, and (s, 2) labels."""
    known, batch = flow.minima, flow.batch
    if len(x) == 0:
        return Nodes(known.x, known.fun, len(known)), np.empty((0, 2), np.int64)
    mode = hessian_modes(objective, x)[1]
    off = mode * (_DOWN / np.abs(mode / batch.box.width).max(axis=1, keepdims=True))
    starts = moved_within(objective, np.stack([x + off, x - off], axis=1).reshape(-1, batch.box.dim))
    stopping = Stopping(gtol=0.0, gtol_rel=_SETTLED, maxiter=batch.stopping.maxiter, escape=batch.stopping.escape)
    label, new = flow.collect(starts, stopping=stopping)
    nodes = Nodes(np.concatenate([known.x, new.x]), np.concatenate([known.fun, new.fun]), len(known))
    return nodes, np.sort(label.reshape(-1, 2), axis=1)


def _table(search: Search, objective: Any, name: str, nodes: Nodes, joins: NDArray[np.int64], walked: int) -> Saddles:
    found = search.found
    order = by_value(search.box, found.x, found.fun, found.noise, found.zero)
    value, mode = hessian_modes(objective, found.x)
    barrier = found.fun[:, None] - np.where(joins >= 0, nodes.fun[joins], np.nan)
    return Saddles(
        x=found.x,
        fun=found.fun,
        eigenvalues=value,
        mode=mode,
        joins=joins,
        barrier=barrier,
        zero=found.zero,
        count=found.count,
        from_border=found.from_border,
        nodes=nodes,
        walkers=dict(zip(OUTCOMES, search.outcomes.tolist(), strict=True)),
        walked_from=walked,
        name=name,
        active=objective.active(found.x) if isinstance(objective, Within) else None,
    )[order]
