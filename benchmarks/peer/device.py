"""Where all peers run: on the CPU, or those that can on a GPU, batchgd among them."""

from __future__ import annotations

import os

BACKENDS = ("cpu", "cuda")

_chosen = ["cpu"]


def use(backend: str) -> None:
    """Choose for the whole process; before JAX is imported, which else takes a GPU unasked."""
    _chosen[0] = backend
    if backend == "cpu":
        os.environ["JAX_PLATFORMS"] = "cpu"


def backend() -> str:
    """Return ``"cpu"`` or ``"cuda"``: batchgd's name for it, and PyTorch's."""
    return _chosen[0]
