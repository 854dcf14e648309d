"""Fidelity: how many starts end where gradient flow ends, and how many change when the step is halved.

This module defines half a step for every method: the first of ``STEPS`` that it has is halved, nothing else.

* ``learning_rate``: a number, one per start, or a schedule, whose heights are halved and whose times stay the same.
  Momentum and running averages keep their memory in updates. For Armijo's search it is the first trial.
* ``time_step``: FIRE's.
* ``max_displacement``: the longest step of a method that finds its own, such as Barzilai and Borwein's.

Polyak's step and gradient flow have nothing to halve.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.minima.fractions import check_confidence, wilson
from batchgd.minima.mapper import FLOW_UPDATES, Mapper
from batchgd.minima.pairs import confusion_counts
from batchgd.minima.results import LandscapeData
from batchgd.problem import check
from batchgd.problem.arrays import host
from batchgd.problem.errors import InputError
from batchgd.problem.methods import GradientFlow, Method, Schedule, as_method
from batchgd.problem.speaker import a_run, option, said
from batchgd.problem.starts import parse_seed

STEPS = ("learning_rate", "time_step", "max_displacement")
_HEIGHTS = ("initial", "final")  # of a schedule
_DENSE = 5_000  # the most minima of a confusion matrix as an array
_SHOWN = 6  # pairs of labels in the printed text
_CHECKED = 2_000  # starts run again by check=True: at 1,000 and more the same kernel serves
_TOLERATED = 0.01  # share of changed labels above which check=True warns


@dataclass(frozen=True, eq=False, repr=False)
class Fidelity:
    """Labels of a sample of starts by the method, by gradient flow, and by the method at half the step.

    Labels are rows of the result's ``minima``, -1 for none, and from their number on minima that only the others found.

    Attributes
    ----------
    rows : (n,)
        Which starts were sampled.
    label, flow : (n,)
        By the method, and by gradient flow.
    half : (n,) or None
        By the method at half the step; None if it has none.
    minima : int
        How many the result has.
    step, method, reference : str
        What was halved, and the methods as text.
    confidence : float
        Of the intervals.
    """

    rows: NDArray[np.int64]
    label: NDArray[np.int64]
    flow: NDArray[np.int64]
    half: NDArray[np.int64] | None
    minima: int
    step: str | None
    method: str
    reference: str
    confidence: float = 0.95

    @property
    def agree(self) -> float:
        """Share of the sample that ends where gradient flow ends."""
        return float(np.mean(self.label == self.flow))

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's interval of ``agree``."""
        return self._interval(self.label == self.flow)

    @property
    def changed(self) -> float | None:
        """Share whose label changes when the step is halved."""
        return None if self.half is None else float(np.mean(self.label != self.half))

    @property
    def changed_interval(self) -> tuple[float, float] | None:
        """Wilson's interval of ``changed``."""
        return None if self.half is None else self._interval(self.label != self.half)

    @property
    def half_agree(self) -> float | None:
        """Share that ends where gradient flow ends, at half the step."""
        return None if self.half is None else float(np.mean(self.half == self.flow))

    @property
    def moves(self) -> NDArray[np.int64]:
        """Pairs of labels that occur, by the method and by gradient flow, and how often, (k, 3); most frequent first.

        The confusion matrix without its zeros.
        """
        pairs, count = np.unique(np.stack([self.label, self.flow], axis=1), axis=0, return_counts=True)
        return np.column_stack([pairs, count])[np.argsort(-count, kind="stable")]

    @property
    def confusion(self) -> NDArray[np.int64]:
        """How many starts have each pair of labels: rows by the method, columns by gradient flow, -1 last in both.

        Raises InputError beyond 5,000 minima; ``moves`` contains the same without the zeros.
        """
        if self.minima > _DENSE:
            raise InputError(f"a confusion matrix of {self.minima:,} minima is too large: use moves")
        columns = max(self.minima, int(self.flow.max(initial=-1)) + 1)
        return confusion_counts(self.label, self.flow, self.minima, columns)

    def _interval(self, hit: NDArray[np.bool_]) -> tuple[float, float]:
        low, high = wilson(int(hit.sum()), len(hit), self.confidence)
        return float(low), float(high)

    def __repr__(self) -> str:
        sure = f"{100 * self.confidence:.6g} %"
        low, high = self.interval
        lines = [
            f"{100 * self.agree:.4g} % of {len(self.rows):,} starts end where gradient flow ends "
            f"({sure}: {100 * low:.4g} to {100 * high:.4g} %)"
        ]
        if self.changed_interval is not None and self.changed is not None and self.half_agree is not None:
            low, high = self.changed_interval
            lines.append(
                f"{100 * self.changed:.3g} % change when {self.step} is halved ({sure}: {100 * low:.3g} to "
                f"{100 * high:.3g} %); then {100 * self.half_agree:.4g} % end where gradient flow ends"
            )
        else:
            lines.append(f"{self.method} has no step to halve")
        wrong = self.moves[self.moves[:, 0] != self.moves[:, 1]]
        lines += [f"  {count:,} labelled {i}, by gradient flow {j}" for i, j, count in wrong[:_SHOWN].tolist()]
        return "\n".join([*lines, f"method: {self.method}; gradient flow: {self.reference}"])

    def to_dict(self) -> dict[str, Any]:
        """The figures for JSON."""
        names = ("agree", "interval", "changed", "changed_interval", "half_agree", "moves", "step", "method")
        return {"sample": len(self.rows), **{name: getattr(self, name) for name in (*names, "reference", "confidence")}}


