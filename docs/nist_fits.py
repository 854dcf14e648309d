"""Write docs/nist.md: NIST's hard fits by every method, `python docs/nist_fits.py` (some minutes)."""

import sys
from pathlib import Path

import numpy as np

import batchgd as bgd
from batchgd.methods import METHODS, Method

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "examples"))
import nist  # noqa: E402

FITS = ("BoxBOD", "Eckerle4", "MGH09", "Rat43")
LADDER = 10.0 ** np.arange(-12.0, 2.0)
DIGITS = 7.0
RATES = ("learning_rate", "time_step")
"""Hyperparameters that are tried at every rung of the ladder."""

TEXT = """# NIST's hard fits

Written by `python docs/nist_fits.py`. Four of the nonlinear regressions of NIST's Statistical Reference Datasets, as
plain sums of squared residuals: the share of {starts} starts, uniform in a box around NIST's two starting points, whose
endpoint agrees with *all* certified parameters to {digits:.0f} digits, without any polishing, after at most {maxiter:,}
updates. Methods with a learning rate (or time step) are given every power of ten from {low:.0e} to {high:.0e}, and the
best is shown.

{table}

## Why most first-order methods fail

A constant learning rate η must be below 2 / L, L the largest curvature at the minimum, and along the softest
direction, of curvature μ, the error falls by 1 - ημ per update: {digits:.0f} digits take some multiple of κ = L / μ
updates. At the certified solutions, by the traced Hessian:

{conditions}

{maxiter:,} updates are fewer than κ for {hopeless}; and on the way, where residuals are large, the curvature is a
multiple of that at the solution, so that η must be smaller still. Rules that scale each coordinate (Adam, Rprop,
AdaGrad and their kin) mend a bad choice of units, not valleys that lie across the axes, as those of correlated
parameters do. Steps whose length does not follow the gradient (signs, normalised averages) do not settle to so many
digits unless the rate falls. Quasi-Newton methods learn the curvature, and Newton's method has it. What they miss
are starts from which the sum of squares falls towards infinity, as where Eckerle4's peak lies beside the data.
"""


def main(starts: int = 100, maxiter: int = 10_000, backend: str = "cpu") -> None:
    """Run all methods on all fits and write the page."""
    lines = [f"| method | {' | '.join(FITS)} |", f"|---|{'---|' * len(FITS)}"]
    for name, row in METHODS.items():
        cells = []
        for fit in FITS:
            cells.append(_cell(nist.read(nist.FOLDER / f"{fit}.dat"), row.example(), starts, maxiter, backend))
            print(name, fit, cells[-1], file=sys.stderr)
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    kappa = {fit: _condition(nist.read(nist.FOLDER / f"{fit}.dat")) for fit in FITS}
    text = TEXT.format(
        starts=starts,
        digits=DIGITS,
        maxiter=maxiter,
        low=LADDER[0],
        high=LADDER[-1],
        table="\n".join(lines),
        conditions="\n".join(["| fit | L | μ | κ |", "|---|---|---|---|", *(_row(fit, *kappa[fit]) for fit in FITS)]),
        hopeless=" and ".join(fit for fit in FITS if kappa[fit][0] / kappa[fit][1] > maxiter),
    )
    (HERE / "nist.md").write_text(text)


def _cell(data: nist.Dataset, method: Method, starts: int, maxiter: int, backend: str) -> str:
    """The share of the starts that are solved, with the best rate where there is one."""
    objective = bgd.Objective(nist.residual_sum(data), box=data.box(1.1), name=data.name)
    x0 = bgd.start(0, np.arange(starts), data.box(1.1))
    fields = {name: getattr(method, name) for name in RATES if getattr(method, name, None) is not None}
    if hasattr(method, "optimum") and method.optimum is not None:
        fields, method = {}, type(method)(optimum=data.residual_sum)
    ladder = LADDER if fields else np.ones(1)
    if fields:
        method = _with_rates(method, next(iter(fields)), np.repeat(ladder, starts))
    batch = bgd.descend(
        objective, np.tile(x0, (len(ladder), 1)), box=data.box(1.1), method=method, gtol=1e-10, maxiter=maxiter,
        backend=backend,
    )  # fmt: skip
    with np.errstate(all="ignore"):
        error = np.abs(batch.x / data.parameters - 1.0).max(axis=1)
    solved = (error < 10.0**-DIGITS).reshape(len(ladder), starts).mean(axis=1)
    best = int(np.argmax(solved))
    share = f"{100 * solved[best]:.0f} %"
    return f"{share} at {ladder[best]:.0e}" if fields and solved[best] > 0 else share


def _with_rates(method: Method, name: str, rates: np.ndarray) -> Method:
    """The method with one rate per start, without a schedule."""
    from dataclasses import replace

    if name == "time_step":
        return replace(method, time_step=rates)
    return replace(method, learning_rate=rates)


def _condition(data: nist.Dataset) -> tuple[float, float]:
    """The largest and the smallest curvature at the certified solution."""
    objective = bgd.Objective(nist.residual_sum(data), box=data.box(1.1))
    values = np.linalg.eigvalsh(objective.hessian(data.parameters))
    return float(values[-1]), float(values[0])


def _row(fit: str, largest: float, smallest: float) -> str:
    return f"| {fit} | {largest:.3g} | {smallest:.3g} | {largest / smallest:.2g} |"


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:3]))
