"""For tests of code that uses batchgd, and of batchgd itself.

>>> import batchgd as bgd
>>> with automatic("numpy"):
...     bgd.multistart("himmelblau", starts=100).backend
'numpy'
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from batchgd.engine import backends
from batchgd.engine.run import observers

if TYPE_CHECKING:
    from batchgd.engine.batch import Batch


class Work(AssertionError):
    """Descents were about to start where none should; ``batch`` is what would have run."""

    def __init__(self, batch: Batch | None = None) -> None:
        what = "descents" if batch is None else f"{batch.starts.n} descents of {batch.objective.name}"
        super().__init__(f"{what} were about to start")
        self.batch = batch


@contextmanager
def no_work() -> Iterator[None]:
    """Raise :class:`Work` if any descent is about to start: for tests that bad input is refused before.

    >>> import batchgd as bgd
    >>> with no_work():
    ...     bgd.multistart("himmelblau", starts=100)
    Traceback (most recent call last):
    ...
    batchgd.api.testing.Work: 100 descents of himmelblau were about to start
    """

    def refuse(batch: Batch) -> None:
        raise Work(batch)

    observers.append(refuse)
    try:
        yield
    finally:
        observers.remove(refuse)


@contextmanager
def automatic(backend: str) -> Iterator[None]:
    """Let ``backend="auto"``, the default of every call, stand for this backend.

    ``"numpy"`` compiles nothing, and so suits tests of many small problems.
    """
    before, backends.automatic = backends.automatic, backend
    try:
        yield
    finally:
        backends.automatic = before
