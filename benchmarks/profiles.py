"""Profiles of fits: how often intervals contain the truth in simulated data sets, and what a profile costs.

    python benchmarks/profiles.py coverage            # 1,000 data sets of each model: the table of docs/profiles.md
    python benchmarks/profiles.py coverage --sets 50
    python benchmarks/profiles.py time                # four parameters, 1,000 points, three levels
    python benchmarks/profiles.py lmfit               # an unknown frequency; lmfit must be installed

Misses are counted on both sides: a symmetric interval of a skewed estimate misses on one of them.
"""

import argparse
from time import perf_counter

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


def coverage(sets):
    """Print the table of misses."""
    print("| model | parameter | level | interval | contains the truth | truth below it | truth above it | open |")
    print("|---|---|---:|---|---:|---:|---:|---:|")
    for name in CASES:
        for (key, level, kind), (below, above, opened) in misses(name, sets).items():
            share = 100.0 * (1.0 - (below + above) / sets)
            cells = (f"{100 * below / sets:.1f} %", f"{100 * above / sets:.1f} %", f"{100 * opened / sets:.1f} %")
            row = (name, key, f"{100 * level:.2f} %", kind, f"{share:.1f} %", *cells)
            print(f"| {' | '.join(row)} |", flush=True)


def seconds(repeats=7):
    """Print the time of the profiles of two exponentials: the first, with compilation, and the best of several."""
    t = np.linspace(0.0, 4.0, 1000)
    y = 3.0 * np.exp(-2.0 * t) + np.exp(-0.3 * t) + 0.02 * np.random.default_rng(1).normal(size=1000)
    limits = {"a": (0, 5), "k": (0.01, 1), "b": (0, 5), "q": (1, 10)}
    fit = bgd.fit("a*exp(-k*x) + b*exp(-q*x)", t, y, parameters=limits, starts=300)
    taken = []
    for _ in range(repeats):
        began = perf_counter()
        profile = fit.profile()
        taken.append(perf_counter() - began)
    values = sum(len(each.values) for each in profile.values())
    print(f"{len(profile)} parameters, {fit.ndata} points, {values} values, {profile.fits} fits with one held")
    print(f"first {taken[0]:.2f} s, best of {repeats - 1} more {min(taken[1:]):.2f} s")


def beside_lmfit(level=0.95):
    """Print intervals of a weak oscillation of unknown frequency, and those of lmfit from the same best fit."""
    import lmfit

    x = np.sort(np.random.default_rng(2).uniform(0.0, 12.0, 14))
    y = np.sin(2.0 * x + 0.5) + 0.9 * np.random.default_rng(16).normal(size=14)
    limits = {"a": (0, 3), "w": (0.2, 6), "f": (-3.2, 3.2)}
    fit = bgd.fit("a*sin(w*x + f)", x, y, parameters=limits, starts=300)
    found = fit.conf_interval(level=level)
    start = lmfit.Parameters()
    for name, value in fit.best.values.items():
        start.add(name, value, min=limits[name][0], max=limits[name][1])
    minimizer = lmfit.Minimizer(lambda p: p["a"] * np.sin(p["w"] * x + p["f"]) - y, start)
    theirs = lmfit.conf_interval(minimizer, minimizer.minimize(), sigmas=[level])
    for name in limits:
        low, high = theirs[name][0][1], theirs[name][-1][1]
        print(f"{found[name]}, {[*found[name].others]}; lmfit {low:.4g} to {high:.4g}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("coverage", "time", "lmfit"))
    parser.add_argument("--sets", type=int, default=1000)
    given = parser.parse_args()
    if given.what == "time":
        seconds()
    elif given.what == "lmfit":
        beside_lmfit()
    else:
        coverage(given.sets)


if __name__ == "__main__":
    main()
