"""A result in a folder: NumPy arrays and one JSON file, no pickle, written whole or not at all.

``result.json`` holds the format's name and version, the metadata, and a CRC-32 of every array file, so that a file
that is missing, cut short or altered is reported as such. Arrays per start are ``<name>.npy``; the columns of the
tables are ``minima.npz``, ``stationary.npz`` and, if there are any, ``strategy.npz`` and ``saddles.npz``.

A folder may come from anybody, and the checksums of a forged one are right. So every field is checked against its type
(``typed.py``), every array against its header and the others (``stored_files.py``, ``stored_tables.py``), and names
are looked up in the tables of methods and landscapes only. How a folder gets its name says ``stored_folder.py``.
"""

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from batchgd.api.storage.codec import decode, encode
from batchgd.api.storage.files import (
    MOST_JSON,
    read_array,
    read_columns,
    read_json,
    write,
    write_array,
    write_columns,
)
from batchgd.api.storage.folder import HEAD, appearing, settle
from batchgd.api.storage.result import MULTISTART, OF_MULTISTART, Head, Meta, build
from batchgd.api.storage.tables import PER_START, TABLES, join, split
from batchgd.api.storage.typed import typed
from batchgd.compiler.differentiable import MissingFunction
from batchgd.compiler.trace.call import with_args
from batchgd.minima.results import BatchData, LandscapeData
from batchgd.output.summary import method_name, method_parameters
from batchgd.problem import check
from batchgd.problem.arrays import host
from batchgd.problem.errors import InputError, WriteError, told
from batchgd.problem.speaker import said

FORMAT = "batchgd result"
VERSION = 1
_OPTIONAL = ("x0", "jac", "strategy", "saddles")
_MOST_TRACED = 10_000
"""Coordinates up to which a landscape is traced unasked: that takes seconds, of ten times as many a minute."""


def save(result: BatchData, folder: str | Path, *, overwrite: bool = False) -> Path:
    """Write a result into a new folder: it appears complete, or not at all.

    The files are written and flushed in a temporary folder beside the target, which then takes the target's name in one
    rename: of several processes that save to one new name, one succeeds. Gradients are stored if they were evaluated
    before, saddles if ``result.connect()`` has found them; the function itself is not, a library landscape's name is.

    Parameters
    ----------
    result : BatchData
        What ``multistart`` or ``descend`` returned.
    folder : str or Path
        Where to; its parent must exist. A folder that holds anything is refused.
    overwrite : bool
        Replace an earlier saved result; a folder that holds anything else is still refused. The earlier result is
        there until the new one is complete, and comes back if the process is killed while the two change places.

    Returns
    -------
    Path
        The folder, absolute, links resolved.

    Raises
    ------
    InputError
        When the folder is in use.
    WriteError
        When it cannot be written, or the disk is full; nothing is left behind, and an earlier result is what it was.
    """
    target = _path(folder)
    try:
        with appearing(target, check.flag("overwrite", overwrite)) as staging:
            _write_all(result, staging)
    except OSError as error:
        reason = error.strerror or error
        raise WriteError(f"cannot write {target}: {reason}; choose a folder that you can write") from error
    return target


def read(folder: str | Path, fun: Any = None, args: Any = ()) -> BatchData:
    """Read a result as data; see :func:`batchgd.load`."""
    path = _path(folder)
    settle(path)
    if not os.path.isdir(path):
        raise InputError(f"{path} is not a folder; give one that {said('result.save(folder)', '--out')} wrote")
    head = _read_head(path)
    try:
        return _assemble(path, head, with_args(fun, args))
    except RecursionError:
        raise InputError(f"{path / HEAD} is nested too deeply; the result is damaged, run again") from None
    except MemoryError:
        raise InputError(f"{path} takes more memory than there is; load it on a larger machine") from None


def _path(folder: str | Path) -> Path:
    try:
        return Path(os.path.realpath(check.path("the folder", folder)))
    except OSError as error:  # the working folder is gone
        raise InputError(f"the folder is {told(folder)}: {error.strerror}; give its full path") from None


# Writing


def _write_all(result: BatchData, folder: Path) -> None:
    files = {f"{name}.npy": write_array(folder / f"{name}.npy", array) for name, array in _columns(result).items()}
    meta = _meta(result)
    for name in TABLES:
        if result.__dict__.get(name) is not None:  # saddles that were not sought are not sought now
            columns, meta[name] = split(result.__dict__[name])
            files[f"{name}.npz"] = write_columns(folder / f"{name}.npz", columns)
    kind = MULTISTART if isinstance(result, LandscapeData) else "BatchResult"
    head = {"format": FORMAT, "version": VERSION, "kind": kind, "files": files, "meta": encode(meta)}
    body = json.dumps(head, indent=1, allow_nan=False).encode()
    if len(body) > MOST_JSON:
        raise InputError(f"the settings take {len(body):,} bytes of at most {MOST_JSON:,}: set result.method = None")
    write(folder / HEAD, lambda out: out.write(body))


def _columns(result: BatchData) -> dict[str, np.ndarray]:
    columns = {
        name: host(getattr(result, name))
        for name in ("x", "fun", "nit", "nfev", "status", "label")
        if hasattr(result, name)
    }
    if result.starts is not None and result.kept:
        columns["x0"] = result.x0
    if "jac" in result.__dict__:
        columns["jac"] = result.jac
    return columns


