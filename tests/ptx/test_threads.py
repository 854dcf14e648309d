"""The interpreter's memory and its threads: what they share, where they wait, where they part, and what is a fault."""

import numpy as np
import pytest

from ptx.kernels import run
from ptx.machine import Device
from ptx.memory import Fault
from ptx.parse import UnknownInstruction
from ptx.test_arithmetic import same

N = 64  # two warps
LANE = np.arange(N) % 32
WARP = np.arange(N) // 32
A = np.random.default_rng(5).integers(-1000, 1000, N).astype(np.int32)
ALL = "0xffffffff"


def shuffled(mode, b, c):
    """The loop of the manual."""
    out, valid = np.empty(N, np.int32), np.empty(N, bool)
    for i, lane in enumerate(LANE.tolist()):
        by, bound, segment = b & 31, c & 31, c >> 8 & 31
        least = lane & segment
        most = least | bound & ~segment
        j = {"up": lane - by, "down": lane + by, "bfly": lane ^ by, "idx": least | by & ~segment}[mode]
        valid[i] = j >= most if mode == "up" else j <= most
        out[i] = A[i - lane + (j if valid[i] else lane)]
    return out, valid


@pytest.mark.parametrize("c", [31, 0, 0x181F, 0x1C1F, 0x1800, 15], ids=hex)
@pytest.mark.parametrize("mode", ["up", "down", "bfly", "idx"])
def test_shuffles(mode, c):
    for b in (0, 1, 3, 16, 31, 33):
        out, valid = shuffled(mode, b, c)
        same(run(f"shfl.sync.{mode}.b32 %x, %a, {b}, {c}, {ALL};", "s32", A), out)
        code = f"shfl.sync.{mode}.b32 %r0|%p, %a, {b}, {c}, {ALL}; selp.s32 %x, 1, 0, %p;"
        same(run(code, "s32", A), valid)


def test_votes():
    holds = np.where(WARP == 0, LANE % 3 == 0, True).astype(np.int32)
    given = "setp.ne.s32 %p, %a, 0;"
    bits = [sum(1 << lane for lane in range(0, 32, 3)), 0xFFFFFFFF]
    same(run(f"{given} vote.sync.ballot.b32 %x, %p, {ALL};", "u32", holds), np.take(bits, WARP))
    for mode, answers in (("all", (0, 1)), ("any", (1, 1)), ("uni", (0, 1))):
        code = f"{given} vote.sync.{mode}.pred %q, %p, {ALL}; selp.u32 %x, 1, 0, %q;"
        same(run(code, "u32", holds), np.take(answers, WARP))


def test_threads_of_a_warp_that_parted_meet_at_a_shuffle():
    code = f"""
        setp.lt.s32 %p, %b, 7;
        mov.u32 %r1, 0;
        @%p bra SMALL;
        add.s32 %r1, %a, 1;
        bra.uni MEET;
    SMALL:
        add.s32 %r1, %a, 2;
    MEET:
        shfl.sync.bfly.b32 %x, %r1, 31, 31, {ALL};
    """
    expected = A + np.where(LANE < 7, 2, 1)
    same(run(code, "s32", A, LANE.astype(np.int32)), expected.reshape(2, 32)[:, ::-1].ravel())


