"""Finite sums: an objective that is the mean (or sum) of one traced loss over the rows of a data set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from batchgd.compiler.differentiable import Differentiable, Floats, check_by_name, checked_params
from batchgd.compiler.objective import Objective, What
from batchgd.compiler.trace.escape import name_of
from batchgd.compiler.trace.graph import Node, reachable
from batchgd.compiler.trace.module_patches import running
from batchgd.compiler.trace.rows import data, made_again, reduced, unused
from batchgd.compiler.trace.substitutes import UNTRACED
from batchgd.compiler.units import Units
from batchgd.problem import check
from batchgd.problem.errors import InputError, TraceError, quoted
from batchgd.problem.wording import plural

_NUMBERS_AT_ONCE = 1 << 18
"""Rows times points that are evaluated together, so that temporaries stay small."""


HEAD = 5
"""Numbers of its own that come first: scale, batch size, period of whole sums, weight of a row in a batch and in the
last one of an epoch."""

MOST_ROWS = 1 << 24
"""The most rows of data that are drawn in batches: float32 counts without gaps up to here."""

FULL_EPOCHS = 10
"""Epochs between two updates with the whole sum, by default."""


class FiniteSum(Differentiable):
    r"""The mean of a loss over rows of data: f(x) = 1/n Σ_k loss(x, row_k), traced once and looped over in the kernel.

    Only ``loss`` is traced, so compile time does not grow with the data, and least squares, likelihoods and neural
    networks run with every method. With ``batch_size`` each update sees a random part of the rows, as stochastic
    gradient descent does: the gradient of the batch's mean, an unbiased estimate of ∇f if rows are drawn with
    replacement, and over an epoch without.

    Parameters
    ----------
    loss : callable
        ``loss(x, row) -> float`` with x of shape (dim,) and a row of the data, or ``loss(x, row, params)``; written as
        the function of an :class:`Objective` is.
    data : array_like
        The rows: shape (n,) gives numbers to ``loss``, (n, m) vectors, (n, p, q) matrices. Finite.
    dim : int, optional
        The number of coordinates; taken from the box if omitted.
    box : Box or sequence of (lo, hi), optional
        Where starts are drawn.
    params : float or array_like, optional
        Passed on to ``loss``.
    reduction : {"mean", "sum"}
        How the losses are combined. The mean keeps learning rates comparable between data sets.
    batch_size : int, optional
        Rows per update; all of them by default. For first-order methods only: a line search needs the whole sum.
    replace : bool
        Draw the rows of each batch independently; else each epoch is a permutation, and every row is seen once in it.
    full_every : int, optional
        One in this many updates, beginning with the first, is made with the whole sum; only then is a trajectory tested
        for convergence, because the gradient of a batch shows nothing of that. Ten epochs by default.
    name : str, optional
        What the objective is called in results; the loss's name by default.

    Attributes
    ----------
    rows : int
        n.
    updates_per_epoch : int
        Updates in which n rows are seen, for schedules: ``bgd.Exponential(0.1, 0.9, every=f.updates_per_epoch)``.

    Raises
    ------
    InputError
        If the data contain no rows or numbers that are not finite, or the batch does not fit them.
    TraceError
        If the loss cannot be traced.

    Notes
    -----
    The rows of a batch are functions of the seed, the start and the number of updates (Philox; permutations by the
    swap-or-not shuffle of Hoang, Morris and Rogaway, CRYPTO 2012), so runs are reproducible, whatever else runs.
    Values, gradients and Hessians that the object itself gives are always those of the whole sum, summed in NumPy;
    kernels add row after row.

    References
    ----------
    H. Robbins and S. Monro, Ann. Math. Stat. 22 (1951) 400. L. Bottou, F. E. Curtis and J. Nocedal, SIAM Rev. 60
    (2018) 223.

    Examples
    --------
    A line through three points, by least squares:

    >>> line = FiniteSum(lambda x, row: (x[0] + x[1] * row[0] - row[1]) ** 2, [[0, 1], [1, 3], [2, 5]],
    ...                  box=[(-10, 10)] * 2)
    >>> line.value([1.0, 2.0]), line.gradient([1.0, 0.0])
    (0.0, array([-4.        , -6.66666667]))
    >>> from batchgd import multistart
    >>> multistart(line, starts=100).minima.x.round(6).tolist()
    [[1.0, 2.0]]
    """

    is_sum = True

    def __init__(
        self,
        loss: Callable[..., Any],
        data: ArrayLike,
        dim: int | None = None,
        *,
        box: Any = None,
        params: ArrayLike | None = None,
        reduction: str = "mean",
        batch_size: int | None = None,
        replace: bool = False,
        full_every: int | None = None,
        name: str | None = None,
    ):
        if not callable(loss):
            raise InputError(f"loss is {quoted(loss)}: give a function of x and one row that returns a number")
        self.loss, self.reduction = loss, check.one_of("reduction", reduction, ("mean", "sum"))
        self.replace = check.flag("replace", replace)
        self.data = _checked(data)
        self.batch_size = None if batch_size is None else check.whole("batch_size", batch_size, 1, self.rows)
        if self.batch_size is not None and self.rows > MOST_ROWS:
            raise InputError(f"data have {self.rows} rows, but batches are drawn from at most {MOST_ROWS}: use fewer")
        for belongs, given in {"full_every": full_every is not None, "replace=True": self.replace}.items():
            if given and self.batch_size is None:
                raise InputError(f"{belongs} belongs to batch_size: give batch_size as well, or leave it out")
        standard = FULL_EPOCHS * self.updates_per_epoch
        self.full_every = standard if full_every is None else check.whole("full_every", full_every, 1, MOST_ROWS)
        self._params = checked_params(params)
        self._outputs: dict[str, list[Node]] = {}
        check.takes("loss", loss, ["x", "row"] if params is None else ["x", "row", "params"])
        self.element = self._trace(dim, box, name_of(loss) if name is None else check.text("name", name))
        self.dim, self.box, self.name = self.element.dim, self.element.box, self.element.name
        self.counts, self.gradient_counts = self.element.counts, self.element.gradient_counts

    def _trace(self, dim: int | None, box: Any, name: str) -> Objective:
        """Trace the loss of one row, whose entries are parameters of that trace, ahead of the user's."""
        shape, width, params, loss = self.data.shape[1:], self.width, self._params, self.loss

        def of_row(x: Any, numbers: Any) -> Any:
            row = numbers[:width].reshape(shape) if shape else numbers[0]
            return loss(x, row) if params is None else loss(x, row, numbers[width:].reshape(params.shape))

        of_row.__name__ = name
        parameters = self.data[0].ravel() if params is None else np.r_[self.data[0].ravel(), params.ravel()]
        try:
            return Objective(of_row, dim, parameters, box=box, name=name)
        except TraceError as error:
            raise TraceError(f"the loss of a row: {str(error).removesuffix(UNTRACED)}") from None

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.data)

    @property
    def width(self) -> int:
        """Numbers per row."""
        return self.data[0].size

    @property
    def updates_per_epoch(self) -> int:
        """Updates in which n rows are seen."""
        return 1 if self.batch_size is None else -(-self.rows // self.batch_size)

    @property
    def scale(self) -> float:
        """What a sum over all rows is multiplied by."""
        return 1.0 / self.rows if self.reduction == "mean" else 1.0

    @property
    def numbers(self) -> Floats:
        """What a kernel reads: ``HEAD`` numbers of the sum's own, the user's parameters, and the rows."""
        batch = self.batch_size or self.rows
        last = batch if self.replace else self.rows - (self.updates_per_epoch - 1) * batch
        whole = self.scale * self.rows
        head = [self.scale, float(batch), float(self.full_every), whole / batch, whole / last]
        return np.r_[head, [] if self.params is None else self.params, self.data.ravel()]

    def outputs(self, what: What) -> list[Node]:
        """Return the expressions of the whole sum, with its rows; parameters are numbered as in ``numbers``."""
        if what not in self._outputs:
            self._outputs[what] = self._whole(self.element.outputs(what))
        return self._outputs[what]

    def _whole(self, element: list[Node]) -> list[Node]:
        """Put the rows in place of the numbers of one row, and add up."""
        graph, columns, nodes = element[0].graph, self.data.reshape(self.rows, -1), reachable(element)
        axis = unused(self.rows, [each for node in nodes for each in (*node.axes, *node.bound)])
        made: dict[int, Node] = {}
        for node in nodes:
            number = int(node.value) if node.op == "p" else -1
            if number >= self.width:
                made[node.id] = graph.intern("p", (), float(HEAD + number - self.width))
            elif number >= 0:
                made[node.id] = data(graph, columns[:, number], [axis])
            else:
                made[node.id] = made_again(node, tuple(made[arg.id] for arg in node.args))
        scale = graph.constant(self.scale)
        return [graph.make("mul", scale, reduced("sum", made[node.id], axis)) for node in element]

    def in_units(self, units: Units) -> FiniteSum:
        """Return the sum in other units, traced again."""
        loss, level = self.loss, units.level if self.reduction == "mean" else units.level / self.rows

        @running(loss)
        def value(u: Any, *others: Any) -> Any:
            return units.factor * (loss(units.at(u), *others) - level)

        return FiniteSum(
            value,
            self.data,
            self.dim,
            **{**self._options(), "box": units.of_own_box(self.box)},
        )

    def _evaluate(self, what: Any, n_outputs: int, points: Floats) -> Floats:
        """Sum emitted code over the rows, some rows and points at a time."""
        out = np.zeros((n_outputs, len(points)))
        points_at_once = max(1, min(len(points), _NUMBERS_AT_ONCE))
        rows_at_once = max(1, _NUMBERS_AT_ONCE // points_at_once)
        for first in range(0, len(points), points_at_once):
            part = slice(first, first + points_at_once)
            for row in range(0, self.rows, rows_at_once):
                numbers = self.data.reshape(self.rows, -1)[row : row + rows_at_once, :, None]
                out[:, part] += self.element.summed(what, points[part], self._knobs(numbers))
        return self.scale * out

    def _knobs(self, rows: Floats) -> list[Any]:
        """The parameters of the element's code: the entries of some rows, then the user's."""
        return [*(rows[:, k] for k in range(rows.shape[1])), *([] if self.params is None else self.params)]

    def __reduce__(self) -> tuple[Any, ...]:
        check_by_name(self.name, self.loss)
        return _again, (self.loss, self.data, self.dim, self._options())

    def _options(self) -> dict[str, Any]:
        """What it was made with, besides the loss, the data and the dimension."""
        options: dict[str, Any] = {"params": self._params, "reduction": self.reduction, "batch_size": self.batch_size}
        options |= {"replace": self.replace, "name": self.name, "box": self.box}
        return options | {"full_every": None if self.batch_size is None else self.full_every}

    def __repr__(self) -> str:
        batch = "" if self.batch_size is None else f", {self.batch_size} an update"
        return f"<FiniteSum {self.name}, {self.dim}-D, {self.rows} rows{batch}>"


def _again(loss: Callable[..., Any], data: Floats, dim: int, options: dict[str, Any]) -> FiniteSum:
    """Trace again in another process."""
    return FiniteSum(loss, data, dim, **options)


def _checked(data: ArrayLike) -> Floats:
    """Return the data as float64, or raise InputError."""
    numbers = check.reals("data contain", data, "give rows of real numbers, all of one length", kinds="iufb")
    array = np.array(numbers, np.float64, order="C")
    if array.ndim == 0 or array.size == 0:
        raise InputError(f"data have shape {array.shape}: give at least one row, as (n,) or (n, m)")
    bad = ~np.isfinite(array.reshape(len(array), -1)).all(axis=1)
    if bad.any():
        raise InputError(
            f"row {int(np.argmax(bad))} of data contains NaN or infinity "
            f"({plural(int(bad.sum()), 'such row')}): remove them"
        )
    array.setflags(write=False)
    return array
