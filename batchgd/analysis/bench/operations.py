"""Count the operations of one generated tick from its text: objective, rule, stopping tests and selections together."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Mapping

ADDS = "adds"
MULTIPLIES = "multiplies"
DIVIDES = "divides"
_OPERATORS = {ast.Add: ADDS, ast.Sub: ADDS, ast.BitAnd: ADDS, ast.BitOr: ADDS, ast.Mult: MULTIPLIES, ast.Div: DIVIDES}
_CHEAP = {"absolute", "minimum", "maximum", "where", "sign", "floor", "isfinite", "copysign"}
INSTRUCTIONS = {
    "float64": {"divides": 12, "sqrt": 12, "exp": 28, "log": 43, "sin": 23, "cos": 35, "sincos": 41, "cbrt": 55},
    "float32": {"divides": 7, "sqrt": 7, "exp": 8, "log": 24, "sin": 18, "cos": 23, "sincos": 29, "cbrt": 44},
}
"""What a CUDA thread executes for a slower operation on sm_90, without its slow path, moves and loads."""
_NO_OPERATION = {"int", "real", "carray", "align_stack"}


def tick_operations(source: str) -> dict[str, int]:
    """Return how often one lane of ``tick`` does each kind of operation, functions of the module written out.

    A module whose ``tick`` repeats itself contains ``tick_once``, which is counted instead.

    Keys are ``adds`` (with subtractions, comparisons, selections, minima and maxima), ``multiplies``, ``divides``, and
    the name of each elementary function called, ``sqrt`` among them. Operations that the compiler merges are still
    counted, and those in a loop over a number that the module names as often as it runs; a loop over the lanes counts
    once.

    >>> text = "def half(x):\\n    return 0.5 * x\\ndef tick(ws):\\n    y = half(ws[3 * 64]) + exp(ws[0])"
    >>> tick_operations(text) == {"adds": 1, "multiplies": 1, "exp": 1}
    True
    >>> loops = "for i in range(1, D):\\n  for lane in range(W):\\n   y = y * y"
    >>> tick_operations(f"D = 5\\ndef tick(ws):\\n {loops}")
    {'multiplies': 4}
    """
    tree = ast.parse(source)
    constants = _integers(tree)
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    known: dict[str, Counter[str]] = {}

    def of_function(name: str) -> Counter[str]:
        if name not in known:
            known[name] = of_nodes(functions[name].body)
        return known[name]

    def of_nodes(nodes: list[ast.stmt]) -> Counter[str]:
        total: Counter[str] = Counter()
        for node in nodes:
            inner = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)]
            iterations = _iterations(node.iter, constants) if isinstance(node, ast.For) else 1
            total.update({name: iterations * count for name, count in of_nodes(inner).items()})
            for part in [] if isinstance(node, ast.For) else _reals(node):
                total += of_call(part) if isinstance(part, ast.Call) else Counter({_kind(part): 1})
        total.pop("", None)
        return total

    def of_call(call: ast.Call) -> Counter[str]:
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        if name in functions:
            return of_function(name)
        return Counter({ADDS if name in _CHEAP else "" if name in _NO_OPERATION else name: 1})

    return dict(of_function("tick_once" if "tick_once" in functions else "tick"))


def split(operations: Mapping[str, int]) -> tuple[int, dict[str, int]]:
    """Split the counts into additions and multiplications together, and everything slower by its name."""
    slow = {name: count for name, count in operations.items() if name not in (ADDS, MULTIPLIES)}
    return sum(operations.values()) - sum(slow.values()), slow


def necessary(operations: Mapping[str, int], dtype: str) -> int | None:
    """Return the instructions that a CUDA thread needs for them at least, unless it fuses; None if one is not known.

    >>> necessary({"adds": 3, "multiplies": 2, "divides": 1}, "float64"), necessary({"gamma": 1}, "float64")
    (17, None)
    """
    few, slow = split(operations)
    known = INSTRUCTIONS[dtype]
    return few + sum(count * known[name] for name, count in slow.items()) if set(slow) <= set(known) else None


def _reals(node: ast.AST) -> list[ast.AST]:
    """The operators and calls below a node, without inner statements and those that only compute an array index."""
    found: list[ast.AST] = []
    if isinstance(node, ast.BinOp | ast.UnaryOp | ast.Compare | ast.Call):
        found.append(node)
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.Subscript | ast.stmt):
            found += _reals(child)
    return found


def _integers(tree: ast.Module) -> dict[str, int]:
    """The whole numbers that a module names."""
    return {
        node.targets[0].id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        if isinstance(node.targets[0], ast.Name)
        if isinstance(node.value, ast.Constant) and type(node.value.value) is int
    }


def _iterations(iterated: ast.expr, constants: Mapping[str, int]) -> int:
    """How often a loop runs; 1 if that is not known, and for a loop over the lanes, of which one is counted."""
    named = {node.id for node in ast.walk(iterated) if isinstance(node, ast.Name)} - {"range"}
    if "W" in named or not named <= set(constants):
        return 1
    return len(eval(compile(ast.Expression(iterated), "<loop>", "eval"), {"range": range}, dict(constants)))


def _kind(node: ast.AST) -> str:
    if isinstance(node, ast.BinOp):
        return _OPERATORS.get(type(node.op), "")
    if isinstance(node, ast.UnaryOp):
        return "" if isinstance(node.operand, ast.Constant) else ADDS
    return ADDS
