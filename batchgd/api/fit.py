"""``fit``: fit a model to data from many starts, and report what was found with its errors."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from batchgd.analysis.fitting.data import Data, take_data
from batchgd.analysis.fitting.exchange import Exchange
from batchgd.analysis.fitting.model import Model
from batchgd.analysis.fitting.sets import take_sets
from batchgd.analysis.fitting.solutions import outcome
from batchgd.api.fit_many import fit_many, has_rows
from batchgd.api.fit_result import FitResult
from batchgd.api.many_fits import ManyFits
from batchgd.api.multistart import multistart
from batchgd.compiler.losses import Loss
from batchgd.engine.units import chosen
from batchgd.problem import check
from batchgd.problem.box import Box
from batchgd.problem.errors import InputError
from batchgd.problem.keywords import explained
from batchgd.problem.methods import Method, as_method
from batchgd.problem.methods.residuals import LevenbergMarquardt
from batchgd.problem.speaker import said
from batchgd.problem.stopping import GTOL, Stopping, as_stopping
from batchgd.problem.wording import plural

if TYPE_CHECKING:
    from batchgd.minima.coverage import Coverage

STARTS = 1_000

FLAT = 1e-10
"""A start is at rest when a move by a box width would change the cost by this share of the variation of the data.

Ten thousand times less than where other functions are at rest: data may be as exact, and what fits them a little better
may be far along a flat valley, as in sums of exponentials."""


@explained
def fit(
    model: Any,
    x: Any,
    y: Any,
    *,
    parameters: Any,
    shared: Any = None,
    sigma: Any = None,
    absolute_sigma: bool = False,
    exchangeable: Any = None,
    loss: str = "linear",
    f_scale: float = 1.0,
    starts: int | None = None,
    until: Coverage | None = None,
    seed: int | None = 0,
    method: Any = None,
    gtol: float | None = None,
    xtol: float | None = None,
    ftol: float | None = None,
    maxiter: int | None = None,
    max_time: float | None = None,
    stopping: Any = None,
    identity: Any = None,
    sampling: Any = "uniform",
    backend: str = "auto",
    threads: int | None = None,
    progress: Any = None,
    run: str | Path | None = None,
) -> FitResult | ManyFits:
    """Fit a model to data by least squares, from many starts.

    Parameters
    ----------
    model : callable or str
        ``model(x, a, k, ...)``, as for SciPy's ``curve_fit``; ``model(x, p)`` of a vector p; or a formula such as
        ``"a*exp(-k*x) + c"`` of x and names. Written in plain NumPy, as an :class:`Objective`.
    x : array, tuple of arrays, dict or data frame
        The independent variables, passed to the model as they are: the last axis is that of the data. A tuple becomes
        the rows of one array. A dict or data frame is passed by name: ``model(t, dose, a, k)`` of
        ``x={"t": t, "dose": dose}``.
    y : (m,) or (N, m) array
        The observations. Points with NaN in x, y or sigma are left out, and counted. Each row of a table is a data set
        with a fit of its own: limits and values of a :class:`Parameter` may then be arrays of N numbers, and sigma a
        table.
    parameters : dict or list
        For each parameter its limits ``(lo, hi)``, a formula of others, or a :class:`Parameter`; for a list, in the
        order of the model. The fit keeps the limits, and starts are drawn between them. If one is infinite, or omitted,
        a :class:`Parameter` gives the starts: around its value, or in its box.
    shared : sequence of str, optional
        Fit several data sets at once: x and y are then lists with one entry per data set, and so may be sigma. These
        parameters are common to all, the others are fitted for each: ``a`` becomes ``a_1, a_2, ...``, with what is
        given for ``a`` unless ``parameters`` has ``a_2``.
    sigma : float or (m,) array, optional
        Standard deviations of y.
    absolute_sigma : bool
        Whether sigma is known absolutely. Otherwise it is relative, and the covariance is scaled so that the reduced
        chi-square is 1, as in ``curve_fit``.
    exchangeable : list of tuples of str, optional
        Components of the model that may be exchanged, ``[("a1", "k1"), ("a2", "k2")]`` for two exponentials: solutions
        that differ by their order are one, reported in ascending order of the first names. Give all the same limits.
    loss, f_scale
        A robust loss, as for :class:`LeastSquares`. ``chisqr`` remains the sum of squares.
    starts : int, optional
        How many starts, 1,000 by default, and 10 for each of N data sets, which also start at the values given, if
        any: then it may be 0. With ``until``, the largest number.
    until, seed, method, gtol, xtol, ftol, maxiter, max_time, stopping
        As for :func:`multistart`; the method is :class:`LevenbergMarquardt` if omitted.
    identity, sampling, backend, threads, progress, run
        As for :func:`multistart`.

    Returns
    -------
    FitResult, or ManyFits for a table of data sets
        ``best``, ``solutions``, ``params``, ``covar`` and statistics; ``print`` it.

    Raises
    ------
    InputError
        If data, parameters and model do not fit together; raised before work starts.

    Examples
    --------
    >>> import numpy as np
    >>> t = np.linspace(0.0, 4.0, 50)
    >>> y = 2.0 * np.exp(-0.7 * t) + 0.01 * np.sin(37.0 * t)
    >>> found = fit(lambda t, a, k: a * np.exp(-k * t), t, y, parameters={"a": (0, 5), "k": (0, 3)}, starts=100)
    >>> round(found.params["k"].value, 2), bool(found.params["k"].stderr < 0.01), found.agree > 90
    (0.7, True, True)
    """
    stopping = as_stopping(stopping, gtol=gtol, xtol=xtol, ftol=ftol, maxiter=maxiter, max_time=max_time)
    if shared is None and has_rows(y):
        others = {"until": until, "identity": identity, "exchangeable": exchangeable, "run": run}
        refused = {name: (given, None) for name, given in others.items()}
        return fit_many(
            model, x, y, parameters=parameters, sigma=sigma, absolute_sigma=absolute_sigma, loss=loss, f_scale=f_scale,
            starts=starts, seed=seed, method=method, stopping=stopping, backend=backend, threads=threads,
            progress=progress, sampling=(sampling, "uniform"), **refused,
        )  # fmt: skip
    absolute_sigma = check.flag("absolute_sigma", absolute_sigma)
    data = take_data(x, y, sigma) if shared is None else take_sets(x, y, sigma)
    if absolute_sigma and data.sigma is None:
        raise InputError("absolute_sigma is True without sigma: give sigma, the standard deviations of y")
    prepared = Model.parse(model, parameters, data.x, shared)
    free = prepared.parameters.free
    if len(data) < len(free):
        dropped = f" without NaN ({data.dropped} dropped)" if data.dropped else ""
        raise InputError(
            f"{plural(len(data), 'point')}{dropped} cannot determine {len(free)} parameters: give more data, or fix "
            f"{len(free) - len(data)} with {said('bgd.Parameter(value, vary=False)', '--param NAME=VALUE')}"
        )
    exchange = Exchange.parse(exchangeable, prepared.parameters)
    prepared.checked(data)
    exchange.check(prepared, data)
    parameters = prepared.parameters
    objective = prepared.residuals(data, coordinates=True, loss=loss, f_scale=f_scale)
    method = LevenbergMarquardt() if method is None else as_method(method)
    how: dict[str, Any] = {
        "box": parameters.box,
        "bounds": parameters.bounds if np.isfinite(parameters.bounds).any() else None,
        "method": method,
        "stopping": _stopping(stopping, data, objective.loss, parameters.box, method),
        "identity": exchange.identity(identity),
        "backend": backend,
        "threads": threads,
    }
    drawn = STARTS if starts is None and until is None else starts
    landscape = multistart(
        objective, starts=drawn, sampling=sampling, seed=seed, until=until, progress=progress, run=run, **how
    )
    guess = None
    if parameters.guess is not None and not landscape.interrupted:
        guess = multistart(objective, starts=parameters.guess[None], **how)
    found = outcome(prepared, data, exchange, landscape, guess)
    return FitResult(prepared, data, landscape, found, objective.loss, absolute_sigma)


def _stopping(rule: Stopping, data: Data, loss: Loss, box: Any, method: Method) -> Stopping:
    """Return the stopping rule, whose gtol follows the variation of the data unless it was given."""
    level = data.y - data.y.mean() if np.ptp(data.y) else data.y
    with np.errstate(over="ignore"):
        cost = float(np.sum(loss.cost(level if data.sigma is None else level / data.sigma)))
    region = Box.parse(box)
    units = chosen("auto", region, method)
    widest = float((region.width if units is None else region.width / units).max())
    flat = FLAT * cost / widest
    return replace(rule, gtol=min(GTOL, flat)) if rule.gtol is None and 0.0 < flat < np.inf else rule
