"""What is installed, what fits together, and what to install: facts are collected first, then judged.

`collect` looks at the machine and never raises; `diagnose` is a pure function from facts to findings.
"""

import contextlib
import ctypes
import importlib
import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from batchgd.engine.backends import interpreted, simulated

PACKAGES = ("batchgd", "numpy", "numba", "llvmlite", "scipy", "matplotlib", "pandas", "xarray")
CUDA_PACKAGES = (
    "numba-cuda",
    "cuda-bindings",
    "cuda-core",
    "cuda-toolkit",
    "nvidia-cuda-nvrtc",
    "nvidia-cuda-nvrtc-cu12",
    "nvidia-nvvm",
    "nvidia-cuda-nvcc-cu12",
    "nvidia-nvjitlink",
    "nvidia-nvjitlink-cu12",
)
CUPY_PACKAGES = ("cupy-cuda13x", "cupy-cuda12x", "cupy-cuda11x", "cupy")
SIMD = ("SSE42", "AVX", "AVX2", "FMA3", "AVX512F", "AVX512_SKX", "NEON", "ASIMD", "SVE")
EXTRAS = ("cu13", "cu12")
# The first driver branches that carry CUDA 12 and 13 (NVIDIA, CUDA toolkit release notes, table of drivers).
FIRST_DRIVER = {12: "525", 13: "580"}

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
    findings = [_interpreter(facts), *_core(facts), *_cache(facts)]
    packages = facts.get("packages", {})
    wanted = "numba-cuda" in packages or bool(_cupys(packages)) or bool(facts.get("driver"))
    if facts.get("simulator"):
        text = "NUMBA_ENABLE_CUDASIM is set: the cuda backend is simulated in Python, for tests of its logic alone"
        findings.append(Finding("note", text, "unset NUMBA_ENABLE_CUDASIM to use a real device"))
    if wanted:
        findings += [*_cuda_packages(facts), *_driver(facts)]
    else:
        text = "no GPU packages and no NVIDIA driver: batchgd runs on the CPU"
        findings.append(Finding("ok", text))
    return findings


def _interpreter(facts: Facts) -> Finding:
    version = facts.get("python", "")
    if version and _version(version) < (3, 11):
        return Finding("problem", f"Python {version} is too old", "use Python 3.11 or newer")
    return Finding("ok", f"Python {version or 'unknown'}")


def _core(facts: Facts) -> list[Finding]:
    packages = facts.get("packages", {})
    missing = [name for name in ("numpy", "numba", "llvmlite", "scipy") if name not in packages]
    if missing:
        return [Finding("problem", f"{' and '.join(missing)} missing", "pip install --force-reinstall batchgd")]
    if _version(packages["numpy"]) < (2,):
        return [Finding("problem", f"NumPy {packages['numpy']} is too old", 'pip install "numpy>=2"')]
    if facts.get("interpreted"):
        text = "NUMBA_DISABLE_JIT is set: nothing is compiled, and only the numpy backend works"
        return [Finding("problem", text, "unset NUMBA_DISABLE_JIT")]
    return [Finding("ok", f"NumPy {packages['numpy']} and Numba {packages['numba']}: the cpu and numpy backends work")]


def _cache(facts: Facts) -> list[Finding]:
    cache = facts.get("cache") or {}
    problem = cache.get("problem") or ("cannot be written" if cache.get("writable") is False else None)
    if problem is None:
        return []
    text = f"the cache folder {cache.get('folder')} {problem}: everything is compiled anew in each process"
    return [Finding("note", text, "set BATCHGD_CACHE_DIR to a folder that only you can write to")]


def _cuda_packages(facts: Facts) -> list[Finding]:
    packages = facts.get("packages", {})
    extra = _suitable_extra(facts)
    cupys = _cupys(packages)
    findings: list[Finding] = []
    if len(cupys) > 1:
        text = f"{' and '.join(cupys)} are installed together; they overwrite each other's files"
        findings.append(Finding("problem", text, f"pip uninstall {' '.join(cupys)}, then pip install batchgd[{extra}]"))
    if "numba-cuda" not in packages:
        what = f"{cupys[0]} is installed" if cupys else "there is an NVIDIA driver"
        text = f"{what}, but numba-cuda is missing: no cuda backend"
        return [*findings, Finding("problem", text, f"pip install batchgd[{extra}]")]
    stack = _stack_major(packages)
    cupy = _cupy_major(cupys[0]) if cupys else None
    if not cupys:
        text = f"numba-cuda {packages['numba-cuda']}; device=True and arrays on the device need CuPy as well"
        findings.append(Finding("note", text, f"if you use these, pip install batchgd[{extra}]"))
    elif stack is not None and cupy is not None and stack != cupy:
        text = (
            f"{cupys[0]} is built for CUDA {cupy}, but numba-cuda's packages are for CUDA {stack}: "
            "pip installs the two together without complaint, and they do not work together"
        )
        remedy = f"pip uninstall {cupys[0]}, then pip install batchgd[cu{stack}]"
        if extra != f"cu{stack}":
            remedy = f"pip install batchgd[{extra}]"
        findings.append(Finding("problem", text, remedy))
    elif len(cupys) == 1:
        which = f", both for CUDA {stack}" if stack and cupy else ""
        text = f"numba-cuda {packages['numba-cuda']} and {cupys[0]} {packages[cupys[0]]} fit together{which}"
        findings.append(Finding("ok", text))
    if stack is None:
        text = "numba-cuda is there without the CUDA toolkit's wheels; it needs a toolkit of the system (CUDA_HOME)"
        findings.append(Finding("note", text, f"pip install batchgd[{extra}]"))
    return findings


