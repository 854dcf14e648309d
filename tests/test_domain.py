"""Domains of coordinates: angles modulo their period, and positive ones in logarithms, against known minima."""

import json

import numpy as np
import pytest

import batchgd as bgd
from batchgd.cli import main

BACKENDS = ["cpu", "numpy"]
SAMPLE = np.exp(np.random.default_rng(7).normal(1.2, 0.5, 40))
MEAN, DEVIATION = np.log(SAMPLE).mean(), np.log(SAMPLE).std()
NORMAL = {"domain": ["free", "positive"], "box": [(-5, 5), (1e-3, 1e3)]}


def torsions(t):
    """3 x 2 minima in a period."""
    return np.cos(3 * t[0]) + 0.3 * np.cos(t[0] - 0.4) + np.cos(2 * t[1]) + 0.2 * np.sin(t[1])


def ring(t):
    """XY spins on a ring: -n cos(2π w / n) for each winding number |w| < n / 4."""
    return -np.sum(np.cos(t - np.roll(t, 1)))


def likelihood(x):
    """Minus the logarithm of that of a log-normal sample: the minimum is at its mean and standard deviation."""
    scaled = (np.log(SAMPLE) - x[0]) / x[1]
    return len(SAMPLE) * np.log(x[1]) + 0.5 * np.sum(scaled**2)


def wells(x):
    """Minima where ln x is a whole multiple of π."""
    return np.sin(np.log(x[0])) ** 2


def torsion_minima():
    """By Newton's method on each coordinate, from a grid."""

    def ends(slope, curvature):
        t = np.linspace(-np.pi, np.pi, 400, endpoint=False)
        t = t[(np.roll(slope(t), 1) < 0) & (slope(t) >= 0)]
        for _ in range(20):
            t = t - slope(t) / curvature(t)
        return np.mod(t + np.pi, 2 * np.pi) - np.pi

    first = ends(
        lambda t: -3 * np.sin(3 * t) - 0.3 * np.sin(t - 0.4), lambda t: -9 * np.cos(3 * t) - 0.3 * np.cos(t - 0.4)
    )
    second = ends(lambda t: -2 * np.sin(2 * t) + 0.2 * np.cos(t), lambda t: -4 * np.cos(2 * t) - 0.2 * np.sin(t))
    return np.array([(a, b) for a in first for b in second])


@pytest.fixture(scope="module")
def turned():
    return bgd.multistart(torsions, domain="periodic", dim=2, starts=200, backend="numpy")


@pytest.mark.parametrize("backend", BACKENDS)
def test_angles_are_counted_modulo_their_period(backend):
    turned = bgd.multistart(torsions, domain="periodic", dim=2, starts=200, backend=backend)
    truth = torsion_minima()
    assert len(truth) == 6
    off = np.abs(turned.minima.x[:, None] - truth).max(axis=2)
    off = np.minimum(off, 2 * np.pi - off)
    assert sorted(off.argmin(axis=1).tolist()) == list(range(6))
    assert off.min(axis=1).max() < 1e-9
    assert turned.minima.inside.all()
    assert np.abs(turned.x).max() <= np.pi
    assert turned.box == bgd.Box([-np.pi] * 2, [np.pi] * 2)
    assert turned.minima.count.sum() == 200


def test_starts_a_period_apart_have_one_label(turned):
    shifted = turned.x0 + 2 * np.pi * np.random.default_rng(1).integers(-3, 4, turned.x0.shape)
    again = bgd.multistart(torsions, domain="periodic", box=turned.box, starts=shifted, backend=turned.backend)
    assert np.mean(again.label == turned.label) > 0.99
    assert len(again.minima) == 6


def test_a_ring_of_spins_has_one_set_of_minima_for_each_winding_number():
    result = bgd.multistart(
        ring, domain="periodic", dim=7, starts=100, method="lbfgs", identity={"symmetry": "none"}, backend="numpy"
    )
    assert result.minima.fun == pytest.approx([-7.0, -7 * np.cos(2 * np.pi / 7)])
    assert result.minima.free.tolist() == [1, 1]
    assert result.minima.count.sum() == 100


def test_maps_sweeps_and_strategies_know_the_period(turned):
    basins = bgd.map(torsions, domain="periodic", dim=2, resolution=16, backend=turned.backend)
    assert basins.window.tolist() == [[-np.pi, np.pi]] * 2
    assert len(basins.minima) == 6
    assert len(basins.zoom(((3.0, 3.3), (-0.1, 0.1)), resolution=8).minima) <= 6
    for strategy in ("mlsl", "basin_hopping"):
        found = bgd.multistart(torsions, domain="periodic", dim=2, starts=60, strategy=strategy, backend="numpy")
        assert len(found.minima) == 6
    assert len(turned.fidelity(20).label) == 20
    assert (turned.fidelity(20).flow < 6).all()
    saddles = turned.connect()  # 3 x 2 maxima of one coordinate at minima of the other, and the other way round
    assert len(saddles.x) == 12
    assert np.abs(saddles.x).max() <= np.pi


