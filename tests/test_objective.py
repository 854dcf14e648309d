"""The objective: bad input in one clear line, params, hand-written gradients, modules swapped and put back."""

import contextlib
import functools
import inspect
import math
import pickle
import random
import threading
import warnings

import numpy as np
import pytest

import batchgd as bgd
from batchgd import InputError, Objective, TraceError, TraceSizeWarning, as_objective
from batchgd.compiler.trace.counts import like_terms


def loop_while(x):
    t = x[0]
    while t < 10:  # here
        t = t + 1
    return t


def to_int(x):
    return x[int(x[0])]  # here


def to_range(x):
    return sum(x[0] for _ in range(x[1]))  # here


PLAIN = np.zeros(2)


def assigned(x):
    y = PLAIN.copy()
    y[0] = x[1]  # here
    return np.sum(y)


def added_in_place(x):
    y = PLAIN.copy()
    y += x  # here
    return np.sum(y)


def swallowed(x):
    try:
        return x[0] * PLAIN[x[0]]  # here
    except Exception:
        return x[1]


def raises(x):
    values = [1.0]
    return x[0] * values[3]  # here


def raises_value_error(x):
    raise ValueError("wrong\nunits")  # here


def divides_by_zero(x):
    return x[0] * (1 / 0)  # here


def helper(t, u):
    return sum(t if k * u > t else -t for k in range(7))  # here


def helped(x):
    return helper(x[0], x[1])


def looks_at_the_name(x):
    return {"a": x[0]}["b"]  # here


UNTRACEABLE = [
    (loop_while, r"`t < 10` has not ended its loop after 63 rounds.*bgd\.where"),
    (to_int, r"`x\[int\(x\[0\]\)\]` needs the number behind a traced value \(index\)"),
    (to_range, r"index"),
    (assigned, r"np\.zeros_like\(x\).*np\.array"),
    (added_in_place, r"np\.zeros_like\(x\)"),
    (swallowed, r"\(index\)"),
    (raises, r"raises raises IndexError: list index out of range"),
    (raises_value_error, r"raises ValueError: wrong units"),
    (divides_by_zero, r"raises ZeroDivisionError: division by zero"),
    (helped, r"`k \* u > t` decides .* more than the 64 paths .*bgd\.where"),
    (looks_at_the_name, r"raises KeyError"),
]


def marked_line(fun):
    """Return file:line of the line marked `# here` in the function, or in the helper that it calls."""
    fun = helper if fun is helped else fun
    lines, first = inspect.getsourcelines(fun)
    offset = next(i for i, line in enumerate(lines) if "# here" in line)
    return f"test_objective.py:{first + offset}:"


@pytest.mark.parametrize(("fun", "pattern"), UNTRACEABLE, ids=lambda value: getattr(value, "__name__", ""))
def test_untraceable_code_names_the_line_and_the_cure(fun, pattern):
    with pytest.raises(TraceError, match=pattern) as caught:
        Objective(fun, 2)
    message = str(caught.value)
    assert marked_line(fun) in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("fun", "pattern"),
    [
        (lambda x: x**2, r"array of shape \(2,\).*np\.sum"),
        (lambda x: [x[0], x[1]], r"list of length 2"),
        (lambda x: (x[0],), r"tuple of length 1"),
        (lambda x: "high", r"string 'high'"),
        (lambda x: None, r"None: is a return statement missing"),
        (lambda x: 3.0, r"constant 3, which does not depend on x"),
        (lambda x: 0.0 * x[0], r"constant 0"),
        (lambda x: 1j, r"complex"),
        (lambda x: x[0] * 1j, r"complex"),
        (lambda x: x[0] > 0, r"true or false"),
        (lambda x: {1: x[0]}, r"a dict"),
    ],
)
def test_what_a_function_may_not_return(fun, pattern):
    with pytest.raises(TraceError, match=pattern) as caught:
        Objective(fun, 2)
    assert "test_objective.py:" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_randomness_and_hidden_state_are_found():
    calls = []

    def counting(x):
        calls.append(1)
        return x[0] + len(calls)

    for fun in (counting, lambda x: x[0] + random.random(), lambda x: x[0] + np.random.default_rng().normal()):
        with pytest.raises(TraceError, match=r"at the same x: remove random numbers and state"):
            Objective(fun, 1)


