"""Two results side by side and one result by other tolerances: known tables, naive tests, invariants."""

import json
from itertools import permutations
from math import comb

import numpy as np
import pytest
import result_samples as samples

import batchgd as bgd
from batchgd import InputError
from batchgd.analysis.basins.diff import holm, mcnemar, two_proportions
from batchgd.analysis.basins.recluster import minima_against_tolerance
from batchgd.cli import main
from batchgd.minima.pairs import WIDER, pair_minima


def run(name="himmelblau", starts=2_000, **more):
    return bgd.multistart(name, starts=starts, backend="cpu", **more)


@pytest.fixture(scope="module")
def himmelblau():
    return run()


def naive_pairs(a, fun_a, b, fun_b, identity):
    """The largest one-to-one choice, the cheapest among those, by trying all."""
    best = (1, 0.0, [])
    for choice in permutations([*range(len(b)), *[-1] * len(a)], len(a)):
        pairs = [(i, j) for i, j in enumerate(choice) if j >= 0]
        cost = 0.0
        for i, j in pairs:
            away, off = np.abs(a[i] - b[j]).max(), abs(fun_a[i] - fun_b[j]) / (identity.f * max(1.0, abs(fun_a[i])))
            cost += away / identity.x + off if away <= identity.x and off <= 1 else np.inf
        if np.isfinite(cost):
            best = min(best, (-len(pairs), cost, sorted(pairs)))
    return best[2]


