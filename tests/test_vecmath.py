"""The elementary functions: accuracy against mpmath, special values, same bits in lanes and scalars, packed code."""

import functools
import math
import re

import llvmlite.binding as llvm
import mpmath
import numpy as np
import pytest
from numba import njit, types

from batchgd.kernels import (
    for_numba,  # noqa: F401 - for what is compiled here
    vecmath,
)

FLAGS = {"fastmath": {"contract"}, "error_model": "numpy"}
DTYPES = (np.float64, np.float32)
POINTS = 384
TWO = ("power", "atan2", "hypot", "minimum", "maximum", "fmod", "copysign")


def spread(low, high):
    """Both signs, evenly in the logarithm of the size."""
    return lambda rng, n: np.exp(rng.uniform(math.log(low), math.log(high), n)) * rng.choice([-1.0, 1.0], n)


def within(low, high):
    return lambda rng, n: rng.uniform(low, high, n)


def positive(low, high):
    return lambda rng, n: np.exp(rng.uniform(math.log(low), math.log(high), n))


def by_dtype(double, single):
    return {np.float64: double, np.float32: single}


TRIGONOMETRIC = (within(-10, 10), spread(1e-3, 1e6), by_dtype(spread(1e6, 1e12), spread(1e4, 1e6)))
TRIGONOMETRIC += (by_dtype(spread(1e12, 2.0**50), spread(1e6, 2.0**21)), spread(1e-30, 1))
HYPERBOLIC = (within(-2, 2), by_dtype(within(-710.4, 710.4), within(-89.4, 89.4)), spread(1e-30, 1))
LOGARITHMIC = (within(0.6, 1.5), within(0, 10), by_dtype(positive(1e-320, 1e308), positive(1e-44, 1e38)))
UNIT = (within(-1, 1), spread(1e-30, 1))

# name: reference, samples of the domain, largest error allowed in ulp of the result
UNARY = {
    "sin": (mpmath.sin, TRIGONOMETRIC, 1.7),
    "cos": (mpmath.cos, TRIGONOMETRIC, 1.6),
    "tan": (mpmath.tan, TRIGONOMETRIC, 2.0),
    "asin": (mpmath.asin, UNIT, 1.5),
    "acos": (mpmath.acos, UNIT, 1.5),
    "atan": (mpmath.atan, (within(-5, 5), spread(1e-30, 1e30)), 1.0),
    "sinh": (mpmath.sinh, HYPERBOLIC, 1.2),
    "cosh": (mpmath.cosh, HYPERBOLIC, 1.2),
    "tanh": (mpmath.tanh, (within(-2, 2), within(-22, 22), spread(1e-30, 1)), 1.2),
    "exp": (mpmath.exp, (within(-5, 5), by_dtype(within(-745, 709.7), within(-103, 88.7))), 1.2),
    "exp2": (
        lambda x: mpmath.power(2, x),
        (within(-5, 5), by_dtype(within(-1074, 1024), within(-149, 128)), spread(1e-30, 1)),
        1.2,
    ),
    "expm1": (mpmath.expm1, (within(-2, 2), by_dtype(within(-45, 709), within(-20, 88)), spread(1e-30, 1)), 1.5),
    "asinh": (mpmath.asinh, (within(-3, 3), by_dtype(spread(1e-320, 1.7e308), spread(1e-44, 3.4e38))), 1.6),
    "acosh": (
        mpmath.acosh,
        (within(1, 3), within(1, 1.01), by_dtype(positive(1, 1.7e308), positive(1, 3.4e38))),
        2.5,
    ),
    "log": (mpmath.log, LOGARITHMIC, 1.0),
    "log1p": (mpmath.log1p, (within(-1, 2), spread(1e-30, 0.9), positive(1e-3, 1e30)), 1.0),
    "log2": (lambda x: mpmath.log(x) / mpmath.log(2), LOGARITHMIC, 1.0),
    "log10": (mpmath.log10, LOGARITHMIC, 1.0),
    "sqrt": (mpmath.sqrt, (by_dtype(positive(1e-320, 1e308), positive(1e-44, 1e38)),), 0.5),
    "cbrt": (
        lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)),
        (within(-5, 5), by_dtype(spread(1e-320, 1e308), spread(1e-44, 1e38))),
        0.75,
    ),
    "erf": (mpmath.erf, (within(-7, 7), within(-1, 1), within(0.9, 2), spread(1e-30, 1)), 1.4),
    "erfc": (
        mpmath.erfc,
        (within(-7, 7), within(0, 1.1), by_dtype(within(1, 27.3), within(1, 10.1)), spread(1e-30, 1)),
        4.5,
    ),
}
WIDE = by_dtype(spread(1e-320, 1e307), spread(1e-44, 1e38))
BINARY = {
    "power": (
        mpmath.power,
        (
            (within(0, 10), within(-20, 20)),
            (within(0.5, 2), by_dtype(within(-1000, 1000), within(-120, 120))),
            (
                by_dtype(within(1 - 1e-6, 1 + 1e-6), within(0.999, 1.001)),
                by_dtype(within(-5e8, 5e8), within(-8e4, 8e4)),
            ),
            (within(-10, 0), lambda rng, n: rng.integers(-30, 30, n).astype(float)),
        ),
        1.0,
    ),
    "atan2": (mpmath.atan2, ((within(-3, 3), within(-3, 3)), (WIDE, WIDE)), 1.2),
    "hypot": (lambda x, y: mpmath.sqrt(x * x + y * y), ((within(-3, 3), within(-3, 3)), (WIDE, WIDE)), 1.2),
}


