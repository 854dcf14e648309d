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
    box : sequence of (low, high), optional
        The scale of the problem, by which the longest step and ``escape`` are measured. Default: finite
        bounds (the box around those of all starts), and else the box around x0, with sides of at least 1.
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
    """
    watch = Watch(progress)
    stopping = as_stopping(stopping, gtol=gtol, xtol=xtol, ftol=ftol, maxiter=maxiter, max_time=max_time)
    batch = batch_at(
        Problem(fun, box, params=params, jac=jac, args=args, bounds=bounds),
        x0,
        Compute.of(backend, dtype, threads, device),
        method=method,
        seed=seed,
        stopping=stopping,
        scale=scale,
    )
    with heeded(), refusing_failures():
        return BatchResult.of(endpoints_of(batch, watch=watch))