def _driver(facts: Facts) -> list[Finding]:
    driver, packages = facts.get("driver"), facts.get("packages", {})
    if not driver:
        text = "no NVIDIA driver: CUDA runs are not possible here, the cpu backend works"
        return [Finding("note", text, "on a machine with an NVIDIA GPU install its driver; else nothing is needed")]
    if driver.get("error"):
        text = f"the NVIDIA driver does not answer: {driver['error']}"
        return [Finding("problem", text, "run nvidia-smi: if it fails as well, reinstall the driver or restart")]
    findings = []
    supported, stack = driver.get("cuda"), _stack_major(packages)
    stack = stack or next((major for major in map(_cupy_major, _cupys(packages)) if major), None)
    if supported and stack and _version(supported)[0] < stack:
        text = f"the driver supports CUDA up to {supported}, but the installed packages are for CUDA {stack}"
        own = _version(supported)[0]
        cure = f"update the driver to {FIRST_DRIVER.get(stack, 'a newer one')} or newer"
        older = f", or pip install batchgd[cu{own}] instead" if f"cu{own}" in EXTRAS else ""
        findings.append(Finding("problem", text, cure + older))
    devices = driver.get("devices") or []
    if not devices:
        text = "the NVIDIA driver is there, but it shows no device"
        findings.append(
            Finding("problem", text, "check CUDA_VISIBLE_DEVICES, and whether this container was given the GPU")
        )
    for device in devices:
        findings.append(Finding("ok", f"{device.get('name')}, driver for CUDA {supported}"))
    return findings


def _suitable_extra(facts: Facts) -> str:
    """Return the extra to install: the newest that the driver carries, else the one of what is there already."""
    packages = facts.get("packages", {})
    driver = facts.get("driver") or {}
    if driver.get("cuda"):
        return "cu12" if _version(driver["cuda"])[0] < 13 else "cu13"
    majors = [_stack_major(packages), *map(_cupy_major, _cupys(packages))]
    return next((f"cu{major}" for major in majors if f"cu{major}" in EXTRAS), "cu13")


def _stack_major(packages: dict[str, str]) -> int | None:
    """Return the CUDA major version of the wheels that numba-cuda uses; None where there are none."""
    for name in ("cuda-toolkit", "nvidia-nvvm", "nvidia-cuda-nvrtc", "nvidia-cuda-nvcc-cu12", "cuda-bindings"):
        if name in packages:
            return _version(packages[name])[0]
    return None


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
    numbers = []
    for part in text.split("."):
        digits = part[: next((i for i, letter in enumerate(part) if not letter.isdigit()), len(part))]
        if not digits:
            break
        numbers.append(int(digits))
        if digits != part:
            break
    return tuple(numbers) or (0,)


# What is there


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


def _try(look: Any) -> Any:
    """Return what is found, None where looking fails: a broken part must not hide the others."""
    try:
        return look()
    except Exception:
        return None


def _packages() -> dict[str, str]:
    found = {}
    for name in (*PACKAGES, *CUPY_PACKAGES, *CUDA_PACKAGES):
        version = _try(lambda name=name: metadata.version(name))
        if isinstance(version, str):  # damaged metadata has no version
            found[name] = version
    return found


def _cpu_name() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _simd() -> list[str]:
    # Private, but the one place that knows on every platform what the processor can do, without a compiler loaded.
    features = importlib.import_module("numpy._core._multiarray_umath").__cpu_features__
    return [name for name in SIMD if features.get(name)]


def _cores() -> int | None:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _cache_folder() -> dict[str, Any]:
    from batchgd.compiler.cache.folder import chosen_folder, problem_with

    folder = parent = chosen_folder()
    while not parent.exists() and parent != parent.parent:
        parent = parent.parent
    writable = parent.is_dir() and os.access(parent, os.W_OK | os.X_OK)
    return {"folder": str(folder), "writable": writable, "problem": problem_with(folder) if writable else None}


def _cuda_driver() -> Facts | None:
    """Ask the driver's own library, which is there whenever a driver is; None without one."""
    try:
        library = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return None
    number = ctypes.c_int()
    supported = None
    if library.cuDriverGetVersion(ctypes.byref(number)) == 0:
        supported = f"{number.value // 1000}.{number.value % 1000 // 10}"
    status = library.cuInit(0)
    if status == 100:  # CUDA_ERROR_NO_DEVICE: the driver works
        return {"cuda": supported, "devices": [], "error": None}
    if status != 0:
        return {"cuda": supported, "devices": [], "error": f"cuInit returned {status}"}
    library.cuDeviceGetCount(ctypes.byref(number))
    return {"cuda": supported, "devices": [_device(library, i) for i in range(number.value)], "error": None}


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
    general = [name for name in PACKAGES if name in packages]
    cuda = [name for name in (*CUPY_PACKAGES, *CUDA_PACKAGES) if name in packages]
    simd = ", ".join(cpu.get("simd") or []) or "none known"
    lines = [
        "installed",
        f"  python    {facts.get('python')} on {facts.get('platform')}",
        f"  packages  {_versions(packages, general)}",
        f"  cuda      {_versions(packages, cuda) or 'no packages'}",
        f"  cpu       {cpu.get('name')}, {cpu.get('cores')} cores, {simd}",
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
    for finding in findings:
        lines.append(f"  {finding.level + ':':<9} {finding.text}")
        if finding.remedy:
            lines.append(f"            -> {finding.remedy}")
    return "\n".join(lines)


def _versions(packages: dict[str, str], names: list[str]) -> str:
    return ", ".join(f"{name} {packages[name]}" for name in names)
