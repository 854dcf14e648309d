"""Coverage: closed forms on tiny counts, bounds against simulated basins of known shares, and what is withheld."""

import dataclasses
import json
from functools import cache
from itertools import combinations
from math import comb

import intervals
import numpy as np
import pytest
import result_samples as samples

import batchgd as bgd
from batchgd import InputError, Status
from batchgd.minima import seen_interval, wilson
from batchgd.minima.coverage import (
    CoverageReport,
    boender_rinnooy_kan,
    chao1,
    extrapolation,
    rarefaction,
    starts_to_see,
    unseen_bound,
)

bound = cache(unseen_bound)


def zipf(classes, exponent):
    share = np.arange(1, classes + 1.0) ** -exponent
    return share / share.sum()


def covered(share, n, seed=0, repetitions=1_000):
    """How often the bound lies above the true share of the basins not seen."""
    count = np.random.default_rng(seed).multinomial(n, share, size=repetitions)
    truth = np.sum(share * (count == 0), axis=1)
    once, twice = np.sum(count == 1, axis=1), np.sum(count == 2, axis=1)
    high = np.array([bound(int(a), int(b), n) for a, b in zip(once, twice, strict=True)])
    return float(np.mean(truth <= high + 1e-12))


@pytest.mark.parametrize("n", [30, 100, 300, 1000, 3000, 10_000])
@pytest.mark.parametrize("classes", [3, 10, 30, 100, 515, 3000])
@pytest.mark.parametrize("exponent", [0.0, 1.0, 1.5, 2.0])
def test_the_bound_covers(classes, n, exponent):
    assert covered(zipf(classes, exponent), n) >= 0.95


@pytest.mark.parametrize("basins", [1, 2, 3, 5, 8])
def test_the_bound_at_its_worst_covers_as_told(basins):
    """Basins of share 3/n beside one large: 94.0 % with two of them, and the noise of 20,000 repetitions."""
    n = 1_000
    share = np.append(np.full(basins, 3.0 / n), 1 - 3.0 * basins / n)
    assert covered(share, n, repetitions=20_000) >= 0.935


def test_the_rule_of_three_alone_would_not_cover():
    n, basins = 1_000, 5
    share = np.append(np.full(basins, 3.0 / n), 1 - 3.0 * basins / n)
    count = np.random.default_rng(0).multinomial(n, share, size=20_000)
    failed = np.any(count == 0, axis=1) & ~np.any(count == 1, axis=1)
    assert np.mean(failed) == pytest.approx(0.117, abs=0.01)


def test_the_bound_in_closed_form():
    assert unseen_bound(0, 0, 10_000) == pytest.approx(1 - 0.05 ** (1 / 10_000), rel=1e-12)
    assert unseen_bound(0, 0, 1) == pytest.approx(0.95)
    assert unseen_bound(0, 0, 0) == unseen_bound(7, 0, 7) == 1.0
    # Clopper and Pearson for one of ten; and the normal bound where both are large
    assert unseen_bound(1, 0, 10) == pytest.approx(0.39416, abs=1e-5)
    normal = (4e4 + 1.6448536 * np.sqrt(4e4 * (1 - 4e-4) + 4e4)) / 1e8
    assert unseen_bound(40_000, 20_000, 10**8) == pytest.approx(normal, rel=1e-3)


def test_the_bound_grows_with_what_was_hardly_seen():
    values = [unseen_bound(once, 0, 1000) for once in range(200)]
    assert np.all(np.diff(values) > 0)
    assert unseen_bound(5, 0, 1000) < unseen_bound(5, 3, 1000)
    assert unseen_bound(5, 3, 1000, 0.9) < unseen_bound(5, 3, 1000, 0.99)


def test_five_hundred_basins_with_zipf_shares():
    """515 basins, 1000 starts: 110 found, Good-Turing near the truth 0.062, the Bayesian rule far from it."""
    share = zipf(515, 1.5)
    count = np.random.default_rng(1).multinomial(1_000, share, size=400)
    runs = [CoverageReport(row, 1_000) for row in count]
    assert np.mean([run.seen for run in runs]) == pytest.approx(110, abs=2)
    assert np.mean(np.sum(share * (count == 0), axis=1)) == pytest.approx(0.062, abs=0.001)
    assert np.mean([run.unseen for run in runs]) == pytest.approx(0.062, abs=0.002)
    assert np.mean([run.boender_rinnooy_kan for run in runs], axis=0) == pytest.approx([124, 0.988], rel=0.02)
    assert 190 < np.mean([run.chao1 for run in runs]) < 250
    assert np.mean([run.chao1 < 515 for run in runs]) > 0.99  # a bound in expectation: single runs may exceed


def test_numbers_of_minima_in_closed_form():
    assert chao1(110, 58, 16) == 110 + 58**2 / 32  # 215.1
    assert (chao1(5, 3, 0), chao1(5, 1, 0), chao1(5, 0, 2)) == (8, 5, 5)
    minima, share = boender_rinnooy_kan(110, 1000)
    assert minima == pytest.approx(110 * 999 / 888)
    assert share == pytest.approx(889 * 1110 / (1000 * 999))
    assert boender_rinnooy_kan(5, 7) is None
    assert boender_rinnooy_kan(5, 8) is not None
    assert boender_rinnooy_kan(0, 0) is None


