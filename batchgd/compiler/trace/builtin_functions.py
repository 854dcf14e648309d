"""Stand-ins for Python's own functions that compare or convert numbers: ``max``, ``sorted``, ``any``, ``float`` ..."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable
from functools import reduce, wraps
from typing import Any

import numpy as np

from batchgd.compiler.trace.array import TracedArray
from batchgd.compiler.trace.complex_numbers import Complex, paired
from batchgd.compiler.trace.elementary import choose
from batchgd.compiler.trace.escape import tracing
from batchgd.compiler.trace.ordering import LARGEST, in_order
from batchgd.compiler.trace.scalar import Place, Scalar, apply

_NUMBERS = (Scalar, int, float, np.number, np.bool_)


def _numbers(values: list[Any]) -> bool:
    """Whether all values are numbers, and one of them is traced."""
    return all(isinstance(value, _NUMBERS) for value in values) and any(isinstance(value, Scalar) for value in values)


def _extreme(name: str, better: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """Return ``max`` or ``min``: the first value, unless a later one is better, as Python has it."""
    real = getattr(builtins, name)

    @wraps(real)
    def function(*values: Any, **options: Any) -> Any:
        if not tracing() or options:
            return real(*values, **options)
        several = list(values[0]) if len(values) == 1 else list(values)
        if not _numbers(several):
            return real(several)
        return reduce(lambda best, value: choose(better(value, best), value, best), several)

    return function


def _sorted(values: Iterable[Any], /, *, key: Any = None, reverse: bool = False) -> list[Any]:
    several = list(values)
    if not tracing() or key is not None or not _numbers(several) or len(several) > LARGEST:
        return sorted(several, key=key, reverse=reverse)
    ordered = in_order(several)
    return ordered[::-1] if reverse else ordered


def _joined(name: str, op: str) -> Callable[[Iterable[Any]], Any]:
    """Return ``any`` or ``all`` as one condition; every value is computed."""
    real = getattr(builtins, name)

    @wraps(real)
    def function(values: Iterable[Any], /) -> Any:
        if not tracing():
            return real(values)
        several = list(values)
        if not any(isinstance(value, Scalar) for value in several):
            return real(several)
        if not all(isinstance(value, (bool, *_NUMBERS)) for value in several):
            return real(several)
        return reduce(lambda a, b: apply(op, a, b), several) if len(several) > 1 else several[0]

    return function


def _single(value: Any) -> Any:
    """Return the one element of a traced array; anything else as it is."""
    return value.item() if isinstance(value, TracedArray) and value.size == 1 else value


def _as_real(value: Any) -> Any:
    return Scalar(value.node.graph.number(value.node))


def _as_whole(value: Any) -> Any:
    return value if isinstance(value, Place) else np.trunc(value)


class _Meta(type):
    """Makes a class that stands for a type of numbers: called, it converts; a traced number is an instance of it."""

    real: type
    convert: Callable[[Any], Any] | None

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        values = tuple(map(_single, args))
        if any(isinstance(value, (Scalar, Complex)) for value in values) and tracing():
            if cls.real is complex:
                return Complex(*values) if len(values) == 2 else paired(values[0])
            if isinstance(values[0], Scalar) and cls.convert is not None:
                return cls.convert(values[0])
        return cls.real(*args, **kwargs)

    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, cls.real) or (isinstance(value, Scalar) and cls.convert is _as_real)

    def __subclasscheck__(cls, other: type) -> bool:
        return other is cls or issubclass(other, cls.real)

    def __eq__(cls, other: Any) -> bool:
        return other is cls.real or other is cls

    def __hash__(cls) -> int:
        return hash(cls.real)

    def __getattr__(cls, name: str) -> Any:
        return getattr(cls.real, name)


def number_type(real: type) -> Any:
    """Return the stand-in of a type of numbers; NumPy takes it for the type itself where it wants a dtype."""
    whole = issubclass(real, (int, np.integer))
    convert = None if real is complex else _as_whole if whole else _as_real
    return _Meta(real.__name__, (), {"real": real, "convert": convert, "dtype": np.dtype(real)})


BUILTINS: dict[str, Any] = {
    "max": _extreme("max", lambda a, b: a > b),
    "min": _extreme("min", lambda a, b: a < b),
    "sorted": _sorted,
    "any": _joined("any", "or"),
    "all": _joined("all", "and"),
    "float": number_type(float),
    "int": number_type(int),
    "complex": number_type(complex),
}
"""By name; outside a trace they do what Python's own do."""