def test_a_function_without_the_period_is_refused():
    with pytest.raises(bgd.InputError, match="does not have the symmetry periods"):
        bgd.multistart(torsions, domain="periodic", box=[(-1, 1)] * 2)


@pytest.mark.parametrize(
    ("backend", "dtype"), [("cpu", "float64"), ("cpu", "mixed"), ("numpy", "float64"), ("numpy", "float32")]
)
def test_a_positive_coordinate_finds_the_most_likely_deviation(backend, dtype):
    result = bgd.multistart(likelihood, starts=60, backend=backend, dtype=dtype, **NORMAL)
    np.testing.assert_allclose(result.minima.x, [[MEAN, DEVIATION]], rtol=1e-9)
    assert result.minima.count.tolist() == [60]
    assert result.minima.active.tolist() == [[0, 0]]
    n = len(SAMPLE)  # the Hessian in x
    np.testing.assert_allclose(result.minima.eigenvalues, [[n / DEVIATION**2, 2 * n / DEVIATION**2]], rtol=1e-6)
    low, high = np.log10(result.x0[:, 1].min()), np.log10(result.x0[:, 1].max())
    assert (low < -2, high > 2) == (True, True)  # drawn in its logarithm


@pytest.mark.parametrize("method", ["newton", "lbfgs", "bfgs", "nonlinear_cg", "gradient_flow", bgd.Adam(0.05)])
def test_methods_descend_in_logarithms(method):
    ends = bgd.descend(likelihood, [[0.0, 0.1], [2.0, 20.0]], method=method, backend="numpy", **NORMAL)
    np.testing.assert_allclose(ends.x, [[MEAN, DEVIATION]] * 2, rtol=1e-6)


def test_the_gradient_tolerance_is_that_of_the_logarithm():
    ends = bgd.descend(lambda x: (np.log(x[0]) - 7.0) ** 2, [[1.0]], domain="positive", gtol=1e-9)
    assert ends.status.tolist() == [1]
    assert ends.x[0, 0] == pytest.approx(np.exp(7.0), rel=1e-9)
    assert abs(ends.x[0, 0] * ends.jac[0, 0]) <= 1e-9
    loose = bgd.descend(lambda x: (np.log(x[0]) - 7.0) ** 2, [[np.exp(7.001)]], domain="positive", gtol=2.1e-3)
    assert loose.nit.tolist() == [0]  # the slope there is 0.002 by ln x, and 1.8e-6 by x


def test_paths_are_in_x():
    path = bgd.path(likelihood, [[0.0, 1e-2]], **NORMAL)[0]
    assert path.x[0] == pytest.approx([0.0, 1e-2])
    assert path.x[-1] == pytest.approx([MEAN, DEVIATION])


def test_minima_are_told_apart_by_their_logarithms():
    result = bgd.multistart(wells, domain="positive", box=[(1e-4, 1e2)], starts=60, backend="numpy")
    truth = np.exp(np.pi * np.arange(-3, 2))
    np.testing.assert_allclose(np.sort(result.minima.x.ravel()), truth, rtol=1e-8)
    assert result.minima.inside.tolist().count(False) == 1  # e^-3π is below the box


def test_bounds_of_a_positive_coordinate_are_kept():
    called = []

    def watched(x):
        called.append(x.copy())
        return float(likelihood(x))

    objective = bgd.Callback(watched, box=[(-5, 5), (0.6, 3.0)])
    called.clear()
    result = bgd.multistart(objective, domain=["free", "positive"], bounds=[(-5, 5), (0.6, 3.0)], starts=8)
    seen = np.array(called)[:, 1]
    assert seen.min() >= 0.6
    assert seen.max() <= 3.0
    assert result.minima.x[0, 1] == 0.6
    assert result.minima.active.tolist() == [[0, -1]]
    slope = len(SAMPLE) / 0.6 - len(SAMPLE) * DEVIATION**2 / 0.6**3
    assert result.minima.multipliers[0, 1] == pytest.approx(slope, rel=1e-4)


def test_bounds_per_start():
    bounds = np.array([[(-5, 5), (0.1, 0.3)], [(-5, 5), (0.1, 9.0)]])
    ends = bgd.descend(likelihood, [[0.0, 0.2]] * 2, domain=["free", "positive"], bounds=bounds)
    np.testing.assert_allclose(ends.x[:, 1], [0.3, DEVIATION], rtol=1e-7)
    assert ends.x[0, 1] == 0.3


