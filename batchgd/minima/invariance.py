"""Whether an objective, and its bounds, have a symmetry: copies of points have the same value, and stay within."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from batchgd.minima.scale import Derivable, samples, values
from batchgd.minima.within import within
from batchgd.problem.bounds import Bounds, kept_within
from batchgd.problem.box import Box
from batchgd.problem.errors import InputError
from batchgd.problem.identity import Identity
from batchgd.problem.symmetry import Symmetry

if TYPE_CHECKING:
    from batchgd.engine.batch import Batch
    from batchgd.problem.domain import Domain

_POINTS = 8  # those of lowest value: high up, near poles of a potential, a small term does not show
_COPIES = 4  # of each point, under each part of the symmetry
_SAME = 1e-5  # of the differences between the points' values
_ROUNDING = 1e-9  # relative
_ROUNDING_OF_PLAIN = 1e-6  # plain Python may compute in single precision
_SHOWN = 4  # coordinates in a message
_CORNERS = 64  # of the bounds, tried with a transformation each


def identity_for(batch: Batch, identity: Identity) -> Identity:
    """Return the identity with the symmetry of the objective if it has none of its own, and bounds have it as well.

    Raises InputError if its own does not fit the coordinates, or objective or bounds do not have it.
    """
    objective, box, bounds = batch.objective, batch.box, batch.bounds
    own = getattr(objective, "symmetry", None)
    if own is not None and bounds is not None and any(_leaves(Symmetry((part,)), bounds) for part in own.parts):
        own = None
    chosen = with_periods(identity.completed(own, box.dim), batch.domain)
    if chosen.symmetry is not None and chosen.symmetry != own:
        check_invariance(within(objective, bounds, box), chosen.symmetry, box, bounds)
    return chosen


def with_periods(identity: Identity, domain: Domain | None) -> Identity:
    """Return the identity with the periods of a domain as well."""
    angles = None if domain is None else domain.symmetry
    if angles is None or identity.symmetry is None:
        return identity if angles is None else replace(identity, symmetry=angles)
    return replace(identity, symmetry=identity.symmetry * angles)


def check_invariance(objective: Derivable, symmetry: Symmetry, box: Box, bounds: Bounds | None = None) -> None:
    """Raise InputError, naming the part, if transformations change the value of the objective at points of the box.

    They must not take points within bounds outside either.

    >>> class Product:
    ...     def value(self, x): return np.prod(x, axis=1)
    >>> from batchgd import symmetry
    >>> square = Box([-1.0, -1.0], [1.0, 1.0])
    >>> check_invariance(Product(), symmetry.permutations(1) * symmetry.signs([[0, 1]]), square)
    >>> check_invariance(Product(), symmetry.permutations(1) * symmetry.signs(), square)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    batchgd.problem.errors.InputError: the function does not have the symmetry signs(1): at x = ...
    """
    for part in symmetry.parts:
        if bounds is not None and _leaves(Symmetry((part,)), bounds):
            raise InputError(
                f"the bounds do not have the symmetry {part}, which takes points outside: give bounds that it leaves "
                "as they are, or leave out one of the two"
            )
    points = samples(objective, box)
    points = kept_within(bounds, points)
    fun = values(objective, points)
    lowest = np.argsort(fun, kind="stable")[:_POINTS]
    points, fun = points[lowest], fun[lowest]
    step = float(np.ptp(fun[np.isfinite(fun)])) if np.isfinite(fun).any() else 0.0
    rounding = _ROUNDING_OF_PLAIN if getattr(objective, "plain", False) else _ROUNDING
    for part in symmetry.parts:
        alone = Symmetry((part,))
        copies = np.array([alone.copy(x, seed) for seed in range(_COPIES) for x in points])
        height = values(objective, copies).reshape(_COPIES, -1)
        with np.errstate(invalid="ignore"):
            size = np.maximum(np.abs(height), np.abs(fun))
            differ = np.abs(height - fun) > _SAME * step + rounding * size
        differ = (differ | ~np.isfinite(height)) & np.isfinite(fun)
        if differ.any():
            copy, row = np.argwhere(differ)[0]
            place = ", ".join(f"{number:.3g}" for number in points[row, :_SHOWN]) + ", ..." * (box.dim > _SHOWN)
            raise InputError(
                f"the function does not have the symmetry {alone}: at x = ({place}) it is {fun[row]:.10g}, "
                f"at a copy of it {height[copy, row]:.10g}: omit or correct this part"
            )


def _leaves(symmetry: Symmetry, bounds: Bounds) -> bool:
    """Whether transformations take corners of the bounds outside; continuous ones always may."""
    plan = symmetry.plan(bounds.dim)
    if plan.continuous:
        return True
    random = np.random.default_rng(bounds.dim)
    ends = np.stack([bounds.lower, bounds.upper])
    far = 2.0 * np.abs(ends[np.isfinite(ends)]).max(initial=1.0)
    corners = np.where(random.random((_CORNERS, bounds.dim)) < 0.5, ends[0], ends[1]).clip(-far, far)
    copies = np.array([plan.copy(corner, random) for corner in corners])
    slack = 1e-9 * far
    return bool(((copies < bounds.lower - slack) | (copies > bounds.upper + slack)).any())
