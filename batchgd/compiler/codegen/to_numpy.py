"""From the text of compiled code over a lane block to NumPy code on rows: lane loops go, and a slot becomes a row."""

from __future__ import annotations

import ast


def as_rows(text: str) -> str:
    """Return the text with every loop over lanes taken out, and ``ws[slot * W + lane]`` written ``ws[slot]``.

    >>> print(as_rows("for lane in range(W):\\n    a = ws[3 * W + lane]\\n    ws[4 * W + lane] = a * a"))
    a = ws[3].copy()
    ws[4] = a * a
    """
    return ast.unparse(ast.fix_missing_locations(_Rows().visit(ast.parse(text))))


class _Rows(ast.NodeTransformer):
    def visit_For(self, node: ast.For) -> ast.AST | list[ast.stmt]:
        """Take out a loop over lanes."""
        self.generic_visit(node)
        return node.body if isinstance(node.target, ast.Name) and node.target.id == "lane" else node

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        """Turn an element of a slot into its row."""
        self.generic_visit(node)
        if ast.unparse(node) == "index[lane]":
            return node.value
        if _is_slot(node):
            assert isinstance(node.slice, ast.BinOp)
            assert isinstance(node.slice.left, ast.BinOp)
            node.slice = node.slice.left.left
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        """Copy a row that gets a name: the slot may change before the name is used."""
        named = isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Subscript) and _is_slot(node.value)
        self.generic_visit(node)
        if named:
            node.value = ast.Call(ast.Attribute(node.value, "copy", ast.Load()), [], [])
        return node


def _is_slot(node: ast.Subscript) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id == "ws" and ast.unparse(node.slice).endswith("* W + lane")
