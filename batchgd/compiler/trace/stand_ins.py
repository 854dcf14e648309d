"""Stand-ins: what modules, functions and objects are while a function is traced, so that they take traced values.

``math.cos`` asks its argument for a float, ``np.array([x[0], x[1]])`` makes an object array, whose elements NumPy would
compare, and ``max`` asks for the truth of a comparison. A stand-in does what the original does in every other thread.
"""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from batchgd.compiler.trace.array import TracedArray, depends, is_traced, to_fill, traced_array
from batchgd.compiler.trace.blank import settled
from batchgd.compiler.trace.builtin_functions import number_type
from batchgd.compiler.trace.complex_numbers import Complex
from batchgd.compiler.trace.dispatch import elementwise
from batchgd.compiler.trace.escape import escape, is_guarded, tracing
from batchgd.compiler.trace.row_array import TracedRows
from batchgd.compiler.trace.scalar import Scalar
from batchgd.compiler.trace.scipy_functions import PARTS, SCIPY, stand_in_for
from batchgd.compiler.trace.substitutes import cure_for

_SAME_NAME = (
    "sin cos tan sinh cosh tanh exp expm1 exp2 sqrt cbrt log2 log10 log1p fabs floor ceil trunc degrees radians "
    "copysign fmod isnan isfinite isinf"
)
_SAME_AS_NUMPY = {
    **{name: name for name in _SAME_NAME.split()},
    **{"asin": "arcsin", "acos": "arccos", "atan": "arctan", "atan2": "arctan2", "pow": "power"},
    **{"asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh"},
}


def _in_domain(inside: Any) -> None:
    """Raise what ``math`` raises outside the domain of a function, if the user's code may be about to catch it."""
    if is_guarded() and not inside:
        raise ValueError("math domain error")


def _sqrt(x: Any) -> Any:
    _in_domain(x >= 0.0)
    return np.sqrt(x)


def _log(x: Any, base: Any = None) -> Any:
    _in_domain(x > 0.0)
    return np.log(x) if base is None else np.log(x) / np.log(base)


def _hypot(*values: Any) -> Any:
    return np.hypot(*values) if len(values) == 2 else np.sqrt(sum(value * value for value in values))


def _dist(p: Any, q: Any) -> Any:
    return np.sqrt(sum((a - b) * (a - b) for a, b in zip(p, q, strict=True)))


def _prod(values: Any, *, start: Any = 1) -> Any:
    return functools.reduce(lambda a, b: a * b, values, start)


def _special(name: str) -> Callable[..., Any]:
    def function(x: Any) -> Any:
        from scipy import special

        return elementwise(getattr(special, name), x)

    return function


_MATH: dict[str, Callable[..., Any]] = {
    **{name: getattr(np, numpy_name) for name, numpy_name in _SAME_AS_NUMPY.items()},
    "log": _log,
    "sqrt": _sqrt,
    "hypot": _hypot,
    "dist": _dist,
    "prod": _prod,
    "fsum": lambda values: sum(values, 0.0),
    "sumprod": lambda p, q: sum((a * b for a, b in zip(p, q, strict=True)), 0.0),
    "erf": _special("erf"),
    "erfc": _special("erfc"),
    "gamma": _special("gamma"),
    "lgamma": _special("gammaln"),
    "factorial": _special("factorial"),
    "isclose": lambda a, b, *, rel_tol=1e-9, abs_tol=0.0: (
        abs(a - b) <= np.maximum(rel_tol * np.maximum(abs(a), abs(b)), abs_tol)
    ),
}


class StandIn(ModuleType):
    """A module whose functions also take traced values, in the thread that traces."""

    def __init__(self, module: ModuleType, wrap: Callable[[str, Any], Any]):
        super().__init__(module.__name__)
        self._module, self._wrap = module, wrap
        self._made: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._module, name)
        if not tracing():
            return value
        if name not in self._made:
            self._made[name] = self._wrap(name, value)
        return self._made[name]


