"""Derivatives of recurrences, which are recurrences themselves.

With c' = F(c, u) from row to row, the adjoints of the carries follow a' = b + (dF/dc)^T a from the last row to the
first, b being the adjoint of what the carries are used for elsewhere; those of u are (dF/du)^T a. Tangents follow the
carries, t' = (dF/dc) t + (dF/du) du. In both, the carries of the first recurrence are rows of numbers like any others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from batchgd.compiler.trace.graph import Axes, Axis, Entry, Node, Scatter, reachable
from batchgd.compiler.trace.loops import Places, carry, loop_of, places_of, scanned, substituted
from batchgd.compiler.trace.rows import Rows, Target, data, entry, reduced, reindexed, spread

Seed = tuple[Node, Node, Node]
"""A node, its adjoint, and the condition under which it is active."""

Sweep = Callable[[Sequence[Seed], set[int], set[int]], dict[int, tuple[Node, Node]]]
"""Carries adjoints from nodes to the ``ends``: (seeds, ids of what is of use, ends) -> adjoint and activity by id."""


class _Step(NamedTuple):
    """One step of a recurrence, in terms of what its carries are before it."""

    before: list[Node]
    after: list[Node]
    outside: dict[int, Node]

    @property
    def ends(self) -> set[int]:
        """Where an expression for what is after the step begins."""
        return {node.id for node in self.before} | set(self.outside)

    def uses(self, node: Node) -> set[int]:
        """The ids of what one of the carries depends on."""
        return {each.id for each in reachable([node], self.ends)} & self.ends


def _step(scan: Node) -> _Step:
    loop = loop_of(scan)
    entering = places_of(scan).entering
    before = [entry(scan, j, entering, [loop.axis]) for j in range(len(loop.carries))]
    after = substituted(loop.following, {leaf.id: node for leaf, node in zip(loop.carries, before, strict=True)})
    return _Step(before, after, {arg.id: arg for arg in scan.args})


def scan_tangent(
    scan: Node, tangent: Mapping[int, Node], carry_on: Callable[[Node, dict[int, Node]], None]
) -> Node | None:
    """Return the recurrence of the tangents; None if nothing that it depends on moves."""
    loop, step, graph = loop_of(scan), _step(scan), scan.graph
    count, zero = len(loop.carries), graph.constant(0.0)
    known = {key: tangent[key] for key in step.outside if key in tangent}
    moving = {j for j in range(count) if scan.args[j].id in known}
    uses = [step.uses(node) for node in step.after]
    while True:
        ids = {step.before[j].id for j in moving} | set(known)
        more = moving | {j for j in range(count) if uses[j] & ids}
        if more == moving:
            break
        moving = more
    if not moving:
        return None
    further = {axis for key, node in known.items() for axis in node.axes if axis not in step.outside[key].axes}
    others = tuple(({*scan.axes} | further) - {loop.axis})
    leaves = [carry(graph, j, loop.axis, others) for j in range(count)]
    local = {**{step.before[j].id: leaves[j] for j in moving}, **known}
    for node in reachable(step.after, step.ends):
        if node.id not in step.ends:
            carry_on(node, local)
    initial = [known.get(arg.id, zero) for arg in scan.args[:count]]
    return scanned(loop.axis, initial, leaves, [local.get(node.id, zero) for node in step.after], loop.reverse)


def scan_adjoints(
    scan: Node, reads: Sequence[tuple[Node, Node]], active: Node, useful: set[int], sweep: Sweep
) -> list[Seed]:
    """Return the adjoints of the arguments, from those of the entries that are read."""
    loop, step, graph, at = loop_of(scan), _step(scan), scan.graph, places_of(scan)
    own, last = _adjoints_of_carries(scan, reads, at)
    chosen, axes = _chosen(scan, step, {*own, *last}, useful), (loop.axis, *scan.axes)

    def swept(adjoints: Sequence[Node], wanted: set[int]) -> dict[int, tuple[Node, Node]]:
        return sweep(_seeds(step, chosen, adjoints, active, axes), _above(step, wanted), step.ends)

    if not chosen:
        return []
    zero = graph.constant(0.0)
    leaves = [carry(graph, k, loop.axis, scan.axes) for k in range(len(chosen))]
    found = swept(leaves, {step.before[j].id for j in chosen})
    following = [found.get(step.before[j].id, (zero, active))[0] for j in chosen]
    following = [
        graph.make("add", own[j], term) if j in own else term for j, term in zip(chosen, following, strict=True)
    ]
    if not chosen:
        return []
    adjoint = scanned(loop.axis, [last.get(j, zero) for j in chosen], leaves, following, not loop.reverse)
    wanted = useful & set(step.outside)
    found = swept([entry(adjoint, k, at.leaving, [loop.axis]) for k in range(len(chosen))], wanted)
    selects = any(node.op in ("where", "minimum", "maximum") for node in reachable(step.after, step.ends))
    terms = [(step.outside[key], *(found[key] if selects else (found[key][0], active))) for key in wanted & set(found)]
    for k, j in enumerate(chosen):
        if scan.args[j].id in useful:
            first = entry(adjoint, k, np.array(at.first), [])
            terms.append((scan.args[j], summed(scan.args[j], first, scan.axes), active))
    return [(arg, term, somewhere(arg, here)) for arg, term, here in terms]


def _chosen(scan: Node, step: _Step, read: set[int], useful: set[int]) -> list[int]:
    """Return the carries that depend on an input, and on which something that is read depends."""
    uses = [step.uses(node) for node in step.after]
    varies = {j for j, node in enumerate(step.before) if node is not scan.args[j]}
    of = [{j for j in varies if step.before[j].id in each} for each in uses]
    moving = {j for j, each in enumerate(uses) if scan.args[j].id in useful or each & set(step.outside) & useful}
    for _ in of:
        moving |= {j for j, each in enumerate(of) if each & moving}
        read = read.union(*(of[j] for j in read))
    return sorted(moving & read & varies)


def _seeds(step: _Step, chosen: Sequence[int], adjoints: Sequence[Node], active: Node, axes: Axes) -> list[Seed]:
    """The adjoint of each carry after a step; where it is 0, what is infinite on the way to it does not matter."""
    graph = active.graph
    seeds = []
    for j, adjoint in zip(chosen, adjoints, strict=True):
        node = step.after[j]
        if node.op != "const" and not (adjoint.is_constant and adjoint.value == 0.0):
            here = graph.make("and", active, graph.truth(adjoint))
            seeds.append((node, summed(node, adjoint, axes), somewhere(node, here)))
    return seeds


def _above(step: _Step, ids: set[int]) -> set[int]:
    """Return the ids of what depends on some of the nodes that a step begins with."""
    found = set(ids)
    for node in reachable(step.after, step.ends):
        if node.id not in step.ends and any(arg.id in found for arg in node.args):
            found.add(node.id)
    return found


def summed(node: Node, adjoint: Node, axes: Axes) -> Node:
    """Return the sum of an adjoint over those of some axes that its node has not."""
    for axis in axes:
        if axis not in node.axes:
            adjoint = reduced("sum", adjoint, axis)
    return adjoint


def somewhere(node: Node, active: Node) -> Node:
    """Return whether a node is active in some row of the axes that it has not."""
    graph = node.graph
    for axis in active.axes:
        if axis not in node.axes:
            active = graph.truth(reduced("greatest", graph.number(active), axis))
    return active


def _adjoints_of_carries(
    scan: Node, reads: Sequence[tuple[Node, Node]], at: Places
) -> tuple[dict[int, Node], dict[int, Node]]:
    """Return the adjoints of the carries that enter each row, and of those after the last one, by their numbers."""
    graph, axis = scan.graph, loop_of(scan).axis
    rows, last = dict[int, Node](), dict[int, Node]()

    def add(to: dict[int, Node], j: int, term: Node | None) -> None:
        if term is not None:
            to[j] = graph.make("add", to[j], term) if j in to else term

    for node, adjoint in reads:
        assert isinstance(node.attr, Entry)
        j, table, axes = int(node.value), node.table, node.attr.axes
        if scan.axes and (len(axes) > 1 or {*axes} & {*scan.axes} or np.unique(table).size < table.size):
            add(rows, j, _matched(adjoint, axes, table, at.entering, (axis,), scan.axes))
            add(last, j, _matched(adjoint, axes, table, np.array(at.last), (), scan.axes))
            continue
        if len(axes) > 1 or np.unique(table).size < table.size:
            sums = spread(adjoint, Scatter(node.attr.table, axes, axis.length + 1))
            add(rows, j, entry(sums, 0, at.entering, [axis]))
            add(last, j, entry(sums, 0, np.array(at.last), []))
            continue
        where = np.full(axis.length + 1, -1)
        where[table] = np.arange(table.size).reshape(table.shape)
        add(rows, j, _returned(adjoint, axes, where[at.entering], (axis,)))
        add(last, j, _returned(adjoint, axes, where[[at.last]], ()))
    return rows, last


def _matched(
    adjoint: Node, axes: Axes, table: NDArray[np.int64], positions: NDArray[np.int64], names: Axes, rest: Axes
) -> Node:
    """Return, for each position of some rows, the sum of an adjoint over the rows that have it in a table."""
    graph = adjoint.graph
    same = positions.reshape(positions.shape + (1,) * table.ndim) == table
    term = graph.make("where", data(graph, same, [*names, *axes]), adjoint, graph.constant(0.0))
    for axis in axes:
        if axis not in rest:
            term = reduced("sum", term, axis)
    return term


def _returned(adjoint: Node, axes: Axes, where: NDArray[np.int64], names: Axes) -> Node | None:
    """Return what an entry that was read from other rows contributes to each; None for nothing."""
    graph, there = adjoint.graph, where >= 0
    if not there.any():
        return None
    places: dict[Axis, Target] = {}
    for own in axes:
        same = names and own.length == names[0].length and np.array_equal(where, np.arange(own.length))
        rows = np.maximum(where, 0)
        places[own] = names[0] if same else Rows(names, rows if names else np.asarray(rows[0]))
    node = reindexed([adjoint], places)[0]
    if there.all():
        return node
    return graph.make("where", data(graph, there, names), node, graph.constant(0.0))
