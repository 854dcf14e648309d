"""The lowering to LLVM vectors: elementary functions and graphs at every width, against NumPy and scalar code."""

import ctypes
import functools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llvmlite import ir
from numba import njit
from recurrences import CASES, backwards, many_coordinates, running, sum_in_a_step

from batchgd import Objective
from batchgd.compiler.cache.native import NativeCode, object_code
from batchgd.compiler.lower.arrays import ArrayProgram
from batchgd.compiler.lower.evaluation import evaluation, vector_width
from batchgd.compiler.lower.processor import Processor, this_processor
from batchgd.compiler.lower.program import progression
from batchgd.compiler.trace.graph import Axis, Graph, Scatter
from batchgd.compiler.trace.operations import BOOLEAN, OPERATIONS
from batchgd.compiler.trace.rows import data, entry, part, pick, reduced, spread
from batchgd.kernels import (
    for_numba,  # noqa: F401 - for what is compiled here
    vecmath,
)
from batchgd.kernels.cpu_places import ALL_LANES, MEMORY, TABLES, TAIL
from batchgd.kernels.vecmath.emitters import EMITTERS
from batchgd.kernels.vecmath.ir import Real

WIDTHS = (1, 4, 8, 16)
LANES = 16
DTYPES = ("float64", "float32")
EDGES = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, math.inf, -math.inf, math.nan, 1e-320, 1e-45, 1e300, 3e38, 709.8, 88.73, 1e16]


# Elementary functions


