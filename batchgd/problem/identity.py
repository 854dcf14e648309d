"""When two polished points count as one minimum: tolerances and symmetry as a user gives them, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from batchgd.problem import check
from batchgd.problem.errors import InputError, quoted
from batchgd.problem.keywords import Explained, refuse_strange
from batchgd.problem.symmetry import Symmetry, as_symmetry


@dataclass(frozen=True)
class Identity(Explained):
    """When two polished endpoints u and v are the same minimum: close in every coordinate *and* in value.

        |u_i - v_i| <= x w_i  for all i,   and   |f(u) - f(v)| <= f max(F, |f|)

    Here w_i are the widths of the box, and F is how far values typically differ over it (the median distance from their
    median), so that units do not matter. Points are one minimum when a chain of such pairs joins them, so the answer
    does not depend on their order.

    With a symmetry, u and v are the same if some transformation takes v to a point that is the same as u. Counts and
    fractions are then those of classes, each with one of its points as x, and the zero modes of the Hessian that the
    symmetry explains say nothing about the kind of a point.

    Parameters
    ----------
    x : float
        In box widths, below 1. Polished copies agree to about 1e-14, so the default leaves room for degenerate minima;
        ``result.plot.tolerances()`` shows how many minima other values give.
    f : float
        Relative to the value, or to F if that is larger. A large value, such as 1.0, lets the position alone decide.
    symmetry : Symmetry or str, optional
        Transformations that leave the function as it is, made of those in ``bgd.symmetry``, or text: ``"cluster"`` for
        equal atoms in 3-D, ``"signs(1)"``, ``"rotations(2) * translations(2)"``. A library landscape brings its own;
        ``"none"`` ignores it.

    Raises
    ------
    InputError
        If a tolerance is not a positive finite number, or ``x`` is 1 or more.

    Examples
    --------
    Two of the six minima of the six-hump camel always have the same value, at opposite places:

    >>> import batchgd as bgd
    >>> result = bgd.multistart("six_hump_camel", starts=500)
    >>> result.identity
    Identity(x=1e-06, f=1e-09)
    >>> len(result.minima), len(result.recluster(Identity(x=0.9)).minima)
    (6, 3)

    They are mirror images, so they are also found without wider tolerances:

    >>> len(result.recluster({"symmetry": "signs([[0, 1]])"}).minima)
    3
    """

    x: float = 1e-6
    f: float = 1e-9
    symmetry: Any = None

    def __post_init__(self) -> None:
        for name, greatest, wanted in (
            ("x", 1.0, "a share of the box between 0 and 1, such as 1e-6"),
            ("f", np.inf, "a positive finite number"),
        ):
            tolerance = check.number(f"identity.{name}", getattr(self, name), wanted)
            if not np.finfo(np.float64).tiny <= tolerance < greatest:
                raise InputError(f"identity.{name} is {tolerance:g}: give {wanted}")
            object.__setattr__(self, name, tolerance)
        object.__setattr__(self, "symmetry", as_symmetry(self.symmetry))

    def __repr__(self) -> str:
        symmetry = "" if self.symmetry is None else f", symmetry={str(self.symmetry)!r}"
        return f"Identity(x={self.x}, f={self.f}{symmetry})"

    def completed(self, symmetry: Any, dim: int) -> Identity:
        """Return the identity with this symmetry if it has none of its own, checked for points of ``dim`` coordinates.

        Raises InputError if its symmetry does not fit them.
        """
        chosen = as_symmetry(symmetry) if self.symmetry is None else self.symmetry
        if chosen is not None:
            chosen.plan(dim)
        return replace(self, symmetry=chosen)


SAME = Identity()
"""The default identity of a call."""


def as_identity(given: Any, default: Identity = SAME) -> Identity:
    """Return the identity of a call: the one given, or the default with the changes in a dict.

    >>> as_identity({"x": 1e-3}), as_identity(None, Identity(x=0.1))
    (Identity(x=0.001, f=1e-09), Identity(x=0.1, f=1e-09))
    """
    if given is None:
        return default
    if isinstance(given, Mapping):
        refuse_strange("identity", given, ("x", "f", "symmetry"))
        return replace(default, **given)
    if isinstance(given, Symmetry):
        return replace(default, symmetry=given)
    if not isinstance(given, Identity):
        raise InputError(f"identity is {quoted(given)}: give bgd.Identity(x=1e-6, f=1e-9), or a dict of its fields")
    return given