def _meta(result: BatchData) -> dict[str, Any]:
    from batchgd import __version__

    method = result.method
    if method is not None and not isinstance(method, str):
        method = {"name": method_name(method), "parameters": method_parameters(method)}
    return {
        "batchgd": __version__,
        "objective": getattr(result.objective, "name", None),
        "dim": result.dim,
        "params": getattr(result.objective, "params", None),
        "sampling": getattr(result.starts, "name", None),
        "method": method,
        "box": None if result.box is None else [result.box.lower, result.box.upper],
        "stopping": None if result.stopping is None else dataclasses.asdict(result.stopping),
        "scale": result.scale,
        **{name: getattr(result, name) for name in ("backend", "dtype", "seconds", "warnings")},
        **{name: getattr(result, name) for name in OF_MULTISTART if hasattr(result, name)},
        "counted": None if result.kept else result.status_counts(),
        "stopped": stopped.to_dict() if (stopped := getattr(result, "stopped", None)) else None,
    }


# Reading


def _read_head(path: Path) -> Head:
    if not os.path.lexists(path / HEAD):
        raise InputError(f"{path} holds no {HEAD}; give a folder that {said('result.save(folder)', '--out')} wrote")
    try:
        head = read_json(path / HEAD)
        version = typed(head["version"], int, "version") if _is_ours(head) else None
        if version == VERSION:
            return typed(head, Head, "content")
    except InputError as error:
        raise _damaged(path, f"{HEAD} {error}") from None
    if version is None:
        raise InputError(
            f"{path / HEAD} is not of a batchgd result; give a folder that {said('result.save(folder)', '--out')} wrote"
        )
    raise InputError(f"{path} has format version {version}, this batchgd reads {VERSION}; use the one that wrote it")


def _is_ours(head: Any) -> bool:
    return isinstance(head, dict) and head.get("format") == FORMAT and "version" in head


def _damaged(path: Path, why: object) -> InputError:
    return InputError(f"{path} cannot be read: {why}; the result is damaged, restore it or run again")


def _assemble(path: Path, head: Head, fun: Any) -> BatchData:
    """Read everything, check it, and build the result."""
    whole = head.kind == MULTISTART
    expected = {name: f"{name}.npy" for name in PER_START if whole or name != "label"}
    expected |= {name: f"{name}.npz" for name in TABLES if whole}
    lacking = [file for name, file in expected.items() if name not in _OPTIONAL and file not in head.files]
    try:
        if lacking:
            raise InputError(f"{HEAD} does not list {', '.join(lacking)}")
        fields = decode(head.meta)
        meta = typed(fields, Meta, "meta")
        stored = {name: _read(path, file, head) for name, file in expected.items() if file in head.files}
        tables = {name: join(name, stored.pop(name), fields.get(name)) for name in TABLES if name in stored}
        result = build(head.kind, meta, stored, tables)
    except InputError as error:
        raise _damaged(path, error) from None
    result.objective = _objective(result, meta, fun)
    return result


def _read(path: Path, name: str, head: Head) -> Any:
    """One array, or the columns of one table."""
    reader = read_array if name.endswith(".npy") else read_columns
    try:
        return reader(path / name, head.files[name])
    except InputError as error:
        raise InputError(f"{name} {error}") from None


def _objective(result: BatchData, meta: Meta, fun: Any) -> Any:
    """The function passed in, a library landscape of the stored name, or a stand-in that says how to get it."""
    if meta.objective is None and fun is None:
        return None
    stand_in = MissingFunction(meta.objective or "fun", meta.dim)
    if fun is None:
        found = _landscape(meta.objective, meta.dim) if meta.dim <= _MOST_TRACED else None
        return found if found is not None and _agrees(found, result) else stand_in
    found = _landscape(fun, meta.dim) if isinstance(fun, str) else fun
    if found is None:
        raise InputError(f"there is not a landscape {fun!r} in {meta.dim} dimensions; `batchgd list` shows all")
    if not hasattr(found, "gradient"):
        from batchgd.compiler.objective import Objective

        found = Objective(fun, meta.dim, params=meta.params, box=result.box)
    if not _agrees(found, result):
        raise InputError("fun disagrees with the stored values at the best points; pass the function of that run")
    return found


def _landscape(name: Any, dim: int) -> Any:
    from batchgd.compiler.resolve import as_objective
    from batchgd.problem import landscapes

    try:
        return as_objective(landscapes.get(name), dim)
    except (InputError, ImportError, AttributeError):
        return None


def _agrees(objective: Any, result: BatchData) -> bool:
    """Whether the function gives the stored values at the best endpoints."""
    best = np.argsort(np.where(np.isfinite(result.fun), result.fun, np.inf), kind="stable")[:16]
    try:
        value = np.asarray(objective.value(result.x[best].astype(np.float64)))
    except (InputError, ValueError, TypeError, IndexError):
        return False
    tolerance = 1e-3 if result.dtype == "float32" else 1e-9
    return bool(np.allclose(value, result.fun[best], rtol=tolerance, atol=tolerance, equal_nan=True))
