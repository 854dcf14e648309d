"""For tests of batchgd and of code that uses it: watch what runs, and force what is otherwise chosen automatically.

>>> import batchgd as bgd
>>> with bgd.testing.automatic("numpy"):
...     bgd.multistart("himmelblau", starts=100).backend
'numpy'
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

from batchgd.analysis.strategies import STRATEGIES
from batchgd.analysis.sweeps import sweep as sweeps
from batchgd.api.pictures import PICTURES
from batchgd.api.runs import split
from batchgd.compiler import finite_sum
from batchgd.compiler.cache import folder as folder_of_cache
from batchgd.compiler.codegen import loading, warp_choice
from batchgd.compiler.trace import row_array
from batchgd.engine import backends, evaluator, interrupts, mixed, prepare, progress, run
from batchgd.problem.landscapes.registry import LANDSCAPES
from batchgd.problem.methods import METHODS

if TYPE_CHECKING:
    from batchgd.engine.batch import Batch


class Work(AssertionError):
    """Descents were about to start when none should; ``batch`` is what would have run."""

    def __init__(self, batch: Batch | None = None) -> None:
        what = "descents" if batch is None else f"{batch.starts.n} descents of {batch.objective.name}"
        super().__init__(f"{what} were about to start")
        self.batch = batch


@contextmanager
def watched(observe: Callable[[Batch], None]) -> Iterator[None]:
    """Call a function with every batch that is about to run; an exception that it raises ends the run.

    A mixed run consists of batches of one dtype each; the batch of a scaled run is in scaled coordinates.

    >>> import batchgd as bgd
    >>> batches = []
    >>> with watched(batches.append):
    ...     result = bgd.multistart("himmelblau", starts=100, dtype="mixed")
    >>> [batch.dtype for batch in batches]
    ['float64', 'float32', 'float64']
    """
    run.observers.append(observe)
    try:
        yield
    finally:
        run.observers.remove(observe)


@contextmanager
def no_work() -> Iterator[None]:
    """Raise :class:`Work` if any descent is about to start: for tests that bad input is refused before any work.

    >>> import batchgd as bgd
    >>> with no_work():
    ...     bgd.multistart("himmelblau", starts=100)
    Traceback (most recent call last):
    ...
    batchgd.api.testing.Work: 100 descents of himmelblau were about to start
    """

    def refuse(batch: Batch) -> None:
        raise Work(batch)

    with watched(refuse):
        yield


@contextmanager
def automatic(backend: str) -> Iterator[None]:
    """Let ``backend="auto"``, the default of every call, mean this backend.

    ``"numpy"`` compiles nothing, which suits tests of many small problems.
    """
    with patch.object(backends, "automatic", backend):
        yield


@contextmanager
def fresh_cache(folder: str | os.PathLike[str] | None = None) -> Iterator[Path]:
    """Forget all compiled code, as in a new process, and keep what is compiled from now on in this folder.

    Parameters
    ----------
    folder : path, optional
        Where machine code is kept; code that is there already is used. Default: a temporary folder, so that everything
        is compiled.

    Yields
    ------
    pathlib.Path
        The folder. At the end the cache is as before, and all compiled code is forgotten again.

    >>> import batchgd as bgd
    >>> with fresh_cache() as folder:
    ...     result = bgd.multistart("himmelblau", starts=100, backend="cpu")
    ...     len(list(folder.iterdir())) > 0
    True
    """
    with ExitStack() as stack:
        place = Path(folder if folder is not None else stack.enter_context(tempfile.TemporaryDirectory()))
        stack.callback(evaluator.forget)
        stack.callback(loading.forget)
        stack.enter_context(patch.dict(os.environ, BATCHGD_CACHE_DIR=str(place)))
        stack.enter_context(patch.object(folder_of_cache, "_WARNED", set()))
        loading.forget()
        evaluator.forget()
        yield place


@contextmanager
def registering() -> Iterator[None]:
    """Forget at the end all methods, landscapes, strategies and pictures that were registered in between.

    >>> import batchgd as bgd
    >>> with registering():
    ...     @bgd.register_landscape("Bowl", source="", box=(-1, 1), dims=1, minima=[[0]], n_minima=1, global_value=0)
    ...     def bowl(x):
    ...         return x[0] ** 2
    ...     "bowl" in bgd.landscapes.names()
    True
    >>> "bowl" in bgd.landscapes.names()
    False
    """
    from batchgd.kernels.methods import RULES

    with ExitStack() as stack:
        stack.enter_context(patch.dict(RULES))
        for table in (METHODS, LANDSCAPES, STRATEGIES, PICTURES):
            stack.enter_context(patch.dict(table._entries))
            stack.enter_context(patch.dict(table._definitions))
        yield


@contextmanager
def forced(
    *,
    block: bool | None = None,
    warp: int | None = None,
    piece: int | None = None,
    interval: float | None = None,
    grace: float | None = None,
    clock: Callable[[], float] | None = None,
    large: int | None = None,
    evaluated: float | None = None,
    part: int | None = None,
) -> Iterator[None]:
    """Force what is otherwise chosen by size or time; unless a run is interrupted, its result does not depend on it.

    Parameters
    ----------
    block : bool, optional
        Whether the update of a lane is compiled as passes over a block of lanes, or as one function, if the method
        allows both.
    warp : int, optional
        Number of CUDA threads that share a trajectory, a power of two, if function and method allow it.
    piece : int, optional
        How much is processed at once: starts of a mixed run, trajectories of a sweep, numbers of a sum over data.
    interval : float, optional
        Minimum number of seconds between two progress reports; 0 reports every time the clock is read.
    grace : float, optional
        Seconds after Ctrl-C during which the work that follows the descents goes on.
    clock : callable, optional
        Returns the time in seconds that ``max_time`` and progress reports are based on.
    large : int, optional
        Dimensions of arrays of more elements than this become loops when a function is traced; others are unrolled.
    evaluated : float, optional
        Seconds that NumPy would take to polish endpoints from which on compiled code does so; 0 for always.
    part : int, optional
        Starts of each part of a run in parts.

    >>> import batchgd as bgd
    >>> updates = []
    >>> with forced(interval=0.0):
    ...     result = bgd.multistart("himmelblau", starts=100, progress=updates.append)
    >>> updates[0].total
    100
    """
    choices = (
        (prepare, "IN_BLOCK", block),
        (warp_choice, "THREADS", warp),
        (mixed, "PIECE", piece),
        (sweeps, "_TRAJECTORIES", piece),
        (finite_sum, "_NUMBERS_AT_ONCE", piece),
        (progress, "SECONDS", interval),
        (interrupts, "GRACE", grace),
        (progress, "now", clock),
        (row_array, "LARGE", large),
        (evaluator, "WORTHWHILE", evaluated),
        (split, "SIZE", part),
    )
    with ExitStack() as stack:
        for module, name, value in choices:
            if value is not None:
                stack.enter_context(patch.object(module, name, value))
        yield
