"""The doctor's findings on made-up machines, and that looking at this one never fails."""

import builtins
import ctypes
import json
import os
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from batchgd.engine import backends, doctor, installed
from batchgd.engine.doctor import diagnose, report
from batchgd.engine.installed import collect, try_kernels

CORE = {"batchgd": "0.1", "numpy": "2.4.6", "numba": "0.68.1", "llvmlite": "0.50.0", "scipy": "1.17.1"}
STACK_12 = {
    "numba-cuda": "0.30.4",
    "cuda-bindings": "12.9.4",
    "cuda-toolkit": "12.9.1",
    "nvidia-nvjitlink-cu12": "12.9.86",
}
STACK_13 = {
    **{"numba-cuda": "0.30.4", "cuda-bindings": "13.5.0", "cuda-core": "1.2.2", "cuda-toolkit": "13.5.0"},
    **dict.fromkeys(("nvidia-nvvm", "nvidia-cuda-nvrtc", "nvidia-cuda-runtime", "nvidia-nvjitlink"), "13.5.37"),
}
BARE = {"numba-cuda": "0.30.4", "cuda-bindings": "13.5.0", "cuda-core": "1.2.2"}  # pip install numba-cuda
CUPY_12, CUPY_13 = {"cupy-cuda12x": "13.6.0"}, {"cupy-cuda13x": "14.2.0"}
H200 = {"name": "NVIDIA H200", "memory_bytes": 150 * 10**9, "compute_capability": "9.0"}


def driver(cuda="13.0", devices=(H200,), error=None):
    return {"cuda": cuda, "devices": list(devices), "error": error}


def machine(*stacks, core=CORE, **others):
    packages = dict(core)
    for stack in stacks:
        packages.update(stack)
    return {"python": "3.12.1", "packages": packages, "driver": None, "toolkit": "/usr/local/cuda", **others}


def kernel(failed=None, error=None, capability="9.0"):
    return {"capability": capability, "failed": failed, "error": error}


ROW_STACK = "AttributeError: module 'numpy' has no attribute 'row_stack'"
NO_NVRTC = 'DynamicLibNotFoundError: Failure finding "libnvrtc.so.13 or libnvrtc.so.12"'
NO_NVJITLINK = "RuntimeWarning: cuda.bindings.nvjitlink is not available"
OLD_DEVICE = "CCSupportError: GPU compute capability 6.1 is not supported(requires >=7.5)"


