"""Two results side by side: which minima are the same, which only one found, and which fractions differ."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from batchgd.minima.fractions import check_confidence
from batchgd.minima.pairs import WIDER, moved_next_to, pair_minima, places
from batchgd.minima.results import LandscapeData
from batchgd.problem.arrays import host
from batchgd.problem.errors import InputError
from batchgd.problem.identity import as_identity
from batchgd.problem.keywords import explained
from batchgd.problem.limits import cut, rows_shown
from batchgd.problem.speaker import a_run
from batchgd.problem.tables import TextTable, listed
from batchgd.problem.wording import format_point, format_values, percent_column

_EXPECTED = 5.0  # smallest expected counts for the normal approximation; below that, the exact test
_DEPENDENT = "the starts of at least one run are not independent draws"


@dataclass(frozen=True, eq=False, repr=False)
class Diff:
    """The minima of two results, one row each: those in both, those only in a, those only in b; each by value.

    The printed table begins with the differences.

    Attributes
    ----------
    label_a, label_b : (m,) of int
        Labels in either result; -1 if it did not find the minimum.
    distance, difference : (m,)
        Between the two places (largest coordinate difference, in box widths) and values (b - a); NaN if only one has
        it.
    fraction_a, fraction_b : (m,)
        Shares of the starts; 0 if not found, NaN if a strategy's choice of starts gives none.
    p : (m,) or None
        P-value of equal fractions, corrected for the number of rows (Holm); None if withheld.
    x, fun : (m, d), (m,)
        The minimum as in a, or as in b if only b has it.
    active_a, active_b : (m, d) of int, or None
        On which bounds it is in either result, as in :class:`Minima`; None if no result has bounds.
    test : str
        Which test, or why there is none.
    confidence : float
        A change is significant if p <= 1 - confidence.
    """

    label_a: NDArray[np.int64]
    label_b: NDArray[np.int64]
    distance: NDArray[np.float64]
    difference: NDArray[np.float64]
    fraction_a: NDArray[np.float64]
    fraction_b: NDArray[np.float64]
    p: NDArray[np.float64] | None
    x: NDArray[np.float64]
    fun: NDArray[np.float64]
    test: str
    confidence: float = 0.95
    active_a: NDArray[np.int8] | None = None
    active_b: NDArray[np.int8] | None = None

    def __len__(self) -> int:
        return len(self.fun)

    @property
    def both(self) -> NDArray[np.int64]:
        """Pairs of labels of the minima that both found, (k, 2)."""
        return np.stack([self.label_a, self.label_b], axis=1)[(self.label_a >= 0) & (self.label_b >= 0)]

    @property
    def only_a(self) -> NDArray[np.int64]:
        """Labels of the minima that only a found."""
        return self.label_a[self.label_b < 0]

    @property
    def only_b(self) -> NDArray[np.int64]:
        """Labels of the minima that only b found."""
        return self.label_b[self.label_a < 0]

    @property
    def change(self) -> NDArray[np.float64]:
        """Fraction in b minus that in a."""
        return self.fraction_b - self.fraction_a

    @property
    def significant(self) -> NDArray[np.bool_]:
        """Which changes are significant; none if there is no test."""
        return np.zeros(len(self), np.bool_) if self.p is None else self.p <= 1 - self.confidence

    def __repr__(self) -> str:
        rows = []
        alike = (self.label_a >= 0) & (self.label_b >= 0) & ~self.significant
        shown = np.argsort(alike, kind="stable")[: rows_shown(len(self))]
        for k, value in zip(shown, format_values(self.fun[shown]), strict=True):
            a, b = (str(label) if label >= 0 else "-" for label in (self.label_a[k], self.label_b[k]))
            row = {
                "a": a,
                "b": b,
                "value": value,
                "share a": percent_column(self.fraction_a[k], 3, none=""),
                "share b": percent_column(self.fraction_b[k], 3, none=""),
                "change": percent_column(self.change[k], 3, sign="+", none=""),
                "p": "" if self.p is None else f"{self.p[k]:.2g}{' *' if self.significant[k] else '  '}",
                "kind": "only a" if b == "-" else "only b" if a == "-" else "both",
                "on bounds": self._on_bounds(k),
                "x": format_point(self.x[k]),
            }
            if self.active_a is None:
                del row["on bounds"]
            rows.append(row)
        below = cut(len(self), "minimum", "minima") if len(self) else "no minimum in either"
        found = f"{len(self.both):,} minima in both, {len(self.only_a):,} only in a, {len(self.only_b):,} only in b"
        changed = f"; {int(self.significant.sum()):,} fractions changed (*: p <= {1 - self.confidence:.2g})"
        found += changed if self.p is not None else ""
        return "\n".join([str(TextTable(rows, ("kind", "x"), below)), "", found, self.test])

    def _on_bounds(self, k: int) -> str:
        """The number of bounds that a minimum is on; in a and in b, if these are not the same bounds."""
        active = [each for each in (self.active_a, self.active_b) if each is not None]
        labels = (self.label_a, self.label_b)
        known = [each[k] for each, label in zip(active, labels, strict=False) if label[k] >= 0]
        same = len(known) == 1 or all(np.array_equal(known[0], each) for each in known)
        return " / ".join(str(np.count_nonzero(each)) for each in (known[:1] if same else known))

    def to_dict(self) -> dict[str, Any]:
        """The table for JSON, as a sequence of rows, and the labels of the minima that only one found."""
        names = ["x", "fun", "label_a", "label_b", "distance", "difference", "fraction_a", "fraction_b", "change"]
        names += [] if self.active_a is None else ["active_a", "active_b"]
        columns = {name: getattr(self, name) for name in names}
        return {
            **listed(
                minima=columns | {"p": self.p, "significant": self.significant},
                only_a=self.only_a,
                only_b=self.only_b,
            ),
            "test": self.test,
            "confidence": self.confidence,
        }


@explained
def diff(a: Any, b: Any, *, identity: Any = None, confidence: float = 0.95) -> Diff:
    """Match the minima of two results by distance and value, and test which fractions changed.

    Two minima are the same when they differ by at most ``identity.x`` box widths in every coordinate and
    ``identity.f max(1, |f|)`` in value; one-to-one. Sets of equal minima (``free`` above 0) are compared by value
    alone. Fractions are compared by a two-proportion test, or by McNemar's if both runs have the same starts (one
    function, two methods), which detects much smaller changes. P-values are corrected for the number of minima by
    Holm's method.

    Parameters
    ----------
    a, b : MultistartResult
        Two results with labels, in the same number of dimensions. Box widths are those of a.
    identity : Identity or dict, optional
        Default: ``Identity(x=1e-4, f=1e-6)`` with the symmetry of a, wider than in one result, because two runs polish
        from different endpoints. For two *versions* of a function, give the distance by which its minima may have
        moved. A dict changes some of its fields.
    confidence : float
        Of the verdict on each fraction, strictly between 0 and 1.

    Returns
    -------
    Diff

    Raises
    ------
    InputError
        If a result has no labels, dimensions differ, or a number is outside its range.

    Examples
    --------
    >>> import batchgd as bgd
    >>> a = bgd.multistart("himmelblau", starts=100)
    >>> b = bgd.multistart("himmelblau", starts=100, method=bgd.GradientDescent(learning_rate=0.01))
    >>> diff(a, b).both.tolist()
    [[0, 0], [1, 1], [2, 2], [3, 3]]

    References
    ----------
    H. W. Kuhn, "The Hungarian method for the assignment problem", Naval Res. Logist. Q. 2, 1955.
    """
    _check(a, b, confidence)
    identity = as_identity(identity, replace(WIDER, symmetry=a.identity.symmetry))
    width, minima_b = a.box.width, moved_next_to(a.minima, b.minima, a.box, identity.symmetry, identity.x)
    place_a, place_b = places(a.minima, width), places(minima_b, width)
    one, other = pair_minima(place_a, a.minima.fun, place_b, b.minima.fun, identity)
    only_a, only_b = (np.setdiff1d(np.arange(len(r.minima)), seen) for r, seen in ((a, one), (b, other)))
    label_a = np.concatenate([one, only_a, np.full(len(only_b), -1)])
    label_b = np.concatenate([other, np.full(len(only_a), -1), only_b])
    x = np.concatenate([a.minima.x[one], a.minima.x[only_a], b.minima.x[only_b]])
    fun = np.concatenate([a.minima.fun[one], a.minima.fun[only_a], b.minima.fun[only_b]])
    distance, difference = np.full(len(fun), np.nan), np.full(len(fun), np.nan)
    distance[: len(one)] = np.abs(place_a[one] - place_b[other]).max(axis=1, initial=0.0)
    difference[: len(one)] = b.minima.fun[other] - a.minima.fun[one]
    fraction_a, fraction_b = _of_label(a.minima.fraction, label_a), _of_label(b.minima.fraction, label_b)
    p, test = _test(a, b, label_a, label_b)
    active = (_active(a, label_a), _active(b, label_b)) if a.bounds or b.bounds else (None, None)
    return Diff(label_a, label_b, distance, difference, fraction_a, fraction_b, p, x, fun, test, confidence, *active)


def _active(result: Any, label: NDArray) -> NDArray[np.int8]:
    """On which bounds the minimum of each label is; 0 for label -1, and without bounds."""
    active = result.minima.active
    if active is None:
        active = np.zeros(result.minima.x.shape, np.int8)
    return np.concatenate([active, np.zeros((1, active.shape[1]), np.int8)])[label]


def _of_label(column: NDArray, label: NDArray) -> NDArray:
    """The column's entry of each label; 0 for label -1."""
    return np.append(column, 0)[label]


