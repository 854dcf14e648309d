"""Write docs/nist.md: NIST's hard fits by every method, `python docs/nist_fits.py` (a quarter of an hour)."""

import sys
from pathlib import Path

import numpy as np

import batchgd as bgd
from batchgd.problem.methods import METHODS, Method, Schedule

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "examples"))
import nist  # noqa: E402

FITS = ("BoxBOD", "Eckerle4", "MGH09", "Rat43")
LADDER = 10.0 ** np.arange(-12.0, 2.0)
DIGITS = 7.0
GTOL = 1e-10
FALL = 1e-8
"""Factor by which schedules fall over the whole run."""
RATES = ("learning_rate", "time_step")
"""Hyperparameters that are tried at every rung of the ladder."""

TEXT = """# NIST's hard fits

Written by `python docs/nist_fits.py {starts} {maxiter}`. Four of the nonlinear regressions of NIST's Statistical
Reference Datasets, as plain sums of squared residuals: the share of {starts} starts, uniform in a box around NIST's two
starting points, whose endpoints agree with *all* certified parameters to {digits:.0f} digits, without polishing, after
at most {maxiter:,} updates with `gtol={gtol:.0e}`. Methods with a learning rate (or time step) are tried with every
power of ten from {low:.0e} to {high:.0e}, and the best is shown; those that [the comparison](methods.md) tries with a
schedule have one here, too, which falls by {fall:.0e} over the run. If more than a tenth did not arrive, the share is
followed by the status of most of the others.

{table}

## Why most first-order methods fail

A constant learning rate η must be below 2 / L, where L is the largest curvature at the minimum, and along the softest
direction, of curvature μ, the error shrinks by the factor 1 - ημ per update: {digits:.0f} digits take some multiple of
κ = L / μ updates. At the certified solutions, from the traced Hessian:

{conditions}

{maxiter:,} updates are fewer than κ for {hopeless}; and on the way, where residuals are large, the curvature is a
multiple of that at the solution, so that η must be smaller still: such runs end `maxiter`, or `escaped` or `diverged`
if η is larger. Rules that scale each coordinate (Adam, Rprop, AdaGrad and their kin) correct a bad choice of units, not
valleys that run across the axes, like those of correlated parameters. Steps whose length does not follow the gradient
(signs, normalised averages) settle only as far as the rate falls, and stall if it has fallen before they arrive.
AdamW's weight decay moves the point of rest itself.

`gradient_flow` shows how descent itself behaves in the units in which the problem is given: in BoxBOD it takes most
starts further than ten box widths from the box before it would come back (with `stopping={"escape": 1000}` all of
them arrive). Barzilai and Borwein's steps also follow the gradient closely, but here in widths of the box, whose sides
are in different units (`scale="auto"`); with `scale=None` they go the same way, and fewer than half of the starts
arrive.

Quasi-Newton methods learn the curvature, and Newton's method has it. They miss starts from which Eckerle4's peak is so
far from the data that the gradient is below `gtol` (`gradient`; Newton's first steps carry a few more there), and
starts from which MGH09 has a valley where the sum of squares falls towards infinity (`escaped`). If the curvature along
a step is negative, BFGS and L-BFGS forget what they have learnt, because an old metric leads astray as long as such a
region lasts.
"""


def main(starts: int = 100, maxiter: int = 10_000, backend: str = "cpu") -> None:
    """Run all methods on all fits and write the page."""
    lines = [f"| method | {' | '.join(FITS)} |", f"|---|{'---|' * len(FITS)}"]
    for name in METHODS:
        cells = []
        for fit in FITS:
            cells.append(_cell(nist.read(nist.FOLDER / f"{fit}.dat"), name, starts, maxiter, backend))
            print(name, fit, cells[-1], file=sys.stderr, flush=True)
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    kappa = {fit: _condition(nist.read(nist.FOLDER / f"{fit}.dat")) for fit in FITS}
    text = TEXT.format(
        starts=starts,
        digits=DIGITS,
        gtol=GTOL,
        maxiter=maxiter,
        low=LADDER[0],
        high=LADDER[-1],
        fall=FALL,
        table="\n".join(lines),
        conditions="\n".join(["| fit | L | μ | κ |", "|---|---|---|---|", *(_row(fit, *kappa[fit]) for fit in FITS)]),
        hopeless=" and ".join(fit for fit in FITS if kappa[fit][0] / kappa[fit][1] > maxiter),
    )
    (HERE / "nist.md").write_text(text)


def _cell(data: nist.Dataset, name: str, starts: int, maxiter: int, backend: str) -> str:
    """The share of solved starts, with the best rate if the method has one, and how the others ended."""
    objective = bgd.Objective(nist.residual_sum(data), box=data.box(1.1), name=data.name)
    x0 = bgd.start(0, np.arange(starts), data.box(1.1))
    method, rungs = _on_ladder(METHODS[name], data, starts, maxiter)
    batch = bgd.descend(
        objective, np.tile(x0, (len(rungs), 1)), box=data.box(1.1), method=method, gtol=GTOL, maxiter=maxiter,
        backend=backend,
    )  # fmt: skip
    with np.errstate(all="ignore"):
        error = np.abs(batch.x / data.parameters - 1.0).max(axis=1)
    error = np.nan_to_num(error, nan=np.inf).reshape(len(rungs), starts)
    solved = (error < 10.0**-DIGITS).mean(axis=1)
    best = np.lexsort((np.median(error, axis=1), -solved))[0]
    share = f"{100 * solved[best]:.0f} %"
    cell = f"{share} at {rungs[best]:.0e}" if len(rungs) > 1 and solved[best] > 0 else share
    if solved[best] >= 0.9:
        return cell
    others = batch.status.reshape(len(rungs), starts)[best][error[best] >= 10.0**-DIGITS]
    return f"{cell}, {bgd.Status(np.bincount(others).argmax()).name.lower()}"


def _on_ladder(cls: type[Method], data: nist.Dataset, starts: int, maxiter: int) -> tuple[Method, np.ndarray]:
    """The method with the rungs of the ladder, one after the other for all starts, if it has a rate."""
    method = cls.example()
    if "optimum" in cls.EXAMPLE:
        return cls(**{**cls.EXAMPLE, "optimum": data.residual_sum}), np.ones(1)
    name = next((name for name in RATES if name in cls.EXAMPLE), None)
    if name is None:
        return method, np.ones(1)
    rates = np.repeat(LADDER, starts)
    if isinstance(getattr(method, name), Schedule):
        return cls(**{**cls.EXAMPLE, name: bgd.Exponential(rates, FALL, every=maxiter)}), LADDER
    return cls(**{**cls.EXAMPLE, name: rates}), LADDER


def _condition(data: nist.Dataset) -> tuple[float, float]:
    """The largest and the smallest curvature at the certified solution."""
    objective = bgd.Objective(nist.residual_sum(data), box=data.box(1.1))
    values = np.linalg.eigvalsh(objective.hessian(data.parameters))
    return float(values[-1]), float(values[0])


def _row(fit: str, largest: float, smallest: float) -> str:
    return f"| {fit} | {largest:.3g} | {smallest:.3g} | {largest / smallest:.2g} |"


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:3]))
