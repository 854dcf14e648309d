"""A result in a folder: NumPy arrays beside one JSON file, no pickle, written whole or not at all.

``result.json`` holds the format's name and version, the metadata, and a CRC-32 of every array file, so that a file
that is missing, cut short or altered is told as such. Arrays per start are ``<name>.npy``; the columns of the tables
are ``minima.npz``, ``stationary.npz`` and, where there are any, ``strategy.npz`` and ``saddles.npz``.
"""

import dataclasses
import json
import os
import shutil
import uuid
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from batchgd.codec import decode, encode
from batchgd.errors import InputError, WriteError
from batchgd.kernels.status import Status
from batchgd.keywords import explained
from batchgd.report import method_name, method_parameters
from batchgd.result import BatchResult, MultistartResult
from batchgd.standins import MissingFunction, StoredStarts, host
from batchgd.stored_tables import TABLES, join, split

FORMAT = "batchgd result"
VERSION = 1
_HEAD = "result.json"
_PER_START = ("x", "fun", "nit", "nfev", "status", "label", "x0", "jac")
_OF_MULTISTART = ("seed", "independent", "x_tol", "f_tol", "cut_short")
_CHUNK = 1 << 22


def save(result: BatchResult, folder: str | Path, *, overwrite: bool = False) -> Path:
    """Write a result into a new folder: it appears complete, or not at all.

    The files are written and flushed in a temporary folder beside the target, which then takes the target's name in one
    rename. Gradients are stored if they were evaluated before, saddles if ``result.connect()`` has found them; the
    function itself is not, a library landscape's name is.

    Parameters
    ----------
    result : BatchResult
        What ``multistart`` or ``descend`` returned.
    folder : str or Path
        Where to; its parent must exist. A folder that holds anything is refused.
    overwrite : bool
        Replace an earlier saved result; a folder that holds anything else is still refused.

    Returns
    -------
    Path
        The folder, absolute.

    Raises
    ------
    InputError
        When the folder is in use or cannot be written.
    """
    target = _path(folder).absolute()
    _check_target(target, overwrite)
    staging = target.parent / f".{target.name[:40]}.{uuid.uuid4().hex[:8]}.partial"  # a name may be as long as allowed
    try:
        staging.mkdir()
        try:
            _write_all(result, staging)
            _move_into_place(staging, target)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    except OSError as error:
        raise WriteError(
            f"cannot write {target}: {error.strerror or error}; choose a folder that you can write"
        ) from error
    return target


@explained
def load(folder: str | Path, *, fun: Any = None, args: Any = ()) -> BatchResult:
    """Read back what :func:`save` wrote; arrays come back bit for bit.

    A library landscape is found again by its name. Another function is not stored with the result: without it the
    result prints and draws all that needs no function, and ``jac`` is there only if it was evaluated before saving.

    Parameters
    ----------
    folder : str or Path
        Where the result lies.
    fun : callable or Objective, optional
        The function of the run, to have gradients and contours again; its values at the best endpoints must be the
        stored ones.
    args : tuple
        Further arguments of ``fun``, as in the run.

    Returns
    -------
    MultistartResult or BatchResult
        Whichever was saved.

    Raises
    ------
    InputError
        When there is no result, a file is missing, altered or of another format version, or ``fun`` is not the
        function of the run.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from batchgd import multistart
    >>> with TemporaryDirectory() as folder:
    ...     again = load(multistart("himmelblau", starts=100).save(f"{folder}/run"))
    >>> len(again), again.objective.name
    (100, 'himmelblau')
    """
    path = _path(folder)
    head = _read_head(path)
    try:
        arrays = {name: _read(path, head, f"{name}.npy") for name in _PER_START if f"{name}.npy" in head["files"]}
        meta = decode(head["meta"])
        kind = head["kind"]
        stored = [name for name in TABLES if f"{name}.npz" in head["files"]]
        tables = {name: join(name, _read(path, head, f"{name}.npz"), meta[name]) for name in stored}
        result = _assemble(kind, meta, arrays, tables)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path / _HEAD} lacks or garbles {error}; the result cannot be read, run again") from error
    result.objective = _objective(result, meta, fun, args)
    return result


def _path(folder: str | Path) -> Path:
    try:
        return Path(folder)
    except TypeError:
        raise InputError(f"the folder is {folder!r}: give its path as text or a Path") from None


# Writing


