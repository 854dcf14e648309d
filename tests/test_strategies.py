"""Strategies: known counts found with fewer descents, exact limits, statistics of the walk, and what is withheld."""

import json

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from shell_samples import assert_refused, shell

import batchgd as bgd
from batchgd import Box, InputError, Status
from batchgd.analysis.strategies import STRATEGIES, as_strategy
from batchgd.analysis.strategies.base import fold
from batchgd.analysis.strategies.mlsl import critical_distance, nearest_better

SMALL = {"mlsl": bgd.MLSL(rounds=3), "basin_hopping": bgd.BasinHopping(hops=4), "rare_basins": bgd.RareBasins(rounds=2)}


def himmelblau(strategy, starts=300, **more):
    return bgd.multistart("himmelblau", starts=starts, strategy=strategy, **more)


def without_compiling(fun, **more):
    """A run on the numpy backend, where the function matters and not the code it is compiled to."""
    return bgd.multistart(fun, backend="numpy", **more)


def arrays(result):
    names = ("x", "fun", "status", "nit", "nfev", "label", "x0")
    return [getattr(result, name) for name in names] + [result.minima.x, result.minima.fraction]


def same(a, b):
    return all(np.array_equal(u, v, equal_nan=u.dtype.kind == "f") for u, v in zip(arrays(a), arrays(b), strict=True))


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_gives_an_ordinary_result(name, tmp_path):
    result = himmelblau(SMALL[name])
    assert len(result.minima) == 4
    assert np.abs(result.minima.fun).max() < 1e-12
    assert result.n == len(result.label) == len(result.x0) == int(result.minima.count.sum()) + result.unlabelled
    record = result.strategy
    assert record.evaluations == int(result.nfev.sum()) + record.sampled
    told = json.loads(json.dumps(result.summary(), allow_nan=False))["strategy"]
    assert told["name"] == name
    assert told["evaluations"] == record.evaluations
    assert f"strategy {name}: {record.bias[:40]}" in " ".join(str(result).split())
    assert "nan" not in str(result)
    again = bgd.load(result.save(tmp_path / "run"))
    assert same(again, result)
    assert again.strategy.to_dict() == record.to_dict()
    assert again.coverage.sentence() == result.coverage.sentence()
    assert same(result.recluster(), result)
    matched = bgd.diff(result, himmelblau(None))
    assert len(matched.both) == 4
    assert matched.p is None
    assert "nan" not in str(matched)
    result.plot(tmp_path / "a.png")


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("threads", [1, 3])
def test_a_run_is_a_function_of_its_seed(name, threads):
    assert same(himmelblau(SMALL[name], threads=threads), himmelblau(SMALL[name]))
    assert not same(himmelblau(SMALL[name], seed=1), himmelblau(SMALL[name]))


@pytest.mark.parametrize("name", STRATEGIES)
def test_any_backend_and_precision(name):
    for more in ({"backend": "numpy"}, {"dtype": "float32"}):
        result = himmelblau(SMALL[name], **more)
        assert len(result.minima) == 4
        assert np.abs(result.minima.fun).max() < 1e-12


@pytest.mark.parametrize("name", STRATEGIES)
def test_starts_lie_in_the_box_and_endpoints_are_where_they_lead(name):
    result = himmelblau(SMALL[name])
    assert result.box.contains(result.x0).all()
    plain = bgd.multistart("himmelblau", starts=result.x0)
    assert np.array_equal(plain.x, result.x)
    assert np.array_equal(plain.label, result.label)


@pytest.mark.parametrize("name", STRATEGIES)
def test_each_descent_of_a_run_has_noise_of_its_own(name):
    """What is random in a descent is a function of its number, in a strategy's run as in a plain one."""
    noisy = bgd.GradientDescent(learning_rate=0.002, noise=100.0)
    result = himmelblau(SMALL[name], method=noisy, maxiter=50, backend="numpy")
    plain = bgd.multistart("himmelblau", starts=result.x0, method=noisy, maxiter=50, backend="numpy")
    assert np.array_equal(result.x, plain.x)


@pytest.mark.parametrize("name", STRATEGIES)
def test_mixed_precision(name):
    assert np.abs(himmelblau(SMALL[name], dtype="mixed").minima.fun).max() < 1e-12


# Multi-level single linkage


def test_mlsl_without_a_critical_distance_is_multistart():
    result, plain = himmelblau(bgd.MLSL(sigma=0)), himmelblau(None)
    assert same(result, plain)
    assert np.array_equal(result.minima.fraction_low, plain.minima.fraction_low)
    assert result.coverage.sentence() == plain.coverage.sentence()


