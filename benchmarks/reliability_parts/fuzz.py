"""Files with every byte changed and cut at every length, random calls and formulas, machines without room."""

import collections
import random
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

import batchgd as bgd


def files(count: int = 0) -> None:
    """Flip a bit of every byte of every kind of file, and cut it at every length; or so many of each at random."""
    from damaged_files import KINDS, wrong

    warnings.simplefilter("ignore")
    total = 0
    for name in KINDS:
        with tempfile.TemporaryDirectory() as scratch:
            draw = {"rng": np.random.default_rng(count), "count": count} if count else {}
            tried, refused, bad = wrong(name, Path(scratch), **draw)
        total += tried
        print(f"{name}: {tried:,} files, {refused:,} refused in one line, {len(bad)} read wrongly", flush=True)
        for line in bad[:10]:
            print(f"  {line}")
    print(f"{total:,} damaged files in all")


def forgeries(count: int = 1000) -> None:
    """Forge parts and manifests of runs, and fits, with the right checksums."""
    from damaged_files import forged

    warnings.simplefilter("ignore")
    for name in ("part", "manifest", "fit"):
        with tempfile.TemporaryDirectory() as scratch:
            tried, refused, bad = forged(name, Path(scratch), range(count, 2 * count))
        print(f"{name}: {tried:,} forged, {refused:,} refused in one line, {len(bad)} ended otherwise", flush=True)
        for line in bad[:10]:
            print(f"  {line}")


def calls(count: int = 500) -> None:
    """Make random calls, whole and in parts of random sizes, in shards of random order."""
    from hypothesis import HealthCheck, given, settings
    from random_calls import calls as random_calls
    from random_calls import holds

    made: collections.Counter[bool] = collections.Counter()

    @settings(max_examples=count, deadline=None, database=None, suppress_health_check=[*HealthCheck])
    @given(random_calls(backends=("numpy", "numpy", "numpy", "cpu")))
    def each(drawn):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made[holds(*drawn)] += 1

    each()
    print(
        f"{count} random calls: {made[False]} refused in one line, {made[True]} as they should be, whole and in parts"
    )


_WORDS = [*"abx()+-*/,. 0123456789e_[]{}:;'\"\\@%^&|~<>=!#\n\t\0", "**", "exp(", "log(", "1e", "pi", "lambda ", "__"]
_WORDS += ["if ", "for ", " in ", "\u00b5", "\u202e", "\ud800", "a.b", "a", "b", "x", "+", "*", "2"]


def formulas(count: int = 100_000) -> None:
    """Read random texts as formulas: each is refused in one line, or is arithmetic."""
    from batchgd.analysis.fitting.expressions import Expression

    draw, refused, slowest = random.Random(count), 0, 0.0
    for _ in range(count):
        text = "".join(draw.choice(_WORDS) for _ in range(draw.randint(1, 40)))
        began = time.perf_counter()
        try:
            Expression.parse(text)
        except bgd.InputError as error:
            refused, message = refused + 1, str(error)
            assert message.isprintable(), message
        slowest = max(slowest, time.perf_counter() - began)
    print(f"{count:,} texts: {refused:,} refused in one line, the rest are formulas; at most {1e3 * slowest:.0f} ms")


def limits(count: int = 20) -> None:
    """Run in parts with too little memory, too few descriptors or no room on the disk; then go on without a limit."""
    from limited_runs import every

    with tempfile.TemporaryDirectory() as scratch:
        ends, lost = every(Path(scratch), np.random.default_rng(count), count)
    for name, how in ends.items():
        print(f"RLIMIT_{name}: " + ", ".join(f"{n} {word}" for word, n in how.most_common()))
    print(f"{sum(map(collections.Counter.total, ends.values()))} runs continued without a limit: {lost} differ")
