"""The interpreter's comparisons, selections, moves and conversions against NumPy and the definitions of PTX."""

import operator
from fractions import Fraction

import numpy as np
import pytest

from ptx.kernels import run
from ptx.parse import DTYPES, UnknownInstruction
from ptx.test_arithmetic import EDGES, INF, NAN, pairs, rounded, same

COMPARED = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}
UNSIGNED = {"lo": "lt", "ls": "le", "hi": "gt", "hs": "ge"}
TO_X = "selp.u32 %x, 1, 0, %p;"


@pytest.mark.parametrize("kind", ["s16", "u16", "s32", "u32", "s64", "u64"])
def test_integers_are_compared(kind):
    a, b = pairs(kind)
    for name, compare in COMPARED.items():
        same(run(f"setp.{name}.{kind} %p, %a, %b; {TO_X}", "u32", a, b), compare(a, b))
    if kind[0] == "u":
        for name, plain in UNSIGNED.items():
            same(run(f"setp.{name}.{kind} %p, %a, %b; {TO_X}", "u32", a, b), COMPARED[plain](a, b))


@pytest.mark.parametrize("kind", ["f32", "f64"])
def test_comparisons_with_nan_are_false_where_ordered_and_true_where_not(kind):
    a, b = pairs(kind)
    nan = np.isnan(a) | np.isnan(b)
    for name, compare in COMPARED.items():
        same(run(f"setp.{name}.{kind} %p, %a, %b; {TO_X}", "u32", a, b), compare(a, b) & ~nan)
        same(run(f"setp.{name}u.{kind} %p, %a, %b; {TO_X}", "u32", a, b), compare(a, b) | nan)
    same(run(f"setp.num.{kind} %p, %a, %b; {TO_X}", "u32", a, b), ~nan)
    same(run(f"setp.nan.{kind} %p, %a, %b; {TO_X}", "u32", a, b), nan)


def test_a_comparison_is_joined_with_a_predicate_and_has_an_opposite():
    a, b, c = (np.array(values, np.int32) for values in ([1, 1, 2, 2], [1, 2, 1, 2], [0, 1, 1, 0]))
    given = "setp.ne.s32 %q, %c, 0;"
    for name, join in (("and", operator.and_), ("or", operator.or_), ("xor", operator.xor)):
        for no, sign in ((False, ""), (True, "!")):
            held = (c != 0) ^ no
            code = f"{given} setp.lt.{name}.s32 %p, %a, %b, {sign}%q; {TO_X}"
            same(run(code, "u32", a, b, c), join(a < b, held))
    code = (
        f"{given} setp.lt.and.s32 %p|%q, %a, %b, %q; selp.u32 %r0, 1, 0, %p; selp.u32 %x, 2, 0, %q; or.b32 %x, %x, %r0;"
    )
    held = c != 0
    same(run(code, "u32", a, b, c), ((a < b) & held) + 2 * (~(a < b) & held))


def test_predicates():
    a, b = (np.array(values, np.int32) for values in ([0, 0, 1, 1], [0, 1, 0, 1]))
    given = "setp.ne.s32 %p, %a, 0; setp.ne.s32 %q, %b, 0;"
    p, q = a != 0, b != 0
    for code, expected in (("and", p & q), ("or", p | q), ("xor", p ^ q)):
        same(run(f"{given} {code}.pred %p, %p, %q; {TO_X}", "u32", a, b), expected)
    same(run(f"{given} not.pred %p, %p; {TO_X}", "u32", a, b), ~p)
    same(run(f"{given} mov.pred %p, %q; {TO_X}", "u32", a, b), q)
    same(run(f"{given} mov.pred %p, -1; {TO_X}", "u32", a, b), [1] * 4)
    same(run(f"{given} mov.u32 %x, 3; @%p mov.u32 %x, 4; @!%q mov.u32 %x, 5;", "u32", a, b), [5, 3, 5, 4])


@pytest.mark.parametrize("kind", ["u16", "s32", "u64", "f32", "f64"])
def test_selection(kind):
    a, b = pairs(kind)
    which = np.arange(len(a), dtype=np.int32) % 3
    expected = np.where(which == 1, a, b)
    same(run(f"setp.eq.s32 %p, %c, 1; selp.{kind} %x, %a, %b, %p;", kind, a, b, which), expected)


MOVED = {
    "mov.u32 %x, 4294967295;": ("u32", 0xFFFFFFFF),
    "mov.b32 %x, -1;": ("s32", -1),
    "mov.b32 %x, 0x80000001;": ("u32", 0x80000001),
    "mov.f32 %x, 0f3F800000;": ("f32", 1.0),
    "mov.b32 %x, 0fBF000000;": ("f32", -0.5),
    "mov.f64 %x, 0d7FF0000000000000;": ("f64", INF),
    "mov.b64 %x, 0d3FE0000000000000;": ("f64", 0.5),
    "mov.b64 %rd0, {%a, %b}; mov.b64 %x, %rd0;": ("u64", 5 + (7 << 32)),
    "mov.b64 %rd0, 30064771077; mov.b64 {%r0, %r1}, %rd0; sub.s32 %x, %r1, %r0;": ("s32", 2),
    "mov.b64 %rd0, 30064771077; mov.b64 {_, %x}, %rd0;": ("s32", 7),
    "mov.u32 %x, %ntid.x;": ("u32", 3),
    "mov.u32 %x, %nctaid.x;": ("u32", 1),
    "mov.u32 %x, %ctaid.x;": ("u32", 0),
}


