"""Checks of the arguments of public calls: each error is one line with the cause and the remedy."""

from __future__ import annotations

import errno
import inspect
import numbers
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.problem.errors import BackendError, InputError, bare, quoted

MOST = 2**53
"""The largest whole number for an argument without a limit of its own: float64 counts without gaps up to here."""

_KINDS = {"b": "true/false values", "c": "complex numbers", "U": "text", "S": "bytes", "M": "dates", "m": "times"}
_NOT_REAL = "something that is not a real number"
_ARRAYS = ("__len__", "__array__", "__array_interface__", "__dlpack__", "__cuda_array_interface__")


def flag(name: str, value: Any) -> bool:
    """Return True or False; text and numbers, which Python would take for true, are refused.

    >>> flag("check", np.True_)
    True
    """
    if not isinstance(value, bool | np.bool_):
        raise InputError(f"{name} is {quoted(value)}: give True or False")
    return bool(value)


def one_of(name: str, value: Any, choices: Sequence[Any]) -> Any:
    """Return the choice that was given, a word or a number; the case of a word does not matter.

    >>> one_of("norm", 2, (2, "max")), one_of("norm", "Max", (2, "max"))
    (2, 'max')
    """
    for choice in choices:
        if isinstance(choice, str) and isinstance(value, str):
            if bare(choice) == bare(value):
                return choice
        elif isinstance(value, numbers.Real) and not isinstance(value, bool) and value == choice:
            return choice
    *others, last = map(repr, choices)
    raise InputError(f"{name} is {quoted(value)}: give {', '.join(others)} or {last}")


def whole(name: str, value: Any, least: int = 0, most: int | None = None, *, of: str = "", real: bool = False) -> int:
    """Return a whole number from ``least`` to ``most`` as an int; with ``real`` it may be written as 1e4.

    >>> whole("rounds", np.int8(3), 1), whole("maxiter", 1e4, of="updates", real=True)
    (3, 10000)
    """
    number = _scalar(value)
    counts = isinstance(number, numbers.Integral) or (real and number is not None and number % 1 == 0)
    if not counts or not least <= number <= (MOST if most is None else most):
        wanted = f"a whole number of {of}" if of else "a whole number"
        span = f", {least} or more" if most is None else f" from {least} to {most}"
        span += f" and at most {MOST}" if most is None and counts and number > MOST else ""
        raise InputError(f"{name} is {quoted(value)}: give {wanted}{span}")
    return int(number)


def number(name: str, value: Any, wanted: str = "a number") -> float:
    """Return a real number that is not NaN, as a float.

    >>> number("gtol", np.float32(0.5))
    0.5
    """
    real = _scalar(value)
    if real is None or real != real:
        raise InputError(f"{name} is {quoted(value)}: give {wanted}")
    try:
        return float(real)
    except OverflowError:
        raise InputError(f"{name} is {quoted(value)}, which float64 cannot hold: give {wanted}") from None


def text(name: str, value: Any) -> str:
    """Return a string that prints on one line.

    >>> text("name", "wells")
    'wells'
    """
    if not isinstance(value, str) or not value or not value.isprintable():
        raise InputError(f"{name} is {quoted(value)}: give text that prints on one line")
    return value


def function(name: str, value: Any, wanted: str) -> Any:
    """Return a function, or None if it is omitted.

    >>> function("progress", None, "a function of one ProgressUpdate")
    """
    if value is not None and not callable(value):
        raise InputError(f"{name} is {quoted(value)}: give {wanted}, or leave it out")
    return value


