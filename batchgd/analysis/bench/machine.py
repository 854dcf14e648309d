"""The machine and the software that a measurement was made with."""

from __future__ import annotations

import os
import time
from typing import Any

PACKAGES = ("numpy", "numba", "llvmlite", "numba-cuda", "cupy-cuda13x", "cupy-cuda12x")


def describe(threads: int) -> dict[str, Any]:
    """Return what a reader needs to interpret the numbers, ready for JSON."""
    from batchgd import __version__
    from batchgd.engine.installed import collect

    facts = collect()
    cpu, packages, driver = facts["cpu"] or {}, facts["packages"] or {}, facts["driver"] or {}
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "cpu": cpu.get("name"),
        "cores": cpu.get("cores"),
        "threads": threads,
        "simd": cpu.get("simd") or [],
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "devices": [device["name"] for device in driver.get("devices") or []],
        "driver": driver.get("cuda"),
        "python": facts["python"],
        "platform": facts["platform"],
        "versions": {
            "batchgd": __version__,
            **{name: packages[name] for name in PACKAGES if name in packages},
        },
    }


def heading(machine: dict[str, Any]) -> list[str]:
    """Return the same as lines of text.

    >>> heading({"date": "2025-01-01", "cpu": "A", "cores": 2, "threads": 2, "simd": ["AVX2"], "versions": {"a": "1"}})
    ['2025-01-01', 'A, 2 cores, AVX2; 2 threads', 'a 1']
    """
    cpu = (
        f"{machine.get('cpu')}, {machine.get('cores')} cores, {machine['simd'][-1] if machine.get('simd') else 'SIMD?'}"
    )
    load = machine.get("load")
    busy = f"; load {load:g} before the run" if load else ""
    devices = machine.get("devices") or []
    versions = ", ".join(f"{name} {version}" for name, version in machine.get("versions", {}).items())
    python = f"Python {machine['python']}, " if machine.get("python") else ""
    return [
        str(machine.get("date")),
        f"{cpu}; {machine.get('threads')} threads{busy}",
        *([f"{', '.join(devices)}; driver for CUDA {machine.get('driver')}"] if devices else []),
        f"{python}{versions}",
    ]
