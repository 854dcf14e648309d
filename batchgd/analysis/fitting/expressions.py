"""Formulas as text, read through a whitelist: names, numbers, arithmetic and listed functions, and nothing else."""

from __future__ import annotations

import ast
import keyword
import math
import operator
import re
import unicodedata
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from batchgd.problem.errors import InputError, did_you_mean, quoted

LONGEST = 2_000
"""Characters of an expression."""

MOST_NODES = 1_000
DEEPEST = 60
LARGEST_EXPONENT = 1_000.0
LARGEST = 1e300

_NAMES = (
    *("abs", "exp", "expm1", "log", "log10", "log1p", "log2", "sqrt", "sign", "sin", "cos", "tan", "sinh", "cosh"),
    *("tanh", "arcsin", "arccos", "arctan", "arctan2", "minimum", "maximum", "hypot"),
)
_SHORT = {"asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "atan2": np.arctan2}


def _special(name: str) -> Callable[..., Any]:
    def function(*values: Any) -> Any:
        return getattr(import_module("scipy.special"), name)(*values)

    return function


_SPECIAL = ("erf", "erfc", "expit", "gammaln", "j0", "j1", "voigt_profile")
FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(np, name) for name in _NAMES},
    **_SHORT,
    **{name: _special(name) for name in _SPECIAL},
}
_ARGUMENTS = {**dict.fromkeys(("arctan2", "atan2", "minimum", "maximum", "hypot"), 2), "voigt_profile": 3}
CONSTANTS = {"pi": math.pi, "e": math.e}

_BINARY: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_UNARY: dict[type, Callable[[Any], Any]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}


@dataclass(frozen=True)
class Expression:
    """A checked formula; call it with the values of its names.

    >>> double = Expression.parse("2*a + exp(-k)")
    >>> sorted(double.names), float(double({"a": 1.0, "k": 0.0}))
    (['a', 'k'], 3.0)
    >>> Expression.parse("a.b")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    batchgd.problem.errors.InputError: the expression 'a.b' contains an attribute: use names, numbers, + - * / ** ...
    """

    text: str
    tree: ast.expr
    names: frozenset[str]

    @classmethod
    def parse(cls, text: Any, what: str = "the expression") -> Expression:
        """Read a formula, or raise InputError if it is not one or is too large."""
        place = f"{what} {quoted(text)}"
        if not isinstance(text, str) or not text.strip():
            raise InputError(f"{what} is {quoted(text)}: give text such as '2*a + 1'")
        if len(text) > LONGEST:
            raise InputError(f"{place} has {len(text):,} characters: give at most {LONGEST:,}, or a Python function")
        text = normal(text.strip())
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of a backslash in a text, which is refused below
                tree = ast.parse(text, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise InputError(f"{place} is not a formula ({_reason(error)}): {_remedy(text)}") from None
        if "#" in text:
            raise InputError(f"{place} contains a comment: leave out what follows '#'")
        names: set[str] = set()
        _check(tree, place, names, [0], 0)
        return cls(text, tree, frozenset(names))

    def __call__(self, values: Mapping[str, Any]) -> Any:
        """Return the value; numbers, arrays and traced numbers alike."""
        return _value(self.tree, values)


def normal(name: str) -> str:
    """Return a name as Python reads it: characters that look the same, such as the two signs for micro, are one.

    >>> normal("\u00b5") == "\u03bc"
    True
    """
    return unicodedata.normalize("NFKC", name)


def _reason(error: BaseException) -> str:
    return getattr(error, "msg", None) or type(error).__name__


def _remedy(text: str) -> str:
    """Return what to write instead of text that Python cannot parse."""
    words = [word for word in re.findall(r"[^\W\d]\w*", text) if keyword.iskeyword(word)]
    if words:
        return f"{words[0]!r} has a meaning in Python, so choose another name"
    factor = re.search(r"(?<![\w.])(\d+\.?\d*)\s*([^\W\d]\w*|\()", text)
    if factor:
        return f"write {factor[1]}*{factor[2]}"
    return "write its right-hand side alone" if "=" in text else "write it as in '2*a + exp(-k)'"


def _check(node: ast.AST, place: str, names: set[str], count: list[int], depth: int) -> None:
    """Refuse whatever is not on the list, and collect the names; parts without names must be finite numbers."""
    outer, names = names, set()
    count[0] += 1
    if count[0] > MOST_NODES or depth > DEEPEST:
        raise InputError(f"{place} is too large: write a Python function")

    def inner(*nodes: ast.AST) -> None:
        for each in nodes:
            _check(each, place, names, count, depth + 1)

    if isinstance(node, ast.Constant):
        if not _is_number(node.value):
            raise InputError(f"{place} contains {quoted(node.value)}: use real numbers up to {LARGEST:g}")
    elif isinstance(node, ast.Name):
        if node.id in FUNCTIONS:
            raise InputError(f"{place} contains the function {node.id!r} without arguments: write {node.id}(...)")
        if node.id not in CONSTANTS:
            names.add(node.id)
    elif isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        inner(node.right)
        if isinstance(node.op, ast.Pow):
            _check_exponent(node.right, place)
        inner(node.left)
    elif isinstance(node, ast.UnaryOp) and type(node.op) in _UNARY:
        inner(node.operand)
    elif isinstance(node, ast.Call):
        _check_call(node, place)
        inner(*node.args)
    else:
        remedy = "use names, numbers, + - * / ** and functions such as exp"
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitXor):
            remedy = "write ** for a power"
        raise InputError(f"{place} contains {_kind(node)}: {remedy}")
    if not names and not np.isfinite(_constant(node)):
        raise InputError(f"{place} contains a number that is not finite: change {quoted(ast.unparse(node))}")
    outer |= names


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) <= LARGEST


