"""Decisions: where a traced function asks whether a comparison holds, it is run again for each answer.

The paths are followed depth first, true before false, and joined at the result by selections. All runs build one
graph, so what they share exists once. A question that the answers before it settle is not asked: the same comparison
again, its negation, or a bound that follows from another one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from dis import opname
from types import TracebackType

from numpy.linalg import LinAlgError

from batchgd.compiler.trace.escape import Escape, decision, forgetful, is_users_frame
from batchgd.compiler.trace.graph import Node

PATHS = 64
"""How many paths through a function are followed."""

_LESS, _EQUAL, _GREATER, _UNORDERED = 1, 2, 4, 8
_ANY = _LESS | _EQUAL | _GREATER | _UNORDERED
_HOLDS = {
    "lt": _LESS,
    "le": _LESS | _EQUAL,
    "gt": _GREATER,
    "ge": _GREATER | _EQUAL,
    "eq": _EQUAL,
    "ne": _ANY & ~_EQUAL,
}
"""For which relations of its two sides a comparison is true; a NaN is not ordered with anything."""


def _mirrored(relations: int) -> int:
    return (
        (relations & (_EQUAL | _UNORDERED))
        | (_LESS if relations & _GREATER else 0)
        | (_GREATER if relations & _LESS else 0)
    )


def _sides(node: Node) -> tuple[Node, Node, int]:
    """Return the sides of a comparison in a fixed order, a constant last, and the relations for which it is true."""
    a, b = node.args
    if a.is_constant or (not b.is_constant and a.id > b.id):
        return b, a, _mirrored(_HOLDS[node.op])
    return a, b, _HOLDS[node.op]


class Facts:
    """What the answers on a path say: the relations that are left between pairs of values."""

    def __init__(self) -> None:
        self._answers: dict[int, bool] = {}
        self._left: dict[tuple[int, int], int] = {}
        self._bounds: dict[int, list[tuple[float, int]]] = {}

    def truth(self, node: Node) -> bool | None:
        """Return whether a condition holds, None if that is open."""
        if node.id in self._answers:
            return self._answers[node.id]
        if node.op == "not":
            inner = self.truth(node.args[0])
            return None if inner is None else not inner
        if node.op in ("and", "or"):
            decisive = node.op == "or"
            both = [self.truth(arg) for arg in node.args]
            return decisive if decisive in both else None if None in both else not decisive
        if node.op in _HOLDS:
            left, true = self._relations(node), _sides(node)[2]
            return True if left & ~true == 0 else False if left & true == 0 else None
        return None

    def assume(self, node: Node, answer: bool) -> None:
        """Enter an answer, with what it implies."""
        self._answers[node.id] = answer
        if node.op == "not":
            self.assume(node.args[0], not answer)
        elif node.op in ("and", "or") and answer is (node.op == "and"):
            for arg in node.args:
                self.assume(arg, answer)
        elif node.op in _HOLDS:
            a, b, true = _sides(node)
            left = self._relations(node) & (true if answer else _ANY & ~true)
            self._left[a.id, b.id] = left
            if b.is_constant:
                self._bounds.setdefault(a.id, []).append((b.value, left))

    def _relations(self, node: Node) -> int:
        """Return the relations that are left between the sides of a comparison."""
        a, b, _ = _sides(node)
        left = self._left.get((a.id, b.id), _ANY)
        for bound, known in self._bounds.get(a.id, ()) if b.is_constant else ():
            if not known & _UNORDERED:
                left &= ~_UNORDERED
            if bound < b.value and known & ~(_LESS | _EQUAL) == 0:
                left &= _LESS
            if bound > b.value and known & ~(_GREATER | _EQUAL) == 0:
                left &= _GREATER
        return left


@dataclass
class _Path:
    """One run of a function: the questions it asks and their answers, the first ones prescribed."""

    before: int
    questions: list[Node] = field(default_factory=list)
    answers: list[bool] = field(default_factory=list)
    asked: int = 0
    facts: Facts = field(default_factory=Facts)

    def ask(self, node: Node) -> bool:
        """Return the answer to a condition on this path."""
        known = self.facts.truth(node)
        if known is not None:
            return known
        if self.asked == len(self.questions):
            if self.before + sum(self.answers) + 2 > PATHS:  # this path, and one for each answer that is to be turned
                raise decision(PATHS)
            self.questions.append(node)
            self.answers.append(True)
        elif self.questions[self.asked] is not node:
            raise forgetful()
        answer = self.answers[self.asked]
        self.asked += 1
        self.facts.assume(node, answer)
        return answer

    def next(self) -> _Path | None:
        """Return the path that turns the last answer that was true, None after the last path."""
        if self.asked < len(self.questions):
            raise forgetful()
        turned = len(self.answers)
        while turned and not self.answers[turned - 1]:
            turned -= 1
        if turned == 0:
            return None
        return _Path(self.before + 1, self.questions[:turned], [*self.answers[: turned - 1], False])


class _State(threading.local):
    path: _Path | None = None


_STATE = _State()


def ask(node: Node) -> bool:
    """Return the truth of a condition on the path that this thread follows."""
    if _STATE.path is None:
        raise decision(0)
    return _STATE.path.ask(node.graph.truth(node))


@dataclass(frozen=True)
class Followed:
    """The results of all paths, joined, and the number of the path that a point takes (None if there is only one)."""

    outputs: list[Node]
    route: Node | None


_Leaf = tuple[_Path, "list[Node] | None"]


def follow(run: Callable[[], Sequence[Node]]) -> Followed:
    """Run a function once for each path through it, and join what the paths return.

    Parameters
    ----------
    run : callable
        Calls the function anew and returns the nodes of its results.

    Notes
    -----
    A path that ends in a ``raise`` or ``assert`` of the user's, or in an index beyond an array, returns NaN.
    """
    before, leaves = _STATE.path, list[_Leaf]()
    path: _Path | None = _Path(0)
    failed: Exception | None = None
    try:
        while path is not None:
            _STATE.path = path
            try:
                leaves.append((path, list(run())))
            except Exception as error:
                if not path.asked or not is_of_a_point(error):
                    raise
                leaves.append((path, None))
                failed = failed or error
            path = path.next()
    finally:
        _STATE.path = before
    sample = next((outputs for _, outputs in leaves if outputs is not None), None)
    if sample is None:
        assert failed is not None
        raise failed
    graph = sample[0].graph
    nothing = [graph.constant(float("nan"))] * len(sample)
    results = [(path, nothing if outputs is None else outputs) for path, outputs in leaves]
    numbered = [(path, [graph.constant(float(i))]) for i, (path, _) in enumerate(leaves)]
    return Followed(_joined(results, 0), _joined(numbered, 0)[0] if len(leaves) > 1 else None)


def _joined(leaves: Sequence[tuple[_Path, list[Node]]], depth: int) -> list[Node]:
    """Select between the paths whose answers agree up to ``depth``."""
    if len(leaves) == 1:
        return leaves[0][1]
    question = leaves[0][0].questions[depth]
    yes, no = ([leaf for leaf in leaves if leaf[0].answers[depth] is answer] for answer in (True, False))
    graph = question.graph
    pairs = zip(_joined(yes, depth + 1), _joined(no, depth + 1), strict=True)
    return [graph.make("where", question, a, b) for a, b in pairs]


def is_of_a_point(error: Exception) -> bool:
    """Whether a function that decides by x may raise an exception at some points and be fine at others."""
    if isinstance(error, Escape):
        return False
    if isinstance(error, IndexError):
        return "out of" in str(error)  # and not: an array of this kind is no index
    return isinstance(error, (ArithmeticError, LinAlgError)) or _raised_by_user(error.__traceback__)


def _raised_by_user(traceback: TracebackType | None) -> bool:
    """Whether an exception comes from a ``raise`` or ``assert`` in the user's code."""
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None or not is_users_frame(traceback.tb_frame):
        return False
    return opname[traceback.tb_frame.f_code.co_code[traceback.tb_lasti]] == "RAISE_VARARGS"