def test_a_trace_that_differs_from_the_function_is_refused():
    with pytest.raises(TraceError, match=r"test_objective.py:\d+: <lambda> returns .* at x = \[.*\], but its trace"):
        Objective(lambda x: x[0] ** 2 if type(x[0]) is np.float64 else x[0] ** 3, 1)


@pytest.mark.parametrize(
    ("arguments", "pattern"),
    [
        ({}, r"dim is missing"),
        ({"dim": 0}, r"dim is 0"),
        ({"dim": 2.0}, r"dim is 2\.0"),
        ({"dim": True}, r"dim is True"),
        ({"dim": 3, "box": [(0, 1)] * 2}, r"dim is 3"),
        ({"box": [(1, 0)]}, r"reversed"),
        ({"dim": 1, "params": "abc"}, r"params contain text"),
        ({"dim": 1, "params": [1j]}, r"params contain complex numbers"),
        ({"dim": 1, "jac": 3}, r"jac is 3"),
    ],
)
def test_bad_arguments(arguments, pattern):
    with pytest.raises(InputError, match=pattern):
        Objective(lambda x, *params: x[0], **arguments)


def test_fun_must_be_callable():
    with pytest.raises(InputError, match=r"fun is 3"):
        Objective(3, 1)


def test_points_of_a_wrong_shape():
    objective = Objective(branchless, 2)
    for x in (1.0, [1.0], np.zeros((2, 3)), np.zeros((1, 1, 2))):
        with pytest.raises(InputError, match=r"takes .* shape \(2,\) or \(n, 2\)"):
            objective.value(x)
    with pytest.raises(InputError, match=r"what is 'jacobian': give"):
        objective.emit("jacobian")


def branchless(x):
    return bgd.where(x[0] > 0, x[0], -x[1]) ** 2


def test_shapes_and_names():
    objective = Objective(branchless, box=[(-1, 1)] * 2)
    assert (objective.name, objective.dim, objective.params) == ("branchless", 2, None)
    assert isinstance(objective.value([1.0, 2.0]), float)
    assert objective.value(np.zeros((0, 2))).shape == (0,)
    assert objective.gradient(np.zeros((5, 2))).shape == (5, 2)
    assert objective.hessian(np.zeros((5, 2))).shape == (5, 2, 2)
    value, gradient = objective.value_and_gradient([3.0, 4.0])
    assert value == 9.0
    np.testing.assert_array_equal(gradient, [6.0, 0.0])
    points = np.random.default_rng(0).uniform(-1, 1, (10_000, 2))  # more than a block
    np.testing.assert_array_equal(objective.value(points)[9_000:], objective.value(points[9_000:]))


def test_trouble_inside_the_box_is_no_error():
    objective = Objective(lambda x: math.log(x[0]) + 1 / x[1], box=[(-1, 1)] * 2)
    np.testing.assert_array_equal(objective.value([[1.0, 0.0], [-1.0, 1.0], [1.0, 1.0]]), [np.inf, np.nan, 1.0])
    assert np.isnan(Objective(lambda x: math.log(-1 - x[0] ** 2), 1).value([0.0]))


def weighted(x, params):
    return params[0] * x[0] ** 2 + np.sum(params[1:] * x) + params[1] ** 3


def test_params_change_without_a_new_trace():
    objective = Objective(weighted, 2, params=[2.0, 3.0, 4.0])
    np.testing.assert_array_equal(objective.params, [2.0, 3.0, 4.0])
    assert objective.value([1.0, 1.0]) == 2 + 7 + 27
    other = objective.with_params([1.0, 0.0, 5.0])
    assert (other.value([1.0, 1.0]), objective.value([1.0, 1.0])) == (6.0, 36.0)
    np.testing.assert_array_equal(other.gradient([1.0, 1.0]), [2.0, 5.0])
    assert other.emit("value") is objective.emit("value")
    assert "p2" in other.emit("gradient")
    with pytest.raises(InputError, match=r"shape \(2,\).*\(3,\)"):
        objective.with_params([1.0, 2.0])
    with pytest.raises(InputError, match=r"takes no params"):
        Objective(branchless, 2).with_params(1.0)


