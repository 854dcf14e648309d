"""Functions that decide by the value of x: every path is followed, and none spoils the derivatives of another."""

import builtins
import itertools
import math
import threading

import numpy as np
import pytest
from scipy import interpolate, stats

import batchgd as bgd

EDGES = {
    # what is evaluated for x < 0 only, and infinite or NaN, itself or its slope, for other x
    "sqrt": lambda t: np.sqrt(-t),
    "log": lambda t: np.log(-t),
    "1/x": lambda t: 1 / (t - abs(t)),
    "power": lambda t: (-t) ** 1.5 + (-t) ** 0.3,
    "negative power": lambda t: (t - abs(t)) ** -3,
    "arcsin": lambda t: np.arcsin(t * np.exp(np.maximum(t, 0) * 900)),
    "overflow": lambda t: np.exp(np.exp(9 * t + 5 * np.maximum(t, 0))),
    "hypot": lambda t: np.hypot(t - abs(t), 0.0),
    "cbrt": lambda t: np.cbrt(t - abs(t)),
    "cbrt in a product": lambda t: np.cbrt(t - abs(t)) * np.sin(t) + np.hypot(t - abs(t), 0.0) * np.exp(t),
    "log of a log": lambda t: np.log(np.log(1 - np.minimum(t, 0))),
}


def if_else(x, edge):
    if x[0] < 0:
        return edge(x[0]) * x[1]
    return 3 * x[1] ** 2


def early(x, edge):
    if not x[0] < 0:
        return 3 * x[1] ** 2
    return edge(x[0]) * x[1]


def shared_by_paths(x, edge):
    part = edge(x[0])
    if x[0] >= 0:
        return 3 * x[1] ** 2
    if x[1] > 0:
        return part * x[1]
    return np.sin(x[1]) + part * x[1] - np.sin(x[1])


def last_of_three(x, edge):
    part = edge(x[0])
    if x[0] < 0 and x[1] > 0:
        return part * x[1]
    if x[0] < 0:
        return part * x[1] * np.sin(2.0) / np.sin(2.0)
    return 3 * x[1] ** 2


def by_bgd_where(x, edge):
    return bgd.where(x[0] < 0, edge(x[0]) * x[1], 3 * x[1] ** 2)


def by_np_where(x, edge):
    part = edge(x[0])
    return np.where(x[0] < 0, part, 0.0) * x[1] + np.where(x[0] >= 0, 3.0, 0.0) * x[1] ** 2


def by_several_wheres(x, edge):
    part = edge(x[0])
    first = np.where((x[0] < 0) & (x[1] > 0), part, 0.0) + np.where((x[0] < 0) & (x[1] <= 0), part, 0.0)
    return first * x[1] + np.where(x[0] >= 0, 3.0, 0.0) * x[1] ** 2


def by_select(x, edge):
    return np.select([x[0] < 0, x[0] >= 0], [edge(x[0]) * x[1], 3 * x[1] ** 2])


WAYS = [if_else, early, shared_by_paths, last_of_three, by_bgd_where, by_np_where, by_several_wheres, by_select]


@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("way", WAYS)
def test_a_path_not_taken_leaves_no_trace_in_the_derivatives(way, edge):
    objective = bgd.Objective(lambda x: way(x, EDGES[edge]), 2)
    points = np.array([[0.0, 0.5], [0.7, -0.3], [1.0, 0.0]])
    np.testing.assert_array_equal(objective.value(points), 3 * points[:, 1] ** 2)
    np.testing.assert_array_equal(objective.gradient(points), np.stack([0 * points[:, 1], 6 * points[:, 1]], 1))
    np.testing.assert_array_equal(objective.hessian(points), [[[0.0, 0.0], [0.0, 6.0]]] * 3)
    alone = bgd.Objective(lambda x: EDGES[edge](x[0]) * x[1], box=[(-0.9, -0.1), (-1, 1)])
    points = np.array([[-0.4, 0.5], [-0.7, -0.3]])
    np.testing.assert_allclose(objective.gradient(points), alone.gradient(points), rtol=1e-13)
    np.testing.assert_allclose(objective.hessian(points), alone.hessian(points), rtol=1e-13)


