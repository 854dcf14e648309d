"""The inner loop of the CPU code, read as assembly: packed instructions, and no call left in it."""

import re

import numpy as np
import pytest

import batchgd as bgd
from batchgd.compiler.cache.modules import execute
from batchgd.compiler.codegen import cpu_modules
from batchgd.compiler.codegen.specialisation import Specialisation
from batchgd.kernels import minibatch
from batchgd.kernels.cpu_intrinsics import arguments_of

get = bgd.landscapes.get

llvm = pytest.importorskip("llvmlite.binding")
FEATURES = llvm.get_host_cpu_features()
pytestmark = pytest.mark.skipif(not FEATURES.get("avx2"), reason="this processor has no AVX2")

CASES = [
    ("styblinski_tang", 8, "gradient_descent", "float64"),
    ("styblinski_tang", 8, "barzilai_borwein", "float64"),
    ("styblinski_tang", 8, "gradient_descent", "float32"),
    ("rastrigin", 2, "gradient_descent", "float64"),
]


def assembly(name, dim, rule, dtype):
    """Compile the tick of a specialisation from its text alone and return its assembly."""
    text = cpu_modules.texts(Specialisation(bgd.as_objective(get(name), dim), rule, dtype))["tick"]
    module: dict = {"__name__": "specialisation"}
    execute(text, module, "<specialisation>")
    module["tick"].compile(arguments_of("tick", dtype))
    (text,) = module["tick"].inspect_asm().values()
    return text


def innermost_loops(text):
    """Yield the instructions between a label and the jump back to it, where no other label lies between."""
    lines = [line.strip() for line in text.splitlines()]
    last_label = None
    for number, line in enumerate(lines):
        label = re.match(r"(\.?L\w+):", line)
        if label:
            last_label = (label.group(1), number)
        jump = re.match(r"j\w+\s+(\.?L\w+)", line)
        if jump and last_label and jump.group(1) == last_label[0]:
            yield lines[last_label[1] + 1 : number + 1]


@pytest.mark.parametrize(("name", "dim", "rule", "dtype"), CASES, ids=lambda value: str(value))
def test_the_lane_loop_is_packed(name, dim, rule, dtype):
    suffix = "pd" if dtype == "float64" else "ps"
    packed = re.compile(rf"v(f?n?m(add|sub)\d*|mul|add|sub){suffix}\b.*[yz]mm")
    scalar = re.compile(rf"v(f?n?m(add|sub)\d*|mul|add|sub)s{suffix[1]}\b")
    loops = [loop for loop in innermost_loops(assembly(name, dim, rule, dtype)) if len(loop) > 10 * dim]
    tick = max(loops, key=lambda loop: sum(bool(packed.match(line)) for line in loop))
    assert sum(bool(packed.match(line)) for line in tick) >= 3 * dim
    assert not [line for line in tick if scalar.match(line) or line.startswith("call")]


@pytest.mark.parametrize("rule", ["gradient_descent", "amsgrad", "barzilai_borwein", "nonlinear_cg"])
def test_no_store_is_masked(rule):
    for line in assembly("himmelblau", 2, rule, "float64").splitlines():
        assert not re.match(r"\s*v\w*maskmov\w+\s.*\)$|\s*vmov\w+\s.*\)\s*\{%k", line), line


@pytest.mark.parametrize("replace", [False, True])
def test_rows_of_batches_are_drawn_in_packed_code(replace):
    from numba import njit

    draw = minibatch.row_replaced if replace else minibatch.row_of_epoch

    @njit(error_model="numpy")
    def block(seed, nit, turn, batch, rows, out):
        for lane in range(64):
            out[lane] = draw(seed, lane, nit[lane], turn, batch, rows)

    block(np.uint64(1), np.zeros(64), 0, 5, 23, np.empty(64))
    (text,) = block.inspect_asm().values()
    assert len(re.findall(r"vpmul\w+.*[yz]mm", text)) >= 20


def test_the_reader_tells_scalar_code():
    loops = list(innermost_loops(".LBB0_1:\n\tvmulsd %xmm0, %xmm1, %xmm1\n\tjne .LBB0_1\n"))
    assert loops == [["vmulsd %xmm0, %xmm1, %xmm1", "jne .LBB0_1"]]
