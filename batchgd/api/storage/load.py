"""Results read back from a file, which may come from anybody.

A forged file has correct checksums. So every field is checked against its type (``typed.py``), every array against its
header (``archive.py``) and the other arrays (``columns.py``), and names are looked up only in the tables of methods and
landscapes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from batchgd.api.fit_result import FitResult
from batchgd.api.result import BatchResult, MultistartResult
from batchgd.api.storage import fit_parts
from batchgd.api.storage.archive import opened, read_arrays, read_head
from batchgd.api.storage.codec import decode
from batchgd.api.storage.columns import OPTIONAL, PER_START, join
from batchgd.api.storage.files import resolved
from batchgd.api.storage.fit_parts import PREFIX, FitRecord
from batchgd.api.storage.metadata import BATCH, FIT, FORMAT, MULTISTART, VERSION, Meta, build
from batchgd.api.storage.typed import typed
from batchgd.compiler.differentiable import MissingFunction
from batchgd.compiler.trace.call import with_args
from batchgd.minima.results import BatchData, LandscapeData
from batchgd.problem import check
from batchgd.problem.errors import InputError
from batchgd.problem.keywords import explained
from batchgd.problem.speaker import said

_MOST_TRACED = 10_000
"""Largest number of coordinates for which a landscape is traced: this many take seconds, ten times as many a minute."""


@explained
def load(path: str | Path, *, fun: Any = None, args: Any = ()) -> Any:
    """Read back what ``result.save`` or ``fit.save`` wrote; arrays come back bit for bit.

    A library landscape is found by its name. Any other function is not stored with the result: without it the result
    prints and draws everything that needs no function, and has ``jac`` only if it was evaluated before saving.

    Parameters
    ----------
    path : str or Path
        The file of the result. It may come from anybody: nothing in it is executed, and a file whose parts do not fit
        together is refused.
    fun : callable or Objective, optional
        The function of the run, for gradients and contours; its values at the best endpoints must be the stored ones.
        For a fit it is the model, unless that was a formula, which is stored; predictions need it.
    args : tuple
        Further arguments of ``fun``, as in the run.

    Returns
    -------
    MultistartResult, BatchResult or FitResult
        Whichever was saved.

    Raises
    ------
    InputError
        If the file is not a result, is damaged or altered, or has another format version, or if ``fun`` is not the
        function of the run.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from batchgd import multistart
    >>> with TemporaryDirectory() as folder:
    ...     again = load(multistart("himmelblau", starts=100).save(f"{folder}/run.npz"))
    >>> len(again), again.objective.name
    (100, 'himmelblau')
    """
    file = resolved(path)
    try:
        data, meta, record, arrays = _read(file)
        if record is not None:
            return _fit(file, data, record, arrays, fun)
        data.objective = _objective(data, meta, with_args(fun, args))
    except RecursionError:
        raise InputError(f"{file} is damaged: it is nested too deeply; run again") from None
    except MemoryError:
        raise InputError(f"{file} needs more memory than is available; load it on a larger machine") from None
    return (MultistartResult if isinstance(data, LandscapeData) else BatchResult).of(data)


def _fit(file: Path, data: BatchData, record: FitRecord, arrays: dict[str, np.ndarray], fun: Any) -> FitResult:
    """Build the fit of a run, with its model if there is one."""
    try:
        parts = fit_parts.join(record, arrays, data.n, fun)
    except InputError as error:
        if fun is not None:
            raise InputError(f"fun is not the model of that fit: {error}") from None
        raise _unreadable(file, error) from None
    if parts.model.missing:
        data.objective = MissingFunction(record.name, data.dim)
    elif fun is not None and not fit_parts.is_same_model(parts):
        raise InputError("fun does not have the stored residuals at the best fit; pass the model of that fit")
    else:
        loss = {"loss": parts.loss.name, "f_scale": parts.loss.f_scale}
        data.objective = parts.model.residuals(parts.data, coordinates=True, **loss)
    run = MultistartResult.of(data)
    return FitResult(parts.model, parts.data, run, parts.outcome, parts.loss, parts.absolute_sigma)


def _unreadable(file: Path, error: InputError) -> InputError:
    return InputError(f"{file} cannot be read: {error}; restore the file, or run again")


def _read(file: Path) -> tuple[BatchData, Meta, FitRecord | None, dict[str, np.ndarray]]:
    """Read everything, check it, and build the result, without its function; of a fit also record and arrays."""
    try:
        if not file.is_file():
            raise InputError(f"{file} {'is not a file' if file.exists() else 'does not exist'}; {_wanted()}")
    except OSError as error:  # a folder above it may not be entered
        raise InputError(f"{file} cannot be read: {error.strerror}; {_wanted()}") from None
    try:
        with opened(file) as archive:
            head = read_head(archive)
            refusal = _refusal(head)
            if not refusal:
                kind = check.one_of("kind", head.get("kind"), (BATCH, MULTISTART, FIT))
                fields, record = decode(head.get("meta")), None
                meta = typed(fields, Meta, "meta")
                if kind == FIT:
                    record, kind = typed(decode(head.get("fit")), FitRecord, "fit"), MULTISTART
                arrays = read_arrays(archive)
                own = {name: arrays.pop(name) for name in [*arrays] if record and name.startswith(PREFIX)}
                return _assembled(kind, meta, fields, arrays), meta, record, own
    except InputError as error:
        raise _unreadable(file, error) from None
    raise InputError(f"{file} {refusal}")


def _wanted() -> str:
    return f"give a file that {said('result.save(path)', '--out')} wrote"


def _refusal(head: Any) -> str | None:
    """Why this is not the metadata of a result that can be read; None if it is."""
    if not isinstance(head, dict) or head.get("format") != FORMAT or "version" not in head:
        return f"is not a batchgd result; {_wanted()}"
    version = typed(head["version"], int, "version")
    if version != VERSION:
        return f"has format version {version}, but this batchgd reads {VERSION}; use the version that wrote it"
    return None


def _assembled(kind: str, meta: Meta, fields: dict[str, Any], arrays: dict[str, np.ndarray]) -> BatchData:
    """Build the result from what was read; raise InputError if something is missing or does not fit."""
    of_a_start = PER_START if kind == MULTISTART else PER_START.keys() - {"label"}
    columns = {name: array for name, array in arrays.items() if "." in name}
    tables = join(columns, fields) if kind == MULTISTART else {}
    lacking = [name for name in of_a_start if name not in arrays and name not in OPTIONAL]
    lacking += [name for name in ("minima", "stationary") if name not in tables and kind == MULTISTART]
    if lacking:
        raise InputError(f"it lacks {', '.join(lacking)}")
    return build(kind, meta, {name: arrays[name] for name in of_a_start if name in arrays}, tables)


def _objective(result: BatchData, meta: Meta, fun: Any) -> Any:
    """The function passed in, a library landscape of the stored name, or a stand-in that explains how to get it."""
    if meta.objective is None and fun is None:
        return None
    stand_in = MissingFunction(meta.objective or "fun", meta.dim)
    if fun is None:
        found = _landscape(meta.objective, meta.dim) if meta.dim <= _MOST_TRACED else None
        return found if found is not None and _agrees(found, result) else stand_in
    found = _landscape(fun, meta.dim) if isinstance(fun, str) else fun
    if found is None:
        raise InputError(f"the library has no landscape {fun!r} in {meta.dim} dimensions; `batchgd list` shows all")
    if not hasattr(found, "gradient"):
        from batchgd.compiler.objective import Objective

        found = Objective(fun, meta.dim, params=meta.params, box=result.box)
    elif getattr(found, "plain", False) and result.box is not None:
        found = found.completed(result.box, meta.params if found.params is None else None, None, ())
    if not _agrees(found, result):
        raise InputError("fun does not have the stored values at the best points; pass the function of that run")
    return found


def _landscape(name: Any, dim: int) -> Any:
    from batchgd.compiler.resolve import as_objective
    from batchgd.problem import landscapes

    try:
        return as_objective(landscapes.get(name), dim)
    except (InputError, ImportError, AttributeError):
        return None


def _agrees(objective: Any, result: BatchData) -> bool:
    """Whether the function has the stored values at the best endpoints."""
    best = np.argsort(np.where(np.isfinite(result.fun), result.fun, np.inf), kind="stable")[:16]
    try:
        value = np.asarray(objective.value(result.x[best].astype(np.float64)))
    except (InputError, ValueError, TypeError, IndexError):
        return False
    tolerance = 1e-3 if result.dtype == "float32" else 1e-9
    return bool(np.allclose(value, result.fun[best], rtol=tolerance, atol=tolerance, equal_nan=True))