def test_params_keep_their_shape():
    matrix = np.array([[2.0, 1.0], [1.0, 3.0]])
    objective = Objective(lambda x, a: x @ a @ x, 2, params=matrix)
    np.testing.assert_allclose(objective.hessian([0.3, 0.4]), 2 * matrix)
    assert Objective(lambda x, a: math.exp(a * x[0]), 1, params=2.0).value([1.0]) == pytest.approx(math.exp(2))


def bowl(x):
    return np.sum(x**4) + x[0] * x[1]


def test_a_hand_written_gradient_is_used_and_checked():
    objective = Objective(bowl, 2, jac=lambda x: 4 * x**3 + x[::-1])
    points = np.random.default_rng(0).normal(size=(5, 2))
    np.testing.assert_allclose(objective.gradient(points), Objective(bowl, 2).gradient(points), rtol=1e-13)
    np.testing.assert_allclose(objective.hessian(points), Objective(bowl, 2).hessian(points), rtol=1e-13)
    assert Objective(bowl, 2, jac=lambda x: [4 * x[0] ** 3 + x[1], 4 * x[1] ** 3 + x[0]]).dim == 2
    with pytest.raises(
        TraceError, match=r"test_objective.py:\d+: the gradient <lambda> returns .* in component 0 .*leave"
    ):
        Objective(bowl, 2, jac=lambda x: 3 * x**3 + x[::-1])
    with pytest.raises(TraceError, match=r"shape \(\): return 2 numbers"):
        Objective(bowl, 2, jac=lambda x: x[0])
    with pytest.raises(TraceError, match=r"returns None"):
        Objective(bowl, 2, jac=lambda x: None)


def steps(x, n):
    y = x[0]
    for _ in range(n):
        y = y + 0.01 * np.sin(y * x[1])
    return y**2


def misfit(x, t):
    return sum((x[0] * np.exp(-x[1] * s) - np.sin(s)) ** 2 for s in t) / len(t) + 0.1 * x[0] ** 2


def volatility(x, returns):
    variance, total = x[0], 0.0
    for each in returns:
        variance = x[0] + x[1] * each**2 + 0.5 * variance
        total = total + np.log(variance) + each**2 / variance
    return total


@pytest.mark.parametrize(
    ("fun", "args", "match"),
    [
        (volatility, np.linspace(1, 2, 400), r"^volatility takes .* operations .*: compute what terms share once"),
        (steps, 500, r"^steps takes 6,\d+ operations for value and gradient, .* as bgd.scan, .* backend='numpy'"),
        (
            misfit,
            np.linspace(0, 1, 500),
            r"^misfit takes .* its 499 terms differ only in data.*FiniteSum\(loss, data, dim=2,",
        ),
    ],
)
def test_functions_that_compile_slowly_warn_once_with_what_makes_them_small(fun, args, match):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        objective = Objective(fun, 2, args=args)
        Objective(steps, 2, args=200).warn_if_large()
        bgd.descend(objective, np.ones((1, 2)), maxiter=1, backend="numpy")
    with pytest.warns(TraceSizeWarning, match=match):
        objective.warn_if_large()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Objective(fun, 2, args=args).warn_if_large()


def test_like_terms_of_a_value_that_is_doubled_again_and_again():
    def doubled(x):
        y = x[0]
        for _ in range(60):
            y = np.sqrt(y) + y + y
        return y

    assert like_terms(Objective(doubled, 1, box=[(1, 2)])._traced.value) < 200


def test_pickle_keeps_everything():
    again = pickle.loads(pickle.dumps(Objective(weighted, params=[1.0, 2.0, 3.0], box=[(0, 1)] * 2, name="w")))
    assert (again.name, again.dim, again.box) == ("w", 2, bgd.Box.parse([(0, 1)] * 2))
    np.testing.assert_array_equal(again.params, [1.0, 2.0, 3.0])


def scaled_cosine(t):
    return math.cos(t) * 2.0


class Model:
    def __init__(self, scale):
        self.scale = scale

    def _part(self, t):
        return math.sqrt(self.scale + t * t)

    def energy(self, x):
        return self._part(x[0]) + self._part(x[1])

    def __call__(self, x):
        return self.energy(x) * 2


