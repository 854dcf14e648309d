"""What happens when NumPy is called with traced values: NumPy's own code, a formula of ours, or a clear refusal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from batchgd.compiler.trace.array import TracedArray, depends, plain_objects, traced_array
from batchgd.compiler.trace.blank import settled
from batchgd.compiler.trace.complex_numbers import COMPLEX, Complex, conjugate, is_complex, paired
from batchgd.compiler.trace.escape import Escape, escape
from batchgd.compiler.trace.row_array import TracedRows, broadcast, involved, shape_of
from batchgd.compiler.trace.row_functions import ROW_FUNCTIONS, accumulate_rows, reduce_rows
from batchgd.compiler.trace.row_products import matmul
from batchgd.compiler.trace.scalar import Scalar, node_of
from batchgd.compiler.trace.special import ELEMENTWISE
from batchgd.compiler.trace.substitutes import CURES, cure_for, special_cure

_NATIVE = (
    "append array_split atleast_1d atleast_2d atleast_3d block broadcast_arrays broadcast_to column_stack concatenate "
    "convolve copy correlate cross cumprod cumsum delete diag diagflat diagonal diff dot dsplit dstack ediff1d einsum "
    "expand_dims flip fliplr flipud hsplit hstack inner insert kron matrix_transpose meshgrid moveaxis ndim "
    "outer pad polyval ravel repeat reshape resize roll rollaxis rot90 shape size split squeeze stack swapaxes take "
    "tensordot tile trace transpose trapezoid tril triu unstack vander vdot vecdot vsplit vstack linalg.matrix_power"
)
_COMPUTING = "dot inner vdot outer tensordot einsum diff polyval trapezoid interp convolve cov cumsum cumprod"

NATIVE = frozenset(_NATIVE.split())
"""Functions that only move elements, or add and multiply them: NumPy's own code runs them on object arrays."""

COMPUTING = frozenset(_COMPUTING.split())
"""Functions by which large arrays of coordinates become rows."""


