"""The box: every form a user may write gives the same box, and every bad one gives one line with the remedy."""

import pickle
from fractions import Fraction

import numpy as np
import pytest
from scipy.optimize import Bounds

import batchgd as bgd
from batchgd import Box, InputError

SAME = Box([-5.0, -5.0], [5.0, 5.0])


@pytest.mark.parametrize(
    ("form", "dim"),
    [
        ([(-5, 5), (-5, 5)], None),
        ([(-5, 5)] * 2, 2),
        ((-5, 5), 2),
        ([(-5, 5)], 2),
        (np.array([[-5, 5], [-5, 5]], np.float32), None),
        (np.array([-5, 5]), np.int64(2)),
        (iter([(-5, 5), (-5, 5)]), None),
        ([(Fraction(-5), 5), (-5, Fraction(5))], None),
        (SAME, 2),
    ],
)
def test_every_form_gives_the_same_box(form, dim):
    assert Box.parse(form, dim) == SAME


def test_one_pair_without_dim_is_one_dimensional():
    assert Box.parse((0, 2)) == Box.parse([(0, 2)]) == Box([0], [2]) == Box(0, 2)


def test_measures():
    box = Box([0.0, 1.0], [2.0, 5.0])
    assert box.dim == 2
    assert box.volume == 8.0
    np.testing.assert_array_equal(box.width, [2.0, 4.0])
    np.testing.assert_array_equal(box.center, [1.0, 3.0])
    assert Box([-1e150] * 3, [1e150] * 3).volume == np.inf


def test_contains_includes_the_faces_and_refuses_nan():
    box = Box([0.0, 1.0], [2.0, 5.0])
    points = [[0.0, 1.0], [2.0, 5.0], [2.1, 3.0], [1.0, 0.9], [np.nan, 2.0]]
    np.testing.assert_array_equal(box.contains(points), [True, True, False, False, False])
    assert box.contains([1.0, 2.0]) is True
    with pytest.raises(InputError, match=r"shape \(3,\) do not fit a box in 2 dimensions"):
        box.contains([1.0, 2.0, 3.0])


def test_a_box_cannot_change_and_does_not_follow_its_source():
    source = np.zeros(2)
    box = Box(source, [1.0, 1.0])
    source[0] = 0.5
    assert box.lower[0] == 0.0
    with pytest.raises(ValueError, match="read-only"):
        box.lower[0] = 0.5
    with pytest.raises(AttributeError):
        box.lower = source


def test_equal_boxes_hash_alike_and_survive_pickling():
    assert hash(Box(0.0, 1.0)) == hash(Box(-0.0, 1.0))
    assert Box(0.0, 1.0) == Box(-0.0, 1.0)
    assert Box(0.0, 1.0) != Box(0.0, 2.0)
    assert Box(0.0, 1.0) != (0.0, 1.0)
    assert pickle.loads(pickle.dumps(SAME)) == SAME


BAD = [
    ([(0, 1), (5, -5)], None, r"axis 1 is \(5, -5\), which is reversed: write \(-5, 5\)"),
    ([(3, 3)], None, r"axis 0 is \(3, 3\), which has no width"),
    ([(0, np.inf)], None, "infinite box; give two finite numbers"),
    ([(-np.inf, 0)], None, "infinite box; give two finite numbers"),
    (Bounds([-5, -5], [5, 5]), None, r"a Bounds, which constrains x.*or box=list\(zip"),
    ([(0.0, 5e-324)], None, "narrower than float64 can divide by: rescale"),
    ([(0.0, 10**400)], None, "a number that float64 cannot hold"),
    (np.ma.masked_greater([[0.0, 1.0]], 0.5), None, "masked entries: fill them"),
    ([(np.nan, 1)], None, "NaN is not the end of an interval"),
    ([(-1e308, 1e308)], None, "wider than float64 can hold"),
    ([(0, 1)] * 3, 2, "has 3 dimensions but dim is 2"),
    (SAME, 3, "has 2 dimensions but dim is 3"),
    (Box(0, 1), 3, "has 1 dimensions but dim is 3"),
    ([(0, 1, 2)], None, r"has shape \(1, 3\), not \(d, 2\)"),
    ([[[0, 1]]], None, r"has shape \(1, 1, 2\)"),
    ([], None, r"has shape \(0,\)"),
    (5, None, r"has shape \(\), not \(d, 2\)"),
    ([(0, 1), (2,)], None, "rows of different lengths"),
    ([(0, None)], None, "not a real number"),
    ([(0, "a")], None, "contains text"),
    ([("0", "1")], None, "contains text"),
    ([(0, 1j)], None, "contains complex"),
    ([(False, True)], None, "contains true/false"),
    ("rastrigin", None, "not a list of numbers"),
    ({"x": (0, 1)}, None, "not a list of numbers"),
    (None, 2, "the box is missing"),
    ((0, 1), 0, "dim is 0: give a whole number of coordinates"),
    ((0, 1), -2, "dim is -2: give a whole number of coordinates"),
    ((0, 1), 2.0, "dim is 2.0: give a whole number of coordinates"),
    ((0, 1), True, "dim is True"),
]


@pytest.mark.parametrize(("form", "dim", "message"), BAD, ids=[row[2][:24] for row in BAD])
def test_bad_boxes_give_one_line(form, dim, message):
    with pytest.raises(InputError, match=message) as caught:
        Box.parse(form, dim)
    assert "\n" not in str(caught.value)


def test_the_constructor_checks_too():
    with pytest.raises(InputError, match="2 lower and 1 upper"):
        Box([0, 1], [2])
    with pytest.raises(InputError, match="not lists of numbers"):
        Box([[0]], [[1]])


@pytest.mark.parametrize(
    ("box", "line"),
    [
        (
            ([0, 5], [10, 20]),
            r"two ways: write box=.* for these lower and upper ends, or box=\[\(0.0, 5.0\), \(10.0, 20.0\)\]",
        ),
        ((np.array([0, 5]), np.array([10, 20])), "can be read in two ways"),
        (([0, 0], [1, 1]), r"two lists of ends, lower and upper: .* box=\[\(0.0, 1.0\), \(0.0, 1.0\)\]$"),
        ([[-2, -2], [2, 2]], r"two lists of ends, lower and upper: .* box=\[\(-2.0, 2.0\), \(-2.0, 2.0\)\]$"),
        (([0, 0, 0], [1, 2, 3]), r"box=\[\(0.0, 1.0\), \(0.0, 2.0\), \(0.0, 3.0\)\]$"),
        ([[0] * 9, [1] * 9], r"box=list\(zip\(lower, upper\)\)$"),
    ],
)
def test_lower_and_upper_ends_in_two_lists_are_refused(box, line):
    with pytest.raises(InputError, match=line):
        bgd.multistart(lambda x: np.sum(x**2), box=box)


@pytest.mark.parametrize(
    "box",
    [
        [(0, 5), (10, 20)],
        [[0, 5], [10, 20]],
        ((0, 5), (10, 20)),
        np.array([[0, 5], [10, 20]]),
        zip([0, 10], [5, 20], strict=True),
    ],
)
def test_two_pairs_in_any_other_form_are_pairs(box):
    assert Box.parse(box) == Box([0, 10], [5, 20])


def test_two_lists_that_are_pairs_alone_are_pairs():
    assert Box.parse(([-5, 5], [-5, 5])) == Box([-5, -5], [5, 5])
    assert Box.parse(([1, 2], [0, 5])) == Box([1, 0], [2, 5])