def test_what_paths_share_exists_once():
    def function(x):
        heavy = np.exp(np.sin(x[0]) * np.cosh(x[1]))
        if x[0] > 0:
            return heavy
        return heavy * heavy if x[1] > 0 else np.sin(heavy)

    text = bgd.Objective(function, 2).emit("value")
    assert (text.count("exp("), text.count("cosh("), text.count("where(")) == (1, 1, 2)


def test_questions_that_are_settled_are_not_asked():
    def thresholds(x):
        total = 0.0 * x[0]
        for k in range(25):  # 2^25 paths if each were a question of its own
            if x[0] > k / 25:
                total = total + x[0]
            if not x[0] > k / 25 or x[0] >= (k + 1) / 25 or x[0] == 2.0 or x[0] <= -1.0:
                total = total + 0.5
        return total

    objective = bgd.Objective(lambda x: thresholds(x) if x[0] > -0.5 and x[0] < 1.0 else x[0], box=[(-1, 1)])
    points = np.linspace(-0.99, 0.99, 50)[:, None]
    np.testing.assert_allclose(objective.value(points), [thresholds(x) if x > -0.5 else x[0] for x in points])


def test_a_question_is_the_same_one_when_the_function_is_run_again():
    def function(x):  # in the second run 1 / size exists, and 0.1 / size could be written with it
        size = 1.5 + x[0] * x[1]
        if 0.1 / size < x[1]:
            return x[0] / size
        return x[1] / size if 0.1 / size < x[0] else x[1]

    objective = bgd.Objective(function, 2)
    points = np.random.default_rng(2).uniform(-1, 1, (40, 2))
    np.testing.assert_allclose(objective.value(points), [function(x) for x in points], rtol=1e-14)


COMPARISONS = [
    lambda a, b: a < b,
    lambda a, b: a <= b,
    lambda a, b: a > b,
    lambda a, b: a >= b,
    lambda a, b: a == b,
    lambda a, b: a != b,
]


SIDES = [lambda a, b: (a, b), lambda a, b: (b, a), lambda a, b: (a, 0.5), lambda a, b: (a, 1.0), lambda a, b: (0.5, a)]


@pytest.mark.parametrize("first", range(6))
def test_what_one_answer_says_about_another_holds_for_every_number(first):
    """Two comparisons of the same two numbers, one of which may be NaN, or of one of them with two constants."""
    points = np.array([*itertools.product([-1.0, 0.0, 0.25, 0.5, 1.0, 4.0], repeat=2)])
    for second, left, right in itertools.product(range(6), SIDES, SIDES):

        def function(x, second=second, left=left, right=right):
            a, b = np.sqrt(x[0]), np.sqrt(x[1])
            one = COMPARISONS[first](*left(a, b))
            if one:
                return 1.0 * x[0] if COMPARISONS[second](*right(a, b)) else 2.0 * x[0]
            return 3.0 * x[0] if COMPARISONS[second](*right(a, b)) else 4.0 * x[0]

        with np.errstate(all="ignore"):
            wanted = [function(x) for x in points]
        np.testing.assert_array_equal(bgd.Objective(function, box=[(-1, 2)] * 2).value(points), wanted)


def test_a_nan_is_neither_above_nor_below():
    def function(x):
        y = np.log(x[0])
        if y < 0:
            return 1.0 + x[1]
        if y >= 0:
            return 2.0 + x[1]
        return 3.0 + x[1]

    np.testing.assert_array_equal(
        bgd.Objective(function, 2).value([[0.5, 0.0], [2.0, 0.0], [-1.0, 0.0]]), [1.0, 2.0, 3.0]
    )


