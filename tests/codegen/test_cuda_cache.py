"""CUDA kernels on disk, without a device: what the driver would be asked is answered in its place."""

import pickle
from types import SimpleNamespace
from typing import ClassVar

import pytest

import batchgd as bgd
from batchgd import Objective
from batchgd.compiler.cache import folder
from batchgd.compiler.codegen import loading
from batchgd.compiler.codegen.specialisation import Specialisation

pytest.importorskip("numba_cuda", reason="numba-cuda is not installed")
pytest.importorskip("cuda.core", reason="cuda-core is not installed")

from batchgd.kernels import launch_cuda
from batchgd.kernels.cuda import assemble, merge


@pytest.fixture
def device(monkeypatch, tmp_path):
    """A stand-in for a device of compute capability 9.0, and a cache of its own."""
    from numba.cuda import codegen, dispatcher

    stand_in = SimpleNamespace(compute_capability=(9, 0))
    monkeypatch.setattr(dispatcher, "get_current_device", lambda: stand_in)
    monkeypatch.setattr(
        codegen.CUDACodeLibrary, "_ensure_cc", lambda self, cc: cc or (*stand_in.compute_capability, "")
    )
    stand_in.bound = []

    def bind(kernel):
        kernel.library.get_cubin()  # what a driver would be given
        stand_in.bound.append(kernel)

    monkeypatch.setattr(dispatcher._Kernel, "bind", bind)
    with bgd.testing.fresh_cache(tmp_path):
        yield stand_in


OBJECTIVE = Objective(lambda x: (x[0] - 1.0) ** 2 + x[1] ** 4, 2)


def compiled(name="values_kernel"):
    """Load the specialisation as a new process would, and compile one of its kernels."""
    loading.forget()
    module = loading.load(Specialisation(OBJECTIVE, "gradient_descent", "float64", "cuda", lanes=1))
    kernel = getattr(module, name)
    code = kernel.compile(assemble.signatures("float64")[name])
    return code.library, (sum(kernel.stats.cache_hits.values()), sum(kernel.stats.cache_misses.values()))


def test_the_next_process_compiles_nothing(device):
    first, seen = compiled()
    assert seen == (0, 1)
    again, seen = compiled()
    assert seen == (1, 0)
    assert again.get_asm_str() == first.get_asm_str()
    assert again.get_cubin().code == first.get_cubin().code
    assert len(device.bound) == 2  # what was read from disk was given to the driver as well


def test_another_kind_of_device_has_code_of_its_own(device):
    compiled()
    device.compute_capability = (8, 0)
    library, seen = compiled()
    assert seen == (0, 1)
    assert ".target sm_80" in library.get_asm_str()
    device.compute_capability = (9, 0)
    assert compiled()[1] == (1, 0)


def test_nothing_is_unpickled(device, tmp_path):
    """A pickle in the place of a kernel, with the right checksum, is not loaded."""
    compiled()
    (path,) = tmp_path.rglob("values_kernel-*.code")
    payload = pickle.dumps(_Trap())
    path.write_bytes(folder.digest(path, payload) + payload)
    assert compiled()[1] == (0, 1)
    assert not _Trap.sprung


class _Trap:
    """Notes that it was unpickled."""

    sprung: ClassVar[list[bool]] = []

    def __reduce__(self):
        return self.sprung.append, (True,)


@pytest.mark.parametrize("damage", [lambda content: content[:-1], lambda content: content[:40] + b"x" + content[41:]])
def test_a_damaged_file_is_compiled_again(device, tmp_path, damage):
    compiled()
    (path,) = tmp_path.rglob("values_kernel-*.code")
    path.write_bytes(damage(path.read_bytes()))
    assert compiled()[1] == (0, 1)
    assert compiled()[1] == (1, 0)


def test_what_the_driver_refuses_is_compiled_again(device, monkeypatch):
    from numba.cuda import dispatcher

    compiled()
    bind, refused = dispatcher._Kernel.bind, []

    def refuse_once(kernel):
        if not refused:
            refused.append(kernel)
            raise RuntimeError("no binary for this GPU")
        bind(kernel)

    monkeypatch.setattr(dispatcher._Kernel, "bind", refuse_once)
    assert compiled()[1] == (0, 1)
    assert len(refused) == 1


def test_a_kernel_under_a_register_bound_lies_beside_the_free_one(device, tmp_path):
    compiled("descend_kernel")
    module = loading.load(Specialisation(OBJECTIVE, "gradient_descent", "float64", "cuda", lanes=1))
    kernel = launch_cuda.bounded(module, 24)
    code = kernel.compile(assemble.signatures("float64")["descend_kernel"])
    assert sum(kernel.stats.cache_misses.values()) == 1
    assert assemble.machine_code(code.library, (9, 0), 24).resources.registers <= 24
    names = {path.name.split("-")[0] for path in tmp_path.rglob("*.code")}
    assert names == {"descend_kernel", "descend_kernel_24_registers"}


def test_the_merge_is_compiled_once_for_all_specialisations(device, tmp_path):
    for rule in ("gradient_descent", "barzilai_borwein"):
        loading.forget()
        merge.jitted.cache_clear()
        module = loading.load(Specialisation(OBJECTIVE, rule, "float64", "cuda", lanes=1))
        kernel = merge.jitted()["clear_kernel"]
        module.keep_shared(kernel)
        kernel.compile(assemble.signatures("float64")["clear_kernel"])
        missed = sum(kernel.stats.cache_misses.values())
        assert missed == (rule == "gradient_descent")
    merge.jitted.cache_clear()
    assert len(list(tmp_path.rglob("clear_kernel-*.code"))) == 1
