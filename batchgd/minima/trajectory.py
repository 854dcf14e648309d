"""One descent as a record of its own, and the sentences that explain why descents ended."""

from collections.abc import Sequence
from typing import Any, overload

import numpy as np

from batchgd.kernels.status import Status


class Trajectory(dict):
    """One descent, read by key or by attribute and printed like SciPy's ``OptimizeResult``.

    Keys: ``message, success, status, fun, x, nit, nfev, jac, x0`` and, from a multi-start, ``label``.

    >>> t = Trajectory(message="done", success=True, fun=0.5)
    >>> t.fun == t["fun"], t
    (True,  message: done
     success: True
         fun: 0.5)
    """

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(f"a trajectory has no {name!r}: use one of {', '.join(self)}") from error

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self]

    def __repr__(self) -> str:
        width = max((len(key) for key in self), default=0) + 1
        return "\n".join(f"{key:>{width}}: {_show(value, width + 2)}" for key, value in self.items())


def _show(value: Any, indent: int) -> str:
    """One value of a trajectory's print; the lines of an array are indented below each other."""
    if isinstance(value, Status):
        return f"{int(value)} ({value.name})"
    if isinstance(value, np.ndarray):
        return np.array2string(value, precision=6, threshold=12, prefix=" " * indent)
    return str(value)


class Messages(Sequence[str]):
    """The sentence of each trajectory's status, made when read: a million starts need not store a million strings.

    >>> messages = Messages(np.array([1, 5], np.int8))
    >>> len(messages), messages[1]
    (2, 'maxiter updates were made')
    """

    def __init__(self, status: Any) -> None:
        self._status = status

    def __len__(self) -> int:
        return len(self._status)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> "Messages": ...
    def __getitem__(self, index: int | slice) -> "str | Messages":
        if isinstance(index, slice):
            return Messages(self._status[index])
        return Status(int(self._status[index])).message

    def __repr__(self) -> str:
        shown = [self[i] for i in range(min(3, len(self)))]
        return f"<{len(self)} messages: {shown}{' …' if len(self) > 3 else ''}>"
