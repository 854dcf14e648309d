"""Straight-line Python functions turned into LLVM instructions in the place where they are called.

Numba takes some 4 ms for every line that it compiles (bytecode, types, several passes over its own representation),
and makes machine code of every function, also of one that is only ever inlined. What a lane does is a list of
assignments: its types follow from those of the arguments in one pass. Every operation and call still means what Numba
says it means; only the way there is short.
"""

from __future__ import annotations

import ast
import inspect
import operator
import textwrap
from collections.abc import Callable
from functools import cache
from typing import Any

from numba import types
from numba.extending import intrinsic

_BINARY = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
}
_UNARY = {ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Invert: operator.invert, ast.Not: operator.not_}
_COMPARED = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_FUSED = ("fadd", "fsub", "fmul")


def straight(*, fused: bool) -> Callable[[Callable[..., Any]], Any]:
    """Return a decorator that has compiled code hold the operations of the function where it calls it.

    The function takes positional arguments, assigns to names, tuples of names, and items of arrays, and returns in its
    last line. Names that it does not assign are looked up where it was defined.

    Parameters
    ----------
    fused : bool
        Whether a product and a sum in it may become one operation that rounds once, also where the caller's may not.

    Raises
    ------
    NotImplementedError
        When it is first compiled into another one, if there is anything else in it.

    Examples
    --------
    >>> import numba
    >>> @straight(fused=True)
    ... def norm_squared(x, y):
    ...     a = x * x
    ...     return a + y * y
    >>> numba.njit(lambda x: norm_squared(x, 2.0))(1.0)
    5.0
    """

    def decorate(function: Callable[..., Any]) -> Any:
        def core(typing_context: Any, *arguments: Any) -> Any:
            program = _Program(function, typing_context, tuple(types.unliteral(kind) for kind in arguments), fused)
            return program.result(*program.arguments), program.lower

        signature = inspect.signature(function)
        first = inspect.Parameter("typing_context", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        core.__signature__ = signature.replace(parameters=[first, *signature.parameters.values()])  # type: ignore[attr-defined]
        core.__name__ = function.__name__
        return intrinsic(core)

    return decorate


@cache
def _statements(function: Callable[..., Any]) -> list[ast.stmt]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(tree, ast.FunctionDef)
    return tree.body


class _Program:
    """One function for arguments of some types: the steps that compute its numbered values, each with its type."""

    def __init__(self, function: Callable[..., Any], context: Any, arguments: tuple[Any, ...], fused: bool):
        self.context, self.arguments, self.fused = context, arguments, fused
        self.globals = function.__globals__
        self.kinds: list[Any] = list(arguments)
        self.steps: list[Callable[[Any, Any, list[Any]], Any]] = []
        self.names = {name: number for number, name in enumerate(inspect.signature(function).parameters)}
        self.returned: int | None = None
        self._resolved: dict[Any, tuple[Any, Any]] = {}
        for statement in _statements(function):
            self._statement(statement)
        self.result = types.none if self.returned is None else self.kinds[self.returned]

    def lower(self, context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        """Append the steps to the caller's block."""
        values = list(arguments)
        for step in self.steps:
            values.append(step(context, builder, values))
        return context.get_dummy_value() if self.returned is None else values[self.returned]

    def _step(self, kind: Any, step: Callable[[Any, Any, list[Any]], Any]) -> int:
        self.kinds.append(kind)
        self.steps.append(step)
        return len(self.kinds) - 1

    def _statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Assign([ast.Name(name)], value):
                self.names[name] = self._value(value)
            case ast.Assign([ast.Tuple(targets)], ast.Tuple(values)):
                numbers = [self._value(value) for value in values]
                for target, number in zip(targets, numbers, strict=True):
                    self.names[_name(target)] = number
            case ast.Assign([ast.Tuple(targets)], value):
                whole = self._value(value)
                for place, target in enumerate(targets):
                    self.names[_name(target)] = self._item(whole, place)
            case ast.Assign([ast.Subscript(array, index)], value):
                self._set_item(self._value(array), self._value(index), self._value(value))
            case ast.Return(ast.expr() as value):
                self.returned = self._value(value)
            case _:
                raise NotImplementedError(f"not a straight line: {ast.unparse(node)}")

    def _value(self, node: ast.expr) -> int:
        """The number of the value of an expression."""
        match node:
            case ast.Name(name) if name in self.names:
                return self.names[name]
            case ast.Name(name):
                return self._constant(self.globals[name])
            case ast.Constant(value):
                return self._constant(value)
            case ast.BinOp(left, kind, right):
                return self._call(_BINARY[type(kind)], [left, right])
            case ast.UnaryOp(kind, operand):
                return self._call(_UNARY[type(kind)], [operand])
            case ast.Compare(left, [kind], [right]):
                return self._call(_COMPARED[type(kind)], [left, right])
            case ast.Subscript(array, index):
                return self._call(operator.getitem, [array, index])
            case ast.Tuple(values):
                return self._tuple([self._value(value) for value in values])
            case ast.Call(function, operands, []):
                return self._call(self._object(function), operands)
        raise NotImplementedError(f"not a straight line: {ast.unparse(node)}")

    def _object(self, node: ast.expr) -> Any:
        """What a global name, or an attribute of one, stands for."""
        match node:
            case ast.Name(name) if name not in self.names:
                found = self.globals.get(name, vars(__import__("builtins")).get(name))
                if found is not None:
                    return found
            case ast.Attribute(owner, name):
                return getattr(self._object(owner), name)
        raise NotImplementedError(f"not a function: {ast.unparse(node)}")

    def _constant(self, value: Any) -> int:
        kind = types.unliteral(self.context.resolve_value_type(value))
        return self._step(kind, lambda context, builder, values: context.get_constant_generic(builder, kind, value))

    def _call(self, function: Any, operands: list[ast.expr]) -> int:
        numbers = [self._value(operand) for operand in operands]
        kinds = tuple(self.kinds[number] for number in numbers)
        if (function, kinds) not in self._resolved:
            kind = self.context.resolve_value_type(function)
            self._resolved[function, kinds] = kind, self.context.resolve_function_type(kind, kinds, {})
        kind, signature = self._resolved[function, kinds]
        if signature is None:
            raise NotImplementedError(f"{function} of {kinds}")
        return self._step(signature.return_type, lambda *given: self._called(kind, signature, numbers, *given))

    def _set_item(self, array: int, index: int, value: int) -> int:
        numbers = [array, index, value]
        signature = self.context.resolve_setitem(*(self.kinds[number] for number in numbers))
        return self._step(types.none, lambda *given: self._called(operator.setitem, signature, numbers, *given))

    def _item(self, whole: int, place: int) -> int:
        kind = self.kinds[whole].types[place]
        return self._step(kind, lambda context, builder, values: builder.extract_value(values[whole], place))

    def _tuple(self, numbers: list[int]) -> int:
        kind = types.Tuple.from_types([self.kinds[number] for number in numbers])
        return self._step(
            kind,
            lambda context, builder, values: context.make_tuple(builder, kind, [values[number] for number in numbers]),
        )

    def _called(self, kind: Any, signature: Any, numbers: list[int], context: Any, builder: Any, values: Any) -> Any:
        """Append what Numba makes of a call with these values."""
        lower = context.get_function(kind, signature)
        context.add_linking_libs(getattr(lower, "libs", ()))
        given = [
            context.cast(builder, values[number], self.kinds[number], wanted)
            for number, wanted in zip(numbers, signature.args, strict=True)
        ]
        result = lower(builder, given)
        if self.fused and getattr(result, "opname", None) in _FUSED:
            result.flags.append("contract")
        return result


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    raise NotImplementedError(f"not a name: {ast.unparse(node)}")
