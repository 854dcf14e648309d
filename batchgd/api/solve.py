"""The two calls that everything else is reached by: ``multistart`` and ``descend``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batchgd.analysis.advice import advice
from batchgd.api.result import BatchResult, MultistartResult
from batchgd.engine.backends import choose
from batchgd.engine.batch import batch_at, make_batch
from batchgd.engine.interrupts import heeded
from batchgd.engine.progress import Progress, Watch
from batchgd.minima.collect import batch_from, collect, endpoints_of
from batchgd.minima.coverage.rule import MOST_STARTS
from batchgd.minima.coverage.run_until import check_rule
from batchgd.minima.merge import check_tolerance
from batchgd.problem.check import cupy_for, flag, function, one_of
from batchgd.problem.errors import InputError
from batchgd.problem.keywords import explained
from batchgd.problem.stopping import Stopping, as_stopping

if TYPE_CHECKING:
    from batchgd.analysis.strategies import Strategy
    from batchgd.minima.coverage import Coverage


@explained
def multistart(
    fun: Any,
    *,
    box: Any = None,
    dim: int | None = None,
    starts: Any = None,
    sampling: Any = "uniform",
    method: Any = None,
    seed: int | None = 0,
    gtol: float | None = None,
    xtol: float | None = None,
    ftol: float | None = None,
    maxiter: int | None = None,
    max_time: float | None = None,
    escape: float | None = None,
    target: float | None = None,
    stopping: Stopping | None = None,
    backend: str = "auto",
    dtype: Any = "float64",
    threads: int | None = None,
    params: Any = None,
    jac: Any = None,
    args: Any = (),
    scale: Any = "auto",
    x_tol: float = 1e-6,
    f_tol: float = 1e-9,
    strategy: Any = None,
    keep: str = "all",
    stop: Coverage | None = None,
    check: bool = False,
    progress: Progress | None = None,
    device: bool = False,
) -> MultistartResult:
    """Descend from many starts at once and collect the distinct minima that they reach.

    Parameters
    ----------
    fun : callable, str, Landscape or Objective
        ``fun(x)`` or ``fun(x, params)`` of a (d,) array in plain NumPy; or the name of a library landscape
        (``batchgd list``). It is called once, to be turned into straight-line code with its gradient.
    box : sequence of (low, high), optional
        Where starts are drawn; not a constraint. A library landscape brings its own.
    dim : int, optional
        Number of coordinates, where the box does not tell.
    starts : int or (n, d) array, optional
        How many starts, or the starts themselves; 10,000 when left out. With ``stop`` at most this many, ten million
        when left out.
    sampling : str or Normal
        ``"uniform"``, ``"sobol"``, ``"latin_hypercube"``, ``"grid"`` or ``bgd.Normal(mean, std)``. Only independent
        starts give fractions with an interval: uniform and normal ones.
    method : Method or str, optional
        The update rule; :class:`BarzilaiBorwein` when left out.
    seed : int, optional
        Start i is a function of seed and i alone. None draws a seed, which the result reports.
    gtol, xtol, ftol, maxiter, max_time, escape, target
        When a trajectory ends; defaults and meaning are those of :class:`Stopping`.
    stopping : Stopping, optional
        The whole stopping rule, instead of the names above: relative tolerances, windows, growth, oscillation.
    backend : str
        ``"auto"``, ``"cuda"``, ``"cpu"`` or ``"numpy"``.
    dtype : str
        ``"float64"`` or ``"float32"``, of the descent; or ``"mixed"``: float32 until rounding leaves no more to gain,
        then float64 from there, by :class:`BarzilaiBorwein` with steps of at most a thousandth of the box, until the
        tolerances hold. ``nit`` and ``nfev`` count both, and ``maxiter`` bounds each. Minima are polished in float64.
    threads : int, optional
        Worker threads of the CPU backend; one per core when left out. Never changes a result.
    params : float or array, optional
        Passed on to ``fun``; another value needs no new compilation.
    jac : callable, optional
        A hand-written gradient, traced instead of the derivative of ``fun``.
    args : tuple
        Further arguments of ``fun`` and ``jac``, as in SciPy: ``fun(x, *args)``, or ``fun(x, params, *args)``. They are
        constants of the traced function; a number that varies from run to run belongs into ``params``.
    scale : "auto", "box", None, or (d,) array
        The units of x in which steps are measured: None is x itself, ``"box"`` the widths of the box. The descent is
        then one in u = x / scale: its basins are those of that metric, and a learning rate, ``gtol`` and ``xtol`` are
        in units of u. ``"auto"`` takes the widths if they differ by more than a factor of 10 and no setting of the
        method is in units of x; otherwise None. A scale is rounded to powers of two, which change no bit of x or f.
    x_tol, f_tol : float
        Polished endpoints are one minimum when they differ by at most ``x_tol`` box widths in each coordinate and
        ``f_tol max(F, |f|)`` in value, where F is how far values typically differ over the box.
    strategy : Strategy or str, optional
        How starts are chosen as the run goes on, in place of all at once: ``bgd.MLSL()``, ``bgd.BasinHopping()``,
        ``bgd.RareBasins()`` or their names. ``starts`` is then the size of the sample, the number of walkers, or of all
        starts; ``result.strategy`` tells what it biases and what it cost.
    keep : str
        ``"all"`` keeps one entry per start; ``"minima"`` only the distinct points and counts, and then memory does not
        grow with the number of starts.
    stop : Coverage, optional
        ``bgd.Coverage(0.999, confidence=0.95)``: run in batches of growing size until at most 0.1 % of the starts can
        drain into minima not seen; ``result.stopped`` says whether that, ``starts`` or ``max_time`` ended the run.
    check : bool
        Run up to 2,000 of the starts again at half the step, and warn (``result.warnings``) where more than 1 % of them
        surely get another label: then the fractions rest on borders that the method made.
    progress : callable, optional
        Called with a :class:`ProgressUpdate` about twice a second, also while endpoints are polished and classified.
    device : bool
        Give the arrays of a CUDA run as CuPy arrays on the device, where they are placed when the run ends.

    Returns
    -------
    MultistartResult
        ``minima`` sorted by value, and ``x, fun, status, nit, nfev, label`` with one entry per start. Ctrl-C ends the
        run early with what was found: ``result.interrupted`` is then True, and a loop over runs should end there. A
        second Ctrl-C raises KeyboardInterrupt.

    Raises
    ------
    InputError
        For anything that cannot be used, before work starts. Trouble in one trajectory is its status.

    Examples
    --------
    >>> result = multistart("himmelblau", starts=2000)
    >>> len(result.minima), result.minima.fun.max().item() < 1e-12
    (4, True)
    """
    watch = Watch(progress)
    stopping = as_stopping(
        stopping, gtol=gtol, xtol=xtol, ftol=ftol, maxiter=maxiter, max_time=max_time, escape=escape, target=target
    )
    tolerances = check_tolerance("x_tol", x_tol), check_tolerance("f_tol", f_tol)
    keep = one_of("keep", keep, ("all", "minima"))
    check = flag("check", check)
    all_kept, chooser = keep == "all", _strategy(strategy, keep, device, stop, check)
    _check_calls(progress, device, backend)
    batch = make_batch(
        fun,
        box=box,
        dim=dim,
        starts=(10_000 if stop is None else MOST_STARTS) if starts is None else starts,
        sampling=sampling,
        method=method,
        seed=seed,
        stopping=stopping,
        backend=backend,
        dtype=dtype,
        threads=threads,
        params=params,
        jac=jac,
        args=args,
        scale=scale,
        resident=all_kept and stop is None,
    )
    if check:
        from batchgd.analysis.basins.fidelity import check_halvable, check_step

        check_halvable(batch.method)
    if chooser is not None:
        from batchgd.analysis.strategies.explore import explore

        with heeded():
            return MultistartResult.of(explore(batch, chooser, *tolerances, watch=watch))
    stop = None if stop is None else check_rule(stop, batch)
    with heeded() as interrupt:
        data = collect(batch, *tolerances, keep=all_kept, watch=watch, device=device, stop=stop)
        result = MultistartResult.of(data)
        if not result.interrupted and all_kept and not device:
            result.warnings += advice(batch, result)
        if check and not result.interrupted:
            said = check_step(result, batch_from(result))
            if interrupt.seen:
                result.cut_short, said = True, "interrupted before half the step was compared: check=True says nothing"
            result.warnings += () if said is None else (said,)
    return result


@explained
def descend(
    fun: Any,
    x0: Any,
    *,
    box: Any = None,
    method: Any = None,
    seed: int | None = 0,
    gtol: float | None = None,
    xtol: float | None = None,
    ftol: float | None = None,
    maxiter: int | None = None,
    max_time: float | None = None,
    escape: float | None = None,
    target: float | None = None,
    stopping: Stopping | None = None,
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
    fun : callable, str, Landscape or Objective
        As in :func:`multistart`.
    x0 : (n, d) array
        The starts: NumPy, CuPy, anything with DLPack, or nested lists.
    box : sequence of (low, high), optional
        The scale of the problem, by which the longest step and ``escape`` are measured. Left out: the box around x0,
        each side at least 1 wide.
    seed : int, optional
        Of gradient noise, Langevin dynamics and mini-batches, which are functions of the seed, the number of the start
        and the update. None draws a seed.

    The other parameters are those of :func:`multistart`.

    Returns
    -------
    BatchResult
        ``x, fun, jac, nit, nfev, status, success, message``, one entry per start; ``result[i]`` is one trajectory.

    Raises
    ------
    InputError
        For anything that cannot be used, before work starts.

    Examples
    --------
    A quadratic contracts by exactly 1 - η λ per step:

    >>> from batchgd.problem.methods import GradientDescent
    >>> batch = descend(lambda x: 0.5 * (x[0] ** 2 + 4.0 * x[1] ** 2), [[1.0, 1.0]], maxiter=3,
    ...                 method=GradientDescent(learning_rate=0.125))
    >>> batch.x.tolist() == [[0.875**3, 0.5**3]]
    True
    """
    stopping = as_stopping(
        stopping, gtol=gtol, xtol=xtol, ftol=ftol, maxiter=maxiter, max_time=max_time, escape=escape, target=target
    )
    _check_calls(progress, device, backend)
    batch = batch_at(
        fun,
        x0,
        box=box,
        method=method,
        seed=seed,
        stopping=stopping,
        backend=backend,
        dtype=dtype,
        threads=threads,
        params=params,
        jac=jac,
        args=args,
        scale=scale,
    )
    with heeded():
        return BatchResult.of(endpoints_of(batch, progress=progress, device=device))


def _strategy(strategy: Any, keep: str, device: bool, stop: Any, check: bool) -> Strategy | None:
    """Return the strategy that was asked for; it looks at what came of every start, so rows are kept on the host."""
    if strategy is None:
        return None
    from batchgd.analysis.strategies import as_strategy

    others = {"device=True": device, f"keep={keep!r}": keep != "all", "stop": stop is not None, "check=True": check}
    for given, clashes in others.items():
        if clashes:
            raise InputError(f"{given} does not go with a strategy, which looks at every endpoint: leave out one")
    return as_strategy(strategy)


def _check_calls(progress: Any, device: bool, backend: str) -> None:
    function("progress", progress, "a function of one ProgressUpdate")
    if flag("device", device):
        if (name := choose(backend)[0].name) != "cuda":
            raise InputError(f"device=True needs the cuda backend, and this run uses {name}: leave it out")
        cupy_for("device=True returns arrays of", "leave it out")
