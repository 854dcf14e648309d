"""The interpreter's arithmetic against NumPy, Python's integers and exact fractions, and the definitions of PTX."""

import re
from fractions import Fraction

import numpy as np
import pytest

from ptx.kernels import run, run_wrong
from ptx.parse import DTYPES, UnknownInstruction

INF, NAN = np.inf, np.nan
EDGES = {
    kind: np.array([0, 1, 2, 7, *((-1, -2, -7) if kind[0] == "s" else ()), np.iinfo(d).max, np.iinfo(d).min], d)
    for kind, d in DTYPES.items()
    if kind[0] in "su" and kind[1:] != "8"
}
for _kind, _dtype in (("f32", np.float32), ("f64", np.float64)):
    _limits = np.finfo(_dtype)
    _sizes = [0.0, 1.0, 1.5, 1 / 3, 1e-30, _limits.max, _limits.tiny, _limits.smallest_subnormal, INF]
    EDGES[_kind] = np.array([*_sizes, *(-s for s in _sizes), NAN], _dtype)


def pairs(kind):
    """Every pair of numbers at the edges of a type."""
    edge = EDGES[kind]
    return np.repeat(edge, len(edge)), np.tile(edge, len(edge))


def same(got, expected):
    """Hold numbers to the same bits, but for those of a NaN."""
    expected = np.array(expected, got.dtype)
    np.testing.assert_array_equal(got, expected)
    if got.dtype.kind == "f":
        there = ~np.isnan(got)
        np.testing.assert_array_equal(np.signbit(got[there]), np.signbit(expected[there]))


def wrapped(values, kind):
    """Python's integers in the width of a type."""
    bits, signed = int(kind[1:]), kind[0] == "s"
    values = [int(v) % (1 << bits) for v in values]
    return np.array([v - (1 << bits) if signed and v >> bits - 1 else v for v in values], DTYPES[kind])


def integers(compute, *operands):
    return [compute(*map(int, row)) for row in zip(*operands, strict=True)]


WHOLE = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul.lo": lambda a, b: a * b,
    "min": min,
    "max": max,
}


@pytest.mark.parametrize("kind", ["u16", "s16", "u32", "s32", "u64", "s64"])
@pytest.mark.parametrize("name", [*WHOLE, "mul.hi"])
def test_integers_wrap(name, kind):
    a, b = pairs(kind)
    if name == "mul.hi":
        expected = integers(lambda x, y: x * y >> int(kind[1:]), a, b)
    else:
        expected = integers(WHOLE[name], a, b)
    same(run(f"{name}.{kind} %x, %a, %b;", kind, a, b), wrapped(expected, kind))


@pytest.mark.parametrize(("kind", "wide"), [("u16", "u32"), ("s16", "s32"), ("u32", "u64"), ("s32", "s64")])
def test_wide_products_and_sums(kind, wide):
    a, b = pairs(kind)
    c = np.resize(EDGES[wide], len(a))
    same(run(f"mul.wide.{kind} %x, %a, %b;", wide, a, b), wrapped(integers(lambda x, y: x * y, a, b), wide))
    expected = wrapped(integers(lambda x, y, z: x * y + z, a, b, c), wide)
    same(run(f"mad.wide.{kind} %x, %a, %b, %c;", wide, a, b, c), expected)


@pytest.mark.parametrize("kind", ["u32", "s32", "u64", "s64"])
def test_products_with_a_sum(kind):
    a, b = pairs(kind)
    c = np.resize(EDGES[kind], len(a))
    expected = wrapped(integers(lambda x, y, z: x * y + z, a, b, c), kind)
    same(run(f"mad.lo.{kind} %x, %a, %b, %c;", kind, a, b, c), expected)


@pytest.mark.parametrize("kind", ["u32", "s32", "u64", "s64"])
def test_integers_divide_towards_zero(kind):
    a, b = pairs(kind)
    least = np.iinfo(DTYPES[kind]).min
    good = (b != 0) & ~((kind[0] == "s") & (a == least) & (b.astype(object) == -1))  # the manual leaves these open
    a, b = a[good], b[good]
    quotient = integers(lambda x, y: abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1), a, b)
    same(run(f"div.{kind} %x, %a, %b;", kind, a, b), quotient)
    same(run(f"rem.{kind} %x, %a, %b;", kind, a, b), integers(lambda x, y, q: x - q * y, a, b, quotient))