def _constant(node: ast.AST) -> float:
    """Return the value of a part without names; NaN if it has none."""
    assert isinstance(node, ast.expr)
    try:
        with np.errstate(all="ignore"):
            value = _value(node, {})
    except ArithmeticError:
        return float("nan")
    return float(value) if isinstance(value, int | float | np.floating) else float("nan")


def _check_exponent(node: ast.expr, place: str) -> None:
    if any(isinstance(each, ast.Name) and each.id not in CONSTANTS for each in ast.walk(node)):
        return
    exponent = _constant(node)
    if not abs(exponent) <= LARGEST_EXPONENT:
        raise InputError(f"{place} has the exponent {exponent:g}: use at most {LARGEST_EXPONENT:g}")


def _check_call(node: ast.Call, place: str) -> None:
    name = node.func.id if isinstance(node.func, ast.Name) else None
    if name not in FUNCTIONS:
        called = "something that is not a function's name" if name is None else f"the function {name!r}"
        last = node.func.attr if isinstance(node.func, ast.Attribute) else None
        near = f"write {last} alone" if last in FUNCTIONS else did_you_mean(name, FUNCTIONS)
        near = "did you mean 'log'?" if name == "ln" else near
        hint = near or f"write * for a product; known functions: {', '.join(FUNCTIONS)}"
        raise InputError(f"{place} calls {called}: {hint.strip()}")
    wanted = _ARGUMENTS.get(name, 1)
    if node.keywords or len(node.args) != wanted or any(isinstance(each, ast.Starred) for each in node.args):
        raise InputError(f"{place} calls {name} with other than {wanted} argument{'s' * (wanted > 1)}: give {wanted}")


_KINDS: dict[type, str] = {
    ast.Attribute: "an attribute",
    ast.Subscript: "an index",
    ast.Compare: "a comparison",
    ast.Lambda: "a lambda",
    ast.IfExp: "an if",
    ast.NamedExpr: "an assignment",
    ast.JoinedStr: "text",
    ast.BitXor: "the operator ^",
    ast.Mod: "the operator %",
    ast.FloorDiv: "the operator //",
    ast.MatMult: "the operator @",
    ast.Tuple: "a comma",
    ast.Await: "an await",
}


def _kind(node: ast.AST) -> str:
    kind = type(getattr(node, "op", node))
    return _KINDS.get(kind, f"a {kind.__name__}")


def _value(node: ast.expr, values: Mapping[str, Any]) -> Any:
    if isinstance(node, ast.Constant):
        assert isinstance(node.value, int | float)
        return float(node.value)
    if isinstance(node, ast.Name):
        return values[node.id] if node.id in values else CONSTANTS[node.id]
    if isinstance(node, ast.BinOp):
        if isinstance(node.op, ast.Pow) and isinstance(node.right, ast.Constant) and isinstance(node.right.value, int):
            return _value(node.left, values) ** node.right.value
        return _BINARY[type(node.op)](_value(node.left, values), _value(node.right, values))
    if isinstance(node, ast.UnaryOp):
        return _UNARY[type(node.op)](_value(node.operand, values))
    assert isinstance(node, ast.Call)
    assert isinstance(node.func, ast.Name)
    return FUNCTIONS[node.func.id](*(_value(each, values) for each in node.args))