def _math_function(name: str, value: Any) -> Any:
    if not callable(value):
        return value
    ours = _MATH.get(name)

    @functools.wraps(value)
    def function(*args: Any, **kwargs: Any) -> Any:
        args = tuple(list(arg) if isinstance(arg, Iterator) else settled(arg) for arg in args)
        if not any(map(is_traced, args)):
            return value(*args, **kwargs)
        if any(isinstance(arg, (TracedArray, TracedRows)) for arg in args) and name not in (
            "fsum",
            "prod",
            "dist",
            "sumprod",
        ):
            args = tuple(_single(name, arg) for arg in args)
        if ours is None:
            if any(map(depends, args)):
                raise escape(f"math.{name} cannot be traced", cure_for(f"math.{name}"))
            return value(*args, **kwargs)
        return ours(*args, **kwargs)

    return function


def _single(name: str, value: Any) -> Any:
    """Refuse an array of several elements, as ``math`` itself does."""
    if isinstance(value, TracedRows) or (isinstance(value, TracedArray) and value.size != 1):
        raise escape(f"math.{name} takes one number, not an array", f"write np.{_SAME_AS_NUMPY.get(name, name)}")
    return value.flat[0] if isinstance(value, TracedArray) else value


_MAKES_ARRAY = frozenset(["array", "asarray", "asanyarray", "ascontiguousarray", "asfarray", "fromiter"])
_BLANK = frozenset(["zeros", "empty", "ones", "full"])
_STACKS = ["stack", "vstack", "hstack", "dstack", "column_stack"]
_JOINS = frozenset([*_STACKS, "concatenate", "block", "select", "multi_dot"])
_TYPES: dict[Any, Any] = {
    each: number_type(each) for each in (np.float64, np.float32, np.int64, np.int32, np.complex128)
}


def _numpy_function(name: str, value: Any) -> Any:
    if isinstance(value, type):
        return _TYPES.get(value, value)
    if isinstance(value, ModuleType):
        return stand_in(value)
    if name in _MAKES_ARRAY:
        return _array_maker(name, value)
    if name in _BLANK:
        return _blank_maker(value)
    if not hasattr(value, "_implementation"):
        return value

    @functools.wraps(value)
    def function(*args: Any, **kwargs: Any) -> Any:
        joins = name in (
            "concatenate",
            "stack",
            "vstack",
            "hstack",
            "dstack",
            "column_stack",
            "block",
            "select",
            "multi_dot",
        )
        if args and not joins:
            args = (_as_array(args[0]), *args[1:])
        elif args and isinstance(args[0], (list, tuple)):
            args = (type(args[0])(_as_array(item) for item in args[0]), *args[1:])
        return value(*args, **kwargs)

    return function


def _as_array(value: Any) -> Any:
    """Make what NumPy would convert itself, a list or object array with traced numbers, a traced array."""
    if isinstance(value, (list, tuple)) or type(value) is np.ndarray:
        return traced_array(value) if is_traced(value) else value
    return value


def _array_maker(name: str, value: Any) -> Any:
    @functools.wraps(value)
    def function(data: Any, *args: Any, **kwargs: Any) -> Any:
        data = list(data) if isinstance(data, Iterator) else settled(data)
        if not is_traced(data):
            return value(data, *args, **kwargs)
        dtype = kwargs.get("dtype", args[0] if args else None)
        if dtype is not None and np.dtype(dtype).kind not in "fcOiub":
            raise escape(f"np.{name} converts x to {np.dtype(dtype).name}", "leave out dtype")
        result = traced_array(_nested(data))
        if dtype is not None and np.dtype(dtype).kind in "iu":
            result = np.trunc(result)
        if isinstance(result, (Scalar, Complex)):
            return result
        if isinstance(result, TracedRows):
            return result.copy()
        least = kwargs.get("ndmin", 0)
        result = result.reshape((1,) * max(0, least - result.ndim) + result.shape)
        return result if result is data and name.startswith("as") else result.copy()

    return function


