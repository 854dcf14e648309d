"""Find the loops in an unrolled expression: equal pieces of code that differ only in coordinates and constants.

A trace of a sum over coordinates contains the same few operations once per term. Rolled up, it is a sequence of stages.
A stage is some loops, each over a piece of straight-line code, which give terms of sums and components of the gradient;
after it the sums are known, and what depends on x only through them is computed once. Threads can share the iterations
of a loop, and the text is as long as one iteration. What a coordinate's pieces have in common is computed once, in its
iteration.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from batchgd.compiler.trace.counts import count_operations
from batchgd.compiler.trace.graph import Graph, Node, reachable

LEAST_TERMS = 8
"""A sum of fewer terms is written out."""

Ref = tuple[str, int]
"""An argument: its kind and its number. The number of a constant is that of its occurrence."""
_Step = tuple[str, tuple[Ref, ...]]
_Shape = tuple[tuple[_Step, ...], tuple[Ref, ...]]
_Sums = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Piece:
    """Straight-line code as a graph of its own: of coordinates ``x0, x1, ...`` and of numbers ``p0, p1, ...``."""

    graph: Graph
    outputs: list[Node]


@dataclass(frozen=True)
class Loop:
    """A piece that is run once per member.

    ``coordinates`` holds, for each x of the piece, which coordinate it is to each member; ``numbers`` what each of its
    p is: a row of constants, one per member, or the name of something known. The outputs are terms of ``sums``, in that
    order (a negative sign if they are subtracted), and after them, if ``slopes`` is not None, the component of the
    gradient that it names for each member.
    """

    piece: Piece
    members: int
    coordinates: list[list[int]]
    numbers: list[list[float] | str]
    sums: list[tuple[int, int]]
    slopes: list[int] | None


@dataclass(frozen=True)
class Known:
    """What is computed once: a piece, what its arguments are, and the names that its outputs get."""

    piece: Piece
    coordinates: list[int]
    numbers: list[str]
    names: list[str]


@dataclass(frozen=True)
class StageOfLoops:
    """Loops that can run side by side: what they need before them, and the numbers of the sums that they complete."""

    before: Known | None
    loops: list[Loop]
    ends: list[int]


@dataclass(frozen=True)
class Rolled:
    """An expression as stages; ``value``, if it was asked for, is computed last. Sum number k is called ``s{k}``."""

    stages: list[StageOfLoops]
    value: Known | None
    operations: int = field(default=0)

    def work(self, width: int) -> int:
        """Return how many operations one of ``width`` threads carries out."""
        iterations = sum(
            -(-loop.members // width) * count_operations(loop.piece.outputs).total
            for stage in self.stages
            for loop in stage.loops
        )
        once = [self.value, *(stage.before for stage in self.stages)]
        return iterations + sum(count_operations(known.piece.outputs).total for known in once if known is not None)


def roll(value: Node | None, gradient: Sequence[Node]) -> Rolled:
    """Return an expression as loops; if nothing repeats, every loop has one member.

    Examples
    --------
    >>> from batchgd.compiler.trace.tracer import trace
    >>> from batchgd.compiler.trace.unroll_rows import unrolled
    >>> traced = trace(lambda x: (x[1:] * x[:-1] ** 2).sum(), 40)
    >>> value, *gradient = unrolled([traced.value, *traced.gradient])
    >>> rolled = roll(value, gradient)
    >>> [[loop.members for loop in stage.loops] for stage in rolled.stages]
    [[1, 38, 1]]
    >>> rolled.operations, rolled.work(32)
    (232, 17)
    """
    return _Roller(value, gradient).rolled()


class _Roller:
    def __init__(self, value: Node | None, gradient: Sequence[Node]):
        self.value, self.gradient = value, list(gradient)
        self.nodes = reachable([*gradient, *([] if value is None else [value])])
        self.sums = {node.id: terms for node, terms in self._find_sums()}
        self.number = {key: k for k, key in enumerate(self.sums)}
        self._survey()

    def rolled(self) -> Rolled:
        """Sort terms and components into stages and these into loops."""
        terms: dict[int, dict[int, list[tuple[int, int, Node]]]] = defaultdict(lambda: defaultdict(list))
        ends: dict[int, list[int]] = defaultdict(list)
        for key, found in self.sums.items():
            stage = self.depth[key] - 1
            ends[stage].append(self.number[key])
            for sign, node in found:
                terms[stage][self.lowest.get(node.id, -1)].append((self.number[key], sign, node))
        slopes: dict[int, dict[int, Node]] = defaultdict(dict)
        for i, node in enumerate(self.gradient):
            slopes[self.depth[node.id]][i] = node
        stages = [self._stage(terms[k], slopes[k], ends[k]) for k in range(1 + max([*terms, *slopes], default=-1))]
        asked = self.value
        value = None if asked is None else self._known([asked], ["f"])
        return Rolled(stages, value, count_operations([*self.gradient, *([] if asked is None else [asked])]).total)

    def _find_sums(self) -> list[tuple[Node, list[tuple[int, Node]]]]:
        """Return the long sums that several outputs, or the value, depend on, with their signed terms."""
        users: dict[int, list[Node]] = defaultdict(list)
        reach: Counter[int] = Counter()
        for k, node in enumerate(self.gradient):
            reach[node.id] |= 1 << k
        if self.value is not None:
            reach[self.value.id] |= 3 << len(self.gradient)  # counts as several
        for node in reversed(self.nodes):
            for arg in node.args:
                users[arg.id].append(node)
                reach[arg.id] |= reach[node.id]
        outputs = {node.id for node in self.gradient} | ({self.value.id} if self.value is not None else set())
        inner = {
            node.id
            for node in self.nodes
            if _adds(node) and node.id not in outputs and len(users[node.id]) == 1 and _adds(users[node.id][0])
        }
        found = []
        for node in self.nodes:
            if _adds(node) and node.id not in inner and reach[node.id].bit_count() > 1:
                terms = _terms(node, inner)
                if len(terms) >= LEAST_TERMS:
                    found.append((node, terms))
        return found

    def _survey(self) -> None:
        """Note each node's stage, and the lowest coordinate that it depends on other than through sums."""
        self.depth: dict[int, int] = {}
        self.lowest: dict[int, int] = {}
        for node in self.nodes:
            below = self.sums.get(node.id)
            args = [term for _, term in below] if below is not None else node.args
            deepest = max((self.depth[arg.id] for arg in args), default=0)
            self.depth[node.id] = deepest + (below is not None)
            coordinates = [self.lowest[arg.id] for arg in args if arg.id in self.lowest]
            if node.op == "x":
                self.lowest[node.id] = int(node.value)
            elif coordinates and below is None:
                self.lowest[node.id] = min(coordinates)

    def _is_known(self, node: Node) -> bool:
        """Whether a node is a number once the sums before its stage are."""
        return bool(node.args) and node.id not in self.lowest

    def _stage(
        self, terms: dict[int, list[tuple[int, int, Node]]], slopes: dict[int, Node], ends: list[int]
    ) -> StageOfLoops:
        classes: dict[tuple[_Sums, bool, _Shape], list[tuple[int, _Pattern]]] = defaultdict(list)
        known: dict[int, Node] = {}
        for i in sorted({*terms, *slopes}):
            signed_terms = terms.get(i, [])
            roots = [*(node for _, _, node in signed_terms), *([slopes[i]] if i in slopes else [])]
            pattern = _Pattern(roots, self._is_known)
            known |= pattern.known
            sums = tuple((number, sign) for number, sign, _ in signed_terms)
            classes[sums, i in slopes, pattern.shape].append((i, pattern))
        computed = [node for key, node in sorted(known.items()) if key not in self.sums]
        loops = [
            self._loop(list(sums), [i for i, _ in found] if has_slope else None, [pattern for _, pattern in found])
            for (sums, has_slope, _), found in classes.items()
        ]
        before = self._known(computed, [self._name(node) for node in computed]) if computed else None
        return StageOfLoops(before, loops, ends)

    def _loop(self, sums: list[tuple[int, int]], slopes: list[int] | None, members: list[_Pattern]) -> Loop:
        constants = [list(row) for row in zip(*(pattern.constants for pattern in members), strict=True)]
        differing = [k for k, row in enumerate(constants) if len(set(map(repr, row))) > 1]
        piece, others = members[0].piece(differing)
        numbers: list[list[float] | str] = [constants[k] for k in differing]
        return Loop(
            piece,
            len(members),
            [list(row) for row in zip(*(pattern.coordinates for pattern in members), strict=True)],
            numbers + [self._name(node) for node in others],
            sums,
            slopes,
        )

    def _known(self, nodes: list[Node], names: list[str]) -> Known:
        """Return what computes these nodes from sums, parameters and single coordinates."""
        pattern = _Pattern(nodes, lambda node: node.id in self.sums)
        piece, others = pattern.piece([])
        return Known(piece, pattern.coordinates, [self._name(node) for node in others], names)

    def _name(self, node: Node) -> str:
        if node.op == "p":
            return f"p{int(node.value)}"
        return f"s{self.number[node.id]}" if node.id in self.sums else f"u{node.id}"


