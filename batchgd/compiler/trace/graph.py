"""The expression graph: nodes that exist once each (hash-consing), and the order in which they are computed.

A node without axes is a number per lane. One with axes is a number per lane and row: ``Axis(1000)`` is a large axis of
the data, over which code loops, and which only ``sum``, ``prod``, ``least``, ``greatest``, ``spread`` and ``scan`` take
away.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Container, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from batchgd.compiler.trace.operations import BOOLEAN, COMMUTATIVE, FINITE, OPERATIONS, REDUCTIONS, SHARP


@dataclass(frozen=True, order=True)
class Axis:
    """A large axis of rows; the index tells apart two of equal length that meet in one value."""

    length: int
    index: int = 0


Axes = tuple[Axis, ...]


class Scatter(NamedTuple):
    """What a ``spread`` needs to know: its table of whole numbers below ``outputs``, with these axes."""

    table: str
    axes: Axes
    outputs: int


class Entry(NamedTuple):
    """What an ``entry`` needs to know: its table of whole numbers, with these axes."""

    table: str
    axes: Axes


class Loop(NamedTuple):
    """What a ``scan`` needs to know: its axis, from which end it runs, and what each carry is after a row.

    ``following`` are nodes in terms of ``carries``, which are leaves, and of what the scan has as arguments.
    """

    axis: Axis
    reverse: bool
    carries: tuple[Node, ...]
    following: tuple[Node, ...]

    def __repr__(self) -> str:
        return f"Loop({self.axis}, {self.reverse}, {self.carries[0].graph.digest(self)})"


class Node:
    """One value of the expression: an operation on other nodes, a constant, or an input.

    ``op`` is a row of the table of operations, or one of these:

    ========  ==================================================================================================
    const     the number ``value``
    x, p      the coordinate, or the parameter, number ``value``
    data      rows of numbers: ``graph.tables[attr]``, float64, one dimension per axis
    pick      ``args[k]`` for the whole number k of each row: ``graph.tables[attr]``, int64, one dimension per axis
    sum       the sum of its argument over the axis ``attr``, which is bound here: another with this name is outside
    prod      the product over it
    least     the least over it
    greatest  the greatest over it
    spread    the adjoint of a pick: ``attr.outputs`` numbers, the j-th of which is the sum of the argument over those
              rows of ``attr.axes``, bound here, in which ``graph.tables[attr.table]`` is j
    part      the number ``value`` of a spread
    scan      carries that follow one from another, from row to row of ``attr.axis``, which is bound here; its
              arguments are the initial carries and what a step uses besides. For n rows there are n + 1 of each carry,
              from before the first row to after the last one in the order of the rows, also if it runs in reverse
    carry     the carry number ``value`` that enters a row of the axis ``attr``; only in ``attr.following`` of a scan
    entry     of the carry number ``value`` of a scan, or of a spread, that with the whole number of each row:
              ``graph.tables[attr.table]``, one dimension per axis of ``attr.axes``
    rows      its argument in every row of its axes; only as an output
    ========  ==================================================================================================

    ``axes`` are the row axes on which the value depends, in order. A node's ``id`` is larger than its arguments', so
    ascending ids are an order of computation. If ``finite``, a finite x cannot make it NaN or infinite other than by
    overflow; if ``smooth``, nor its derivatives.
    """

    __slots__ = ("args", "attr", "axes", "finite", "graph", "id", "op", "smooth", "value")

    def __init__(self, graph: Graph, op: str, args: tuple[Node, ...], value: float, attr: Hashable, axes: Axes):
        self.graph, self.op, self.args, self.value, self.attr, self.axes = graph, op, args, value, attr, axes
        self.id = graph.size
        graph.size += 1
        known = op in FINITE or (op == "power" and args[1].value in range(LARGEST_POWER))
        if op == "data":
            known = bool(np.all(np.isfinite(self.table)))
        below = (*args, *attr.following) if isinstance(attr, Loop) else args
        self.finite: bool = known and math.isfinite(value) and all(arg.finite for arg in below)
        self.smooth: bool = self.finite and op not in SHARP and all(arg.smooth for arg in below)

    def __repr__(self) -> str:
        if self.op == "const":
            return repr(self.value)
        if self.op in ("x", "p"):
            return f"{self.op}{int(self.value)}"
        if self.op in ("data", "pick", "entry", "carry"):
            return f"{self.op}[{' x '.join(str(axis.length) for axis in self.axes)}]"
        return f"{self.op}({', '.join(map(repr, self.args))})"

    @property
    def is_constant(self) -> bool:
        """Whether the value is known, and a single number."""
        return self.op == "const"

    @property
    def is_boolean(self) -> bool:
        """Whether the value is true or false."""
        return self.op in BOOLEAN

    @property
    def table(self) -> NDArray[Any]:
        """The numbers of ``data``, the positions of ``pick``, ``spread`` or ``entry``."""
        return self.graph.tables[self.attr.table if isinstance(self.attr, (Scatter, Entry)) else str(self.attr)]

    @property
    def bound(self) -> Axes:
        """The axes over which it runs, which its arguments may have and it has not."""
        if self.op in REDUCTIONS:
            assert isinstance(self.attr, Axis)
            return (self.attr,)
        if isinstance(self.attr, Loop):
            return (self.attr.axis,)
        return self.attr.axes if isinstance(self.attr, Scatter) else ()


class Graph:
    """Makes nodes; the same operation on the same arguments is the same node.

    Examples
    --------
    >>> graph = Graph(dim=2)
    >>> x, y = graph.x
    >>> graph.make("add", x, y) is graph.make("add", y, x)
    True
    """

    rules: ClassVar[dict[str, Callable[..., Node | None]]] = {}
    """What simplifies an operation: none here, see ``simplify.SimplifyingGraph``."""

    def __init__(self, dim: int, n_params: int = 0):
        self.size = 0
        self.differentiating = False
        self.tables: dict[str, NDArray[Any]] = {}
        self._digests: dict[Loop, str] = {}
        self._table: dict[tuple, Node] = {}
        self._made: dict[tuple, Node] = {}
        self.x = [self.intern("x", (), float(i)) for i in range(dim)]
        self.p = [self.intern("p", (), float(k)) for k in range(n_params)]

    def constant(self, value: float) -> Node:
        """Return the node of a number; 0.0 and -0.0 are two, every NaN is one."""
        return self.intern("const", (), float(value))

    def intern(
        self,
        op: str,
        args: tuple[Node, ...],
        value: float = 0.0,
        attr: Hashable = None,
        axes: Axes | None = None,
    ) -> Node:
        """Return the node of exactly this operation, unsimplified; by default it has the axes of its arguments."""
        ids = tuple(arg.id for arg in args)
        if op in COMMUTATIVE and ids[0] > ids[1]:
            ids = ids[::-1]
        key: tuple = (op, ids, "nan" if math.isnan(value) else value, math.copysign(1.0, value))
        if attr is not None:
            key = (*key, attr, axes)
        node = self._table.get(key)
        if node is None:
            node = self._table[key] = Node(self, op, args, value, attr, joint_axes(args) if axes is None else axes)
        return node

    def table(self, array: NDArray[Any]) -> str:
        """Keep an array of float64 or int64 and return its name, which is the same for the same numbers."""
        kept = np.array(array, np.int64 if array.dtype.kind in "iu" else np.float64, order="C")
        digest = hashlib.blake2b(kept.tobytes(), digest_size=12)
        key = f"{kept.dtype.kind}{'x'.join(map(str, kept.shape))}-{digest.hexdigest()}"
        if key not in self.tables:
            kept.setflags(write=False)
            self.tables[key] = kept
        return key

    def digest(self, loop: Loop) -> str:
        """Return what is equal for recurrences of equal steps."""
        if loop not in self._digests:
            text = listing(loop.following)
            self._digests[loop] = hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
        return self._digests[loop]

    def existing(self, op: str, *args: Node) -> Node | None:
        """Return the node if it has been made already."""
        ids = tuple(arg.id for arg in args)
        if op in COMMUTATIVE and ids[0] > ids[1]:
            ids = ids[::-1]
        return self._table.get((op, ids, 0.0, 1.0))

    def make(self, op: str, *args: Node) -> Node:
        """Return the node of an operation, folded and simplified: the same one whenever it is asked for again.

        (Some rules look at which nodes exist, and a function that is run again must meet the nodes of its first run.)
        """
        if self.differentiating:
            return self._simplified(op, args)
        key = (op, *(arg.id for arg in args))
        node = self._made.get(key)
        if node is None:
            node = self._made[key] = self._simplified(op, args)
        return node

    def _simplified(self, op: str, args: tuple[Node, ...]) -> Node:
        args = self._coerced(op, args)
        if all(arg.op == "const" for arg in args):
            with np.errstate(all="ignore"):
                return self.constant(float(OPERATIONS[op].compute(*(np.float64(arg.value) for arg in args))))
        if op not in BOOLEAN and all(arg.op in ("const", "data") for arg in args):
            folded = self._folded(op, args)
            if folded is not None:
                return folded
        rule = self.rules.get(op)
        simpler = rule(self, *args) if rule else None
        return self.intern(op, args) if simpler is None else simpler

    def _folded(self, op: str, args: tuple[Node, ...]) -> Node | None:
        """Compute an operation on data, unless the result is much larger than they are."""
        axes = joint_axes(args)
        if all(arg.axes != axes for arg in args) and not (self.differentiating and rows_of(axes) <= LARGEST_FOLDED):
            return None
        shaped = [
            np.float64(arg.value)
            if arg.op == "const"
            else arg.table.reshape([axis.length if axis in arg.axes else 1 for axis in axes])
            for arg in args
        ]
        with np.errstate(all="ignore"):
            rows = OPERATIONS[op].compute(*shaped)
        if (rows == rows.flat[0]).all():
            return self.constant(float(rows.flat[0]))
        return self.intern("data", (), attr=self.table(rows), axes=axes)

    def _coerced(self, op: str, args: tuple[Node, ...]) -> tuple[Node, ...]:
        """Turn truth values into 0 and 1 where numbers are needed, and numbers into truth values where those are."""
        if op in ("and", "or", "not"):
            return tuple(self.truth(arg) for arg in args)
        if op == "where":
            return (self.truth(args[0]), *(self.number(arg) for arg in args[1:]))
        return tuple(self.number(arg) for arg in args)

    @contextmanager
    def slopes(self) -> Iterator[None]:
        """While derivatives are made, whatever is multiplied by 0 vanishes (see ``simplify``)."""
        before, self.differentiating = self.differentiating, True
        try:
            yield
        finally:
            self.differentiating = before

    def number(self, node: Node) -> Node:
        """Return a node that is not a truth value: 1 for true, 0 for false."""
        if node.op not in BOOLEAN:
            return node
        return self.make("where", node, self.constant(1.0), self.constant(0.0))

    def truth(self, node: Node) -> Node:
        """Return a node that is a truth value (or a constant): a number is true when it is not zero."""
        if node.op in BOOLEAN or node.op == "const":
            return node
        return self.make("ne", node, self.constant(0.0))


def joint_axes(nodes: Iterable[Node]) -> Axes:
    """Return all axes of some nodes, in order."""
    found: Axes = ()
    for node in nodes:
        if node.axes and node.axes != found:
            found = tuple(sorted({*found, *node.axes})) if found else node.axes
    return found


def rows_of(axes: Iterable[Axis]) -> int:
    """Return the number of rows that axes have together.

    >>> rows_of([Axis(100), Axis(100, 1)])
    10000
    """
    return math.prod(axis.length for axis in axes)


def reachable(outputs: Iterable[Node], ends: Container[int] = ()) -> list[Node]:
    """Return the nodes that the outputs need, in an order of computation; not what those with the ids ``ends`` need.

    >>> graph = Graph(dim=1)
    >>> reachable([graph.make("sin", graph.x[0])])
    [x0, sin(x0)]
    """
    found: dict[int, Node] = {}
    stack = list(outputs)
    while stack:
        node = stack.pop()
        if node.id not in found:
            found[node.id] = node
            if node.id not in ends:
                stack.extend(node.args)
    return [found[key] for key in sorted(found)]


def listing(outputs: Sequence[Node]) -> str:
    """Return a line of text for each node that the outputs need, which is equal for equal expressions.

    >>> graph = Graph(dim=2)
    >>> print(listing([graph.make("add", graph.x[0], graph.make("sin", graph.x[1]))]))
    0 = x 0.0
    1 = x 1.0
    2 = sin 1
    3 = add 0 2
    return 3
    """
    number: dict[int, int] = {}
    lines = []
    for k, node in enumerate(reachable(outputs)):
        number[node.id] = k
        own = [] if node.args and node.op not in ("part", "entry") else [repr(node.value)]
        about = [] if node.attr is None else [repr(node.attr), repr(node.axes)]
        lines.append(" ".join([f"{k} = {node.op}", *own, *(str(number[arg.id]) for arg in node.args), *about]))
    return "\n".join([*lines, f"return {' '.join(str(number[node.id]) for node in outputs)}"])


LARGEST_FOLDED = 1 << 16
"""How many rows the product of data with different axes may have, to be computed beforehand in derivatives."""

LARGEST_POWER = 64  # beyond, repeated squaring loses more than 32 ulp
