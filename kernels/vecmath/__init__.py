"""The elementary functions that emitted objectives and update rules are written in."""

from batchgd.kernels.vecmath.exponential import cosh, exp, expm1, sinh, tanh
from batchgd.kernels.vecmath.inverse import acos, asin, atan, atan2
from batchgd.kernels.vecmath.logarithm import log, log1p, log2, log10
from batchgd.kernels.vecmath.powers import cbrt, hypot, power
from batchgd.kernels.vecmath.simple import absolute, floor, isfinite, maximum, minimum, sign, sqrt, square, where
from batchgd.kernels.vecmath.special import erf
from batchgd.kernels.vecmath.trig import cos, sin, sincos, tan

SIMPLE = ("where", "minimum", "maximum", "sqrt", "absolute", "sign", "floor", "square", "isfinite")

CUDA_MATH: dict[str, str | None] = {
    **dict.fromkeys(SIMPLE),
    **{
        name: name
        for name in (
            *("sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "exp", "expm1"),
            *("log", "log1p", "log2", "log10", "hypot", "erf"),
        )
    },
    "sincos": None,
    "power": "pow",
    "cbrt": "cbrt",
}

__all__ = [
    "CUDA_MATH",
    "SIMPLE",
    "absolute",
    "acos",
    "asin",
    "atan",
    "atan2",
    "cbrt",
    "cos",
    "cosh",
    "erf",
    "exp",
    "expm1",
    "floor",
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
