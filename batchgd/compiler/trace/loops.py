"""Recurrences in the graph: carries that follow one from another, from row to row of an axis."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from batchgd.compiler.trace.graph import Axes, Axis, Graph, Loop, Node, joint_axes, reachable

LOOP = 1 << 16
"""Axes of scans have indices from here on, so that none in array code is taken for one of them."""


class Places(NamedTuple):
    """Where the carries of a scan are among all n + 1 of each: before and after each row, the first, the last one."""

    entering: NDArray[np.int64]
    leaving: NDArray[np.int64]
    first: int
    last: int


def places(n: int, reverse: bool) -> Places:
    """Return where carries are.

    >>> places(3, False)
    Places(entering=array([0, 1, 2]), leaving=array([1, 2, 3]), first=0, last=3)
    """
    lower, upper = np.arange(n), np.arange(1, n + 1)
    return Places(upper, lower, n, 0) if reverse else Places(lower, upper, 0, n)


def loop_of(scan: Node) -> Loop:
    """Return what a scan needs to know."""
    assert isinstance(scan.attr, Loop)
    return scan.attr


def places_of(scan: Node) -> Places:
    """Return where the carries of a scan are."""
    loop = loop_of(scan)
    return places(loop.axis.length, loop.reverse)


def carry(graph: Graph, number: int, axis: Axis, others: Axes = ()) -> Node:
    """Return the leaf of a carry, which may have further axes."""
    return graph.intern("carry", (), float(number), attr=axis, axes=tuple(sorted({axis, *others})))


def interior(following: Sequence[Node]) -> list[Node]:
    """Return what depends on a carry, in an order of computation."""
    found: dict[int, Node] = {}
    for node in reachable(following):
        if node.op == "carry" or any(arg.id in found for arg in node.args):
            found[node.id] = node
    return list(found.values())


def with_steps(nodes: Iterable[Node]) -> list[Node]:
    """Return nodes, and what their recurrences compute in every step, in an order of computation."""
    found = {node.id: node for node in nodes}
    for node in [*found.values()]:
        if isinstance(node.attr, Loop):
            found.update({each.id: each for each in interior(node.attr.following)})
    return [found[key] for key in sorted(found)]


def with_bodies(outputs: Iterable[Node]) -> list[Node]:
    """Return the nodes that the outputs need, and all that the steps of their recurrences are made of, in order."""
    found: dict[int, Node] = {}
    todo = [*outputs]
    while todo:
        new = [node for node in reachable(todo) if node.id not in found]
        found.update({node.id: node for node in new})
        todo = [
            each for node in new if isinstance(node.attr, Loop) for each in (*node.attr.carries, *node.attr.following)
        ]
    return [found[key] for key in sorted(found)]


def scanned(
    axis: Axis, initial: Sequence[Node], carries: Sequence[Node], following: Sequence[Node], reverse: bool
) -> Node:
    """Return the node of a recurrence: ``following`` is what the carries are after a row, in terms of those before it.

    A carry that stays what it is is written as its initial value.
    """
    graph = initial[0].graph
    following = [graph.number(node) for node in following]
    constant = {c.id: i for c, i, f in zip(carries, initial, following, strict=True) if c is f}
    if constant:
        following = substituted(following, constant)
    inner = interior(following)
    ids = {node.id for node in inner}
    used = {arg.id: arg for node in inner for arg in node.args} | {node.id: node for node in following}
    outside = [used[key] for key in sorted(used) if key not in ids and used[key].op != "const"]
    axes = tuple(each for each in joint_axes([*initial, *following, *carries]) if each != axis)
    return graph.intern(
        "scan", (*initial, *outside), attr=Loop(axis, reverse, tuple(carries), tuple(following)), axes=axes
    )


def substituted(nodes: Sequence[Node], new: Mapping[int, Node]) -> list[Node]:
    """Return expressions with other nodes in the place of some, and nothing else changed."""
    done = dict(new)
    for node in reachable(nodes, new):
        if node.id not in done:
            args = tuple(done[arg.id] for arg in node.args)
            same = all(a is b for a, b in zip(args, node.args, strict=True))
            axes = None if node.attr is None else node.axes
            done[node.id] = node if same else node.graph.intern(node.op, args, node.value, node.attr, axes)
    return [done[node.id] for node in nodes]
