"""Every declared fact about the landscapes, checked with derivatives and counts that owe nothing to batchgd."""

from __future__ import annotations

from math import factorial

import numpy as np
import pytest
import reference_landscapes as reference
from reference_landscapes import MP, NUMPY, derivatives, exact

import batchgd as bgd
import batchgd.problem.landscapes as library
from batchgd import InputError

MOST_POINTS = 24  # of a long list of minima, this many are checked with 40 digits


def _dims(name: str) -> list[int]:
    least, greatest = library.get(name).dims
    if library.get(name).size is not None:
        _, each, more = library.get(name).size
        return [each * n + more for n in (1, 2, 3, 5, 7) if least <= each * n + more <= 21]
    if greatest is not None:
        return list(range(least, greatest + 1))
    return [dim for dim in (1, 2, 3, 5) if dim >= least] + ([4, 6, 7, 8, 9, 10] if name == "rosenbrock" else [])


CASES = [(name, dim) for name in library.names() for dim in _dims(name)]


def _sample(points: np.ndarray) -> np.ndarray:
    """The first points and a spread of the others."""
    if len(points) <= MOST_POINTS:
        return points
    return points[np.unique(np.linspace(0, len(points) - 1, MOST_POINTS).astype(int))]


def _smooth_minima(name: str, dim: int) -> np.ndarray:
    landscape = library.get(name)
    kinks = {tuple(point) for point in landscape.kinks(dim)}
    return np.array([x for x in landscape.minima(dim) if tuple(x) not in kinks]).reshape(-1, dim)


def _random_points(name: str, dim: int, n: int) -> np.ndarray:
    box = library.get(name).box(dim)
    return np.random.default_rng(7).uniform(box.lower, box.upper, (n, dim))


@pytest.mark.parametrize(("name", "dim"), CASES)
def test_formula_agrees_with_the_loop_reference(name, dim):
    fun = library.get(name).fun
    for x in _random_points(name, dim, 8):
        assert fun(x) == pytest.approx(exact(name, x), rel=1e-11, abs=1e-11)


@pytest.mark.parametrize(("name", "dim"), CASES)
def test_declared_minima_are_minima(name, dim):
    """Newton's step from the declared point is under 1e-12 of its size, and every curvature is positive."""
    for point in _sample(_smooth_minima(name, dim)):
        _, gradient, hessian = derivatives(name, point)
        symmetry = library.get(name).symmetry(dim)
        if symmetry is not None:  # the value is constant along its zero modes
            modes = symmetry.zero_modes(point)
            assert np.abs(hessian @ modes.T).max(initial=0.0) < 1e-12 * np.abs(hessian).max()
            hessian = hessian + np.abs(hessian).max() * modes.T @ modes
        assert np.linalg.eigvalsh(hessian).min() > 0.0, point
        step = np.linalg.solve(hessian, gradient)
        assert np.abs(step).max() < 1e-12 * max(1.0, np.abs(point).max()), point


@pytest.mark.parametrize(("name", "dim"), CASES)
def test_declared_minima_lie_inside_the_box_once_each_in_order(name, dim):
    landscape = library.get(name)
    minima, box = landscape.minima(dim), landscape.box(dim)
    assert minima.shape == (len(minima), dim)
    assert minima.dtype == np.float64
    assert len(minima) >= 1 or name == "xor_network"
    # the box says nothing about where a class of rotated points is
    assert landscape.symmetry is not None or np.all((minima > box.lower) & (minima < box.upper))
    values = np.array([landscape.fun(x) for x in minima])
    assert np.all(np.diff(values) > -1e-8)
    assert len({tuple(row) for row in np.round(minima / box.width, 7)}) == len(minima)


