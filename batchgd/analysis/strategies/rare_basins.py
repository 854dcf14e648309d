"""Starts focused on rare basins: half of them drawn from the box, the others near starts that found rare minima."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from batchgd.analysis.strategies.base import Strategy, count, fold, share
from batchgd.problem.errors import InputError

if TYPE_CHECKING:
    from batchgd.analysis.strategies.campaign import Campaign
    from batchgd.engine.batch import Batch


@dataclass(frozen=True)
class RareBasins(Strategy):
    r"""Starts focused on rare basins: some uniform, then more of them near those that reached seldom-seen minima.

    The first ``uniform`` share of the starts is drawn from the box. The others come in rounds; each picks a minimum
    with a probability proportional to 1 / (starts that reached it so far), then one of those starts, and is drawn from
    a normal distribution around it, reflected at the faces of the box. Small basins have small neighbours (in a
    corner of the box, in one wavy region), so they are found there sooner than by uniform starts.

    **What it biases.** Focused starts favour regions of small basins, so counts over all starts say nothing about
    basins. Fractions and coverage come from the uniform starts alone: unbiased, with valid intervals, for fewer starts.
    A minimum that only focused starts reached has fraction 0. The bound on unseen minima holds as well, and errs on
    the safe side, since focused starts can only find more.

    Parameters
    ----------
    uniform : float
        Share of the starts drawn from the box, above 0 and below 1.
    rounds : int
        Parts in which the other starts are chosen, at least 1; counts are updated between them.
    radius : float
        Standard deviation around a start in box widths, above 0 and below 1: about the width of a rare basin and its
        neighbours. If all basins are alike (Levy's function), nothing is gained, whatever the radius.

    Raises
    ------
    InputError
        If a number is outside its range, or the starts are not uniform.

    Examples
    --------
    Vincent's function in 3-D has 216 minima, whose basins cover from 9 % of the box down to 9e-6:

    >>> import batchgd as bgd
    >>> result = bgd.multistart("vincent", dim=3, starts=10_000, strategy=bgd.RareBasins())
    >>> int(result.minima.inside.sum()), int(bgd.multistart("vincent", dim=3, starts=10_000).minima.inside.sum())
    (216, 199)
    >>> result.strategy.drawn, result.coverage.n
    (5000, 5000)
    """

    uniform: float = 0.5
    rounds: int = 4
    radius: float = 0.05

    name: ClassVar[str] = "rare_basins"
    resumes: ClassVar[str] = "later starts depend on which minima were rarely seen, so nothing of it can be resumed"
    bias: ClassVar[str] = "later starts gather near rarely seen minima, so only the uniform ones measure basin sizes"

    CHECKS: ClassVar = {"uniform": share, "rounds": count, "radius": share}

    def check(self, batch: Batch) -> None:
        """Raise if there is no uniform part."""
        if batch.starts.name != "uniform":
            raise InputError(f"sampling is {batch.starts.name!r}: rare_basins needs uniform starts; leave it out")

    def explore(self, campaign: Campaign) -> dict[str, Any]:
        """Draw from the box, then near rare minima."""
        batch = campaign.batch
        n, box = batch.starts.n, batch.box
        drawn = max(1, round(self.uniform * n))
        starts = batch.starts.points(0, drawn)
        campaign.descend(starts)
        rounds = min(self.rounds, n - drawn)
        for k in range(rounds):
            weight = _rarity(campaign.groups())
            if campaign.over or weight is None:
                break
            size = (n - drawn) * (k + 1) // rounds - (n - drawn) * k // rounds
            random = np.random.default_rng([batch.seed, k])
            near = starts[random.choice(len(starts), size, p=weight)]
            focused = fold(near + self.radius * box.width * random.standard_normal((size, box.dim)), box)
            starts = np.concatenate([starts, focused])
            campaign.descend(focused)
        return {"drawn": drawn}


def _rarity(group: NDArray[np.int64]) -> NDArray[np.float64] | None:
    """Probability of each start to be picked: its minimum by 1 / count, then evenly; None if none found a minimum.

    >>> _rarity(np.array([0, 0, 1, -1])).round(4).tolist()
    [0.1667, 0.1667, 0.6667, 0.0]
    """
    found = group >= 0
    if not found.any():
        return None
    count = np.bincount(group[found])
    weight = np.where(found, 1.0 / np.maximum(count[np.maximum(group, 0)], 1) ** 2, 0.0)
    return np.asarray(weight / weight.sum())
