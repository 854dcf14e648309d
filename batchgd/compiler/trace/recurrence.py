"""``bgd.scan``: a step carried out for one row after another, as a loop of the graph while a function is traced."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from operator import itemgetter
from typing import Any

import numpy as np

from batchgd.compiler.trace.array import is_traced, plain_objects, traced_array
from batchgd.compiler.trace.blank import settled
from batchgd.compiler.trace.complex_numbers import by_part, is_complex
from batchgd.compiler.trace.escape import escape, traced_graph
from batchgd.compiler.trace.fork import follow
from batchgd.compiler.trace.graph import Axis, Graph, Node, reachable
from batchgd.compiler.trace.loops import LOOP, carry, interior, places, scanned, substituted
from batchgd.compiler.trace.row_array import TracedRows, as_rows, is_large, shape_of
from batchgd.compiler.trace.rows import entry, reindexed
from batchgd.compiler.trace.scalar import Number, Scalar, node_of
from batchgd.compiler.trace.trees import form, leaves, refilled, replaced
from batchgd.problem.errors import InputError

Step = Callable[[Any, Any], tuple[Any, Any]]


def scan(step: Step, initial: Any, rows: Any = None, length: int | None = None, reverse: bool = False) -> Any:
    """Carry out a step for one row after another, each from what the one before has left: a recurrence.

    (c_k+1, y_k) = step(c_k, r_k) for the rows r_0 ... r_n-1. It is a plain loop on plain numbers. While a function is
    traced, it becomes a loop of the compiled code, whose size does not depend on the number of rows, where a Python
    loop is written out row by row; derivatives are recurrences in the other direction. Up to 32 rows are written out.

    Parameters
    ----------
    step : callable
        ``step(carry, row) -> (carry, output)``, as in JAX: the carry that it returns is built like the one that it
        takes, of the same shapes. It may decide by values, and use x. An output may be None.
    initial : float, array_like, or a tuple, list or dict of these
        The carry before the first row. Arrays are small: code grows with their elements.
    rows : array_like, or a tuple, list or dict of these, optional
        What a step takes: each array is cut along its first axis. Data, or computed from x.
    length : int, optional
        The number of rows; needed if there are none, and ``step`` then gets None.
    reverse : bool
        Begin with the last row.

    Returns
    -------
    carry, outputs
        The carry after all rows, and the outputs of all steps, stacked along a first axis, in the order of the rows.

    Raises
    ------
    InputError
        If the rows are not equally many, or the carry changes its shape.

    Examples
    --------
    >>> import numpy as np
    >>> import batchgd as bgd
    >>> bgd.scan(lambda total, row: (total + row, total), 0.0, np.array([1.0, 2.0, 3.0]))
    (np.float64(6.0), array([0., 1., 3.]))

    The likelihood of an AR(1) process with decay x[0] and noise of standard deviation x[1]:

    >>> series = np.sin(np.arange(500.0))
    >>> def deviance(x):
    ...     def step(last, now):
    ...         return now, ((now - x[0] * last) / x[1]) ** 2 + 2 * np.log(x[1])
    ...     return np.sum(bgd.scan(step, 0.0, series)[1])
    >>> objective = bgd.Objective(deviance, 2)
    >>> round(objective.value([0.5, 0.6]), 6)
    -18.943756

    Notes
    -----
    It is JAX's ``jax.lax.scan``, https://docs.jax.dev/en/latest/_autosummary/jax.lax.scan.html.
    """
    initial, rows = replaced(initial, settled), replaced(rows, settled)
    n, graph = _number_of_rows(rows, length), traced_graph()
    if graph is not None and is_large(n) and not _STATE.inside:
        return _Trace(graph, step, initial, rows, n, bool(reverse)).result()
    return _stepped(step, initial, rows, n, bool(reverse))


class _State(threading.local):
    inside = False


_STATE = _State()


@contextmanager
def _inside() -> Iterator[None]:
    """Within a step, another scan is a plain loop."""
    _STATE.inside = True
    try:
        yield
    finally:
        _STATE.inside = False


def _wrong(what: str, cure: str) -> Exception:
    return InputError(f"{what}: {cure}") if traced_graph() is None else escape(what, cure, wrong=True)


def _number_of_rows(rows: Any, length: int | None) -> int:
    counts = {shape_of(leaf)[0] if shape_of(leaf) else None for leaf in leaves(rows)}
    if None in counts:
        raise _wrong("rows of a scan contain a single number", "give arrays, which are cut along their first axis")
    if length is not None:
        counts.add(int(length))
    if len(counts) > 1:
        shown = " and ".join(map(str, sorted(map(int, filter(None, counts)))))
        raise _wrong(f"the arrays of a scan have {shown} rows", "give arrays of equal length, and no other length=")
    if not counts:
        raise _wrong("a scan has neither rows nor length=", "give rows, or the number of steps")
    return int(counts.pop() or 0)


def _checked(result: Any, before: str) -> tuple[Any, Any]:
    """Return carry and output of a step."""
    if not isinstance(result, tuple) or len(result) != 2:
        shown = form(result) if isinstance(result, (tuple, list)) else "one thing"
        raise _wrong(f"the step of a scan returns {shown}", "return two things, the carry and the output (or None)")
    carried, output = (replaced(each, settled) for each in result)
    if form(carried) != before:
        raise _wrong(
            f"the step of a scan takes the carry {before}, but returns {form(carried)}",
            "return a carry built like initial=, of the same shapes",
        )
    return carried, output


def _stepped(step: Step, initial: Any, rows: Any, n: int, reverse: bool) -> tuple[Any, Any]:
    """Run the loop."""
    rows = replaced(rows, lambda leaf: leaf if is_traced(leaf) else np.asarray(leaf))
    carried, outputs, before = initial, [], form(initial)
    for k in range(n)[::-1] if reverse else range(n):
        carried, output = _checked(step(carried, replaced(rows, itemgetter(k))), before)
        outputs.append(output)
    if not outputs:
        return carried, None
    outputs = outputs[::-1] if reverse else outputs
    columns = zip(*map(leaves, outputs), strict=True)
    return carried, refilled(outputs[0], map(_stacked, columns))


def _stacked(values: Sequence[Any]) -> Any:
    return traced_array(list(values)) if any(map(is_traced, values)) else np.array(values)


class _Trace:
    """One scan that becomes a loop."""

    def __init__(self, graph: Graph, step: Step, initial: Any, rows: Any, n: int, reverse: bool):
        self.graph, self.step, self.initial, self.rows, self.n, self.reverse = graph, step, initial, rows, n, reverse
        self.axis = Axis(n, LOOP)
        self.shapes = [shape_of(leaf) for leaf in leaves(initial)]
        self.start = self._nodes(initial)
        self.carries = [carry(graph, j, self.axis) for j in range(len(self.start))]
        self.output: Any = None

    def result(self) -> tuple[Any, Any]:
        """Return the last carry and the outputs."""
        columns = [_per_row(self.graph, leaf, self.axis) for leaf in leaves(self.rows)]
        with _inside():
            nodes = follow(lambda: self._step(columns)).outputs
        following, outputs = nodes[: len(self.start)], nodes[len(self.start) :]
        if not any(each.op in ("x", "p") for each in reachable([*self.start, *nodes])):
            return _stepped(self.step, self.initial, self.rows, self.n, self.reverse)
        if not self.start:
            return self.initial, self._outputs(outputs)
        node = scanned(self.axis, self.start, self.carries, following, self.reverse)
        at = places(self.n, self.reverse)
        own = {each.id for each in interior(following)} - {leaf.id for leaf in self.carries}
        seen = {f.id: entry(node, j, at.leaving, [self.axis]) for j, f in enumerate(following) if f.id in own}
        seen.update({leaf.id: entry(node, j, at.entering, [self.axis]) for j, leaf in enumerate(self.carries)})
        last = iter([Scalar(entry(node, j, np.array(at.last), [])) for j in range(len(self.start))])
        return self._filled(self.initial, last), self._outputs(substituted(outputs, seen))

    def _step(self, columns: Sequence[Any]) -> list[Node]:
        rows = refilled(self.rows, (column.copy() if isinstance(column, np.ndarray) else column for column in columns))
        taken = self._filled(self.initial, map(Scalar, self.carries))
        carried, self.output = _checked(self.step(taken, rows), form(self.initial))
        for leaf in leaves(self.output):
            if any(map(is_large, shape_of(leaf))):
                raise escape(f"a step of a scan returns an output of shape {shape_of(leaf)}", "return a sum over it")
        return [*self._nodes(carried), *self._nodes(self.output)]

    def _nodes(self, tree: Any) -> list[Node]:
        elements = [each for leaf in leaves(tree) for each in plain_objects(leaf).flat]
        if any(map(is_complex, elements)):
            raise escape("a scan of complex numbers", "carry the real and the imaginary part")
        return [self.graph.number(node_of(self.graph, each)) for each in elements]

    def _filled(self, tree: Any, values: Iterator[Scalar]) -> Any:
        """Return a tree of traced numbers and arrays."""

        def filled(leaf: Any) -> Any:
            array = np.empty(shape_of(leaf), dtype=object)
            for i in range(array.size):
                array.flat[i] = next(values)
            return traced_array(array)

        return replaced(tree, filled)

    def _outputs(self, nodes: Sequence[Node]) -> Any:
        """Return the outputs of all rows."""
        moved = map(Scalar, reindexed(nodes, {self.axis: Axis(self.n)}))

        def stacked(leaf: Any) -> TracedRows:
            shape = shape_of(leaf)
            cells = np.empty((1, *shape), dtype=object)
            for i in range(cells.size):
                cells.flat[i] = next(moved)
            return TracedRows(self.graph, cells, (self.n, *shape))

        return replaced(self.output, stacked)


def _per_row(graph: Graph, leaf: Any, axis: Axis) -> Any:
    """Return what a step sees of an array: a number, or an array of numbers, that has the rows of an axis."""
    array = leaf if is_traced(leaf) else np.asarray(leaf)
    shape = shape_of(array)[1:]
    whole = not is_traced(array) and array.dtype.kind in "iu" and array.min(initial=0) >= 0
    cells = np.empty(shape, dtype=object)

    def in_step(number: Any) -> Scalar:
        return Scalar(reindexed([node_of(graph, number)], {Axis(axis.length): axis})[0])

    for place in np.ndindex(shape):
        column = array[(slice(None), *place)]
        cell = by_part(in_step, as_rows(graph, column).cells[0])
        cells[place] = Number(cell.node, int(column.max()) + 1) if whole else cell
    return traced_array(cells)
