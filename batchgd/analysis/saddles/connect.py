"""From a result to its saddles: walkers from borders and minima, and gradient flow down both sides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from batchgd.analysis.basins.fidelity import FLOW_UPDATES
from batchgd.analysis.basins.flow import true_flow
from batchgd.analysis.basins.labelling import labelling, nearest_minimum
from batchgd.analysis.basins.relabel import labels_onto
from batchgd.analysis.saddles.borders import border_walkers
from batchgd.analysis.saddles.saddles import Nodes, Saddles
from batchgd.analysis.saddles.search import OUTCOMES, Search
from batchgd.engine.batch import Batch
from batchgd.minima.collect import batch_from
from batchgd.minima.eigen import eigh
from batchgd.minima.find import by_value
from batchgd.minima.merge import Clustering
from batchgd.minima.scale import measure
from batchgd.problem import check
from batchgd.problem.arrays import host
from batchgd.problem.errors import InputError
from batchgd.problem.speaker import a_run
from batchgd.problem.stopping import Stopping

if TYPE_CHECKING:
    from batchgd.minima.results import LandscapeData

_DOWN = 1e-4  # box widths from the saddle at which the flow down begins
_SETTLED = 1e-2  # of the slope there: where the flow ends, whatever the units of the function


def connect(result: LandscapeData, *, border_points: int = 500, rounds: int = 5, most_minima: int = 20_000) -> Saddles:
    """Find the saddles of index 1 in the box and the minima that each joins: ``result.connect()``.

    Walkers set out from borders (between neighbouring starts with different labels) and from minima (along each of
    the six softest modes, both ways), and follow one mode of the Hessian uphill and all others downhill. Where
    they arrive is polished by Newton's method, kept if exactly one eigenvalue is negative, and left on both sides
    along its eigenvector by gradient flow. Minima that this meets for the first time are walked from as well.

    Parameters
    ----------
    result : LandscapeData
        With its function.
    border_points : int
        Walkers from borders at most, the pairs of neighbouring basins in turns; 0 for none.
    rounds : int
        How often walkers set out from minima that the round before found.
    most_minima : int
        Minima that walkers set out from at most, the lowest first: a function may have millions.

    Returns
    -------
    Saddles
        A saddle that no walker reached is missing: barriers are upper bounds, and minima that stay unconnected are
        named (``saddles.unconnected``).

    Raises
    ------
    InputError
        When the function is not at hand, it has no Hessian, or a number cannot be used.

    Examples
    --------
    >>> import batchgd as bgd
    >>> saddles = bgd.multistart("himmelblau", starts=200).connect()
    >>> saddles.fun.round(3).tolist(), saddles.unconnected
    ([13.312, 67.719, 104.015, 178.337], [])
    """
    batch = _checked(result, border_points=(border_points, 0), rounds=(rounds, 1), most_minima=(most_minima, 0))
    objective, box = batch.objective, batch.box
    scale = measure(objective, box)
    if scale.curvature <= np.finfo(np.float64).tiny:
        raise InputError(
            f"{objective.name} has no Hessian to follow: its second derivatives are zero or not finite all over the box"
        )
    search = Search(objective, box, scale, Clustering(result.identity, scale.value))
    minima = fresh = result.minima.x
    label = labelling(result, true_flow(), FLOW_UPDATES)
    search.walk(*border_walkers(result, objective, box, label, border_points), minima, border=True)
    walked = 0
    for _ in range(rounds):
        fresh = fresh[: most_minima - walked]
        search.walk_from_minima(fresh, minima)
        walked += len(fresh)
        nodes, joins = _flow_down(result, batch, search.found.x)
        fresh = nodes.x[nearest_minimum(nodes.x, minima, box) < 0]
        minima = np.concatenate([minima, fresh])
        fresh = fresh[np.asarray(box.contains(fresh), np.bool_)]
        if len(fresh) == 0 or walked == most_minima:
            break
    return _table(search, nodes, joins, walked, objective.name)


def _checked(result: Any, **numbers: tuple[Any, int]) -> Batch:
    """Return the batch behind a result, or say why saddles cannot be sought; numbers come with their least values."""
    if not hasattr(result, "minima"):
        raise InputError(f"connect joins the minima of a result, and this one has none: run {a_run()}")
    for name, (value, least) in numbers.items():
        check.whole(name, value, least)
    batch = batch_from(result).in_dtype("float64")
    if not hasattr(batch.objective, "hessian"):
        raise InputError(f"{batch.objective.name} has no Hessian, which connect follows: pass a function to be traced")
    return batch


def _flow_down(result: LandscapeData, batch: Batch, x: NDArray) -> tuple[Nodes, NDArray[np.int64]]:
    """Leave each saddle both ways along its unstable eigenvector; returns all minima, and (s, 2) labels."""
    from batchgd.minima.collect import collect

    known = Nodes(result.minima.x, result.minima.fun, len(result.minima))
    if len(x) == 0:
        return known, np.empty((0, 2), np.int64)
    _, mode = _unstable(batch.objective, x)
    off = mode * (_DOWN / np.abs(mode / batch.box.width).max(axis=1, keepdims=True))
    starts = np.stack([x + off, x - off], axis=1).reshape(-1, batch.box.dim)
    updates = max(batch.stopping.maxiter, FLOW_UPDATES)
    stopping = Stopping(gtol=0.0, gtol_rel=_SETTLED, maxiter=updates, escape=batch.stopping.escape)
    other = collect(batch.again(starts=starts, method=true_flow(), stopping=stopping), result.identity)
    place, alone = labels_onto(result, other)
    nodes = Nodes(
        np.concatenate([known.x, other.minima.x[alone]]),
        np.concatenate([known.fun, other.minima.fun[alone]]),
        known.known,
    )
    return nodes, np.sort(place[host(other.label)].reshape(-1, 2), axis=1)


def _unstable(objective: Any, x: NDArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Eigenvalues of the Hessian in x, ascending, and the eigenvector of the lowest: the way of gradient flow."""
    value, vector = eigh(objective.hessian(x))
    return value, vector[:, :, 0]


def _table(search: Search, nodes: Nodes, joins: NDArray[np.int64], walked: int, name: str) -> Saddles:
    found = search.found
    order = by_value(search.box, found.x, found.fun, found.noise, found.zero)
    value, mode = _unstable(search.objective, found.x) if len(found.x) else (found.x, found.x)
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
    )[order]
