"""Numbers and arrays in tuples, lists and dicts: taken apart, put together again, and compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from batchgd.compiler.trace.row_array import shape_of


def leaves(tree: Any) -> list[Any]:
    """Return what is not a tuple, a list, a dict or None, in order.

    >>> leaves({"a": 1.0, "b": (2.0, None, [3.0])})
    [1.0, 2.0, 3.0]
    """
    found: list[Any] = []
    replaced(tree, found.append)
    return found


def replaced(tree: Any, new: Callable[[Any], Any]) -> Any:
    """Return the same tree with other leaves."""
    if tree is None:
        return None
    if isinstance(tree, dict):
        return {key: replaced(each, new) for key, each in tree.items()}
    if isinstance(tree, (tuple, list)):
        parts = [replaced(each, new) for each in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    return new(tree)


def refilled(tree: Any, values: Iterator[Any]) -> Any:
    """Return the same tree with these leaves."""
    return replaced(tree, lambda _: next(values))


def form(tree: Any) -> str:
    """Describe a tree with the shapes of its leaves.

    >>> form((1.0, [2.0, None]))
    '(number, [number, None])'
    """
    if tree is None:
        return "None"
    if isinstance(tree, dict):
        return f"{{{', '.join(f'{key!r}: {form(each)}' for key, each in tree.items())}}}"
    if isinstance(tree, (tuple, list)):
        inner = ", ".join(map(form, tree))
        if isinstance(tree, list):
            return f"[{inner}]"
        return f"({inner},)" if len(tree) == 1 else f"({inner})"
    shape = shape_of(tree)
    return f"array of shape {shape}" if shape else "number"