def vector_function(name, dtype, width):
    """A function of vectors as machine code: it takes the addresses of its arguments and of its results."""
    form = this_processor().form(dtype, width)
    arity = 2 if name in ("atan2", "power", "hypot", "fmod", "minimum", "maximum", "copysign") else 1
    module = ir.Module()
    pointer = ir.PointerType()
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [pointer] * 4), "f")
    builder = ir.IRBuilder(function.append_basic_block())
    arguments = [
        Real(builder, form, builder.load(function.args[k], typ=form.real, align=form.bits // 8)) for k in range(arity)
    ]
    result = EMITTERS[name](*arguments)
    for k, part_ in enumerate(result if isinstance(result, tuple) else (result,)):
        builder.store(part_.value, function.args[2 + k], align=form.bits // 8)
    builder.ret_void()
    return NativeCode("f", object_code(str(module), this_processor()), this_processor()), arity


@functools.cache
def scalar_function(name, arity):
    function = getattr(vecmath, name)
    if arity == 2:
        return njit(lambda x, y: function(x, y))
    return njit(lambda x: function(x))


def samples(dtype):
    rng = np.random.default_rng(1)
    sizes = np.exp(rng.uniform(-30, 30, 200)) * rng.choice([-1.0, 1.0], 200)
    with np.errstate(over="ignore", under="ignore"):
        return np.concatenate([rng.uniform(-2, 2, 104), sizes, EDGES]).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted({*vecmath.CUDA_MATH} - {"where", "isfinite"}))
def test_vectors_of_any_width_have_the_bits_of_scalars(name, dtype):
    x = samples(dtype)
    y = np.random.default_rng(2).permutation(x)
    word = np.int64 if dtype == "float64" else np.int32
    wanted = None
    for width in WIDTHS:
        code, arity = vector_function(name, dtype, width)
        call = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 4)(code.address)
        outputs = np.zeros((2, len(x)), dtype)
        for first in range(0, len(x), width):
            call(*(array[first:].ctypes.data for array in (x, y, outputs[0], outputs[1])))
        if wanted is None:
            scalar = scalar_function(name, arity)
            rows = [scalar(*pair[:arity]) for pair in zip(x, y, strict=True)]
            wanted = np.zeros_like(outputs)
            wanted[: np.ndim(rows[0]) + 1] = np.array(rows, dtype).T
        same = (outputs.view(word) == wanted.view(word)) | (np.isnan(outputs) & np.isnan(wanted))
        assert same.all(), (name, width, x[~same.all(axis=0)])


# Whole graphs


class Block:
    """The compiled evaluation of some outputs in a block of lanes."""

    def __init__(self, outputs, dim, dtype="float64", width=None, processor=None):
        processor = processor or this_processor()
        slots = {dim + k: node for k, node in enumerate(outputs)}
        self.made = evaluation("evaluate", slots, lanes=LANES, dtype=dtype, processor=processor, width=width)
        self.dim, self.dtype = dim, np.dtype(dtype)
        self.code = NativeCode("evaluate", object_code(self.made.text, processor), processor)
        self.ws = self._aligned((dim + len(outputs)) * LANES)
        self.memory = self._aligned(self.made.memory // self.dtype.itemsize)
        self.addresses = np.array([table.ctypes.data for table in self.made.tables] or [0])
        self.index = np.zeros(LANES + 1 + TAIL, np.int64)
        tail = self.index[-TAIL:]
        tail[TABLES], tail[MEMORY], tail[ALL_LANES] = self.addresses.ctypes.data, self.memory.ctypes.data, 1

    def _aligned(self, size):
        raw = np.zeros(size + 64, self.dtype)
        first = -raw.ctypes.data % 64 // raw.itemsize
        return raw[first : first + size]

    def __call__(self, x, p=()):
        """The outputs at LANES points (LANES, dim), as rows of numbers."""
        p = np.array([*p, 0.0], self.dtype)
        rows = self.ws.reshape(-1, LANES)
        with np.errstate(over="ignore"):
            rows[: self.dim], rows[self.dim :] = x.T, np.nan
        call = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * 4, ctypes.c_uint64, ctypes.c_void_p)
        call(self.code.address)(None, None, self.ws.ctypes.data, self.index.ctypes.data, 0, p.ctypes.data)
        return rows[self.dim :].copy()


def points(dim, seed=0):
    return np.random.default_rng(seed).uniform(-2.0, 2.0, (LANES, dim))


def check(outputs, dim, tolerance=1e-12, x=None, p=()):
    """The same as NumPy gives, the same bits at every width, and nearly the same in float32."""
    x = points(dim) if x is None else x
    wanted = ArrayProgram(outputs)(x.T, p)
    finite = np.isfinite(wanted)
    scale = np.maximum(1e-3, np.abs(np.where(finite, wanted, 0.0)).max(axis=1, keepdims=True))
    for dtype, bound in (("float64", tolerance), ("float32", 5e8 * tolerance)):
        first = None
        for width in (None, *WIDTHS):
            found = Block(outputs, dim, dtype, width)(x, p)
            if dtype == "float64":
                assert (np.isnan(found) == np.isnan(wanted)).all()
                assert (np.isinf(found) == np.isinf(wanted)).all()
            both = finite & np.isfinite(found)
            apart = np.where(both, found, 0.0) - np.where(both, wanted, 0.0)
            assert (np.abs(apart) <= bound * scale).all()
            first = found if first is None else first
            assert np.array_equal(found, first, equal_nan=True), width


UNARY = [name for name in OPERATIONS if OPERATIONS[name].text.count("{}") == 1 and name != "not"]
BINARY = [name for name in OPERATIONS if OPERATIONS[name].text.count("{}") == 2 and name not in ("and", "or")]


@pytest.mark.parametrize("name", sorted({*OPERATIONS} - {"where", "and", "or", "not"}))
def test_every_operation_is_that_of_numpy(name):
    graph = Graph(dim=2)
    x, y = graph.x
    node = graph.intern(name, (x, y) if name in BINARY else (x,))
    special = np.array([[a, b] for a in EDGES[:9] for b in EDGES[:9]])
    special = special[: LANES * (len(special) // LANES)] if name in BINARY else np.resize(EDGES[:9], (2, LANES)).T
    limits = points(2) if name in ("sin", "cos", "tan", "fmod") else special
    for block in limits.reshape(-1, LANES, 2):
        check([graph.number(node) if name in BOOLEAN else node], 2, x=block, tolerance=1e-14)


def test_selections_follow_the_truth_of_numbers_comparisons_and_constants():
    graph = Graph(dim=2)
    x, y = graph.x
    below, equal = graph.make("lt", x, y), graph.intern("eq", (x, x))
    chosen = [
        graph.make("where", graph.make("and", below, graph.make("not", equal)), x, y),
        graph.make("where", graph.make("or", below, graph.make("gt", x, graph.constant(1.0))), x, y),
        graph.intern("where", (graph.constant(1.0), x, y)),
        graph.intern("where", (graph.constant(0.0), x, y)),
    ]
    x = points(2)
    x[3, 0] = x[7, 1] = math.nan
    check(chosen, 2, x=x)


def test_sine_and_cosine_of_one_number_are_computed_together():
    graph = Graph(dim=1)
    outputs = [graph.make("sin", graph.x[0]), graph.make("cos", graph.x[0])]
    made = evaluation("evaluate", dict(enumerate(outputs, 1)), lanes=16, dtype="float64", processor=this_processor())
    assert made.text.count("@sincos") == made.text.count('@"sincos') == 0 or "sincos" in made.text
    check(outputs, 1)


@st.composite
def programs(draw):
    """A random graph in 3 coordinates and 2 parameters, with rows of one or two axes."""
    graph = Graph(dim=3, n_params=2)
    lengths = draw(st.lists(st.sampled_from([1, 2, 5, 33]), min_size=2, max_size=2))
    axes = [Axis(lengths[0], 0), Axis(lengths[1], int(lengths[0] == lengths[1]))]
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    nodes = [*graph.x, *graph.p, graph.constant(0.7)]
    for axis in axes:
        nodes.append(data(graph, rng.normal(size=axis.length), [axis]))
        nodes.append(pick(graph, graph.x, rng.integers(0, 3, axis.length), [axis]))
    nodes.append(data(graph, rng.normal(size=lengths), axes))
    steps = draw(
        st.lists(st.tuples(st.integers(0, 11), st.integers(0, 99), st.integers(0, 99)), min_size=4, max_size=25)
    )
    for kind, i, j in steps:
        a, b = nodes[-1 - i % min(len(nodes), 8)], nodes[j % len(nodes)]
        if kind < 4:
            nodes.append(graph.intern(("add", "sub", "mul", "maximum")[kind], (a, b)))
        elif kind < 7:
            nodes.append(graph.intern(("sin", "tanh", "atan")[kind - 4], (a,)))
        elif kind == 7:
            nodes.append(graph.intern("where", (graph.intern("lt", (a, b)), b, a)))
        elif a.axes:
            axis = a.axes[j % len(a.axes)]
            tame = graph.intern("tanh", (a,))
            nodes.append(graph.intern("tanh", (reduced(("sum", "prod", "least", "greatest")[kind - 8], tame, axis),)))
    ends = []
    for node in nodes[-3:]:
        for axis in node.axes:
            node = reduced("sum", node, axis)
        ends.append(node)
    return ends


@settings(max_examples=40, deadline=None)
@given(programs())
def test_random_programs_give_what_numpy_gives(outputs):
    x, p = points(3), [0.3, -1.2]
    wanted = ArrayProgram(outputs)(x.T, p)
    scale = np.maximum(1.0, np.abs(wanted).max(axis=1, keepdims=True))
    first = Block(outputs, 3, width=8)(x, p)
    assert (np.abs(first - wanted) <= 1e-11 * scale).all()
    assert np.array_equal(Block(outputs, 3, width=1)(x, p), first)


@pytest.mark.parametrize("rows", [1, 2, 7, 8, 33, 1000])
def test_rows_of_any_number(rows):
    """Little to do, much to do, and several stages: a variance and a logarithm of a sum of exponentials."""
    graph, axis = Graph(dim=3), Axis(rows)
    make, x = graph.make, graph.x
    t = data(graph, np.random.default_rng(rows).normal(size=rows), [axis])
    line = make("add", make("mul", t, x[0]), x[1])
    mean = make("mul", graph.constant(1.0 / rows), reduced("sum", line, axis))
    apart = make("sub", line, mean)
    highest = reduced("greatest", line, axis)
    total = reduced("sum", make("exp", make("sub", line, highest)), axis)
    wave = make("sin", make("mul", line, x[2]))
    outputs = [reduced("sum", make("mul", apart, apart), axis), make("add", highest, make("log", total))]
    outputs += [reduced(op, wave, axis) for op in ("sum", "prod", "least", "greatest")]
    check(outputs, 3, tolerance=1e-12)


@pytest.mark.parametrize(("rows", "outer"), [(3, None), (33, None), (5, 3)])
def test_many_sums_of_products_are_added_up_in_memory(rows, outer):
    """The matrix J'J of 11 columns, its weighted gradient and other sums; and in the rows of another axis."""
    graph, axis = Graph(dim=3), Axis(rows)
    make, rng = graph.make, np.random.default_rng(rows)
    t = data(graph, rng.normal(size=rows), [axis])
    if outer:
        further = Axis(outer, int(outer == rows))
        t = make("mul", t, data(graph, rng.normal(size=outer), [further]))
    line = make("add", make("mul", t, graph.x[0]), graph.x[1])
    columns = [make("sin", make("mul", line, graph.constant(0.1 * k))) for k in range(1, 11)]
    columns.append(make("mul", graph.x[2], graph.x[2]))  # the same in every row
    weighted = [make("mul", make("exp", make("neg", make("mul", t, t))), each) for each in columns]
    pairs = [(weighted[i], columns[j]) for i in range(11) for j in range(i + 1)] + [(line, each) for each in columns]
    outputs = [reduced("sum", make("mul", *pair), axis) for pair in pairs]
    outputs += [reduced("sum", line, axis), reduced("greatest", line, axis)]
    if outer:
        outputs = [reduced("sum", make("sin", each), further) for each in outputs]
    check(outputs, 3, tolerance=1e-11)


def test_many_constants_are_copied_from_a_table():
    """Those of two stretches of slots, among others."""
    graph = Graph(dim=1)
    constants = [graph.constant(k * k - 7.5) for k in range(90)]
    check([*constants[:30], graph.x[0], *constants[30:], graph.make("exp", graph.x[0])], 1)


@pytest.mark.parametrize(("n", "m"), [(7, 3), (33, 41), (40, 40), (9, 12)])
def test_two_axes_and_what_is_kept_for_one_of_them(n, m):
    """The gradient of a regression, and sums over either axis that the other one's loop needs."""
    graph, rows, columns = Graph(dim=m), Axis(n), Axis(m, int(n == m))
    make, rng = graph.make, np.random.default_rng(n)
    matrix, w = data(graph, rng.normal(size=(n, m)), [rows, columns]), pick(graph, graph.x, np.arange(m), [columns])
    z = reduced("sum", make("mul", matrix, w), columns)
    slope = make("div", graph.constant(1.0), make("add", graph.constant(1.0), make("exp", z)))
    by_column = make("add", reduced("sum", make("mul", slope, matrix), rows), w)
    scattered = spread(by_column, Scatter(graph.table(np.arange(m)), (columns,), m))
    both = make("mul", make("tanh", z), reduced("sum", make("mul", matrix, make("tanh", z)), rows))
    outputs = [part(scattered, j) for j in range(m)]
    outputs += [reduced("sum", make("log1p", make("exp", z)), rows)]
    outputs += [reduced("least", reduced("greatest", make("mul", both, matrix), columns), rows)]
    outputs += [
        reduced("sum", reduced("sum", make("mul", both, make("atan", make("mul", both, matrix))), rows), columns)
    ]
    check(outputs, m, tolerance=1e-10)


def test_picks_from_anything_and_spreads_where_rows_meet():
    graph, axis, rng = Graph(dim=3, n_params=1), Axis(50), np.random.default_rng(0)
    make = graph.make
    choices = [graph.x[2], graph.p[0], make("mul", graph.x[0], graph.x[1]), graph.constant(3.0)]
    picked = pick(graph, choices, rng.integers(0, 4, 50), [axis])
    seldom = spread(make("mul", picked, picked), Scatter(graph.table(rng.integers(0, 2, 50)), (axis,), 4))
    scattered = spread(make("exp", picked), Scatter(graph.table(np.arange(50) // 10), (axis,), 5))
    outputs = [part(scattered, j) for j in range(5)] + [part(seldom, j) for j in range(2)]
    check([reduced("sum", picked, axis), *outputs], 3, p=[0.4])


@pytest.mark.parametrize(("n", "m"), [(3, 5), (9, 40), (40, 40), (41, 7)])
def test_rows_spread_for_every_row_of_another_axis(n, m):
    """s_j(k) is the sum of tanh(x0 t_k + u_l) over the rows l whose number is j."""
    graph, rows, others = Graph(dim=2), Axis(n), Axis(m, int(n == m))
    make, rng = graph.make, np.random.default_rng(n)
    t, u = data(graph, rng.normal(size=n), [rows]), data(graph, rng.normal(size=m), [others])
    both = make("tanh", make("add", make("mul", graph.x[0], t), make("mul", graph.x[1], u)))
    sums = spread(both, Scatter(graph.table(np.arange(m) * 2 % 4), (others,), 4))
    chosen = entry(sums, 0, np.arange(m)[::-1] // 2 % 4, [others])
    square = make("mul", part(sums, 0), part(sums, 2))
    outputs = [reduced("sum", make("exp", square), rows), reduced("prod", make("add", t, part(sums, 2)), rows)]
    outputs.append(reduced("sum", reduced("greatest", make("mul", chosen, both), others), rows))
    axes = tuple(sorted((rows, others)))
    numbers = rng.integers(0, 3, [axis.length for axis in axes])
    table = spread(make("mul", both, t), Scatter(graph.table(numbers), axes, 3))
    check([*outputs, *(part(table, j) for j in range(3))], 2, tolerance=1e-10)


def test_numbers_that_are_not_finite_spread_as_in_numpy():
    graph, axis = Graph(dim=1), Axis(40)
    t = data(graph, np.linspace(-1.0, 1.0, 40), [axis])
    row = graph.make("mul", graph.x[0], t)
    outputs = [reduced(op, graph.make("exp", row), axis) for op in ("sum", "prod", "least", "greatest")]
    outputs.append(reduced("sum", graph.make("sqrt", row), axis))
    x = np.tile([math.nan, math.inf, -math.inf, 0.0, 1e308, 700.0, -700.0, 1.0], 2)[:, None]
    check(outputs, 1, x=x)


@pytest.mark.parametrize("fun", [backwards, many_coordinates, running, sum_in_a_step], ids=lambda fun: fun.__name__)
def test_recurrences(fun):
    x = np.array(CASES[fun])
    objective = Objective(fun, len(x), box=[(v - 0.1, v + 0.1) for v in x])
    check(objective.outputs("value_and_gradient"), len(x), x=x + 0.01 * points(len(x)))


def test_progressions_are_told_from_other_tables():
    assert progression(np.array([5])) == (5, [0])
    assert progression(np.arange(7)[::-1].copy()) == (6, [-1])
    assert progression(np.array([[1, 2], [1, 2]])) == (1, [0, 1])
    assert progression(np.array([[1, 2], [3, 5]])) is None


# Other processors

OTHER = {
    "sse2": Processor("x86_64-unknown-linux-gnu", "x86-64", "+sse2,-avx,-fma"),
    "avx": Processor("x86_64-unknown-linux-gnu", "sandybridge", "+sse2,+avx,-avx2,-fma"),
    "avx2": Processor("x86_64-unknown-linux-gnu", "haswell", "+sse2,+avx,+avx2,+fma,-avx512f"),
    "avx512": Processor("x86_64-unknown-linux-gnu", "skylake-avx512", "+avx,+avx2,+fma,+avx512f"),
}


def a_fit():
    graph, axis = Graph(dim=2), Axis(100)
    make, t = graph.make, data(graph, np.linspace(0.0, 4.0, 100), [axis])
    residual = make("sub", make("mul", graph.x[0], make("exp", make("mul", graph.x[1], t))), t)
    return [reduced("sum", make("mul", residual, residual), axis)]


@pytest.mark.parametrize("name", OTHER)
def test_code_for_other_processors_has_their_vectors(name):
    lanes = {"sse2": 2, "avx": 4, "avx2": 4, "avx512": 8}[name]
    processor = OTHER[name]
    assert processor.lanes("float64") == lanes == processor.lanes("float32") // 2
    assert processor.fuses == (name in ("avx2", "avx512"))
    outputs = a_fit()
    made = evaluation("evaluate", {2: outputs[0]}, lanes=64, dtype="float64", processor=processor)
    width = vector_width(outputs, 64, "float64", processor)
    assert width in (lanes, 2 * lanes)
    assert f"<{width} x double>" in made.text
    assert object_code(made.text, processor)


@pytest.mark.parametrize("name", OTHER)
def test_code_for_other_processors_that_this_one_runs_gives_the_same(name):
    processor, here = OTHER[name], this_processor()
    if not here.triple.startswith("x86_64") or not {"sse2": True}.get(name, here.has("avx512f")):
        pytest.skip(f"this processor does not run code for {name}")
    wanted = Block(a_fit(), 2)(points(2))
    found = Block(a_fit(), 2, processor=Processor(here.triple, processor.name, processor.features))(points(2))
    assert np.allclose(found, wanted, rtol=1e-13)
    assert np.array_equal(found, wanted) or not processor.fuses
