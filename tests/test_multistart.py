"""The main job against known truths: counts of minima, global values, basin fractions, on every backend."""

import math

import numpy as np
import pytest

import batchgd as bgd

# (landscape, dim, starts, number of minima in the interior of the box, global value)
COUNTS = [
    ("himmelblau", 2, 2_000, 4, 0.0),
    ("six_hump_camel", 2, 2_000, 6, -1.031628453),
    ("mueller_brown", 2, 2_000, 3, -146.699517),
    ("goldstein_price", 2, 5_000, 4, 3.0),
    ("branin", 2, 2_000, 3, 0.397887358),
    ("mccormick", 2, 2_000, 2, -1.913222955),
    ("rastrigin", 2, 20_000, 121, 0.0),
    ("schwefel", 2, 20_000, 49, 0.0),
    ("styblinski_tang", 5, 5_000, 32, -5 * 39.16616570377),
    ("michalewicz", 2, 2_000, 2, -1.80130341),
    ("levy", 2, 20_000, 40, 0.0),
    ("shubert", 2, 100_000, 722, -186.7309088310),
    ("hartmann3", 3, 2_000, 3, -3.862779787),
    ("hartmann6", 6, 2_000, 2, -3.322368011),
    ("shekel5", 4, 5_000, 5, -10.153199679),
    ("shekel7", 4, 5_000, 7, -10.402940567),
    ("shekel10", 4, 5_000, 10, -10.536409817),
    ("ackley", 2, 200_000, 4225, 0.0),
]


COMPILED = ("himmelblau", "six_hump_camel", "schwefel", "shubert", "hartmann3", "shekel5", "ackley")
"""One of each kind: polynomials; roots, sines, exponentials and quotients; and all that need very many starts."""


@pytest.mark.parametrize(("name", "dim", "starts", "count", "value"), COUNTS, ids=lambda v: str(v))
def test_every_known_minimum_is_found_and_no_other(name, dim, starts, count, value):
    result = bgd.multistart(name, dim=dim, starts=starts, backend="cpu" if name in COMPILED else "numpy")
    assert int(result.minima.inside.sum()) == count
    best = result.minima.fun[result.minima.inside].min()
    assert best == pytest.approx(value, abs=1e-4 if name == "schwefel" else 1e-6)


@pytest.mark.parametrize(("name", "starts", "count"), [("himmelblau", 1000, 4), ("six_hump_camel", 1000, 6)])
def test_numpy_finds_the_same(name, starts, count):
    plain = bgd.multistart(name, starts=starts, backend="numpy")
    fast = bgd.multistart(name, starts=starts, backend="cpu")
    assert len(plain.minima) == count
    np.testing.assert_allclose(plain.minima.x, fast.minima.x, atol=1e-10)
    assert np.mean(plain.label != fast.label) < 2e-3


def test_float32_labels_agree_with_float64():
    wide, narrow = (bgd.multistart("himmelblau", starts=20_000, dtype=dtype) for dtype in ("float64", "float32"))
    np.testing.assert_allclose(narrow.minima.x, wide.minima.x, atol=1e-10)
    assert np.mean(wide.label != narrow.label) < 1e-3


def test_the_eighteen_global_minima_of_shubert():
    result = bgd.multistart("shubert", starts=100_000)
    inside = result.minima.inside
    assert np.sum(np.abs(result.minima.fun[inside] + 186.7309088310) < 1e-6) == 18


def test_rosenbrock_has_a_second_minimum():
    result = bgd.multistart("rosenbrock", dim=4, starts=500, backend="numpy")
    np.testing.assert_allclose(result.minima.fun, [0.0, 3.70142861], atol=1e-7)


def within(count, n, share, sigmas=4.0):
    return abs(count / n - share) < sigmas * math.sqrt(share * (1 - share) / n)


def test_himmelblau_divides_as_gradient_flow_does():
    flow = {(3.0, 2.0): 0.24951, (3.584, -1.848): 0.24890, (-3.779, -3.283): 0.24336, (-2.805, 3.131): 0.25823}
    n = 100_000
    result = bgd.multistart("himmelblau", starts=n)
    for point, share in flow.items():
        row = int(np.argmin(np.linalg.norm(result.minima.x - point, axis=1)))
        assert within(result.minima.count[row], n, share)


def test_styblinski_tang_divides_exactly():
    n, share = 20_000, 0.515673125678
    for dim, backend in ((1, "cpu"), (2, "numpy")):
        method = bgd.GradientDescent(0.005)
        result = bgd.multistart("styblinski_tang", dim=dim, starts=n, method=method, backend=backend)
        deep = np.sum(result.minima.x < 0, axis=1)
        for row, k in enumerate(deep):
            assert within(result.minima.count[row], n, share**k * (1 - share) ** (dim - k))


def test_rastrigin_divides_exactly():
    n, central = 200_000, 0.098153523
    result = bgd.multistart("rastrigin", dim=1, starts=n, method=bgd.GradientDescent(2e-4))
    assert len(result.minima) == 11
    assert within(result.minima.count[0], n, central)
    outermost = np.argsort(result.minima.x[:, 0])[[0, -1]]
    assert all(within(result.minima.count[row], n, 0.058301) for row in outermost)


