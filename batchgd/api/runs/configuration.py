"""The configuration of a run: all that decides where its starts end, as JSON, with a hash for its name."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import platform
from typing import Any

import numpy as np

from batchgd.api.storage.codec import encode
from batchgd.compiler.fingerprint import fingerprint
from batchgd.engine.batch import Batch
from batchgd.output.summary import method_name, method_parameters
from batchgd.problem.errors import quoted
from batchgd.problem.methods import split_per_start

Configuration = dict[str, Any]


def configuration_of(batch: Batch) -> Configuration:
    """Return what decides the endpoints of a batch, in JSON's own types."""
    stopping = {**dataclasses.asdict(batch.stopping)}
    del stopping["max_time"]  # it decides how many parts are done, not what is in them
    starts = batch.starts
    return encode(
        {
            "dim": batch.box.dim,
            "function": {"name": batch.objective.name, "fingerprint": fingerprint(batch.objective)},
            "params": batch.objective.params,
            "box": [batch.box.lower, batch.box.upper],
            "bounds": None if batch.bounds is None else [batch.bounds.lower, batch.bounds.upper],
            "method": {"name": method_name(batch.method), "parameters": method_parameters(batch.method)},
            "dtype": batch.compute.dtype,
            "sampling": starts.settings(),
            "starts": None if starts.open_ended else starts.n,
            "seed": batch.seed,
            "scale": batch.scale,
            "stopping": stopping,  # after what decides the default of gtol
            "backend": batch.backend.name,
            "arithmetic": arithmetic(batch),
            **({} if batch.domain is None else {"domain": list(batch.domain.kinds)}),
        }
    )


def arithmetic(batch: Batch) -> dict[str, Any]:
    """Return what decides the last bits of a result besides the backend: versions, and what the processor can do."""
    from batchgd import __version__

    if batch.backend.name == "cpu":
        from batchgd.compiler.lower.processor import this_processor

        return {"batchgd": __version__, "fused": this_processor().fuses}
    if batch.backend.name == "numpy":
        return {"batchgd": __version__, "numpy": np.__version__}
    return {"batchgd": __version__}


def versions() -> dict[str, str]:
    """Return what a result was computed with, for a reader: nothing is decided by it."""
    from batchgd import __version__

    return {
        "batchgd": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "platform": platform.platform(),
    }


def hash_of(configuration: Configuration) -> str:
    """Return the name of a configuration: 16 digits, which the name of a function does not change."""
    function = {"fingerprint": configuration["function"]["fingerprint"]}
    text = json.dumps({**configuration, "function": function}, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def difference(known: Configuration, given: Configuration, there: str = "there", here: str = "here") -> str | None:
    """Return the first difference in words, as in "gtol is 1e-08 there and 1e-06 here"; None if there is none.

    >>> difference({"seed": 0, "stopping": {"gtol": 1e-8}}, {"seed": 0, "stopping": {"gtol": 1e-6}})
    'gtol is 1e-08 there and 1e-06 here'
    """
    for name in [*known, *(name for name in given if name not in known)]:
        ours, theirs = given.get(name), known.get(name)
        if name == "function" and isinstance(ours, dict) and isinstance(theirs, dict):
            if ours.get("fingerprint") != theirs.get("fingerprint"):
                names = quoted(theirs.get("name")), quoted(ours.get("name"))
                if names[0] == names[1]:
                    return f"the function {names[0]} is another one {here}: its code or its data changed"
                return f"the function is another one ({names[0]} {there}, {names[1]} {here})"
        elif (
            isinstance(ours, dict) and isinstance(theirs, dict) and not ({"array", "tuple", "float"} & {*ours, *theirs})
        ):
            inner = difference(theirs, ours, there, here)
            if inner is not None:
                return inner if name in ("stopping", "arithmetic") else f"{name}: {inner}"
        elif ours != theirs:
            return f"{name} is {_shown(theirs)} {there} and {_shown(ours)} {here}"
    return None


def _shown(value: Any) -> str:
    """A value of the configuration, without the marks of its type, on one line."""
    if isinstance(value, dict) and value.keys() == {"array", "dtype"}:
        return _shown(value["array"])
    if isinstance(value, dict) and len(value) == 1:
        return str(next(iter(value.values())))
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        return quoted([item.get("array", item) if isinstance(item, dict) else item for item in value])
    return quoted(value)


def differs_per_start(batch: Batch) -> bool:
    """Whether a hyperparameter of the method has one value for each start."""
    return bool(split_per_start(batch.method, batch.starts.n, batch.dtype)[1])
