"""Write calls of functions out where they stand: what is called in one place need not be compiled on its own.

Numba makes machine code of everything that it compiles, also of what is only ever inlined: for the two-loop recursion
of L-BFGS that was three of the seven seconds of its tick, for a traced objective a fifth of the time until it is ready.
What is called in several places stays a function, for a longer text costs more than it saves.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Mapping


def written_out(text: str, functions: Mapping[str, str]) -> tuple[str, set[str]]:
    """Return the text of a function with others, given by name and text, written out in it, and which it still calls.

    They are called as statements, or for all that is assigned in one; they return nothing, or something in their last
    line; arguments have no effects. Their names get their own name in front where the function has such names, too.
    Those that are called more than once, by the function and all others together, stay functions, and so do those that
    they call.

    >>> double = "def double(ws, a):\\n    for i in range(2):\\n        ws[a + i] *= 2"
    >>> print(written_out("def f(ws, i):\\n    double(ws, i)", {"double": double})[0])
    def f(ws, i):
        for double_i in range(2):
            ws[i + double_i] *= 2
    >>> print(written_out("def f(x):\\n    y = g(x + 1)", {"g": "def g(a):\\n    b = a * a\\n    return b + a"})[0])
    def f(x):
        a = x + 1
        b = a * a
        y = b + a
    """
    tree: ast.AST = ast.parse(text)
    bodies = {name: ast.parse(function).body[0] for name, function in functions.items()}
    calls = Counter(name for each in [tree, *bodies.values()] for name in _called(each))
    once = {name: body for name, body in bodies.items() if calls[name] == 1}
    # A number of the function may have the name of what the others call, as FIRE's power and x ** 2.5 do.
    asked = {name for body in once.values() for name in _names(body) - _parameters(body) - _assigned(body)}
    tree = _Renaming({name: ast.Name(f"{name}_") for name in asked & _assigned(tree)}).visit(tree)
    tree = ast.fix_missing_locations(_Writing(once, _names(tree) | asked).visit(tree))
    waiting, apart = [tree], set[str]()
    while waiting:
        found = {name for name in _called(waiting.pop()) if name in bodies} - apart
        apart |= found
        waiting += [bodies[name] for name in found]
    return ast.unparse(tree), apart


def _called(tree: ast.AST) -> list[str]:
    """The name of every function that is called, as often as it is."""
    nodes = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [node.id for node in nodes if isinstance(node, ast.Name)]


def _names(tree: ast.AST) -> set[str]:
    """The name of everything that is mentioned or asked for."""
    return _parameters(tree) | {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _parameters(tree: ast.AST) -> set[str]:
    return {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}


def _assigned(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


class _Writing(ast.NodeTransformer):
    def __init__(self, functions: Mapping[str, ast.stmt], taken: set[str]):
        self.functions, self.taken = functions, taken

    def visit_Expr(self, node: ast.Expr) -> ast.AST | list[ast.stmt]:
        """Replace a statement that is a call."""
        return self._written(node, node.value)

    def visit_Assign(self, node: ast.Assign) -> ast.AST | list[ast.stmt]:
        """Replace an assignment of what a call returns."""
        return self._written(node, node.value)

    def _written(self, node: ast.Expr | ast.Assign, call: ast.expr) -> ast.AST | list[ast.stmt]:
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in self.functions):
            return node
        function = self.functions[call.func.id]
        assert isinstance(function, ast.FunctionDef)
        made = _assigned(function)
        local = sorted(made - _parameters(function))
        names: dict[str, ast.expr] = {name: self._free(name, function.name) for name in local}
        first: list[ast.stmt] = []
        for parameter, value in zip(function.args.args, call.args, strict=True):
            names[parameter.arg] = value
            if parameter.arg in made or not isinstance(value, ast.Name | ast.Constant):
                names[parameter.arg] = name = self._free(parameter.arg, function.name)
                first.append(ast.Assign([name], value))
        body = _Renaming(names).visit(function).body
        if isinstance(node, ast.Assign):
            last = body[-1]
            assert isinstance(last, ast.Return)
            assert last.value is not None
            body[-1] = ast.Assign(node.targets, last.value)
        return [*first, *(line for statement in body for line in self._lines(statement))]

    def _lines(self, statement: ast.stmt) -> list[ast.stmt]:
        visited = self.visit(statement)
        return visited if isinstance(visited, list) else [visited]

    def _free(self, name: str, function: str) -> ast.Name:
        """The name itself, or one that is not taken yet."""
        free = f"{function}_{name}" if name in self.taken else name
        self.taken.add(free)
        return ast.Name(free)


class _Renaming(ast.NodeTransformer):
    def __init__(self, names: Mapping[str, ast.expr]):
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """Put what a name stands for in its place."""
        return self.names.get(node.id, node)
