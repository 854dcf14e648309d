"""The elementary functions on CUDA: which of them are ours there, and that these compile without a device."""

import inspect
import math
import types as python_types

import pytest
from numba import types

from batchgd.kernels import (
    for_numba,  # noqa: F401 - for what is compiled here
    vecmath,
)


@pytest.fixture
def cuda(monkeypatch):
    """numba-cuda with a stand-in for the device that it asks for its compute capability."""
    module = pytest.importorskip("numba.cuda", reason="numba-cuda is not installed")
    dispatcher = pytest.importorskip("numba.cuda.dispatcher", reason="numba-cuda is not installed")
    if not hasattr(dispatcher, "get_current_device"):
        pytest.skip("under the simulator there is no compiler")
    device = python_types.SimpleNamespace(compute_capability=(9, 0))
    monkeypatch.setattr(dispatcher, "get_current_device", lambda: device)
    return module


@pytest.mark.parametrize("name", [name for name, theirs in vecmath.CUDA_MATH.items() if theirs is None])
def test_shared_functions_compile_for_cuda(name, cuda):
    function = getattr(vecmath, name)
    for number in (types.float32, types.float64):
        if len(inspect.signature(function).parameters) == 2:
            text, result = cuda.compile_ptx(lambda x, y: function(x, y), (number, number), device=True, cc=(9, 0))
        elif name == "where":
            text, result = cuda.compile_ptx(lambda x, y: function(x > y, x, y), (number,) * 2, device=True, cc=(9, 0))
        else:
            text, result = cuda.compile_ptx(lambda x: function(x), (number,), device=True, cc=(9, 0))
        assert result in (number, types.boolean, types.UniTuple(number, 2))
        assert number == types.float64 or ".f64" not in text


def test_every_function_has_its_place_on_cuda():
    functions = {name for name in vecmath.__all__ if not name.isupper()}
    assert set(vecmath.CUDA_MATH) == functions
    assert set(vecmath.SIMPLE) < functions
    assert all(hasattr(math, theirs) for theirs in vecmath.CUDA_MATH.values() if theirs)