def test_math_is_reached_in_helpers_closures_methods_and_partials():
    import math as mathematics

    def inner(t):
        return mathematics.exp(t)

    def powered(x, exponent):
        return math.pow(x[0], exponent) + scaled_cosine(x[0])

    model = Model(2.0)
    expected = math.sqrt(3.0) + math.sqrt(6.0)
    assert Objective(lambda x: scaled_cosine(x[0]), 1).value([0.0]) == 2.0
    assert Objective(lambda x: inner(x[0]) + mathematics.sin(x[0]), 1).value([0.0]) == 1.0
    assert Objective(model.energy, 2).value([1.0, 2.0]) == pytest.approx(expected)
    assert Objective(model, 2).value([1.0, 2.0]) == pytest.approx(2 * expected)
    assert Objective(functools.partial(powered, exponent=2), 1).value([0.0]) == 2.0
    assert Objective(lambda x: sum(f(x[0]) for f in [scaled_cosine]), 1).value([0.0]) == 2.0
    assert mathematics is math
    assert inner(0.0) == 1.0


@pytest.mark.parametrize("fun", [scaled_cosine, loop_while, raises, bowl])
def test_modules_are_put_back_also_after_errors(fun):
    before, numpy_before = math, np
    with contextlib.suppress(TraceError):
        Objective(fun, 2)
    assert globals()["math"] is before is __import__("math")
    assert globals()["np"] is numpy_before is __import__("numpy")
    assert type(math.cos(0.5)) is float
    assert type(np.zeros(3)) is np.ndarray


def test_other_threads_see_the_real_modules_during_a_trace():
    seen = []

    def watching(x):
        thread = threading.Thread(target=lambda: seen.append((math.cos(0.0), type(np.zeros(2)))))
        thread.start()
        thread.join()
        return math.cos(x[0])

    Objective(watching, 1)
    assert set(seen) == {(1.0, np.ndarray)}


def test_constant_arrays_of_a_closure_work_on_both_sides():
    a, b = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1, 2])
    objective = Objective(lambda x: a @ x @ b + (x * b).sum() + (b * x)[0] + (a - x)[0, 1] + (x / b)[1] + b @ a @ x, 2)
    x = np.array([0.3, -0.7])
    assert objective.value(x) == pytest.approx(float(a @ x @ b + 2 * x[0] + 2 * x[1] + 2 - x[1] + x[1] / 2 + b @ a @ x))


def test_where_on_plain_values():
    assert bgd.where(True, 1.0, 2.0) == 1.0
    np.testing.assert_array_equal(bgd.where(np.array([True, False]), 1.0, [3.0, 4.0]), [1.0, 4.0])


def test_as_objective():
    objective = as_objective(bowl, box=[(-1, 1)] * 2)
    assert objective.dim == 2
    assert as_objective(objective) is as_objective(objective, box=(0, 1)) is objective
    assert as_objective(bowl, dim=2, box=(-1, 1)).dim == 2
    landscape = as_objective("himmelblau")
    assert (landscape.name, landscape.dim) == ("himmelblau", 2)
    assert as_objective("rastrigin", box=[(-1, 1)] * 4).dim == 4
    assert as_objective("rastrigin", dim=3, box=(-1, 1)).box == bgd.Box([-5.12] * 3, [5.12] * 3)


@pytest.mark.parametrize(
    ("fun", "arguments", "pattern"),
    [
        (bowl, {}, r"dim and box are missing"),
        (bowl, {"dim": 2}, r"the box is missing"),
        (Objective(bowl, 2), {}, r"the box is missing"),
        (Objective(bowl, 2), {"dim": 3, "box": (0, 1)}, r"dim is 3, but the objective bowl has 2"),
        (Objective(bowl, 2), {"jac": bowl, "box": (0, 1)}, r"jac was given"),
        ("himmelblau", {"params": 1.0}, r"params was given with the landscape"),
        ("himmelblauu", {}, r"himmelblau"),
        (3, {}, r"fun is 3"),
        (None, {}, r"fun is None"),
    ],
)
def test_as_objective_refuses(fun, arguments, pattern):
    with pytest.raises(InputError, match=pattern):
        as_objective(fun, **arguments)
