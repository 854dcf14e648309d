"""Functions that are turned into instructions where they are called: they mean what the same text means in Python."""

import weakref
from itertools import count
from typing import NamedTuple

import numpy as np
import pytest
from numba import njit

from batchgd.compiler.cache.modules import execute
from batchgd.kernels.inline import inlined
from batchgd.kernels.vecmath import where

FILES = (f"<inlined {number}>" for number in count())
HALF = np.float32(0.5)


def defined(text, **names):
    """The function that a text defines, in Python."""
    module = {"where": where, "np": np, "HALF": HALF, **names}
    execute(text, module, next(FILES))
    return module["f"]


def called(function):
    """The same in machine code: a compiled function into which it is put."""
    inner = inlined(function)
    n = function.__code__.co_argcount
    given = ", ".join("abcde"[:n])
    return njit(eval(f"lambda {given}: f({given})", {"f": inner}), error_model="numpy")


EXPRESSIONS = [
    "return a + b - a * b / (b * b + 1.0)",
    "return a // b + a % b + abs(a) ** 2.0",
    "c = where((a < b) | (a == 0.0), a, -b)\n    return c + where((a > b) & (a != 3.0), +a, where(a >= b, b, 1.0))",
    "c, d = a + b, a - b\n    c, d = d, c\n    return c - 2.0 * d",
    "pair = (a, b)\n    c, d = pair\n    return where(a <= b, c, d)",
    "c = np.sqrt(b * b)\n    c += 1.0\n    c *= a\n    return c",
]


@pytest.mark.parametrize("body", EXPRESSIONS)
@pytest.mark.parametrize("point", [(3.0, 2.0), (-7.5, 0.25), (0.0, -1.0), (2.0, 2.0)])
def test_it_computes_what_python_computes(body, point):
    function = defined(f"def f(a, b):\n    {body}\n")
    assert called(function)(*point) == function(*point)


@pytest.mark.parametrize("sign", ["//", "%", "**", "<<", ">>", "^", "&", "|", "+", "-", "*"])
def test_integers_stay_integers(sign):
    function = defined(f"def f(a, b):\n    return a {sign} b\n")
    result = called(function)(29, 3)
    assert isinstance(result, int)
    assert result == function(29, 3)


def test_complement_and_negation():
    assert called(defined("def f(a):\n    return ~a - -a\n"))(29) == ~29 + 29
    assert called(defined("def f(a):\n    return not a\n"))(0.0) is True


@pytest.mark.parametrize("bounds", ["n", "2, n", "1, n, 3"])
@pytest.mark.parametrize("n", [-1, 0, 1, 2, 7, np.int32(3)])
def test_loops_carry_names_and_write_items(bounds, n):
    text = f"""
def f(x, n):
    total, last = 0.0, 1.0
    for i in range({bounds}):
        for k in range(x.shape[1]):
            x[i, k] += total
            total = total + x[i, k] * last
        last = -last
    return total + last
"""
    function, x = defined(text), np.arange(24.0).reshape(8, 3)
    there = x.copy()
    assert called(function)(there, n) == function(x, n)
    assert np.array_equal(there, x)


@pytest.mark.parametrize("given", [-1.0, 0.0, 2.0, 7.0])
def test_it_does_what_python_chooses(given):
    text = """
def f(x, a):
    b = 1.0
    if a > 1.0:
        b = b + x[0]
        if a < 5.0:
            x[1] = b
    elif a:
        x[2] = b
    else:
        b = -b
    return b
"""
    function, x = defined(text), np.array([2.0, 0.0, 0.0])
    there = x.copy()
    assert called(function)(there, given) == function(x, given)
    assert np.array_equal(there, x)


@pytest.mark.parametrize("limit", [0, 1])
def test_what_is_known_beforehand_is_not_compiled_otherwise(limit):
    text = "def f(a):\n    if LIMIT > 0:\n        a = a + 1.0\n    else:\n        a = unknown(a)\n    return a\n"
    function = called(defined(text, LIMIT=limit))
    if limit:
        assert function(1.0) == 2.0
    else:
        with pytest.raises(NotImplementedError, match="not known here: unknown"):
            function(1.0)


def test_it_calls_others_of_its_kind_and_returns_nothing_if_they_do():
    write = inlined(defined("def f(x, i, a):\n    x[i] = a\n"))
    twice = inlined(defined("def f(a):\n    return a + a\n"))
    whole = defined("def f(x):\n    for i in range(3):\n        write(x, i, twice(x[i]))\n", write=write, twice=twice)
    x = np.array([1.0, -2.0, 3.0])
    assert called(whole)(x) is None
    assert x.tolist() == [2.0, -4.0, 6.0]


class Line(NamedTuple):
    points: np.ndarray
    slope: float


def test_it_reads_and_writes_members_of_a_named_tuple_and_keeps_no_reference_to_them():
    fill = called(defined("def f(line, k):\n    line.points[k] = line.slope * line.points[k - 1]\n"))
    line = Line(np.array([1.0, 0.0, 0.0]), 3.0)
    fill(line, 1)
    fill(line, 2)
    assert line.points.tolist() == [1.0, 3.0, 9.0]
    points = weakref.ref(line.points)
    del line
    assert points() is None


