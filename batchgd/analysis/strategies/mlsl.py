"""Multi-level single linkage: sample widely, descend only where no better point is near."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from batchgd.analysis.strategies.base import Strategy, count
from batchgd.engine.interrupts import current
from batchgd.problem import check

if TYPE_CHECKING:
    from batchgd.analysis.strategies.campaign import Campaign

_TREE_DIM = 12  # up to here a k-d tree finds neighbours sooner than comparing all pairs
_PAIRS = 1 << 22  # distances in memory at once


@dataclass(frozen=True)
class MLSL(Strategy):
    r"""Multi-level single linkage: evaluate many points, descend only from those with no better point near.

    The sample grows in rounds. With M points so far in d dimensions, distances in box widths, a point is descended from
    once no point of lower value, and no endpoint found in an earlier round, is within the critical distance

        r = π^(-1/2) [Γ(1 + d/2) σ ln(M) / M]^(1/d)

    which shrinks as the sample grows, so that points set aside come up again. Coordinates fixed by bounds do not count
    in d. All descents of a round are one batch.

    With ``strategy=bgd.MLSL()``, ``starts`` of ``multistart`` is the size of the whole sample; the result has one entry
    per descent.

    **What it biases.** Wide basins get few descents and small ones are skipped until r resolves them, so counts say
    nothing about basins: fractions are NaN and coverage is withheld. Basins narrower than r can be missed.

    Parameters
    ----------
    rounds : int
        Parts that the sample is drawn in, at least 1. More rounds make use of more knowledge and waste less.
    sigma : float
        σ >= 0. Above 0 the number of descents per basin stays bounded as the sample grows without end (d > 1: σ > 4 in
        the theorem; 2 is the customary choice). Larger: fewer descents, more basins missed. 0 descends from every
        point, which is plain multi-start.
    gamma : float
        Share of the sample, lowest values first, that may be descended from, above 0 and up to 1. Less than 1 ignores
        high basins.

    Raises
    ------
    InputError
        If a number is outside its range.

    Examples
    --------
    >>> import batchgd as bgd
    >>> result = bgd.multistart("six_hump_camel", starts=2000, strategy=bgd.MLSL(rounds=4))
    >>> len(result.minima), result.n < 100, result.strategy.sampled
    (6, True, 2000)

    References
    ----------
    A. H. G. Rinnooy Kan and G. T. Timmer, "Stochastic global optimization methods, part II: multi level methods", Math.
    Programming 39, 1987, 57-78. σ = 2, and setting points aside near minima by the same distance: S. G. Johnson, NLopt.
    """

    rounds: int = 8
    sigma: float = 2.0
    gamma: float = 1.0

    name: ClassVar[str] = "mlsl"
    resumes: ClassVar[str] = "which points descend depends on all results before them, so nothing of it can be resumed"
    bias: ClassVar[str] = "descents start only where no better point is near, so counts say nothing about basin sizes"

    CHECKS: ClassVar = {
        "rounds": count,
        "sigma": check.Interval(0.0, low_included=True).one,
        "gamma": check.Interval(0.0, math.nextafter(1.0, 2.0)).one,
    }

    def explore(self, campaign: Campaign) -> dict[str, Any]:
        """Sample and descend, round by round."""
        batch = campaign.batch
        n, at = batch.starts.n, batch.coordinates
        box = at.inside_box
        u, fun = np.empty((0, box.dim)), np.empty(0)
        waiting, better = np.empty(0, np.int64), np.empty(0)  # better: distance of a better point, as far as known
        for k in range(min(self.rounds, n)):
            new = batch.starts.points(len(fun), n * (k + 1) // min(self.rounds, n))
            waiting = np.append(waiting, np.arange(len(fun), len(fun) + len(new)))
            u = np.concatenate([u, (at.inward(new) - box.lower) / box.width])
            fun, better = np.append(fun, campaign.value(new)), np.append(better, np.full(len(new), np.inf))
            chosen = self._chosen(campaign, u, fun, waiting, better)
            if current().seen and campaign.made:
                break
            if len(chosen):
                campaign.descend(batch.starts.points(0, len(fun))[chosen])
            waiting = np.setdiff1d(waiting, chosen)
            if campaign.over:
                break
        everything = self.sigma == 0.0 and self.gamma == 1.0 and batch.starts.independent
        return {"drawn": campaign.made if everything else 0}

    def _chosen(
        self, campaign: Campaign, u: NDArray, fun: NDArray, waiting: NDArray, better: NDArray
    ) -> NDArray[np.int64]:
        """Rows to descend from, of those still waiting; updates ``better`` in place."""
        rows = waiting
        if self.gamma < 1.0:
            lowest = np.argsort(fun, kind="stable")[: math.ceil(self.gamma * len(fun))]
            rows = rows[np.isin(rows, lowest)]
        bounds = campaign.batch.bounds
        free = u.shape[1] if bounds is None else int(np.count_nonzero(~bounds.fixed))
        radius = critical_distance(len(fun), free, self.sigma)
        if radius == 0.0:
            return rows
        rows = rows[better[rows] > radius]
        domain, box = campaign.batch.domain, campaign.collector.catalogue.box
        turns = None if domain is None else np.where(np.isfinite(domain.period), 1.0, 0.0)
        better[rows] = nearest_better(u, fun, rows, radius, campaign.batch.threads, turns)
        rows = rows[better[rows] > radius]
        found = campaign.collector.catalogue.x
        if len(found) and len(rows):
            from scipy.spatial import cKDTree

            known = (found - box.lower) / box.width
            rows = rows[cKDTree(*_turned(known, turns)).query(u[rows])[0] > radius]
        return rows


def critical_distance(sample: int, dim: int, sigma: float) -> float:
    """The distance within which a better point keeps a point from being descended from, in box widths.

    >>> round(critical_distance(1000, 2, 2.0), 5), critical_distance(1, 2, 2.0)
    (0.06631, 0.0)
    """
    if sample < 2 or sigma == 0.0 or dim == 0:
        return 0.0
    share = math.lgamma(1 + dim / 2) + math.log(sigma * math.log(sample) / sample)
    return math.exp(share / dim) / math.sqrt(math.pi)


def _turned(u: NDArray, turns: NDArray | None) -> tuple[Any, ...]:
    """The arguments of a tree of points whose distances are modulo ``turns``, where these are not 0."""
    if turns is None or not turns.any():
        return (u,)
    return np.where(turns > 0.0, u % 1.0, u), 16, True, False, True, turns


def nearest_better(
    u: NDArray, fun: NDArray, rows: NDArray, radius: float, workers: int = 1, turns: NDArray | None = None
) -> NDArray[np.float64]:
    """Distance of a point of lower value within the radius of each row, inf if there is none.

    Not always that of the nearest one: any such point is enough. An interrupt leaves rows at inf. ``turns`` has a 1 for
    coordinates with a period, which only the search in a tree takes account of: beyond, more points descend.
    """
    interrupt, out = current(), np.full(len(rows), np.inf)
    if u.shape[1] > _TREE_DIM:
        from scipy.spatial.distance import cdist

        step = max(1, _PAIRS // max(len(u), 1))
        for k in range(0, len(rows), step):
            if interrupt.seen:
                break
            block = rows[k : k + step]
            distance = cdist(u[block], u)
            distance[fun[None, :] >= fun[block, None]] = np.inf
            out[k : k + step] = distance.min(axis=1)
        return np.where(out <= radius, out, np.inf)
    from scipy.spatial import cKDTree

    tree, padded, left, k = cKDTree(*_turned(u, turns)), np.append(fun, np.inf), np.arange(len(rows)), 1
    while len(left) and not interrupt.seen:
        k = min(4 * k, len(u))
        again = []
        step = max(1, _PAIRS // k)
        for begin in range(0, len(left), step):
            if interrupt.seen:
                return out
            block = left[begin : begin + step]
            distance, near = tree.query(
                u[rows[block]], k=[*range(1, k + 1)], distance_upper_bound=radius, workers=workers
            )
            full = np.isfinite(distance[:, -1]) & (k < len(u))  # there may be more within the radius
            distance[padded[near] >= fun[rows[block]][:, None]] = np.inf
            out[block] = distance.min(axis=1)
            again.append(block[full & ~np.isfinite(out[block])])
        left = np.concatenate(again)
    return out
