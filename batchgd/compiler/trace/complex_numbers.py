"""Traced complex numbers: pairs of traced or plain numbers, with Python's operators and NumPy's functions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from batchgd.compiler.trace.elementary import choose
from batchgd.compiler.trace.scalar import Pair, Scalar, apply

PLAIN = (complex, np.complexfloating)


class Complex(Pair):
    """One complex number, of which a part depends on x."""

    __slots__ = ("imag", "real")
    shape = ()
    ndim = 0
    size = 1
    dtype = np.dtype(np.complex128)

    def __init__(self, real: Any, imag: Any):
        self.real, self.imag = real, imag

    def __repr__(self) -> str:
        return f"traced({self.real!r} + {self.imag!r}j)"

    def __getattr__(self, name: str) -> Any:
        from batchgd.compiler.trace.dispatch import scalar_method

        return scalar_method(self, name)

    def __neg__(self) -> Complex:
        return Complex(-self.real, -self.imag)

    def __pos__(self) -> Complex:
        return self

    def __abs__(self) -> Any:
        return absolute(self)

    def __bool__(self) -> bool:
        return bool(self.real != 0.0) or bool(self.imag != 0.0)

    __hash__ = object.__hash__


def paired(value: Any) -> Complex:
    """Return a number, traced or plain, real or complex, as a pair."""
    if isinstance(value, Complex):
        return value
    return Complex(value.real, value.imag) if isinstance(value, PLAIN) else Complex(value, 0.0)


def by_part(function: Callable[[Any], Any], value: Any) -> Any:
    """Apply a linear function of real numbers to a number, to both parts of a complex one."""
    if not is_complex(value):
        return function(value)
    return Complex(function(paired(value).real), function(paired(value).imag))


def voigt_profile(x: Any, sigma: Any, gamma: Any) -> Any:
    """A normal distribution of width sigma, folded with a Cauchy distribution of half width gamma."""
    root = math.sqrt(2.0)
    w = faddeeva(Complex(x / (sigma * root), gamma / (sigma * root)))
    return w.real / (sigma * math.sqrt(2.0 * math.pi))


def is_complex(value: Any) -> bool:
    """Whether a number is a complex one."""
    return isinstance(value, (Complex, *PLAIN))


def _nothing(part: Any) -> bool:
    """Whether a part is a plain zero, which nothing need be multiplied by."""
    return not isinstance(part, Scalar) and part == 0.0


def _times(a: Any, b: Any) -> Any:
    return 0.0 if _nothing(a) or _nothing(b) else a * b


def _multiply(z: Complex, w: Complex) -> Complex:
    real = _times(z.real, w.real) - _times(z.imag, w.imag)
    return Complex(real, _times(z.real, w.imag) + _times(z.imag, w.real))


def _divide(z: Complex, w: Complex) -> Complex:
    if _nothing(w.imag):
        return Complex(z.real / w.real, z.imag / w.real)
    size = _times(w.real, w.real) + w.imag * w.imag
    product = _multiply(z, conjugate(w))
    return Complex(product.real / size, product.imag / size)


def _power(z: Complex, w: Complex) -> Any:
    exponent = w.real
    if _nothing(w.imag) and not isinstance(exponent, Scalar) and exponent == int(exponent) and abs(exponent) <= 64:
        result, square, n = Complex(1.0, 0.0), z, int(abs(exponent))
        while n:
            result = _multiply(result, square) if n & 1 else result
            square, n = _multiply(square, square), n >> 1
        return result if exponent >= 0 else _divide(Complex(1.0, 0.0), result)
    return exp(_multiply(w, _log(z)))


def conjugate(z: Any) -> Any:
    """Return the conjugate of a number."""
    return Complex(z.real, -z.imag) if isinstance(z, Complex) else z


def absolute(z: Complex) -> Any:
    """Return the absolute value, without overflow."""
    return np.hypot(z.real, z.imag)


def angle(z: Any) -> Any:
    """Return the argument of a number, in (-pi, pi]."""
    z = paired(z)
    return np.arctan2(z.imag, z.real)


def exp(z: Complex) -> Complex:
    """Return the exponential of a pair."""
    size = np.exp(z.real)
    return Complex(size * np.cos(z.imag), size * np.sin(z.imag))


def _log(z: Complex) -> Complex:
    return Complex(np.log(absolute(z)), angle(z))


def _sqrt(z: Complex) -> Complex:
    """The root with a real part that is not negative; neither part is a difference."""
    size = np.sqrt((absolute(z) + abs(z.real)) * 0.5)
    other = z.imag / choose(size > 0.0, 2.0 * size, 1.0)
    right = z.real >= 0.0
    return Complex(choose(right, size, abs(other)), choose(right, other, np.copysign(size, z.imag)))


def _sin(z: Complex) -> Complex:
    return Complex(np.sin(z.real) * np.cosh(z.imag), np.cos(z.real) * np.sinh(z.imag))


def _cos(z: Complex) -> Complex:
    return Complex(np.cos(z.real) * np.cosh(z.imag), -(np.sin(z.real) * np.sinh(z.imag)))


def _sinh(z: Complex) -> Complex:
    return Complex(np.sinh(z.real) * np.cos(z.imag), np.cosh(z.real) * np.sin(z.imag))


def _cosh(z: Complex) -> Complex:
    return Complex(np.cosh(z.real) * np.cos(z.imag), np.sinh(z.real) * np.sin(z.imag))


def _equal(z: Complex, w: Complex) -> Any:
    return np.logical_and(np.equal(z.real, w.real), np.equal(z.imag, w.imag))


def _faddeeva(degree: int) -> Callable[[Any], Any]:
    """exp(-z^2) erfc(-iz): Weideman's expansion (SIAM J. Numer. Anal. 31, 1994), mirrored below the real axis."""
    half = math.sqrt(degree / math.sqrt(2.0))
    angles = math.pi * np.arange(1 - 2 * degree, 2 * degree) / (2 * degree)
    t = half * np.tan(0.5 * angles)
    samples = np.concatenate([[0.0], np.exp(-t * t) * (half * half + t * t)])
    series = (np.fft.fft(np.fft.fftshift(samples)).real / (4 * degree))[1 : degree + 1][::-1]

    def upper(z: Complex) -> Complex:
        below = Complex(half + z.imag, -z.real)  # half - iz
        turned = _divide(Complex(half - z.imag, z.real), below)
        total = Complex(series[0], 0.0)
        for coefficient in series[1:]:
            product = _multiply(total, turned)
            total = Complex(product.real + float(coefficient), product.imag)
        first = _divide(Complex(2.0 * total.real, 2.0 * total.imag), _multiply(below, below))
        last = _divide(Complex(1.0 / math.sqrt(math.pi), 0.0), below)
        return Complex(first.real + last.real, first.imag + last.imag)

    def function(z: Complex) -> Complex:
        down = z.imag < 0.0
        sign = choose(down, -1.0, 1.0)
        inside = upper(Complex(sign * z.real, sign * z.imag))
        double = exp(_multiply(Complex(-z.real, -z.imag), z))
        mirrored = Complex(2.0 * double.real - inside.real, 2.0 * double.imag - inside.imag)
        return Complex(choose(down, mirrored.real, inside.real), choose(down, mirrored.imag, inside.imag))

    return function


