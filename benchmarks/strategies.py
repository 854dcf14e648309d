"""What strategies save compared with plain multi-start: `python benchmarks/strategies.py`.

Plain multi-start: how many descents, and evaluations, until every known minimum inside the box (or the best one) had
been seen; the median of five seeds. Every other row is one setting, its numbers the medians of the same five seeds.
Evaluations are of value and gradient in descents, and of the value alone at points that were only sampled.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

import batchgd as bgd

SEEDS = range(5)
WHOLE = {  # landscape, dimension: starts of plain multi-start, and samples of single linkage
    ("rastrigin", 2): (10_000, (3_000, 10_000)),
    ("schwefel", 2): (20_000, (10_000, 30_000)),
    ("shubert", 2): (50_000, (10_000, 30_000)),
    ("rastrigin", 3): (100_000, (30_000, 100_000)),
}
HEAD = "| landscape | strategy | starts | descents | evaluations | known minima seen |"


def main() -> None:
    """Print one Markdown table."""
    print(HEAD + "\n|" + "---|" * 6)
    for (name, dim), (starts, samples) in WHOLE.items():
        print_row(name, dim, None, starts)
        for sample in samples:
            print_row(name, dim, bgd.MLSL(), sample)
    for strategy in (None, bgd.RareBasins()):
        print_row("vincent", 3, strategy, 10_000, whole=False)
    print_row("rastrigin", 5, None, 500_000, best=True)
    for temperature in (0.0, 1.0):
        print_row("rastrigin", 5, bgd.BasinHopping(hops=50, temperature=temperature), 100, best=True)


def print_row(name: str, dim: int, strategy: Any, starts: int, *, whole: bool = True, best: bool = False) -> None:
    """Print the medians over the seeds; for plain starts and walkers, those until all (or the best) had been seen."""
    known = bgd.landscapes.get(name).minima(dim)[: 1 if best else None]
    runs = list(measured(name, dim, strategy, starts, known, whole and (best or strategy is None)))
    descents, evaluations, seen = (median(column) for column in zip(*runs, strict=True))
    found = f"the best, {sum(run[2] for run in runs)} of {len(runs)} runs" if best else f"{seen:,.0f} of {len(known):,}"
    cells = (f"{name} {dim}-D", strategy or "plain", f"{starts:,}", f"{descents:,.0f}", f"{evaluations:,.0f}", found)
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def measured(
    name: str, dim: int, strategy: Any, starts: int, known: np.ndarray, until: bool
) -> Iterator[tuple[int, int, int]]:
    """Descents, evaluations and known minima seen for each seed, up to the descent that saw the last of them."""
    tree = cKDTree(known)
    for seed in SEEDS:
        result = bgd.multistart(name, dim=dim, starts=starts, seed=seed, strategy=strategy)
        distance, nearest = tree.query(result.minima.x)
        place = np.append(np.where(distance < 1e-4, nearest, -1), -1)[result.label]
        first = np.full(len(known), result.n)
        np.minimum.at(first, place[place >= 0], np.flatnonzero(place >= 0))
        made = min(int(first.max()) + 1, result.n) if until else result.n
        sampled = 0 if result.strategy is None else result.strategy.sampled
        yield made, int(result.nfev[:made].sum()) + sampled, int(np.sum(first < result.n))


if __name__ == "__main__":
    main()