@pytest.mark.parametrize(("name", "dim"), CASES)
def test_global_value_is_that_of_the_best_minimum_and_nothing_is_lower(name, dim):
    landscape = library.get(name)
    if len(landscape.minima(dim)) == 0:
        pytest.skip("no minimum is declared in this dimension")
    declared, best = landscape.global_value(dim), landscape.minima(dim)[0]
    assert exact(name, best) == pytest.approx(declared, rel=1e-12, abs=1e-12)
    assert landscape.fun(best) == pytest.approx(declared, rel=1e-12, abs=1e-12)
    assert min(landscape.fun(x) for x in _random_points(name, dim, 300)) >= declared


@pytest.mark.parametrize(("name", "dim"), CASES)
def test_a_list_is_never_longer_than_the_count(name, dim):
    landscape = library.get(name)
    count = landscape.n_minima(dim)
    assert count is None or len(landscape.minima(dim)) <= count
    assert landscape.is_complete(dim) == (len(landscape.minima(dim)) == count)


@pytest.mark.parametrize("name", library.names())
def test_declared_saddles_are_stationary_with_one_falling_direction(name):
    landscape = library.get(name)
    for point in landscape.saddles():
        _, gradient, hessian = derivatives(name, point)
        eigenvalues = np.linalg.eigvalsh(hessian)
        assert np.abs(np.linalg.solve(hessian, gradient)).max() < 1e-12
        assert np.sum(eigenvalues < 0.0) == 1
        assert np.sum(eigenvalues > 0.0) == landscape.default_dim - 1


@pytest.mark.parametrize(("name", "dim"), [case for case in CASES if len(library.get(case[0]).kinks(case[1]))])
def test_kinks_rise_linearly_in_every_direction(name, dim):
    landscape = library.get(name)
    minima = {tuple(point) for point in landscape.minima(dim)}
    directions = np.random.default_rng(3).normal(size=(20, dim))
    for kink in landscape.kinks(dim):
        assert tuple(kink) in minima
        for direction in directions / np.linalg.norm(directions, axis=1, keepdims=True):
            near, far = (
                exact(name, [MP.mpf(t) + step * u for t, u in zip(kink, direction, strict=True)]) - exact(name, kink)
                for step in (MP.mpf(10) ** -8, MP.mpf(10) ** -7)
            )
            assert near > 0.0
            assert far / near == pytest.approx(10.0, rel=1e-5)


def test_ackley_rises_from_its_kink_with_slope_four_over_root_n():
    for dim in (1, 2, 5):
        rise = float(reference.ackley(MP, [MP.mpf(10) ** -12] + [MP.mpf(0)] * (dim - 1)))
        assert rise == pytest.approx(4.0 / np.sqrt(dim) * 1e-12, rel=1e-6)


def _count_on_a_line(name: str, dim: int, axis: int, points: int = 400_001) -> int:
    """Minima of coordinate `axis` inside the box, the others held at the global minimum."""
    landscape = library.get(name)
    box = landscape.box(dim)
    others = [float(t) for t in landscape.minima(dim)[0]]
    line = np.linspace(box.lower[axis], box.upper[axis], points)
    x = [line if k == axis else others[k] for k in range(dim)]
    values = getattr(reference, name)(NUMPY, x)
    inner = values[1:-1]
    return int(np.sum((inner < values[:-2]) & (inner <= values[2:])))


@pytest.mark.parametrize(
    ("name", "dim", "per_axis"),
    [
        ("rastrigin", 2, [11, 11]),
        ("schwefel", 2, [7, 7]),
        ("styblinski_tang", 3, [2, 2, 2]),
        ("levy", 1, [8]),
        ("levy", 4, [5, 6, 6, 8]),
        ("ackley", 1, [65]),
        ("griewank", 1, [191]),
        ("double_well", 2, [2, 1]),
        ("vincent", 1, [6]),
        ("modified_rastrigin", 2, [3, 4]),
        ("equal_maxima", 1, [5]),
        ("uneven_decreasing_maxima", 1, [5]),
    ],
)
def test_minima_of_separable_landscapes_multiply(name, dim, per_axis):
    assert [_count_on_a_line(name, dim, axis) for axis in range(dim)] == per_axis
    assert library.get(name).n_minima(dim) == np.prod(per_axis)