def _nested(data: Any) -> Any:
    """Turn a list of arrays and numbers into one object array; NumPy alone would look at the first elements only."""
    if not isinstance(data, (list, tuple)):
        return data
    if any(isinstance(item, TracedRows) for item in data):
        return np.stack([traced_array(_nested(item)) for item in data])
    rows = [np.asarray(_nested(item), dtype=object) for item in data]
    if len({row.shape for row in rows}) > 1:
        raise ValueError("setting an array element with a sequence: the rows have different lengths")
    result = np.empty((len(rows), *rows[0].shape), dtype=object)
    for i, row in enumerate(rows):
        result[i] = row[()] if row.ndim == 0 else row
    return result


def _blank_maker(value: Any) -> Any:
    """Arrays of floats that may be assigned traced numbers; whole-number and boolean ones stay NumPy's own."""

    @functools.wraps(value)
    def function(*args: Any, **kwargs: Any) -> Any:
        filling = args[1] if value is np.full and len(args) > 1 else kwargs.get("fill_value")
        if is_traced(filling):
            blank = np.empty(args[0] if args else kwargs["shape"], dtype=object)
            blank[...] = filling
            return to_fill(blank)
        result = value(*args, **kwargs)
        if result.dtype.kind not in "fcO":
            return result
        if value is np.empty:
            result[...] = 0.0
        return to_fill(result.astype(object))

    return function


def _scipy_function(module: str) -> Callable[[str, Any], Any]:
    """Return what wraps the attributes of one of SciPy's modules."""

    def wrap(name: str, value: Any) -> Any:
        ours = SCIPY.get(module, {}).get(name)
        if ours is not None:
            return _for_traced(ours, value)
        return stand_in(value)

    return wrap


def _for_traced(ours: Callable[..., Any], real: Any) -> Any:
    """Return a function that is ours for arguments some of which are traced."""

    @functools.wraps(real)
    def function(*args: Any, **kwargs: Any) -> Any:
        return (ours if is_traced([*args, *kwargs.values()]) else real)(*args, **kwargs)

    return function


_WRAPS: dict[str, Callable[[str, Any], Any]] = {
    "math": _math_function,
    **dict.fromkeys(["numpy", "numpy.fft", "numpy.linalg"], _numpy_function),
}

_STAND_INS: dict[int, StandIn] = {}


def _module_stand_in(module: ModuleType) -> Any:
    """Return the stand-in of a module, the module itself if it has none."""
    name = module.__name__
    wrap = _WRAPS.get(name) or (_scipy_function(name) if name in PARTS else None)
    if wrap is None:
        return module
    if id(module) not in _STAND_INS:
        _STAND_INS[id(module)] = StandIn(module, wrap)
    return _STAND_INS[id(module)]


def stand_in(value: Any) -> Any:
    """Return what takes the place of a module, function or object while a function is traced; itself if nothing."""
    if isinstance(value, StandIn):
        return value
    if isinstance(value, ModuleType):
        return _module_stand_in(value)
    home = str(type(value).__module__)
    if home.startswith("scipy."):
        return stand_in_for(value)
    if home not in ("builtins", "numpy") and not isinstance(value, type):
        return value  # an object of the user's, which may do anything when asked for an attribute
    module, name = getattr(value, "__module__", None), getattr(value, "__name__", None)
    if module == "math" and getattr(math, str(name), None) is value:
        return _only_while_tracing(_math_function(str(name), value), value)
    if module == "numpy" and getattr(np, str(name), None) is value:
        return _only_while_tracing(_numpy_function(str(name), value), value)
    if str(module).startswith(("scipy.interpolate.", "scipy.spatial.transform.")):
        return stand_in_for(value)
    if isinstance(value, FunctionType) and str(module).startswith("scipy."):
        for part, functions in SCIPY.items():
            if name in functions and getattr(sys.modules.get(part), str(name), None) is value:
                return _only_while_tracing(_for_traced(functions[str(name)], value), value)
    return value


def _only_while_tracing(ours: Any, real: Any) -> Any:
    """Return a function that is the real one in threads that trace nothing."""
    if ours is real or isinstance(real, type):
        return ours

    @functools.wraps(real)
    def function(*args: Any, **kwargs: Any) -> Any:
        return (ours if tracing() else real)(*args, **kwargs)

    return function
