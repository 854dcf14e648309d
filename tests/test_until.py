"""Run until covered: the rule in closed form, its bound under repeated looks, and what ends a run."""

import json
from functools import cache

import numpy as np
import pytest
from pressing import press_at_run

import batchgd as bgd
from batchgd import InputError
from batchgd.minima.coverage import CoverageReport, Stopped, unseen_bound
from batchgd.minima.coverage.rule import spent

bound = cache(unseen_bound)


def stops_below_the_truth(share, rule, level, repetitions=1_000, most=200_000):
    """How often a run that looks until it pleases ends with more unseen than the rule allows."""
    rng = np.random.default_rng(0)
    count = np.zeros((repetitions, len(share)), np.int64)
    running, failed = np.ones(repetitions, bool), 0
    for look, (first, stop) in enumerate(rule.looks(most), 1):
        count[running] += rng.multinomial(stop - first, share, size=int(running.sum()))
        for row in np.flatnonzero(running):
            once, twice = int(np.sum(count[row] == 1)), int(np.sum(count[row] == 2))
            if bound(once, twice, stop, level(rule.confidence, look)) <= 1 - rule.share + 1e-12:
                running[row] = False
                failed += share[count[row] == 0].sum() > 1 - rule.share
    assert not running.any()
    return failed / repetitions


def zipf(classes, exponent):
    share = np.arange(1, classes + 1.0) ** -exponent
    return share / share.sum()


@pytest.mark.parametrize("classes", [10, 100, 515])
@pytest.mark.parametrize("exponent", [0.0, 1.0, 1.5, 2.0])
def test_looking_again_and_again_keeps_the_confidence(classes, exponent):
    assert stops_below_the_truth(zipf(classes, exponent), bgd.Coverage(0.98), spent) <= 0.05


@pytest.mark.parametrize("basins", [2, 3, 4])
def test_rare_basins_of_the_worst_size_keep_the_confidence(basins):
    """Basins that own just more than may be left unseen, beside a large one: 2.2 % of the runs miss them."""
    share = np.append(np.full(basins, 0.021 / basins), 0.979)
    rule = bgd.Coverage(0.98)
    assert stops_below_the_truth(share, rule, spent) <= 0.04
    assert stops_below_the_truth(share, bgd.Coverage(0.98, confidence=0.6), spent) > 0.05  # the simulation can tell


def test_the_rule_in_closed_form():
    rule = bgd.Coverage(0.999, confidence=0.95)
    assert rule.first_look == int(np.ceil(np.log(0.025) / np.log(0.999))) == 3_688
    assert unseen_bound(0, 0, 3_688, spent(0.95, 1)) <= 0.001 < unseen_bound(0, 0, 3_687, spent(0.95, 1))
    assert list(rule.looks(10_000)) == [(0, 3_688), (3_688, 7_376), (7_376, 10_000)]
    assert list(rule.looks(100)) == [(0, 100)]
    assert sum(1 - spent(0.95, k) for k in range(1, 40)) == pytest.approx(0.05, abs=1e-12)


def test_a_covered_run_is_a_plain_run_of_as_many_starts():
    until = bgd.multistart("schwefel", dim=2, until=bgd.Coverage(0.99), seed=3)
    plain = bgd.multistart("schwefel", dim=2, starts=until.n, seed=3)
    assert until.stopped.why == "covered"
    assert until.stopped.looks > 1
    for name in ("x", "fun", "nit", "nfev", "status", "label", "x0"):
        assert np.array_equal(getattr(until, name), getattr(plain, name)), name
    assert np.array_equal(until.minima.count, plain.minima.count)
    assert until.coverage.unseen_high <= 0.01
    assert until.coverage.unseen_high > plain.coverage.unseen_high  # the looks are paid for
    assert until.coverage.unseen_high == unseen_bound(
        until.coverage.once, until.coverage.twice, until.n, spent(0.95, until.stopped.looks)
    )


def test_lean_runs_stop_where_full_ones_do():
    full = bgd.multistart("schwefel", dim=2, until=bgd.Coverage(0.99))
    lean = bgd.multistart("schwefel", dim=2, until=bgd.Coverage(0.99), keep="minima")
    assert lean.stopped == full.stopped
    assert lean.status_counts() == full.status_counts()
    assert np.array_equal(lean.minima.count, full.minima.count)