@pytest.mark.parametrize("code", MOVED)
def test_moves(code):
    kind, expected = MOVED[code]
    three = np.ones(3, np.uint32)
    same(run(code, kind, 5 * three, 7 * three), [expected] * 3)


@pytest.mark.parametrize("kind", ["s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64"])
@pytest.mark.parametrize("of", ["f32", "f64"])
def test_real_numbers_become_integers_within_the_range(kind, of):
    limits, dtype = np.iinfo(DTYPES[kind]), DTYPES[of].type
    around = [limits.min - 1.0, limits.min, limits.max, limits.max + 1.0, INF, -INF, 1e30, -1e30]
    small = [0.0, -0.0, 0.5, -0.5, 1.5, -1.5, 2.5, 0.49999997, -2.7, 100.5]
    a = np.array([*around, *small], dtype)
    for mode, turn in (("rni", np.rint), ("rzi", np.trunc), ("rmi", np.floor), ("rpi", np.ceil)):
        whole = [limits.max if x == INF else limits.min if x == -INF else int(x) for x in turn(a).tolist()]
        expected = [min(max(x, limits.min), limits.max) for x in whole]
        same(run(f"cvt.{mode}.{kind}.{of} %x, %a;", kind, a), expected)
    # NaN gives 0, but the highest bit alone where the source has 64 bits or the target has.
    highest = 1 << 8 * DTYPES[kind].itemsize - 1
    nan = run(f"cvt.rzi.{kind}.{of} %x, %a;", kind, np.array([NAN], dtype))
    same(nan.view(f"u{nan.itemsize}"), [highest if of == "f64" or nan.itemsize == 8 else 0])


@pytest.mark.parametrize("kind", ["s16", "u16", "s32", "u32", "s64", "u64"])
@pytest.mark.parametrize("to", ["f32", "f64"])
def test_integers_become_real_numbers_rounded_once(kind, to):
    edge = EDGES[kind].tolist()
    limits = np.iinfo(DTYPES[kind])
    wide = [
        2**24 + 1,
        2**24 + 3,
        2**53 + 1,
        2**53 + 3,
        2**60 + 2**36 + 1,
        2**60 + 2**36,
        2**60 + 3 * 2**36,
        2**63 - 513,
    ]
    a = np.array([*edge, *(v for v in wide if v <= limits.max)], DTYPES[kind])
    expected = [rounded(Fraction(int(v)), DTYPES[to].type, "rn") for v in a]
    same(run(f"cvt.rn.{to}.{kind} %x, %a;", to, a), expected)


def test_integers_are_cut_and_extended():
    a = np.array([0, 1, -1, 127, 128, 255, 32768, -32769, 2**31 - 1, -(2**31)], np.int32)
    for kind in ("s8", "u8", "s16", "u16", "s64", "u64"):
        same(run(f"cvt.{kind}.s32 %x, %a;", kind, a), a.astype(DTYPES[kind]))
    same(run("cvt.u64.u32 %x, %a;", "u64", a.view(np.uint32)), a.view(np.uint32))
    same(run("cvt.s32.s8 %x, %a;", "s32", a), a.astype(np.int8))  # only the low bits of a wider register are read
    same(run("cvt.u32.u16 %x, %a;", "u32", a), a.astype(np.uint16))


def test_real_numbers_change_their_width():
    a = np.array([0.0, -0.0, 1 / 3, 1 + 2.0**-24, 1 + 3 * 2.0**-24, 1e39, -1e39, 1e-45, 1e-46, 3e-39, INF, NAN])
    with np.errstate(over="ignore"):
        same(run("cvt.rn.f32.f64 %x, %a;", "f32", a), a.astype(np.float32))
    b = a[:5].astype(np.float32)
    same(run("cvt.f64.f32 %x, %a;", "f64", b), b.astype(float))


@pytest.mark.parametrize("kind", ["f32", "f64"])
def test_real_numbers_are_rounded_to_whole_ones_and_clamped(kind):
    a = np.array([0.5, -0.5, 1.5, 2.5, -2.5, 1e30, -1e30, INF, -0.0, 0.3, NAN], DTYPES[kind])
    for mode, turn in (("rni", np.rint), ("rzi", np.trunc), ("rmi", np.floor), ("rpi", np.ceil)):
        same(run(f"cvt.{mode}.{kind}.{kind} %x, %a;", kind, a), turn(a))
    clamped = np.where(np.isnan(a), 0, np.clip(a, 0, 1))
    np.testing.assert_array_equal(run(f"cvt.sat.{kind}.{kind} %x, %a;", kind, a), clamped)


@pytest.mark.parametrize(
    "code",
    [
        "cvt.f32.f64 %x, %a;",  # needs a rounding
        "cvt.s32.f64 %x, %a;",
        "cvt.f32.s32 %x, %r0;",
        "cvt.rz.f32.f64 %x, %a;",
        "cvt.sat.s32.f64 %r0, %a;",
        "cvt.rn.ftz.f32.f64 %x, %a;",
        "setp.equal.f64 %p, %a, %a;",
        "setp.lo.f64 %p, %a, %a;",
        "selp.f32 %x, %x, %x, %a;",
    ],
)
def test_conversions_that_have_no_rule_are_errors(code):
    with pytest.raises(UnknownInstruction):
        run(code, "f32", np.ones(1))
