"""Components of a model that may be exchanged, such as two exponentials: one solution, not one for each order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, pairwise
from typing import Any

import numpy as np

from batchgd.analysis.fitting.data import Data, Floats
from batchgd.analysis.fitting.model import Model
from batchgd.analysis.fitting.parameters import ParameterSet
from batchgd.problem.errors import InputError, did_you_mean, quoted
from batchgd.problem.identity import as_identity
from batchgd.problem.symmetry.parts import permutations

SAME = 1e-9
"""Difference of the model with components exchanged, relative to its largest value, that is rounding."""

TRIED = 8
"""Points at which components are exchanged for a test."""

_EXAMPLE = "give groups of parameters, such as [('a1', 'k1'), ('a2', 'k2')]"


class Exchange:
    """Groups of free parameters, one for each component, by their places among the free ones.

    >>> limits = dict.fromkeys(["a", "k", "b", "q"], (0, 9))
    >>> exchange = Exchange.parse([("k", "a"), ("q", "b")], ParameterSet(list(limits), limits))
    >>> exchange.groups, exchange.ordered(np.array([3.0, 2.0, 1.0, 0.5])).tolist()
    ([[1, 0], [3, 2]], [1.0, 0.5, 3.0, 2.0])
    """

    def __init__(self, groups: Sequence[Sequence[int]] = ()):
        self.groups = [list(group) for group in groups]

    @classmethod
    def parse(cls, given: Any, parameters: ParameterSet) -> Exchange:
        """Read groups of names; InputError if they are not as many each, or have different limits."""
        if given is None:
            return cls()
        groups = _names(given)
        if len(groups) < 2 or len({len(group) for group in groups}) > 1 or not groups[0]:
            raise InputError(f"exchangeable is {quoted(given)}: {_EXAMPLE}, with as many names in each")
        groups = [[each for name in group for each in _of_each_set(name, parameters)] for group in groups]
        names = [name for group in groups for name in group]
        for name in names:
            if name not in parameters.free:
                _refuse(name, parameters)
            if names.count(name) > 1:
                raise InputError(f"exchangeable contains {name!r} twice: give each parameter once")
        for one, other in pairwise(groups):
            for a, b in zip(one, other, strict=True):
                first, second = parameters.given[a], parameters.given[b]
                if (first.min, first.max, first.scale) != (second.min, second.max, second.scale):
                    raise InputError(
                        f"exchangeable has {a!r} in the place of {b!r}, whose limits differ: give both the same limits "
                        "and scale, or leave exchangeable out"
                    )
        return cls([[parameters.free.index(name) for name in group] for group in groups])

    def identity(self, given: Any) -> Any:
        """Return the identity of a fit, with the exchange as a symmetry of its sum of squares."""
        if not self.groups:
            return given
        identity, own = as_identity(given), permutations(self.groups)
        return replace(identity, symmetry=own if identity.symmetry is None else identity.symmetry * own)

    def ordered(self, u: Floats) -> Floats:
        """Return a point with its components in ascending order, of their first parameters."""
        found = np.array(u)
        parts = sorted(u[group].tolist() for group in self.groups)
        for group, part in zip(self.groups, parts, strict=True):
            found[group] = part
        return found

    def named(self, parameters: ParameterSet) -> list[Any]:
        """Return the groups of names, as they are given."""
        named = [tuple(parameters.free[k] for k in group) for group in self.groups]
        return named if len(named[0]) > 1 else [name for (name,) in named]

    def changed(self, model: Model, data: Data) -> tuple[int, int] | None:
        """Return two groups whose exchange changes the model, or None."""
        drawn = np.random.default_rng(0).random((TRIED, len(model.parameters.box)))
        for one, other in combinations(range(len(self.groups)), 2):
            a, b = self.groups[one], self.groups[other]
            box = model.parameters.box.copy()
            low, high = np.maximum(box[a, 0], box[b, 0]), np.minimum(box[a, 1], box[b, 1])
            if (low < high).all():  # within the limits of both, if these differ
                box[a] = box[b] = np.stack([low, high], axis=1)
            points = box[:, 0] + drawn * (box[:, 1] - box[:, 0])
            turned = points.copy()
            turned[:, a], turned[:, b] = points[:, b], points[:, a]
            for point, copy in zip(points, turned, strict=True):
                first, second = (_value(model, data, each) for each in (point, copy))
                size = np.abs(first[np.isfinite(first)]).max(initial=0.0)
                if not np.allclose(first, second, rtol=0.0, atol=SAME * size, equal_nan=True):
                    return one, other
        return None

    def check(self, model: Model, data: Data) -> None:
        """Refuse groups that change the model when they are exchanged."""
        pair = self.changed(model, data) if self.groups else None
        if pair is not None:
            one, other = (self.named(model.parameters)[k] for k in pair)
            raise InputError(
                f"the model {model.name} is not the same with {one!r} and {other!r} exchanged: correct exchangeable "
                "or leave it out"
            )


def swapped(solutions: Sequence[Any], model: Model, data: Data) -> Exchange | None:
    """Return the components that are exchanged between equal solutions, if that is how they differ."""
    first = solutions[0].free
    pairs: dict[int, set[int]] = {}
    for each in solutions[1:]:
        for i, j in _swap(first, each.free) or ():
            pairs.setdefault(i, {i}).add(j)
    kinds = [[i, *sorted(group - {i})] for i, group in sorted(pairs.items()) if i == min(group)]
    if not kinds or len({len(kind) for kind in kinds}) > 1:
        return None
    found = Exchange(list(zip(*kinds, strict=True)))
    return found if found.changed(model, data) is None else None


def _swap(u: Floats, v: Floats) -> list[tuple[int, int]] | None:
    """Return the pairs of coordinates that were exchanged, both ways round, if that is all that differs."""
    close = np.abs(u[:, None] - v[None, :]) <= 1e-5 * np.maximum(np.abs(u[:, None]), np.abs(v[None, :]))
    moved = np.flatnonzero(~np.diag(close))
    partner = [next((int(j) for j in moved if j != i and close[i, j] and close[j, i]), -1) for i in moved]
    return None if not len(moved) or -1 in partner else list(zip(map(int, moved), partner, strict=True))


def _value(model: Model, data: Data, u: Floats) -> Floats:
    with np.errstate(all="ignore"):
        return np.asarray(model.free(data.x, model.parameters.outward(u)), np.float64)


def _names(given: Any) -> list[list[str]]:
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise InputError(f"exchangeable is {quoted(given)}: {_EXAMPLE}")
    groups = [[each] if isinstance(each, str) else each for each in given]
    for group in groups:
        if not isinstance(group, Sequence) or not all(isinstance(name, str) for name in group):
            raise InputError(f"exchangeable contains {quoted(group)}: {_EXAMPLE}")
    return [list(group) for group in groups]


def _of_each_set(name: str, parameters: ParameterSet) -> list[str]:
    """Return the parameter, or those of each data set that were made of it."""
    numbered = [f"{name}_{k}" for k in range(1, len(parameters.names) + 1)]
    return [name] if name in parameters.names else [each for each in numbered if each in parameters.names] or [name]


def _refuse(name: str, parameters: ParameterSet) -> None:
    if name in parameters.names:
        raise InputError(f"exchangeable contains {name!r}, which does not vary: give parameters with limits")
    hint = did_you_mean(name, parameters.names) or f"its parameters are {', '.join(parameters.names)}"
    raise InputError(f"exchangeable contains {quoted(name)}, which the model does not have: {hint.strip()}")
