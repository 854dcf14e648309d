"""Count the operations of one generated tick from its text: objective, rule, stopping tests and selections together."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Mapping

ADDS = "adds"
MULTIPLIES = "multiplies"
DIVIDES = "divides"
_OPERATORS = {ast.Add: ADDS, ast.Sub: ADDS, ast.BitAnd: ADDS, ast.BitOr: ADDS, ast.Mult: MULTIPLIES, ast.Div: DIVIDES}
_CHEAP = {"absolute", "minimum", "maximum", "where", "sign", "floor", "isfinite"}
_CONVERSIONS = {"int", "real"}


def tick_operations(source: str) -> dict[str, int]:
    """Return how often one lane of ``tick`` does each kind of operation, functions of the module written out.

    A module whose ``tick`` repeats itself holds ``tick_once``, and that is what is counted.

    Keys are ``adds`` (with subtractions, comparisons, selections, minima and maxima), ``multiplies``, ``divides``, and
    the name of each elementary function called, ``sqrt`` among them. What the compiler merges is still counted.

    >>> text = "def half(x):\\n    return 0.5 * x\\ndef tick(ws):\\n    y = half(ws[3 * 64]) + exp(ws[0])"
    >>> tick_operations(text) == {"adds": 1, "multiplies": 1, "exp": 1}
    True
    """
    tree = ast.parse(source)
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    known: dict[str, Counter[str]] = {}

    def of_function(name: str) -> Counter[str]:
        if name not in known:
            known[name] = of_nodes(functions[name].body)
        return known[name]

    def of_nodes(nodes: list[ast.stmt]) -> Counter[str]:
        total: Counter[str] = Counter()
        for node in nodes:
            for part in _reals(node):
                total += of_call(part) if isinstance(part, ast.Call) else Counter({_kind(part): 1})
        total.pop("", None)
        return total

    def of_call(call: ast.Call) -> Counter[str]:
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        if name in functions:
            return of_function(name)
        return Counter({ADDS if name in _CHEAP else "" if name in _CONVERSIONS else name: 1})

    return dict(of_function("tick_once" if "tick_once" in functions else "tick"))


def split(operations: Mapping[str, int]) -> tuple[int, dict[str, int]]:
    """Part the counts into additions and multiplications together, and everything slower by its name."""
    slow = {name: count for name, count in operations.items() if name not in (ADDS, MULTIPLIES)}
    return sum(operations.values()) - sum(slow.values()), slow


def _reals(node: ast.AST) -> list[ast.AST]:
    """The operators and calls below a node, without those that only compute where in an array something stands."""
    found: list[ast.AST] = []
    if isinstance(node, ast.For):
        return [part for statement in node.body for part in _reals(statement)]
    if isinstance(node, ast.BinOp | ast.UnaryOp | ast.Compare | ast.Call):
        found.append(node)
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.Subscript):
            found += _reals(child)
    return found


def _kind(node: ast.AST) -> str:
    if isinstance(node, ast.BinOp):
        return _OPERATORS.get(type(node.op), "")
    if isinstance(node, ast.UnaryOp):
        return "" if isinstance(node.operand, ast.Constant) else ADDS
    return ADDS