faddeeva = _faddeeva(40)

COMPLEX: dict[str, Callable[..., Any]] = {
    "add": lambda z, w: Complex(z.real + w.real, z.imag + w.imag),
    "subtract": lambda z, w: Complex(z.real - w.real, z.imag - w.imag),
    "multiply": _multiply,
    "divide": _divide,
    "true_divide": _divide,
    "power": _power,
    "float_power": _power,
    "negative": lambda z: -z,
    "positive": lambda z: z,
    "conjugate": conjugate,
    "square": lambda z: _multiply(z, z),
    "reciprocal": lambda z: _divide(Complex(1.0, 0.0), z),
    "absolute": absolute,
    "exp": exp,
    "log": _log,
    "log10": lambda z: _divide(_log(z), Complex(math.log(10.0), 0.0)),
    "sqrt": _sqrt,
    "sin": _sin,
    "cos": _cos,
    "tan": lambda z: _divide(_sin(z), _cos(z)),
    "sinh": _sinh,
    "cosh": _cosh,
    "tanh": lambda z: _divide(_sinh(z), _cosh(z)),
    "equal": _equal,
    "not_equal": lambda z, w: np.logical_not(_equal(z, w)),
    "isfinite": lambda z: np.logical_and(np.isfinite(z.real), np.isfinite(z.imag)),
    "isnan": lambda z: np.logical_or(np.isnan(z.real), np.isnan(z.imag)),
    "wofz": faddeeva,
}
"""What each elementwise function is on pairs, by the name of its ufunc."""

_OPERATORS = {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "div": "divide",
    "power": "power",
    "eq": "equal",
    "ne": "not_equal",
}


def apply_complex(op: str, *values: Any) -> Any:
    """Return the result of an operation of the graph, or of ``where``, on numbers some of which are complex."""
    if op == "where":
        condition, yes, no = values[0], paired(values[1]), paired(values[2])
        return Complex(apply(op, condition, yes.real, no.real), apply(op, condition, yes.imag, no.imag))
    if op not in _OPERATORS:
        raise TypeError(f"{op} of complex numbers")
    return COMPLEX[_OPERATORS[op]](*map(paired, values))


def _is_number(value: Any) -> bool:
    return isinstance(value, (Complex, Scalar, int, float, *PLAIN, np.number, np.bool_))


def _operators(op: str) -> tuple[Any, Any]:
    def method(self: Complex, other: Any) -> Any:
        return apply_complex(op, self, other) if _is_number(other) else NotImplemented

    def reflected(self: Complex, other: Any) -> Any:
        return apply_complex(op, other, self) if _is_number(other) else NotImplemented

    return method, reflected


for _name, _op in [("add", "add"), ("sub", "sub"), ("mul", "mul"), ("truediv", "div"), ("pow", "power")]:
    for _prefix, _method in zip(("__", "__r"), _operators(_op), strict=True):
        setattr(Complex, f"{_prefix}{_name}__", _method)
for _name in ("eq", "ne"):
    setattr(Complex, f"__{_name}__", _operators(_name)[0])
