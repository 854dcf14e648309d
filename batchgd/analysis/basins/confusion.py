"""The confusion matrix of two ways down: for the starts that one takes to a minimum, where the other takes them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.analysis.basins.fidelity import fidelity
from batchgd.minima.pairs import confusion_counts, labels_onto
from batchgd.minima.results import LandscapeData
from batchgd.problem.arrays import host
from batchgd.problem.errors import InputError
from batchgd.problem.speaker import a_run, said

_MOST = 5_000  # minima: more would make a matrix with more cells than a picture can show or memory can hold


Confusion = tuple[NDArray[np.int64], list[str], list[str]]
"""Counts of starts, and names of rows and columns: labels, ``+k`` for a minimum that only the other way found, -1."""


def confusion_with(result: LandscapeData, other: Any) -> Confusion:
    """Return the confusion of two runs of the same starts; minima are matched by place and value."""
    if not (isinstance(result, LandscapeData) and result.kept and other.kept and result.n == other.n):
        raise InputError("a confusion matrix needs two runs of the same starts, with keep='all'")
    if not np.array_equal(result.x0, other.x0):
        raise InputError("these runs have different starts: run the second one with starts=result.x0")
    if result.box is None:
        raise InputError(f"this result has no box to measure distances by: give one of {a_run()}")
    mine = len(result.minima)
    place, alone = labels_onto(result.minima, other.minima, result.box, result.identity.symmetry)
    if mine + len(alone) > _MOST:
        raise InputError(
            f"a confusion matrix of {mine + len(alone):,} minima cannot be drawn; "
            f"{said('bgd.diff(a, b)', 'batchgd diff')} lists them"
        )
    counts = confusion_counts(host(result.label), place[host(other.label)], mine, mine + len(alone))
    return _named(counts, [f"+{k}" for k in alone])


def confusion_with_flow(result: LandscapeData) -> Confusion:
    """Return the confusion of a sample of the starts with gradient flow, as in ``result.fidelity()``."""
    counts = fidelity(result).confusion
    return _named(counts, [f"+{k}" for k in range(counts.shape[1] - counts.shape[0])])


def _named(counts: NDArray[np.int64], alone: list[str]) -> Confusion:
    """Name rows and columns, and omit label -1 if it does not occur."""
    labels = [str(k) for k in range(len(counts) - 1)]
    if counts[-1].any() or counts[:, -1].any():
        return counts, [*labels, "-1"], [*labels, *alone, "-1"]
    return counts[:-1, :-1], labels, [*labels, *alone]