def fidelity(
    result: LandscapeData, sample: int = 1000, *, reference: Any = None, confidence: float = 0.95, seed: int = 0
) -> Fidelity:
    """Compare the labels of a sample of starts with gradient flow's, and with those at half the step.

    Optimisers do not reproduce the true basins: a step that is long compared with the width of a basin jumps over
    borders, and momentum carries trajectories across them. Gradient flow, dx/dt = -∇f(x), is the limit of small steps;
    its basins are a property of the function alone.

    Parameters
    ----------
    result : LandscapeData
        With labels, one entry per start, and its function.
    sample : int
        Starts to run again, drawn at random from those of the result; 1,000 give the share to within 3 points at worst.
    reference : Method, optional
        The method to use as gradient flow.
    confidence : float
        Of the intervals.
    seed : int
        Of the draw.

    Returns
    -------
    Fidelity
        Half the step reveals borders that depend on the step size. It does not show what momentum or a normalised
        gradient do at any step: Adam's basins on Himmelblau's function hardly change (0.05 %), and yet 8.0 % of them
        are not true.

    Raises
    ------
    InputError
        If the result has no labels or no function, or the sample is not a number of starts.

    Examples
    --------
    >>> import batchgd as bgd
    >>> coarse = bgd.multistart("himmelblau", starts=300, method=bgd.GradientDescent(learning_rate=0.012))
    >>> found = coarse.fidelity(sample=300)
    >>> 0.6 < found.agree < 0.95, found.half_agree > found.agree
    (True, True)

    References
    ----------
    P. Suryadevara et al., arXiv:2409.12113: the basins of common optimisers against those of gradient flow.
    """
    sample, confidence = check.whole("sample", sample, 1, of="starts"), check_confidence(confidence)
    rng = np.random.default_rng(parse_seed(seed))
    if not isinstance(result, LandscapeData) or not result.kept:
        again = f"kept none: run it with {option('keep', 'all')}"
        lacks = again if isinstance(result, LandscapeData) else f"has none: run {a_run()}"
        raise InputError(f"fidelity compares the labels of starts, and this result {lacks}")
    mapper = Mapper.of(result)
    run = mapper.batch
    rows = np.arange(result.n)
    if sample < result.n:
        rows = np.sort(rng.choice(result.n, sample, replace=False))
    method, x0 = of_rows(run.method, rows), result.starts.at(rows)
    flow = GradientFlow() if reference is None else as_method(reference)
    half = halved(method)
    return Fidelity(
        rows,
        label=host(result.label)[rows].astype(np.int64),
        flow=mapper.by(flow, FLOW_UPDATES, double=True).collect(x0).label,
        half=None if half is None else mapper.by(half, 2 * run.stopping.maxiter).collect(x0).label,
        minima=len(result.minima),
        step=None if half is None else step_name(half),
        method=str(method),
        reference=str(flow),
        confidence=confidence,
    )


