"""What fits together and what to install: a diagnosis of the facts, and the report."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from batchgd.engine.backends import NUMPY_TOO_NEW
from batchgd.engine.installed import (
    COMPILER_PACKAGES,
    CORE_PACKAGES,
    CUDA_PACKAGES,
    CUPY_PACKAGES,
    LIBRARY_PACKAGES,
    PACKAGES,
    Facts,
)

EXTRAS = ("cu13", "cu12")
FIRST_DRIVER = {12: "525", 13: "580"}
"""The first driver branch that supports each CUDA (NVIDIA, CUDA toolkit release notes, table of drivers)."""
NUMBA_CUDA = (0, 30)
"""The series of numba-cuda that the kernels are written for, its last."""
NEWEST_CUDA_PYTHON = (3, 14)
"""The newest Python that numba-cuda has wheels for."""


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
    else:
        yield "ok", f"NumPy {packages['numpy']} and llvmlite {packages['llvmlite']}: the cpu and numpy backends work"


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
    cupys, install = _cupys(packages), _install(extra)
    if len(cupys) > 1:
        text = f"{' and '.join(cupys)} are installed together; they overwrite each other's files"
        yield "problem", text, f"pip uninstall {' '.join(cupys)}, then {install}"
    if "numba-cuda" not in packages:
        yield _without_numba_cuda(facts, cupys, install)
        return
    stack, cupy = _stack_major(packages), _cupy_major(cupys[0]) if cupys else None
    if not cupys:
        text = f"numba-cuda {packages['numba-cuda']}; device=True and arrays on the device need CuPy as well"
        yield "note", text, f"if you use these, {_cupys_cure(facts, extra)}"
    elif stack and cupy and stack != cupy:
        text = (
            f"{cupys[0]} is built for CUDA {cupy}, but numba-cuda's packages are for CUDA {stack}: "
            "pip installs the two together without complaint, and they do not work together"
        )
        yield "problem", text, f"pip uninstall {cupys[0]}, then {install}" if extra == f"cu{stack}" else install
    elif len(cupys) == 1:
        which = f" are both for CUDA {stack}" if stack and cupy else " are installed"
        yield "ok", f"numba-cuda {packages['numba-cuda']} and {cupys[0]} {packages[cupys[0]]}{which}"
        yield from _cupys_toolkit(facts, cupys[0], cupy)
    yield from _kernels(facts, extra)


def _without_numba_cuda(facts: Facts, cupys: list[str], install: str) -> tuple[str, ...]:
    what = f"{cupys[0]} is installed" if cupys else "there is an NVIDIA driver"
    if _version(facts.get("python", ""))[:2] > NEWEST_CUDA_PYTHON:
        text = f"{what}, but numba-cuda is missing, and has no wheels for Python {facts['python']}: no cuda backend"
        return "problem", text, f"use Python {_dotted(NEWEST_CUDA_PYTHON)}, then {install}"
    return "problem", f"{what}, but numba-cuda is missing: no cuda backend", install


def _cupys_toolkit(facts: Facts, name: str, major: int | None) -> _Findings:
    if major in LIBRARY_PACKAGES and not _has_toolkit(facts, major):
        text = f"{name} finds no CUDA toolkit: matrix products, random numbers and more of CuPy do not work"
        yield "note", text, f'if you use these, pip install "{name}[ctk]"'


def _cupys_cure(facts: Facts, extra: str) -> str:
    """CuPy alone, or with the libraries that a toolkit would have."""
    major = int(extra.removeprefix("cu"))
    return _install(extra) if _has_toolkit(facts, major) else f'pip install "cupy-cuda{major}x[ctk]"'


def _has_toolkit(facts: Facts, major: int) -> bool:
    """Whether CuPy finds the libraries of a toolkit: in a folder of the system, or in wheels."""
    return bool(facts.get("toolkit")) or all(name in facts.get("packages", {}) for name in LIBRARY_PACKAGES[major])


def _kernels(facts: Facts, extra: str) -> _Findings:
    """Whether a kernel compiles: the only proof that the packages fit together."""
    for kernel in facts.get("kernels") or []:
        capability, step, error = kernel["capability"], kernel.get("failed"), kernel.get("error")
        if step is None:
            yield "ok", f"a CUDA kernel was compiled and assembled for compute capability {capability}"
            continue
        what = "compiled" if step != "assemble" else "assembled"
        text = f"CUDA kernels cannot be {what} for compute capability {capability}: {error}"
        yield "problem", *_cause_and_cure(text, facts.get("packages", {}), extra, error or "")
        if not error.startswith("CCSupportError"):
            return  # as it will be for every other device


def _cause_and_cure(text: str, packages: dict[str, str], extra: str, error: str) -> tuple[str, str]:
    numpy, numba_cuda, major = packages.get("numpy", "0"), packages["numba-cuda"], _stack_major(packages)
    if _version(numpy) >= NUMPY_TOO_NEW:
        text += f"; NumPy {numpy} is too new for numba-cuda {numba_cuda}"
        return text, f'pip install "numpy<{_dotted(NUMPY_TOO_NEW)}"'
    if _version(numba_cuda)[:2] != NUMBA_CUDA:
        text += f"; batchgd needs numba-cuda {_dotted(NUMBA_CUDA)}, and {numba_cuda} is installed"
        return text, _install(extra)
    if error.startswith("CCSupportError") and major == 13:
        return f"{text}; CUDA 13 has dropped this device", f"in a fresh environment, {_install('cu12')}"
    needed = (*COMPILER_PACKAGES.get(major or 0, ()), "cuda-core", "cuda-bindings")
    missing = [name for name in needed if name not in packages]
    if missing:
        return f"{text}; {', '.join(missing)} {'are' if len(missing) > 1 else 'is'} missing", _install(extra)
    stack = f'"numba-cuda[{extra}]<{NUMBA_CUDA[0]}.{NUMBA_CUDA[1] + 1}" "numpy<{_dotted(NUMPY_TOO_NEW)}"'
    return text, f"pip install --force-reinstall {stack}"  # all packages are there, so files are missing or broken


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
        older = f", or {_install(f'cu{own}')} instead" if f"cu{own}" in EXTRAS else ""
        yield "problem", text, f"update the driver to {FIRST_DRIVER.get(stack, 'a newer one')} or newer{older}"
    if not driver.get("devices"):
        text = "the NVIDIA driver is installed, but it finds no device"
        yield "problem", text, "check CUDA_VISIBLE_DEVICES, and whether this container has access to the GPU"
    for device in driver.get("devices") or []:
        yield "ok", f"{device.get('name')}, driver for CUDA {supported}"


def _install(extra: str) -> str:
    return f'pip install "batchgd[{extra}]"'  # some shells take brackets without quotation marks for a pattern


def _suitable_extra(facts: Facts) -> str:
    """Return the extra to install: the newest that the driver supports, else the one that matches what is installed."""
    if cuda := (facts.get("driver") or {}).get("cuda"):
        return "cu12" if _version(cuda)[0] < 13 else "cu13"
    return next((f"cu{major}" for major in _majors(facts.get("packages", {})) if f"cu{major}" in EXTRAS), "cu13")


def _majors(packages: dict[str, str]) -> list[int]:
    """The CUDA versions that numba-cuda's packages and CuPy are for."""
    return [major for major in (_stack_major(packages), *map(_cupy_major, _cupys(packages))) if major]


def _stack_major(packages: dict[str, str]) -> int | None:
    wheels = [name for names in COMPILER_PACKAGES.values() for name in names]
    names = ("cuda-toolkit", *wheels, "cuda-bindings")
    return next((_version(packages[name])[0] for name in names if name in packages), None)


def _cupys(packages: dict[str, str]) -> list[str]:
    return [name for name in CUPY_PACKAGES if name in packages]


def _cupy_major(name: str) -> int | None:
    digits = name.removeprefix("cupy-cuda").removesuffix("x")
    return int(digits) if digits.isdigit() else None  # "cupy" was built from source: any version


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _version(text: str) -> tuple[int, ...]:
    """Read the leading numbers of a version.

    >>> _version("13.5.0rc1"), _version("?")
    ((13, 5, 0), (0,))
    """
    return tuple(map(int, re.findall(r"\d+", re.match(r"[\d.]*", text)[0]))) or (0,)  # type: ignore[index]


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
