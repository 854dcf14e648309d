"""Rows in the graph: derivatives, simplification and unrolling of expressions made by hand."""

import itertools

import numpy as np
import pytest

from batchgd.compiler.lower import arrays
from batchgd.compiler.trace.counts import count_operations
from batchgd.compiler.trace.differentiate import gradient, jacobian_columns
from batchgd.compiler.trace.emit import emit_function
from batchgd.compiler.trace.graph import Axis
from batchgd.compiler.trace.operations import numpy_names
from batchgd.compiler.trace.powers import lowered
from batchgd.compiler.trace.rows import Rows, data, pick, reduced, reindexed
from batchgd.compiler.trace.simplify import SimplifyingGraph
from batchgd.compiler.trace.unroll_rows import unrolled

N = 7
ROWS, OTHERS = Axis(N), Axis(N, 1)
TIMES = np.linspace(0.3, 2.0, N)
FIRST, SECOND = np.array([0, 1, 2, 0, 1, 2, 0]), np.array([1, 2, 0, 2, 0, 1, 1])


def _decay(graph, make):
    """sum_k (t_k - a exp(-b t_k))^2 c."""
    t = data(graph, TIMES, [ROWS])
    a, b, c = graph.x
    residual = make("sub", t, make("mul", a, make("exp", make("neg", make("mul", b, t)))))
    return make("mul", c, reduced("sum", make("mul", residual, residual), ROWS))


def _pairs(graph, make):
    """sum_k 1 / (x_i - x_j)^2."""
    apart = make("sub", pick(graph, graph.x, FIRST, [ROWS]), pick(graph, graph.x, SECOND, [ROWS]))
    return reduced("sum", make("div", graph.constant(1.0), make("mul", apart, apart)), ROWS)


def _kernel(graph, make):
    """sum_k log sum_l exp(-a (t_k - x_l)^2)."""
    centre = pick(graph, graph.x, FIRST, [OTHERS])
    apart = make("sub", data(graph, TIMES, [ROWS]), centre)
    inner = make("exp", make("neg", make("mul", graph.x[0], make("mul", apart, apart))))
    return reduced("sum", make("log", reduced("sum", inner, OTHERS)), ROWS)


def _product(graph, make):
    """prod_k (a - t_k b) + prod_k x_i, which has powers."""
    t = data(graph, TIMES, [ROWS])
    terms = make("sub", graph.x[0], make("mul", graph.x[1], t))
    return make("add", reduced("prod", terms, ROWS), reduced("prod", pick(graph, graph.x, FIRST, [ROWS]), ROWS))


def _extremes(graph, make):
    t = data(graph, TIMES, [ROWS])
    waves = make("sin", make("add", make("mul", graph.x[0], t), graph.x[1]))
    greatest, least = reduced("greatest", waves, ROWS), reduced("least", make("mul", waves, graph.x[2]), ROWS)
    return make("add", make("mul", greatest, greatest), make("power", least, graph.constant(3.0)))


def _constant_rows(graph, make):
    """What does not depend on an axis, and a table of which rows."""
    t = data(graph, TIMES, [ROWS])
    squares = reduced("sum", make("mul", graph.x[0], graph.x[0]), ROWS)
    table = data(graph, np.outer(TIMES, TIMES**2), [OTHERS, ROWS])
    inner = reduced("sum", make("mul", table, make("sin", make("mul", graph.x[1], t))), ROWS)
    both = reduced("sum", make("mul", inner, make("exp", make("mul", graph.x[2], table))), ROWS)
    return make("add", squares, reduced("sum", make("mul", both, inner), OTHERS))


EXPRESSIONS = {
    "decay": _decay,
    "pairs": _pairs,
    "kernel": _kernel,
    "product": _product,
    "extremes": _extremes,
    "constant rows": _constant_rows,
}
POINTS = np.random.default_rng(3).uniform(0.4, 1.6, (3, 5))