def takes(name: str, function: Any, arguments: Sequence[str]) -> None:
    """Refuse a function that cannot be called with these arguments, if Python knows its signature.

    >>> takes("loss", lambda x, row: x, ["x", "row"])
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # a function of C
        return
    try:
        signature.bind(*arguments)
    except TypeError as error:
        called = f"{name}({', '.join(arguments)})"
        raise InputError(
            f"{name} takes {signature}, but is called as {called} ({error}): change its arguments"
        ) from None


def path(name: str, value: Any) -> Path:
    """Return a path that the file system can look up, whether or not anything is there.

    >>> path("the folder", "no/such/place").name
    'place'
    """
    try:
        found = Path(value)
        found.lstat()
    except TypeError:
        raise InputError(f"{name} is {quoted(value)}: give its path as text or a Path") from None
    except ValueError as error:  # a null character, or one that the file system's encoding lacks
        raise InputError(
            f"{name} is {quoted(value)}, which is not a path ({_line(error)}): give another name"
        ) from None
    except OSError as error:
        if error.errno in (errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL):
            raise InputError(f"{name} is {quoted(value)} ({error.strerror}): give another path") from None
    return found


@dataclass(frozen=True)
class Interval:
    """The interval that a number must be in; the ends are excluded unless ``low_included`` says otherwise.

    >>> str(Interval(0.0, 1.0, low_included=True)), str(Interval(0.0))
    ('at least 0 and below 1', 'greater than 0')
    """

    low: float = -np.inf
    high: float = np.inf
    low_included: bool = False

    def __str__(self) -> str:
        parts = []
        if self.low > -np.inf and self.high < np.inf and not self.low_included:
            return f"between {self.low:g} and {self.high:g}, both excluded"
        if self.low > -np.inf:
            parts.append(f"{'at least' if self.low_included else 'greater than'} {self.low:g}")
        if self.high < np.inf:
            parts.append(f"below {self.high:g}")
        return " and ".join(parts)

    def one(self, name: str, value: Any) -> float:
        """Return a finite number of the interval as a float, or raise InputError."""
        wanted = f"a finite number {self}".rstrip()
        found = number(name, value, wanted)
        if not self._holds(np.array(found)):
            raise InputError(f"{name} is {found:g}: give {wanted}")
        return found

    def each(self, name: str, value: Any) -> Any:
        """Return one number, or an array of one per start, as a float or a float64 array, or raise InputError."""
        wanted = f" {self}".rstrip()
        array = reals(f"{name} is {quoted(value)}, which contains", value, f"give one number{wanted}, or one per start")
        array = array.astype(np.float64)
        if array.ndim > 1 or array.size == 0:
            raise InputError(f"{name} has shape {array.shape}: give one number, or one per start")
        bad = ~self._holds(array)
        if bad.any():
            raise InputError(f"{name} is {array[bad].flat[0]:g}: give a finite number{wanted}")
        return float(array) if array.ndim == 0 else array

    def _holds(self, array: NDArray[np.float64]) -> NDArray[np.bool_]:
        above = array >= self.low if self.low_included else array > self.low
        return above & (array < self.high) & np.isfinite(array)


def reals(subject: str, value: Any, remedy: str, *, kinds: str = "iuf") -> NDArray[Any]:
    """Return anything array-like as a NumPy array of real numbers, in the type that they came in.

    Parameters
    ----------
    subject : str
        What contains the numbers, with its verb: "the box contains".
    value : array_like
        NumPy, CuPy, anything with ``__array__`` or DLPack, nested lists; exact numbers become float64.
    remedy : str
        What to give instead.
    kinds : str
        NumPy's letters for the accepted types.

    Raises
    ------
    InputError
        If it contains anything else, including masked entries and rows of different lengths.

    Examples
    --------
    >>> reals("the box contains", [(0, 1)], "give pairs")
    array([[0, 1]])
    """
    if _masked(value):
        raise InputError(f"{subject} masked entries: fill them or leave them out, {remedy}")
    try:
        array = on_host(value)
        if array.dtype.kind == "O":
            array = _exact(array)
    except BackendError:
        raise
    except Exception as error:  # each library raises its own: ragged lists, gradients attached, no device
        raise InputError(f"{subject} {_unreadable(error)}: {remedy}") from None
    if array.dtype.kind not in kinds:
        raise InputError(f"{subject} {_KINDS.get(array.dtype.kind, _NOT_REAL)}: {remedy}")
    return array


def finite(subject: str, value: Any, remedy: str) -> NDArray[np.float64]:
    """Return :func:`reals` as a float64 copy, or raise InputError if an entry is not finite.

    >>> finite("at contains", [1, 2], "give one number per coordinate")
    array([1., 2.])
    """
    with np.errstate(over="ignore"):  # wider types may overflow; the test below finds that
        array = np.array(reals(subject, value, remedy), np.float64, order="C")
    if not np.isfinite(array).all():
        raise InputError(f"{subject} NaN or infinity: {remedy}")
    return array


def is_array(value: Any) -> bool:
    """Whether a value is an array of some library or a list, not a single number or a string."""
    if isinstance(value, str | bytes):
        return False
    return np.ndim(value) > 0 if hasattr(value, "ndim") else any(hasattr(value, name) for name in _ARRAYS)


def on_host(value: Any) -> NDArray[Any]:
    """Return any array-like as a NumPy array: from a GPU through CuPy, from other libraries through DLPack."""
    here = "the array is on a GPU and is read with", "pass a NumPy array"
    if isinstance(value, np.ndarray):
        return np.asarray(value)
    if hasattr(value, "__cuda_array_interface__"):
        return cupy_for(*here).asnumpy(value)
    if isinstance(value, list | tuple) or hasattr(value, "__array__") or not hasattr(value, "__dlpack__"):
        return np.asarray(value)
    if value.__dlpack_device__()[0] == 1:  # kDLCPU
        return np.from_dlpack(value)
    return cupy_for(*here).asnumpy(cupy_for(*here).from_dlpack(value))


def cupy_for(what: str, otherwise: str) -> Any:
    """Return CuPy, or raise a BackendError that names what needs it and what to do without it."""
    try:
        import cupy
    except ImportError:
        raise BackendError(
            f'{what} CuPy, which is not installed: type pip install "batchgd[cu13]" (or cu12), or {otherwise}'
        ) from None
    return cupy


def _scalar(value: Any) -> Any:
    """Return a real number as a Python number, also from an array without axes; None for anything else."""
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
        if _masked(value) or getattr(value.dtype, "kind", "f") not in "iuf":
            return None
        value = value.item()
    return value if isinstance(value, numbers.Real) and not isinstance(value, bool) else None


def _masked(value: Any) -> bool:
    """Whether entries of an array, or of the rows of a list, are masked."""
    if "numpy.ma" not in sys.modules:  # 20 ms to import; nobody has made a masked array then
        return False
    rows = value if isinstance(value, list | tuple) else (value,)
    return any(isinstance(row, np.ma.MaskedArray) and np.ma.is_masked(row) for row in rows)


def _exact(array: NDArray[Any]) -> NDArray[np.float64]:
    """Return exact numbers such as Fraction as float64; raise TypeError if there is anything else."""
    if not all(isinstance(each, numbers.Real | Decimal) and not isinstance(each, bool) for each in array.flat):
        raise TypeError
    return array.astype(np.float64)


def _unreadable(error: Exception) -> str:
    """Return what in an array-like made its conversion fail."""
    line = _line(error)
    if isinstance(error, OverflowError):
        return "a number that float64 cannot hold"
    if "inhomogeneous" in line:
        return "rows of different lengths"
    if "maximum number of dimension" in line or isinstance(error, RecursionError):
        return "lists that are nested too deeply"
    return _NOT_REAL if isinstance(error, TypeError) and not str(error) else f"something that cannot be read ({line})"


def _line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
