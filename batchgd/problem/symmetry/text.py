"""Symmetries as text: what ``str`` of one prints, and shorter forms of it."""

from __future__ import annotations

import ast
import re
from typing import Any

from batchgd.problem.errors import InputError, quoted
from batchgd.problem.registry import find_name
from batchgd.problem.symmetry import parts
from batchgd.problem.symmetry.symmetry import Symmetry


def as_symmetry(given: Any) -> Symmetry | None:
    """Return the symmetry that a user gave: an object, or text such as ``"cluster"`` or ``"rotations(2) * signs(1)"``.

    None stays None; ``"none"`` is the symmetry without transformations.

    >>> as_symmetry("permutations * rotations(3, mirror=True) * translations") == as_symmetry("cluster")
    True
    >>> as_symmetry("rotation")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    batchgd.problem.errors.InputError: unknown symmetry 'rotation': did you mean 'rotations'? choose from cluster, ...
    """
    if given is None or isinstance(given, Symmetry):
        return given
    if not isinstance(given, str):
        raise InputError(
            f"symmetry is {quoted(given)}: give one of bgd.symmetry, such as bgd.symmetry.cluster(), or its name"
        )
    try:
        return _made(ast.parse(re.sub("(?<=[a-z])-(?=[a-z])", "_", given.strip()), mode="eval").body, given)
    except InputError:
        raise
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        raise InputError(f"symmetry is {quoted(given)}: write a product such as 'permutations(3) * signs(3)'") from None


def _made(node: ast.expr, whole: str) -> Symmetry:
    """The symmetry of an expression: names, calls of names with literal arguments, and products."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return _made(node.left, whole) * _made(node.right, whole)
    call = node if isinstance(node, ast.Call) else ast.Call(node, [], [])
    if not isinstance(call.func, ast.Name):
        raise ValueError(whole)
    if call.func.id == "none":
        return Symmetry(())
    make = getattr(parts, find_name("symmetry", call.func.id, parts.NAMES))
    words = {word.arg or "": ast.literal_eval(word.value) for word in call.keywords}
    made: Symmetry = make(*map(ast.literal_eval, call.args), **words)
    return made