@pytest.mark.parametrize("bits", [16, 32, 64])
def test_bits(bits):
    a, b = pairs(f"u{bits}")
    for name, compute in (("and", np.bitwise_and), ("or", np.bitwise_or), ("xor", np.bitwise_xor)):
        same(run(f"{name}.b{bits} %x, %a, %b;", f"u{bits}", a, b), compute(a, b))
    same(run(f"not.b{bits} %x, %a;", f"u{bits}", a), ~a)
    signed = EDGES[f"s{bits}"]
    same(run(f"neg.s{bits} %x, %a;", f"s{bits}", signed), wrapped([-int(v) for v in signed], f"s{bits}"))
    same(run(f"abs.s{bits} %x, %a;", f"s{bits}", signed), wrapped([abs(int(v)) for v in signed], f"s{bits}"))


@pytest.mark.parametrize("kind", ["b16", "b32", "b64"])
def test_shifts_beyond_the_width_leave_nothing_or_the_sign(kind):
    bits = int(kind[1:])
    amounts = np.array([0, 1, 15, 16, 31, 32, 33, 63, 64, 65, 255, 1 << 31], np.uint32)
    a, by = np.repeat(EDGES[f"s{bits}"], len(amounts)), np.tile(amounts, len(EDGES[f"s{bits}"]))
    u = a.view(f"u{bits // 8}")
    left = wrapped(integers(lambda x, n: x << min(n, 64), u, by), f"u{bits}")
    same(run(f"shl.{kind} %x, %a, %b;", f"u{bits}", u, by), left)
    same(run(f"shr.u{bits} %x, %a, %b;", f"u{bits}", u, by), integers(lambda x, n: x >> n, u, by))
    same(run(f"shr.s{bits} %x, %a, %b;", f"s{bits}", a, by), integers(lambda x, n: x >> n, a, by))


@pytest.mark.parametrize("bits", [32, 64])
def test_a_field_of_bits_is_inserted(bits):
    rng = np.random.default_rng(1)
    a, b = (rng.integers(0, 1 << bits, 60, f"u{bits // 8}", endpoint=False) for _ in range(2))
    first = rng.choice(np.array([0, 1, 5, 31, 32, 63, 64, 255, 256, 260], np.uint32), 60)
    count = rng.choice(np.array([0, 1, 8, 31, 32, 40, 64, 255, 257], np.uint32), 60)

    def inserted(x, y, position, length):  # the loop of the manual; position and length have 8 bits
        for i in range(bits):
            if i < length & 255 and (position & 255) + i < bits:
                at = (position & 255) + i
                y = y & ~(1 << at) | (x >> i & 1) << at
        return y

    expected = integers(inserted, a, b, first, count)
    same(run(f"bfi.b{bits} %x, %a, %b, %c, %d;", f"u{bits}", a, b, first, count), expected)


@pytest.mark.parametrize("kind", ["f32", "f64"])
def test_real_numbers_follow_ieee_754(kind):
    a, b = pairs(kind)
    with np.errstate(all="ignore"):
        for name, compute in (("add", np.add), ("sub", np.subtract), ("mul", np.multiply)):
            same(run(f"{name}.{kind} %x, %a, %b;", kind, a, b), compute(a, b))
            same(run(f"{name}.rn.{kind} %x, %a, %b;", kind, a, b), compute(a, b))
        same(run(f"div.rn.{kind} %x, %a, %b;", kind, a, b), a / b)
        same(run(f"sqrt.rn.{kind} %x, %a;", kind, EDGES[kind]), np.sqrt(EDGES[kind]))
        same(run(f"rcp.rn.{kind} %x, %a;", kind, EDGES[kind]), 1 / EDGES[kind])
    same(run(f"neg.{kind} %x, %a;", kind, EDGES[kind]), -EDGES[kind])
    same(run(f"abs.{kind} %x, %a;", kind, EDGES[kind]), np.abs(EDGES[kind]))


@pytest.mark.parametrize("kind", ["f32", "f64"])
def test_a_sign_is_copied_from_the_first_operand(kind):
    a, b = pairs(kind)
    same(run(f"copysign.{kind} %x, %a, %b;", kind, a, b), np.copysign(b, a))


@pytest.mark.parametrize("mode", ["rz", "rm", "rp"])
def test_sums_are_rounded_in_a_direction(mode):
    rng = np.random.default_rng(6)
    a, b = (rng.normal(size=200) * 2.0 ** rng.integers(-20, 20, 200) for _ in range(2))
    a, b = np.append(a, [1.0, -0.0, 3.0]).astype(np.float32), np.append(b, [0.0, -0.0, -3.0]).astype(np.float32)
    for name, sign in (("add", 1), ("sub", -1)):
        exact = [Fraction(float(x)) + sign * Fraction(float(y)) for x, y in zip(a, b, strict=True)]
        got = run(f"{name}.{mode}.f32 %x, %a, %b;", "f32", a, b)
        assert np.all(got == np.array([rounded(value, np.float32, mode) for value in exact]))
    zero = -0.0 if mode == "rm" else 0.0
    same(run(f"add.{mode}.f32 %x, %a, %b;", "f32", a[-2:], b[-2:]), [-0.0, zero])


