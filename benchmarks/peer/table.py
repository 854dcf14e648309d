"""The peers, one row each: the packages it needs, where it applies, and what it does differently."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from .cases import ADAM, DESCENT, LANDSCAPE, SOLVE, Case


@dataclass
class Endpoints:
    """Where the descents ended: x (n, d), the updates of each if the peer reports them, and starts per minimum."""

    x: np.ndarray
    nit: np.ndarray | None = None
    counts: np.ndarray | None = None


Run = Callable[[], Endpoints]


@dataclass(frozen=True)
class Peer:
    """A way to run a batch.

    ``module`` has ``prepare(case, dtype, starts, gtol) -> run``; ``run()`` does the descents and returns host arrays.
    ``variant`` is passed on if a module has several. ``serial`` peers get a sample of the starts.
    """

    name: str
    title: str
    module: str
    requires: tuple[str, ...]
    kinds: tuple[str, ...]
    variant: str = ""
    note: str = ""
    serial: bool = False
    dtypes: tuple[str, ...] = ("float64", "float32")
    capped: bool = True

    def missing(self) -> list[str]:
        """Return the packages that would have to be installed."""
        return [name for name in self.requires if importlib.util.find_spec(name) is None]

    def load(self) -> ModuleType:
        """Import the peer's file."""
        return importlib.import_module(f".{self.module}", __package__)

    def prepare(self, case: Case, dtype: str, starts: np.ndarray) -> Run:
        """Return a function that runs the case from these starts."""
        return self.load().prepare(case, dtype, starts, self.variant)


DESCENDS = (DESCENT, LANDSCAPE)

PEERS = (
    Peer("batchgd", "batchgd", "engine", (), (DESCENT, SOLVE, ADAM)),
    Peer("batchgd_minima", "batchgd", "engine", (), (LANDSCAPE,), variant="minima"),
    Peer("jax", "JAX, jit(vmap(while_loop))", "jax_while", ("jax",), DESCENDS),
    Peer(
        "jax_blocks",
        "JAX, the same in blocks of 1024",
        "jax_while",
        ("jax",),
        DESCENDS,
        variant="blocks",
        note="lax.map over blocks, so that a block's state stays in the cache and a slow lane holds up only its block",
    ),
    Peer("optax", "optax.sgd in a vmapped while_loop", "optax_sgd", ("jax", "optax"), (DESCENT,)),
    Peer("jax_adam", "JAX, optax.adam in jit(vmap(fori_loop))", "optax_sgd", ("jax", "optax"), (ADAM,), "adam"),
    Peer(
        "optimistix",
        "optimistix.GradientDescent, vmapped",
        "optimistix_solvers",
        ("jax", "optimistix"),
        (DESCENT,),
        note="cannot stop on the gradient norm: stops when ‖step‖ < η gtol and |Δf| < gtol, one update later or more",
    ),
    Peer("numba", "Numba, prange, one trajectory per iteration", "numba_scalar", ("numba",), DESCENDS),
    Peer("numpy", "NumPy, batched, compacted", "numpy_batched", (), DESCENDS, note="one thread"),
    Peer("torch", "PyTorch, batched, compacted", "torch_batched", ("torch",), DESCENDS),
    Peer(
        "scipy",
        "SciPy, serial L-BFGS-B",
        "scipy_serial",
        ("scipy",),
        (SOLVE, DESCENT),
        note="another method (L-BFGS-B), on a sample of the starts, time extrapolated per start; one thread",
        serial=True,
        dtypes=("float64",),
        capped=False,
    ),
    Peer(
        "optax_lbfgs",
        "optax.lbfgs in a vmapped while_loop",
        "optax_sgd",
        ("jax", "optax"),
        (SOLVE,),
        variant="lbfgs",
        note="L-BFGS with a zoom line search",
    ),
    Peer(
        "optimistix_bfgs",
        "optimistix.BFGS, vmapped",
        "optimistix_solvers",
        ("jax", "optimistix"),
        (SOLVE,),
        variant="bfgs",
        note="BFGS; cannot stop on the gradient norm: stops on a small step and a small change of f (1e-7)",
    ),
)
"""Every peer; the others are compared with the first one that applies to a case."""


def applicable(case: Case, dtype: str) -> list[Peer]:
    """Return the peers that can run a case."""
    if dtype not in case.gtol:
        return []
    return [
        peer for peer in PEERS if case.kind in peer.kinds and dtype in peer.dtypes and (peer.capped or not case.capped)
    ]