def test_michalewicz_has_i_proper_minima_in_coordinate_i():
    """Counted on sin^20 through its logarithm, because the humps' feet underflow to plateaus of equal values."""
    line = np.linspace(0.0, np.pi, 200_001)[1:-1]
    for i in range(1, 11):
        with np.errstate(divide="ignore"):
            values = np.log(np.sin(line)) + 20.0 * np.log(np.abs(np.sin(i * line**2 / np.pi)))
        inner = values[1:-1]
        assert np.sum((inner > values[:-2]) & (inner >= values[2:])) == i
    assert [library.get("michalewicz").n_minima(dim) for dim in (2, 5, 7)] == [factorial(2), factorial(5), factorial(7)]


# Bins per axis, fine enough that no two minima share a node's neighbourhood.
GRIDS = {
    "himmelblau": 400,
    "six_hump_camel": 400,
    "branin": 400,
    "mccormick": 400,
    "mueller_brown": 400,
    "shubert": 1200,
    "ackley": 1313,
    "levy": 700,
    "rastrigin": 600,
    "schwefel": 800,
    "styblinski_tang": 400,
    "double_well": 401,
    "vincent": 900,
    "modified_rastrigin": 400,
    "sphere": 201,
}
# Here a grid also finds spurious nodes along narrow slanting valleys: Newton's method takes each to a stationary point.
VALLEYS = {"goldstein_price": 401, "beale": 400, "rosenbrock": 300, "ellipsoid": 100}


def _grid_minima(name: str, bins: int) -> np.ndarray:
    """Inner nodes of a 2-D grid that are lower than their 24 neighbours within two steps."""
    box = library.get(name).box(2)
    axes = [np.linspace(lower, upper, bins + 1) for lower, upper in zip(box.lower, box.upper, strict=True)]
    u, v = np.meshgrid(*axes, indexing="ij")
    values = getattr(reference, name)(NUMPY, [u, v])
    padded = np.pad(values, 2, constant_values=np.inf)
    lowest = np.ones_like(values, dtype=bool)
    for i in range(5):
        for j in range(5):
            if (i, j) != (2, 2):
                shifted = padded[i : i + bins + 1, j : j + bins + 1]
                lowest &= values < shifted if (i, j) < (2, 2) else values <= shifted
    lowest[[0, -1], :] = False
    lowest[:, [0, -1]] = False
    return np.column_stack([u[lowest], v[lowest]])


@pytest.mark.parametrize(("name", "bins"), GRIDS.items())
def test_number_of_minima_in_two_dimensions(name, bins):
    assert len(_grid_minima(name, bins)) == library.get(name).n_minima(2)


@pytest.mark.parametrize(("name", "bins"), VALLEYS.items())
def test_number_of_minima_where_valleys_are_narrow(name, bins):
    landscape, found = library.get(name), []
    box = landscape.box(2)
    for point in _grid_minima(name, bins):
        for _ in range(30):
            _, gradient, hessian = derivatives(name, point)
            step = np.linalg.solve(hessian, gradient)
            point = point - step
            if np.abs(step).max() < 1e-12 or not np.all(np.abs(point) < 1e3):
                break
        minimum = np.linalg.eigvalsh(hessian).min() > 0.0 and np.all((point > box.lower) & (point < box.upper))
        if minimum and all(np.abs(point - other).max() > 1e-6 for other in found):
            found.append(point)
    assert len(found) == landscape.n_minima(2)


def test_grids_cover_every_two_dimensional_landscape():
    """The rest have plateaus, or minima by the ten thousand."""
    left_out = {"michalewicz", "griewank"}
    assert {name for name, dim in CASES if dim == 2} == set(GRIDS) | set(VALLEYS) | left_out


def _values(name: str, dim: int) -> list[float]:
    landscape = library.get(name)
    return [float(landscape.fun(x)) for x in landscape.minima(dim)]