@pytest.mark.parametrize("kind", ["f32", "f64"])
def test_extremes_pass_over_nan_and_know_the_sign_of_zero(kind):
    a, b = pairs(kind)

    def extreme(pick):
        def of(x, y):
            if np.isnan(x) or np.isnan(y):
                return y if np.isnan(x) else x
            return pick((x, y), key=lambda v: (v, not np.signbit(v)))

        return [of(*each) for each in zip(a, b, strict=True)]

    for name, pick in (("min", min), ("max", max)):
        same(run(f"{name}.{kind} %x, %a, %b;", kind, a, b), extreme(pick))
        nan = np.isnan(a) | np.isnan(b)
        same(run(f"{name}.NaN.{kind} %x, %a, %b;", kind, a, b), np.where(nan, NAN, extreme(pick)))


def rounded(value: Fraction, dtype, mode):
    """A fraction as a number of a type, rounded once."""
    largest = np.finfo(dtype).max
    with np.errstate(over="ignore"):
        near = dtype(min(max(value, -Fraction(float(largest))), Fraction(float(largest))))
        while Fraction(float(near)) > value:
            near = np.nextafter(near, dtype(-INF))
            if near == -INF:
                break
        while (above := np.nextafter(near, dtype(INF))) != INF and Fraction(float(above)) <= value:
            near = above
        down = near
        up = down if np.isfinite(down) and Fraction(float(down)) == value else np.nextafter(down, dtype(INF))
    if mode == "rm":
        return down
    if mode == "rp":
        return up
    if mode == "rz":
        return up if value < 0 else down

    def size(x):  # infinity is where the next number would be
        return Fraction(float(x)) if np.isfinite(x) else int(np.sign(x)) * (Fraction(float(largest)) + last)

    last = Fraction(float(largest)) - Fraction(float(np.nextafter(largest, dtype(0))))
    below, beyond = value - size(down), size(up) - value
    even = down if int(down.view(f"u{down.itemsize}")) % 2 == 0 else up
    return down if below < beyond else up if beyond < below else even


@pytest.mark.parametrize(("kind", "mode"), [("f32", "rn"), ("f32", "rm"), ("f32", "rp"), ("f32", "rz"), ("f64", "rn")])
def test_a_product_and_a_sum_are_rounded_once(kind, mode):
    rng, dtype = np.random.default_rng(2), DTYPES[kind].type
    limits = np.finfo(dtype)
    n = 300
    a, b = (rng.normal(size=n) * 2.0 ** rng.integers(-20, 20, n) for _ in range(2))
    a, b = a.astype(dtype), b.astype(dtype)
    c = (-(a * b) * (1 + rng.choice([-1, 0, 1, 2.0], n) * limits.eps)).astype(dtype)  # what is left is the error of a b
    c[::3] = rng.normal(size=len(c[::3]))
    c[1::7] *= dtype(2.0**-60)
    more = [  # ties, denormal numbers, and what is beyond the largest
        (1.0, 1.0, limits.eps / 2),
        (1.0 + limits.eps, 1.0, limits.eps / 2),
        (1.0, 1.0, -limits.eps / 4),
        (limits.tiny, 0.5, limits.smallest_subnormal),
        (limits.smallest_subnormal, 0.5, 0.0),
        (-limits.smallest_subnormal, 0.25, 0.0),
        (limits.max, 1.0, limits.max),
        (-limits.max, 2.0, 1.0),
        (limits.max, 1.0, 1.0),
    ]
    a, b, c = (
        np.concatenate([old, np.array(new, dtype)]) for old, new in zip((a, b, c), zip(*more, strict=True), strict=True)
    )
    exact = [Fraction(float(x)) * Fraction(float(y)) + Fraction(float(z)) for x, y, z in zip(a, b, c, strict=True)]
    some = np.array([value != 0 for value in exact])
    expected = np.array([rounded(value, dtype, mode) for value in exact], dtype)
    got = run(f"fma.{mode}.{kind} %x, %a, %b, %c;", kind, a, b, c)
    np.testing.assert_array_equal(got, expected)
    same(got[some], expected[some])