@functools.cache
def lanes(name):
    """A compiled loop over n lanes: with n = 1 the scalar remainder runs, with n = 64 the vector body."""
    function = getattr(vecmath, name)
    if name in TWO:

        @njit(**FLAGS)
        def loop(x, y, out, n):
            for lane in range(n):
                out[lane] = function(x[lane], y[lane])
    elif name == "sincos":

        @njit(**FLAGS)
        def loop(x, out, n):
            for lane in range(n):
                sine, cosine = function(x[lane])
                out[lane] = sine - cosine
    else:

        @njit(**FLAGS)
        def loop(x, out, n):
            for lane in range(n):
                out[lane] = function(x[lane])

    return loop


def compiled(name, *arguments):
    out = np.empty_like(arguments[0])
    lanes(name)(*arguments, out, out.size)
    return out


def numpy_body(name, *arguments):
    with np.errstate(all="ignore"):
        return getattr(vecmath, name)(*arguments)


def draw(sampler, dtype, seed):
    sampler = sampler[dtype] if isinstance(sampler, dict) else sampler
    return sampler(np.random.default_rng(seed), POINTS).astype(dtype)


def error_in_ulp(got, exact, dtype):
    """|got - exact| in units of the last place of `exact`; an exact value that rounds to infinity must be infinite."""
    info = np.finfo(dtype)
    if abs(exact) >= mpmath.mpf(float(info.max)) * (1 + mpmath.mpf(float(info.eps)) / 4):
        return 0.0 if math.isinf(got) and (got > 0) == (exact > 0) else math.inf
    if not math.isfinite(got):
        return math.inf
    lowest = info.minexp - info.nmant
    exponent = max(int(mpmath.frexp(exact)[1]) - info.nmant - 1, lowest) if exact else lowest
    return float(abs(mpmath.mpf(got) - exact) / mpmath.mpf(2) ** exponent)


def worst(name, reference, arguments, dtype):
    got = compiled(name, *arguments)
    with mpmath.workprec(160):
        rows = zip(got.tolist(), *(a.tolist() for a in arguments), strict=True)
        return max((error_in_ulp(g, reference(*map(mpmath.mpf, point)), dtype), point) for g, *point in rows)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", UNARY)
def test_accuracy_of_one_argument(name, dtype):
    reference, samplers, bound = UNARY[name]
    for seed, sampler in enumerate(samplers):
        error, point = worst(name, reference, [draw(sampler, dtype, seed)], dtype)
        assert error <= bound, f"{name}{tuple(point)} is {error} ulp off"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", BINARY)
def test_accuracy_of_two_arguments(name, dtype):
    reference, samplers, bound = BINARY[name]
    for seed, pair in enumerate(samplers):
        arguments = [draw(sampler, dtype, 10 * seed + k) for k, sampler in enumerate(pair)]
        error, point = worst(name, reference, arguments, dtype)
        assert error <= bound, f"{name}{tuple(point)} is {error} ulp off"


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_arguments_next_to_multiples_of_half_pi(name):
    """Where the reduction cancels: the double nearest to k pi/2, for k up to 2^49."""
    with mpmath.workprec(160):
        multiples = [k + 1 for p in range(50) for k in (2**p, 3 * 2**p // 2)]
        x = np.array([float(k * mpmath.pi / 2) for k in multiples if k * math.pi / 2 < 2**50])
    error, point = worst(name, getattr(mpmath, name), [x], np.float64)
    assert error <= 2.0, f"{name}{tuple(point)} is {error} ulp off"


def specials(dtype):
    info = np.finfo(dtype)
    sizes = [0.0, info.smallest_subnormal, info.tiny, info.eps, 0.5, 1.0, 1.5, 2.0, 3.0, 1e30, info.max, math.inf]
    return np.array([s * size for size in sizes for s in (1.0, -1.0)] + [math.nan], dtype=dtype)


def agree(got, expected, tolerance):
    """NaN with NaN, equal infinities, zeros of one sign, the rest to a few ulp."""
    number = expected.dtype.type
    np.testing.assert_array_equal(np.isnan(got), np.isnan(expected))
    np.testing.assert_array_equal(np.isinf(got), np.isinf(expected))
    known = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(got[known]), np.signbit(expected[known]))
    finite = np.isfinite(expected)
    floor = tolerance * float(np.finfo(number).smallest_subnormal)
    np.testing.assert_allclose(got[finite], expected[finite], rtol=tolerance * np.finfo(number).eps, atol=floor)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [*UNARY, "floor", "absolute", "square"])
