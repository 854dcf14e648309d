"""A function of plain arithmetic and counted loops as the LLVM instructions of its caller, straight from its source.

All types follow from those of the arguments on the way down. Every operation and call still means what it means in
Numba; only the way there is shorter.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import operator
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from batchgd.kernels.jitable import SOURCE
from batchgd.kernels.vecmath.ir import constant

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

Step = Callable[[Any, Any, dict[int, Any]], Any]
"""What appends to the builder's block: of the target, the builder, and the values so far by their numbers."""

Steps = list[tuple[int, Step]]
"""What is appended in this order, each with the number of its value."""


def refused(what: str | ast.AST) -> NotImplementedError:
    """Return the error about something that a function must not contain."""
    return NotImplementedError(f"cannot be inlined: {what if isinstance(what, str) else ast.unparse(what)}")


def statements(function: Callable[..., Any]) -> list[ast.stmt]:
    """Return the body of a function whose calls and names can be followed."""
    tree = _definition(function)
    given = tree.args
    if given.defaults or given.vararg or given.kwonlyargs or given.kwarg:
        raise refused(f"def {tree.name}({ast.unparse(given)})")
    if function.__code__.co_freevars:
        raise refused(f"{', '.join(function.__code__.co_freevars)} of a surrounding function")
    for node in ast.walk(tree):
        if isinstance(node, ast.Return) and node is not tree.body[-1]:
            raise refused(f"{ast.unparse(node)} before the last line")
    return tree.body


def _definition(function: Callable[..., Any]) -> ast.FunctionDef:
    text = function.__globals__.get(SOURCE)
    if text is None:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
        assert isinstance(tree, ast.FunctionDef)
        return tree
    return _definitions(text)[function.__code__.co_firstlineno]


@lru_cache(maxsize=8)
def _definitions(text: str) -> dict[int, ast.FunctionDef]:
    """The functions of a module, by the lines where they begin."""
    functions = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    return {min([node.lineno, *(each.lineno for each in node.decorator_list)]): node for node in functions}


