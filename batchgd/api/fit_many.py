"""Fit one model to many data sets: y of shape (N, m), N fits times S starts in one batch."""

from __future__ import annotations

from typing import Any

import numpy as np

from batchgd.analysis.fitting.many_data import take_many
from batchgd.analysis.fitting.many_parameters import ManyParameters, split
from batchgd.analysis.fitting.many_runs import ManyRuns
from batchgd.analysis.fitting.model import Model
from batchgd.api.many_fits import ManyFits
from batchgd.compiler.plain.calls import refusing_failures
from batchgd.engine.compute import Compute
from batchgd.engine.interrupts import heeded
from batchgd.engine.progress import Watch
from batchgd.problem import check
from batchgd.problem.errors import InputError, quoted
from batchgd.problem.methods.residuals import LevenbergMarquardt
from batchgd.problem.starts import parse_seed
from batchgd.problem.stopping import as_stopping

STARTS = 10


def has_rows(y: Any) -> bool:
    """Whether y is a table of data sets, one per row."""
    try:
        return np.ndim(y) == 2
    except ValueError:  # lists of different lengths
        return False


def fit_many(
    model: Any,
    x: Any,
    y: Any,
    *,
    parameters: Any,
    sigma: Any,
    absolute_sigma: bool,
    loss: str,
    f_scale: float,
    starts: int | None,
    seed: int | None,
    method: Any,
    stopping: Any,
    backend: str,
    threads: int | None,
    progress: Any,
    **refused: Any,
) -> ManyFits:
    """Fit each row of y; the arguments are those of ``fit``, of which those in ``refused`` do not apply."""
    for name, (given, default) in refused.items():
        if given is not default and given != default:
            raise InputError(f"{name} is {quoted(given)} with y of shape (N, m), where it does not apply: leave it out")
    absolute_sigma = check.flag("absolute_sigma", absolute_sigma)
    data = take_many(x, y, sigma)
    if absolute_sigma and sigma is None:
        raise InputError("absolute_sigma is True without sigma: give sigma, the standard deviations of y")
    one, several = split(parameters, len(data))
    prepared = Model.parse(model, one, data.x)
    sets = ManyParameters(prepared.parameters, several, len(data))
    most = int(data.ndata.max())
    if most < len(sets.free):
        raise InputError(
            f"no data set has more than {most} points, which cannot determine {len(sets.free)} parameters: give more "
            "data, or fix some with bgd.Parameter(value, vary=False)"
        )
    least = 0 if sets.guesses is not None else 1
    drawn = check.whole("starts", STARTS if starts is None else starts, least)
    prepared.checked(data.one(int(np.argmax(data.ndata))))
    compute, seed, watch = Compute.of(backend, "float64", threads), parse_seed(seed), Watch(progress)
    runs = ManyRuns(
        prepared,
        data,
        sets,
        loss=loss,
        f_scale=f_scale,
        drawn=drawn,
        seed=seed,
        method=LevenbergMarquardt() if method is None else method,
        stopping=as_stopping(stopping),
        compute=compute,
    )
    with heeded(), refusing_failures():
        found = runs.run(watch)
    about = {"absolute_sigma": absolute_sigma, "starts": runs.starts, "seconds": watch.elapsed}
    return ManyFits(prepared, data, sets, found, **about)