class _Pattern:
    """The shape of some expressions, equal for those that differ only in coordinates and constants."""

    def __init__(self, roots: Iterable[Node], is_known: Callable[[Node], bool]) -> None:
        self.coordinates: list[int] = []
        self.constants: list[float] = []
        self.known: dict[int, Node] = {}
        self._parameters: dict[int, Node] = {}
        self._steps: list[_Step] = []
        self._numbers: dict[int, int] = {}
        self._is_known = is_known
        self._roots = tuple(self._visit(root) for root in roots)

    @property
    def shape(self) -> _Shape:
        """What two expressions must share."""
        return tuple(self._steps), self._roots

    def piece(self, differing: list[int]) -> tuple[Piece, list[Node]]:
        """Return the code, and the nodes that its p stand for after those of the constants that differ."""
        others = [*self.known.values(), *self._parameters.values()]
        graph = Graph(len(self.coordinates), len(differing) + len(others))
        place = {node.id: graph.p[len(differing) + k] for k, node in enumerate(others)}
        made: list[Node] = []

        def node_of(ref: Ref) -> Node:
            kind, k = ref
            if kind == "const":
                return graph.p[differing.index(k)] if k in differing else graph.constant(self.constants[k])
            return {"x": graph.x, "step": made}[kind][k] if kind in ("x", "step") else place[k]

        for op, refs in self._steps:
            made.append(graph.intern(op, tuple(map(node_of, refs))))
        return Piece(graph, [node_of(ref) for ref in self._roots]), others

    def _visit(self, root: Node) -> Ref:
        stack = [(root, False)]
        while stack:
            node, ready = stack.pop()
            if not node.args or node.id in self._numbers or self._is_known(node):
                continue
            if ready:
                refs = tuple(self._ref(arg) for arg in node.args)
                self._numbers[node.id] = len(self._steps)
                self._steps.append((node.op, refs))
            else:
                stack.append((node, True))
                stack += [(arg, False) for arg in reversed(node.args)]
        return self._ref(root)

    def _ref(self, node: Node) -> Ref:
        if node.op == "const":
            self.constants.append(node.value)
            return "const", len(self.constants) - 1
        if node.op == "x":
            i = int(node.value)
            if i not in self.coordinates:
                self.coordinates.append(i)
            return "x", self.coordinates.index(i)
        if node.op == "p":
            self._parameters[node.id] = node
            return "known", node.id
        if node.id in self._numbers:
            return "step", self._numbers[node.id]
        self.known[node.id] = node
        return "known", node.id


def _adds(node: Node) -> bool:
    return node.op in ("add", "sub")


def _terms(root: Node, inner: set[int]) -> list[tuple[int, Node]]:
    """Return the signed terms of a sum, from left to right."""
    found = []
    stack = [(1, root)]
    while stack:
        sign, node = stack.pop()
        if node is root or node.id in inner:
            left, right = node.args
            stack += [(sign if node.op == "add" else -sign, right), (sign, left)]
        else:
            found.append((sign, node))
    return found


def progression(row: Sequence[int]) -> tuple[int, int] | None:
    """Return (first, step) if the numbers are an arithmetic progression, else None.

    >>> progression([3, 5, 7]), progression([2, 2, 3]), progression([4])
    ((3, 2), None, (4, 0))
    """
    step = row[1] - row[0] if len(row) > 1 else 0
    return (row[0], step) if all(b - a == step for a, b in pairwise(row)) else None