def test_a_named_tuple_has_no_other_members():
    ask = called(defined("def f(line):\n    return line.length\n"))
    with pytest.raises(NotImplementedError, match=r"cannot be inlined: length of Line"):
        ask(Line(np.zeros(1), 2.0))


def test_single_precision_stays_so_through_a_loop():
    function = defined("def f(a):\n    for i in range(3):\n        a = a * HALF\n    return a\n")
    compiled = called(function)
    assert compiled(np.float32(3.0)) == 0.375
    assert "fmul double" not in compiled.inspect_llvm(compiled.signatures[0])


@pytest.mark.parametrize(
    "body",
    [
        "while a:\n        a = a - 1.0\n    return a",
        "return [a]",
        "return a if a > 0.0 else 0.0",
        "if a:\n        b = 0.0\n    else:\n        b = 1.0\n    return b",
        "b = 1\n    if a:\n        b = 0.5\n    return b",
        "for i in range(3):\n        a = a + 1.0\n    else:\n        a = 0.0\n    return a",
        "for i in range(3, 0, -1):\n        a = a + 1.0\n    return a",
        "for i in range(3):\n        b = a\n    return b",
        "b = 1\n    for i in range(3):\n        b = b * 0.5\n    return b",
        "return a < 1.0 < 2.0",
        "return np.round(a, decimals=1)",
        "return unknown(a)",
        "if a > 0.0:\n        return 1.0\n    return 2.0",
        "if a > 0.0:\n        return 1.0\n    else:\n        return 2.0",
        "for i in range(3):\n        return 1.0\n    return a",
        "b, c = (a, a, a)\n    return b",
        "triple = (a, a, a)\n    b, c = triple\n    return b",
        "b, c = a\n    return b",
        "return a is None",
        "return a @ a",
        "a @= a\n    return a",
        "i = 5\n    for i in range(3):\n        a = a + 1.0\n    return a + i",
        "if a > 0.0:\n        HALF = 1.0\n    return HALF",
        "for k in range(3):\n        HALF = a\n    if HALF > 0.0:\n        a = 0.0\n    return a",
        "for k in range(3):\n        for k in range(2):\n            a = a + 1.0\n        a = a + k\n    return a",
        "for i in range(a):\n        a = a + 1.0\n    return a",
        "for i in range(0, 3, HALF):\n        a = a + 1.0\n    return a",
        "return np.zeros(3)",
    ],
)
def test_anything_else_is_refused(body):
    function = called(defined(f"def f(a):\n    {body}\n"))
    with pytest.raises(NotImplementedError, match=r"cannot be inlined|not known here"):
        function(1.0)


@pytest.mark.parametrize("body", ["return x", "return x[a]", "return x[a > 0.0]", "row = x[0]\n    return row[0] + a"])
def test_arrays_are_no_values_and_indices_are_integers(body):
    function = called(defined(f"def f(x, a):\n    {body}\n"))
    with pytest.raises(NotImplementedError, match="cannot be inlined"):
        function(np.ones((3, 3)), 1.5)


def test_a_number_has_no_items():
    with pytest.raises(Exception, match="getitem"):
        called(defined("def f(a):\n    return a[0]\n"))(1.0)


def test_a_call_gives_every_argument():
    one = inlined(defined("def f(a, b):\n    c = a * 2.0\n    return c + b\n"))
    for given in ("a", "a, a, a"):
        function = called(defined(f"def f(a):\n    return one({given})\n", one=one))
        with pytest.raises(NotImplementedError, match=r"of [13] arguments"):
            function(1.0)
    with pytest.raises(NotImplementedError, match=r"def f\(a, b=2\.0\)"):
        called(defined("def f(a, b=2.0):\n    return a + b\n"))(1.0, 1.0)


def test_names_of_a_surrounding_function_are_refused():
    factor = 0.25

    def f(a):
        return a * factor

    with pytest.raises(NotImplementedError, match="factor of a surrounding function"):
        called(f)(1.0)


def test_everything_is_evaluated_once_and_in_the_order_of_python():
    text = """
def f(x, q):
    x[bump(q)] += 1.0
    x[q[0]] = bump(q)
    x[bump(q)] *= x[q[0]]
"""
    bump = defined("def f(q):\n    q[0] = q[0] + 1\n    return q[0]\n")
    there, here = ([np.arange(5.0), np.zeros(1, np.int64)] for _ in range(2))
    called(defined(text, bump=inlined(bump)))(*there)
    defined(text, bump=bump)(*here)
    assert all(map(np.array_equal, there, here))


def test_the_text_of_a_module_counts_and_not_its_file():
    first, second = ({}, {})
    for module, factor in ((first, 2.0), (second, 3.0)):
        execute(f"def f(a):\n    return a * {factor}\n", module, "<the same name>")
    assert called(first["f"])(1.0) == 2.0
    assert called(second["f"])(1.0) == 3.0
