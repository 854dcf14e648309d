"""Run several methods on several landscapes, cell by cell."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from batchgd.analysis.comparison.comparison import Cell, Comparison
from batchgd.compiler.resolve import Problem, as_objective
from batchgd.compiler.units import Units
from batchgd.engine.batch import Batch, make_batch
from batchgd.engine.compute import Compute
from batchgd.engine.interrupts import Interrupt, heeded
from batchgd.minima.pairs import labels_onto
from batchgd.problem import check
from batchgd.problem.bounds import Bounds
from batchgd.problem.errors import InputError, quoted
from batchgd.problem.identity import Identity, as_identity
from batchgd.problem.keywords import explained
from batchgd.problem.landscapes import get, names
from batchgd.problem.methods import METHODS, GradientFlow, Method, as_method, split_per_start
from batchgd.problem.stopping import Stopping, as_stopping

if TYPE_CHECKING:
    from batchgd.minima.results import LandscapeData

STANDARD = (
    ("himmelblau", 2),
    ("six_hump_camel", 2),
    ("rosenbrock", 2),
    ("styblinski_tang", 4),
    ("rastrigin", 2),
    ("ackley", 2),
    ("hartmann6", 6),
    ("shekel", 4),
)
"""The landscapes of a comparison that names none, with their dimensions."""

EVERY = "all"
"""Means the whole library: the standard landscapes, then the others in their default dimensions."""

SCALED_TO = "himmelblau"
"""The landscape that the trial settings of ``METHODS`` suit."""

_REACHED = 1e-6  # of max(1, |f*|): a minimum this near to the global value is the global one


@explained
def compare(
    methods: Any = None,
    landscapes: Any = None,
    *,
    bounds: Any = None,
    starts: int = 1000,
    seed: int = 0,
    scale: bool | None = None,
    reference: Any = None,
    gtol: float | None = None,
    xtol: float | None = None,
    ftol: float | None = None,
    maxiter: int | None = None,
    max_time: float | None = None,
    stopping: Stopping | dict[str, Any] | None = None,
    identity: Identity | dict[str, Any] | None = None,
    backend: str = "auto",
    dtype: Any = "float64",
    threads: int | None = None,
    progress: Callable[[Cell], None] | None = None,
) -> Comparison:
    """Run several methods from the same starts on several landscapes.

    Parameters
    ----------
    methods : sequence of Method or str, or dict of them, optional
        Names mean the trial settings in ``METHODS``; keys of a dict are the names in the table. Default: all methods.
    landscapes : sequence, optional
        Names, Landscapes, objectives with a box, or pairs (name, dim); default: a standard set of eight; the whole
        library for ``"all"``.
    bounds : sequence of (low, high), or scipy.optimize.Bounds, optional
        Intervals that x never leaves, in the coordinates of each landscape; one pair is for all of them. The global
        value is then the lowest that the reference or the method finds. A method that takes no bounds fails in its
        cell.
    starts : int
        Starts of each cell; uniform in the box, the same for every method.
    seed : int
        Of the starts.
    scale : bool, optional
        Bring each landscape to the units of Himmelblau's function first: coordinates in which the box is [-6, 6], and
        values in which the curvature over the box (the median of the largest second derivative) is the same and the
        global value, if it is known, is 0. Then one learning rate means the same everywhere. Default: True if
        ``methods`` is omitted or contains only names.
    reference : Method, optional
        The method whose labels the others' are compared with (fidelity); default: what ``result.fidelity()`` uses as
        gradient flow.
    gtol, xtol, ftol, maxiter, max_time, stopping
        When a trajectory of a cell ends, as in :func:`multistart`.
    identity, backend, dtype, threads
        As in :func:`multistart`.
    progress : callable, optional
        Called with each finished :class:`Cell`.

    Returns
    -------
    Comparison
        One cell for each method and landscape. A cell that fails contains its error; the others are complete.

    Raises
    ------
    InputError
        If methods or landscapes do not exist, or options cannot be used.

    Examples
    --------
    >>> table = compare(["gradient_descent", "adam"], ["himmelblau"], starts=50, backend="numpy")
    >>> [cell.minima for cell in table]
    [4, 4]
    """
    methods, named = _methods(methods)
    scale = named if scale is None else check.flag("scale", scale)
    stopping = as_stopping(stopping, gtol=gtol, xtol=xtol, ftol=ftol, maxiter=maxiter, max_time=max_time)
    identity = as_identity(identity)
    check.function("progress", progress, "a function of one Cell")
    starts = check.whole("starts", starts, 1)
    judge = GradientFlow() if reference is None else as_method(reference)
    cells: list[Cell] = []
    compute = Compute.of(backend, dtype, threads)
    problems = list(_problems(landscapes, bounds, starts, seed, scale, stopping, compute))
    for method in [judge, *methods.values()]:
        split_per_start(method, starts, compute.end_dtype)
    with heeded() as interrupt:
        for cell in _cells(methods, problems, judge, identity, interrupt):
            cells.append(cell)
            if progress is not None:
                progress(cell)
        cut = interrupt.seen or any(cell.interrupted for cell in cells)
        return Comparison(tuple(cells), starts, str(judge), interrupted=cut)


def _cells(
    methods: Mapping[str, Method],
    problems: list[tuple[str, _Problem]],
    judge: Method,
    identity: Identity,
    interrupt: Interrupt,
) -> Iterator[Cell]:
    """Run every method on every landscape, until Ctrl-C; a failure is a cell with its error."""
    for name, make in problems:
        try:
            batch, best = make()
            flow: Any = _run(batch.again(method=judge), identity)[0]
        except Exception as error:
            yield from (Cell(method, name, error=_one_line(error)) for method in methods)
            continue
        if flow.interrupted:
            return
        for label, method in methods.items():
            cell = _cell(label, name, batch, method, identity, flow, best)
            yield cell
            if interrupt.seen or cell.interrupted:
                return


def _methods(methods: Any) -> tuple[dict[str, Method], bool]:
    """The methods by the names of the table, and whether only names were passed."""
    if methods is None:
        methods = list(METHODS)
    if isinstance(methods, str | Method):
        methods = [methods]
    if not isinstance(methods, Mapping | Sequence) or not methods:
        raise InputError(f"methods is {quoted(methods)}: give at least one, as in ['gradient_descent', bgd.Adam(0.05)]")
    by_name = methods if isinstance(methods, Mapping) else {_name(method): method for method in methods}
    if len(by_name) < len(methods):
        raise InputError("two methods have the same name: give a dict {name: method}")
    checked = {
        str(name): METHODS.find(method).example() if isinstance(method, str) else as_method(method)
        for name, method in by_name.items()
    }
    return checked, all(isinstance(method, str) for method in by_name.values())


def _name(method: Any) -> str:
    return method if isinstance(method, str) else str(method)


def library() -> list[tuple[str, int]]:
    """Every landscape with a dimension: those of ``STANDARD`` first, then the others, each under one name.

    >>> names = [name for name, _ in library()]
    >>> names[:2], "beale" in names, "shekel" in names and "shekel10" in names
    (['himmelblau', 'six_hump_camel'], True, False)
    """
    standard = [get(name) for name, _ in STANDARD]
    entries = {entry.title: entry for entry in [*map(get, names()), *standard]}
    others = [entry for entry in entries.values() if entry not in standard]
    return [*STANDARD, *((entry.name, entry.default_dim) for entry in others)]


_Problem = Callable[[], "tuple[Batch, float | None]"]


def _problems(
    landscapes: Any, bounds: Any, starts: int, seed: int, scale: bool, stopping: Stopping, compute: Compute
) -> Iterator[tuple[str, _Problem]]:
    """Each landscape's name, and a call that traces it and returns its batch and its global value, if known."""

    def batch_of(objective: Any, within: Bounds | None = None) -> Batch:
        return make_batch(Problem(objective, bounds=within), compute, starts=starts, seed=seed, stopping=stopping)

    batch_of(get(SCALED_TO))  # unusable arguments are refused before any work
    checked = [_checked(each) for each in _wanted(landscapes)]
    all_bounds = [None if bounds is None else Bounds.parse(bounds, dim) for *_, dim in checked]
    for (entry, ready, dim), within in zip(checked, all_bounds, strict=True):

        def make(
            entry: Any = entry, ready: Any = ready, dim: int = dim, within: Any = within
        ) -> tuple[Batch, float | None]:
            objective, known = ready(), entry.global_value(dim) if within is None else None
            if scale:
                objective, units = _scaled(objective, known)
                within = None if within is None else units.of_bounds(within)
                return batch_of(objective, within), None if known is None else 0.0
            return batch_of(objective, within), known

        yield f"{entry.name} {dim}-D", make


