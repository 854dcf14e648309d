"""What is installed: the machine, its packages and its driver as facts, and whether a CUDA kernel compiles.

Looking never raises: whatever cannot be found out is None.
"""

import ctypes
import importlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from batchgd.engine.backends import simulated

CORE_PACKAGES = ("numpy", "numba", "llvmlite", "scipy")
PACKAGES = ("batchgd", *CORE_PACKAGES, "matplotlib", "pandas", "xarray")
CUPY_PACKAGES = ("cupy-cuda13x", "cupy-cuda12x", "cupy-cuda11x", "cupy")
COMPILER_PACKAGES = {
    13: ("nvidia-nvvm", "nvidia-cuda-nvrtc", "nvidia-cuda-runtime", "nvidia-nvjitlink"),
    12: ("nvidia-cuda-nvcc-cu12", "nvidia-cuda-nvrtc-cu12", "nvidia-cuda-runtime-cu12", "nvidia-nvjitlink-cu12"),
}
"""The wheels that numba-cuda compiles with, by CUDA version: NVVM, NVRTC, the runtime and the assembler."""
LIBRARY_PACKAGES = {13: ("nvidia-cublas", "nvidia-curand"), 12: ("nvidia-cublas-cu12", "nvidia-curand-cu12")}
"""The first of the wheels that CuPy's extra ``ctk`` installs, by CUDA version."""
CUDA_PACKAGES = (
    *("numba-cuda", "cuda-toolkit", "cuda-bindings", "cuda-core"),
    *(name for names in COMPILER_PACKAGES.values() for name in names),
    *(name for names in LIBRARY_PACKAGES.values() for name in names),
)
SIMD = ("SSE42", "AVX", "AVX2", "FMA3", "AVX512F", "AVX512_SKX", "NEON", "ASIMD", "SVE")
CAPABILITY = "9.0"
"""The compute capability that is compiled for without a device."""
PATIENCE = 180  # seconds for one kernel, most of them to read numba-cuda from a slow disk

Facts = dict[str, Any]


def collect() -> Facts:
    """Look at the machine; nothing heavy is imported."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": _packages(),
        "cpu": {"name": _try(_cpu_name), "simd": _try(_simd) or [], "cores": _try(_cores)},
        "driver": _try(_cuda_driver),
        "simulator": simulated(),
        "toolkit": _try(_toolkit),
        "cache": _try(_cache_folder),
    }


def _try(look: Any, *arguments: Any) -> Any:
    """Return what is found, or None if looking fails: a broken part must not hide the others."""
    try:
        return look(*arguments)
    except Exception:
        return None


def _packages() -> dict[str, str]:
    versions = {name: _try(metadata.version, name) for name in (*PACKAGES, *CUPY_PACKAGES, *CUDA_PACKAGES)}
    return {name: version for name, version in versions.items() if isinstance(version, str)}  # damaged: not a string


def _cpu_name() -> str:
    text = _try(Path("/proc/cpuinfo").read_text, "utf-8", "replace") or ""
    model = re.search(r"^model name\s*:\s*(.*)", text, re.MULTILINE)
    return model[1].strip() if model else platform.processor() or platform.machine()


def _simd() -> list[str]:
    # Private, but the one place that knows on every platform what the processor can do, without a compiler loaded.
    features = importlib.import_module("numpy._core._multiarray_umath").__cpu_features__
    return [name for name in SIMD if features.get(name)]


def _cores() -> int | None:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _cache_folder() -> dict[str, Any]:
    from batchgd.compiler.cache.folder import chosen_folder, problem_with

    folder = chosen_folder()
    parent = next(place for place in (folder, *folder.parents) if place.exists() or place == place.parent)
    writable = parent.is_dir() and os.access(parent, os.W_OK | os.X_OK)
    return {"folder": str(folder), "writable": writable, "problem": problem_with(folder) if writable else None}


def _toolkit() -> str | None:
    """Return the folder of a CUDA toolkit on the system."""
    named = os.environ.get("CUDA_HOME") or os.environ.get("CUDA_PATH")
    if named:
        return named
    compiler = shutil.which("nvcc")
    if compiler:
        return str(Path(compiler).resolve().parent.parent)
    usual = Path("/usr/local/cuda")
    return str(usual) if usual.is_dir() else None


def _cuda_driver() -> Facts | None:
    """Query the driver's own library, which is present whenever a driver is; None without one."""
    try:
        library = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return None
    number, found = ctypes.c_int(), Facts(cuda=None, devices=[], error=None)
    if library.cuDriverGetVersion(ctypes.byref(number)) == 0:
        found["cuda"] = f"{number.value // 1000}.{number.value % 1000 // 10}"
    status = library.cuInit(0)
    if status == 0:
        library.cuDeviceGetCount(ctypes.byref(number))
        found["devices"] = [_device(library, i) for i in range(number.value)]
    elif status != 100:  # CUDA_ERROR_NO_DEVICE: the driver works
        found["error"] = f"cuInit returned {status}"
    return found


def _device(library: Any, index: int) -> Facts:
    handle, name, memory = ctypes.c_int(), ctypes.create_string_buffer(128), ctypes.c_size_t()
    major, minor = ctypes.c_int(), ctypes.c_int()
    library.cuDeviceGet(ctypes.byref(handle), index)
    library.cuDeviceGetName(name, len(name), handle)
    library.cuDeviceTotalMem_v2(ctypes.byref(memory), handle)
    library.cuDeviceGetAttribute(ctypes.byref(major), 75, handle)  # compute capability, major and minor
    library.cuDeviceGetAttribute(ctypes.byref(minor), 76, handle)
    return {
        "name": name.value.decode(errors="replace"),
        "memory_bytes": memory.value,
        "compute_capability": f"{major.value}.{minor.value}",
    }


# Whether a kernel compiles


def try_kernels(facts: Facts) -> list[Facts]:
    """Compile and assemble a kernel of one line for every device, or for a common one if there is none."""
    if "numba-cuda" not in (facts.get("packages") or {}):
        return []
    devices = (facts.get("driver") or {}).get("devices") or []
    capabilities = sorted({device["compute_capability"] for device in devices} or {CAPABILITY})
    return [{"capability": capability, **_try_kernel(capability)} for capability in capabilities]


def _try_kernel(capability: str) -> Facts:
    """Do it in another process: a broken compiler may crash, and this one need not load it."""
    trial = Path(__file__).parents[1] / "kernels" / "cuda" / "trial.py"
    command = [sys.executable, "-P", str(trial), capability]
    unwanted = ("NUMBA_ENABLE_CUDASIM", "NUMBA_DISABLE_JIT", "PYTHONWARNINGS")
    environment = {name: value for name, value in os.environ.items() if name not in unwanted}
    try:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        return {"failed": "compile", "error": f"nothing after {PATIENCE} s"}
    except OSError as error:
        return {"failed": "start", "error": f"Python does not start: {error}"}
    try:
        return dict(json.loads(done.stdout.splitlines()[-1]))
    except (IndexError, ValueError, TypeError):
        ended = f"ended by signal {-done.returncode}" if done.returncode < 0 else f"exit code {done.returncode}"
        said = done.stderr.decode(errors="replace").strip().splitlines()
        return {"failed": "compile", "error": "; ".join([ended, *said[-1:]])}
