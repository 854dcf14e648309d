"""Minima in x from those that were found in the coordinates of a batch's inside."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from batchgd.engine.progress import UNWATCHED, Watch
from batchgd.minima.find import Found, eigenvalues
from batchgd.minima.within import within
from batchgd.problem.coordinates import Coordinates

_MARGIN = 1e-6  # box widths: a minimum on an end of its period is not moved to the other one by rounding


def outward(found: Found, objective: Any, at: Coordinates, watch: Watch = UNWATCHED) -> Found:
    """Return what was found in x, with angles in the box; found itself if there is nothing to change.

    Eigenvalues are those of the Hessian in x, multipliers derivatives by x; spreads and gaps are in widths of the box
    that was searched.
    """
    domain = at.domain
    if domain is None:
        return found
    minima, other = found.minima, found.stationary
    if len(domain.angles):
        box, margin = at.inside_box, _MARGIN * at.inside_box.width
        beyond = (minima.x < box.lower - margin) | (minima.x > box.upper + margin)
        x = np.where(beyond, domain.wrap(minima.x), minima.x)
        beyond[:, domain.angles] = False
        minima = replace(minima, x=x, inside=np.asarray(~beyond.any(axis=1)))
        other = replace(other, x=domain.wrap(other.x))
    if at.scale is not None:
        objective = within(objective, at.bounds, at.box)
        changes: list[dict[str, Any]] = []
        for table in (minima, other):
            x = at.outward(table.x)
            changes.append({"x": x, "eigenvalues": eigenvalues(objective, x, watch)})
        changes[0]["multipliers"] = objective.multipliers(changes[0]["x"])
        minima, other = replace(minima, **changes[0]), replace(other, **changes[1])
    return replace(found, minima=minima, stationary=other)
