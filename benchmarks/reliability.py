"""Long versions of short tests of the suite: `python benchmarks/reliability.py PART [COUNT]`.

endings    random expressions x methods x dtypes: every trajectory ends within its limit of evaluations
memory     one new objective after another: resident memory
kills      a process that overwrites its own result, killed at random moments: what is left loads
mutations  damaged and forged results: refused in one line, or consistent
files      every kind of file with a bit of every byte changed, and cut at every length
calls      random calls, whole and in parts
formulas   random texts as formulas
limits     runs in parts without memory, descriptors or room on the disk, continued afterwards
soak       COUNT minutes of everything in one process: memory, open files, threads
"""

import collections
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

import batchgd as bgd
from batchgd import Status

TESTS = Path(__file__).parent.parent / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "support")]

from reliability_parts.fuzz import calls, files, forgeries, formulas, limits  # noqa: E402
from reliability_parts.soak import soak  # noqa: E402

MAXITER, STARTS = 40, 64
BOUND = 20 * (MAXITER + 10)
UNARY = [np.sin, np.cos, np.exp, np.log, np.sqrt, np.abs, np.tan, np.arccos, np.arcsin, np.arctan, np.cosh, np.sinh]
UNARY += [np.arccosh, np.arctanh, np.tanh, np.square, np.expm1, np.log1p, np.cbrt, lambda v: 1 / v, lambda v: v**3]
UNARY += [lambda v: -v, lambda v: 1e30 * v, lambda v: 1e-30 * v]
BINARY = [np.add, np.subtract, np.multiply, np.divide, np.maximum, np.minimum, np.hypot, np.arctan2]
BINARY += [lambda a, b: a**2 + b**2, lambda a, b: bgd.where(a > b, a, b)]
WIDTHS = (1e-6, 1.0, 2.0, 3.0, 50.0, 400.0, 1e6, 1e15)
METHODS = {
    **{name: name for name in ("barzilai_borwein", "lbfgs", "bfgs", "newton", "nonlinear_cg")},
    "armijo": bgd.Armijo(),
    "flow": bgd.GradientFlow(),
    "explicit flow": bgd.GradientFlow(stiff=False),
    "polyak": bgd.Polyak(0.0),
    "clipped adam": bgd.Adam(0.1, clip_norm=1.0),
    "fire": bgd.FIRE(),
    "plain": bgd.GradientDescent(0.01),
    "rprop": bgd.Rprop(0.01),
    "lion": bgd.Lion(0.01),
}


def endings(count: int = 60) -> None:
    """Run every method in both dtypes with NumPy, and every tenth expression as compiled code."""
    warnings.simplefilter("ignore")
    ended: collections.Counter[str] = collections.Counter()
    late = runs = refused = 0
    for seed in range(count):
        draw = random.Random(seed)
        expression, width = _expression(draw, draw.randint(2, 5)), draw.choice(WIDTHS)
        x0 = np.random.default_rng(seed).uniform(-width, width, (STARTS, 2))
        for name, method in METHODS.items():
            for dtype in ("float64", "float32"):
                backend = "cpu" if seed % 10 == 0 and name in ("barzilai_borwein", "lbfgs") else "numpy"
                try:
                    batch = bgd.descend(
                        lambda x, f=expression: f(x) + 0.0 * x[0], x0, box=[(-width, width)] * 2, method=method,
                        dtype=dtype, backend=backend, stopping=bgd.Stopping(maxiter=MAXITER, max_time=60.0),
                    )  # fmt: skip
                except bgd.InputError:
                    refused += 1
                    continue
                runs += 1
                ended.update(Status(code).name for code in batch.status)
                late += int(np.count_nonzero((batch.nfev > BOUND) | np.isin(batch.status, (0, Status.MAXTIME))))
    print(f"{count} expressions, {runs} runs ({refused} refused), {runs * STARTS:,} trajectories: {late} beyond bound")
    print(dict(ended.most_common()))


def _expression(draw, depth):
    if depth == 0 or draw.random() < 0.15:
        constant = draw.uniform(-3, 3)
        return draw.choice([lambda x: x[0], lambda x: x[1], lambda x: constant])
    one = _expression(draw, depth - 1)
    if draw.random() < 0.55:
        unary = draw.choice(UNARY)
        return lambda x: unary(one(x))
    binary, other = draw.choice(BINARY), _expression(draw, depth - 1)
    return lambda x: binary(one(x), other(x))


def memory(count: int = 1000) -> None:
    """Compile and run one new objective after another."""
    for i in range(count):
        bgd.multistart(lambda x, c=0.1 * i: (x[0] - c) ** 2 + x[1] ** 4, box=[(-1, 1)] * 2, starts=64, backend="cpu")
        if (i + 1) % (count // 5 or 1) == 0:
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            print(f"{i + 1} objectives: {pages * os.sysconf('SC_PAGE_SIZE') / 2**20:.0f} MiB resident", flush=True)


_SAVER = """
import sys, batchgd as bgd
result = bgd.multistart("himmelblau", starts=2000, backend="numpy")
print("ready", flush=True)
while True:
    result.save(sys.argv[1], overwrite=True)
"""


def kills(count: int = 200) -> None:
    """Kill a process at random moments while it saves, again and again."""
    lost = 0
    with tempfile.TemporaryDirectory() as scratch:
        file, draw = Path(scratch, "run.npz"), random.Random(0)
        for _ in range(count):
            saver = subprocess.Popen([sys.executable, "-c", _SAVER, str(file)], stdout=subprocess.PIPE)
            assert saver.stdout is not None
            saver.stdout.readline()
            time.sleep(0.05 + 0.1 * draw.random())
            saver.send_signal(signal.SIGKILL)
            saver.wait()
            try:
                lost += len(bgd.load(file)) != 2000
            except bgd.InputError:
                lost += 1
        left = sorted(entry.name for entry in Path(scratch).iterdir())
    print(f"{count} kills, {lost} results lost; files at the end: {left}")


def mutations(count: int = 2000) -> None:
    """Damage and forge saved results."""
    import test_hostile_results as tests

    with tempfile.TemporaryDirectory() as scratch:
        saved, refused = tests.sources(Path(scratch)), 0
        for seed in range(count):
            mutant = Path(scratch, "mutant")
            tests.attack(saved[seed % len(saved)], mutant, 1_000_000 + seed)
            refused += tests.verdict(mutant) is not None
            tests.remove(mutant)
    print(f"{count} mutations: {refused} refused in one line, {count - refused} loaded as consistent results")
    forgeries(count)


if __name__ == "__main__":
    PARTS = {part.__name__: part for part in (endings, memory, kills, mutations, files, calls, formulas, limits, soak)}
    if len(sys.argv) < 2 or sys.argv[1] not in PARTS:
        sys.exit(__doc__)
    PARTS[sys.argv[1]](*map(int, sys.argv[2:]))
