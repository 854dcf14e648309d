"""What is installed, what fits together, and what to install: facts are collected first, then judged.

`collect` looks at the machine and never raises; `diagnose` is a pure function from facts to findings.
"""

import ctypes
import importlib
import os
import platform
import re
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from batchgd.engine.backends import interpreted, simulated

CORE_PACKAGES = ("numpy", "numba", "llvmlite", "scipy")
PACKAGES = ("batchgd", *CORE_PACKAGES, "matplotlib", "pandas", "xarray")
CUPY_PACKAGES = ("cupy-cuda13x", "cupy-cuda12x", "cupy-cuda11x", "cupy")
STACK_PACKAGES = ("cuda-toolkit", "nvidia-nvvm", "nvidia-cuda-nvrtc", "nvidia-cuda-nvcc-cu12", "cuda-bindings")
"""The packages that numba-cuda uses; their versions show which CUDA they are for."""
CUDA_PACKAGES = (
    *("numba-cuda", *STACK_PACKAGES, "cuda-core"),
    *("nvidia-cuda-nvrtc-cu12", "nvidia-nvjitlink", "nvidia-nvjitlink-cu12"),
)
SIMD = ("SSE42", "AVX", "AVX2", "FMA3", "AVX512F", "AVX512_SKX", "NEON", "ASIMD", "SVE")
EXTRAS = ("cu13", "cu12")
FIRST_DRIVER = {12: "525", 13: "580"}
"""The first driver branch that supports each CUDA (NVIDIA, CUDA toolkit release notes, table of drivers)."""

Facts = dict[str, Any]


class Finding(NamedTuple):
    """One line of the diagnosis: level "ok", "note" or "problem", what it is, and what to do (empty: nothing)."""

    level: str
    text: str
    remedy: str = ""


# What fits together


def diagnose(facts: Facts) -> list[Finding]:
    """Judge the facts that `collect` returned; a missing fact is an unknown, never an error.

    >>> diagnose({"packages": {"numba-cuda": "0.30.4"}, "driver": None})[-1].text
    'no NVIDIA driver: CUDA runs are not possible here, the cpu backend works'
    """
    return [Finding(*finding) for judge in (_python, _compiler, _cache, _gpu) for finding in judge(facts)]


_Findings = Iterator[tuple[str, ...]]


def _python(facts: Facts) -> _Findings:
    version = facts.get("python", "")
    if version and _version(version) < (3, 11):
        yield "problem", f"Python {version} is too old", "use Python 3.11 or newer"
    else:
        yield "ok", f"Python {version or 'unknown'}"


def _compiler(facts: Facts) -> _Findings:
    packages = facts.get("packages", {})
    missing = [name for name in CORE_PACKAGES if name not in packages]
    if missing:
        be = "are" if len(missing) > 1 else "is"
        yield "problem", f"{' and '.join(missing)} {be} missing", "pip install --force-reinstall batchgd"
    elif _version(packages["numpy"]) < (2,):
        yield "problem", f"NumPy {packages['numpy']} is too old", 'pip install "numpy>=2"'
    elif facts.get("interpreted"):
        text = "NUMBA_DISABLE_JIT is set: nothing is compiled, and only the numpy backend works"
        yield "problem", text, "unset NUMBA_DISABLE_JIT"
    else:
        yield "ok", f"NumPy {packages['numpy']} and Numba {packages['numba']}: the cpu and numpy backends work"


def _cache(facts: Facts) -> _Findings:
    cache = facts.get("cache") or {}
    problem = cache.get("problem") or ("cannot be written" if cache.get("writable") is False else None)
    if problem:
        text = f"the cache folder {cache.get('folder')} {problem}: everything is compiled again in each process"
        yield "note", text, "set BATCHGD_CACHE_DIR to a folder that only you can write to"


def _gpu(facts: Facts) -> _Findings:
    packages = facts.get("packages", {})
    if facts.get("simulator"):
        text = "NUMBA_ENABLE_CUDASIM is set: the cuda backend is simulated in Python, for tests of its logic only"
        yield "note", text, "unset NUMBA_ENABLE_CUDASIM to use a real device"
    if "numba-cuda" in packages or _cupys(packages) or facts.get("driver"):
        yield from _cuda_packages(facts)
        yield from _driver(facts)
    else:
        yield "ok", "no GPU packages and no NVIDIA driver: batchgd runs on the CPU"


def _cuda_packages(facts: Facts) -> _Findings:
    packages, extra = facts.get("packages", {}), _suitable_extra(facts)
    cupys, install = _cupys(packages), f"pip install batchgd[{extra}]"
    if len(cupys) > 1:
        text = f"{' and '.join(cupys)} are installed together; they overwrite each other's files"
        yield "problem", text, f"pip uninstall {' '.join(cupys)}, then {install}"
    if "numba-cuda" not in packages:
        what = f"{cupys[0]} is installed" if cupys else "there is an NVIDIA driver"
        yield "problem", f"{what}, but numba-cuda is missing: no cuda backend", install
        return
    stack, cupy = _stack_major(packages), _cupy_major(cupys[0]) if cupys else None
    if not cupys:
        text = f"numba-cuda {packages['numba-cuda']}; device=True and arrays on the device need CuPy as well"
        yield "note", text, f"if you use these, {install}"
    elif stack and cupy and stack != cupy:
        text = (
            f"{cupys[0]} is built for CUDA {cupy}, but numba-cuda's packages are for CUDA {stack}: "
            "pip installs the two together without complaint, and they do not work together"
        )
        yield "problem", text, f"pip uninstall {cupys[0]}, then {install}" if extra == f"cu{stack}" else install
    elif len(cupys) == 1:
        which = f", both for CUDA {stack}" if stack and cupy else ""
        yield "ok", f"numba-cuda {packages['numba-cuda']} and {cupys[0]} {packages[cupys[0]]} fit together{which}"
    if stack is None:
        text = "numba-cuda is installed without the CUDA toolkit's wheels; it needs a toolkit on the system (CUDA_HOME)"
        yield "note", text, install


