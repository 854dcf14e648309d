"""Values of unknown origin, checked against the type hints that the program declares for them.

The type hints of a dataclass are the schema of its fields: a file needs no second description, and a field that is
added to a class is checked from then on.
"""

import dataclasses
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

from batchgd.problem.errors import InputError, printable, quoted

_WORDS = {
    str: "text",
    bool: "true or false",
    int: "a whole number of at most 64 bits",
    float: "a number",
    NoneType: "null",
}
_KINDS = {"f": "fiu", "i": "iu", "b": "b", "U": "U"}
"""The kinds of stored arrays accepted for each kind: reals may be stored as integers, nothing else is converted."""


def typed(value: Any, hint: Any, where: str) -> Any:
    """Return a value as the type of its hint, or raise InputError with the name of the field.

    Hints may be numbers, texts (made printable), ``Literal``, unions, lists, tuples, dicts with texts as keys, arrays,
    dataclasses (made from dicts), and ``Any``, for which only texts are made printable. Fields that a dataclass does
    not have are ignored.

    >>> typed({"a": [1, 2.0]}, dict[str, list[int | float]], "settings")
    {'a': [1, 2.0]}
    >>> typed([1, "x"], list[int], "counts")
    Traceback (most recent call last):
    ...
    batchgd.problem.errors.InputError: counts[1] is 'x', not a whole number of at most 64 bits
    """
    hint = _expanded(hint)
    origin = get_origin(hint) or hint
    if hint is Any:
        return _plain(value)
    if origin in _SIMPLE:
        return _SIMPLE[origin](value, where)
    if origin in (Union, UnionType):
        return _union(value, get_args(hint), where)
    if origin is Literal:
        return value if isinstance(value, str) and value in get_args(hint) else _refuse(value, _name(hint), where)
    if origin in (list, tuple):
        return _sequence(value, origin, get_args(hint), where)
    if origin is dict:
        if not isinstance(value, dict):
            _refuse(value, "an object", where)
        return {
            printable(key): typed(item, get_args(hint)[1], f"{where}.{printable(key)}") for key, item in value.items()
        }
    if origin is np.ndarray:
        return _array(value, hint, where)
    return _record(value, hint, where)


def _expanded(hint: Any) -> Any:
    """Return what an alias of a ``type`` statement stands for; NumPy's NDArray is one from 2.5 on."""
    value, arguments = getattr(get_origin(hint) or hint, "__value__", None), get_args(hint)
    if value is None:
        return hint
    return value[arguments] if arguments else value


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list | tuple):
        return type(value)(_plain(item) for item in value)
    return {printable(key): _plain(item) for key, item in value.items()} if isinstance(value, dict) else value


def _refuse(value: Any, wanted: str, where: str) -> Any:
    raise InputError(f"{where} is {quoted(value)}, not {wanted}")


def _name(hint: Any) -> str:
    hint = _expanded(hint)
    origin = get_origin(hint) or hint
    if origin in (Union, UnionType):
        return " or ".join(_name(option) for option in get_args(hint))
    if origin is Literal:
        return " or ".join(map(repr, get_args(hint)))
    names = {list: "a list", tuple: "a tuple", dict: "an object", np.ndarray: "an array"}
    return _WORDS.get(origin) or names.get(origin) or "an object"


def _text(value: Any, where: str) -> str:
    return printable(value) if isinstance(value, str) else _refuse(value, _WORDS[str], where)


def _flag(value: Any, where: str) -> bool:
    return value if isinstance(value, bool) else _refuse(value, _WORDS[bool], where)


def _whole(value: Any, where: str) -> int:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not abs(value) < 2**64 or value != int(value):  # infinities and NaN fail the comparison
        _refuse(value, _WORDS[int], where)
    return int(value)


def _real(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        _refuse(value, _WORDS[float], where)
    return value if isinstance(value, float) else float(_whole(value, where))


def _null(value: Any, where: str) -> None:
    if value is not None:
        _refuse(value, _WORDS[NoneType], where)


_SIMPLE = {str: _text, bool: _flag, int: _whole, float: _real, NoneType: _null}


def _union(value: Any, options: tuple[Any, ...], where: str) -> Any:
    if len(options) == 2 and NoneType in options:  # then the error can name what is wrong inside
        return None if value is None else typed(value, options[0] if options[1] is NoneType else options[1], where)
    for option in sorted(options, key=lambda option: option is not type(value)):  # 2.0 stays a float if it may be one
        try:
            return typed(value, option, where)
        except InputError:
            continue
    return _refuse(value, " or ".join(map(_name, options)), where)


def _sequence(value: Any, kind: type, hints: tuple[Any, ...], where: str) -> Any:
    if not isinstance(value, kind):
        _refuse(value, f"a {kind.__name__}", where)
    if kind is list or hints[-1] is Ellipsis:
        hints = hints[:1] * len(value)
    if len(value) != len(hints):
        _refuse(value, f"of {len(hints)} values", where)
    return kind(typed(item, hint, f"{where}[{i}]") for i, (item, hint) in enumerate(zip(value, hints, strict=True)))


def _array(value: Any, hint: Any, where: str) -> np.ndarray:
    kind = np.dtype(get_args(get_args(hint)[1])[0]).kind
    if not isinstance(value, np.ndarray):
        _refuse(value, "an array", where)
    if value.dtype.kind not in _KINDS[kind]:
        raise InputError(f"{where} has type {value.dtype}, not {np.dtype(get_args(get_args(hint)[1])[0]).name}")
    return value


def _record(value: Any, cls: Any, where: str) -> Any:
    """Make a dataclass from the fields of a dict; its own checks apply as well."""
    if not isinstance(value, dict):
        _refuse(value, "an object", where)
    hints, fields = get_type_hints(cls), {}
    for field in dataclasses.fields(cls):
        if field.name in value:
            fields[field.name] = typed(value[field.name], hints[field.name], f"{where}.{field.name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise InputError(f"{where} lacks {field.name}")
    return cls(**fields)
