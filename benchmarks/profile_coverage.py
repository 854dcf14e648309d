"""How often intervals contain the truth: from profiles and from standard errors, in simulated data sets.

    python benchmarks/profile_coverage.py            # 1,000 data sets of each model: the table of docs/profiles.md
    python benchmarks/profile_coverage.py --sets 50

Misses are counted on both sides: a symmetric interval of a skewed estimate misses on one of them.
"""

import argparse

import numpy as np
from scipy import stats

import batchgd as bgd

LEVELS = (0.6827, 0.9545)
CASES = {
    "decay": ("a*exp(-k*x)", np.linspace(0.0, 3.0, 40), 0.6, {"a": (0, 9), "k": (0, 20)}, {"a": 2.0, "k": 1.0}),
    "saturation": (
        "v*x/(K + x)",
        np.linspace(0.05, 2.0, 40),
        0.15,
        {"v": (0, 1e3), "K": (0, 1e3)},
        {"v": 1.0, "K": 1.0},
    ),
}


def misses(name, sets):
    """Return the misses below and above, for each parameter, level and kind of interval, and how many were open."""
    model, x, noise, parameters, truth = CASES[name]
    clean = bgd.fit(model, x, np.ones_like(x), parameters=parameters, starts=1).predict(**truth)
    counts = {(key, level, kind): [0, 0, 0] for key in truth for level in LEVELS for kind in ("profile", "stderr")}
    for seed in range(sets):
        y = clean + noise * np.random.default_rng(seed).normal(size=len(x))
        fit = bgd.fit(model, x, y, parameters=parameters, starts=20)
        found = fit.conf_interval(level=LEVELS, points=6, restarts=2)
        for key, true in truth.items():
            for level, interval in zip(LEVELS, found[key], strict=True):
                value, half = fit.params[key].value, np.inf
                if fit.params[key].stderr is not None:
                    half = fit.params[key].stderr * stats.t.ppf(0.5 + 0.5 * level, fit.nfree)
                count = counts[key, level, "profile"]
                count[0] += true < interval.low
                count[1] += true > interval.high
                count[2] += not interval.closed
                count = counts[key, level, "stderr"]
                count[0] += true < value - half
                count[1] += true > value + half
                count[2] += not np.isfinite(half)
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", type=int, default=1000)
    sets = parser.parse_args().sets
    print("| model | parameter | level | interval | contains the truth | truth below it | truth above it | open |")
    print("|---|---|---:|---|---:|---:|---:|---:|")
    for name in CASES:
        for (key, level, kind), (below, above, opened) in misses(name, sets).items():
            share = 100.0 * (1.0 - (below + above) / sets)
            cells = (f"{100 * below / sets:.1f} %", f"{100 * above / sets:.1f} %", f"{100 * opened / sets:.1f} %")
            row = (name, key, f"{100 * level:.2f} %", kind, f"{share:.1f} %", *cells)
            print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