def _check_target(target: Path, overwrite: bool) -> None:
    if not target.parent.is_dir():
        raise InputError(f"{target.parent} is not a folder; make it first, or save elsewhere")
    if target.exists() and not target.is_dir():
        raise InputError(f"{target} is a file; give a folder that does not exist yet")
    if target.is_dir() and any(target.iterdir()):
        if not (target / _HEAD).is_file():
            raise InputError(
                f"{target} is not empty and holds no batchgd result; give a folder that does not exist yet"
            )
        if not overwrite:
            raise InputError(f"{target} holds a result already; pass overwrite=True or give another folder")


def _write_all(result: BatchResult, folder: Path) -> None:
    files: dict[str, int] = {}
    for name, array in _columns(result).items():
        fill = partial(_write_array, array)
        files[f"{name}.npy"] = _write(folder / f"{name}.npy", fill)
    meta = _meta(result)
    for name in TABLES:
        if result.__dict__.get(name) is not None:  # saddles that were not sought are not sought now
            columns, meta[name] = split(result.__dict__[name])
            files[f"{name}.npz"] = _write(folder / f"{name}.npz", partial(_write_columns, columns))
    head = {"format": FORMAT, "version": VERSION, "kind": type(result).__name__, "files": files, "meta": encode(meta)}
    body = json.dumps(head, indent=1, allow_nan=False).encode()
    _write(folder / _HEAD, lambda out: out.write(body))
    _flush_folder(folder)


def _write_array(array: np.ndarray, out: Any) -> None:
    # Into a file as such NumPy writes through C, and what the disk answers (it is full) is lost.
    np.lib.format.write_array(SimpleNamespace(write=out.write), array, allow_pickle=False)


def _write_columns(columns: dict[str, Any], out: Any) -> None:
    np.savez(out, allow_pickle=False, **columns)


def _columns(result: BatchResult) -> dict[str, np.ndarray]:
    columns = {name: host(getattr(result, name)) for name in _PER_START[:6] if hasattr(result, name)}
    if result.starts is not None and result.kept:
        columns["x0"] = result.x0
    if "jac" in result.__dict__:
        columns["jac"] = result.jac
    return columns


def _meta(result: BatchResult) -> dict[str, Any]:
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
        **{name: getattr(result, name) for name in ("backend", "dtype", "seconds", "warnings")},
        **{name: getattr(result, name) for name in _OF_MULTISTART if hasattr(result, name)},
        "counted": None if result.kept else result.status_counts(),
        "stopped": stopped.to_dict() if (stopped := getattr(result, "stopped", None)) else None,
    }


def _write(path: Path, fill: Callable[[Any], Any]) -> int:
    """Write one file, flush it to the disk, and return its CRC-32."""
    with open(path, "wb") as out:
        fill(out)
        out.flush()
        os.fsync(out.fileno())
    return _checksum(path)


def _checksum(path: Path) -> int:
    crc = 0
    with open(path, "rb") as source:
        while piece := source.read(_CHUNK):
            crc = zlib.crc32(piece, crc)
    return crc