def _test(a: Any, b: Any, label_a: Any, label_b: Any) -> tuple[NDArray | None, str]:
    """Corrected p-values of all rows, and the name of the test; None and the reason if there is none."""
    if not len(label_a) or not a.n or not b.n:
        return None, "no fractions to compare"
    if not (a.independent and b.independent):
        return None, f"no test of the fractions: {_DEPENDENT}"
    correction = f"corrected for {len(label_a):,} minima (Holm)"
    if _same_starts(a, b):
        return holm(
            mcnemar(*_moves(a, b, label_a, label_b))
        ), f"McNemar's exact test on the same {a.n:,} starts, {correction}"
    counts = [np.where(label >= 0, np.append(r.minima.count, 0)[label], 0) for r, label in ((a, label_a), (b, label_b))]
    return holm(two_proportions(counts[0], a.n, counts[1], b.n)), f"two-proportion test, {correction}"


def _same_starts(a: Any, b: Any) -> bool:
    """Whether both results have a row for each of the same starts."""
    if not (a.kept and b.kept and a.n == b.n) or a.starts is None or b.starts is None:
        return False
    head = min(a.n, 16)  # detects most differences before all starts are computed
    return np.array_equal(a.start_points(0, head), b.start_points(0, head)) and np.array_equal(a.x0, b.x0)