def _driver(facts: Facts) -> _Findings:
    driver, stack = facts.get("driver"), next(iter(_majors(facts.get("packages", {}))), None)
    if not driver:
        text = "no NVIDIA driver: CUDA runs are not possible here, the cpu backend works"
        yield "note", text, "on a machine with an NVIDIA GPU install its driver; otherwise nothing is needed"
        return
    if driver.get("error"):
        text = f"the NVIDIA driver does not respond: {driver['error']}"
        yield "problem", text, "run nvidia-smi: if it fails as well, reinstall the driver or restart"
        return
    supported = driver.get("cuda")
    if supported and stack and (own := _version(supported)[0]) < stack:
        text = f"the driver supports CUDA up to {supported}, but the installed packages are for CUDA {stack}"
        older = f", or pip install batchgd[cu{own}] instead" if f"cu{own}" in EXTRAS else ""
        yield "problem", text, f"update the driver to {FIRST_DRIVER.get(stack, 'a newer one')} or newer{older}"
    if not driver.get("devices"):
        text = "the NVIDIA driver is installed, but it finds no device"
        yield "problem", text, "check CUDA_VISIBLE_DEVICES, and whether this container has access to the GPU"
    for device in driver.get("devices") or []:
        yield "ok", f"{device.get('name')}, driver for CUDA {supported}"


def _suitable_extra(facts: Facts) -> str:
    """Return the extra to install: the newest that the driver supports, else the one that matches what is installed."""
    if cuda := (facts.get("driver") or {}).get("cuda"):
        return "cu12" if _version(cuda)[0] < 13 else "cu13"
    return next((f"cu{major}" for major in _majors(facts.get("packages", {})) if f"cu{major}" in EXTRAS), "cu13")


def _majors(packages: dict[str, str]) -> list[int]:
    """The CUDA versions that numba-cuda's packages and CuPy are for."""
    return [major for major in (_stack_major(packages), *map(_cupy_major, _cupys(packages))) if major]


def _stack_major(packages: dict[str, str]) -> int | None:
    return next((_version(packages[name])[0] for name in STACK_PACKAGES if name in packages), None)


def _cupys(packages: dict[str, str]) -> list[str]:
    return [name for name in CUPY_PACKAGES if name in packages]


def _cupy_major(name: str) -> int | None:
    digits = name.removeprefix("cupy-cuda").removesuffix("x")
    return int(digits) if digits.isdigit() else None  # "cupy" was built from source: any version


def _version(text: str) -> tuple[int, ...]:
    """Read the leading numbers of a version.

    >>> _version("13.5.0rc1"), _version("?")
    ((13, 5, 0), (0,))
    """
    return tuple(map(int, re.findall(r"\d+", re.match(r"[\d.]*", text)[0]))) or (0,)  # type: ignore[index]


# What is installed


def collect() -> Facts:
    """Look at the machine: nothing heavy is imported, and whatever cannot be found out is None."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": _packages(),
        "cpu": {"name": _try(_cpu_name), "simd": _try(_simd) or [], "cores": _try(_cores)},
        "driver": _try(_cuda_driver),
        "simulator": simulated(),
        "interpreted": interpreted(),
        "cuda_home": os.environ.get("CUDA_HOME") or os.environ.get("CUDA_PATH"),
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


# The report


def report(facts: Facts, findings: list[Finding]) -> str:
    """Return facts and findings as text for a person."""
    cpu, driver, cache = (facts.get(name) or {} for name in ("cpu", "driver", "cache"))
    packages = facts.get("packages", {})
    lines = [
        "installed",
        f"  python    {facts.get('python')} on {facts.get('platform')}",
        f"  packages  {_versions(packages, PACKAGES)}",
        f"  cuda      {_versions(packages, (*CUPY_PACKAGES, *CUDA_PACKAGES)) or 'no packages'}",
        f"  cpu       {cpu.get('name')}, {cpu.get('cores')} cores, {', '.join(cpu.get('simd') or []) or 'none known'}",
        f"  driver    {'CUDA up to ' + str(driver.get('cuda')) if driver else 'none'}",
        *(
            f"  device    {d.get('name')}, compute capability {d.get('compute_capability')}, "
            f"{(d.get('memory_bytes') or 0) / 2**30:.0f} GiB"
            for d in driver.get("devices") or []
        ),
        f"  cache     {cache.get('folder')}{'' if cache.get('writable', True) else ' (cannot be written)'}",
        "",
        "what fits together",
    ]
    for level, text, remedy in findings:
        lines.append(f"  {level + ':':<9} {text}")
        lines += [f"            -> {remedy}"] if remedy else []
    return "\n".join(lines)


def _versions(packages: dict[str, str], names: tuple[str, ...]) -> str:
    return ", ".join(f"{name} {packages[name]}" for name in names if name in packages)
