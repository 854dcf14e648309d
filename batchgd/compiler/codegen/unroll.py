"""Write out the loops of a block tick over a rule's own constants; those over coordinates and lanes stay loops.

First slots must be constants: where LLVM cannot tell how far apart two vectors lie, it checks for an overlap before
every pass, at half the speed. Loops over coordinates are better left rolled (``kernels/inline``): unrolled, the
passes of a rule with history are tens of thousands of instructions in one piece, which compiled for most of a minute.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping


def with_constants_written_out(text: str, constants: Mapping[str, int]) -> str:
    """Return the text of functions with a turn after the other in the place of every loop over one of the constants.

    >>> print(with_constants_written_out("def f(ws):\\n    for k in range(M):\\n        g(ws, 3 + k * D)", {"m": 2}))
    def f(ws):
        k = 0
        g(ws, 3 + k * D)
        k = 1
        g(ws, 3 + k * D)
    """
    turns = {f"range({name.upper()})": value for name, value in constants.items()}
    written = any(loop in text for loop in turns)
    return ast.unparse(_Loops(turns).visit(ast.parse(text))) if written else text


class _Loops(ast.NodeTransformer):
    def __init__(self, turns: Mapping[str, int]):
        self.turns = turns

    def visit_For(self, node: ast.For) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        turns = self.turns.get(ast.unparse(node.iter))
        if turns is None:
            return node
        first = [ast.parse(f"{ast.unparse(node.target)} = {turn}").body[0] for turn in range(turns)]
        return [statement for turn in first for statement in (turn, *node.body)]