def _moves(a: Any, b: Any, label_a: Any, label_b: Any) -> tuple[NDArray, NDArray]:
    """How many starts left the minimum of each row from a to b, and how many arrived there."""
    rows = len(label_a)
    row_of = []
    for result, labels in ((a, label_a), (b, label_b)):
        row = np.full(len(result.minima) + 1, rows)  # the last entry, of label -1, is beyond all rows
        row[labels[labels >= 0]] = np.flatnonzero(labels >= 0)
        row_of.append(row[host(result.label)])
    moved = row_of[0] != row_of[1]
    left, arrived = (np.bincount(row[moved], minlength=rows + 1)[:rows] for row in row_of)
    return left, arrived


def _check(a: Any, b: Any, confidence: float) -> None:
    check_confidence(confidence)
    for name, result in (("a", a), ("b", b)):
        if not isinstance(result, LandscapeData):
            raise InputError(f"{name} has no labels to compare: give a result of {a_run()}")
    if a.dim != b.dim:
        raise InputError(f"a has {a.dim} coordinates and b has {b.dim}: give results of the same dimension")
    if a.box is None:
        raise InputError(f"a has no box to measure distances by: give a result of {a_run()}")


def two_proportions(count_a: ArrayLike, n_a: int, count_b: ArrayLike, n_b: int) -> NDArray[np.float64]:
    r"""Two-sided p-value of equal shares, count_a of n_a and count_b of n_b independent starts.

        z = (p_a - p_b) / sqrt(p (1 - p) (1 / n_a + 1 / n_b)),    p = (count_a + count_b) / (n_a + n_b)

    If fewer than 5 are expected in any of the four cells, Fisher's exact test is used instead.

    >>> two_proportions([500, 3], 1000, [560, 0], 1000).round(4).tolist()
    [0.0072, 0.2496]

    References
    ----------
    R. A. Fisher, "Statistical Methods for Research Workers", 5th ed., 1934, section 21.02.
    """
    from scipy.special import erfc
    from scipy.stats import fisher_exact

    a, b = np.asarray(count_a, np.int64), np.asarray(count_b, np.int64)
    p = (a + b) / (n_a + n_b)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (a / n_a - b / n_b) / np.sqrt(p * (1 - p) * (1 / n_a + 1 / n_b))
    out = erfc(np.abs(z) / np.sqrt(2.0))
    for k in np.flatnonzero(np.minimum(p, 1 - p) * min(n_a, n_b) < _EXPECTED):
        out[k] = fisher_exact([[a[k], n_a - a[k]], [b[k], n_b - b[k]]])[1]
    return np.asarray(out, np.float64)


def mcnemar(left: ArrayLike, arrived: ArrayLike) -> NDArray[np.float64]:
    """Two-sided exact p-value that as many of the same starts left a minimum as arrived there.

    Twice the binomial probability, at 1/2, of the smaller number among ``left + arrived`` starts, 1 at most.

    >>> mcnemar([0, 6], [10, 5]).round(6).tolist()
    [0.001953, 1.0]

    References
    ----------
    Q. McNemar, "Note on the sampling error of the difference between correlated proportions", Psychometrika 12, 1947.
    """
    from scipy.special import betainc

    fewer, more = np.minimum(left, arrived), np.maximum(left, arrived)
    # The binomial's distribution function, P(X <= fewer), is a beta integral; without any moves there is nothing to
    # test.
    return np.minimum(1.0, 2.0 * np.where(more == 0, 1.0, betainc(np.maximum(more, 1), fewer + 1, 0.5)))


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """P-values corrected for their number: below α, at most a share α of such comparisons errs in any of them.

    Sorted, the k-th smallest of m becomes the largest of (m - i + 1) p_i over i <= k, 1 at most.

    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]

    References
    ----------
    S. Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Stat. 6, 1979.
    """
    p = np.asarray(p, np.float64)
    order = np.argsort(p)
    raised = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    out = np.empty(len(p))
    out[order] = np.minimum(raised, 1.0)
    return out