# name: facts, words of the one problem (None: no problem), words of its remedy
MACHINES = {
    "healthy, CUDA 13": (machine(STACK_13, CUPY_13, driver=driver()), None, ""),
    "healthy, CUDA 12": (machine(STACK_12, CUPY_12, driver=driver("12.4")), None, ""),
    "CUDA 12 wheels on a newer driver": (machine(STACK_12, CUPY_12, driver=driver("13.0")), None, ""),
    "laptop without a GPU": (machine(), None, ""),
    "GPU packages without a driver": (machine(STACK_13, CUPY_13), None, ""),
    "CuPy 13 beside numba-cuda's CUDA 12": (
        machine(STACK_12, CUPY_13, driver=driver()),
        "cupy-cuda13x is built for CUDA 13, but numba-cuda's packages are for CUDA 12",
        'pip install "batchgd[cu13]"',
    ),
    "the same on a driver for CUDA 12": (
        machine(STACK_12, CUPY_13, driver=driver("12.4")),
        "cupy-cuda13x is built for CUDA 13",
        'pip uninstall cupy-cuda13x, then pip install "batchgd[cu12]"',
    ),
    "CuPy 12 beside numba-cuda's CUDA 13": (
        machine(STACK_13, CUPY_12, driver=driver()),
        "cupy-cuda12x is built for CUDA 12, but numba-cuda's packages are for CUDA 13",
        'pip uninstall cupy-cuda12x, then pip install "batchgd[cu13]"',
    ),
    "CuPy alone": (machine(CUPY_13, driver=driver()), "numba-cuda is missing", 'pip install "batchgd[cu13]"'),
    "CuPy for CUDA 12 alone, no driver": (machine(CUPY_12), "numba-cuda is missing", 'pip install "batchgd[cu12]"'),
    "numba-cuda alone": (machine(STACK_13, driver=driver()), None, ""),
    "driver alone, CUDA 12": (machine(driver=driver("12.8")), "numba-cuda is missing", 'pip install "batchgd[cu12]"'),
    "driver alone, CUDA 13": (machine(driver=driver("13.1")), "numba-cuda is missing", 'pip install "batchgd[cu13]"'),
    "driver older than the toolkit": (
        machine(STACK_13, CUPY_13, driver=driver("12.4")),
        "the driver supports CUDA up to 12.4, but the installed packages are for CUDA 13",
        'pip install "batchgd[cu12]"',
    ),
    "driver older than any extra": (
        machine(STACK_12, CUPY_12, driver=driver("11.8")),
        "the driver supports CUDA up to 11.8",
        "update the driver to 525 or newer",
    ),
    "driver broken": (
        machine(STACK_13, CUPY_13, driver=driver(devices=(), error="cuInit returned 999")),
        "the NVIDIA driver does not respond: cuInit returned 999",
        "nvidia-smi",
    ),
    "no device visible": (
        machine(STACK_13, CUPY_13, driver=driver(devices=())),
        "it finds no device",
        "CUDA_VISIBLE_DEVICES",
    ),
    "two CuPys": (
        machine(STACK_13, CUPY_13, CUPY_12, driver=driver()),
        "overwrite each other's files",
        "pip uninstall cupy-cuda13x cupy-cuda12x",
    ),
    "old NumPy": (machine(core={**CORE, "numpy": "1.26.4"}), "NumPy 1.26.4 is too old", "numpy>=2"),
    "Numba missing": (
        machine(core={name: version for name, version in CORE.items() if name != "numba"}),
        "numba is missing",
        "pip install",
    ),
    "NumPy too new for numba-cuda": (
        machine(STACK_13, CUPY_13, core={**CORE, "numpy": "2.5.5"}, kernels=[kernel("compile", ROW_STACK)]),
        f"cannot be compiled for compute capability 9.0: {ROW_STACK}; NumPy 2.5.5 is too new for numba-cuda 0.30.4",
        'pip install "numpy<2.5"',
    ),
    "NumPy too new for numba-cuda alone": (machine(core={**CORE, "numpy": "2.5.5"}), None, ""),
    "another numba-cuda": (
        machine({**STACK_13, "numba-cuda": "0.20.0"}, kernels=[kernel("compile", "ImportError: gone")]),
        "ImportError: gone; batchgd needs numba-cuda 0.30, and 0.20.0 is installed",
        'pip install "batchgd[cu13]"',
    ),
    "numba-cuda without its compilers": (
        machine(BARE, kernels=[kernel("compile", NO_NVRTC)]),
        f"{NO_NVRTC}; nvidia-nvvm, nvidia-cuda-nvrtc, nvidia-cuda-runtime, nvidia-nvjitlink are missing",
        'pip install "batchgd[cu13]"',
    ),
    "numba-cuda with the compilers of a toolkit": (machine(BARE, kernels=[kernel()]), None, ""),
    "no assembler": (
        machine(
            {name: version for name, version in STACK_13.items() if name != "nvidia-nvjitlink"},
            kernels=[kernel("assemble", NO_NVJITLINK)],
        ),
        f"cannot be assembled for compute capability 9.0: {NO_NVJITLINK}; nvidia-nvjitlink is missing",
        'pip install "batchgd[cu13]"',
    ),
    "damaged files": (
        machine(STACK_13, kernels=[kernel("compile", NO_NVRTC)]),
        NO_NVRTC,
        'pip install --force-reinstall "numba-cuda[cu13]<0.31" "numpy<2.5"',
    ),
    "a device that CUDA 13 has dropped": (
        machine(STACK_13, kernels=[kernel("compile", OLD_DEVICE, "6.1"), kernel()]),
        f"{OLD_DEVICE}; CUDA 13 has dropped this device",
        'in a fresh environment, pip install "batchgd[cu12]"',
    ),
    "Python too new for numba-cuda": (
        {**machine(driver=driver()), "python": "3.15.0"},
        "numba-cuda is missing, and has no wheels for Python 3.15.0",
        'use Python 3.14, then pip install "batchgd[cu13]"',
    ),
    "old Python": ({**machine(), "python": "3.9.1"}, "Python 3.9.1 is too old", "3.11"),
}


