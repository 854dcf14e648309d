"""Results read back from a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from batchgd.api.result import BatchResult, MultistartResult
from batchgd.api.storage.save import read
from batchgd.minima.results import LandscapeData
from batchgd.problem.keywords import explained


@explained
def load(folder: str | Path, *, fun: Any = None, args: Any = ()) -> BatchResult:
    """Read back what :func:`save` wrote; arrays come back bit for bit.

    A library landscape is found again by its name. Another function is not stored with the result: without it the
    result prints and draws all that needs no function, and ``jac`` is there only if it was evaluated before saving.

    Parameters
    ----------
    folder : str or Path
        Where the result is. It may come from anybody: nothing in it is executed, and what does not fit together is
        refused.
    fun : callable or Objective, optional
        The function of the run, to have gradients and contours again; its values at the best endpoints must be the
        stored ones.
    args : tuple
        Further arguments of ``fun``, as in the run.

    Returns
    -------
    MultistartResult or BatchResult
        Whichever was saved.

    Raises
    ------
    InputError
        When there is no result, a file is missing, altered, of another format version or not what a result holds, or
        ``fun`` is not the function of the run.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from batchgd import multistart
    >>> with TemporaryDirectory() as folder:
    ...     again = load(multistart("himmelblau", starts=100).save(f"{folder}/run"))
    >>> len(again), again.objective.name
    (100, 'himmelblau')
    """
    data = read(folder, fun, args)
    return (MultistartResult if isinstance(data, LandscapeData) else BatchResult).of(data)
