"""Source text of plain functions, with every float constant typed.

In float32 code one untyped constant promotes what it touches to float64, at a third of the speed; so a constant
becomes a module-level name that is bound to ``real(value)``.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterable
from functools import cache
from types import ModuleType

from batchgd.kernels.rule_parts.stages import of_a_rule


class Constants:
    """The typed constants of one generated module."""

    def __init__(self, dtype: str):
        self.dtype = dtype
        self._names: dict[str, str] = {}

    def __call__(self, value: float) -> str:
        """Return the text that stands for ``value``: a literal in float64, else the name of a typed constant."""
        text = repr(float(value))
        if self.dtype == "float64" and text not in ("inf", "-inf", "nan"):
            return text
        return self._names.setdefault(text, f"c{len(self._names)}")

    def lines(self) -> list[str]:
        """One assignment per constant."""
        return [f'{name} = np.{self.dtype}("{text}")' for text, name in self._names.items()]


class _Typing(ast.NodeTransformer):
    def __init__(self, constant: Callable[[float], str]):
        self.constant = constant

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        """Replace a float."""
        if isinstance(node.value, float):
            return ast.parse(self.constant(node.value), mode="eval").body
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """Drop the docstring and the annotations, which would not resolve in the generated module."""
        if ast.get_docstring(node) is not None:
            node.body = node.body[1:]
        node.returns = None
        for argument in node.args.args:
            argument.annotation = None
        self.generic_visit(node)
        return node


class _Prefixing(ast.NodeTransformer):
    """Puts a prefix before some names, where they are defined and where they are used."""

    def __init__(self, prefix: str, names: set[str]):
        self.prefix, self.names = prefix, names

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """Rename a function."""
        node.name = self.prefix + node.name if node.name in self.names else node.name
        self.generic_visit(node)
        return node

    def visit_Call(self, node: ast.Call) -> ast.Call:
        """Rename a function where it is called; an argument of the same name stays."""
        if isinstance(node.func, ast.Name) and node.func.id in self.names:
            node.func.id = self.prefix + node.func.id
        self.generic_visit(node)
        return node


def functions_of(module: ModuleType, constant: Callable[[float], str], decorator: str | None, prefix: str = "") -> str:
    """Return the source of every function of a module, typed and decorated, with a prefix to their names.

    Functions that it takes over from other rules count as its own; the elementary ones are imported by the text.
    """
    functions = own_functions(module)
    renaming = _Prefixing(prefix, set(functions))
    return "\n\n\n".join(function_source(value, constant, decorator, renaming) for value in functions.values())


def own_functions(module: ModuleType) -> dict[str, Callable]:
    """Return the functions that a module defines or takes over, without the elementary ones."""
    return {name: value for name, value in vars(module).items() if of_a_rule(value)}


def function_source(
    function: Callable,
    constant: Callable[[float], str],
    decorator: str | None,
    renaming: ast.NodeTransformer | None = None,
) -> str:
    """Return the source of one function, typed and decorated."""
    tree: ast.AST = ast.parse(source_of(function))
    tree = _Typing(constant).visit(tree if renaming is None else renaming.visit(tree))
    return decorated(ast.unparse(ast.fix_missing_locations(tree)), decorator)


def copied(functions: Iterable[Callable], decorator: str | None) -> list[str]:
    """Return the source of functions of the loop, whose constants need no type."""
    return [_copied(function, decorator) for function in functions]


@cache
def _copied(function: Callable, decorator: str | None) -> str:
    return function_source(function, Constants("float64"), decorator)


def decorated(text: str, decorator: str | None) -> str:
    """Put a decorator before the source of a function."""
    return f"@{decorator}\n{text}" if decorator else text


@cache
def source_of(function: Callable) -> str:
    """Return the source of a function as it was when it was first asked for, in the first column."""
    return textwrap.dedent(inspect.getsource(function))