def test_every_thread_leaves_a_loop_when_it_is_done():
    code = """
        mov.u32 %r0, 0; mov.u32 %r1, 0;
    AGAIN:
        setp.ge.s32 %p, %r0, %a;
        @%p bra DONE;
        add.s32 %r0, %r0, 1;
        add.s32 %r1, %r1, %r0;
        bra AGAIN;
    DONE:
        mov.u32 %x, %r1;
    """
    turns = (np.arange(N) % 9).astype(np.int32)
    same(run(code, "s32", turns), turns * (turns + 1) // 2)


def test_calls():
    before = """
    .func (.param .b32 out) twice(.param .b32 in)
    {
        .reg .b32 %r<2>;
        ld.param.u32 %r0, [in];
        add.s32 %r1, %r0, %r0;
        st.param.b32 [out], %r1;
        ret;
    }
    """
    code = """
        setp.gt.s32 %p, %a, 0;
        mov.u32 %x, %a;
        @%p bra OVER;
        { // a call
        .param .b32 param0;
        st.param.b32 [param0], %a;
        .param .b32 back0;
        call.uni (back0), twice, (param0);
        ld.param.b32 %x, [back0];
        }
    OVER:
    """
    same(run(code, "s32", A, before=before), np.where(A > 0, A, 2 * A))


def test_a_thread_may_leave_early():
    out = run("setp.gt.s32 %p, %a, 0; mov.u32 %x, 1; @%p bra ON; ret;\nON:", "s32", A)
    same(out, A > 0)


def test_memory_of_a_thread_and_of_a_block():
    local = ".local .align 8 .b8 own[16];"
    code = """
        mov.u64 %rd0, own;
        st.local.v2.u32 [%rd0+8], {%a, %tid};
        cvta.local.u64 %rd1, %rd0;
        ld.u32 %r0, [%rd1+8];
        ld.local.u32 %r1, [%rd0+12];
        sub.s32 %x, %r0, %r1;
    """
    same(run(code, "s32", A, head=local), A - np.arange(N))
    shared = ".shared .align 4 .b8 board[256];"
    code = """
        mov.u32 %r0, board;
        mad.lo.s32 %r1, %tid, 4, %r0;
        st.shared.u32 [%r1], %a;
        bar.sync 0;
        sub.s32 %r2, 63, %tid;
        mad.lo.s32 %r1, %r2, 4, %r0;
        ld.shared.u32 %x, [%r1];
    """
    same(run(code, "s32", A, before=shared), A[::-1])
    with pytest.raises(Fault, match="no barrier"):
        run(code.replace("bar.sync 0;", ""), "s32", A, before=shared)
    with pytest.raises(Fault, match="no barrier"):  # other warps read too
        run(code.replace("bar.sync 0;", f"bar.warp.sync {ALL};"), "s32", A, before=shared)
    within = code.replace("sub.s32 %r2, 63, %tid", "xor.b32 %r2, %tid, 31")
    same(run(within.replace("bar.sync 0;", f"bar.warp.sync {ALL};"), "s32", A, before=shared), A[np.arange(N) ^ 31])


def test_constants_of_a_module():
    before = ".const .align 4 .u32 table[4] = {10, 20, 30, 40};\n.global .align 8 .u64 one = 7;"
    code = "and.b32 %r0, %tid, 3; mul.wide.u32 %rd0, %r0, 4; mov.u64 %rd1, table; add.s64 %rd0, %rd0, %rd1;"
    same(run(f"{code} ld.const.u32 %x, [%rd0];", "u32", A, before=before), 10 * (np.arange(N) % 4 + 1))
    same(run("ld.global.u64 %x, [one];", "u64", A, before=before), [7] * N)


ATOMIC = {
    "add.u32": lambda values: (np.cumsum(values) - values, values.sum()),
    "min.s32": lambda values: (np.minimum.accumulate([0, *values[:-1]]), min(values.min(), 0)),
    "max.s32": lambda values: (np.maximum.accumulate([0, *values[:-1]]), max(values.max(), 0)),
    "exch.b32": lambda values: ([0, *values[:-1]], values[-1]),
    "or.b32": lambda values: (np.bitwise_or.accumulate([0, *values[:-1]]), np.bitwise_or.reduce(values)),
}


@pytest.mark.parametrize("name", ATOMIC)
def test_atomic_operations_come_one_after_the_other(name):
    before = ".global .align 4 .u32 place;"
    old, last = ATOMIC[name](A)
    same(run(f"atom.global.{name} %x, [place], %a;", "s32", A, before=before), old)
    code = f"mov.u64 %rd0, place; red.relaxed.gpu.global.{name} [%rd0], %a; bar.sync 0; ld.global.u32 %x, [%rd0];"
    same(run(code, "s32", A, before=before), [last] * N)


def test_compare_and_swap_has_one_winner():
    before = ".global .align 8 .u64 place;"
    ids = np.arange(1, N + 1, dtype=np.uint64)
    same(run("atom.global.cas.b64 %x, [place], 0, %a;", "u64", ids, before=before), [0] + [1] * (N - 1))


FAULTS = {
    "outside of any allocation": "ld.global.u32 %x, [%at0+256];",
    "outside of global memory": "mov.u64 %rd0, 8; ld.global.u32 %x, [%rd0];",
    "misaligned": "ld.global.u32 %x, [%at0+2];",
    "before it was written": "mov.u64 %rd0, own; ld.local.u32 %x, [%rd0];",
    "the thread's local": "mov.u64 %rd0, own; st.local.u32 [%rd0+16], %a; mov.u32 %x, 0;",
    "the block's shared": "mov.u32 %r0, board; st.shared.u32 [%r0+4], %a; mov.u32 %x, 0;",
    "another thread wrote": "mov.u32 %r0, board; st.shared.u32 [%r0], %a; mov.u32 %x, 0;",
    "never come": "setp.lt.s32 %p, %tid, 5; @%p bra A; bar.sync 0; bra B;\nA:\nbar.warp.sync -1;\nB:\nmov.u32 %x, 0;",
}


@pytest.mark.parametrize("words", FAULTS)
def test_faults(words):
    with pytest.raises(Fault, match=words):
        run(FAULTS[words], "s32", A, head=".local .align 4 .b8 own[16];\n.shared .align 4 .b8 board[4];")


@pytest.mark.parametrize(
    "code",
    [
        "shfl.sync.bfly.b32 %x, %a, 1, 31, 15;",
        "shfl.bfly.b32 %x, %a, 1, 31;",
        "vote.sync.any.pred %q, %p, 3;",
        "bar.warp.sync 1;",
        "bar.sync 1;",
        "bar.red.popc.u32 %x, 0, %p;",
        "barrier.arrive 0;",
        "activemask.b32 %x;",
        "atom.global.inc.u32 %x, [%at0], %a;",
        "ld.global.v8.u32 %x, [%at0];",
        "call.uni nowhere;",
        "@%p bar.sync 0;",
    ],
)
def test_threads_do_nothing_unknown(code):
    with pytest.raises((UnknownInstruction, KeyError)):
        run(code, "s32", A)


def test_instructions_are_counted():
    device = Device()
    run("mov.u32 %x, 0;", "s32", A, device=device)
    before = device.instructions
    run("mov.u32 %x, 0; add.s32 %x, %x, %a; add.s32 %x, %x, %a;", "s32", A, device=device)
    assert device.instructions - before == before + 2 * N


def test_registers_that_were_never_written_have_no_useful_content():
    assert np.isnan(run("mov.f64 %x, %fd1;", "f64", A)).all()
    assert np.isnan(run("mov.f32 %x, %f1;", "f32", A)).all()
    assert (run("mov.u32 %x, %r3;", "u32", A) == 0xFFFFFFFF).all()