@pytest.mark.parametrize("name", MACHINES)
def test_problem_and_remedy(name):
    facts, problem, remedy = MACHINES[name]
    problems = [finding for finding in diagnose(facts) if finding.level == "problem"]
    if problem is None:
        assert problems == []
        return
    matching = [finding for finding in problems if problem in finding.text]
    assert matching, problems
    assert remedy in matching[0].remedy
    assert all(finding.remedy for finding in problems)


@pytest.mark.parametrize("name", MACHINES)
def test_findings_are_single_lines_and_stand_in_the_report(name):
    facts = MACHINES[name][0]
    findings = diagnose(facts)
    text = report(facts, findings)
    for finding in findings:
        assert finding.level in ("ok", "note", "problem")
        assert "\n" not in finding.text + finding.remedy
        assert finding.text in text
        assert finding.remedy in text


def test_a_missing_driver_is_reported_without_alarm():
    notes = [finding.text for finding in diagnose(machine(STACK_13, CUPY_13)) if finding.level == "note"]
    assert notes == ["no NVIDIA driver: CUDA runs are not possible here, the cpu backend works"]


def test_cupy_is_needed_for_arrays_on_the_device_alone():
    (note,) = [finding for finding in diagnose(machine(STACK_12, driver=driver("12.4"))) if finding.level == "note"]
    assert "device=True and arrays on the device need CuPy" in note.text
    (bare,) = [
        finding for finding in diagnose(machine(STACK_13, toolkit=None, driver=driver())) if finding.level == "note"
    ]
    assert bare.remedy == 'if you use these, pip install "cupy-cuda13x[ctk]"'
    assert 'pip install "batchgd[cu12]"' in note.remedy


def test_what_compiles_is_said_for_every_device():
    findings = diagnose(machine(STACK_13, kernels=[kernel(capability="8.6"), kernel(capability="12.0")]))
    said = [finding.text for finding in findings if "was compiled" in finding.text]
    assert said == [f"a CUDA kernel was compiled and assembled for compute capability {cc}" for cc in ("8.6", "12.0")]


def test_what_fails_everywhere_is_said_once():
    findings = diagnose(machine(STACK_13, kernels=[kernel("compile", NO_NVRTC), kernel("compile", NO_NVRTC, "12.0")]))
    assert [finding.level for finding in findings].count("problem") == 1


@pytest.mark.parametrize(
    ("toolkit", "wheels", "noted"),
    [
        (None, {}, True),
        ("/usr/local/cuda", {}, False),
        (None, dict.fromkeys(installed.LIBRARY_PACKAGES[13], "13"), False),
    ],
)
def test_cupy_without_a_toolkit(toolkit, wheels, noted):
    findings = diagnose(machine(STACK_13, CUPY_13, wheels, driver=driver(), toolkit=toolkit))
    remedies = [finding.remedy for finding in findings if finding.level == "note"]
    assert remedies == (['if you use these, pip install "cupy-cuda13x[ctk]"'] if noted else [])


def test_the_caps_are_those_of_the_extras():
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))["project"]
    numpy, (major, minor) = ".".join(map(str, backends.NUMPY_TOO_NEW)), doctor.NUMBA_CUDA
    for extra in (*doctor.EXTRAS, "test"):
        wanted = project["optional-dependencies"][extra]
        assert f"numpy<{numpy}" in wanted
        (cuda,) = [line for line in wanted if line.startswith("numba-cuda")]
        assert cuda.endswith(f">={major}.{minor},<{major}.{minor + 1}")
    newest = "Programming Language :: Python :: " + ".".join(map(str, doctor.NEWEST_CUDA_PYTHON))
    assert [line for line in project["classifiers"] if ":: Python :: 3." in line][-1] == newest


def test_cupy_built_from_source_fits_any_toolkit():
    findings = diagnose(machine(STACK_13, {"cupy": "14.0"}, driver=driver()))
    assert [finding for finding in findings if finding.level == "problem"] == []


def test_a_cache_that_others_can_write_to():
    cache = {"folder": "/shared", "writable": True, "problem": "can be written by others"}
    (found,) = [finding for finding in diagnose(machine(cache=cache)) if "cache folder" in finding.text]
    assert "/shared can be written by others" in found.text


