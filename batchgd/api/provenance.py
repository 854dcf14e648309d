"""Where a result comes from: the versions, the function and the settings that decide it, to be read years later."""

from __future__ import annotations

from typing import Any

from batchgd.api.runs.configuration import versions
from batchgd.compiler.fingerprint import fingerprint
from batchgd.minima.results import LandscapeData
from batchgd.output.summary import method_name


def provenance_of(result: LandscapeData) -> dict[str, Any]:
    """Return the provenance of a result made in this process; see :attr:`batchgd.MultistartResult.provenance`."""
    known = result.has_function
    return {
        **versions(),
        "function": getattr(result.objective, "name", None),
        "fingerprint": fingerprint(result.objective) if known else None,
        "method": method_name(result.method),
        "sampling": getattr(result.starts, "name", None),
        "starts": result.n,
        "seed": result.seed,
        "backend": result.backend,
        "dtype": str(result.dtype),
        "seconds": result.seconds,
    }