def check_step(result: LandscapeData) -> str | None:
    """Return a warning if labels depend on the step size: a sample of the starts is run again at half of it.

    It warns if the share of changed labels is above 1 % with 97.5 % confidence.
    """
    mapper = Mapper.of(result)
    batch = mapper.batch
    half, n = check_halvable(batch.method), min(batch.starts.n, _CHECKED)
    starts: Any
    if batch.starts.independent:
        rows, starts = np.arange(n), batch.starts.head(n)  # drawn in the kernel, by the code that is compiled already
    else:
        rows = np.sort(np.random.default_rng(0).choice(batch.starts.n, n, replace=False))
        starts = batch.starts.at(rows)
    if result.kept:
        label = host(result.label)[rows]
    else:
        label = mapper.by(of_rows(batch.method, rows)).collect(starts).label
    halves = mapper.by(of_rows(half, rows), 2 * batch.stopping.maxiter).collect(starts)
    changed = int(np.count_nonzero(label != halves.label))
    low, high = (100 * float(end) for end in wilson(changed, n))
    if low <= 100 * _TOLERATED:
        return None
    return (
        f"the fractions depend on the step size: at half the {step_name(half)}, {100 * changed / n:.2g} % "
        f"({low:.2g} to {high:.2g} %) of {n:,} starts get another label; take a smaller one, or see "
        f"{said('result.fidelity()', '--fidelity')}"
    )


def check_halvable(method: Method) -> Method:
    """Return the method at half the step, or raise InputError if ``check=True`` has nothing to halve."""
    half = halved(method)
    if half is None:
        raise InputError(
            f"check halves the step, and {type(method).__name__} has none to halve: leave it out, or use "
            f"{said('result.fidelity()', '--fidelity')}"
        )
    return half


def halved(method: Method) -> Method | None:
    """Return the method at half the step; None if it has none.

    >>> from batchgd.problem.methods import Adam, BarzilaiBorwein, Cosine, GradientDescent
    >>> print(halved(Adam(0.02)))
    Adam(learning_rate=0.01, beta1=0.9, beta2=0.999, epsilon=1e-08)
    >>> print(halved(GradientDescent(Cosine(0.1, period=50, final=0.01))).learning_rate)
    Cosine(initial=0.05, period=50, final=0.005, growth=1)
    >>> print(halved(BarzilaiBorwein()))
    BarzilaiBorwein(max_displacement=0.005, sufficient_decrease=0.0001, forgetting=0.85)
    """
    name = step_name(method)
    if name is None:
        return None
    value = getattr(method, name)
    if isinstance(value, Schedule):
        heights = {field: 0.5 * getattr(value, field) for field in _HEIGHTS if hasattr(value, field)}
        return replace(method, **{name: replace(value, **heights)})
    return replace(method, **{name: 0.5 * np.asarray(value)[()]})


def step_name(method: Method) -> str | None:
    """The field that is the method's step; None if it has none.

    >>> from batchgd.problem.methods import FIRE, Polyak
    >>> step_name(FIRE(0.02)), step_name(Polyak(optimum=0.0))
    ('time_step', None)
    """
    return next((name for name in STEPS if hasattr(method, name)), None)


def of_rows(method: Any, rows: Any) -> Any:
    """Return the method for some of the starts: hyperparameters with one value per start keep those of the rows.

    >>> from batchgd.problem.methods import GradientDescent
    >>> of_rows(GradientDescent(np.array([0.1, 0.2, 0.3])), [2, 0]).learning_rate.tolist()
    [0.3, 0.1]
    """
    if not is_dataclass(method) or isinstance(method, type):
        return method
    changed: dict[str, Any] = {}
    for field in fields(method):
        value = getattr(method, field.name)
        if isinstance(value, np.ndarray) and value.ndim:
            changed[field.name] = value[rows]
        elif isinstance(value, Schedule):
            changed[field.name] = of_rows(value, rows)
    return replace(method, **changed) if changed else method