def test_a_rate_beyond_two_over_the_curvature_loses_the_deep_minimum():
    below, above, far = (
        bgd.multistart("styblinski_tang", dim=1, starts=20_000, method=bgd.GradientDescent(rate), maxiter=3_000)
        for rate in (0.057, 0.058, 0.069)
    )
    assert below.minima.x[0, 0] < 0
    assert within(below.minima.count[0], 20_000, 0.529, 5)
    converged = above.success & (above.label >= 0)
    assert (above.x[converged, 0] > 0).all()
    assert within(converged.sum(), 20_000, 0.469, 5)
    assert far.success.sum() == 0


def test_michalewicz_plateaus_are_no_minima():
    result = bgd.multistart("michalewicz", dim=2, starts=2_000, backend="numpy")
    assert len(result.minima) == 2
    assert np.mean(result.label == -1) > 0.05
    assert "flat" in set(result.stationary.kind)


def test_the_kink_of_ackley_is_told_as_such():
    result = bgd.multistart("ackley", dim=2, starts=20_000)
    assert result.minima.kind[0] == "kink"
    np.testing.assert_allclose(result.minima.x[0], 0.0, atol=1e-9)


def test_a_valley_is_one_minimum():
    fun, box = lambda x: (x[0] ** 2 + x[1] ** 2 - 1.0) ** 2, [(-2, 2)] * 2
    result = bgd.multistart(fun, box=box, starts=3_000, backend="numpy")
    assert result.minima.kind.tolist() == ["valley"]
    assert len(result.stationary) <= 3
    assert (result.label == 0).mean() > 0.99


def test_no_start_is_dropped():
    result = bgd.multistart("himmelblau", starts=3_001, maxiter=30)
    assert 0 < np.sum(result.label == -1) < 3_001
    assert len(result) == len(result.label) == len(result.x) == 3_001
    assert result.minima.count.sum() + np.sum(result.label == -1) == 3_001
    np.testing.assert_array_equal(np.bincount(result.label[result.label >= 0]), result.minima.count)


def test_shards_and_threads_change_nothing():
    one = bgd.multistart("shubert", starts=5_000, threads=1, seed=9)
    two = bgd.multistart("shubert", starts=5_000, threads=2, seed=9)
    np.testing.assert_array_equal(one.label, two.label)
    np.testing.assert_array_equal(one.minima.x, two.minima.x)


@pytest.mark.parametrize("sampling", ["sobol", "latin_hypercube", "grid", bgd.Normal(0.0, 2.0)], ids=str)
def test_every_kind_of_start_finds_himmelblaus_four(sampling):
    result = bgd.multistart("himmelblau", starts=1_024, sampling=sampling)
    assert len(result.minima) == 4
    if isinstance(sampling, str):
        assert result.minima.fraction_low is None
        assert result.minima.interval_note
    else:
        assert (result.minima.fraction_low < result.minima.fraction).all()


def test_params_are_run_time_inputs():
    def fun(x, p):
        return (x[0] - p[0]) ** 2 + p[1] * (x[1] + 1.0) ** 2

    for target in (0.5, -1.5):
        result = bgd.multistart(fun, box=[(-3, 3)] * 2, starts=100, params=[target, 2.0])
        np.testing.assert_allclose(result.minima.x, [[target, -1.0]], atol=1e-9)


def test_keeping_minima_only_changes_nothing_but_what_is_kept(tmp_path):
    whole = bgd.multistart("himmelblau", starts=20_000, maxiter=30, seed=2)
    lean = bgd.multistart("himmelblau", starts=20_000, maxiter=30, seed=2, keep="minima")
    np.testing.assert_array_equal(lean.minima.x, whole.minima.x)
    np.testing.assert_array_equal(lean.minima.count, whole.minima.count)
    assert lean.status_counts() == whole.status_counts()
    assert (len(lean), lean.x.shape, lean.unlabelled) == (20_000, (0, 2), int(np.sum(whole.label == -1)))
    for rows in (0, slice(3)):
        with pytest.raises(bgd.InputError, match="keep='all'"):
            lean[rows]
    with pytest.raises(bgd.InputError, match="keep='all'"):
        lean.plot.basins()
    loaded = bgd.load(lean.save(tmp_path / "lean"))
    assert (len(loaded), loaded.status_counts()) == (len(lean), lean.status_counts())


def test_progress_tells_the_minima_so_far():
    updates = []
    with bgd.testing.forced(interval=0.0):
        bgd.multistart("shubert", starts=20_000, progress=updates.append)
    assert any(update.minima for update in updates if update.done < 20_000)
    counts = [update.minima for update in updates if update.done and update.minima]
    assert counts == sorted(counts)
    assert counts[-1] > 100


def test_progress_merges_no_more_than_a_few_cells():
    updates = []
    with bgd.testing.forced(interval=0.0):
        bgd.multistart("rastrigin", dim=4, starts=20_000, progress=updates.append, backend="numpy")
    counted = {update.minima is not None for update in updates if update.distinct and update.distinct <= 1000}
    assert counted <= {True}
    many = [update for update in updates if update.distinct and update.distinct > 1000]
    assert many
    assert {update.minima for update in many} == {None}
    assert many[-1].distinct > 5_000


def test_what_runs_again_takes_as_many_threads():
    asked = []
    with bgd.testing.watched(lambda batch: asked.append(batch.threads)):
        result = bgd.multistart("himmelblau", starts=50, threads=1, check=True, backend="cpu")
        result.fidelity(20)
        result.stability(2)
    assert len(asked) > 3
    assert set(asked) == {1}
