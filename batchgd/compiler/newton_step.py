"""Newton's step as part of an objective's program: the factor of its Hessian in straight-line code, zeros left out.

A factor L D L^T whose entries are nodes of the graph costs what the Hessian's structure asks for: d divisions for a
separable function, a few operations per coordinate for a chain of neighbours, d^3 / 6 for a full matrix.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from batchgd.compiler.trace.differentiate import dependences
from batchgd.compiler.trace.graph import Graph, Node

if TYPE_CHECKING:
    from batchgd.compiler.objective import Objective

PIVOT = 1e-14
"""A pivot this small against its diagonal is rounding."""

SOFT = 1e-7
"""Modes this soft against the stiffest are in doubt."""

LARGEST = 4000
"""Operations of the factors, and of a function that has rows, up to which they are written out.

LLVM then takes a fraction of a second.
"""


def newton_step(objective: Objective) -> list[Node] | None:
    """Return the nodes ``f, g..., step..., kind, stiffest`` of one step, or None if the factors are too long.

    ``kind`` is 0 where a pivot of the Hessian is not positive and the step means nothing, 2 where all modes in box
    widths are stiffer than those in doubt, else 1. ``stiffest`` is the largest diagonal entry in box widths. After the
    parameters the code reads the curvature that is in doubt in this box, the squares of the box's widths, and their
    inverses.
    """
    derivatives = factorable(objective)
    if derivatives is None:
        return None
    dim = objective.dim
    return _step(derivatives[0], derivatives[1 : dim + 1], derivatives[dim + 1 :], objective)


def factorable(objective: Objective) -> list[Node] | None:
    """Return value, gradient and Hessian in the form whose factors are short enough to be written out, if one is."""
    for written_out in (False, True):
        if written_out and (not objective.has_rows or objective.counts.total > LARGEST):
            break
        slopes = objective.outputs("gradient", written_out=written_out)
        if 2 * _operations(_coupled(slopes), objective.dim) > LARGEST:
            continue
        nodes = objective.outputs("derivatives", written_out=written_out)
        if 2 * _operations(_filled(_triangle(nodes[objective.dim + 1 :], objective.dim)), objective.dim) <= LARGEST:
            return nodes
    return None


def _step(f: Node, gradient: list[Node], entries: list[Node], objective: Objective) -> list[Node]:
    graph, dim = f.graph, objective.dim
    hessian = _triangle(entries, dim)
    base = objective.n_params
    floor, *sides = (graph.intern("p", (), float(base + k)) for k in range(2 * dim + 1))
    with graph.slopes():
        diagonal = [graph.make("mul", hessian[k, k], side) for k, side in enumerate(sides[:dim])]
        stiffest, total = graph.make("absolute", diagonal[0]), diagonal[0]
        for entry in diagonal[1:]:
            stiffest = graph.make("maximum", stiffest, graph.make("absolute", entry))
            total = graph.make("add", total, entry)
        soft = graph.make("maximum", floor, graph.make("mul", graph.constant(SOFT), total))
        factor, pivots = _factor(graph, hessian, dim)
        positive = _all_positive(graph, pivots, [hessian[k, k] for k in range(dim)])
        shifted = {
            (i, j): graph.make("sub", entry, graph.make("mul", soft, sides[dim + i])) if i == j else entry
            for (i, j), entry in hessian.items()
        }
        stiff = _factor(graph, shifted, dim)[1]
        clear = _all_positive(graph, stiff, [shifted[k, k] for k in range(dim)])
        step = _solved(graph, factor, pivots, [graph.make("neg", slope) for slope in gradient])
        zero, one, two = (graph.constant(value) for value in (0.0, 1.0, 2.0))
        kind = graph.make("where", positive, graph.make("where", clear, two, one), zero)
    return [f, *gradient, *step, graph.number(kind), stiffest]


Matrix = dict[tuple[int, int], Node]


def _triangle(entries: list[Node], dim: int) -> Matrix:
    return {(i, j): entries[i * (i + 1) // 2 + j] for i in range(dim) for j in range(i + 1)}


def _zero(node: Node) -> bool:
    return node.op == "const" and node.value == 0.0


def _filled(hessian: Matrix) -> set[tuple[int, int]]:
    return {place for place, entry in hessian.items() if not _zero(entry)}


def _coupled(gradient: Sequence[Node]) -> set[tuple[int, int]]:
    """The entries of the Hessian that may differ from zero, found without writing it out."""
    bits = dependences(gradient, gradient[0].graph.x)
    return {(i, j) for i, row in enumerate(bits) for j in range(i + 1) if row >> j & 1}


def _operations(filled: set[tuple[int, int]], dim: int) -> int:
    """How many entries are updated in a factorisation, given those that are not zero."""
    filled, count = set(filled), 0
    for k in range(dim):
        rows = [i for i in range(k + 1, dim) if (i, k) in filled]
        count += len(rows) * (len(rows) + 1) // 2
        if count > LARGEST:
            break
        filled.update((i, j) for i in rows for j in rows if j <= i)
    return count


def _factor(graph: Graph, hessian: Matrix, dim: int) -> tuple[Matrix, list[Node]]:
    """The entries of L below the diagonal, where they are not 0, and those of D."""
    a = {place: entry for place, entry in hessian.items() if not _zero(entry)}
    factor: Matrix = {}
    pivots = []
    for k in range(dim):
        pivot = a.get((k, k), graph.constant(0.0))
        pivots.append(pivot)
        rows = [i for i in range(k + 1, dim) if (i, k) in a]
        inverse = graph.make("div", graph.constant(1.0), pivot) if rows else pivot
        for i in rows:
            factor[i, k] = graph.make("mul", a[i, k], inverse)
        for i in rows:
            for j in (j for j in rows if j <= i):
                taken = graph.make("mul", factor[i, k], a[j, k])
                a[i, j] = graph.make("sub", a[i, j], taken) if (i, j) in a else graph.make("neg", taken)
    return factor, pivots


def _all_positive(graph: Graph, pivots: Sequence[Node], diagonal: Sequence[Node]) -> Node:
    """Whether all pivots are positive beyond rounding."""
    found = None
    for pivot, entry in zip(pivots, diagonal, strict=True):
        rounding = graph.make("mul", graph.constant(PIVOT), graph.make("absolute", entry))
        large = graph.make("gt", pivot, rounding)
        found = large if found is None else graph.make("and", found, large)
    assert found is not None
    return found


def _solved(graph: Graph, factor: Matrix, pivots: Sequence[Node], right: list[Node]) -> list[Node]:
    """The solution for a right side, by the factors."""
    dim, x = len(pivots), list(right)
    for (i, k), entry in factor.items():  # column by column
        x[i] = graph.make("sub", x[i], graph.make("mul", entry, x[k]))
    x = [graph.make("div", entry, pivot) for entry, pivot in zip(x, pivots, strict=True)]
    columns: list[list[int]] = [[] for _ in range(dim)]
    for i, k in factor:
        columns[k].append(i)
    for k in reversed(range(dim)):
        for i in columns[k]:
            x[k] = graph.make("sub", x[k], graph.make("mul", factor[i, k], x[i]))
    return x