def test_special_values_of_one_argument(name, dtype):
    x = specials(dtype)
    if name in ("sin", "cos", "tan"):
        x = x[~(np.abs(x) >= 2.0 ** (np.finfo(dtype).nmant - 2)) | np.isinf(x)]
    agree(compiled(name, x), numpy_body(name, x), 4)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", BINARY)
def test_special_values_of_two_arguments(name, dtype):
    x, y = (grid.ravel().copy() for grid in np.meshgrid(specials(dtype), specials(dtype)))
    agree(compiled(name, x, y), numpy_body(name, x, y), 4)


@pytest.mark.parametrize("dtype", DTYPES)
def test_fmod_is_exact_for_quotients_up_to_its_limit(dtype):
    rng = np.random.default_rng(11)
    y = spread(1e-3, 1e3)(rng, 20_000).astype(dtype)
    for largest in (2.0, 1e3, 1e8, 1e14, 1e30):
        quotient = spread(1e-3, min(largest, 2.0 ** (2 * np.finfo(dtype).nmant)))(rng, y.size)
        for x in (y * quotient, y * np.round(quotient)):  # anywhere, and next to multiples
            x = x.astype(dtype)
            agree(compiled("fmod", x, y), np.fmod(x, y), 0)
    x, y = (grid.ravel().copy() for grid in np.meshgrid(specials(dtype), specials(dtype)))
    got = compiled("fmod", x, y)
    with np.errstate(all="ignore"):
        beyond = np.isnan(got) & (np.abs(x / y) > 2.0 ** (2 * np.finfo(dtype).nmant)) & np.isfinite(x) & (y != 0)
    agree(got[~beyond], numpy_body("fmod", x, y)[~beyond], 0)
    assert 0 < beyond.sum() < 200  # NaN, never a wrong number
    agree(compiled("copysign", x, y), numpy_body("copysign", x, y), 0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_minimum_and_maximum_propagate_nan_and_sign_keeps_it(dtype):
    x, y = (grid.ravel().copy() for grid in np.meshgrid(specials(dtype), specials(dtype)))
    for name in ("minimum", "maximum"):
        np.testing.assert_array_equal(compiled(name, x, y), numpy_body(name, x, y))
    np.testing.assert_array_equal(compiled("sign", x), numpy_body("sign", x))
    np.testing.assert_array_equal(compiled("isfinite", x) != 0, numpy_body("isfinite", x))


@pytest.mark.parametrize("dtype", DTYPES)
def test_trigonometric_range_ends_in_nan(dtype):
    limit = dtype(2.0 ** (np.finfo(dtype).nmant - 2))
    x = np.array([np.nextafter(limit, dtype(0)), limit, -limit, np.finfo(dtype).max], dtype=dtype)
    for name in ("sin", "cos", "tan", "sincos"):
        assert np.isnan(compiled(name, x)).tolist() == [False, True, True, True]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [*UNARY, *BINARY, "sincos", "fmod", "copysign"])
def test_lanes_and_scalars_give_the_same_bits(name, dtype):
    rng = np.random.default_rng(7)
    arguments = [rng.uniform(-3, 3, 64).astype(dtype) for _ in range(2 if name in TWO else 1)]
    together = compiled(name, *arguments)
    alone = np.concatenate([compiled(name, *(a[k : k + 1] for a in arguments)) for k in range(64)])
    assert together.tobytes() == alone.tobytes()


@njit(**FLAGS)
def sines_and_cosines(x, sines, cosines):
    for lane in range(x.size):
        sines[lane], cosines[lane] = vecmath.sincos(x[lane])