def _wanted(landscapes: Any) -> Sequence[Any]:
    """What the argument ``landscapes`` lists."""
    wanted = STANDARD if landscapes is None else landscapes
    if isinstance(wanted, str) and wanted == EVERY:
        return library()
    if isinstance(wanted, str) or hasattr(wanted, "global_value"):
        return [wanted]
    if not isinstance(wanted, Sequence) or not wanted:
        raise InputError(
            f"landscapes is {quoted(landscapes)}: give at least one, as in ['himmelblau', ('rastrigin', 2)]"
        )
    return wanted


def _checked(each: Any) -> tuple[Any, Any, int]:
    """A landscape or an objective, what makes the objective, and its dimension."""
    pair = each if isinstance(each, tuple) else (each, None)
    entry = get(pair[0]) if isinstance(pair[0], str) else pair[0]
    if len(pair) != 2 or not hasattr(entry, "global_value"):
        raise InputError(
            f"{quoted(each)} is not a landscape: give a name, a pair (name, dim), or an objective with a box"
        )
    if entry.box is None:
        raise InputError(f"the objective {entry.name} has no box: make it with box=[(lo, hi), ...]")
    region, ready = Problem(entry, dim=pair[1]).resolve()
    return entry, ready, region.dim


def _scaled(objective: Any, known: float | None) -> tuple[Any, Units]:
    """The objective in the units of the landscape that trial settings suit, and these units."""
    from batchgd.minima.scale import measure

    model, box = get(SCALED_TO), objective.box
    (low, high), *_ = model.bounds
    factor = measure(as_objective(model), model.box()).curvature / measure(objective, box).curvature
    stretch = box.width / (high - low)
    units = Units(stretch, box.lower - low * stretch, factor, 0.0 if known is None else known)
    return objective.in_units(units), units