def _run(outputs):
    names = numpy_names()
    exec(emit_function("f", outputs, 3), names)
    return np.array(np.broadcast_arrays(*names["f"](*POINTS)))


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_derivatives_are_those_of_the_unrolled_expression(name):
    graph = SimplifyingGraph(dim=3)
    value = EXPRESSIONS[name](graph, graph.make)
    slopes = gradient(value, graph.x)
    seconds = [*itertools.chain(*jacobian_columns(slopes, graph.x))]
    (plain,) = unrolled([value])
    wanted = gradient(plain, graph.x)
    wanted = [plain, *wanted, *itertools.chain(*jacobian_columns(wanted, graph.x))]
    assert not any(node.axes for node in (value, *slopes, *seconds))
    found = _run(unrolled(lowered([value, *slopes, *seconds])))
    np.testing.assert_allclose(found, _run(lowered(wanted)), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("numbers", [1 << 15, 8, 1])
@pytest.mark.parametrize("name", EXPRESSIONS)
def test_rows_in_numpy(name, numbers, monkeypatch):
    monkeypatch.setattr(arrays, "NUMBERS", numbers)
    graph = SimplifyingGraph(dim=3)
    value = EXPRESSIONS[name](graph, graph.make)
    slopes = gradient(value, graph.x)
    outputs = lowered([value, *slopes, *itertools.chain(*jacobian_columns(slopes, graph.x))])
    found = arrays.ArrayProgram(outputs)(POINTS)
    np.testing.assert_allclose(found, _run(unrolled(outputs)), rtol=1e-12, atol=1e-12)


def test_counts_are_those_of_the_unrolled_expression():
    graph = SimplifyingGraph(dim=3)
    value = _decay(graph, graph.make)
    assert count_operations([value]) == count_operations(unrolled([value]))


def test_equal_sums_are_one_node_whatever_their_axis_is_called():
    graph = SimplifyingGraph(dim=3)
    rows = [graph.make("exp", graph.make("mul", graph.x[0], data(graph, TIMES, [axis]))) for axis in (ROWS, OTHERS)]
    assert rows[0] is not rows[1]
    assert reduced("sum", rows[0], ROWS) is reduced("sum", rows[1], OTHERS)


def test_factors_leave_a_sum():
    graph = SimplifyingGraph(dim=3)
    rows = graph.make("exp", graph.make("mul", graph.x[0], data(graph, TIMES, [ROWS])))
    total = reduced("sum", graph.make("neg", graph.make("mul", graph.x[1], rows)), ROWS)
    assert total is graph.make("neg", graph.make("mul", graph.x[1], reduced("sum", rows, ROWS)))


def test_renaming_does_not_capture():
    """sum_l a t_k t_l with k called like the bound axis."""
    graph = SimplifyingGraph(dim=3)
    t, s = data(graph, TIMES, [ROWS]), data(graph, TIMES**2, [OTHERS])
    nested = reduced("sum", graph.make("sin", graph.make("mul", graph.make("mul", graph.x[0], t), s)), ROWS)
    assert nested.axes == (OTHERS,)
    renamed = reindexed([nested], {OTHERS: ROWS})[0]
    assert renamed.axes == (ROWS,)
    assert reindexed([renamed], {ROWS: OTHERS})[0] is nested
    assert reduced("sum", nested, OTHERS) is reduced("sum", renamed, ROWS)
    third = reindexed([nested], {OTHERS: Rows((), np.array(2))})
    expected = sum(np.sin(POINTS[0] * each * TIMES[2] ** 2) for each in TIMES)
    np.testing.assert_allclose(_run(unrolled(third))[0], expected, rtol=1e-13)


def test_the_product_of_rows_with_a_zero():
    graph = SimplifyingGraph(dim=3)
    value = reduced("prod", pick(graph, graph.x, np.array([0, 1, 2]), [Axis(3)]), Axis(3))
    slopes = gradient(value, graph.x)
    names = numpy_names()
    exec(emit_function("f", unrolled(slopes), 3), names)
    with np.errstate(all="ignore"):
        assert names["f"](np.float64(0.0), np.float64(2.0), np.float64(3.0)) == (6.0, 0.0, 0.0)
        assert names["f"](np.float64(0.0), np.float64(0.0), np.float64(3.0)) == (0.0, 0.0, 0.0)


def test_the_hessian_of_a_product_of_rows_with_zeros():
    """With two factors 0 the gradient is 0, and the derivative by both is the product of the others."""
    graph = SimplifyingGraph(dim=4)
    value = reduced("prod", pick(graph, graph.x, np.array([0, 1, 2, 3]), [Axis(4)]), Axis(4))
    hessian = [*itertools.chain(*jacobian_columns(gradient(value, graph.x), graph.x))]
    names = numpy_names()
    exec(emit_function("f", unrolled(hessian), 4), names)
    for x in [(2.0, 3.0, 5.0, 7.0), (0.0, 3.0, 5.0, 7.0), (0.0, 3.0, 0.0, 7.0), (0.0, 0.0, 0.0, 7.0)]:
        with np.errstate(all="ignore"):
            found = np.reshape(names["f"](*np.array(x)), (4, 4))
        wanted = [[0.0 if i == j else np.prod(np.delete(x, [i, j])) for j in range(4)] for i in range(4)]
        np.testing.assert_allclose(found, wanted, atol=1e-12, err_msg=str(x))