FACTS = [
    ("six_hump_camel", 2, [-1.031628453, -1.031628453, -0.215463824, -0.215463824, 2.104250310, 2.104250310], 1e-9),
    ("mueller_brown", 2, [-146.699517, -108.166724, -80.767818], 1e-6),
    ("goldstein_price", 2, [3.0, 30.0, 84.0, 840.0], 1e-9),
    ("hartmann3", 3, [-3.862779787, -3.089764134, -1.000816864], 1e-9),
    ("hartmann6", 6, [-3.322368011, -3.203161918], 1e-9),
    ("shekel5", 4, [-10.153199679], 1e-9),
    ("shekel7", 4, [-10.402940567], 1e-9),
    ("shekel10", 4, [-10.536409817], 1e-9),
    ("michalewicz", 2, [-1.80130341], 1e-8),
    ("michalewicz", 5, [-4.68765818], 1e-8),
    ("michalewicz", 10, [-9.66015171], 1.5e-8),
    ("styblinski_tang", 1, [-39.16616570377], 1e-11),
    ("shubert", 2, [-186.7309088310] * 18, 1e-9),
    ("rosenbrock", 4, [0.0, 3.70142861], 1e-8),
    ("rosenbrock", 5, [0.0, 3.93083943], 1e-8),
    ("rosenbrock", 6, [0.0, 3.97394050], 1e-8),
    ("rosenbrock", 7, [0.0, 3.98360054], 1e-8),
    ("rosenbrock", 10, [0.0, 3.98657911], 1e-8),
]


@pytest.mark.parametrize(("name", "dim", "values", "tolerance"), FACTS)
def test_values_known_from_elsewhere(name, dim, values, tolerance):
    assert _values(name, dim)[: len(values)] == pytest.approx(values, rel=0.0, abs=tolerance)


def test_shubert_has_eighteen_global_minima():
    values = np.array(_values("shubert", 2))
    assert np.sum(values < -186.7309) == 18
    assert len(values) == 722


def test_shubert_in_three_dimensions_by_its_stationary_points():
    """Where no factor vanishes, a minimum is stationary in every factor, and its Hessian is diagonal."""
    line = np.linspace(-10.0, 10.0, 400_001)
    g = reference.shubert(NUMPY, [line])
    rising = np.diff(g) > 0.0
    turn = np.flatnonzero(rising[1:] != rising[:-1]) + 1
    bend, value = np.where(rising[turn], 1.0, -1.0), g[turn]
    b, v = np.meshgrid(bend, bend, bend), np.meshgrid(value, value, value)
    minimum = (b[0] * v[1] * v[2] > 0.0) & (b[1] * v[0] * v[2] > 0.0) & (b[2] * v[0] * v[1] > 0.0)
    assert library.get("shubert").n_minima(1) == np.sum(bend > 0.0)
    assert library.get("shubert").n_minima(3) == minimum.sum()
    product = v[0] * v[1] * v[2]
    assert np.sum(product < product.min() + 1e-3) == len(library.get("shubert").minima(3)) == 81


def test_saddles_of_mueller_brown_have_the_known_heights():
    landscape = library.get("mueller_brown")
    assert [landscape.fun(x) for x in landscape.saddles()] == pytest.approx([-72.248940, -40.664844], abs=1e-6)


@pytest.mark.parametrize("name", library.names())
def test_every_row_is_filled_in(name):
    landscape = library.get(name)
    assert landscape.name == name
    assert landscape.title
    assert landscape.source
    assert "f(x)" in landscape.description
    assert landscape.check_dim() == landscape.default_dim == landscape.check_dim(landscape.default_dim)
    box = landscape.box()
    assert box.dim == landscape.default_dim
    assert np.all(box.lower < box.upper)


def test_a_long_product_lists_the_global_minimum_alone():
    rastrigin = library.get("rastrigin")
    assert rastrigin.minima(6).tolist() == [[0.0] * 6]
    assert rastrigin.n_minima(6) == 11**6
    assert not rastrigin.is_complete(6)