def _run(batch: Batch, identity: Identity) -> tuple[LandscapeData, float, float]:
    """Run a batch; its result, the seconds that compiling took, and those of the run."""
    from batchgd.engine.progress import Watch
    from batchgd.minima.collect import collect

    watch = Watch()
    result = collect(batch, identity, watch=watch)
    return result, watch.elapsed - watch.seconds, watch.seconds


def _cell(
    label: str, name: str, batch: Batch, method: Method, identity: Identity, flow: Any, best: float | None
) -> Cell:
    """Run one method on one landscape."""
    try:
        result, compiling, seconds = _run(batch.again(method=method), identity)
        minima = result.minima
        known = min([*minima.fun, *flow.minima.fun], default=np.inf) if best is None else best
        reached = np.asarray(minima.fun) <= known + _REACHED * max(1.0, abs(known))
        at_rest = result.success & (result.label >= 0)
        place, _ = labels_onto(flow.minima, minima, batch.box, flow.identity.symmetry)
        basin = flow.label >= 0
        return Cell(
            label,
            name,
            successes=int(np.sum(minima.count[reached])),
            starts=result.n,
            minima=len(minima),
            fidelity=float(np.mean((place[result.label] == flow.label)[basin])) if basin.any() else float("nan"),
            evaluations=np.where(at_rest, result.nfev, np.inf),
            compile_seconds=compiling,
            seconds=seconds,
            interrupted=result.interrupted,
        )
    except Exception as error:  # whatever fails in one cell, the others are kept
        return Cell(label, name, error=_one_line(error))


def _one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
