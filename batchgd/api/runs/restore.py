"""From the manifest of a run back to its batch, checked field by field: anybody may have written it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.api.runs.configuration import Configuration, configuration_of, difference
from batchgd.api.runs.folder import RunFolder
from batchgd.api.storage.codec import decode
from batchgd.api.storage.metadata import MethodRecord, StoredMethod, method_from
from batchgd.api.storage.typed import typed
from batchgd.compiler.resolve import Problem
from batchgd.engine.backends import BACKENDS
from batchgd.engine.batch import Batch, make_batch
from batchgd.engine.compute import Compute
from batchgd.problem.errors import InputError, quoted
from batchgd.problem.samplings import SAMPLINGS, Normal
from batchgd.problem.speaker import option
from batchgd.problem.stopping import Stopping


@dataclass(frozen=True)
class _Function:
    name: str


@dataclass(frozen=True)
class _Sampling:
    name: str
    counts: list[int] | None = None
    mean: NDArray[np.float64] | None = None
    std: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class _Settings:
    """The fields of a configuration that a batch is made from."""

    dim: int
    function: _Function
    params: NDArray[np.float64] | None
    box: list[NDArray[np.float64]]
    bounds: list[NDArray[np.float64]] | None
    method: MethodRecord
    dtype: str
    sampling: _Sampling
    seed: int
    scale: NDArray[np.float64] | None
    stopping: Stopping
    backend: str
    domain: list[str] | None = None


def batch_of(folder: RunFolder, fun: Any, args: Any, threads: int | None, *, rows: bool) -> Batch:
    """Return the batch of a run; ``fun`` is its function, by default the landscape of that name.

    Raises
    ------
    InputError
        If the function is missing or is another one, or the manifest does not describe a batch.
    """
    known = folder.manifest.configuration
    settings = typed(decode(known), _Settings, f"{folder.path}: configuration")
    for name, sides in (("box", settings.box), ("bounds", settings.bounds)):
        if sides is not None and [side.shape[-1:] for side in sides] != 2 * [(settings.dim,)]:
            raise InputError(f"{folder.path} has a {name} that is not two ends of {settings.dim} numbers each")
    method = method_from(settings.method)
    if isinstance(method, StoredMethod):
        raise InputError(f"{folder.path} has method {quoted(method.method_name)}, which this version does not know")
    problem = Problem(
        _function(settings.function.name, fun, folder),
        list(zip(*settings.box, strict=True)),
        settings.dim,
        settings.params,
        args=args,
        bounds=None if settings.bounds is None else list(zip(*settings.bounds, strict=True)),
        domain=settings.domain,
    )
    starts, sampling = _starts(settings.sampling, folder)
    batch = make_batch(
        problem,
        Compute.of(_backend(settings.backend), settings.dtype, threads),
        starts=starts,
        sampling=sampling,
        method=method,
        seed=settings.seed,
        stopping=settings.stopping,
        scale=settings.scale,
        resident=rows,
    )
    changed = difference(_besides_arithmetic(known), _besides_arithmetic(configuration_of(batch)))
    if changed is not None:
        raise InputError(f"{folder.path} was made with something else: {changed}; give {option('fun')} as in the run")
    return batch


def _function(name: str, fun: Any, folder: RunFolder) -> Any:
    """The function of a run: what was given, or a landscape."""
    from batchgd.problem import landscapes

    if fun is None and name not in landscapes.names():
        raise InputError(f"{folder.path} has the function {quoted(name)}, which is not stored: give {option('fun')}")
    return name if fun is None else fun


def _starts(sampling: _Sampling, folder: RunFolder) -> tuple[Any, Any]:
    """The arguments ``starts`` and ``sampling`` of the call that began the run."""
    n = folder.manifest.starts
    if sampling.name == "normal":
        return n, Normal(sampling.mean, sampling.std)
    if sampling.name not in SAMPLINGS:
        raise InputError(f"{folder.path} has starts that were given, which are not stored: repeat its call instead")
    return (n if sampling.counts is None else tuple(sampling.counts)), sampling.name


def _backend(name: str) -> str:
    """The backend of the run, if it works here: it polishes the minima."""
    return name if name in BACKENDS and BACKENDS[name].problem() is None else "auto"


def _besides_arithmetic(configuration: Configuration) -> Configuration:
    """A configuration without what the parts alone depend on."""
    return {name: value for name, value in configuration.items() if name not in ("backend", "arithmetic")}
