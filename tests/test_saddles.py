"""Saddles: known ones, those of separable functions from their 1-D extrema, zero modes, paths, the tree, bad input."""

import functools
import itertools
import json

import numpy as np
import pytest
from scipy.optimize import brentq, root

import batchgd as bgd
from batchgd.analysis.saddles.follow import ARRIVED, RESTED, follow
from batchgd.analysis.saddles.saddles import Nodes, Saddles
from batchgd.analysis.saddles.tree import disconnectivity
from batchgd.cli import main
from batchgd.minima.scale import measure


@functools.cache
def connect(fun, starts=400, **options):
    return bgd.multistart(fun, starts=starts, backend="numpy", **options).connect()


def extrema(slope, low, high, cells=4000):
    """Zeros of a derivative in one variable, by sign changes on a grid: ascending, minima and maxima in turns."""
    grid = np.linspace(low, high, cells)
    sign = np.sign([slope(t) for t in grid])
    return np.array([brentq(slope, a, b) for a, b, s, t in zip(grid, grid[1:], sign, sign[1:], strict=False) if s != t])


def separable_saddles(minima, maxima, dim):
    """Saddles of index 1 of a sum over coordinates: a maximum in one of them and minima in the others."""
    rows = []
    for k in range(dim):
        axes = [minima] * dim
        axes[k] = maxima
        rows += list(itertools.product(*axes))
    return np.array(sorted(rows))


def assert_same_points(x, truth, tolerance=1e-9):
    assert len(x) == len(truth)
    distance = np.abs(x[:, None] - truth[None]).max(axis=2)
    assert distance.min(axis=1).max() < tolerance
    assert len(set(distance.argmin(axis=1).tolist())) == len(truth)


def assert_verified(saddles, fun):
    """Every row is what the table says: no slope, one negative eigenvalue, down along the mode."""
    objective = bgd.Objective(fun, dim=saddles.x.shape[1])
    stiff = np.abs(saddles.eigenvalues).max(axis=1)
    slope = np.abs(objective.gradient(saddles.x)).max(axis=1)
    assert (slope <= 1e-12 * stiff * np.maximum(1, np.abs(saddles.x).max(axis=1))).all()
    curved = np.abs(saddles.eigenvalues) > 1e-6 * stiff[:, None]
    assert (((saddles.eigenvalues < 0) & curved).sum(axis=1) == 1).all()
    downhill = np.einsum("ki,kij,kj->k", saddles.mode, objective.hessian(saddles.x), saddles.mode)
    np.testing.assert_allclose(downhill, saddles.eigenvalues[:, 0], rtol=1e-9)


def test_mueller_brown():
    saddles = connect("mueller_brown")
    truth = np.array([(0.212486582, 0.292988325), (-0.822001559, 0.624312803)])
    np.testing.assert_allclose(saddles.x, truth, atol=1e-9)
    np.testing.assert_allclose(saddles.fun, [-72.248940, -40.664844], atol=1e-6)
    assert saddles.joins.tolist() == [[1, 2], [0, 2]]
    heights = [[-72.248940 + 108.166724, -72.248940 + 80.767818], [-40.664844 + 146.699517, -40.664844 + 80.767818]]
    np.testing.assert_allclose(saddles.barrier, heights, atol=2e-6)
    assert saddles.unconnected == []
    assert_verified(saddles, bgd.landscapes.get("mueller_brown").fun)


def test_himmelblau_has_four_saddles_in_a_ring_around_its_maximum():
    saddles = connect("himmelblau")
    assert len(saddles) == 4
    assert sorted(map(tuple, saddles.joins.tolist())) == [(0, 1), (0, 3), (1, 2), (2, 3)]
    assert (saddles.from_border > 0).all()
    assert (saddles.count > saddles.from_border).all()


