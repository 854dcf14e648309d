"""``descend``: one descent from each of the starts given."""

from __future__ import annotations

from typing import Any

from batchgd.api.result import BatchResult
from batchgd.compiler.plain.calls import refusing_failures
from batchgd.compiler.resolve import Problem
from batchgd.engine.batch import batch_at
from batchgd.engine.compute import Compute
from batchgd.engine.interrupts import heeded
from batchgd.engine.progress import Progress, Watch
from batchgd.minima.collect import endpoints_of
from batchgd.problem.keywords import explained
from batchgd.problem.stopping import Stopping, as_stopping


@explained
def descend(
    fun: Any,
    x0: Any,
    *,
    box: Any = None,
    bounds: Any = None,
    domain: Any = None,
    method: Any = None,
    seed: int | None = 0,
    gtol: float | None = None,
    xtol: float | None = None,
    ftol: float | None = None,
    maxiter: int | None = None,
    max_time: float | None = None,
    stopping: Stopping | dict[str, Any] | None = None,
    backend: str = "auto",
    dtype: Any = "float64",
    threads: int | None = None,
    params: Any = None,
    which: Any = None,
    jac: Any = None,
    args: Any = (),
    scale: Any = "auto",
    progress: Progress | None = None,
    device: bool = False,
) -> BatchResult:
    """Descend from given starts: the batch API underneath :func:`multistart`, with SciPy's names.

    Parameters
    ----------
    fun : callable, str, Landscape, Objective, FiniteSum, Callback or what bgd.compiled returns
        As in :func:`multistart`.
    x0 : (n, d) array
        The starts: NumPy, CuPy, anything with DLPack, or nested lists.
    bounds : sequence of (low, high), (n, d, 2) array, or scipy.optimize.Bounds, optional
        Intervals that x never leaves, not even in a trial; None and infinities are sides without a bound, equal ends
        fix a coordinate. One pair per coordinate, or an array of shape (n, d, 2) or Bounds with ends of shape (n, d)
        for one pair per start. Every first-order method projects its steps, and the default becomes the spectral
        projected gradient. A trajectory has converged when its projected gradient vanishes: the gradient, without the
        coordinates that it holds against a bound.
    domain : str, (low, high), or a sequence of them, optional
        What each coordinate ranges over, one for all or one each: ``"free"``; ``"positive"``, which is descended in as
        u = ln x, so that ``gtol`` is that of ∂f/∂u = x ∂f/∂x, steps, tolerances and distances between minima are
        those of u, and starts are drawn uniformly in u; ``"periodic"``, an angle whose period is the side of the box,
        by default (-π, π), so that ends are moved there and minima are counted up to the period; or a pair, as in
        ``bounds``, which may add to the other kinds but angles.
    box : sequence of (low, high), optional
        The scale of the problem, by which the longest step and ``escape`` are measured. Default: finite
        bounds (the box around those of all starts), and else the box around x0, with sides of at least 1.
    params : dict, float or array, optional
        In a dict, params of each start: ``params={"y": y, "c": c}`` of ``fun(x, y, c)``, with a row of y and of c for
        each start, or for each problem. Starts then descend on different functions of one shape, such as fits of
        different data. Anything else is passed on to ``fun(x, params)`` for all of them.
    which : (n,) array of int, optional
        The row of ``params`` for each start; start i has row i if omitted.
    seed : int, optional
        Seed of gradient noise, Langevin dynamics and mini-batches, which are functions of the seed, the number of the
        start and the update. None draws a seed.

    The other parameters are those of :func:`multistart`.

    Returns
    -------
    BatchResult
        ``x, fun, jac, nit, nfev, status, success, message``, one entry per start; ``result[i]`` is one trajectory.

    Raises
    ------
    InputError
        If an argument cannot be used; raised before work starts.

    Examples
    --------
    A quadratic contracts by exactly 1 - η λ per step:

    >>> from batchgd.problem.methods import GradientDescent
    >>> batch = descend(lambda x: 0.5 * (x[0] ** 2 + 4.0 * x[1] ** 2), [[1.0, 1.0]], maxiter=3,
    ...                 method=GradientDescent(learning_rate=0.125))
    >>> batch.x.tolist() == [[0.875**3, 0.5**3]]
    True

    Each start may have a problem of its own:

    >>> batch = descend(lambda x, c: (x[0] - c) ** 2, [[0.0], [0.0]], params={"c": [1.0, 2.0]})
    >>> batch.x.round(6).tolist()
    [[1.0], [2.0]]
    """
    watch = Watch(progress)
    stopping = as_stopping(stopping, gtol=gtol, xtol=xtol, ftol=ftol, maxiter=maxiter, max_time=max_time)
    batch = batch_at(
        Problem(fun, box, params=params, jac=jac, args=args, bounds=bounds, domain=domain),
        x0,
        Compute.of(backend, dtype, threads, device),
        method=method,
        seed=seed,
        stopping=stopping,
        scale=scale,
        which=which,
    )
    with heeded(), refusing_failures():
        return BatchResult.of(endpoints_of(batch, watch=watch))