def test_simulator_and_read_only_cache_are_noted():
    findings = diagnose(machine(simulator=True, cache={"folder": "/ro", "writable": False}))
    assert ["simulated" in f.text or "/ro" in f.text for f in findings if f.level == "note"] == [True, True]


@pytest.mark.parametrize("facts", [{}, {"packages": {}}, {"packages": CORE, "driver": {}, "cpu": None, "cache": None}])
def test_unknown_facts_are_no_error(facts):
    assert report(facts, diagnose(facts))


def test_this_machine():
    facts = collect()
    assert facts["packages"]["numpy"]
    assert facts["cpu"]["cores"] >= 1
    assert json.loads(json.dumps(facts)) == facts
    assert report(facts, diagnose(facts)).startswith("installed\n")


def test_collecting_survives_everything_failing(monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("broken")

    for module, name in ((metadata, "version"), (ctypes, "CDLL"), (builtins, "open"), (os, "access")):
        monkeypatch.setattr(module, name, broken)
    monkeypatch.setattr(os, "sched_getaffinity", broken, raising=False)
    facts = collect()
    assert facts["packages"] == {}
    assert facts["driver"] is facts["cpu"]["cores"] is None
    assert report(facts, diagnose(facts))


# A kernel that is compiled


def test_a_kernel_compiles_here():
    pytest.importorskip("cuda.core", reason="cuda-core is not installed")
    packages = collect()["packages"]
    assert try_kernels({"packages": packages}) == [kernel()]
    devices = [{"compute_capability": "6.1"}, H200, H200]  # CUDA 13 has dropped the first
    old, new = try_kernels({"packages": packages, "driver": driver(devices=devices)})
    assert old["failed"] == "compile"
    assert old["error"].startswith("CCSupportError: ")
    assert new == kernel()


def test_nothing_is_compiled_without_numba_cuda(monkeypatch):
    monkeypatch.setattr(subprocess, "run", None)
    assert try_kernels({}) == try_kernels(machine(CUPY_13)) == []


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("import os; os.kill(os.getpid(), 11)", "ended by signal 11"),
        ("raise ImportError('two\\nlines')", "exit code 1; lines"),
        ("print('noise')", "exit code 0"),
        ("import time; time.sleep(60)", "nothing after 1 s"),
    ],
)
def test_a_compiler_that_crashes_is_one_line(code, error, monkeypatch):
    run = subprocess.run
    monkeypatch.setattr(installed, "PATIENCE", 1 if "sleep" in code else 60)
    monkeypatch.setattr(subprocess, "run", lambda command, **how: run([sys.executable, "-c", code], **how))
    facts = machine(STACK_13)
    facts["kernels"] = try_kernels(facts)
    assert facts["kernels"] == [kernel("compile", error)]
    assert f"cannot be compiled for compute capability 9.0: {error}" in report(facts, diagnose(facts))


class Driver:
    """A stand-in for the driver's library: its answers are written where the caller points."""

    def __init__(self, init=0, count=1):
        self.init, self.count = init, count

    def cuInit(self, flags):
        return self.init

    def cuDriverGetVersion(self, out):
        out._obj.value = 12080
        return 0

    def cuDeviceGetCount(self, out):
        out._obj.value = self.count
        return 0

    def cuDeviceGet(self, out, index):
        return 0

    def cuDeviceGetName(self, out, length, handle):
        out.value = b"Made-up GPU"
        return 0

    def cuDeviceTotalMem_v2(self, out, handle):
        out._obj.value = 8 << 30
        return 0

    def cuDeviceGetAttribute(self, out, attribute, handle):
        out._obj.value = {75: 8, 76: 6}[attribute]
        return 0


@pytest.mark.parametrize(
    ("library", "expected"),
    [
        (
            Driver(),
            driver("12.8", [{"name": "Made-up GPU", "memory_bytes": 8 << 30, "compute_capability": "8.6"}]),
        ),
        (Driver(init=100), driver("12.8", [])),
        (Driver(init=999), driver("12.8", [], "cuInit returned 999")),
    ],
)
def test_driver_answers(monkeypatch, library, expected):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library)
    assert collect()["driver"] == expected