def test_himmelblau_against_its_stationary_points():
    """Each saddle is one of the nine real solutions of ∇f = 0, which root finding from a grid gives."""

    def slope(z):
        a, b = z[0] ** 2 + z[1] - 11, z[0] + z[1] ** 2 - 7
        return [4 * z[0] * a + 2 * b, 2 * a + 4 * z[1] * b]

    solutions = [root(slope, start, tol=1e-13) for start in itertools.product(np.linspace(-5, 5, 12), repeat=2)]
    x = np.unique(np.round([s.x for s in solutions if np.abs(s.fun).max() < 1e-9], 9), axis=0)
    xx, xy, yy = 12 * x[:, 0] ** 2 + 4 * x[:, 1] - 42, 4 * x.sum(axis=1), 12 * x[:, 1] ** 2 + 4 * x[:, 0] - 26
    saddles = connect("himmelblau")
    assert len(x) == 9
    assert_same_points(saddles.x, x[xx * yy - xy**2 < 0], 1e-8)
    a, b = saddles.x[:, 0] ** 2 + saddles.x[:, 1] - 11, saddles.x[:, 0] + saddles.x[:, 1] ** 2 - 7
    np.testing.assert_allclose(saddles.barrier, np.stack([a**2 + b**2] * 2, axis=1), rtol=1e-12)  # minima are at 0
    assert_verified(saddles, bgd.landscapes.get("himmelblau").fun)


def test_six_hump_camel_against_the_roots_of_a_polynomial():
    """∂f/∂y = x - 8 y + 16 y^3 = 0 gives x, which makes of ∂f/∂x = 8 x - 8.4 x^3 + 2 x^5 + y = 0 a polynomial in y."""
    y = np.polynomial.Polynomial([0.0, 1.0])
    x = 8 * y - 16 * y**3
    roots = (8 * x - 8.4 * x**3 + 2 * x**5 + y).roots()
    v = roots.real[np.abs(roots.imag) < 1e-7]
    u = x(v)
    saddle = (8 - 25.2 * u**2 + 10 * u**4) * (48 * v**2 - 8) < 1
    assert (len(v), saddle.sum()) == (15, 7)
    saddles = connect("six_hump_camel")
    assert_same_points(saddles.x, np.stack([u, v], axis=1)[saddle], 1e-8)
    assert saddles.unconnected == []


@pytest.mark.parametrize(
    ("name", "dim", "starts", "slope", "edge"),
    [
        ("rastrigin", 2, 3000, lambda t: 2 * t + 20 * np.pi * np.sin(2 * np.pi * t), 5.12),
        ("styblinski_tang", 2, 200, lambda t: 2 * t**3 - 16 * t + 2.5, 5.0),
        ("styblinski_tang", 3, 400, lambda t: 2 * t**3 - 16 * t + 2.5, 5.0),
    ],
)
def test_saddles_of_separable_functions(name, dim, starts, slope, edge):
    points = extrema(slope, -edge, edge)
    truth = separable_saddles(points[::2], points[1::2], dim)
    saddles = connect(name, dim=dim, starts=starts)
    assert_same_points(saddles.x, truth)
    x = saddles.nodes.x[saddles.joins]
    assert ((np.abs(x[:, 0] - x[:, 1]) > 1e-6).sum(axis=1) == 1).all()  # neighbours along one coordinate
    assert saddles.unconnected == []


def test_in_one_dimension_saddles_are_maxima():
    saddles = connect("styblinski_tang", dim=1)
    assert saddles.x[0, 0] == pytest.approx(0.15673125678, abs=1e-10)
    assert saddles.joins.tolist() == [[0, 1]]


def test_joins_do_not_hang_on_the_units_of_the_function_nor_on_how_the_run_stopped():
    def wells(x):
        return 1e-9 * (((x[0] / 1000) ** 2 - 1) ** 2 + (x[1] * 1e5) ** 2)

    saddles = connect(wells, box=((-2e3, 2e3), (-1e-5, 1e-5)), starts=50)
    assert saddles.joins.tolist() == [[0, 1]]
    np.testing.assert_allclose(saddles.barrier, [[1e-9, 1e-9]], rtol=1e-9)
    assert connect("himmelblau", starts=200, ftol=1e-3).unconnected == []


