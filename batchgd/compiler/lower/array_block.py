"""A tick in block form in NumPy: programs on whole vectors, and between them a rule's operations as plain Python.

``ws`` has the shape (slots, lanes): what an operation reads and writes as the number of a lane is a row of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from batchgd.compiler.codegen.program import Operation, Program
from batchgd.compiler.codegen.trace_tick import traced
from batchgd.compiler.lower.array_tick import ArrayTick


class ArrayBlock:
    """Does the pieces of a tick one after another; called like an ``ArrayTick``, after ``evaluate`` has been."""

    def __init__(self, pieces: Sequence[Program | Operation], constants: Mapping[str, int], dtype: str):
        self._pieces = [
            _operation(piece, constants, dtype) if isinstance(piece, Operation) else ArrayTick(piece, dtype)
            for piece in pieces
        ]

    def __call__(self, *arrays: Any) -> Any:
        """Do it once."""
        with np.errstate(all="ignore"):
            results = [piece(*arrays) for piece in self._pieces]
        return next(result for result in results if result is not None)


def _operation(operation: Operation, constants: Mapping[str, int], dtype: str) -> Callable[..., None]:
    real = np.dtype(dtype).type

    def where(condition: Any, yes: Any, no: Any) -> Any:
        return np.where(condition, *(real(each) if isinstance(each, float) else each for each in (yes, no)))

    names = {name.upper(): value for name, value in constants.items()}
    function, slots = traced(operation.function, {**names, "W": 1, "where": where}), [*operation.slots.values()]

    def run(ws: Any, *_: Any) -> None:
        rows = _Rows(ws)
        function(rows, *slots)
        rows.put()

    return run


class _Rows:
    """The rows of an array as a function finds them: what it assigns is put into the array when it is over.

    So an assignment changes nothing that the function has read before; in place (``ws[k] += ...``) a row itself is
    changed, which is read for nothing else then. No two slots share an array.
    """

    def __init__(self, ws: Any):
        self._ws = ws
        self._new: dict[int, Any] = {}
        self._given: set[int] = set()

    def __getitem__(self, slot: int) -> Any:
        return self._new[slot] if slot in self._new else self._ws[slot]

    def __setitem__(self, slot: int, value: Any) -> None:
        if value is not self._new.get(slot) and isinstance(value, np.ndarray):
            if id(value) in self._given or value.base is not None:
                value = value.copy()
            self._given.add(id(value))
        self._new[slot] = value

    def put(self) -> None:
        """Put what was assigned into the array."""
        for slot, value in self._new.items():
            self._ws[slot] = value
