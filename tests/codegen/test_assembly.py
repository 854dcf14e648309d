"""The CPU code of a tick, read as assembly: packed instructions, and no call left in it."""

import re

import pytest

import batchgd as bgd
from batchgd.compiler.cache.native import optimised
from batchgd.compiler.codegen.specialisation import Specialisation
from batchgd.compiler.codegen.trace_block import pieces_of
from batchgd.compiler.codegen.trace_tick import tick_program
from batchgd.compiler.lower.block import block_tick
from batchgd.compiler.lower.processor import this_processor
from batchgd.compiler.lower.tick import tick

get = bgd.landscapes.get

llvm = pytest.importorskip("llvmlite.binding")
FEATURES = llvm.get_host_cpu_features()
pytestmark = pytest.mark.skipif(not FEATURES.get("avx2"), reason="this processor has no AVX2")

CASES = [
    ("styblinski_tang", 8, "gradient_descent", "float64"),
    ("styblinski_tang", 8, "barzilai_borwein", "float64"),
    ("styblinski_tang", 8, "gradient_descent", "float32"),
    ("rastrigin", 2, "gradient_descent", "float64"),
    ("rosenbrock", 40, "adam", "float64"),
    ("rosenbrock", 40, "lbfgs", "float64"),
    ("rosenbrock", 40, "newton", "float32"),
]


def assembly(name, dim, rule, dtype):
    """Compile the tick of a specialisation from its text alone and return its assembly."""
    of = Specialisation(bgd.as_objective(get(name), dim), rule, dtype, constants=(("memory", 5),))
    processor, how = this_processor(), {"lanes": of.lanes, "dtype": dtype, "processor": this_processor()}
    made = block_tick(pieces_of(of), of.sizes, **how) if of.blocked else tick(tick_program(of), **how)
    return processor.machine().emit_assembly(optimised(made.text, processor))


@pytest.mark.parametrize(("name", "dim", "rule", "dtype"), CASES, ids=lambda value: str(value))
def test_the_tick_is_packed(name, dim, rule, dtype):
    suffix = "pd" if dtype == "float64" else "ps"
    packed = re.compile(rf"v(f?n?m(add|sub)\d*|mul|add|sub){suffix}\b.*[yz]mm")
    scalar = re.compile(rf"v(f?n?m(add|sub)\d*|mul|add|sub)s{suffix[1]}\b")
    lines = [line.strip() for line in assembly(name, dim, rule, dtype).splitlines()]
    assert sum(bool(packed.match(line)) for line in lines) >= 3 * min(dim, 8)
    assert sum(bool(scalar.match(line)) for line in lines) < dim  # of numbers that are the same in all lanes
    assert not [line for line in lines if re.match(r"call\w*\s+[^*]", line)], (
        "but the evaluation and pieces, by address"
    )


@pytest.mark.parametrize(
    ("name", "dim", "rule"),
    [
        *(("himmelblau", 2, rule) for rule in ("gradient_descent", "amsgrad", "barzilai_borwein", "nonlinear_cg")),
        *(("rosenbrock", 40, rule) for rule in ("adam", "barzilai_borwein", "bfgs", "newton")),
    ],
)
def test_no_store_is_masked(name, dim, rule):
    for line in assembly(name, dim, rule, "float64").splitlines():
        assert not re.match(r"\s*v\w*maskmov\w+\s.*\)$|\s*vmov\w+\s.*\)\s*\{%k", line), line
