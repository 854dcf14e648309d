"""Time many fits at once: `python benchmarks/many_fits.py [decays [spots]]`, with how many data sets of each.

`python benchmarks/many_fits.py --memory 100000 [starts]` prints what this many decays take besides their data.

A decay of 50 points with three parameters against SciPy's `curve_fit`, with its limits and without; a rotated Gaussian
of 15 x 15 pixels with seven parameters against scalar Levenberg-Marquardt in Numba (`peer/numba_lm.py`). All start from
the same point, and take time of the process on one core, so that other work on the machine disturbs little; the last
column is by the clock, on all cores. Code has been compiled before. Prints one Markdown table.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from many_data import DECAY_LIMITS, PIXELS, SPOT_LIMITS, TIMES, Floats, decay, spot, starting
from many_data import decays as of_decays
from many_data import spots as of_spots
from peer import numba_lm
from scipy.optimize import curve_fit

import batchgd as bgd

DECAYS, SPOTS, OF_SCIPY, OF_NUMBA = 100_000, 100_000, 300, 2_000


def timed(call: Callable[[], Any], repeat: int = 3) -> tuple[float, float, Any]:
    """Return seconds of the process and of the clock, the least of some calls, and what the last one returned."""
    found = []
    for _ in range(repeat):
        clock, process = time.perf_counter(), time.process_time()
        result = call()
        found.append((time.process_time() - process, time.perf_counter() - clock))
    return min(each[0] for each in found), min(each[1] for each in found), result


def show(what: str, solver: str, n: int, nfev: Any, seconds: float, wall: float | None, reference: float) -> float:
    """Print a row, and return the fits per second."""
    rate = n / seconds
    both = "" if wall is None else f"{n / wall:,.0f}"
    factor = f"{rate / reference:,.0f} x" if reference else "1 x"
    print(f"| {what} | {solver} | {n:,} | {np.mean(nfev):.1f} | {rate:,.0f} | {factor} | {both} |", flush=True)
    return rate


def fits_of(model: Any, x: Any, y: Floats, parameters: Any) -> tuple[float, float, Any]:
    """Time batchgd: process time on one thread, and the clock on all."""

    def run(threads: int | None = None) -> Any:
        return bgd.fit(model, x, y, parameters=parameters, starts=0, threads=threads, backend="cpu")

    run()
    seconds, _, found = timed(lambda: run(1))
    _, wall, _ = timed(run)
    return seconds, wall, found


def decays(n: int) -> None:
    """Fit decays."""
    y = of_decays(n)
    start, lower, upper = zip(*DECAY_LIMITS.values(), strict=True)
    rates, values = {}, {}
    for name, options in {"with limits": {"bounds": (lower, upper)}, "without": {}}.items():
        some, calls = [], []

        def counted(t: Floats, *p: float, calls: list[int] = calls) -> Floats:
            calls.append(1)
            return np.asarray(decay(t, *p))

        for row in y[:OF_SCIPY]:
            curve_fit(counted, TIMES, row, p0=start, **options)
        seconds, _, some = timed(
            lambda options=options: [curve_fit(decay, TIMES, row, p0=start, **options)[0] for row in y[:OF_SCIPY]], 1
        )
        values[name] = np.array(some)
        rates[name] = show("decay", f"`curve_fit` {name}", OF_SCIPY, len(calls) / OF_SCIPY, seconds, None, 0.0)
    free = {
        name: bgd.Parameter(value, None, None, True, "linear", None, (low, high))
        for name, (value, low, high) in DECAY_LIMITS.items()
    }
    for name, parameters in {"with limits": starting(DECAY_LIMITS), "without": free}.items():
        seconds, wall, found = fits_of(decay, TIMES, y, parameters)
        show("decay", f"`bgd.fit` {name}", n, found.nfev, seconds, wall, rates[name])
        agree = (
            np.abs(found.values[:OF_SCIPY] - values[name])
            < 1e-3 * np.sqrt(np.einsum("nii->ni", found.covar))[:OF_SCIPY]
        )
        assert agree.all(axis=1).mean() > 0.99, "SciPy found something else"


def spots(n: int) -> None:
    """Fit spots."""
    y, start = of_spots(n), np.array([each[0] for each in SPOT_LIMITS.values()])
    numba_lm.fit_all(np.tile(start, (2, 1)), *PIXELS, y[:2], 1e-8, 100)
    many = np.tile(start, (OF_NUMBA, 1))
    seconds, _, (_, costs, nfev) = timed(lambda: numba_lm.fit_all(many, *PIXELS, y[:OF_NUMBA], 1e-8, 100))
    rate = show("spot", "scalar Numba", OF_NUMBA, nfev, seconds, None, 0.0)
    seconds, wall, found = fits_of(spot, PIXELS, y, starting(SPOT_LIMITS))
    show("spot", "`bgd.fit`", n, found.nfev, seconds, wall, rate)
    as_good = 0.5 * found.chisqr[:OF_NUMBA] <= costs * (1.0 + 1e-9)
    assert as_good.mean() > 0.99, f"Numba found a better fit in {1.0 - as_good.mean():.1%}"


def memory(n: int, starts: int = 0) -> None:
    """Print what fits of decays and their Dataset take at most, each in MiB."""
    y = of_decays(n)
    call = partial(bgd.fit, decay, TIMES, parameters=starting(DECAY_LIMITS), starts=starts, backend="cpu")
    call(y[:100])
    before = _mib("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak is that from here on
    found = call(y)
    more = _mib("VmHWM") - before
    table = found.to_xarray()
    sizes = f"y {y.nbytes >> 20} MiB, the fits {more} MiB more, the Dataset {table.nbytes >> 20} MiB"
    print(f"{n:,} decays, {1 + starts} starts each: {sizes}")


def _mib(name: str) -> int:
    """Return a number that Linux knows about this process."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) >> 10 for line in lines if line.startswith(f"{name}:"))


def main() -> None:
    """Print the table."""
    if sys.argv[1:2] == ["--memory"]:
        memory(*map(int, sys.argv[2:]))
        return
    given = [int(each) for each in sys.argv[1:]]
    print("| fit | solver | data sets | evaluations | fits/s, one core | | fits/s, all cores |")
    print("|---|---|---:|---:|---:|---:|---:|")
    decays(given[0] if given else DECAYS)
    spots(given[1] if len(given) > 1 else SPOTS)


if __name__ == "__main__":
    main()
