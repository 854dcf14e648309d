"""The metadata of a stored result, and the result built from its parts, if they fit: anybody may have written them."""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.api.storage.columns import check_counts, check_per_start, check_table, rows
from batchgd.kernels.status import Status
from batchgd.minima.coverage.rule import Coverage, Stopped
from batchgd.minima.results import BatchData, LandscapeData
from batchgd.problem.bounds import Bounds
from batchgd.problem.box import Box, check_dimension
from batchgd.problem.domain import Domain
from batchgd.problem.errors import InputError, quoted
from batchgd.problem.identity import SAME, Identity
from batchgd.problem.samplings import ArrayStarts
from batchgd.problem.stopping import Stopping

FORMAT = "batchgd result"
VERSION = 2

OF_MULTISTART = ("seed", "independent", "identity", "stopped", "cut_short")
"""Fields of the metadata that only a multi-start has."""

MULTISTART = "MultistartResult"
BATCH = "BatchResult"
FIT = "FitResult"

_Setting = bool | int | float | str | NDArray[np.float64] | None
_Settings = dict[str, _Setting | list[_Setting] | tuple[_Setting, ...] | dict[str, _Setting]]


@dataclasses.dataclass(frozen=True)
class StoredMethod:
    """A method read from a file for which this version has no class: its name and hyperparameters."""

    method_name: str
    parameters: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class MethodRecord:
    """How a method is stored."""

    name: str
    parameters: _Settings


@dataclasses.dataclass(frozen=True)
class Meta:
    """The fields of ``meta`` in ``result.json``, which also has a field for each table."""

    objective: str | None
    dim: int
    params: NDArray[np.float64] | None
    sampling: str | None
    method: MethodRecord | str | None
    box: list[NDArray[np.float64]] | None
    backend: str
    dtype: str
    seconds: float
    warnings: tuple[str, ...]
    stopping: Stopping | None = None
    scale: NDArray[np.float64] | None = None
    bounds: list[NDArray[np.float64]] | None = None
    domain: list[str] | None = None
    counted: dict[str, int] | None = None
    stopped: Stopped | None = None
    seed: int | None = None
    independent: bool = True
    identity: Identity = SAME
    cut_short: bool = False
    provenance: dict[str, bool | int | float | str | None] | None = None


def build(kind: str, meta: Meta, arrays: dict[str, Any], tables: dict[str, Any]) -> BatchData:
    """Build the result from its parts, without its function; raise InputError unless they fit together."""
    counted = _counted(meta, rows(arrays["x"]))
    _check(meta, arrays, tables, counted)
    x0 = arrays.pop("x0", None)
    kept = {"jac": arrays.pop("jac", None), "saddles": tables.pop("saddles", None)}
    kept["provenance"] = {**(meta.provenance or {})} if kind == MULTISTART else None
    common: dict[str, Any] = {name: getattr(meta, name) for name in ("backend", "dtype", "seconds", "warnings")}
    common |= {"counted": counted, "stopping": meta.stopping, "scale": meta.scale, "method": method_from(meta.method)}
    common["box"] = None if meta.box is None else Box(*meta.box)
    ends = [arrays.pop(name) for name in ("lower_bound", "upper_bound") if name in arrays] or meta.bounds
    common["bounds"] = None if ends is None else Bounds(*ends)
    common["domain"] = None if meta.domain is None or common["box"] is None else Domain.of(meta.domain, common["box"])
    if common["domain"] is not None and common["domain"].scale is not None and common["bounds"] is None:
        raise InputError("the result has a positive coordinate, and no bounds of it")
    common["starts"] = None if x0 is None else ArrayStarts(x0, meta.sampling or "array")
    if kind == MULTISTART:
        common |= tables | {name: getattr(meta, name) for name in OF_MULTISTART}
        result: BatchData = LandscapeData(**arrays, **common)
    else:
        result = BatchData(**arrays, **common)
    result.__dict__.update({name: value for name, value in kept.items() if value is not None})
    return result


def _counted(meta: Meta, n: int) -> dict[Status, int] | None:
    """The status counts of a run that kept no trajectories."""
    if meta.counted is None:
        return None
    unknown = [name for name, count in meta.counted.items() if name not in Status.__members__ or count < 0]
    if unknown or n:
        raise InputError(f"meta.counted is {quoted(meta.counted)}, not the counts of a run that kept no trajectories")
    return {Status[name]: count for name, count in meta.counted.items()}


def _check(meta: Meta, arrays: dict[str, Any], tables: dict[str, Any], counted: dict[Status, int] | None) -> None:
    """Raise InputError unless the parts of a result fit together."""
    n, d = rows(arrays["x"]), check_dimension(meta.dim)
    if meta.box is not None and [side.shape for side in meta.box] != 2 * [(d,)]:
        raise InputError(f"meta.box is {quoted(meta.box)}, not two ends of {d} numbers each")
    if meta.bounds is not None and [side.shape for side in meta.bounds] != 2 * [(d,)]:
        raise InputError(f"meta.bounds is {quoted(meta.bounds)}, not two ends of {d} numbers each")
    if meta.scale is not None and not (meta.scale.shape == (d,) and np.isfinite(np.log(meta.scale)).all()):
        raise InputError(f"meta.scale is {quoted(meta.scale)}, not {d} positive numbers")
    if ("lower_bound" in arrays) != ("upper_bound" in arrays):
        raise InputError("the result has one end of its bounds per start, and not the other")
    sizes = {"n": n, "d": d, "s": n if counted is None else sum(counted.values())}
    sizes["m"] = rows(tables["minima"].fun) if "minima" in tables else 0
    check_per_start(arrays, sizes)
    for name, table in tables.items():
        check_table(table, sizes, name)
    if "minima" in tables:
        check_counts(arrays["label"] if counted is None else None, tables["minima"], tables["stationary"], sizes)
    strategy = tables.get("strategy")
    if strategy is not None and (counted is not None or not (strategy.drawn or tables["minima"].interval_note)):
        raise InputError("strategy chose all starts, but the run has no note of it")
    if meta.stopped is not None:
        Coverage(meta.stopped.share, meta.stopped.confidence)
        if min(meta.stopped.starts, meta.stopped.looks) < 0:
            raise InputError(f"meta.stopped is {quoted(meta.stopped)}: its counts are negative")


def method_from(record: MethodRecord | str | None) -> Any:
    """The method as an object of its class; if no method has this name and these settings, a record of them."""
    from batchgd.problem.methods import METHODS
    from batchgd.problem.methods.base import field_names

    if not isinstance(record, MethodRecord):
        return record
    known = {cls.__name__: cls for cls in METHODS.values()}
    cls = known.get(record.name)
    if cls is None or not record.parameters.keys() <= {*field_names(cls)}:
        return StoredMethod(record.name, record.parameters)
    return cls(**record.parameters)
