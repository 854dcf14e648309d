"""Other tolerances of identity on a finished result: its endpoints stay, minima and labels are computed again.

A run with ``keep="minima"`` has no endpoints; the occupied cells of its catalogue stand in for them, as they do in the
run itself, so both kinds of run give the same minima. A saved lean run has neither.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from batchgd.analysis.strategies.explore import drawn_fractions
from batchgd.compiler.differentiable import not_stored
from batchgd.engine.batch import objective_inside
from batchgd.engine.evaluator import evaluator_for
from batchgd.kernels.plan import Endpoints, columns
from batchgd.minima import Clustering, find_minima
from batchgd.minima.classes import quotient
from batchgd.minima.invariance import check_invariance, with_periods
from batchgd.minima.outward import outward
from batchgd.minima.results import LandscapeData
from batchgd.minima.scale import measure
from batchgd.minima.sites import MINIMA, find_sites, locate
from batchgd.minima.within import within
from batchgd.problem import check
from batchgd.problem.arrays import host
from batchgd.problem.errors import InputError
from batchgd.problem.identity import Identity, as_identity
from batchgd.problem.speaker import a_run

if TYPE_CHECKING:
    from batchgd.minima.catalogue import Catalogue


def recluster(result: LandscapeData, identity: Any = None) -> LandscapeData:
    """Return a new result whose minima are distinct by another identity.

    Parameters
    ----------
    result : LandscapeData
        With endpoints (or cells, see above) and its function.
    identity : Identity or dict, optional
        When two polished endpoints are one minimum; a dict changes some fields of the result's.

    Returns
    -------
    LandscapeData

    Raises
    ------
    InputError
        If a tolerance or a symmetry cannot be used, or the function or the endpoints are not available.

    Examples
    --------
    >>> import batchgd as bgd
    >>> result = bgd.multistart("six_hump_camel", starts=500)
    >>> len(result.minima), len(result.recluster({"x": 0.9}).minima)  # three pairs of equal value
    (6, 3)
    """
    identity = with_periods(as_identity(identity, result.identity).completed(None, result.dim), result.domain)
    catalogue, keys = _cells(result)
    if identity.symmetry is not None and identity.symmetry != result.identity.symmetry:
        objective = within(result.objective, result.bounds, result.coordinates.box)
        check_invariance(objective, identity.symmetry, result.coordinates.box, result.bounds)
    found = find_minima(
        catalogue,
        _evaluator(result, catalogue),
        n_starts=result.n,
        identity=identity,
        independent=result.independent,
        interval_note=result.minima.interval_note,
    )
    found = outward(found, result.objective, result.coordinates)
    label, minima = found.labels(keys), found.minima
    if result.strategy is not None:
        minima = drawn_fractions(minima, label, result.strategy.drawn, result.minima.interval_note)
    again = copy(result)
    vars(again).pop("saddles", None)  # they join the old minima
    again.label, again.minima, again.stationary = label, minima, found.stationary
    again.identity, again.warnings = identity, found.warnings
    return again


@dataclass(frozen=True)
class Counts:
    """How many minima are distinct by ``Identity(x[k], f)``: ``minima[k]``."""

    x: NDArray[np.float64]
    minima: NDArray[np.int64]
    f: float


def minima_against_tolerance(result: LandscapeData, x: ArrayLike | None = None, f: Any = None) -> Counts:
    """Count the minima at several tolerances, by default 1e-12 to 0.3 box widths; the points are polished once.

    A plateau around the tolerance of the result shows that its minima do not depend on it.

    >>> import batchgd as bgd
    >>> result = bgd.multistart("himmelblau", starts=200)
    >>> minima_against_tolerance(result, [1e-8, 1e-2]).minima.tolist()
    [4, 4]
    """
    tolerances = np.geomspace(1e-12, 0.3, 24) if x is None else check.reals("x holds", x, "give tolerances")
    f = result.identity.f if f is None else f
    identities = [Identity(each, f, result.identity.symmetry) for each in np.atleast_1d(tolerances).ravel()]
    if not identities:
        raise InputError("x is empty: give at least one tolerance, or leave it out")
    catalogue, _ = _cells(result)
    objective, box = _evaluator(result, catalogue), catalogue.box
    scale = measure(objective, box)
    objective = quotient(objective, result.identity.symmetry, box)
    polished = locate(objective, box, catalogue, scale)
    counts = []
    for identity in identities:
        sites, _ = find_sites(catalogue, objective, box, Clustering(identity, scale.value), scale, polished)
        counts.append(int(np.isin(sites.kind, MINIMA).sum()))
    return Counts(np.array([each.x for each in identities]), np.array(counts), identities[0].f)


def _evaluator(result: LandscapeData, catalogue: Catalogue) -> Any:
    """The function of a result, within its bounds."""
    at = result.coordinates
    objective = objective_inside(result.objective, at)
    evaluator = evaluator_for(objective, len(catalogue), result.backend)
    return within(evaluator, at.inside_bounds, catalogue.box, objective)


def _cells(result: LandscapeData) -> tuple[Catalogue, NDArray[np.uint64]]:
    """The catalogue of a result's endpoints, and the key of every start."""
    if not result.has_function:
        raise not_stored("the function")
    if not result.kept:
        if result.cells is None:
            raise InputError("this run kept neither endpoints nor cells (keep='minima', loaded): run it again")
        return result.cells, np.empty(0, np.uint64)
    if result.box is None:
        raise InputError(f"this result has no box to measure distances by: give one of {a_run()}")
    from batchgd.minima.collector import Collector

    collector = Collector(result.coordinates)
    collector.add(Endpoints(0, **columns(result, host)))
    return collector.catalogue, collector.keys()
