"""What a person should know before trusting the tables: one sentence each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from batchgd.minima.catalogue import Catalogue
from batchgd.minima.classify import DEGENERATE, FLAT, NAMES, UNBOUNDED, UNKNOWN
from batchgd.minima.scale import Derivable
from batchgd.minima.sets import Sites, descent_beyond
from batchgd.minima.tables import Minima
from batchgd.problem.box import Box
from batchgd.problem.speaker import option, said

CLOSE = 10.0
"""Widths of the widest cluster within which two minima are too close to tell apart."""

_SHOWN = 3


Shown = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From points as they are searched to points as they are named."""


def notes(
    catalogue: Catalogue,
    minima: Minima,
    sites: Sites,
    gap: tuple[float, int, int],
    unresolved: int,
    n: int,
    cut: str | None = None,
    endless: str | None = None,
    late: bool = False,
) -> tuple[str, ...]:
    """The warnings of a run, the gravest first; ``cut``: the phase in which an interrupt, or time, ended the work.

    ``endless``: the sentence of :func:`endless_fall` about the lowest endpoint, if there is one.
    """
    notes = []
    if cut is not None and len(minima):
        unknown = int(np.count_nonzero(minima.kind == NAMES[UNKNOWN]))
        notes.append(
            f"{'out of time' if late else 'interrupted'} while {cut}: {unknown:,} of {len(minima):,} minima were not "
            "polished or not classified (kind 'unknown'), so some may be saddles or copies of others; eigenvalues not "
            "computed are NaN"
        )
    if endless is not None:
        notes.append(endless)
    elif len(minima) == 0 and n > 0:
        notes.append(_nothing(catalogue, n))
    notes += _bottomless(sites)
    notes += _plateaus(sites)
    ratio, a, b = gap
    if ratio < CLOSE:
        notes.append(
            f"two minima are too close to tell apart: labels {a} and {b} are only {ratio:.2g} times as far apart "
            f"as copies of one minimum may be; compare with another {said('identity', '--identity-x')}"
        )
    if unresolved and endless is None:
        notes.append(
            f"{unresolved:,} of {n:,} starts ended too far from any stationary point to have a label: those that ended "
            f"with MAXITER or MAXTIME need a larger {option('maxiter')} or {option('max_time')}, or another method; "
            "those that ended with STALLED are at an edge, a cusp or the floor of rounding, where no step lowers the "
            "value"
        )
    if catalogue.coarsened or len(catalogue) > catalogue.cap:
        notes.append(
            f"endpoints scatter over more than {catalogue.cap:,} cells, so cells of 1/{catalogue.cells_per_width} "
            f"of the box were used ({len(catalogue):,} cells); minima closer than that count as one: "
            f"lower {option('gtol')}, or raise {option('maxiter')}"
        )
    return tuple(notes)


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
        f"{_at(sites.fun[row], sites.x[row])}, and are still falling"
    ]


def _plateaus(sites: Sites) -> list[str]:
    """Name the plateaus on which several starts ended."""
    several, lines = sites.points > 1, []
    flat = np.flatnonzero((sites.kind == FLAT) & several)
    if len(flat):
        count = int(sites.count[flat].sum())
        lines.append(f"the objective has plateaus: {count:,} starts ended where there is neither slope nor curvature")
    partly = np.flatnonzero((sites.kind == DEGENERATE) & (sites.negative == 0) & several)
    if len(partly):
        lines.append(
            f"{sites.count[partly].sum():,} starts ended where curvature vanishes in some direction and the value "
            "falls further along it: these are not minima"
        )
    return lines


def endless_fall(
    objective: Derivable, box: Box, x: NDArray[np.float64], fun: float, minima: Minima, shown: Shown | None = None
) -> str | None:
    """Report that an endpoint below all minima has no minimum ahead, if the value never rises again beyond it."""
    if len(minima) and minima.fun[0] <= fun:
        return None
    kind = descent_beyond(objective, box, x, fun)
    if kind is None:
        return None
    place = x if shown is None else shown(x[None])[0]
    means = "so it has an infimum at infinity but no minimum" if kind == "infimum" else "so it is unbounded below"
    return (
        f"the value still falls where the lowest trajectories ended, at {_at(fun, place)}, and never rises again: "
        f"{means}"
    )


def _at(fun: float, x: NDArray[np.float64]) -> str:
    return f"f = {fun:.6g}, x = ({', '.join(f'{c:.6g}' for c in x[:_SHOWN])}{', ...' if len(x) > _SHOWN else ''})"