def test_an_infimum_at_zero_is_not_a_minimum():
    result = bgd.multistart(lambda x: (x[0] + 1) ** 2, domain="positive", box=[(1e-2, 1e2)], starts=50)
    assert len(result.minima) == 0
    assert (result.x > 0).all()
    (warning,) = result.warnings
    assert "infimum" in warning
    assert "x = (4" in warning  # in x


def test_sums_and_residuals_take_logarithms():
    def term(x, row):
        return np.log(x[1]) + 0.5 * ((np.log(row[0]) - x[0]) / x[1]) ** 2

    total = bgd.FiniteSum(term, SAMPLE[:, None], 2)
    np.testing.assert_allclose(bgd.multistart(total, starts=5, **NORMAL).minima.x, [[MEAN, DEVIATION]], rtol=1e-8)
    t = np.arange(6.0)
    decay = bgd.LeastSquares(lambda x: x[0] * np.exp(-x[1] * t) - 2.0 * np.exp(-0.3 * t), dim=2)
    found = bgd.multistart(decay, domain="positive", box=[(1e-2, 1e2)] * 2, starts=20, method="levenberg_marquardt")
    np.testing.assert_allclose(found.minima.x, [[2.0, 0.3]], rtol=1e-8)


def test_storage_and_runs_keep_the_domain(tmp_path, turned):
    result = bgd.multistart(likelihood, starts=40, **NORMAL)
    again = bgd.load(result.save(tmp_path / "one.npz"), fun=likelihood)
    assert again.domain.kinds == ("free", "positive")
    assert np.array_equal(again.recluster({"x": 1e-3}).minima.x, result.minima.x)
    assert (again.fidelity(5).flow == 0).all()
    run = bgd.multistart(likelihood, starts=40, run=tmp_path / "run", **NORMAL)
    assert np.array_equal(run.x, result.x)
    assert np.array_equal(run.minima.x, result.minima.x)
    assert np.array_equal(bgd.merge(tmp_path / "run", fun=likelihood).x, result.x)
    assert np.array_equal(np.concatenate([part["x"] for part in bgd.rows(tmp_path / "run")]), result.x)
    saved = bgd.load(turned.save(tmp_path / "turned.npz"), fun=torsions)
    assert len(saved.recluster({"x": 1e-5}).minima) == 6


def test_shell(capsys, tmp_path):
    file = tmp_path / "own.py"
    file.write_text("import numpy as np\ndef wells(x):\n    return np.sin(np.log(x[0])) ** 2 + 1 - np.cos(x[1])\n")
    line = ["run", f"{file}:wells", "--domain", "positive", "--domain", "periodic"]
    assert main([*line, "--box", "0.5", "100", "--box", "0", "6.283185307179586", "--starts", "200", "--json"]) == 0
    minima = json.loads(capsys.readouterr().out)["minima"]
    assert np.exp(np.pi * np.arange(2)) == pytest.approx(sorted(row["x"][0] for row in minima), rel=1e-6)
    assert main(["run", "himmelblau", "--domain=-2:2.5", "--starts", "200", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["minima"][0]["active"] == [1, 0]


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"domain": "periodical"}, "the domain of coordinate 0 is 'periodical': did you mean 'periodic'"),
        ({"domain": ["free", "positive", "free"]}, "domain is given for 3 coordinates, and there are 2"),
        ({"domain": ["free", "positive"]}, "its box is .-5, 5.: give a box with a positive lower end"),
        ({"domain": [(0, 1), "free"], "bounds": [(0, 1), (0, 1)]}, "has an interval in domain, and one in bounds"),
        ({"domain": "periodic", "bounds": [(0, 1), (0, 1)]}, "coordinate 0 is periodic, and has an interval in bounds"),
        ({"domain": "positive", "bounds": [(-3, -1), (0, 1)]}, "positive and has an upper bound of -1"),
        ({"domain": 3}, "domain is 3: give 'free'"),
        ({"domain": [(1, 0), "free"]}, r"the domain of coordinate 0 is \(1, 0\)"),
    ],
)
def test_bad_domains_are_refused_in_one_line(given, line):
    with pytest.raises(bgd.InputError, match=line) as error:
        bgd.multistart("himmelblau", starts=5, box=None if "bounds" in given else [(-5, 5)] * 2, **given)
    assert "\n" not in str(error.value)


def test_what_cannot_be_honoured_is_refused():
    with pytest.raises(bgd.InputError, match="coordinate 1 of start 0 is -1, and its domain is positive"):
        bgd.descend(likelihood, [[0.0, -1.0]], domain=["free", "positive"])
    with pytest.raises(bgd.InputError, match="the range of its starts is missing"):
        bgd.multistart(likelihood, domain=["free", "positive"])
