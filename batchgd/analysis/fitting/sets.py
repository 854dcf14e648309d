"""Fits of several data sets at once: parameters that they share, and those that each has of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from batchgd.analysis.fitting.data import Data, take_data
from batchgd.analysis.fitting.parameters import Parameter
from batchgd.problem.errors import InputError, did_you_mean, quoted

Call = Callable[[Any, Sequence[Any]], Any]
"""A model as it is called, with x and the values of its parameters."""


def take_sets(x: Any, y: Any, sigma: Any = None) -> Data:
    """Check several data sets and join them; x remains a list, with one entry per data set.

    >>> data = take_sets([[0.0, 1.0], [0.0, 1.0, 2.0]], [[1.0, np.nan], [4.0, 5.0, 6.0]])
    >>> [len(each) for each in data.x], data.y.tolist(), data.dropped
    ([1, 3], [1.0, 4.0, 5.0, 6.0], 1)
    """
    if not isinstance(y, list | tuple) or not y:
        raise InputError(f"shared is given and y is {quoted(y)}: give a list of data sets, y=[y1, y2, ...]")
    if not isinstance(x, list | tuple) or len(x) != len(y):
        found = f"{len(x)} data sets" if isinstance(x, list | tuple) else "no list of data sets"
        raise InputError(f"x has {found} and y has {len(y)}: give x=[x1, x2, ...] with one x for each y")
    spreads = list(sigma) if isinstance(sigma, list | tuple) else [sigma] * len(y)
    if len(spreads) != len(y) or len({spread is None for spread in spreads}) > 1:
        raise InputError(f"sigma is {quoted(sigma)}: give one for each of the {len(y)} data sets, or one number")
    parts = []
    for k, each in enumerate(zip(x, y, spreads, strict=True)):
        try:
            parts.append(take_data(*each))
        except InputError as error:
            raise InputError(f"data set {k + 1}: {error}") from None
    joined = [part.sigma for part in parts if part.sigma is not None]
    return Data(
        [part.x for part in parts],
        np.concatenate([part.y for part in parts]),
        np.concatenate(joined) if joined else None,
        sum(part.dropped for part in parts),
    )


class Sets:
    """The parameters of a model of several data sets: those in ``shared`` once, the others once for each.

    >>> sets = Sets(["a", "k"], {"a": (0, 5), "k": (0, 3)}, ["k"], 2)
    >>> sets.names, sets.places
    (['k', 'a_1', 'a_2'], [[1, 0], [2, 0]])
    """

    def __init__(self, names: Sequence[str], given: Mapping[str, Any], shared: Any, count: int):
        if not isinstance(shared, str | Sequence):
            raise InputError(f"shared is {quoted(shared)}: give the names of common parameters, such as {names[:1]}")
        common = [shared] if isinstance(shared, str) else list(shared)
        unknown = [name for name in common if name not in names]
        if unknown:
            hint = did_you_mean(unknown[0], names) or f"its parameters are {', '.join(names)}"
            raise InputError(f"shared contains {quoted(unknown[0])}, which the model does not have: {hint.strip()}")
        own = [name for name in names if name not in common]
        self.names = [name for name in names if name in common]
        self.given = {name: given[name] for name in self.names if name in given}
        for k in range(1, count + 1):
            for name in own:
                self.names.append(f"{name}_{k}")
                if f"{name}_{k}" in given:
                    self.given[f"{name}_{k}"] = given[f"{name}_{k}"]
                elif name in given:
                    self.given[f"{name}_{k}"] = _numbered(given[name], own, k)
        if len({*self.names}) < len(self.names):
            raise InputError(f"parameters of several data sets would be {', '.join(self.names)}: rename those with _1")
        self.given |= {name: each for name, each in given.items() if name not in (*names, *self.given)}
        place = {name: k for k, name in enumerate(self.names)}
        self.places = [
            [place[name if name in common else f"{name}_{k}"] for name in names] for k in range(1, count + 1)
        ]

    def joined(self, call: Call) -> Joined:
        """Return the model of all data sets, whose values come one set after the other."""
        return Joined(call, self.places)


@dataclass(frozen=True, eq=False)
class Joined:
    """A model, called for each data set with the places of its parameters."""

    call: Call
    places: list[list[int]]

    @property
    def __runs__(self) -> tuple[Any, ...]:
        return (self.call,)

    def __call__(self, x: Any, values: Sequence[Any]) -> Any:
        """Return the values of all data sets, one after the other; they may be traced."""
        return np.concatenate(self.parts(x, values))

    def parts(self, x: Any, values: Sequence[Any]) -> list[Any]:
        """Return the values of each data set."""
        rows = zip(x, self.places, strict=True)
        return [self.call(each, [values[k] for k in row]) for each, row in rows]


def _numbered(given: Any, own: Sequence[str], k: int) -> Any:
    """Return what was given for a parameter of each data set as that of data set k, whose own parameters it names."""
    formula = given.expr if isinstance(given, Parameter) else given if isinstance(given, str) else None
    if formula is None:
        return given
    renamed = re.sub(rf"\b({'|'.join(map(re.escape, own))})\b", rf"\1_{k}", formula)
    return replace(given, expr=renamed) if isinstance(given, Parameter) else renamed
