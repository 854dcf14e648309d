"""Update rules of other packages: what is copied into compiled code, and why a rule cannot be compiled."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from types import ModuleType
from typing import Any

from batchgd.problem.errors import InputError, told

_NAMES = ("VECTORS", "SCALARS", "PARTS", "ACCEPTED", "STAGES", "arrays")
_FUNCTIONS = ("decide", "advance", "update", "step_squared")
_BRANCHES = (ast.BoolOp, ast.IfExp, ast.Lambda, ast.Attribute, ast.Subscript, ast.keyword, ast.Starred)


def rule_module(name: str, rule: Any) -> ModuleType:
    """Return a rule as a module that contains what belongs to it and nothing else, or raise InputError."""
    from batchgd.kernels.rule_parts.stages import with_callees

    attributes = {key: getattr(rule, key) for key in _NAMES if hasattr(rule, key)}
    roots = [stage.function for stage in attributes.get("STAGES", ())]
    named = [key for key in getattr(rule, "__dict__", {}) if key in _FUNCTIONS or key.startswith("sum_")]
    roots += [getattr(rule, key) for key in named]
    if "STAGES" not in attributes and "update" not in named:
        raise InputError(f"the rule of {name} is {told(rule)}: give a module with a function update(x, g, ...)")
    for key, function in zip(named, roots, strict=False):
        if not inspect.isfunction(function) or function.__name__ != key:
            raise InputError(f"{key} of the rule {name} is {told(function)}: write it as def {key}(...)")
    functions = with_callees(*roots)
    for function in functions.values():
        if not str(function.__module__).startswith("batchgd.kernels."):
            _check(name, function, functions)
    module = ModuleType(f"rule_{name}", inspect.getdoc(rule))
    vars(module).update(functions | attributes)
    return module


def _check(rule: str, function: Callable[..., Any], functions: dict[str, Callable[..., Any]]) -> None:
    """Raise InputError for a function that cannot be copied into compiled code."""
    where = f"{function.__name__} of the rule {rule}"
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    except (OSError, TypeError, SyntaxError):
        raise InputError(f"the source of {where} cannot be read: define it in a file or in a notebook's cell") from None
    if not isinstance(tree, ast.FunctionDef) or tree.decorator_list:
        raise InputError(f"{where} is not a plain function: write it as def {function.__name__}(...)")
    if function.__code__.co_freevars:
        outer = ", ".join(function.__code__.co_freevars)
        raise InputError(f"{where} uses {outer} of a surrounding function: make it a hyperparameter")
    if tree.args.defaults or tree.args.vararg or tree.args.kwonlyargs or tree.args.kwarg:
        raise InputError(f"{where} takes ({ast.unparse(tree.args)}): give its arguments without defaults and *")
    if "ws" not in inspect.signature(function).parameters:
        _check_lines(where, tree)
    _check_names(where, function, functions)


def _check_lines(where: str, tree: ast.FunctionDef) -> None:
    """Raise InputError unless a function consists of assignments and one return."""
    *lines, last = tree.body[1:] if ast.get_docstring(tree) is not None else tree.body
    odd = [line for line in lines if not isinstance(line, ast.Assign | ast.AugAssign)]
    odd += [] if isinstance(last, ast.Return) else [last]
    if found := [*odd, *(node for line in tree.body for node in ast.walk(line) if isinstance(node, _BRANCHES))]:
        text = " ".join(ast.unparse(found[0]).split())
        raise InputError(
            f"{where} contains {told(text)}: write assignments and one return, where(condition, a, b) for a choice, "
            "& and | for and and or, and call functions of batchgd.kernels.vecmath by name"
        )


def _check_names(where: str, function: Callable[..., Any], functions: dict[str, Callable[..., Any]]) -> None:
    """Raise InputError for a global name that means nothing in compiled code."""
    from batchgd.kernels import vecmath

    for name in function.__code__.co_names:
        value = function.__globals__.get(name)
        if value is None or functions.get(name) is value or hasattr(vecmath, name):
            continue
        if isinstance(value, int | float):
            raise InputError(f"{where} uses {name} = {value}: write the number itself, or make it a hyperparameter")
        raise InputError(f"{where} uses {name}: call functions of batchgd.kernels.vecmath, or plain functions by name")