@pytest.mark.parametrize("dtype", DTYPES)
def test_sincos_is_sin_and_cos(dtype):
    x = draw(spread(1e-3, 1e5), dtype, 3)
    sine, cosine = np.empty_like(x), np.empty_like(x)
    sines_and_cosines(x, sine, cosine)
    np.testing.assert_array_equal(cosine, compiled("cos", x))
    with mpmath.workprec(160):
        assert (
            max(error_in_ulp(s, mpmath.sin(at), dtype) for s, at in zip(sine.tolist(), x.tolist(), strict=True)) <= 1.5
        )
    sine, cosine = vecmath.sincos(x)
    np.testing.assert_array_equal((sine, cosine), (np.sin(x), np.cos(x)))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [*UNARY, *TWO, "absolute", "sign", "floor", "square"])
def test_numpy_bodies_keep_the_dtype(name, dtype):
    count = 2 if name in TWO else 1
    for x in (np.full(3, 1.0, dtype=dtype), dtype(1.0)):
        result = getattr(vecmath, name)(*[x] * count)
        assert result.dtype == dtype
        assert result.shape == np.shape(x)


def test_where_selects_and_keeps_types():
    @njit(**FLAGS)
    def choose(condition, yes, no):
        return vecmath.where(condition, yes, no)

    assert [choose(flag, 1.5, math.nan) for flag in (True, 1)] == [1.5, 1.5]
    assert math.isnan(choose(False, 1.5, math.nan))
    assert (choose(True, 3, 4), choose(False, 3, 4)) == (3, 4)
    choose(True, np.float32(1), np.float32(2))
    choose(True, np.float32(1), 2)
    returned = [signature.return_type for signature in choose.nopython_signatures]
    assert returned.count(types.float32) == 2
    assert types.int64 in returned
    picked = vecmath.where(np.array([True, False]), np.float32([1, 2]), 0.0)
    assert picked.dtype == np.float32
    assert picked.tolist() == [1.0, 0.0]
    assert vecmath.where(True, 1.0, 2.0).shape == ()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["sin", "sqrt", "power", "maximum"])
def test_integers_take_the_floating_type_beside_them(name, dtype):
    function = getattr(vecmath, name)
    if name in TWO:
        call = njit(**FLAGS)(lambda x: function(x, 2))
        result = types.float64 if dtype == np.float64 else types.float32
        call(dtype(3))
    else:
        call = njit(**FLAGS)(lambda x: function(x))
        result = types.float64
        assert call(4) == pytest.approx(float(function(4.0)), rel=1e-15)
    assert call.nopython_signatures[-1].return_type == result


def instructions(name, dtype):
    loop = lanes(name)
    compiled(name, *[np.ones(64, dtype)] * (2 if name in TWO else 1))
    number = types.float64 if dtype == np.float64 else types.float32
    signature = next(s for s in loop.signatures if s[0].dtype == number)
    return loop.inspect_asm(signature)


NO_AVX2 = "no AVX2 here: there is no packed code to find"
PACKED = r"v(mul|add|sub|div|fn?m\w+|sqrt|min|max|rndscale|round|cmp\w*|blendm?v?){suffix}\b[^\n]*%[yz]mm"
BITWISE = r"v(and|or|xor|pand\w*|ptern\w+)(ps|pd)?\b[^\n]*%[yz]mm"
LIBM = (
    r"(call|movabs)\w*\s[^\n]*\b(a?(sin|cos|tan)h?|sincos|atan2|exp2?|expm1|log(1p|2|10)?|pow|cbrt|hypot|erf|fma)f?\b"
)


def is_packed(text, dtype):
    return bool(re.search(PACKED.format(suffix="pd" if dtype == np.float64 else "ps"), text))


@pytest.mark.skipif(not llvm.get_host_cpu_features().get("avx2"), reason=NO_AVX2)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [*UNARY, *TWO, "sincos", "absolute", "sign", "floor"])
def test_lane_loops_are_packed_and_call_nothing(name, dtype):
    text = instructions(name, dtype)
    assert is_packed(text, dtype) or (name in ("absolute", "copysign") and re.search(BITWISE, text))
    assert not re.search(LIBM, text)


@pytest.mark.skipif(not llvm.get_host_cpu_features().get("avx2"), reason=NO_AVX2)
def test_the_assembly_test_sees_a_library_call():
    @njit(**FLAGS)
    def loop(x, out):
        for lane in range(64):
            out[lane] = math.sin(x[lane])

    loop(np.ones(64), np.empty(64))
    text = loop.inspect_asm(loop.signatures[0])
    assert re.search(LIBM, text)
    assert not is_packed(text, np.float64)
