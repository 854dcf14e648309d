"""How many starts end in another basin than under gradient flow: `python benchmarks/fidelity.py`.

Gradient flow dx/dt = -∇f(x) is what gradient descent follows as its step vanishes, so its basins are the true ones. It
is integrated for every start by the pair of Dormand and Prince (1980), each start with its own step, to a relative
error of 1e-9 per step, until it comes within 1e-3 box widths of a known minimum. Starts for which the default method
differs from it are integrated once more by SciPy's LSODA, which shares no code with it.

It shares no code with ``result.fidelity()`` either, whose gradient flow is one of the methods in the table: here that
reference is compared with an independent one.

Prints one Markdown table. A start without a label (diverged, out of iterations) counts as labelled otherwise.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import batchgd as bgd
from batchgd import landscapes
from batchgd.minima.fractions import wilson

Floats = NDArray[np.float64]

LANDSCAPES = ("himmelblau", "six_hump_camel", "mueller_brown")
DISPLACEMENTS = (0.1, 0.03, 0.01, 0.003)
RATES = {"himmelblau": (0.001, 0.005, 0.01, 0.0125)}
"""Constant learning rates, for landscapes whose figures in the literature can be compared."""

CAPTURED = 1e-3  # box widths from a minimum: no basin border of these landscapes comes so near
TOLERANCE = 1e-9
MAX_STEPS = 20_000

# Dormand and Prince, J. Comput. Appl. Math. 6 (1980) 19, RK5(4)7M: stages, and the error of the embedded pair.
STAGES = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
ERROR = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)


@dataclass(frozen=True)
class Problem:
    """A landscape whose minima are all known, in the order that labels refer to."""

    name: str
    objective: bgd.Objective
    box: bgd.Box
    minima: Floats

    @classmethod
    def of(cls, name: str) -> Problem:
        known = landscapes.get(name)
        return cls(name, bgd.as_objective(known), known.box(), known.minima())

    def slope(self, x: Floats) -> Floats:
        return -self.objective.gradient(x)

    def nearest(self, x: Floats) -> tuple[NDArray[np.int64], Floats]:
        """The nearest minimum of each point, and how many box widths away it is."""
        away = np.abs((x[:, None, :] - self.minima) / self.box.width).max(axis=2)
        return away.argmin(axis=1), away.min(axis=1)


@dataclass(frozen=True)
class Row:
    """The result of one method."""

    landscape: str
    method: str
    otherwise: int
    starts: int
    evaluations: float

    def __str__(self) -> str:
        low, high = (100.0 * float(end) for end in wilson(self.otherwise, self.starts))
        share = f"{100.0 * self.otherwise / self.starts:.3f} % | {low:.3f} to {high:.3f} %"
        return f"| {self.landscape} | {self.method} | {share} | {self.evaluations:.0f} |"


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--starts", type=int, default=100_000, help="starts on each landscape")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--audit", type=int, default=200, help="largest number of starts to integrate again with LSODA")
    options = parser.parse_args(arguments)
    print("| landscape | method | labelled otherwise | 95 % interval | evaluations per start |")
    print("|---|---|---|---|---|")
    notes = []
    for name in LANDSCAPES:
        problem, began = Problem.of(name), time.perf_counter()
        starts = bgd.start(options.seed, np.arange(options.starts), problem.box)
        truth = flow(problem, starts)
        seconds = time.perf_counter() - began
        audited = np.empty(0, int)
        for title, method in methods(name).items():
            label, evaluations = labels(problem, method, options.starts, options.seed)
            differ = np.flatnonzero(label != truth)
            print(Row(name, title, len(differ), len(starts), evaluations), flush=True)
            if "default" in title:
                audited = differ[: options.audit]
        confirmed = sum(flow_by_lsoda(problem, starts[i]) == truth[i] for i in audited)
        notes.append(
            f"{name}: gradient flow of {len(starts):,} starts took {seconds:.0f} s, {np.sum(truth < 0)} reached no "
            f"minimum; LSODA confirms it on {confirmed} of {len(audited)} starts that the default labels otherwise"
        )
    print("\n" + "\n".join(notes))
    return 0


def methods(landscape: str) -> dict[str, Any]:
    """Every method to try on a landscape, by its title in the table."""
    usual = bgd.BarzilaiBorwein().max_displacement
    capped = {
        f"max_displacement {share}{' (default)' if share == usual else ''}": bgd.BarzilaiBorwein(max_displacement=share)
        for share in sorted({*DISPLACEMENTS, usual}, reverse=True)
    }
    capped["gradient flow of result.fidelity()"] = bgd.GradientFlow()
    constant = {f"learning_rate {rate}": bgd.GradientDescent(learning_rate=rate) for rate in RATES.get(landscape, ())}
    return capped | constant


def labels(problem: Problem, method: Any, n: int, seed: int) -> tuple[NDArray[np.int64], float]:
    """The known minimum with which each start is labelled, -1 for none, and the mean number of evaluations."""
    result = bgd.multistart(problem.name, starts=n, seed=seed, method=method, maxiter=100_000, backend="cpu")
    known, away = problem.nearest(result.minima.x)
    known[away > 1e-6] = -1
    return np.append(known, -1)[result.label], float(np.mean(result.nfev))


def flow(problem: Problem, starts: Floats) -> NDArray[np.int64]:
    """The minimum that gradient flow reaches from each start; -1 if it reaches none in MAX_STEPS steps."""
    label = np.full(len(starts), -1)
    active, x = np.arange(len(starts)), starts.copy()
    k1 = problem.slope(x)
    step = 1e-3 * problem.box.width.min() / (1e-300 + np.abs(k1).max(axis=1))
    for _ in range(MAX_STEPS):
        proposed, last, error = advance(problem, x, k1, step)
        good = error <= 1.0
        x[good], k1[good] = proposed[good], last[good]
        with np.errstate(divide="ignore"):
            step *= np.clip(0.9 * error**-0.2, 0.2, np.where(good, 5.0, 1.0))
        nearest, away = problem.nearest(x)
        arrived = away < CAPTURED
        label[active[arrived]] = nearest[arrived]
        if arrived.any():
            going = ~arrived
            active, x, k1, step = active[going], x[going], k1[going], step[going]
        if not len(active):
            break
    return label


def advance(problem: Problem, x: Floats, k1: Floats, step: Floats) -> tuple[Floats, Floats, Floats]:
    """One trial step: where it leads, the slope there, and its error in units of the tolerance."""
    slopes, h, point = [k1], step[:, None], x
    for row in STAGES:
        point = x + h * sum(weight * k for weight, k in zip(row, slopes, strict=True))
        slopes.append(problem.slope(point))
    off = h * sum(weight * k for weight, k in zip(ERROR, slopes, strict=True))
    allowed = TOLERANCE * np.maximum(np.abs(x), problem.box.width)
    error = np.abs(off / allowed).max(axis=1)
    return point, slopes[-1], np.where(np.isfinite(error), error, 1e10)


def flow_by_lsoda(problem: Problem, start: Floats) -> int:
    """The minimum that gradient flow reaches from one start, by SciPy's stiff integrator; -1 for none."""
    from scipy.integrate import solve_ivp

    def distance(_: float, x: Floats) -> float:
        return float(problem.nearest(x[None, :])[1][0]) - CAPTURED

    distance.terminal = True  # type: ignore[attr-defined]
    out = solve_ivp(
        lambda _, x: problem.slope(x),
        (0.0, 1e3),
        start,
        method="LSODA",
        jac=lambda _, x: -problem.objective.hessian(x),
        rtol=TOLERANCE,
        atol=TOLERANCE * 1e-3,
        events=distance,
    )
    label, away = problem.nearest(out.y[:, -1][None, :])
    return int(label[0]) if away[0] <= 1.01 * CAPTURED else -1


if __name__ == "__main__":
    raise SystemExit(main())
