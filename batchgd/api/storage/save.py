"""A result as one ``.npz`` file of NumPy arrays and JSON, without pickle, written completely or not at all.

The arrays with one entry per start are the members ``x``, ``fun``, ...; the columns of tables are ``minima.x``,
``stationary.x`` and, if there are any, ``strategy.origin`` and ``saddles.x``. The member ``result.json`` contains the
format's name and version and the metadata. ``numpy.load`` reads such a file as well.
"""

from pathlib import Path
from typing import Any

import numpy as np

from batchgd.api.storage import fit_parts
from batchgd.api.storage.archive import opened, read_head, write
from batchgd.api.storage.codec import encode
from batchgd.api.storage.columns import TABLES, split
from batchgd.api.storage.files import appearing, resolved
from batchgd.api.storage.metadata import BATCH, FIT, FORMAT, MULTISTART, OF_MULTISTART, VERSION
from batchgd.minima.results import BatchData, LandscapeData
from batchgd.output.summary import method_name, method_parameters
from batchgd.problem import check
from batchgd.problem.arrays import host
from batchgd.problem.errors import InputError, WriteError
from batchgd.problem.speaker import said


def save(result: BatchData, path: str | Path, *, overwrite: bool = False, fit: Any = None) -> Path:
    """Write a result into a new file: it appears complete, or not at all.

    The file is written and flushed under another name next to the target, and then takes the target's name in one step:
    of several processes that save to one new name, one succeeds. Gradients are stored if they were evaluated before,
    saddles if ``result.connect()`` has found them; a function is not stored, but the name of a library landscape is.

    Parameters
    ----------
    result : BatchData
        What ``multistart`` or ``descend`` returned.
    path : str or Path
        The file, in a folder that exists; ``.npz`` is the usual ending.
    overwrite : bool
        Replace an earlier saved result, which remains until the new one is complete; any other file is still refused.
    fit : FitResult, optional
        The fit whose run it is, to be saved with it.

    Returns
    -------
    Path
        The file, absolute, links resolved.

    Raises
    ------
    InputError
        If the name is taken.
    WriteError
        If the file cannot be written, or the disk is full; nothing is left behind, and an earlier result is unchanged.
    """
    target = resolved(path)
    overwrite = check.flag("overwrite", overwrite)
    try:
        check_target(target, overwrite)
        with appearing(target, overwrite) as file:
            columns, meta = _contents(result)
            kind = MULTISTART if isinstance(result, LandscapeData) else BATCH
            head = {"format": FORMAT, "version": VERSION, "kind": kind, "meta": encode(meta)}
            if fit is not None:
                own, record = fit_parts.split(fit)
                columns |= own
                head |= {"kind": FIT, "fit": encode(record)}
            write(file, head, columns)
    except OSError as error:
        if isinstance(error, FileExistsError):
            check_target(target, overwrite)
        reason = error.strerror or error
        raise WriteError(f"cannot write {target}: {reason}; choose a folder that you can write") from error
    return target


def check_target(target: Path, overwrite: bool) -> None:
    """Raise InputError unless a result can be saved under this name."""
    if not target.parent.is_dir():
        raise InputError(f"{target.parent} is not a folder; create it first, or save elsewhere")
    if target.is_dir():
        raise InputError(f"{target} is a folder; give a file in it, such as {target / 'result.npz'}")
    if target.exists():
        if not _is_result(target):
            raise InputError(f"{target} exists and is not a batchgd result; give a name that is not taken")
        if not overwrite:
            again = said("pass overwrite=True", "add --overwrite")
            raise InputError(f"{target} already contains a result; {again} or give another name")


def _is_result(path: Path) -> bool:
    try:
        with opened(path) as archive:
            head = read_head(archive)
    except InputError:
        return False
    return isinstance(head, dict) and head.get("format") == FORMAT


def _contents(result: BatchData) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays and the metadata."""
    names = ("x", "fun", "nit", "nfev", "status", "label")
    columns = {name: host(getattr(result, name)) for name in names if hasattr(result, name)}
    if result.starts is not None and result.kept:
        columns["x0"] = result.x0
    if "jac" in result.__dict__:
        columns["jac"] = result.jac
    if result.bounds is not None and result.bounds.per_start:
        columns |= {"lower_bound": result.bounds.lower, "upper_bound": result.bounds.upper}
    meta = _meta(result)
    for name in TABLES:
        if result.__dict__.get(name) is not None:  # saving never starts a search for saddles
            own, meta[name] = split(name, result.__dict__[name])
            columns |= own
    return columns, meta


def _meta(result: BatchData) -> dict[str, Any]:
    from batchgd import __version__

    method, bounds = result.method, result.bounds
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
        "bounds": None if bounds is None or bounds.per_start else [bounds.lower, bounds.upper],
        "domain": None if result.domain is None else list(result.domain.kinds),
        **{name: getattr(result, name) for name in ("stopping", "scale", "backend", "dtype", "seconds", "warnings")},
        **{name: getattr(result, name) for name in OF_MULTISTART if hasattr(result, name)},
        "provenance": getattr(result, "provenance", None),
        "counted": None if result.kept else result.status_counts(),
    }
