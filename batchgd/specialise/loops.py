"""Choose which loops of a block tick are unrolled: those over a rule's own constants, not those over coordinates.

The first are written out; the others get a bound that is read from the workspace, which LLVM cannot know. Unrolled,
the passes of a rule with history are tens of thousands of instructions in one piece, which compiled for most of a
minute. First slots must stay constants, though: where LLVM cannot tell how far apart two vectors lie, it checks for an
overlap before every pass, at half the speed. The loops over lanes, which are what is vectorised, keep their constant
bounds.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

_BOUND = "d = ws.shape[0] // W - SLOTS"  # behind the slots there is room for D more (see ``launch_cpu``)


def with_loops_chosen(text: str, constants: Mapping[str, int], *, keep: bool = True) -> str:
    """Return the text of functions of the workspace with loops over D kept, and those over a constant written out.

    Without ``keep``, loops over D stay as they are: whether they are unrolled is left to the compiler.

    >>> print(with_loops_chosen("def f(ws):\\n    for k in range(M):\\n        g(ws, 3 + k * D)", {"M": 2}))
    def f(ws):
        k = 0
        g(ws, 3 + k * D)
        k = 1
        g(ws, 3 + k * D)
    >>> print(with_loops_chosen("def f(ws):\\n    for i in range(D):\\n        g(ws, 3 * D)", {}))
    def f(ws):
        d = ws.shape[0] // W - SLOTS
        for i in range(d):
            g(ws, 3 * D)
    """
    tree = ast.parse(text)
    for function in tree.body:
        if isinstance(function, ast.FunctionDef) and any(argument.arg == "ws" for argument in function.args.args):
            loops = _Loops(constants, keep=keep)
            loops.visit(function)
            if loops.bounded:
                function.body.insert(0, ast.parse(_BOUND).body[0])
    return ast.unparse(ast.fix_missing_locations(tree))


class _Loops(ast.NodeTransformer):
    def __init__(self, constants: Mapping[str, int], *, keep: bool):
        self.constants, self.keep, self.bounded = constants, keep, False

    def visit_For(self, node: ast.For) -> ast.AST | list[ast.stmt]:
        """Write a loop over a constant out, or take D out of the bounds of another one."""
        self.generic_visit(node)
        bounds = ast.unparse(node.iter)
        for name, value in self.constants.items():
            if bounds == f"range({name.upper()})":
                turns = [[ast.parse(f"{ast.unparse(node.target)} = {k}").body[0], *node.body] for k in range(value)]
                return [statement for turn in turns for statement in turn]
        for part in ast.walk(node.iter):
            if self.keep and isinstance(part, ast.Name) and part.id == "D":
                part.id, self.bounded = "d", True
        return node