def test_chao1_counts_equal_basins():
    count = np.random.default_rng(2).multinomial(300, np.full(200, 1 / 200), size=400)
    assert np.mean([CoverageReport(row, 300).chao1 for row in count]) == pytest.approx(200, rel=0.05)


def test_rarefaction_is_the_mean_over_all_subsets():
    label = [0, 0, 0, 1, 1, 2, 3, -1]
    for t in range(len(label) + 1):
        subsets = [len(set(s) - {-1}) for s in combinations(label, t)]
        assert rarefaction([3, 2, 1, 1], 8, t) == pytest.approx(np.mean(subsets), abs=1e-12)


def test_rarefaction_of_a_billion_starts():
    n = 10**9
    assert rarefaction([1], n, [0, n // 2, n]) == pytest.approx([0, 0.5, 1], abs=1e-12)
    assert rarefaction([n // 4] * 4, n, [1, 2, n]) == pytest.approx([1, 1.75, 4], abs=1e-8)
    exact = 1 - comb(990, 30) / comb(1000, 30)
    assert rarefaction([10], 1000, 30) == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_the_curve_is_monotone_concave_and_passes_through_what_was_seen(seed):
    count = np.random.default_rng(seed).multinomial(400, np.append(zipf(300, 1.0) * 0.9, 0.1))[:-1]
    coverage = CoverageReport(count, 400)
    assert coverage.unlabelled > 0
    curve = coverage.curve(np.arange(801))
    assert curve[0] == 0
    assert curve[400] == coverage.seen == np.count_nonzero(count)
    assert np.all(np.diff(curve) > 0)
    assert np.all(np.diff(curve, 2) < 1e-9)
    assert curve[-1] < coverage.chao1


def test_the_curve_foresees_the_next_starts():
    share = zipf(515, 1.5)
    rng = np.random.default_rng(3)
    foreseen = [CoverageReport(rng.multinomial(1_000, share), 1_000).curve(2_000) for _ in range(200)]
    truth = np.sum(1 - (1 - share) ** 2_000)
    assert np.mean(foreseen) == pytest.approx(truth, rel=0.03)


def test_extrapolation_without_rare_minima_is_flat():
    assert np.all(extrapolation(4, 0, 0, 100, [100, 150, 200]) == 4)
    assert np.all(extrapolation(4, 1, 0, 100, [100, 200]) == 4)
    assert np.all(extrapolation(0, 0, 0, 0, [0, 0]) == 0)


def test_the_curve_keeps_to_its_range():
    coverage = CoverageReport([5, 3, 1], 9)
    assert coverage.curve([]).shape == (0,)
    assert coverage.curve(18).shape == ()
    for starts in (19, -1, np.nan):
        with pytest.raises(InputError, match="reaches from 0 to 18 starts"):
            coverage.curve(starts)
    withheld = CoverageReport([5, 3, 1], 9, note="a grid")
    assert withheld.curve(9) == 3
    with pytest.raises(InputError, match=r"0 to 9 starts \(a grid\)"):
        withheld.curve(10)


def test_intervals_of_all_fractions_at_once():
    coverage = CoverageReport([60, 30, 10], 100)
    assert np.array_equal(coverage.fractions(), seen_interval([60, 30, 10], 100))
    low, high = coverage.fractions(simultaneous=True)
    assert np.array_equal((low, high), seen_interval([60, 30, 10], 100, 1 - (1 - 0.95) / 3))
    assert np.all(low < coverage.fractions()[0])
    share = np.array([0.5, 0.3, 0.15, 0.05])
    count = np.random.default_rng(4).multinomial(500, share, size=1_000)
    held = 0
    for row in count:
        low, high = CoverageReport(row, 500).fractions(simultaneous=True)
        held += np.all((low <= share) & (share <= high))
    assert held >= 950


@pytest.mark.parametrize("name", intervals.landscapes())
@pytest.mark.parametrize("n", [50, 1_000])
def test_intervals_of_what_was_seen_hold(name, n):
    found = intervals.held(seen_interval, intervals.landscapes()[name], n, runs=100)
    assert found.each >= 0.95
    assert found.all >= 0.94  # at least 95 %, and the noise of 100 runs
    if "Zipf" in name:
        assert found.rare >= 0.95
        assert intervals.held(wilson, intervals.landscapes()[name], n, runs=100).rare < 0.6  # the simulation can tell


def test_starts_needed():
    assert starts_to_see(0.01) == 299
    assert 0.99**299 <= 0.05 < 0.99**298
    assert CoverageReport([299], 299).single_basin == pytest.approx(0.01, rel=0.01)


def test_of_a_result():
    result = samples.himmelblau(1_000)
    coverage = result.coverage
    assert (coverage.seen, coverage.n, coverage.once, coverage.note) == (4, 1_000, 0, None)
    assert coverage.sentence() == "at most 0.30 % of this box (95 %) is in basins of minima not seen"
    assert "coverage: at most 0.30 % of this box (95 %) is in basins of minima not seen" in str(result)
    assert "4 minima seen from 1,000 starts" in str(coverage)
    assert dataclasses.replace(coverage, confidence=0.99).unseen_high > coverage.unseen_high


def test_starts_without_a_label_are_told_beside():
    coverage = samples.himmelblau(1_000, unlabelled=100).coverage
    assert coverage.unlabelled == 100
    assert coverage.unseen_high == pytest.approx(1 - 0.05**1e-3)
    assert coverage.sentence().endswith("minima not seen; 10 % reached no minimum")


def test_a_bound_that_says_nothing_is_not_printed():
    few = bgd.multistart("rastrigin", dim=3, starts=10, backend="numpy")
    assert few.coverage.empty
    assert "coverage" not in str(few)
    assert few.coverage.unseen_high > 0.9
    hopping = bgd.multistart("rastrigin", dim=3, starts=10, strategy=bgd.BasinHopping(hops=2), backend="numpy")
    assert "basins of minima not seen" not in str(hopping)
    assert not samples.himmelblau(1_000).coverage.empty


def test_most_starts_without_a_label_have_no_bound_but_advice():
    result = samples.himmelblau(1_000, unlabelled=980)
    said = result.coverage.sentence()
    assert said.startswith("cannot be judged while 98 % of the starts reach no minimum: raise maxiter")
    assert "basins of minima not seen" not in str(result)
    assert result.summary()["coverage"]["sentence"] == said


def test_starts_that_were_cut_off_do_not_count():
    result = samples.himmelblau(1_000, unlabelled=900)
    result.status[-800:], result.status[-900:-850] = Status.MAXTIME, Status.INTERRUPTED
    coverage = result.coverage
    assert (coverage.n, coverage.cut, coverage.unlabelled) == (150, 850, 50)
    assert coverage.unseen_high >= unseen_bound(0, 0, 150)
    assert coverage.sentence().endswith("33 % reached no minimum; not counted: 850 starts that were cut off")
    assert result.summary()["coverage"]["cut"] == 850


def test_a_single_start_without_a_label_is_no_minimum_seen_once():
    assert samples.himmelblau(1_000, unlabelled=1).coverage.once == 0


def test_dependent_starts_have_no_bound():
    result = bgd.multistart("himmelblau", starts=256, sampling="sobol", backend="numpy")
    coverage = result.coverage
    assert coverage.unseen_high is coverage.single_basin is coverage.fractions() is None
    assert coverage.unseen == 0.0
    assert "Sobol" in coverage.note
    assert coverage.note in coverage.sentence()
    assert "coverage: no bound" in str(result)
    assert result.summary()["coverage"]["unseen_high"] is None
    assert max(coverage.to_dict()["curve"]["starts"]) == 256


def test_without_a_reason_there_is_one():
    result = samples.himmelblau(100, independent=False)
    assert result.coverage.unseen_high is None
    assert "not independent" in result.coverage.note


def test_starts_of_another_distribution_are_not_the_box():
    result = bgd.multistart(
        "himmelblau", starts=200, sampling=bgd.Normal(mean=[0.0, 0.0], std=[2.0, 2.0]), backend="numpy"
    )
    assert "of such starts (95 %) are in basins of minima not seen" in result.coverage.sentence()


@pytest.mark.parametrize(("count", "n"), [([], 0), ([], 10), ([1], 1), ([1, 1, 1], 3), ([2], 5)])
def test_small_and_empty_results(count, n):
    coverage = CoverageReport(count, n)
    told = json.loads(json.dumps(coverage.to_dict(), allow_nan=False))
    assert told["n"] == n
    assert told["curve"]["minima"][: 1 if n == 0 else None]
    assert str(coverage)
    if not count:
        assert told["unseen"] is told["unseen_high"] is None
        assert "no start reached a minimum" in told["sentence"]
        assert coverage.fractions() is None


def test_json_has_the_numbers():
    result = bgd.multistart("himmelblau", starts=500, backend="numpy")
    told = json.loads(json.dumps(result.summary(), allow_nan=False))["coverage"]
    assert told["unseen_high"] == result.coverage.unseen_high
    assert told["minima"] == told["curve"]["minima"][told["curve"]["starts"].index(500)] == 4
    assert told["boender_rinnooy_kan"]["minima"] == pytest.approx(4 * 499 / 494)


def test_bad_input():
    for confidence in (0.0, 1.0, float("nan")):
        with pytest.raises(InputError, match="probability between 0 and 1"):
            CoverageReport([3], 3, confidence)
        with pytest.raises(InputError, match="probability between 0 and 1"):
            unseen_bound(0, 0, 10, confidence)
    with pytest.raises(InputError, match="part of the box"):
        starts_to_see(0.0)
    for count in ([3, 2], [-1], [[1]]):
        with pytest.raises(InputError, match="one count per minimum"):
            CoverageReport(count, 4)
