"""The elementary functions that emitted objectives and update rules are written in.

Each name is a plain function with a NumPy body (scalars and arrays, float32 and float64, dtype kept) and an emitter
(``EMITTERS``), which appends branch-free straight-line code for scalars and vectors in both types, with the same bits
at any width; Numba's overloads for CUDA append the same. None of them calls libm.

Largest errors found against mpmath, in units in the last place (float64, float32), over the whole domain unless stated:

    sin, cos           1.5   1.5    |x| < 2^50 (float32: 2^21), NaN from there on
    tan                1.8   1.7    the same range
    asin, acos         1.2   1.2
    atan, atan2        1.0   1.0
    exp, exp2          1.0   1.0    denormal results included
    expm1              1.2   1.0
    sinh, cosh, tanh   0.9   0.9
    log, log1p         0.8   0.8
    log2, log10        0.8   0.8
    asinh              1.5   1.4
    acosh              2.2   2.1
    power              0.8   0.8    C's special cases
    cbrt               0.6   0.7
    hypot              1.0   1.0
    erf                1.1   1.1
    erfc               4.1   3.7    denormal results included
    fmod               0     0      |x / y| < 2^106 (float32: 2^48), NaN from there on unless it is right

sqrt is the processor's correctly rounded one, and the other names in `SIMPLE` are exact.

The NumPy bodies are NumPy's (SciPy's for erf and erfc): they differ from the compiled code by the sum of both errors,
and have no limit on trigonometric arguments and quotients. Beyond the limit neighbouring arguments are a quarter radian
apart, so a descent has lost its way there; a caller that still wants the value can bind the name to `math`'s for those
lanes.

On CUDA the names in `SIMPLE` are shared: their overloads compile for that target as they are. `CUDA_MATH` says, for
every name, which function of `math` (libdevice's, with the approximations that fast math allows) takes its place there;
None means the overload of this module: libdevice's sin, cos and tan keep a table for huge arguments in local
memory and use float64 in float32 code. The other overloads compile for CUDA too.
"""

from batchgd.kernels.vecmath.exponential import cosh, exp, exp2, expm1, sinh, tanh
from batchgd.kernels.vecmath.inverse import acos, asin, atan, atan2
from batchgd.kernels.vecmath.logarithm import acosh, asinh, log, log1p, log2, log10
from batchgd.kernels.vecmath.powers import cbrt, fmod, hypot, power
from batchgd.kernels.vecmath.simple import (
    absolute,
    copysign,
    floor,
    isfinite,
    maximum,
    minimum,
    sign,
    sqrt,
    square,
    where,
)
from batchgd.kernels.vecmath.special import erf, erfc
from batchgd.kernels.vecmath.trig import cos, sin, sincos, tan

SIMPLE = ("where", "minimum", "maximum", "sqrt", "absolute", "sign", "floor", "square", "isfinite", "copysign")

CUDA_MATH: dict[str, str | None] = {
    **dict.fromkeys(SIMPLE),
    "sin": None,
    "cos": None,
    "sincos": None,
    "tan": None,
    "asin": "asin",
    "acos": "acos",
    "atan": "atan",
    "atan2": "atan2",
    "sinh": "sinh",
    "cosh": "cosh",
    "tanh": "tanh",
    "asinh": "asinh",
    "acosh": "acosh",
    "exp": "exp",
    "exp2": None,
    "expm1": "expm1",
    "log": "log",
    "log1p": "log1p",
    "log2": "log2",
    "log10": "log10",
    "power": "pow",
    "cbrt": None,
    "hypot": "hypot",
    "fmod": "fmod",
    "erf": "erf",
    "erfc": "erfc",
}

__all__ = [
    "CUDA_MATH",
    "SIMPLE",
    "absolute",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "cbrt",
    "copysign",
    "cos",
    "cosh",
    "erf",
    "erfc",
    "exp",
    "exp2",
    "expm1",
    "floor",
    "fmod",
    "hypot",
    "isfinite",
    "log",
    "log1p",
    "log2",
    "log10",
    "maximum",
    "minimum",
    "power",
    "sign",
    "sin",
    "sincos",
    "sinh",
    "sqrt",
    "square",
    "tan",
    "tanh",
    "where",
]
