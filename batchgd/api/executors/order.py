"""What travels to a worker: an order for one part, which is data, and the batch that it is a part of, packed once."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import io
import itertools
import pickle
import platform
import sys
import zlib
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from batchgd.api.runs.configuration import Configuration, configuration_of, difference
from batchgd.api.runs.split import Range
from batchgd.compiler.portable import is_called, reduced
from batchgd.compiler.units import Units
from batchgd.engine.batch import Batch
from batchgd.engine.prepare import specialisation_of
from batchgd.problem.errors import InputError

Versions = dict[str, str]

SMALL = 1 << 14
"""Bytes of a packed batch up to which every order carries it; a larger one is sent to workers that ask for it."""


@dataclass(frozen=True)
class Order:
    """An order for one part of a run.

    Attributes
    ----------
    name : str
        The name of the batch: a hash of it.
    part : (int, int)
        The range of starts.
    rows : bool
        Whether one row per start is wanted.
    versions : dict
        Those of the process that sent the order.
    packed : bytes or None
        The batch, if the worker may not have it yet.
    """

    name: str
    part: Range
    rows: bool
    versions: Versions
    packed: bytes | None


def versions(batch: Batch) -> Versions:
    """Return the versions that the process of a worker must have as well."""
    from batchgd import __version__

    needed = {"batchgd": __version__, "numpy": np.__version__.split(".")[0]}
    if batch.backend.name == "numpy":
        needed["numpy"] = np.__version__  # it computes the last digits
    if is_called(batch.objective):
        needed["Python"] = ".".join(platform.python_version_tuple()[:2])  # the function may travel as its code
    return needed


def here(wanted: Versions) -> Versions:
    """Return the versions of this process, to the same number of digits."""
    from batchgd import __version__

    found = {"batchgd": __version__, "numpy": np.__version__, "Python": platform.python_version()}
    return {name: ".".join(found[name].split(".")[: text.count(".") + 1]) for name, text in wanted.items()}


@dataclass(frozen=True)
class Packed:
    """A batch as bytes, with its name; ``problem`` says why it has none: it can then be used in this process only."""

    name: str
    content: bytes | None
    problem: str = ""


def pack(batch: Batch, hash_: str) -> Packed:
    """Pack a batch. What was traced travels as data; a function that is called travels by (cloud)pickle."""
    try:
        content = _dumps(([*map(_ready, _forms(batch))], batch, configuration_of(batch)))
    except Exception as error:  # whatever the __reduce__ of a user's class raises
        return Packed(f"{hash_}-{id(batch):x}", None, f"{type(error).__name__}: {' '.join(str(error).split())}")
    packed = zlib.compress(content, 1)
    return Packed(f"{hash_}-{hashlib.sha256(packed).hexdigest()[:16]}", packed)


def unpack(packed: bytes) -> Batch:
    """Return the batch.

    Raises
    ------
    InputError
        If it would not be computed here as it would be where it comes from.
    """
    forms, batch, configuration = pickle.loads(zlib.decompress(packed))
    for objective, following in itertools.pairwise(forms):
        objective.__dict__["in_units"] = partial(_given, following)  # the only units that it is needed in
    problem = batch.backend.problem()
    if problem is not None:
        raise InputError(f"{batch.backend.name} cannot be used: {problem}")
    sent, found = _comparable(configuration, batch), _comparable(configuration_of(batch), batch)
    changed = difference(sent, found, "in this process", "in the worker")
    if changed is not None:
        raise InputError(f"it computes something else: {changed}")
    return batch


def _forms(batch: Batch) -> list[Batch]:
    """The batch in x, and in the coordinates and the units of its descent if what was traced is another there."""
    if is_called(batch.objective):
        return [batch]
    inside = batch.inside()
    return [batch, *([] if inside is batch else [inside]), *([] if batch.scale is None else [inside.in_units()])]


def _given(objective: Any, _: Units) -> Any:
    return objective


def _ready(batch: Batch) -> Any:
    """The objective; what its kernel computes is derived here if the worker could not derive it."""
    if batch.objective.has_residuals:
        batch.objective.outputs(specialisation_of(batch).what)  # type: ignore[attr-defined]
    return batch.objective


def _comparable(configuration: Configuration, batch: Batch) -> Configuration:
    """The configuration; without its function if that is called, whose code may look different where it arrives."""
    return {**configuration, "function": None} if is_called(batch.objective) else configuration


def _dumps(value: Any) -> bytes:
    package: Any = pickle
    if importlib.util.find_spec("cloudpickle") is not None:
        package = importlib.import_module("cloudpickle")

    class Pickler(package.Pickler):
        """Sends what was traced as data."""

        def reducer_override(self, value: Any) -> Any:
            """Return how to make an object again."""
            made = reduced(value)
            if made is not None:
                return made
            if package is pickle:
                return NotImplemented
            module = sys.modules.get(getattr(value, "__module__", None) or "")
            if module is not None and module.__spec__ is not None and module.__spec__.loader is None:
                package.register_pickle_by_value(module)  # a file given to the shell, which no import finds
            return super().reducer_override(value)

    out = io.BytesIO()
    Pickler(out, protocol=5).dump(value)
    return out.getvalue()
