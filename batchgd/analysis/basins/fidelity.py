"""Fidelity: how many starts end where gradient flow ends, and how many change when the step is halved."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from batchgd.analysis.basins.flow import true_flow
from batchgd.analysis.basins.half_step import halved, of_rows, step_name
from batchgd.analysis.basins.relabel import confusion_counts, labels_onto
from batchgd.engine.batch import Batch
from batchgd.minima.collect import batch_from
from batchgd.minima.coverage.estimates import check_confidence
from batchgd.minima.fractions import wilson
from batchgd.problem import check
from batchgd.problem.arrays import host
from batchgd.problem.errors import InputError
from batchgd.problem.methods import Method, as_method
from batchgd.problem.speaker import a_run, option, said
from batchgd.problem.starts import parse_seed

if TYPE_CHECKING:
    from batchgd.minima.results import LandscapeData

_DENSE = 5_000  # minima at most of a confusion matrix as an array
_SHOWN = 6  # pairs of labels in the printed text
FLOW_UPDATES = 100_000  # at least: small steps take many
_CHECKED = 2_000  # starts run again by check=True: at 1,000 and more the same kernel serves
_TOLERATED = 0.01  # share of changed labels above which check=True warns


@dataclass(frozen=True, eq=False, repr=False)
class Fidelity:
    """Labels of a sample of starts by the method, by gradient flow, and by the method at half the step.

    Labels are rows of the result's ``minima``, -1 for none, and from their number on minima that the others found.

    Attributes
    ----------
    rows : (n,)
        Which starts were sampled.
    label, flow : (n,)
        By the method, and by gradient flow.
    half : (n,) or None
        By the method at half the step; None where it has none (see ``batchgd/analysis/basins/half_step.py``).
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

        Raises InputError beyond 5,000 minima; ``moves`` has the same without the zeros.
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

    Optimisers do not draw the true basins: a step that is long beside the width of a basin jumps over borders, and
    momentum carries over them. Gradient flow, dx/dt = -∇f(x), is the limit of small steps; its basins are a property of
    the function alone.

    Parameters
    ----------
    result : LandscapeData
        With labels, one entry per start, and its function.
    sample : int
        Starts to run again, drawn at random from those of the result; 1,000 tell the share to 3 points at worst.
    reference : Method, optional
        What to take for gradient flow.
    confidence : float
        Of the intervals.
    seed : int
        Of the draw.

    Returns
    -------
    Fidelity
        Half the step tells borders that the step makes. It does not see what momentum or a normalised gradient do at
        any step: Adam's basins on Himmelblau's function hardly change (0.05 %), and 8.0 % of them are not true.

    Raises
    ------
    InputError
        When the result has no labels or no function, or the sample is no number of starts.

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
    if not hasattr(result, "minima") or not result.kept:
        again = f"kept none: run it with {option('keep', 'all')}"
        lacks = again if hasattr(result, "minima") else f"has none: run {a_run()}"
        raise InputError(f"fidelity compares the labels of starts, and this result {lacks}")
    batch = batch_from(result)
    rows = np.arange(result.n)
    if sample < result.n:
        rows = np.sort(rng.choice(result.n, sample, replace=False))
    method, x0 = of_rows(batch.method, rows), result.starts.at(rows)
    flow = true_flow() if reference is None else as_method(reference)
    part = _with_starts(batch, x0, flow, FLOW_UPDATES).in_dtype("float64")
    label, half = host(result.label)[rows].astype(np.int64), halved(method)
    return Fidelity(
        rows,
        label,
        _labels(result, part),
        None if half is None else _labels(result, _with_starts(batch, x0, half, 2 * batch.stopping.maxiter)),
        len(result.minima),
        step_name(half) if half is not None else None,
        str(method),
        str(flow),
        confidence,
    )


def check_step(result: LandscapeData, batch: Batch) -> str | None:
    """Return a warning where labels hang on the step: a sample of the starts is run again at half of it.

    It warns when the share of changed labels is above 1 % with 97.5 % confidence.
    """
    half = halved(batch.method)
    if half is None:
        raise InputError(_no_step(batch.method))
    n = min(batch.starts.n, _CHECKED)
    starts: Any
    if batch.starts.independent:
        rows, starts = np.arange(n), batch.starts.head(n)  # drawn in the kernel, by the code that is compiled already
    else:
        rows = np.sort(np.random.default_rng(0).choice(batch.starts.n, n, replace=False))
        starts = batch.starts.at(rows)
    halves = _with_starts(batch, starts, of_rows(half, rows), 2 * batch.stopping.maxiter)
    if result.kept:
        label = host(result.label)[rows]
    else:
        label = _labels(result, _with_starts(batch, starts, of_rows(batch.method, rows), batch.stopping.maxiter))
    changed = int(np.count_nonzero(label != _labels(result, halves)))
    low, high = (100 * float(end) for end in wilson(changed, n))
    if low <= 100 * _TOLERATED:
        return None
    return (
        f"the fractions rest on borders that the step makes: at half the {step_name(half)}, {100 * changed / n:.2g} % "
        f"({low:.2g} to {high:.2g} %) of {n:,} starts get another label; take a smaller one, or see "
        f"{said('result.fidelity()', '--fidelity')}"
    )


def check_halvable(method: Method) -> None:
    """Raise InputError where ``check=True`` has nothing to halve."""
    if halved(method) is None:
        raise InputError(_no_step(method))


def _no_step(method: Method) -> str:
    return (
        f"check halves the step, and {type(method).__name__} has none to halve: leave it out, or use "
        f"{said('result.fidelity()', '--fidelity')}"
    )


def _with_starts(batch: Batch, starts: Any, method: Method, maxiter: int) -> Batch:
    stopping = replace(batch.stopping, maxiter=max(batch.stopping.maxiter, maxiter), max_time=None)
    return batch.again(starts=starts, method=method, stopping=stopping)


def _labels(result: LandscapeData, batch: Batch) -> NDArray[np.int64]:
    """The labels that another batch gives its starts, in the numbering of the result."""
    from batchgd.minima.collect import collect

    other = collect(batch, result.identity)
    return labels_onto(result, other)[0][host(other.label)]
