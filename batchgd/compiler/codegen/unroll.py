"""Write out the loops of a block tick over a rule's own constants; those over coordinates and lanes stay loops.

First slots must be constants: if LLVM cannot see how far apart two vectors are, it checks for an overlap before
every pass, at half the speed. Loops over coordinates are better left rolled (``kernels/inline``): unrolled, the
passes of a rule with history are tens of thousands of instructions in one piece, which compiled for most of a minute.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping


def with_constants_written_out(text: str, constants: Mapping[str, int]) -> str:
    """Return the text of functions with every loop over one of the constants replaced by its iterations.

    >>> print(with_constants_written_out("def f(ws):\\n    for k in range(M):\\n        g(ws, 3 + k * D)", {"m": 2}))
    def f(ws):
        k = 0
        g(ws, 3 + k * D)
        k = 1
        g(ws, 3 + k * D)
    """
    counts = {f"range({name.upper()})": value for name, value in constants.items()}
    written = any(loop in text for loop in counts)
    return ast.unparse(_Loops(counts).visit(ast.parse(text))) if written else text


class _Loops(ast.NodeTransformer):
    def __init__(self, counts: Mapping[str, int]):
        self.counts = counts

    def visit_For(self, node: ast.For) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        count = self.counts.get(ast.unparse(node.iter))
        if count is None:
            return node
        first = [ast.parse(f"{ast.unparse(node.target)} = {k}").body[0] for k in range(count)]
        return [statement for turn in first for statement in (turn, *node.body)]
