"""Where the peers run: all on the CPU, or those that can, including batchgd, on a GPU."""

from __future__ import annotations

import os

BACKENDS = ("cpu", "cuda")

_chosen = ["cpu"]


def use(backend: str) -> None:
    """Choose for the whole process; before JAX is imported, which otherwise uses a GPU unasked."""
    _chosen[0] = backend
    if backend == "cpu":
        os.environ["JAX_PLATFORMS"] = "cpu"


def backend() -> str:
    """Return ``"cpu"`` or ``"cuda"``: batchgd's name for it, and PyTorch's."""
    return _chosen[0]