def test_new_minima_are_met_and_walked_from():
    result = bgd.multistart("rastrigin", dim=1, starts=[[0.1], [0.05]], backend="numpy")
    assert len(result.minima) == 1
    saddles = result.connect(rounds=20)
    assert saddles.nodes.known == 1
    inside = np.abs(saddles.nodes.x[:, 0]) <= 5.12
    assert inside.sum() == 11
    assert len(saddles) == 10
    assert "had not seen" in repr(saddles)


def test_the_number_of_minima_walked_from_has_a_limit():
    result = bgd.multistart("rastrigin", dim=1, starts=[[0.1], [0.05]], backend="numpy")
    saddles = result.connect(rounds=20, most_minima=4)
    assert saddles.walked_from == 4
    assert len(saddles) < 10
    assert "walkers set out from 4 of the minima" in repr(saddles)
    assert "walkers: none" in repr(result.connect(border_points=0, most_minima=0))


def test_zero_modes_are_not_negative_ones():
    """Wells at x = ±1, z = 0; between them a line of saddles along z, on which the curvature along z is zero."""
    saddles = connect(lambda x: (x[0] ** 2 - 1) ** 2 + x[1] ** 2 + (x[0] * x[2]) ** 2, box=((-2, 2),) * 3, starts=50)
    assert len(saddles) > 0
    assert (saddles.zero == 1).all()
    assert np.abs(saddles.x[:, :2]).max() < 1e-9
    assert np.abs(saddles.x[:, 2]).max() < np.sqrt(2)


def test_a_ring_of_maxima_and_a_plain_bowl_have_no_saddle():
    assert len(connect(lambda x: x[0] ** 2 + 3 * x[1] ** 2, box=(-1, 1), dim=2, starts=50)) == 0
    saddles = connect(lambda x: np.sum(x**2) * (4 - np.sum(x**2)), box=(-1.6, 1.6), dim=2, starts=50)
    assert len(saddles.nodes) == 1
    assert ((saddles.zero == 1) & (np.abs(np.linalg.norm(saddles.x, axis=1) - np.sqrt(2)) < 1e-9)).all()


def test_a_walker_follows_its_mode_to_the_saddle():
    objective = bgd.Objective(lambda x: np.sum(x**4 - 16 * x**2 + 5 * x) / 2, dim=2)
    box = bgd.Box([-5.0, -5.0], [5.0, 5.0])
    deep = -2.903534027771177
    start = np.array([[deep + 0.1, deep], [deep, deep + 0.1], [deep, deep]])
    way = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    walk = follow(objective, box, start, way, measure(objective, box))
    assert walk.state.tolist() == [ARRIVED, ARRIVED, RESTED]
    np.testing.assert_allclose(walk.x[:2], [[0.15673, deep], [deep, 0.15673]], atol=2e-3)


def chain(heights, joins, fun):
    """A table of saddles that is made up."""
    s, joins = len(heights), np.array(joins).reshape(-1, 2)
    zero = np.zeros(s, np.int64)
    nodes = Nodes(np.arange(len(fun), dtype=float)[:, None], np.array(fun, float), len(fun))
    barrier = np.array(heights, float)[:, None] - nodes.fun[joins]
    x = np.zeros((s, 1))
    return Saddles(x, np.array(heights, float), x, x, joins, barrier, zero, zero, zero, nodes, {}, len(fun))


def test_lowest_paths_against_all_paths():
    rng = np.random.default_rng(1)
    networkx = pytest.importorskip("networkx")
    for _ in range(20):
        joins = rng.integers(0, 7, (14, 2))
        saddles = chain(np.sort(rng.random(14)) + 1, joins, np.zeros(7))
        graph = networkx.Graph()
        graph.add_nodes_from(range(7))
        for (a, b), height in zip(joins[::-1].tolist(), saddles.fun[::-1], strict=True):
            graph.add_edge(a, b, fun=height)  # the lowest is written last
        for a, b in itertools.combinations(range(7), 2):
            paths = list(networkx.all_simple_paths(graph, a, b))
            if not paths:
                with pytest.raises(bgd.InputError, match="no saddles found connect"):
                    saddles.lowest_path(a, b)
                continue
            best = min(max(graph.edges[edge]["fun"] for edge in itertools.pairwise(path)) for path in paths)
            found = saddles.lowest_path(a, b)
            assert found.highest == best
            assert found.minima[0] == a
            assert found.minima[-1] == b
            steps = [set(saddles.joins[row].tolist()) for row in found.saddles]
            assert steps == [set(pair) for pair in itertools.pairwise(found.minima)]