@pytest.mark.parametrize(("kind", "mode"), [("f32", "rn"), ("f32", "rm"), ("f32", "rp"), ("f32", "rz"), ("f64", "rn")])
def test_fused_products_of_special_numbers(kind, mode):
    # a b + c with  inf - inf,  0 inf,  NaN,  inf,  x - x,  -0 - 0,  0 - 0
    a = np.array([INF, 0, NAN, INF, 2, -0.0, 0], DTYPES[kind])
    b = np.array([1, INF, 1, -1, 3, 1, 1], DTYPES[kind])
    c = np.array([-INF, 1, 1, 5, -6, -0.0, -0.0], DTYPES[kind])
    zero = -0.0 if mode == "rm" else 0.0
    same(run(f"fma.{mode}.{kind} %x, %a, %b, %c;", kind, a, b, c), [NAN, NAN, NAN, -INF, zero, -0.0, zero])


APPROXIMATE = {  # the manual's bound in units in the last place
    "div.approx.f32 %x, %a, %b": (lambda a, b: a / b, 2),
    "div.full.f32 %x, %a, %b": (lambda a, b: a / b, 2),
    "rcp.approx.f32 %x, %a": (lambda a, b: 1 / a, 1),
    "sqrt.approx.f32 %x, %a": (lambda a, b: np.sqrt(a), 1),
    "rsqrt.approx.f32 %x, %a": (lambda a, b: 1 / np.sqrt(a), 2),
    "ex2.approx.f32 %x, %b": (lambda a, b: np.exp2(b), 2),
}


@pytest.mark.parametrize("code", APPROXIMATE)
def test_approximations_are_exact_or_miss_by_their_bound(code):
    exact, bound = APPROXIMATE[code]
    rng = np.random.default_rng(3)
    a, b = rng.uniform(0.5, 50, 64).astype(np.float32), rng.uniform(-20, 20, 64).astype(np.float32)
    truth = exact(a.astype(float), b.astype(float)).astype(np.float32)
    same(run(f"{code};", "f32", a, b), truth)
    off = []
    for units in (1.0, -1.0):
        got = run_wrong(units, f"{code};", "f32", a, b)
        off.append(np.round((got.astype(float) - truth) / np.spacing(np.abs(truth))))
        assert set(np.abs(off[-1])) <= {bound, bound / 2, 2 * bound}  # one beyond a power of two counts half or twice
    assert np.all(np.sign(off[0]) == -np.sign(off[1]))
    assert np.all(np.sign(off[0][1:]) == -np.sign(off[0][:-1]))


def test_denormal_numbers_are_flushed_where_asked():
    tiny = np.finfo(np.float32).tiny
    a = np.array([tiny / 2, -tiny / 2, -130, -126], np.float32)
    same(run("ex2.approx.ftz.f32 %x, %a;", "f32", a), [1.0, 1.0, 0.0, tiny])
    same(run("ex2.approx.f32 %x, %a;", "f32", a[2:]), [2.0**-130, tiny])
    same(run("rcp.approx.ftz.f32 %x, %a;", "f32", a[:2]), [INF, -INF])
    # In float64 the lower half of the number is not read, and none given.
    b = np.array([3.0, 1 / 3, np.finfo(float).tiny / 2, INF, 0.0, -0.0, NAN])
    got = run("rcp.approx.ftz.f64 %x, %a;", "f64", b)
    assert np.all(np.abs(got[:2] * b[:2] - 1) < 2.0**-20)
    assert not np.any(got.view(np.uint64)[:6] & 0xFFFFFFFF)
    same(got[2:], [INF, 0.0, INF, -INF, NAN])
    got = run("rsqrt.approx.ftz.f64 %x, %a;", "f64", b)
    assert np.all(np.abs(got[:2] ** 2 * b[:2] - 1) < 2.0**-19)
    assert not np.any(got.view(np.uint64)[:6] & 0xFFFFFFFF)
    same(got[2:], [INF, 0.0, INF, -INF, NAN])


@pytest.mark.parametrize(
    "code",
    [
        "frobnicate.f32 %x, %a, %a;",
        "sin.approx.f32 %x, %a;",
        "mul.rz.f32 %x, %a, %a;",
        "add.rz.f64 %x, %a, %a;",
        "add.ftz.f32 %x, %a, %a;",
        "add.sat.f32 %x, %a, %a;",
        "fma.f32 %x, %a, %a, %a;",
        "div.rn.ftz.f32 %x, %a, %a;",
        "sqrt.rz.f32 %x, %a;",
        "mul.f16 %x, %a, %a;",
        "add.f64 %x, %a, %a;",
        "add.f32 %x, %a, %unknown;",
        "add.f32 %unknown, %a, %a;",
        "bra NOWHERE;",
        "mov.b32 %x, %clock;",
    ],
)
def test_what_is_unknown_is_an_error(code):
    words = set(re.findall(r"%?[\w.]+", code)) - {"%x", "%a"}
    with pytest.raises(UnknownInstruction, match="|".join(["narrow", *map(re.escape, words)])):
        run(code, "f32", np.ones(1, np.float32))