def test_starts_run_out():
    result = bgd.multistart("schwefel", dim=3, until=bgd.Coverage(0.999), starts=1_500, backend="numpy")
    assert result.n == 1_500
    assert result.stopped == Stopped("starts", 1_500, 1, 0.999, 0.95)
    assert "starts ran out" in repr(result)
    assert result.coverage.unseen_high > 0.001


def test_time_runs_out():
    result = bgd.multistart("rosenbrock", dim=4, until=bgd.Coverage(0.999), max_time=1e-9, backend="numpy")
    assert result.stopped.why == "max_time"
    assert result.status_counts() == {"MAXTIME": result.n}
    assert "time ran out" in repr(result)


def test_an_interrupt_ends_the_run_at_that_look():
    with press_at_run(2):
        result = bgd.multistart("schwefel", dim=2, until=bgd.Coverage(0.99), backend="numpy")
    assert result.stopped.why == "interrupted"
    assert result.stopped.looks == 2


def test_a_run_without_minima_is_not_covered():
    result = bgd.multistart(
        lambda x: -x[0], box=[(0, 1)], until=bgd.Coverage(0.9), starts=200, backend="numpy", maxiter=50
    )
    assert result.stopped.why == "starts"


def test_progress_counts_the_whole_run():
    seen = []
    bgd.multistart("schwefel", dim=2, until=bgd.Coverage(0.99), progress=seen.append)
    assert all(0 <= update.done <= update.total for update in seen)


def test_saved_and_loaded(tmp_path):
    result = bgd.multistart("himmelblau", until=bgd.Coverage(0.97, 0.9), backend="numpy")
    again = bgd.load(result.save(tmp_path / "run"))
    assert again.stopped == result.stopped
    assert again.coverage.to_dict() == result.coverage.to_dict()
    assert again.coverage.confidence == 0.9
    plain = bgd.load(bgd.multistart("himmelblau", starts=20, backend="numpy").save(tmp_path / "plain"))
    assert plain.stopped is None


def test_the_shell_says_why_it_stopped(capsys):
    from batchgd.cli import main

    line = "run himmelblau --until 0.99 --confidence 0.9 --backend numpy --quiet"
    assert main(line.split()) == 0
    assert "stopped: covered after 299 starts, at look 1" in capsys.readouterr().out
    assert main([*line.split(), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["stopped"] == {"why": "covered", "starts": 299, "looks": 1, "share": 0.99, "confidence": 0.9}
    assert told["coverage"]["unseen_high"] <= 0.01


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"until": 0.999}, "give bgd.Coverage"),
        ({"until": bgd.Coverage(0.9), "sampling": "sobol"}, "sobol starts are not"),
        ({"until": bgd.Coverage(0.9), "sampling": "grid", "starts": 100}, "grid starts are not"),
        ({"until": bgd.Coverage(0.9), "starts": np.zeros((5, 2))}, "array starts are not"),
        ({"until": bgd.Coverage(0.9), "starts": 3, "method": bgd.Adam(np.array([0.1, 0.2, 0.3]))}, "one value of each"),
    ],
)
def test_rules_that_cannot_end_a_run(arguments, words):
    with pytest.raises(InputError, match=words):
        bgd.multistart("himmelblau", **arguments)


@pytest.mark.parametrize("share", [1.0, 0.0, -1, 2, float("nan"), "much", True])
def test_shares_that_cannot_be_reached(share):
    with pytest.raises(InputError, match=r"coverage is|share of Coverage"):
        bgd.Coverage(share)


@pytest.mark.parametrize("line", ["--until 1", "--confidence 0.9", "--until 0.9 --confidence 1"])
def test_the_shell_refuses_in_one_line(line, capsys):
    from batchgd.cli import main

    assert main(["run", "himmelblau", *line.split()]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_looks_show_in_the_report():
    report = CoverageReport(np.array([50, 50]), 100, looks=2)
    assert report.unseen_high == pytest.approx(1 - 0.0125 ** (1 / 100))
    assert report.single_basin == report.unseen_high
    assert report.to_dict()["looks"] == 2