@pytest.mark.parametrize("seed", range(20))
def test_pairs_are_the_best_choice(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.random((4, 2)) * 0.3, rng.random((3, 2)) * 0.3
    fun_a, fun_b = rng.random(4), rng.random(3)
    identity = bgd.Identity(0.2, 0.6)
    i, j = pair_minima(a, fun_a, b, fun_b, identity)
    assert list(zip(i.tolist(), j.tolist(), strict=True)) == naive_pairs(a, fun_a, b, fun_b, identity)


def test_value_and_place_must_both_agree():
    a = np.zeros((1, 2))
    assert len(pair_minima(a, np.zeros(1), a, np.ones(1), WIDER)[0]) == 0
    assert len(pair_minima(a, np.zeros(1), a + 1e-3, np.zeros(1), WIDER)[0]) == 0
    assert len(pair_minima(a, np.full(1, 1e6), a, np.full(1, 1e6 + 0.5), WIDER)[0]) == 1


def test_proportions_against_known_values():
    # Fisher's tea-tasting lady, one cup wrong: two-sided 0.4857
    assert two_proportions([3], 4, [1], 4)[0] == pytest.approx(0.485714, abs=1e-6)
    z = (0.5 - 0.56) / np.sqrt(0.53 * 0.47 * 2 / 1000)
    from statistics import NormalDist

    assert two_proportions([500], 1000, [560], 1000)[0] == pytest.approx(2 * NormalDist().cdf(z), rel=1e-9)


def test_mcnemar_against_the_binomial():
    naive = 2 * sum(comb(12, k) for k in range(3)) / 2**12
    assert mcnemar([2], [10])[0] == pytest.approx(naive)
    assert mcnemar([0, 4], [0, 4]).tolist() == [1.0, 1.0]


def test_holm_by_hand():
    assert holm([0.005, 0.4, 0.02, 0.03]) == pytest.approx([0.02, 0.4, 0.06, 0.06])
    assert holm([0.9, 0.8]).tolist() == [1.0, 1.0]
    assert holm([]).size == 0


def test_equal_runs_of_other_seeds_seldom_differ():
    """Of comparisons of the same shares at most 5 % may find any change; 200 of them."""
    rng = np.random.default_rng(0)
    share = np.array([0.5, 0.3, 0.15, 0.045, 0.005])
    errors = 0
    for _ in range(200):
        a, b = rng.multinomial(1_000, share), rng.multinomial(1_000, share)
        errors += bool((holm(two_proportions(a, 1_000, b, 1_000)) <= 0.05).any())
    assert errors <= 200 * 0.05 + 3 * np.sqrt(200 * 0.05 * 0.95)


def test_a_result_matches_itself(himmelblau):
    same = bgd.diff(himmelblau, himmelblau)
    assert same.both.tolist() == [[k, k] for k in range(4)]
    assert same.distance.tolist() == same.change.tolist() == [0.0] * 4
    assert not same.significant.any()
    assert same.p.tolist() == [1.0] * 4


def test_a_large_step_shifts_fractions_significantly():
    """Himmelblau's basins at η = 0.01: the same starts, so that shifts of 1.5 points are seen in 10,000 of them."""
    himmelblau = run(starts=10_000)
    coarse = run(starts=10_000, method=bgd.GradientDescent(learning_rate=0.01))
    found = bgd.diff(himmelblau, coarse)
    assert "McNemar" in found.test
    assert found.significant[[2, 3]].all()
    assert found.change[2] > 0 > found.change[3]
    back = bgd.diff(coarse, himmelblau)
    assert back.change == pytest.approx(-found.change)
    assert back.p == pytest.approx(found.p)


def test_minima_that_only_one_found(himmelblau):
    part = run(box=[(2, 5), (-3, 3)])
    found = bgd.diff(himmelblau, part)
    assert "two-proportion" in found.test
    assert len(found.only_a) + len(found.both) == 4
    assert len(found.only_a) == 2
    assert found.significant.all()
    assert found.fraction_b[found.label_b < 0].tolist() == [0.0, 0.0]
    assert bgd.diff(part, himmelblau).only_b.tolist() == found.only_a.tolist()
    assert "only a" in repr(found)


def test_significance_is_withheld_where_starts_depend(himmelblau):
    found = bgd.diff(himmelblau, run(sampling="sobol", starts=1024))
    assert found.p is None
    assert "not independent" in found.test
    assert not found.significant.any()
    assert found.to_dict()["minima"][0]["p"] is None


def test_many_minima_print_what_differs_first():
    a, b = samples.rastrigin(11), samples.rastrigin(11, n=30_000)
    lines = repr(bgd.diff(a, b)).splitlines()
    assert len(lines) < 30
    assert max(map(len, lines)) <= 110


def test_reclustering_by_the_same_tolerances_changes_nothing(himmelblau):
    again = himmelblau.recluster()
    assert np.array_equal(again.label, himmelblau.label)
    assert np.array_equal(again.minima.x, himmelblau.minima.x)
    assert np.array_equal(again.minima.count, himmelblau.minima.count)
    assert again.coverage.to_dict() == himmelblau.coverage.to_dict()
    assert again.threads == himmelblau.threads


def test_a_reclustered_result_runs_again_as_before():
    """In the units, and with the threads, of the run; saddles join the minima that were found before."""
    stretched = run(lambda x: x[0] ** 2 + (x[1] / 1e4) ** 2, box=[(-1, 2), (-1e4, 2e4)], starts=50, threads=1)
    stretched.connect(border_points=0, rounds=1)
    again = stretched.recluster({"x": 1e-3})
    assert again.threads == 1
    assert again.scale.tolist() == stretched.scale.tolist()
    with pytest.raises(InputError, match="no saddles were searched for"):
        again.saddles  # noqa: B018
    assert stretched.saddles is not None


def test_a_reclustered_result_runs_again_as_the_first_did():
    first = bgd.multistart("six_hump_camel", starts=100, scale=[1.0, 4.0], threads=1, backend="cpu")
    again = first.recluster(bgd.Identity(x=0.9))
    assert (again.threads, again.scale.tolist()) == (1, [1.0, 4.0])


def test_both_tolerances_must_hold():
    """Six-hump camel: pairs of equal value lie far apart, neighbours differ in value."""
    camel = run("six_hump_camel")
    assert len(camel.minima) == 6
    assert len(camel.recluster({"x": 0.99}).minima) == 3  # equal values, however far apart
    assert len(camel.recluster({"f": 10.0}).minima) == 6  # near in value, but apart
    assert len(camel.recluster(bgd.Identity(0.99, 10.0)).minima) == 1
    wide = camel.recluster({"x": 0.99})
    assert wide.minima.count.sum() == camel.minima.count.sum()
    assert wide.identity == bgd.Identity(x=0.99, f=1e-9)


def test_lean_runs_recluster_from_their_cells(tmp_path):
    lean, full = run(keep="minima"), run()
    for identity in (None, {"x": 0.5}, bgd.Identity(x=0.9, f=1.0)):
        a, b = lean.recluster(identity), full.recluster(identity)
        assert np.array_equal(a.minima.count, b.minima.count)
        assert a.n == b.n
    loaded = bgd.load(lean.save(tmp_path / "lean"))
    with pytest.raises(InputError, match="neither endpoints nor cells"):
        loaded.recluster({"x": 0.1})


def test_saved_results_recluster(himmelblau, tmp_path):
    loaded = bgd.load(himmelblau.recluster({"x": 1e-3}).save(tmp_path / "run"))
    assert loaded.identity == bgd.Identity(x=1e-3)
    assert np.array_equal(loaded.recluster(bgd.Identity()).label, himmelblau.label)


def test_the_number_of_minima_falls_with_the_tolerance(himmelblau):
    counts = minima_against_tolerance(himmelblau)
    assert counts.minima[(counts.x > 1e-10) & (counts.x < 0.3)].tolist() == [4] * len(
        counts.x[(counts.x > 1e-10) & (counts.x < 0.3)]
    )
    assert minima_against_tolerance(himmelblau, [0.9], 1.0).minima.tolist() == [1]
    for tolerance in (1e-7, 0.5):
        assert minima_against_tolerance(himmelblau, [tolerance]).minima[0] == len(
            himmelblau.recluster({"x": tolerance}).minima
        )


def test_the_shell_compares_saved_runs(himmelblau, tmp_path, capsys):
    himmelblau.save(tmp_path / "a")
    run(box=[(2, 5), (-3, 3)]).save(tmp_path / "b")
    line = ["diff", str(tmp_path / "a"), str(tmp_path / "b")]
    assert main(line) == 0
    assert "2 minima in both, 2 only in a, 0 only in b" in capsys.readouterr().out
    assert main([*line, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["only_a"] == [0, 1]
    assert len(told["minima"]) == 4
    assert main(["diff", str(tmp_path / "a"), str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"identity": {"x": 0.0}}, "identity.x is 0:"),
        ({"identity": {"f": -1}}, "identity.f is -1"),
        ({"confidence": 1.0}, "confidence is 1.0"),
    ],
)
def test_bad_tolerances(himmelblau, change, words):
    with pytest.raises(InputError, match=words):
        bgd.diff(himmelblau, himmelblau, **change)


def test_results_that_do_not_compare(himmelblau):
    with pytest.raises(InputError, match="no labels"):
        bgd.diff(himmelblau, samples.batch())
    with pytest.raises(InputError, match="same dimension"):
        bgd.diff(himmelblau, samples.rastrigin(3, dim=3))
    with pytest.raises(InputError, match=r"identity\.x is 2"):
        himmelblau.recluster({"x": 2})