@pytest.mark.parametrize(
    ("name", "starts", "wanted"), [("rastrigin", 3_000, 121), ("schwefel", 30_000, 49), ("shubert", 30_000, 722)]
)
def test_mlsl_finds_known_counts_with_few_descents(name, starts, wanted):
    known = bgd.landscapes.get(name).minima(2)
    assert len(known) == wanted
    result = without_compiling(name, dim=2, starts=starts, strategy=bgd.MLSL())
    assert result.n < 3 * wanted
    plain = without_compiling(name, dim=2, starts=result.n)
    missed = [(cdist(known, found.minima.x).min(axis=1) > 1e-6).sum() for found in (result, plain)]
    assert missed[0] == 0
    assert missed[1] > 0.02 * wanted


def test_the_critical_distance_is_that_of_rinnooy_kan_and_timmer():
    volume = {1: 2.0, 2: np.pi, 3: 4 * np.pi / 3}  # of the unit ball
    for dim, ball in volume.items():
        r = critical_distance(500, dim, 2.0)
        assert ball * r**dim == pytest.approx(2.0 * np.log(500) / 500)
    assert critical_distance(500, 2, 0.0) == 0.0


@pytest.mark.parametrize("dim", [2, 14])
def test_better_points_are_found_as_by_comparing_all_pairs(dim):
    random = np.random.default_rng(dim)
    u, fun = random.random((400, dim)), random.integers(0, 50, 400).astype(float)
    fun[:5] = np.inf
    radius = 0.15 if dim == 2 else 1.0
    rows = np.arange(0, 400, 3)
    distance = cdist(u[rows], u)
    distance[fun[None] >= fun[rows, None]] = np.inf
    expected = distance.min(axis=1) <= radius
    found = nearest_better(u, fun, rows, radius)
    assert 0.1 < expected.mean() < 1
    assert np.array_equal(np.isfinite(found), expected)
    assert np.all(found[expected] <= radius)


def test_mlsl_withholds_shares_and_coverage():
    result = himmelblau(bgd.MLSL())
    assert np.isnan(result.minima.fraction).all()
    assert result.minima.fraction_low is None
    coverage = result.coverage
    assert coverage.unseen_high is coverage.unseen is coverage.chao1 is coverage.boender_rinnooy_kan is None
    assert "counts say nothing about basin sizes" in coverage.note
    with pytest.raises(InputError, match="no discovery curve"):
        coverage.curve([1])
    assert coverage.to_dict()["curve"] is None
    assert "counts say nothing" in repr(coverage)


def test_mlsl_takes_any_sample_and_a_share_of_it():
    grid = himmelblau(bgd.MLSL(rounds=2), starts=400, sampling="grid")
    assert len(grid.minima) == 4
    few = without_compiling("shubert", starts=3_000, strategy=bgd.MLSL(gamma=0.1))
    every = without_compiling("shubert", starts=3_000, strategy=bgd.MLSL())
    assert few.n < every.n
    assert few.minima.fun[0] == pytest.approx(every.minima.fun[0])


# Basin hopping


def test_monotonic_walkers_never_rise():
    result = without_compiling("rastrigin", dim=3, starts=50, strategy=bgd.BasinHopping(hops=12, temperature=0))
    origin, accepted = result.strategy.origin, result.strategy.accepted
    assert np.array_equal(origin[:50], np.full(50, -1))
    fun = result.fun.reshape(13, 50)
    stands = np.minimum.accumulate(fun, axis=0)
    assert np.array_equal(result.fun[origin[50:]].reshape(12, 50), stands[:-1])
    assert np.array_equal(accepted.reshape(13, 50)[1:], fun[1:] <= stands[:-1])


def test_moves_start_near_the_minimum_they_leave():
    result = himmelblau(bgd.BasinHopping(hops=3, step=0.05))
    origin = result.strategy.origin
    hop = origin >= 0
    assert np.abs(result.x0[hop] - result.x[origin[hop]]).max() <= 0.05 * 12.0 + 1e-12


def two_wells(x):
    """Minima near -1 and 1, the right one higher by about 0.6."""
    return (x[0] ** 2 - 1.0) ** 2 + 0.3 * x[0]


