"""``multistart``: descend from many starts at once, and collect the minima that they reach."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batchgd.analysis.advice import advice
from batchgd.api.result import MultistartResult
from batchgd.api.runs.run import Parts, kept
from batchgd.compiler.plain.calls import refusing_failures
from batchgd.compiler.resolve import Problem, dim_of
from batchgd.engine.batch import make_batch
from batchgd.engine.compute import Compute
from batchgd.engine.interrupts import heeded
from batchgd.engine.progress import Progress, Watch
from batchgd.minima.collect import collect
from batchgd.minima.collector import Collector
from batchgd.minima.coverage.rule import MOST_STARTS
from batchgd.minima.coverage.run_until import check_rule
from batchgd.problem.check import flag
from batchgd.problem.errors import InputError
from batchgd.problem.identity import Identity, as_identity
from batchgd.problem.keywords import explained
from batchgd.problem.stopping import Stopping, as_stopping

if TYPE_CHECKING:
    from batchgd.analysis.strategies import Strategy
    from batchgd.api.runs.partial import Partial
    from batchgd.minima.coverage import Coverage


@explained
def multistart(
    fun: Any,
    *,
    box: Any = None,
    dim: int | None = None,
    atoms: int | None = None,
    bounds: Any = None,
    domain: Any = None,
    starts: Any = None,
    sampling: Any = "uniform",
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
    identity: Identity | dict[str, Any] | None = None,
    strategy: Any = None,
    keep: str = "all",
    until: Coverage | None = None,
    check: bool = False,
    progress: Progress | None = None,
    device: bool = False,
    run: str | Path | None = None,
    shard: tuple[int, int] | str | None = None,
    callback: Callable[[Partial], Any] | None = None,
    executor: Any = None,
) -> MultistartResult:
    """Descend from many starts at once and collect the distinct minima that they reach.

    Parameters
    ----------
    fun : callable, str, Landscape, Objective, FiniteSum, Callback or what bgd.compiled returns
        ``fun(x)`` or ``fun(x, params)`` of a (d,) array in plain NumPy; or the name of a library landscape
        (``batchgd list``). It is called once, to be turned into straight-line code with its gradient;
        ``bgd.Callback(fun)`` calls what cannot be traced, ``bgd.compiled(f, dim)`` a Numba function of yours.
    bounds : sequence of (low, high), or scipy.optimize.Bounds, optional
        Intervals that x never leaves, as in :func:`descend`. A minimum may then be on a face: its gradient pushes
        against the bounds there, and vanishes in the other coordinates.
    domain : str, (low, high), or a sequence of them, optional
        What each coordinate ranges over, as in :func:`descend`: ``"free"``, ``"positive"`` (in logarithms),
        ``"periodic"`` (an angle) or an interval.
    box : sequence of (low, high), optional
        The region from which starts are drawn; not a constraint. Default: finite bounds. A library landscape brings its
        own.
    dim : int, optional
        Number of coordinates, if the box does not give it.
    atoms : int, optional
        Number of atoms, for the library's clusters: ``"lennard_jones"`` and ``"morse"``.
    starts : int or (n, d) array, optional
        How many starts, or the starts themselves; default: 10,000. With ``until``, the largest number of starts;
        default: ten million.
    sampling : str or Normal
        ``"uniform"``, ``"sobol"``, ``"latin_hypercube"``, ``"grid"`` or ``bgd.Normal(mean, std)``. Only independent
        starts (uniform and normal ones) give fractions with an interval.
    method : Method or str, optional
        The update rule; default: :class:`BarzilaiBorwein`.
    seed : int, optional
        Start i is a function of seed and i alone. None draws a seed, which the result reports.
    gtol, xtol, ftol, maxiter, max_time
        When a trajectory ends; defaults and meaning are those of :class:`Stopping`.
    stopping : Stopping or dict, optional
        The whole stopping rule, in place of the names above; or some of its other fields, added to them, as in
        ``stopping={"target": 1e-3}``: target, escape, relative tolerances, growth, oscillation, ...
    backend : str
        ``"auto"``, ``"cuda"``, ``"cpu"`` or ``"numpy"``.
    dtype : str
        Precision of the descent: ``"float64"``, ``"float32"``, or ``"mixed"``: float32 until rounding stops progress,
        then float64 from there, by :class:`BarzilaiBorwein` with steps of at most a thousandth of the box, until the
        tolerances hold. ``nit`` and ``nfev`` count both, and ``maxiter`` bounds each. Minima are polished in float64.
    threads : int, optional
        Worker threads of the CPU backend; default: one per core. They never change a result.
    params : float, array or dict, optional
        Passed on to ``fun``, the same for all starts; :func:`batchgd.descend` takes some for each. A new value needs no
        new compilation.
    jac : callable, optional
        A hand-written gradient, traced instead of the derivative of ``fun``.
    args : tuple
        Further arguments of ``fun`` and ``jac``, as in SciPy: ``fun(x, *args)``, or ``fun(x, params, *args)``. They are
        constants of the traced function; a number that varies from run to run belongs in ``params``.
    scale : "auto", "box", None, or (d,) array
        The units of x in which steps are measured: None is x itself, ``"box"`` the widths of the box. The descent is
        then one in u = x / scale: its basins are those of that metric, and a learning rate, ``gtol`` and ``xtol`` are
        in units of u. ``"auto"`` takes the widths if they differ by more than a factor of 10 and no setting of the
        method is in units of x; otherwise None. A scale is rounded to powers of two, which change no bit of x or f.
    identity : Identity or dict, optional
        When two polished endpoints are one minimum: ``bgd.Identity(x=1e-6, f=1e-9)`` when omitted.
    strategy : Strategy or str, optional
        How starts are chosen as the run goes on, in place of all at once: ``bgd.MLSL()``, ``bgd.BasinHopping()``,
        ``bgd.RareBasins()`` or their names. ``starts`` is then the size of the sample, the number of walkers, or the
        number of all starts; ``result.strategy`` reports what it biases and what it cost.
    keep : str
        ``"all"`` keeps one entry per start; ``"minima"`` only the distinct points and counts, so that memory does not
        grow with the number of starts. ``"disk"``, with ``run``, writes the entries into the files of the parts, and
        returns what ``"minima"`` does.
    until : Coverage, optional
        ``bgd.Coverage(0.999, confidence=0.95)``: run in batches of growing size until at most 0.1 % of the starts can
        be in basins of minima not seen; ``result.stopped`` shows if this, ``starts`` or ``max_time`` ended the run.
    check : bool
        Run up to 2,000 of the starts again at half the step, and warn (``result.warnings``) if more than 1 % of them
        surely get another label: the fractions then depend on the step size.
    progress : callable, optional
        Called with a :class:`ProgressUpdate` about twice a second, also while endpoints are polished and classified.
    device : bool
        Return the arrays of a CUDA run as CuPy arrays on the device; they are placed there when the run ends.
    run : path, optional
        A folder in which each part of the run is saved as soon as it is done. The same call again does only what is
        missing, with more ``starts`` it goes on; the result is the same to the last bit, however often the process was
        killed. Several processes may share the folder. A call with another configuration is refused.
    shard : (i, n) or "i/n", optional
        With ``run``: make only the i-th of n shards, counted from 1, and return what it found.
    callback : callable, optional
        With ``run`` or ``executor``: called with a :class:`Partial` after each part that was computed; if it returns
        True, the run ends there. ``max_time`` and Ctrl-C end it too: the part under way is then not saved.
    executor : int, concurrent.futures.Executor, or function that returns one, optional
        Who makes the parts of the run, with or without a folder: a number of processes on this machine, or anything
        with ``submit``, such as a ProcessPoolExecutor or ``client.get_executor()`` of Dask. A function is called again
        when its executor breaks. Whoever makes a part, it is the same to the last bit. ``threads`` is then the number
        for each worker (default: 1, and for processes on this machine its cores divided among them). A part that no
        worker can make is reported in ``result.warnings``.

    Returns
    -------
    MultistartResult
        ``minima`` sorted by value, and ``x, fun, status, nit, nfev, label`` with one entry per start. Ctrl-C ends the
        run early and returns what was found: ``result.interrupted`` is then True, and a loop over runs should end
        there. A second Ctrl-C raises KeyboardInterrupt.

    Raises
    ------
    InputError
        If an argument cannot be used; raised before work starts. Trouble in one trajectory is its status.

    Examples
    --------
    >>> result = multistart("himmelblau", starts=2000)
    >>> len(result.minima), result.minima.fun.max().item() < 1e-12
    (4, True)
    """
    watch = Watch(progress)
    stopping = as_stopping(stopping, gtol=gtol, xtol=xtol, ftol=ftol, maxiter=maxiter, max_time=max_time)
    identity = as_identity(identity)
    parts = Parts.of(run, shard, callback, executor, threads)
    keep = kept(keep, run)
    check = flag("check", check)
    compute = Compute.of(backend, dtype, threads, device)
    all_kept, chooser = keep == "all", _strategy(strategy, keep, compute.device, until, check)
    batch = make_batch(
        Problem(fun, box, dim if atoms is None else dim_of(fun, dim, atoms), params, jac, args, bounds, domain),
        compute,
        starts=(10_000 if until is None else MOST_STARTS) if starts is None else starts,
        sampling=sampling,
        method=method,
        seed=seed,
        stopping=stopping,
        scale=scale,
        resident=all_kept and until is None and shard is None,
    )
    if check:
        from batchgd.analysis.basins.fidelity import check_halvable, check_step

        check_halvable(batch.method)
    if parts is not None:
        parts.refuse(compute, chooser)
    if chooser is not None:
        from batchgd.analysis.strategies.explore import explore

        with heeded(), refusing_failures():
            return MultistartResult.of(explore(batch, chooser, identity, watch=watch))
    until = None if until is None else check_rule(until, batch)
    gathering = None if parts is None else parts.gathering(batch, keep, until=until is not None)
    with heeded() as interrupt, refusing_failures(), gathering or nullcontext():
        data = collect(batch, identity, keep=all_kept, watch=watch, until=until, gather=gathering or Collector)
        result = MultistartResult.of(data)
        if gathering is not None:
            gathering.finish(result)
        if not result.interrupted and all_kept and not compute.device:
            result.warnings += advice(batch, result)
        if check and not result.interrupted:
            warning = check_step(result)
            if interrupt.seen:
                result.cut_short = True
                warning = "interrupted during the comparison with half the step, so check=True has no result"
            result.warnings += () if warning is None else (warning,)
    return result


def _strategy(strategy: Any, keep: str, device: bool, until: Any, check: bool) -> Strategy | None:
    """Return the strategy that was asked for; it looks at every endpoint, so rows are kept on the host."""
    if strategy is None:
        return None
    from batchgd.analysis.strategies import as_strategy

    others = {"device=True": device, f"keep={keep!r}": keep != "all", "until": until is not None, "check=True": check}
    for option, clashes in others.items():
        if clashes:
            raise InputError(f"{option} does not go with a strategy, which looks at every endpoint: omit one of them")
    return as_strategy(strategy)
