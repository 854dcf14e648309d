"""Kernels that are broken on purpose, one instruction each, are found out by comparing them as in ``test_ptx.py``."""

import re

import pytest

import batchgd as bgd

pytest.importorskip("numba_cuda", reason="numba-cuda is not installed")
pytest.importorskip("cuda.core", reason="cuda-core is not installed")

from ptx.agreement import agree, compare_exactly, merged
from ptx.memory import Fault
from ptx.product import interpreted

ENOUGH = 8_000_000
"""Instructions after which a kernel that should have ended is stopped."""


def broken(pattern, by, count=1, kernel="descend_kernel"):
    """An edit of a kernel: the first so many places where this stands (0: all), which must be there."""

    def edit(name, text):
        if name != kernel:
            return text
        text, made = re.subn(pattern, by, text, count=count)
        if made < max(count, 1):
            raise ValueError(f"{pattern} stands there {made} times")
        return text

    return edit


def run(name, edit, starts=64, **options):
    """Run what is broken; a kernel that runs on and on is a fault."""
    with interpreted(edit=edit) as device:

        def look():
            if device.instructions > ENOUGH:
                raise Fault("it runs on and on")

        device.between.append(look)
        return bgd.multistart(name, starts=starts, backend="cuda", **options)


DESCENT = {
    "a constant": (r"0dC026000000000000", "0dC026000001000000"),
    "a start behind the last": (r"setp\.lt(\.s64 \t%p\d+, %rd\d+, %rd\d+;\n\tselp\.b64)", r"setp.le\1", 0),
    "a start too few": (r"(atom\.global\.add\.u64 .*), 1;", r"\1, 2;"),
    "a comparison": (r"setp\.gt\.f64", "setp.lt.f64"),
    "a predicate": (r"@(%p\d+ bra)", r"@!\1", 0),
    "a lost addend": (r"fma\.rn\.f64 (\t%fd\d+, %fd\d+, %fd\d+), \S+;", r"mul.f64 \1;"),
    "the generator of starts": (r"3528531795", "3528531797"),
    "a number that was never written": (r"\tmov\.f64 \t%fd\d+, 0d0000000000000000;", "", 0),
    "the stride of rows": (r"(shl\.b64 \t%rd\d+, %rd\d+), 3;", r"\1, 4;", 0),
    "a parameter": (r"(ld\.param\.u64 \t%rd\d+, \[\w+param_)40\]", r"\g<1>19]"),
}


def declared(edit):
    """The same edit, with two more registers."""

    def more(name, text):
        return edit(name, text).replace("\t.reg .pred", "\t.reg .b64 %mine;\n\t.reg .f64 %wide;\n\t.reg .pred", 1)

    return more


@pytest.fixture(scope="module")
def himmelblau():
    return bgd.multistart("himmelblau", starts=64, backend="cpu", maxiter=100)


def test_the_kernel_as_it_is_passes(himmelblau):
    agree(run("himmelblau", lambda name, text: text, maxiter=100), himmelblau)


@pytest.mark.parametrize("what", DESCENT)
def test_a_descent(what, himmelblau):
    with pytest.raises((AssertionError, Fault)):
        agree(run("himmelblau", declared(broken(*DESCENT[what])), maxiter=100), himmelblau)


MERGE = {
    "an addition that is not atomic": (
        r"atom\.global\.add\.u64 \t(%rd\d+), \[(%rd\d+)\], 1;",
        r"ld.global.u64 \t\1, [\2];\n\tadd.s64 \t%mine, \1, 1;\n\tst.global.u64 \t[\2], %mine;",
        0,
    ),
    "the lowest start": (r"atom\.global\.min\.s64", "atom.global.max.s64", 0),
    "the rounding of a conversion": (r"cvt\.rmi\.f64\.f64", "cvt.rpi.f64.f64", 0),
}


@pytest.mark.parametrize("what", MERGE)
def test_a_merge(what):
    with pytest.raises((AssertionError, Fault)):
        merged("float64 1048576 256", edit=declared(broken(*MERGE[what], kernel="merge_kernel")))


def test_a_literal_of_float64_in_a_kernel_of_float32():
    wide = broken(
        r"mul(?:\.rn)?\.f32 \t(%f\d+), (%f\d+), 0f3F3504F3;",
        r"cvt.f64.f32 \t%wide, \2;\n\tmul.rn.f64 \t%wide, %wide, 0d3FE6A09E667F3BCD;\n\tcvt.rn.f32.f64 \t\1, %wide;",
    )
    compare_exactly("griewank", dtype="float32", maxiter=10)
    with pytest.raises(AssertionError):
        compare_exactly("griewank", dtype="float32", maxiter=10, how={"edit": declared(wide)})


LOCAL = {
    "an address in local memory": (r"(st\.local\.f64 \t\[%rd\d+)\+8\]", r"\1+16]", 0),
    "local memory that was never written": (r"\tst\.local\.\S+ \t\[%rd\d+\+8\], .*;", "", 0),
    "an address in the wrong space": (r"(ld)\.local(\.f64 \t%fd\d+, \[%rd\d+\+8\])", r"\1.global\2", 0),
}


OF_LOCAL = {"method": bgd.methods.METHODS["bfgs"].example(), "dim": 12, "maxiter": 12}


@pytest.fixture(scope="module")
def styblinski_tang():
    cpu = bgd.multistart("styblinski_tang", starts=64, backend="cpu", **OF_LOCAL)
    agree(run("styblinski_tang", lambda name, text: text, **OF_LOCAL), cpu)
    return cpu


@pytest.mark.ptx
@pytest.mark.parametrize("what", LOCAL)
def test_local_memory(what, styblinski_tang):
    with pytest.raises((AssertionError, Fault)):
        agree(run("styblinski_tang", broken(*LOCAL[what]), **OF_LOCAL), styblinski_tang)


SHUFFLED = r"(shfl\.sync\.bfly\.b32 \t\S+, \S+), %r\d+,"
WARP = {
    "no barrier": (r"\tbar\.warp\.sync .*;", "", 0),
    "no exchange": (SHUFFLED, r"\1, 0,", 0),
    "an exchange with another thread": (SHUFFLED, r"\1, 3,", 0),
    "an exchange at another distance": (r"(mov\.u32 \t%r\d+), 8;", r"\1, 4;", 0),
    "a start of every thread's own": (r"(shfl\.sync\.)idx(\.b32 \t\S+, \S+), %r\d+,", r"\1bfly\2, 1,", 2),
}


OF_WARP = {"dim": 64, "starts": 16, "maxiter": 4}


@pytest.fixture(scope="module")
def rosenbrock():
    cpu = bgd.multistart("rosenbrock", backend="cpu", **OF_WARP)
    with bgd.testing.forced(warp=32):
        agree(run("rosenbrock", lambda name, text: text, **OF_WARP), cpu)
    return cpu


@pytest.mark.ptx
@pytest.mark.parametrize("what", WARP)
def test_a_warp(what, rosenbrock):
    with bgd.testing.forced(warp=32), pytest.raises((AssertionError, Fault)):
        agree(run("rosenbrock", broken(*WARP[what]), **OF_WARP), rosenbrock)