def test_graph_and_components():
    networkx = pytest.importorskip("networkx")
    result = bgd.multistart("himmelblau", starts=200, backend="numpy")
    for name in ("saddles", "graph"):
        with pytest.raises(bgd.InputError, match=r"no saddles were searched for: call result\.connect\(\)$"):
            getattr(result, name)
    result.connect()
    graph = result.graph
    assert (graph.number_of_nodes(), graph.number_of_edges()) == (4, 4)
    assert networkx.is_connected(graph)
    assert graph.edges[2, 3, 0]["fun"] == result.saddles.fun[0]
    lonely = chain([2.0], [(0, 1)], [0.0, 0.5, 0.1])
    assert lonely.components == [[0, 1], [2]]
    assert lonely.unconnected == [2]
    assert "unconnected" in repr(lonely)


def test_the_tree_joins_minima_at_the_highest_saddle_of_their_lowest_path():
    rng = np.random.default_rng(2)
    saddles = chain(np.sort(rng.random(30)) + 1, rng.integers(0, 12, (30, 2)), rng.random(12))
    tree = disconnectivity(saddles)
    assert sorted(tree.place[:12].tolist()) == list(range(12))

    def above(k):
        return [k, *above(tree.parent[k])] if k >= 0 else []

    for a, b in itertools.combinations(range(12), 2):
        shared = [k for k in above(a) if k in above(b)]
        if any(a in group and b in group for group in saddles.components):
            assert tree.level[shared[0]] == saddles.lowest_path(a, b).highest
        else:
            assert shared == []


def test_even_levels_round_joins_up():
    saddles = chain([1.0, 2.0, 4.0], [(0, 1), (1, 2), (2, 3)], [0.0, 0.2, 0.4, 0.6])
    tree = disconnectivity(saddles, levels=2)
    assert tree.level[4:].tolist() == [2.0, 4.0]
    assert tree.parent.tolist() == [4, 4, 4, 5, 5, -1]
    assert len(saddles.spanning) == 3
    with pytest.raises(bgd.InputError, match="levels is 0"):
        disconnectivity(saddles, levels=0)


@pytest.mark.parametrize(("name", "dim", "starts"), [("himmelblau", 2, 200), ("rastrigin", 2, 2000)])
def test_the_picture_has_a_line_per_node_and_a_point_per_minimum(name, dim, starts):
    result = bgd.multistart(name, dim=dim, starts=starts, backend="numpy")
    ax = result.plot.disconnectivity()
    drawn = {artist.get_gid(): artist for artist in ax.get_children() if artist.get_gid()}
    m = len(result.saddles.nodes)
    np.testing.assert_array_equal(np.sort(drawn["minima"].get_offsets()[:, 1]), np.sort(result.saddles.nodes.fun))
    assert len(drawn["tree"].get_segments()) == len(disconnectivity(result.saddles).level)
    assert len([text for text in ax.texts if text.get_gid() == "label"]) == (m if m <= 40 else 0)
    assert "roots" not in drawn


def test_saddles_draw_themselves_in_axes_given_or_new():
    saddles = bgd.multistart("himmelblau", starts=100, backend="numpy").connect(border_points=0)
    ax = saddles.plot(levels=5)
    assert saddles.plot(ax) is ax
    assert "himmelblau: 4 minima, 4 saddles" in ax.get_title(loc="left")
    lonely = chain([2.0], [(0, 1)], np.arange(500.0)).plot()
    drawn = {artist.get_gid(): artist for artist in lonely.get_children() if artist.get_gid()}
    assert len(drawn["roots"].get_offsets()) == 499


def test_frame_and_rows():
    pytest.importorskip("pandas")
    saddles = connect("mueller_brown")
    frame = saddles.to_dataframe()
    assert frame["joins1"].tolist() == [2, 2]
    np.testing.assert_array_equal(frame["barrier0"], saddles.barrier[:, 0])
    assert len(saddles[1:]) == 1


