"""Whether a device can run anything; every kernel that is measured, compiled, and its speed predicted."""

from __future__ import annotations

import subprocess
import time
from functools import partial
from typing import Any

from gpu_parts.choices import alternatives, launched_kernels
from gpu_parts.launched import Launched, batch_of
from gpu_parts.place import ROOT, Place
from gpu_parts.speed import device_facts, standard
from gpu_parts.workers import Record, Work

DEVICE = "device"
REHEARSED = "H200"
"""The device of which a rehearsal makes the predictions."""


def ready(place: Place) -> dict[str, Work]:
    """The device, and a first result."""
    return {DEVICE: partial(_device, place), "a first run": partial(_first_run, place)}


def _device(place: Place) -> Record:
    """Say what the device is; ``missing`` if there is none."""
    from batchgd.engine.backends import cuda_problem

    if not place.real:
        return {"device": place.name}
    missing = cuda_problem()
    if missing is not None:
        return {"missing": missing}
    from batchgd.kernels.cuda.assemble import current_capability
    from batchgd.kernels.cuda.stream import devices, multiprocessors

    return {
        **device_facts(),
        "capability": list(current_capability()),
        "multiprocessors": multiprocessors(),
        "devices": devices(),
    }


def _first_run(place: Place) -> Record:
    """Descend for the first time in this process, and once more."""
    import batchgd as bgd

    seconds = []
    for _ in range(2):
        began = time.perf_counter()
        found = bgd.multistart("himmelblau", starts=place.of(1000, 8), backend="cuda", maxiter=place.of(10_000, 4))
        seconds.append(time.perf_counter() - began)
    return {"first_seconds": seconds[0], "second_seconds": seconds[1], "minima": len(found.minima)}


def machine(device: Record) -> Record:
    """Return what a reader needs to interpret the numbers."""
    from batchgd.analysis.bench.machine import describe
    from batchgd.engine.compute import check_threads

    facts = describe(check_threads(None))
    facts["device"] = device.get("name") or device.get("device") or (facts["devices"] or ["unknown GPU"])[0]
    facts["details"] = {name: value for name, value in device.items() if name not in ("took",)}
    return facts


def problems() -> list[str]:
    """Return what `batchgd doctor` says is wrong here, a line each."""
    from batchgd.engine.doctor import diagnose
    from batchgd.engine.installed import collect

    found = [finding for finding in diagnose(collect()) if finding.level == "problem"]
    return [f"{finding.text}: {finding.remedy}" for finding in found]


def commit() -> str | None:
    """Return the commit of this checkout, if it has Git's files."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--tags"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def compiled(place: Place) -> dict[str, Work]:
    """Every kernel that is measured, with its prediction: they are kept on disk, and loaded from there."""
    items: dict[str, Work] = {f"{name}": partial(_compile, place, *rest) for name, *rest in standard(place)}
    for name, *rest in launched_kernels(place) if place.real else []:
        items[f"{name}, every bound on registers"] = partial(_compile_bounded, place, *rest)
    return items


def _compile(place: Place, case: Any, method: str, dtype: str) -> Record:
    began = time.perf_counter()
    batch = batch_of(place, case, method, dtype)
    launched = Launched(batch)
    return {"seconds": time.perf_counter() - began, **launched.needs(), **_predicted(place, batch)}


def _predicted(place: Place, batch: Any) -> Record:
    """Return what the machine code lets us expect of this device in evaluations per second, or why nothing is known."""
    from batchgd.engine.installed import collect

    try:
        from batchgd.analysis.bench.predict import predicted_updates

        name = collect()["driver"]["devices"][0]["name"] if place.real else REHEARSED
        found = predicted_updates(batch, name)
    except Exception as error:  # an unknown device, no disassembler: the measurement counts without it
        return {"no_prediction": f"{type(error).__name__}: {' '.join(str(error).split())}"}
    return {"predicted": found.updates_per_second, "bound_by": found.bound_by, "clocks": found.clocks}


def _compile_bounded(place: Place, case: Any, method: str, dtype: str) -> Record:
    began = time.perf_counter()
    found = alternatives(Launched(batch_of(place, case, method, dtype)))
    return {"seconds": time.perf_counter() - began, "configurations": len(found)}
