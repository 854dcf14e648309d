"""What a person should know before trusting the tables: one sentence each."""

from __future__ import annotations

import numpy as np

from batchgd.minima.catalogue import Catalogue
from batchgd.minima.classify import DEGENERATE, FLAT, NAMES, UNBOUNDED, UNKNOWN
from batchgd.minima.sites import Sites
from batchgd.minima.tables import Minima

_SHOWN = 3


def notes(
    catalogue: Catalogue,
    minima: Minima,
    sites: Sites,
    gap: tuple[float, int, int],
    unresolved: int,
    n: int,
    cut: str | None = None,
) -> tuple[str, ...]:
    """The warnings of a run, the gravest first; ``cut``: the phase in which an interrupt ended the work."""
    said = []
    if cut is not None and len(minima):
        unknown = int(np.count_nonzero(minima.kind == NAMES[UNKNOWN]))
        said.append(
            f"interrupted while {cut}: {unknown:,} of {len(minima):,} minima were not polished or not classified "
            "(kind 'unknown'), so some may be saddles or copies of others; eigenvalues not computed are NaN"
        )
    if len(minima) == 0 and n > 0:
        said.append(_nothing(catalogue, n))
    said += _bottomless(sites)
    said += _valleys(sites)
    ratio, a, b = gap
    if ratio < 10:
        said.append(
            f"two minima are too close to tell apart: labels {a} and {b} lie only {ratio:.2g} times as far from each "
            "other as copies of one minimum may; compare with another x_tol"
        )
    if unresolved:
        said.append(
            f"{unresolved:,} of {n:,} starts ended too far from any stationary point to have a label: "
            "raise maxiter or max_time, lower the tolerances, or take another method"
        )
    if catalogue.coarsened or len(catalogue) > catalogue.cap:
        said.append(
            f"endpoints scatter over more than {catalogue.cap:,} cells, so they were kept at 1/"
            f"{catalogue.cells_per_width} of the box ({len(catalogue):,} cells); minima closer than that are one: "
            "lower gtol, or raise maxiter"
        )
    return tuple(said)


def _nothing(catalogue: Catalogue, n: int) -> str:
    if len(catalogue) == 0:
        return f"no minimum was found: all {n:,} starts diverged, escaped or met values that are not finite"
    return f"no minimum was found among the endpoints of {n:,} starts"


def _bottomless(sites: Sites) -> list[str]:
    """Name the lowest point at which the objective falls without bound."""
    rows = np.flatnonzero(sites.kind == UNBOUNDED)
    if len(rows) == 0:
        return []
    row = rows[np.argmin(sites.fun[rows])]
    return [
        f"the objective is unbounded below: {sites.count[rows].sum():,} starts fell to a singular point, "
        f"f = {sites.fun[row]:.6g} and falling at x = ({', '.join(f'{c:.6g}' for c in sites.x[row][:_SHOWN])}"
        f"{', ...' if len(sites.x[row]) > _SHOWN else ''})"
    ]


def _valleys(sites: Sites) -> list[str]:
    """Name the continua of points on which several starts ended at different places."""
    rows = np.flatnonzero((sites.kind == DEGENERATE) & (sites.negative == 0) & (sites.points > 1))
    rows = rows[np.argsort(-sites.count[rows], kind="stable")]
    said = []
    for row in rows[:_SHOWN]:
        modes = "1 zero mode" if sites.zero[row] == 1 else f"{sites.zero[row]} zero modes"
        said.append(
            f"the objective has a flat valley: {sites.count[row]:,} starts ended on a degenerate set "
            f"at f = {sites.fun[row] + 0.0:.6g} with {modes}"
        )
    if len(rows) > _SHOWN:
        more = f"{len(rows) - _SHOWN} more such {'set' if len(rows) == _SHOWN + 1 else 'sets'}"
        said.append(f"the objective has {more}: see the stationary points")
    flat = np.flatnonzero((sites.kind == FLAT) & (sites.points > 1))
    if len(flat):
        count = int(sites.count[flat].sum())
        said.append(f"the objective has plateaus: {count:,} starts ended where there is neither slope nor curvature")
    return said