def _flush_folder(folder: Path) -> None:
    """Ask the disk to keep the folder's entries; where folders cannot be opened (Windows) there is nothing to ask."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _move_into_place(staging: Path, target: Path) -> None:
    """Give the finished folder its name; an earlier result steps aside first and comes back if that fails."""
    aside = None
    if target.is_dir():
        aside = target.parent / f"{staging.name}.old"
        os.rename(target, aside)
    try:
        os.rename(staging, target)
    except OSError:
        if aside is not None:
            os.rename(aside, target)
        raise
    _flush_folder(target.parent)
    if aside is not None:
        shutil.rmtree(aside, ignore_errors=True)


# Reading


def _read_head(path: Path) -> dict[str, Any]:
    if not path.is_dir():
        raise InputError(f"{path} is not a folder; give one that result.save(folder) wrote")
    try:
        head = json.loads((path / _HEAD).read_text(encoding="utf-8"))
        known, version = head["format"] == FORMAT, head["version"]
    except FileNotFoundError:
        raise InputError(f"{path} holds no {_HEAD}; give a folder that result.save(folder) wrote") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path / _HEAD} cannot be read ({error}); the result is damaged, run again") from error
    if not known:
        raise InputError(f"{path / _HEAD} is not of a batchgd result; give a folder that result.save(folder) wrote")
    if version != VERSION:
        raise InputError(
            f"{path} has format version {version}, this batchgd reads {VERSION}; use the one that wrote it"
        )
    return head


def _read(path: Path, head: dict[str, Any], name: str) -> Any:
    """One array file, checked against its CRC-32; never unpickles."""
    file = path / name
    try:
        if _checksum(file) != head["files"][name]:
            raise InputError(f"{file} was altered or cut short since it was saved; restore it or run again")
        loaded = np.load(file, allow_pickle=False)
        if name.endswith(".npy"):
            return loaded
        with loaded:
            return {key: loaded[key] for key in loaded.files}
    except FileNotFoundError:
        raise InputError(f"{file} is missing; restore it or run again") from None
    except InputError:
        raise
    except (OSError, ValueError) as error:
        raise InputError(f"{file} cannot be read ({error}); restore it or run again") from error


def _assemble(kind: str, meta: dict[str, Any], arrays: dict[str, Any], tables: dict[str, Any]) -> BatchResult:
    """Build the result; the function comes later."""
    from batchgd.box import Box
    from batchgd.coverage import Stopped
    from batchgd.stopping import Stopping

    x0 = arrays.pop("x0", None)
    kept = {"jac": arrays.pop("jac", None), "saddles": tables.pop("saddles", None)}
    box = meta["box"]
    common: dict[str, Any] = {name: meta[name] for name in ("backend", "dtype", "seconds", "warnings")}
    if meta.get("counted") is not None:
        common["counted"] = {Status[name]: count for name, count in meta["counted"].items()}
    common["box"] = None if box is None else Box(np.asarray(box[0], dtype=float), np.asarray(box[1], dtype=float))
    common["method"] = _method(meta["method"])
    common["stopping"] = None if meta.get("stopping") is None else Stopping(**meta["stopping"])
    common["starts"] = None if x0 is None else StoredStarts(x0, meta["sampling"] or "array")
    if kind == "MultistartResult":
        common |= tables | {name: meta[name] for name in _OF_MULTISTART if name in meta}
        common["stopped"] = None if meta.get("stopped") is None else Stopped(**meta["stopped"])
    result = (MultistartResult if kind == "MultistartResult" else BatchResult)(**arrays, **common)
    result.__dict__.update({name: value for name, value in kept.items() if value is not None})
    return result


def _method(record: Any) -> Any:
    """The method again as an object of its class; one that is no longer known keeps its name and figures."""
    if not isinstance(record, dict):
        return record
    try:
        from batchgd import methods

        return getattr(methods, record["name"])(**record["parameters"])
    except (ImportError, AttributeError, TypeError, ValueError):
        return StoredMethod(record["name"], record["parameters"])


@dataclasses.dataclass(frozen=True)
class StoredMethod:
    """A method read from a folder that this version has no class for: its name and hyperparameters."""

    method_name: str
    parameters: dict[str, Any]


def _objective(result: BatchResult, meta: dict[str, Any], fun: Any, args: Any) -> Any:
    """The function passed in, a library landscape of the stored name, or a stand-in that says how to get it."""
    if meta["objective"] is None and fun is None:
        return None
    stand_in = MissingFunction(meta["objective"] or "fun", meta["dim"])
    if fun is None:
        found = _landscape(meta)
        return found if found is not None and _agrees(found, result) else stand_in
    found = _landscape(meta | {"objective": fun}) if isinstance(fun, str) else fun
    if found is None:
        raise InputError(f"there is no landscape {fun!r} in {meta['dim']} dimensions; `batchgd list` shows all")
    if not hasattr(found, "gradient"):
        from batchgd.objective import Objective

        found = Objective(fun, meta["dim"], params=meta["params"], box=result.box, args=args)
    if not _agrees(found, result):
        raise InputError("fun disagrees with the stored values at the best points; pass the function of that run")
    return found


def _landscape(meta: dict[str, Any]) -> Any:
    from batchgd import landscapes

    try:
        return landscapes.get(meta["objective"]).objective(meta["dim"])
    except (InputError, ImportError, AttributeError):
        return None


def _agrees(objective: Any, result: BatchResult) -> bool:
    """Whether the function gives the stored values at the best endpoints."""
    best = np.argsort(np.where(np.isfinite(result.fun), result.fun, np.inf), kind="stable")[:16]
    try:
        value = np.asarray(objective.value(result.x[best].astype(np.float64)))
    except (InputError, ValueError, TypeError, IndexError):
        return False
    tolerance = 1e-3 if result.dtype == "float32" else 1e-9
    return bool(np.allclose(value, result.fun[best], rtol=tolerance, atol=tolerance, equal_nan=True))
