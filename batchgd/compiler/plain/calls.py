"""Call a plain function at many points: an exception makes NaN of its point, and the end of a run is noticed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from batchgd.compiler.trace.escape import definition_of, name_of
from batchgd.compiler.trace.verify import raised
from batchgd.kernels.plan import Abandoned
from batchgd.problem.errors import InputError, quoted

Floats = NDArray[np.float64]
Kind = Literal["value", "gradient", "both"]


# What the run around the calls wants to know, and to say


@dataclass
class Record:
    """What the calls of a run came to: how many returned, and the first sentence about one that did not."""

    returned: int = 0
    trouble: str = ""


@dataclass
class _State(threading.local):
    stop: Callable[[], bool] | None = None
    looked: float = 0.0
    records: list[Record] = field(default_factory=list)


_STATE = _State()


_SECONDS = 1e-3
"""Between two looks at whether the run is to end."""


@contextmanager
def heeding(stop: Callable[[], bool] | None) -> Iterator[None]:
    """While entered, calls in this thread raise ``Abandoned`` once ``stop()``, asked between them, is true.

    >>> with heeding(lambda: True):
    ...     Function(lambda x: x[0], "value", 1).at(np.array([[1.0]]), ())
    Traceback (most recent call last):
    ...
    batchgd.kernels.plan.Abandoned
    """
    before, _STATE.stop, _STATE.looked = _STATE.stop, stop, 0.0
    try:
        yield
    finally:
        _STATE.stop = before


@contextmanager
def refusing_failures() -> Iterator[None]:
    """Raise InputError at the end if calls were made in the block, and all of them failed.

    >>> with refusing_failures():
    ...     take_note(0, ["f raises"])
    Traceback (most recent call last):
    ...
    batchgd.problem.errors.InputError: f raises
    """
    with recorded() as record:
        yield
    if record.trouble and not record.returned:
        raise refused(record.trouble)


@contextmanager
def recorded() -> Iterator[Record]:
    """Record what the calls in the block come to."""
    record = Record()
    _STATE.records.append(record)
    try:
        yield record
    finally:
        _STATE.records.remove(record)


@contextmanager
def unrecorded() -> Iterator[None]:
    """While entered, calls do not count for the blocks around: they are not at starts."""
    records, _STATE.records = _STATE.records, []
    try:
        yield
    finally:
        _STATE.records = records


def look() -> None:
    """Raise ``Abandoned`` if the run around the calls is to end."""
    if _STATE.stop is None:
        return
    now = perf_counter()
    if now - _STATE.looked > _SECONDS:
        _STATE.looked = now
        if _STATE.stop():
            _STATE.looked = 0.0
            raise Abandoned


def forget_runs() -> None:
    """Forget the runs around the calls: a forked process inherits them."""
    _STATE.stop, _STATE.records = None, []


def take_note(returned: int, troubles: Sequence[str]) -> None:
    """Add the results of some calls to the records of the runs around them."""
    for record in _STATE.records:
        record.returned += returned
        record.trouble = record.trouble or (troubles[0] if troubles else "")


# The calls


class _Unfit(Exception):
    """What a function returned cannot be used; the text says why."""


@dataclass(frozen=True)
class Function:
    """A function of the user's: value, gradient, or both as a pair, of one point or, vectorized, of (n, dim) points."""

    call: Callable[..., Any]
    kind: Kind
    dim: int
    vectorized: bool = False

    @property
    def width(self) -> int:
        """Numbers per point, the value first."""
        return {"value": 1, "gradient": self.dim, "both": 1 + self.dim}[self.kind]

    def at(self, points: Floats, others: Sequence[Any]) -> tuple[Floats, list[str]]:
        """Return the numbers at each point, (n, width), and a sentence for each call that failed, with file and line.

        >>> inverse = Function(lambda x: 1 / float(x[0]), "value", 1)
        >>> numbers, troubles = inverse.at(np.array([[2.0], [0.0]]), ())
        >>> numbers.ravel(), troubles  # doctest: +ELLIPSIS
        (array([0.5, nan]), ['...: <lambda> raises ZeroDivisionError: float division by zero: ...'])
        """
        numbers = np.full((len(points), self.width), np.nan)
        troubles: list[str] = []
        with np.errstate(all="ignore"):
            self._fill(numbers, troubles, points, others)
        return numbers, troubles

    def _fill(self, numbers: Floats, troubles: list[str], points: Floats, others: Sequence[Any]) -> None:
        if self.vectorized and len(points) > 1:
            look()
            try:
                numbers[:] = self._called(points, others)
                return
            except _Unfit as error:
                troubles += [str(error)] * len(points)
                return
            except Exception:
                numbers[:] = np.nan  # one point may have failed for all: each is tried alone
        for i in range(len(points)):
            look()
            try:
                numbers[i] = self._called(points[i : i + 1], others)
            except _Unfit as error:
                troubles.append(str(error))
            except Exception as error:
                troubles.append(raised(self.call, error))

    def _called(self, points: Floats, others: Sequence[Any]) -> Any:
        """Return what a call returns, as numbers: one, or a row per point."""
        x = points.copy() if self.vectorized else points[0].copy()
        result = self.call(x, *(np.copy(each) if np.ndim(each) else each for each in others))
        if self.kind == "value" and isinstance(result, float) and len(points) == 1:
            return result
        if self.kind != "both":
            return self._as_numbers(result, self.dim if self.kind == "gradient" else 1, x.shape[:-1])
        if not isinstance(result, tuple) or len(result) != 2:
            raise self._unfit(result, "with jac=True, return the value and the gradient as a pair")
        value = self._as_numbers(result[0], 1, x.shape[:-1])
        return np.concatenate([value, self._as_numbers(result[1], self.dim, x.shape[:-1])], axis=1)

    def _as_numbers(self, result: Any, width: int, points: tuple[int, ...]) -> Floats:
        """Return numbers as (n, width)."""
        gradient = width > 1 or self.kind == "gradient"
        shape = (*points, width) if gradient else points
        wanted = f"return an array of shape {shape}" if shape else "return one real number"
        if result is None:
            raise self._unfit(result, f"{wanted} (is a return statement missing?)")
        try:
            array = np.asarray(result)
            if array.dtype.kind not in "iufb" and not (array.dtype == object and array.size == 1):
                raise TypeError
            array = array.astype(np.float64)
        except (TypeError, ValueError):
            raise self._unfit(result, wanted) from None
        if array.shape != shape and not (array.size == 1 and shape in ((), (1,))):
            raise self._unfit(array if array.ndim else array.item(), wanted)
        return array.reshape(-1, width)

    def _unfit(self, result: Any, cure: str) -> _Unfit:
        shown = quoted(result)
        if isinstance(result, np.ndarray) and result.size > 1:
            shown = f"an array of shape {result.shape}"
        return _Unfit(f"{definition_of(self.call)}: {name_of(self.call)} returns {shown}: {cure}")


def refused(trouble: str) -> InputError:
    """The error of a function that fails wherever it is called."""
    return InputError(trouble)