def test_the_command(capsys, tmp_path):
    assert main(["connect", "himmelblau", "--starts", "200", "--backend", "numpy", "--json", "--quiet"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [round(row["fun"], 3) for row in told["saddles"]] == [13.312, 67.719, 104.015, 178.337]
    assert told["objective"] == "himmelblau"
    bgd.multistart("himmelblau", starts=200, backend="numpy").save(tmp_path / "run")
    picture = tmp_path / "tree.png"
    assert main(["connect", "--run", str(tmp_path / "run"), "--plot", str(picture), "--path", "0,2"]) == 0
    out = capsys.readouterr().out
    assert "4 saddles of index 1, between 4 minima" in out
    assert "minimum 0 - saddle 2 - minimum 1 - saddle 1 - minimum 2" in out
    assert main(["connect", "--run", str(tmp_path / "run"), "--path", "0,9"]) == 2
    told = capsys.readouterr()
    assert "4 saddles" in told.out  # what was found is not lost
    assert "the label of a minimum is 9" in told.err
    assert picture.stat().st_size > 1000


def test_saddles_are_saved_and_not_sought_again(capsys, tmp_path):
    words = ["connect", "himmelblau", "--starts", "200", "--backend", "numpy", "--out", str(tmp_path / "run")]
    assert main(words) == 0
    found = capsys.readouterr().out
    with bgd.testing.no_work():
        assert main(["connect", "--run", str(tmp_path / "run"), "--out", str(tmp_path / "copy")]) == 0
    assert capsys.readouterr().out == found
    assert main(["plot", str(tmp_path / "copy"), "disconnectivity", "--out", str(tmp_path / "tree.png")]) == 0
    again = bgd.load(tmp_path / "copy").saddles
    assert str(again) + "\n" == found
    assert again.lowest_path(0, 2).saddles == (2, 1)
    assert (again.nodes.known, again.nodes.x.dtype, again.joins.dtype) == (4, np.float64, np.int64)


def test_a_result_that_was_not_connected_is_saved_without_saddles(tmp_path):
    result = bgd.multistart("himmelblau", starts=20, backend="numpy")
    assert not (result.save(tmp_path / "run") / "saddles.npz").exists()


def test_bad_input(capsys, tmp_path):
    result = bgd.multistart(lambda x: (x[0] ** 2 - 1) ** 2, box=[(-2, 2)], starts=20, backend="numpy")
    for options, said in (
        ({"border_points": -1}, "border_points is -1"),
        ({"rounds": 0}, "rounds is 0"),
        ({"most_minima": 1.5}, "most_minima is 1.5"),
    ):
        with pytest.raises(bgd.InputError, match=said):
            result.connect(**options)
    result.save(tmp_path / "run")
    with pytest.raises(bgd.InputError, match="the function is not stored with this result"):
        bgd.load(tmp_path / "run").connect()
    with pytest.raises(bgd.InputError, match="has no Hessian to follow"):
        bgd.multistart(lambda x: abs(x[0]), box=[(-2, 2)], starts=20, backend="numpy").connect()
    with pytest.raises(AttributeError, match="no labels and therefore no 'connect'"):
        bgd.descend("himmelblau", [[0.0, 0.0]], backend="numpy").connect()
    saddles = result.connect()
    for label, said in ((7, "the label of a minimum is 7"), ("a", "the label of a minimum is 'a'")):
        with pytest.raises(bgd.InputError, match=said):
            saddles.lowest_path(0, label)
    bgd.descend("himmelblau", [[0.0, 0.0]], backend="numpy").save(tmp_path / "ends")
    for words, said in (
        (["--run", str(tmp_path / "run"), "--starts", "5"], "--starts is for a new run"),
        (["--run", str(tmp_path / "ends")], "has endpoints but no minima"),
        (["himmelblau", "--path", "0"], "--path takes two labels of minima"),
        ([], "FUN is missing"),
    ):
        assert main(["connect", *words]) == 2
        err = capsys.readouterr().err
        assert said in err
        assert err.count("\n") == 1