def test_names_are_sorted_and_complete():
    names = library.names()
    assert names == sorted(names)
    wanted = """sphere ellipsoid rosenbrock rastrigin ackley griewank schwefel levy styblinski_tang michalewicz
    himmelblau six_hump_camel branin goldstein_price beale shubert hartmann3 hartmann6 shekel mueller_brown
    double_well"""
    assert set(wanted.split()) <= set(names)


@pytest.mark.parametrize("spelling", ["himmelblau", "Himmelblau", " himmelblau "])
def test_get_forgives_case_and_spaces(spelling):
    assert library.get(spelling).name == "himmelblau"


def test_shekel_is_shekel10():
    assert library.get("shekel").fun is library.get("shekel10").fun


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("rastrign", "unknown landscape 'rastrign': did you mean 'rastrigin'? `batchgd list` shows all"),
        ("qqqq", "unknown landscape 'qqqq': `batchgd list` shows all"),
        (3, "the name of a landscape is 3: give it as a string"),
    ],
)
def test_unknown_names_are_one_clear_line(name, message):
    with pytest.raises(InputError) as caught:
        library.get(name)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("name", "dim", "message"),
    [
        ("himmelblau", 3, "landscape 'himmelblau' is defined for dim 2 only, not 3; pass dim=2 or leave dim out"),
        ("rosenbrock", 1, "landscape 'rosenbrock' needs dim >= 2, not 1"),
        ("sphere", 0, "dim is 0: give a whole number of coordinates from 1 to 100000"),
        ("sphere", -2, "dim is -2: give a whole number of coordinates from 1 to 100000"),
        ("sphere", 2.5, "dim is 2.5: give a whole number of coordinates from 1 to 100000"),
        ("sphere", "2", "dim is '2': give a whole number of coordinates from 1 to 100000"),
        ("sphere", True, "dim is True: give a whole number of coordinates from 1 to 100000"),
    ],
)
@pytest.mark.parametrize("method", ["check_dim", "box", "minima", "n_minima", "global_value"])
def test_wrong_dimensions_are_one_clear_line(name, dim, message, method):
    with pytest.raises(InputError) as caught:
        getattr(library.get(name), method)(dim)
    assert str(caught.value) == message


def test_numpy_integers_are_dimensions():
    assert library.get("sphere").check_dim(np.int64(3)) == 3


def test_a_name_is_entered_once():
    def sphere(x):
        return x[0]

    row = library.landscape("x", source="x", box=(0, 1), dims=1, minima=(), n_minima=0, global_value=None)
    with pytest.raises(InputError, match="a landscape named 'sphere' exists already"):
        row(sphere)


@pytest.mark.parametrize(("name", "dim"), CASES)
def test_every_landscape_traces_to_the_same_values(name, dim):
    landscape = library.get(name)
    objective = bgd.as_objective(landscape, dim)
    assert objective.dim == dim
    assert bgd.as_objective(landscape, dim) is objective
    points = _random_points(name, dim, 5)
    assert objective.value(points) == pytest.approx([landscape.fun(x) for x in points], rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("name", library.names())
def test_traced_derivatives_agree_with_forty_digits(name):
    landscape = library.get(name)
    dim = landscape.default_dim if landscape.size is None else _dims(name)[0]
    points = _random_points(name, dim, 2)
    objective = bgd.as_objective(landscape, dim)
    gradients, hessians = objective.gradient(points), objective.hessian(points)
    for x, gradient, hessian in zip(points, gradients, hessians, strict=True):
        _, exact_gradient, exact_hessian = derivatives(name, x)
        for traced, expected in ((gradient, exact_gradient), (hessian, exact_hessian)):
            np.testing.assert_allclose(traced, expected, rtol=1e-8, atol=1e-8 * np.abs(expected).max() + 1e-12)