def test_every_path_in_the_box_is_verified():
    class Sly:
        def __call__(self, x):
            if x[0] > 0.985:  # a hundredth of the box
                return x[0] if type(x[0]) is np.float64 else 2 * x[0]
            return x[0] ** 2

    with pytest.raises(bgd.TraceError, match=r"at x = \[0\.9.*\], but its trace returns"):
        bgd.Objective(Sly(), box=[(0, 1)])


def test_what_a_path_raises_is_not_finite_there():
    def function(x):
        if x[0] < 0:
            raise ValueError("x[0] is negative")
        assert x[1] < 0.9
        return np.sum(x**2)

    objective = bgd.Objective(function, 2)
    np.testing.assert_array_equal(objective.value([[-0.5, 0.1], [0.5, 0.95], [0.5, 0.5]]), [np.nan, np.nan, 0.5])


def test_what_is_caught_is_caught_in_the_trace():
    def likelihood(x):
        try:
            low = np.linalg.cholesky(np.array([[x[0], 0.3], [0.3, x[1]]]))
        except np.linalg.LinAlgError:
            return 1e10
        return np.sum(low**2)

    def logarithm(x):
        try:
            return math.log(x[0]) + math.sqrt(x[1])
        except ValueError:
            return 99.0

    points = np.random.default_rng(0).uniform(-1, 1, (40, 2))
    for fun in (likelihood, logarithm):
        np.testing.assert_allclose(bgd.Objective(fun, 2).value(points), [fun(x) for x in points])


def test_a_gradient_by_hand_may_decide_too():
    def fun(x):
        return x[0] ** 2 if x[0] > 0 else -3 * x[0]

    def jac(x):
        return [2 * x[0]] if x[0] > 0 else [-3.0]

    objective = bgd.Objective(fun, 1, jac=jac)
    np.testing.assert_array_equal(objective.gradient([[2.0], [-1.0]]), [[4.0], [-3.0]])


def bent(x):
    low = min(x[0], x[1])
    if low < 0:
        return 0.5 * x[0] ** 2 + (x[1] + 0.5) ** 2 + 0.1
    return (x[0] - 0.5) ** 2 + (x[1] - 0.5) ** 2 if low > 0.1 else 1 - low + np.sqrt(low)


@pytest.mark.parametrize("backend", ["cpu", "numpy"])
def test_a_run_finds_the_minima_of_all_paths(backend):
    result = bgd.multistart(bent, box=[(-1, 1)] * 2, starts=300, seed=0, backend=backend)
    np.testing.assert_allclose(result.minima.x[:2], [[0.5, 0.5], [0.0, -0.5]], atol=1e-6)


class Model:
    """A function with state of its own: a spline and a distribution."""

    def __init__(self):
        knots = np.linspace(0, 1, 7)
        self.spline, self.noise = interpolate.CubicSpline(knots, knots**2), stats.norm(0, 1)

    def __call__(self, x):
        return self.spline(x[0]) + self.noise.logpdf(x[1])


def test_everything_is_put_back():
    model, before = Model(), (builtins.__import__, dict(globals()))
    parts = model.spline, model.noise
    assert bgd.Objective(model, 2).value([0.5, 0.0]) == pytest.approx(0.25 - 0.5 * math.log(2 * math.pi))
    with pytest.raises(bgd.TraceError):
        bgd.Objective(lambda x: max(x[0], model(x)) + range(x[0]), 2)
    assert (model.spline, model.noise) == parts
    assert builtins.__import__ is before[0]
    assert not {"max", "range", "float"} & {*globals()}


def test_another_thread_sees_what_it_always_sees():
    begun, done, seen = threading.Event(), threading.Event(), []

    def function(x):
        begun.set()
        done.wait(5)
        return max(x[0], 0.0) + float(x[1])

    def other():
        begun.wait(5)
        seen.append(
            (max(1, 2), max([3, 1], key=abs), float("1.5"), isinstance(1.5, float), sorted([2, 1]), any([0, 1]))
        )
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    bgd.Objective(function, 2)
    thread.join()
    assert seen == [(2, 3, 1.5, True, [1, 2], True)]
