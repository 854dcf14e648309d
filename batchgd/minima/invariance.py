"""Whether an objective has the symmetry that was given for it: copies of points must have the same value."""

from __future__ import annotations

import numpy as np

from batchgd.minima.scale import Derivable, samples, values
from batchgd.problem.box import Box
from batchgd.problem.errors import InputError
from batchgd.problem.identity import Identity
from batchgd.problem.symmetry import Symmetry

_POINTS = 8  # those of lowest value: high up, near poles of a potential, a small term does not show
_COPIES = 4  # of each point, under each part of the symmetry
_SAME = 1e-5  # of the differences between the points' values
_ROUNDING = 1e-9  # relative
_ROUNDING_OF_PLAIN = 1e-6  # plain Python may compute in single precision
_SHOWN = 4  # coordinates in a message


def identity_for(objective: Derivable, box: Box, identity: Identity) -> Identity:
    """Return the identity with the symmetry of the objective if it has none of its own.

    Raises InputError if its own does not fit the coordinates, or the objective does not have it.
    """
    own = getattr(objective, "symmetry", None)
    chosen = identity.completed(own, box.dim)
    if chosen.symmetry is not None and chosen.symmetry != own:
        check_invariance(objective, chosen.symmetry, box)
    return chosen


def check_invariance(objective: Derivable, symmetry: Symmetry, box: Box) -> None:
    """Raise InputError, naming the part, if transformations change the value of the objective at points of the box.

    >>> class Product:
    ...     def value(self, x): return np.prod(x, axis=1)
    >>> from batchgd import symmetry
    >>> square = Box([-1.0, -1.0], [1.0, 1.0])
    >>> check_invariance(Product(), symmetry.permutations(1) * symmetry.signs([[0, 1]]), square)
    >>> check_invariance(Product(), symmetry.permutations(1) * symmetry.signs(), square)
    Traceback (most recent call last):
    batchgd.problem.errors.InputError: the function does not have the symmetry signs(1): at x = ...
    """
    points = samples(objective, box)
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