@pytest.mark.parametrize("temperature", [0.3, 1.0])
def test_uphill_moves_are_accepted_with_metropolis_probability(temperature):
    walk = bgd.BasinHopping(hops=20, step=0.9, temperature=temperature)
    result = without_compiling(two_wells, box=[(-2, 2)], starts=500, strategy=walk)
    low, high = result.minima.fun
    origin, accepted, label = result.strategy.origin, result.strategy.accepted, result.label
    hop = origin >= 0
    up = hop & (label == 1) & (label[origin] == 0)
    probability = np.exp(-(high - low) / temperature)
    error = np.sqrt(probability * (1 - probability) / up.sum())
    assert up.sum() > 500
    assert abs(accepted[up].mean() - probability) < 4 * error
    assert accepted[hop & (label == 0) & (label[origin] == 1)].all()


def test_walkers_of_a_ladder_have_its_temperatures():
    walk = bgd.BasinHopping(hops=20, step=0.9, temperature=[0.0, 1e6])
    result = without_compiling(two_wells, box=[(-2, 2)], starts=200, strategy=walk)
    origin, accepted, label = result.strategy.origin, result.strategy.accepted, result.label
    up = (origin >= 0) & (label == 1) & (label[origin] == 0)
    hot = np.arange(result.n) % 2 == 1
    assert not accepted[up & ~hot].any()
    assert accepted[up & hot].mean() > 0.99


def test_a_walk_does_not_depend_on_the_number_of_walkers():
    few, many = (himmelblau(bgd.BasinHopping(hops=3, temperature=1.0), starts=n) for n in (20, 100))
    for name in ("x", "fun", "x0"):
        a, b = getattr(few, name), getattr(many, name)
        assert np.array_equal(a.reshape(4, 20, -1), b.reshape(4, 100, -1)[:, :20])


def test_hops_find_the_best_of_many_minima_where_plain_starts_do_not():
    """Rastrigin in 5-D: 161,051 minima; the best owns 0.098153523^5 = 9.1e-6 of the box."""
    result = without_compiling("rastrigin", dim=5, starts=100, strategy=bgd.BasinHopping(hops=30, temperature=0))
    assert result.minima.fun[0] < 1e-9
    assert result.n == 3_100
    assert without_compiling("rastrigin", dim=5, starts=3_100).minima.fun[0] > 0.9


def test_fractions_and_coverage_are_those_of_the_first_descents():
    result, plain = himmelblau(bgd.BasinHopping(hops=3)), himmelblau(None)
    assert np.array_equal(result.label[:300], plain.label)
    assert np.array_equal(result.minima.fraction, plain.minima.fraction)
    assert np.array_equal(result.minima.fraction_low, plain.minima.fraction_low)
    assert result.coverage.to_dict() == plain.coverage.to_dict()
    sobol = himmelblau(bgd.BasinHopping(hops=3), sampling="sobol")
    assert "Sobol" in sobol.coverage.note
    assert sobol.minima.fraction_low is None


def test_the_network_counts_every_move():
    result = himmelblau(bgd.BasinHopping(hops=5, step=0.3))
    network = result.network()
    origin, label = result.strategy.origin, result.label
    counts = np.zeros((4, 4), int)
    for i in np.flatnonzero(origin >= 0):
        counts[label[origin[i]], label[i]] += 1
    assert np.array_equal(network.counts.toarray(), counts)
    assert counts.sum() == 300 * 5
    networkx = pytest.importorskip("networkx", reason="networkx is an extra")
    graph = network.to_networkx()
    assert isinstance(graph, networkx.DiGraph)
    assert graph[0][1]["weight"] == counts[0, 1]
    assert graph.nodes[2]["fun"] == result.minima.fun[2]
    with pytest.raises(InputError, match="no moves between minima"):
        himmelblau(None).network()


# Starts near rare basins


def test_rare_basins_are_found_sooner():
    plain = without_compiling("vincent", dim=3, starts=10_000).minima
    rare = without_compiling("vincent", dim=3, starts=10_000, strategy=bgd.RareBasins()).minima
    assert plain.inside.sum() < 205
    assert rare.inside.sum() == 216


def test_uniform_starts_alone_tell_shares():
    """The right well owns a known share of the box; focused starts must not move the estimate."""
    result = without_compiling("styblinski_tang", dim=2, starts=20_000, strategy=bgd.RareBasins(uniform=0.5))
    exact = 0.515673125678**2
    assert result.minima.fraction_low[0] < exact < result.minima.fraction_high[0]
    assert result.minima.count[0] / result.n < exact - 0.005
    assert result.coverage.n == result.strategy.drawn == 10_000


# What goes wrong


def test_folding_reflects():
    box = Box([-1.0, 0.0], [1.0, 10.0])
    folded = fold(np.array([[-1.5, 12.0], [0.25, 3.0], [5.0, -21.0]]), box)
    assert np.allclose(folded, [[-0.5, 8.0], [0.25, 3.0], [1.0, 1.0]])
    assert box.contains(folded).all()


