"""CUDA kernels compiled to PTX and assembled without a device: registers, stack, spills and stray float64."""

import re

import pytest

from batchgd.objective import Objective
from batchgd.specialise import Specialisation, load

pytest.importorskip("numba_cuda", reason="numba-cuda is not installed")
pytest.importorskip("cuda.core", reason="cuda-core is not installed")

from batchgd.kernels import assemble


def styblinski_tang(x):
    total = 0.0
    for value in x:
        total = total + 0.5 * (value**4 - 16.0 * value**2 + 5.0 * value)
    return total


# Bounds a little above what was measured; stack and spills are exact.
REGISTERS = {
    ("gradient_descent", "float32", 2): 40,
    ("gradient_descent", "float64", 2): 48,
    ("gradient_descent", "float32", 10): 72,
    ("gradient_descent", "float64", 10): 128,
    ("barzilai_borwein", "float32", 2): 64,
    ("barzilai_borwein", "float64", 2): 96,
    ("armijo", "float32", 2): 64,
    ("armijo", "float64", 2): 96,
}


@pytest.mark.parametrize("capability", [(8, 0), (9, 0)], ids=["sm_80", "sm_90"])
@pytest.mark.parametrize(("rule", "dtype", "dim"), REGISTERS, ids=lambda value: str(value))
def test_state_stays_in_registers(rule, dtype, dim, capability):
    module = load(Specialisation(Objective(styblinski_tang, dim), rule, dtype, "cuda", lanes=1))
    text = assemble.ptx(module, dtype, capability)
    needs = assemble.resources(text, capability)
    assert (needs.stack, needs.spill_stores, needs.spill_loads) == (0, 0, 0)
    assert needs.registers <= REGISTERS[rule, dtype, dim]
    if dtype == "float32":
        assert not re.findall(r"^.*\.f64.*$", text, re.MULTILINE)
