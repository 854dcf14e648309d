"""Basin hopping for clusters: how often the lowest energy of Lennard-Jones atoms is found within a number of descents.

    python benchmarks/clusters.py                      # 38 atoms, 20 seeds, 40 walkers of 150 hops each
    python benchmarks/clusters.py --atoms 13 --seeds 5 --walkers 8 --hops 10

It runs the walks of ``bgd.BasinHopping`` alone: each seed ends as soon as its lowest endpoint is within 1e-3 of the
known energy, and its endpoints are not polished, merged or classified, which takes far longer in 114 dimensions.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import numpy as np

import batchgd as bgd
from batchgd.analysis.strategies.campaign import Campaign
from batchgd.compiler.resolve import Problem
from batchgd.engine.batch import make_batch
from batchgd.engine.compute import Compute
from batchgd.engine.progress import Watch
from batchgd.minima.collector import Collector
from batchgd.problem.identity import Identity
from batchgd.problem.stopping import Stopping


class _UntilFound(Campaign):
    """A campaign that is over once the lowest endpoint is low enough."""

    goal = -np.inf

    @property
    def over(self) -> bool:
        lowest = self.collector.catalogue.lowest
        return lowest is not None and lowest.fun <= self.goal


def search(atoms: int, seed: int, walkers: int, strategy: bgd.BasinHopping) -> tuple[float, int, float]:
    """The lowest energy that one seed finds, the descents it took, and the seconds."""
    landscape = bgd.landscapes.get("lennard_jones")
    dim = landscape.sized(atoms=atoms)
    batch = make_batch(
        Problem(landscape, dim=dim), Compute.of("cpu", "float64", None, False), starts=walkers, method="lbfgs",
        stopping=Stopping(gtol=1e-2), seed=seed,
    )  # fmt: skip
    campaign = _UntilFound(batch, Collector(batch.box, Identity().completed(batch.objective.symmetry, dim)), Watch())
    campaign.goal = landscape.global_value(dim) + 1e-3
    began = time.perf_counter()
    strategy.explore(campaign)
    return campaign.collector.catalogue.lowest.fun, campaign.made, time.perf_counter() - began


def main() -> None:
    """Search from several seeds and print one line each, and the success rate."""
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("atoms", 38), ("seeds", 20), ("walkers", 40), ("hops", 150)):
        words.add_argument(f"--{name}", type=int, default=default)
    words.add_argument("--surface", type=float, default=0.5)
    given = words.parse_args()
    strategy = replace(bgd.BasinHopping(step=0.12, temperature=0.0), hops=given.hops, surface=given.surface)
    known = bgd.landscapes.get("lennard_jones").global_value(3 * given.atoms)
    rows = []
    for seed in range(given.seeds):
        fun, made, seconds = search(given.atoms, seed, given.walkers, strategy)
        rows.append((fun <= known + 1e-3, made, seconds))
        print(f"seed {seed:2}: {fun:.6f} after {made:,} descents, {seconds:.1f} s", flush=True)
    found, made, seconds = (np.array(column) for column in zip(*rows, strict=True))
    most = given.walkers * (1 + given.hops)
    print(
        f"{known:.6f} found from {found.sum()} of {len(found)} seeds within {most:,} descents each; "
        f"median {np.median(made):,.0f}, mean {made.mean():,.0f} descents, {seconds.mean():.1f} s"
    )


if __name__ == "__main__":
    main()