class Program:
    """One function for arguments of some types: the steps that compute its numbered values, each with its type."""

    def __init__(self, function: Callable[..., Any], body: list[ast.stmt], context: Any, arguments: tuple[Any, ...]):
        self.context, self.arguments = context, arguments
        self.globals, self.locals = function.__globals__, set(function.__code__.co_varnames)
        self.kinds: list[Any] = list(arguments)
        self.steps: Steps = []
        self.names = {name: number for number, name in enumerate(inspect.signature(function).parameters)}
        self.returned: int | None = None
        self._resolved: dict[Any, tuple[Any, Any]] = {}
        for statement in body:
            self._statement(statement)
        self.result = types.none if self.returned is None else self.kinds[self.returned]

    def lower(self, context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        """Append the steps to the caller's block."""
        values = dict(enumerate(arguments))
        _run(self.steps, context, builder, values)
        return context.get_dummy_value() if self.returned is None else values[self.returned]

    def _step(self, kind: Any, step: Step) -> int:
        number = self._number(kind)
        self.steps.append((number, step))
        return number

    def _number(self, kind: Any) -> int:
        self.kinds.append(kind)
        return len(self.kinds) - 1

    # Statements

    def _statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Assign([ast.Name(name)], value):
                self.names[name] = self._value(value)
            case ast.Assign([ast.Tuple(targets)], ast.Tuple(values)) if len(targets) == len(values):
                numbers = [self._value(value) for value in values]
                for target, number in zip(targets, numbers, strict=True):
                    self.names[_name(target)] = number
            case ast.Assign([ast.Tuple(targets)], value):
                whole = self._value(value)
                if len(getattr(self.kinds[whole], "types", ())) != len(targets):
                    raise refused(node)
                for place, target in enumerate(targets):
                    self.names[_name(target)] = self._item(whole, place)
            case ast.Assign([ast.Subscript(array, index)], value):
                number = self._value(value)
                self._set_item(self._value(array), self._index(index), number)
            case ast.AugAssign(ast.Name(name) as target, kind, value) if type(kind) in _BINARY:
                self.names[name] = self._call(_BINARY[type(kind)], [target, value])
            case ast.AugAssign(ast.Subscript(array, index), kind, value) if type(kind) in _BINARY:
                whole, at = self._value(array), self._index(index)
                held = self._apply(operator.getitem, [whole, at])
                self._set_item(whole, at, self._apply(_BINARY[type(kind)], [held, self._value(value)]))
            case ast.Expr(ast.Call() as call):
                self._value(call)
            case ast.For(ast.Name(name), ast.Call(ast.Name("range"), bounds, []), body, []):
                self._loop(name, bounds, body)
            case ast.If(condition, body, otherwise):
                self._choice(condition, body, otherwise)
            case ast.Return(ast.expr() as value):
                self.returned = self._value(value)
                if isinstance(self.kinds[self.returned], types.Buffer):
                    raise refused(f"{ast.unparse(node)}, an array")
            case _:
                raise refused(node)

    def _loop(self, name: str, bounds: list[ast.expr], body: list[ast.stmt]) -> None:
        zero, one = ast.Constant(0), ast.Constant(1)
        start, stop, step = (zero, *bounds, one) if len(bounds) == 1 else (*bounds, one)[:3]
        if not (isinstance(step, ast.Constant) and isinstance(step.value, int) and step.value > 0):
            raise refused(f"range by {ast.unparse(step)}")
        numbers = [self._integer(bound, types.intp) for bound in (start, stop, step)]
        turn = self._number(types.intp)

        def lower(parts: list[Steps], context: Any, builder: Any, values: dict[int, Any]) -> None:
            first, last, by = (values[number] for number in numbers)
            before, loop, after = builder.block, *(builder.append_basic_block(part) for part in ("loop", "after"))
            builder.cbranch(builder.icmp_signed("<", first, last), loop, after)
            builder.position_at_end(loop)
            index = builder.phi(first.type)
            index.add_incoming(first, before)
            values[turn] = index
            _run(parts[0], context, builder, values)
            following = builder.add(index, by, flags=["nsw"])
            index.add_incoming(following, builder.block)
            builder.cbranch(builder.icmp_signed("<", following, last), loop, after)
            builder.position_at_end(after)

        self._nested([body], {name: turn}, lower)

    def _choice(self, condition: ast.expr, *bodies: list[ast.stmt]) -> None:
        if not {node.id for node in ast.walk(condition) if isinstance(node, ast.Name)} & self.locals:
            holds = eval(compile(ast.Expression(condition), "<condition>", "eval"), self.globals)
            for statement in bodies[0 if holds else 1]:
                self._statement(statement)
            return
        number = self._call(bool, [condition])

        def lower(parts: list[Steps], context: Any, builder: Any, values: dict[int, Any]) -> None:
            holds = cgutils.as_bool_bit(builder, values[number])
            with builder.if_else(holds) as blocks:
                for block, steps in zip(blocks, parts, strict=True):
                    with block:
                        _run(steps, context, builder, values)

        self._nested(bodies, {}, lower)

    def _nested(self, bodies: Sequence[list[ast.stmt]], given: dict[str, int], lower: Callable[..., None]) -> None:
        """Statements that do not run exactly once; names from before them wait in memory."""
        changed = set().union(*map(_assigned, bodies)) & set(self.names)
        waiting = {name: self.names[name] for name in sorted(changed) if name not in given}
        memory = {name: self._number(types.none) for name in waiting}
        for name, number in waiting.items():
            self._step(types.none, self._make_room(memory[name], number))
        outer, names, parts, gone = self.steps, self.names, [], set(given)
        for body in bodies:
            self.steps, self.names = [], names | given
            self.names |= {name: self._load(memory[name], number) for name, number in waiting.items()}
            for statement in body:
                self._statement(statement)
            gone |= set(waiting) - set(self.names)
            for name, number in waiting.items():
                if name in gone:
                    continue
                if self.kinds[self.names[name]] != self.kinds[number]:
                    raise refused(f"{name} becomes another type")
                self._step(types.none, self._store(memory[name], self.names[name]))
            parts.append(self.steps)
        self.steps = outer
        self._step(types.none, lambda context, builder, values: lower(parts, context, builder, values))
        names = names | {name: self._load(memory[name], number) for name, number in waiting.items()}
        self.names = {name: number for name, number in names.items() if name not in gone}

    def _make_room(self, place: int, number: int) -> Step:
        def step(context: Any, builder: Any, values: dict[int, Any]) -> None:
            values[place] = cgutils.alloca_once(builder, values[number].type)
            builder.store(values[number], values[place])

        return step

    def _load(self, place: int, number: int) -> int:
        return self._step(self.kinds[number], lambda context, builder, values: builder.load(values[place]))

    def _store(self, place: int, source: int) -> Step:
        return lambda context, builder, values: builder.store(values[source], values[place])

    # Expressions

    def _value(self, node: ast.expr) -> int:
        """The number of the value of an expression."""
        match node:
            case ast.Name(name) if name in self.names:
                return self.names[name]
            case ast.Name():
                return self._constant(self._object(node))
            case ast.Constant(value):
                return self._constant(value)
            case ast.BinOp(left, kind, right) if type(kind) in _BINARY:
                return self._call(_BINARY[type(kind)], [left, right])
            case ast.UnaryOp(kind, operand):
                return self._call(_UNARY[type(kind)], [operand])
            case ast.Compare(left, [kind], [right]) if type(kind) in _COMPARED:
                return self._call(_COMPARED[type(kind)], [left, right])
            case ast.Subscript(ast.Attribute(array, "shape"), ast.Constant(int() as place)):
                return self._item(self._attribute(self._value(array), "shape"), place)
            case ast.Attribute(ast.Name(owner), name) if owner in self.names:
                return self._field(self.names[owner], name)
            case ast.Subscript(ast.Name(owner), ast.Constant(int() as place)) if self._is_tuple(owner):
                return self._item(self.names[owner], place)
            case ast.Subscript(array, index):
                return self._apply(operator.getitem, [self._value(array), self._index(index)])
            case ast.Tuple(values):
                return self._tuple([self._value(value) for value in values])
            case ast.Call(function, operands, []):
                return self._call(self._object(function), operands)
        raise refused(node)

    def _object(self, node: ast.expr) -> Any:
        """What a global name, or an attribute of one, refers to."""
        match node:
            case ast.Name(name) if name in self.locals:
                raise refused(f"{name}, which is not assigned on every way here")
            case ast.Name(name) if name in self.globals:
                return self.globals[name]
            case ast.Name(name) if hasattr(builtins, name):
                return getattr(builtins, name)
            case ast.Attribute(owner, name):
                return getattr(self._object(owner), name)
        raise NotImplementedError(f"not known here: {ast.unparse(node)}")

    def _constant(self, value: Any) -> int:
        kind = types.unliteral(self.context.resolve_value_type(value))
        if kind == types.float64:
            return self._step(kind, lambda context, builder, values: constant(builder, ir.DoubleType(), float(value)))
        return self._step(kind, lambda context, builder, values: context.get_constant_generic(builder, kind, value))

    def _index(self, node: ast.expr) -> int:
        """An index, unsigned: Numba then does not ask whether it counts from the back."""
        if isinstance(node, ast.Tuple):
            return self._tuple([self._index(part) for part in node.elts])
        return self._integer(node, types.uintp)

    def _integer(self, node: ast.expr, wanted: Any) -> int:
        number = self._value(node)
        have = self.kinds[number]
        if not isinstance(have, types.Integer):
            raise refused(f"{ast.unparse(node)} for an integer")
        return self._step(wanted, lambda context, builder, values: context.cast(builder, values[number], have, wanted))

    def _call(self, function: Any, operands: list[ast.expr]) -> int:
        return self._apply(function, [self._value(operand) for operand in operands])

    def _apply(self, function: Any, numbers: list[int]) -> int:
        kinds = tuple(self.kinds[number] for number in numbers)
        if (function, kinds) not in self._resolved:
            kind = self.context.resolve_value_type(function)
            self._resolved[function, kinds] = kind, self.context.resolve_function_type(kind, kinds, {})
        kind, signature = self._resolved[function, kinds]
        if signature is None:
            raise refused(f"{function} of {kinds}")
        if isinstance(signature.return_type, types.Buffer):
            raise refused(f"{function} of {kinds} is an array")
        return self._step(signature.return_type, lambda *given: self._called(kind, signature, numbers, *given))

    def _set_item(self, array: int, index: int, value: int) -> int:
        numbers = [array, index, value]
        signature = self.context.resolve_setitem(*(self.kinds[number] for number in numbers))
        return self._step(types.none, lambda *given: self._called(operator.setitem, signature, numbers, *given))

    def _called(self, kind: Any, signature: Any, numbers: list[int], context: Any, builder: Any, values: Any) -> Any:
        """Append what Numba generates for a call with these values."""
        try:
            lower = context.get_function(kind, signature)
        except NotImplementedError:  # Numba remembers one target's overload, and since then the other's was compiled
            self.context.resolve_function_type(kind, signature.args, {})
            lower = context.get_function(kind, signature)
        context.add_linking_libs(getattr(lower, "libs", ()))
        given = [
            context.cast(builder, values[number], self.kinds[number], wanted)
            for number, wanted in zip(numbers, signature.args, strict=True)
        ]
        return lower(builder, given)

    def _attribute(self, number: int, name: str) -> int:
        have = self.kinds[number]

        def step(context: Any, builder: Any, values: dict[int, Any]) -> Any:
            return context.get_getattr(have, name)(context, builder, have, values[number], name)

        return self._step(self.context.resolve_getattr(have, name), step)

    def _field(self, whole: int, name: str) -> int:
        """A member of a named tuple; Numba's own way counts another reference to an array, which nobody would drop."""
        fields = getattr(self.kinds[whole], "fields", ())
        if name not in fields:
            raise refused(f"{name} of {self.kinds[whole]}")
        return self._item(whole, fields.index(name))

    def _is_tuple(self, name: str) -> bool:
        return name in self.names and isinstance(self.kinds[self.names[name]], types.BaseTuple)

    def _item(self, whole: int, place: int) -> int:
        kind = self.kinds[whole].types[place]
        return self._step(kind, lambda context, builder, values: builder.extract_value(values[whole], place))

    def _tuple(self, numbers: list[int]) -> int:
        kind = types.Tuple.from_types([self.kinds[number] for number in numbers])
        return self._step(
            kind,
            lambda context, builder, values: context.make_tuple(builder, kind, [values[number] for number in numbers]),
        )


def _run(steps: Steps, context: Any, builder: Any, values: dict[int, Any]) -> None:
    for number, step in steps:
        values[number] = step(context, builder, values)


def _assigned(statements: Iterable[ast.AST]) -> set[str]:
    return {node.id for each in statements for node in _stores(each)}


def _stores(tree: ast.AST) -> Iterator[ast.Name]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    raise refused(node)
