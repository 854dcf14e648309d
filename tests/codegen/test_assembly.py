"""The CPU code of a tick, read as assembly: packed instructions, and no call left in it."""

import re

import numpy as np
import pytest

import batchgd as bgd
from batchgd.compiler.cache.modules import execute
from batchgd.compiler.cache.native import optimised
from batchgd.compiler.codegen import cpu_modules
from batchgd.compiler.codegen.specialisation import Specialisation
from batchgd.compiler.codegen.trace_tick import tick_program
from batchgd.compiler.lower.processor import this_processor
from batchgd.compiler.lower.tick import tick
from batchgd.kernels import (
    for_numba,  # noqa: F401 - for what is compiled here
    minibatch,
)
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
    of = Specialisation(bgd.as_objective(get(name), dim), rule, dtype)
    if not of.blocked:
        processor = this_processor()
        made = tick(tick_program(of), lanes=of.lanes, dtype=dtype, processor=processor)
        return processor.machine().emit_assembly(optimised(made.text, processor))
    text = cpu_modules.texts(of)["tick"]
    module: dict = {"__name__": "specialisation"}
    execute(text, module, "<specialisation>")
    module["tick"].compile(arguments_of("tick", dtype))
    (text,) = module["tick"].inspect_asm().values()
    return text


@pytest.mark.parametrize(("name", "dim", "rule", "dtype"), CASES, ids=lambda value: str(value))
def test_the_tick_is_packed(name, dim, rule, dtype):
    suffix = "pd" if dtype == "float64" else "ps"
    packed = re.compile(rf"v(f?n?m(add|sub)\d*|mul|add|sub){suffix}\b.*[yz]mm")
    scalar = re.compile(rf"v(f?n?m(add|sub)\d*|mul|add|sub)s{suffix[1]}\b")
    lines = [line.strip() for line in assembly(name, dim, rule, dtype).splitlines()]
    assert sum(bool(packed.match(line)) for line in lines) >= 3 * dim
    assert sum(bool(scalar.match(line)) for line in lines) < dim  # of numbers that are the same in all lanes
    assert not [line for line in lines if line.startswith("call")]


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