@pytest.mark.parametrize("name", STRATEGIES)
def test_time_is_shared_by_all_rounds(name):
    many = {"mlsl": bgd.MLSL(rounds=1000), "basin_hopping": bgd.BasinHopping(hops=10**6)}
    strategy = many.get(name, bgd.RareBasins(rounds=10**4))
    result = without_compiling("ackley", dim=2, starts=10**5, strategy=strategy, max_time=0.2, maxiter=50)
    assert result.n < 10**7
    assert len(result.minima)
    assert result.coverage.n <= 10**5


def test_starts_that_come_to_nothing_are_no_places_to_stand():
    def cliff(x):
        return -np.sum(np.log(x)) + np.sum(x)  # not finite for x <= 0

    result = without_compiling(cliff, box=[(-3, 3)] * 2, starts=100, strategy=bgd.BasinHopping(hops=3, step=0.5))
    nowhere = result.status == Status.NONFINITE
    assert nowhere.any()
    assert not result.strategy.accepted[nowhere].any()
    assert np.isfinite(result.x0).all()
    for strategy in (bgd.MLSL(), bgd.RareBasins()):
        assert len(without_compiling(cliff, box=[(-3, 3)] * 2, starts=100, strategy=strategy).minima) == 1
    lost = without_compiling(lambda x: np.log(x[0]), box=[(-3, -1)], starts=20, strategy=bgd.RareBasins())
    assert len(lost.minima) == 0


BAD = [
    (lambda: bgd.MLSL(rounds=0), "rounds is 0: give a whole number, 1 or more"),
    (lambda: bgd.MLSL(rounds=2.5), "rounds is 2.5"),
    (lambda: bgd.MLSL(sigma=-1), "sigma is -1: give a finite number at least 0"),
    (lambda: bgd.MLSL(gamma=0), "gamma is 0"),
    (lambda: bgd.MLSL(sigma="x"), "sigma is 'x'"),
    (lambda: bgd.BasinHopping(step=1.5), "step is 1.5"),
    (lambda: bgd.BasinHopping(hops=-3), "hops is -3"),
    (lambda: bgd.BasinHopping(temperature=[1.0, -1.0]), "temperature is -1"),
    (lambda: bgd.BasinHopping(temperature=[]), "give a number of at least 0, or several"),
    (lambda: bgd.RareBasins(uniform=1.0), "uniform is 1"),
    (lambda: bgd.RareBasins(radius=0), "radius is 0"),
    (lambda: as_strategy("mlsl", hops=3), "MLSL takes no 'hops': it takes rounds, sigma, gamma"),
    (lambda: himmelblau("mlsll"), "unknown strategy 'mlsll': did you mean 'mlsl'"),
    (lambda: himmelblau(bgd.MLSL), "strategy is the class MLSL: write MLSL"),
    (lambda: himmelblau(3), "unknown strategy 3"),
    (lambda: himmelblau("mlsl", keep="minima"), "keep='minima' does not go with a strategy"),
    (lambda: himmelblau("mlsl", until=bgd.Coverage(0.99)), "until does not go with a strategy"),
    (lambda: himmelblau("rare_basins", sampling="sobol"), "sampling is 'sobol': rare_basins needs uniform starts"),
    (
        lambda: himmelblau("mlsl", method=bgd.GradientDescent(learning_rate=np.full(300, 0.01))),
        "a hyperparameter has one value per start, but a strategy chooses the starts",
    ),
]


@pytest.mark.parametrize(("call", "message"), BAD)
def test_bad_input_is_one_clear_line(call, message):
    with pytest.raises(InputError) as caught:
        call()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_strategy_from_the_shell(capsys):
    line = "run himmelblau --starts 300 --strategy mlsl --strategy-set rounds=3 --json --quiet"
    code, out, _ = shell(capsys, line)
    assert code == 0
    told = json.loads(out)
    assert told["strategy"]["settings"] == {"rounds": 3, "sigma": 2.0, "gamma": 1.0}
    assert told["minima"][0]["fraction"] is None
    assert told["coverage"]["unseen_high"] is told["coverage"]["chao1"] is None
    assert len(told["minima"]) == 4


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--strategy mls", "unknown strategy 'mls': did you mean 'mlsl'"),
        ("--strategy-set hops=3", "--strategy-set needs --strategy"),
        ("--strategy mlsl --strategy-set hops=3", "MLSL takes no 'hops': it takes rounds, sigma, gamma"),
    ],
)
def test_bad_strategies_in_the_shell(capsys, words, message):
    assert_refused(capsys, f"run himmelblau {words}", message)