def call_ufunc(ufunc: np.ufunc, method: str, inputs: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Carry out a ufunc, or one of its methods, on operands some of which are traced."""
    inputs = settled(tuple(inputs))
    out = kwargs.pop("out", None)
    if method in ("__call__", "outer"):
        if kwargs.pop("where", True) is not True:
            raise escape(f"np.{ufunc.__name__} with where= is not supported", "write bgd.where(condition, a, b)")
        result = _call(ufunc, inputs) if method == "__call__" else _outer(ufunc, *inputs)
    elif method == "reduce":
        result = reduce(ufunc, *inputs, **kwargs)
    elif method == "accumulate":
        result = _accumulate(ufunc, *inputs, **kwargs)
    elif method == "at" and isinstance(inputs[0], TracedArray):
        from batchgd.compiler.trace.array_functions import apply_at

        return apply_at(ufunc, *inputs)
    else:
        name = f"np.{ufunc.__name__}.{method}"
        raise escape(f"{name} cannot be traced", cure_for(name))
    return _stored(result, out)


def _call(ufunc: np.ufunc, inputs: Sequence[Any]) -> Any:
    if ufunc.__name__ == "matmul" and involved(inputs):
        return matmul(*inputs)
    if ufunc.__name__ == "vecdot" and involved(inputs):
        return np.sum(np.multiply(np.conjugate(inputs[0]), inputs[1]), axis=-1)
    if ufunc.__name__ in ("matmul", "vecdot", "matvec", "vecmat"):
        return traced_array(ufunc(*map(plain_objects, inputs)))
    if ufunc.__name__ == "divmod":
        return elementwise(np.floor_divide, *inputs), elementwise(np.remainder, *inputs)
    if ufunc.__name__ not in ELEMENTWISE and all(set(kind) <= set("O->") for kind in ufunc.types):
        return _wrapped(
            ufunc(*map(plain_objects, inputs))
        )  # made from a Python function by np.vectorize or np.frompyfunc
    return elementwise(ufunc, *inputs)


def _outer(ufunc: np.ufunc, a: Any, b: Any) -> Any:
    return elementwise(ufunc, np.reshape(a, shape_of(a) + (1,) * len(shape_of(b))), b)


def _stored(result: Any, out: Any) -> Any:
    """Put a result where ``out`` or an in-place operator wants it."""
    target = out[0] if isinstance(out, tuple) else out
    if target is None:
        return result
    if isinstance(result, TracedRows) and isinstance(target, TracedRows) and result.shape == target.shape:
        target.cells = result.cells
        return target
    target[...] = result
    return target


def elementwise(ufunc: Callable[..., Any], *inputs: Any) -> Any:
    """Apply a ufunc element by element, with broadcasting."""
    return broadcasting(element_function(ufunc), *inputs)


def broadcasting(apply: Callable[..., Any], *inputs: Any) -> Any:
    """Apply a function of single numbers element by element, with broadcasting."""
    if involved(inputs):
        return broadcast(apply, inputs)
    arrays = [plain_objects(value) for value in inputs]
    if all(array.ndim == 0 for array in arrays):
        return apply(*(array[()] for array in arrays))
    spread = np.broadcast_arrays(*arrays)
    result = np.empty(spread[0].shape, dtype=object)
    flat = [array.ravel() for array in spread]
    for i, values in enumerate(zip(*flat, strict=True)):
        result.flat[i] = apply(*values)
    return result.view(TracedArray)


def element_function(ufunc: Callable[..., Any]) -> Callable[..., Any]:
    """Return what a ufunc does to single numbers, plain or traced."""
    formula = ELEMENTWISE.get(ufunc.__name__)

    def apply(*values: Any) -> Any:
        if not any(map(depends, values)):
            return ufunc(*map(_known, values))
        if any(map(is_complex, values)):
            if ufunc.__name__ not in COMPLEX:
                raise escape(f"{ufunc.__name__} of a complex number cannot be traced", CURES["complex"])
            return COMPLEX[ufunc.__name__](*map(paired, values))
        if formula is None:
            raise unsupported(ufunc)
        graph = next(value.node.graph for value in values if isinstance(value, Scalar))
        return formula(*(Scalar(node_of(graph, value)) for value in values))

    return apply


def _known(value: Any) -> Any:
    """Return a traced number that is a constant as a plain one."""
    if isinstance(value, Complex):
        return np.complex128(complex(float(value.real), float(value.imag)))
    return np.float64(float(value)) if isinstance(value, Scalar) else value


def unsupported(func: Any) -> Escape:
    """Return the error for a function that has no meaning on traced values."""
    module = getattr(func, "__module__", None) or ""
    if isinstance(func, np.ufunc):
        if not hasattr(np, func.__name__):
            return escape(f"SciPy's {func.__name__} cannot be traced", special_cure(func.__name__, func.nin))
        name = f"np.{func.__name__}"
    else:
        name = f"{module.replace('numpy', 'np', 1)}.{func.__name__}"
    return escape(f"{name} cannot be traced", cure_for(name))


_EMPTY = {"add": 0.0, "multiply": 1.0, "maximum": -np.inf, "minimum": np.inf}
"""What a ufunc makes of no elements, for those that may run along rows."""

_INITIAL = {"add": 0.0, "multiply": 1.0, "logical_and": True, "logical_or": False}


def reduce(
    ufunc: np.ufunc,
    array: Any,
    axis: Any = 0,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = np._NoValue,
    where: Any = True,
) -> Any:
    """Combine the elements along axes, from left to right."""
    if ufunc.__name__ == "logaddexp":
        return _log_sum_exp(array, axis, keepdims)
    if ufunc.__name__ not in (*_INITIAL, "maximum", "minimum", "bitwise_and", "bitwise_or"):
        raise escape(f"np.{ufunc.__name__}.reduce is not supported in a trace", "write a loop")
    if where is not True and where is not np._NoValue:
        if ufunc.__name__ not in _INITIAL:
            raise escape(f"np.{ufunc.__name__}.reduce with where=", "write bgd.where(condition, a, b) within")
        from batchgd.compiler.trace.reductions import where as select

        array = select(where, array, _INITIAL[ufunc.__name__])
    combine = element_function(ufunc)
    if involved([array]):
        first = None if initial is np._NoValue else initial
        return reduce_rows(combine, ufunc.__name__, array, axes_of(axis, len(shape_of(array))), first, keepdims is True)
    objects = plain_objects(array)
    axes = axes_of(axis, objects.ndim)
    kept = [i for i in range(objects.ndim) if i not in axes]
    rows = objects.transpose([*kept, *axes]).reshape([objects.shape[i] for i in kept] + [-1 if objects.size else 0])
    result = np.empty(rows.shape[:-1], dtype=object)
    for index in np.ndindex(result.shape):
        values = list(rows[index])
        if initial is not np._NoValue and initial is not None:
            values.insert(0, initial)
        result[index] = _folded(combine, values, _INITIAL.get(ufunc.__name__), ufunc.__name__)
    if keepdims is True:
        result = result.reshape([1 if i in axes else n for i, n in enumerate(objects.shape)])
    return traced_array(result)


def _log_sum_exp(array: Any, axis: Any, keepdims: Any) -> Any:
    """The logarithm of a sum of exponentials, each divided by the largest so that none overflows."""
    top = np.max(array, axis=axis, keepdims=True)
    shift = np.where(np.isfinite(top), top, 0.0)
    result = np.log(np.sum(np.exp(array - shift), axis=axis, keepdims=True)) + shift
    gone = axes_of(axis, len(shape_of(array)))
    return (
        result if keepdims is True else np.reshape(result, [n for d, n in enumerate(shape_of(result)) if d not in gone])
    )


def _folded(combine: Callable[..., Any], values: list[Any], empty: Any, name: str) -> Any:
    if not values:
        if empty is None:
            raise ValueError(f"zero-size array to reduction operation {name} which has no identity")
        return empty
    total = values[0]
    for value in values[1:]:
        total = combine(total, value)
    return total


def axes_of(axis: Any, ndim: int) -> list[int]:
    """Return the axes that a reduction runs over, counted from the front."""
    if axis is None or axis is np._NoValue:
        return list(range(ndim))
    chosen = [int(i) for i in (axis if isinstance(axis, tuple) else (axis,))]
    for i in chosen:
        if not -ndim <= i < ndim:
            raise np.exceptions.AxisError(i, ndim)
    return [i % ndim for i in chosen]


def _accumulate(ufunc: np.ufunc, array: Any, axis: int = 0, dtype: Any = None, out: Any = None) -> Any:
    if ufunc.__name__ in _EMPTY and involved([array]):
        (along,) = axes_of(axis, len(shape_of(array)))
        return accumulate_rows(element_function(ufunc), _EMPTY[ufunc.__name__], array, along)
    moved = np.moveaxis(plain_objects(array).copy(), axis, 0)
    for i in range(1, len(moved)):
        moved[i] = elementwise(ufunc, moved[i - 1], moved[i])
    return traced_array(np.moveaxis(moved, 0, axis))


def call_function(func: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Carry out a NumPy function that is not a ufunc on arguments some of which are traced."""
    from batchgd.compiler.trace.numpy_functions import FUNCTIONS

    name = func.__name__
    args, kwargs = settled(tuple(args)), {k: value if k == "out" else settled(value) for k, value in kwargs.items()}
    # A linear algebra function must not be taken for its namesake in NumPy's main module (linalg.trace, linalg.outer).
    part = {"numpy.linalg": "linalg.", "numpy.fft": "fft."}.get(getattr(func, "__module__", ""), "")
    key = f"{part}{name}"
    if key in ROW_FUNCTIONS and (_has_rows(args) or (key in COMPUTING and involved([*filter(_is_array, args)]))):
        return ROW_FUNCTIONS[key](*args, **kwargs)
    if key in FUNCTIONS:
        out = kwargs.pop("out", None)
        return _stored(FUNCTIONS[key](*args, **kwargs), out)
    if key in NATIVE:
        return _wrapped(func(*map(_opened, args), **{word: _opened(value) for word, value in kwargs.items()}))
    if key in ROW_FUNCTIONS:
        return ROW_FUNCTIONS[key](*args, **kwargs)
    if not depends(list(args)) and not depends(list(kwargs.values())):
        return func(*map(_numbers, args), **{word: _numbers(value) for word, value in kwargs.items()})
    raise unsupported(func)


def _has_rows(args: Sequence[Any]) -> bool:
    """Whether there are rows among the arguments."""
    return any(
        isinstance(value, TracedRows) or (isinstance(value, (list, tuple)) and _has_rows(value)) for value in args
    )


def _is_array(value: Any) -> bool:
    return isinstance(value, (list, tuple, np.ndarray, Scalar, TracedRows))


def _opened(value: Any) -> Any:
    """Replace traced values by object arrays that do not dispatch."""
    if isinstance(value, (Scalar, Complex, TracedArray, TracedRows)):
        return plain_objects(value)
    if isinstance(value, (list, tuple)):
        return type(value)(item if isinstance(item, (Scalar, Complex)) else _opened(item) for item in value)
    return value


def _numbers(value: Any) -> Any:
    """Replace traced values that are all known by plain numbers."""
    if isinstance(value, (Scalar, Complex)):
        return _known(value)
    if isinstance(value, TracedArray):
        return np.array([_known(item) for item in plain_objects(value).flat]).reshape(value.shape)
    if isinstance(value, (list, tuple)):
        return type(value)(_numbers(item) for item in value)
    return value


def _wrapped(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.dtype == object:
        return traced_array(value)
    if isinstance(value, (list, tuple)):
        return type(value)(_wrapped(item) for item in value)
    return value


def scalar_method(scalar: Scalar | Complex, name: str) -> Any:
    """Return an attribute that NumPy's scalars have: a method of the same meaning on one traced number."""
    if name in ("T", "real"):
        return scalar
    if name == "imag":
        return 0.0
    if name in ("item", "copy", "sum", "prod", "mean", "max", "min", "squeeze", "astype", "tolist", "flatten"):
        return lambda *args, **kwargs: scalar
    if name == "conj":
        return lambda: conjugate(scalar)
    if name == "is_integer":
        return lambda: scalar == np.floor(scalar)
    if name in ELEMENTWISE:
        ufunc = getattr(np, name, None)
        if ufunc is not None:
            return lambda *others: elementwise(ufunc, scalar, *others)
    if name in ("dot", "clip"):
        return lambda *others: getattr(np, name)(scalar, *others)
    raise AttributeError(f"'float' object has no attribute {name!r}")
