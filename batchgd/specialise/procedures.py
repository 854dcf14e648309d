"""Write calls of procedures out where they stand: what a tick calls in one place need not be compiled on its own.

Numba makes machine code of everything that it compiles, also of what is only ever inlined: for the two-loop recursion
of L-BFGS that was three of the seven seconds of its tick. What is called in several places stays a function, for a
longer text costs more than it saves.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Mapping


def written_out(text: str, procedures: Mapping[str, str]) -> tuple[str, set[str]]:
    """Return the text of a function with procedures written out in it, and which procedures it still calls.

    A procedure is the text of a function that returns nothing; arguments have no effects. Its own names get its name in
    front. Those that are called more than once, by the function and all procedures together, stay functions, and so do
    those that they call.

    >>> double = "def double(ws, a):\\n    for i in range(2):\\n        ws[a + i] *= 2"
    >>> text, _ = written_out("def f(ws):\\n    double(ws, 3)", {"double": double})
    >>> print(text)
    def f(ws):
        for double_i in range(2):
            ws[3 + double_i] *= 2
    """
    tree: ast.AST = ast.parse(text)
    bodies = {name: ast.parse(procedure).body[0] for name, procedure in procedures.items()}
    calls = Counter(name for each in [tree, *bodies.values()] for name in _called(each))
    writing = _Writing({name: body for name, body in bodies.items() if calls[name] == 1})
    tree = ast.fix_missing_locations(writing.visit(tree))
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


class _Writing(ast.NodeTransformer):
    def __init__(self, procedures: Mapping[str, ast.stmt]):
        self.procedures = procedures

    def visit_Expr(self, node: ast.Expr) -> ast.AST | list[ast.stmt]:
        """Replace a statement that is a call of a procedure."""
        call = node.value
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in self.procedures):
            return node
        procedure = self.procedures[call.func.id]
        assert isinstance(procedure, ast.FunctionDef)
        given = {parameter.arg: value for parameter, value in zip(procedure.args.args, call.args, strict=True)}
        made = {n.id for n in ast.walk(procedure) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        names = given | {name: ast.Name(f"{call.func.id}_{name}") for name in made}
        return self.visit(_Renaming(names).visit(procedure)).body


class _Renaming(ast.NodeTransformer):
    def __init__(self, names: Mapping[str, ast.expr]):
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """Put what a name stands for in its place."""
        return self.names.get(node.id, node)
