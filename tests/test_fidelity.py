"""Fidelity: known shares of wrong labels on Himmelblau's function, half the step per method, what a run warns of."""

import json
from dataclasses import replace

import numpy as np
import pytest
import result_samples as samples

import batchgd as bgd
from batchgd import Cosine, Exponential, GradientDescent, InputError
from batchgd.analysis.basins.fidelity import halved, of_rows, step_name
from batchgd.cli import main
from batchgd.minima.pairs import confusion_counts

METHODS = bgd.methods.METHODS

N = 20_000
# Wrong labels against gradient flow, by an error-controlled integrator; and three standard deviations of N starts,
# with what the digits of the figures leave open.
WRONG = {0.001: 0.0002, 0.005: 0.0016, 0.01: 0.088, 0.0125: 0.208}


def close(share, truth, n=N):
    return abs(share - truth) <= 3 * np.sqrt(truth * (1 - truth) / n) + 0.0005


def run(method=None, starts=N, backend="cpu", **more):
    """One run; samples of a thousand starts and more share compiled code."""
    return bgd.multistart("himmelblau", starts=starts, method=method, maxiter=100_000, backend=backend, **more)


@pytest.mark.parametrize("rate", WRONG)
def test_wrong_labels_at_constant_learning_rates(rate):
    found = run(GradientDescent(learning_rate=rate)).fidelity(sample=N)
    assert close(1 - found.agree, WRONG[rate])
    assert found.interval[0] < found.agree < found.interval[1]
    assert found.half_agree >= found.agree
    if rate / 2 in WRONG:
        assert close(1 - found.half_agree, WRONG[rate / 2])


def test_wrong_labels_of_adam():
    found = run(bgd.Adam(0.01)).fidelity(sample=N)
    assert close(1 - found.agree, 0.078)
    assert found.changed < 0.003  # half the step does not tell what momentum does


def test_the_default_method_draws_true_basins():
    found = run().fidelity(sample=N)
    assert 1 - found.agree < 0.002
    assert np.trace(found.confusion) == round(found.agree * N)


def test_gradient_flow_agrees_with_an_integrator():
    """The reference itself, against the error-controlled integration of benchmarks/fidelity.py."""
    reference = pytest.importorskip("fidelity", reason="the benchmarks are not here")
    problem = reference.Problem.of("himmelblau")
    starts = bgd.start(3, np.arange(2_000), problem.box)
    truth = reference.flow(problem, starts)
    result = bgd.multistart("himmelblau", starts=starts, method=bgd.GradientFlow(), maxiter=100_000, backend="cpu")
    label, away = problem.nearest(result.minima.x)
    assert away.max() < 1e-6
    assert np.mean(label[result.label] != truth) < 0.002


def test_the_confusion_matrix_counts_every_start():
    found = run(GradientDescent(learning_rate=0.0125), starts=3_000).fidelity(sample=1_000)
    assert found.confusion.sum() == 1_000 == len(found.rows)
    assert found.confusion.shape == (5, 5)
    for i in range(4):
        assert found.confusion[i].sum() == np.sum(found.label == i)
        assert found.confusion[:, i].sum() == np.sum(found.flow == i)
    assert np.array_equal(found.rows, np.unique(found.rows))
    for i, j, count in found.moves:
        assert found.confusion[i, j] == count
    assert found.moves[:, 2].sum() == 1_000
    with pytest.raises(InputError, match="use moves"):
        _ = replace(found, minima=10**6).confusion
    assert "of 1,000 starts" in repr(replace(found, minima=10**6))


def test_minima_that_only_gradient_flow_finds_get_labels_of_their_own():
    """At η = 0.06 Styblinski-Tang's deep minimum is unstable: no descent ends there, gradient flow does."""
    result = bgd.multistart(
        "styblinski_tang",
        dim=1,
        starts=2_000,
        method=GradientDescent(learning_rate=0.06),
        maxiter=2_000,
        backend="numpy",
    )
    assert len(result.minima) == 1
    found = result.fidelity(sample=2_000)
    assert found.confusion.shape == (2, 3)  # rows 0 and -1; columns 0, the deep one, and -1
    assert found.confusion[0, 1] + found.confusion[1, 1] == np.sum(found.flow == 1)
    assert np.mean(found.flow == 1) == pytest.approx(0.5157, abs=3 * np.sqrt(0.25 / 2_000))
    assert found.confusion[:, 2].sum() == 0


def test_confusion_counts():
    assert confusion_counts([], [], 1, 2).tolist() == [[0, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize("name", METHODS)
def test_every_method_halves_its_step_or_says_that_it_has_none(name):
    method = METHODS[name].example()
    half = halved(method)
    assert (half is None) == (step_name(method) is None and method.rule != "barzilai_borwein")
    if half is None:
        return
    assert half.rule == method.rule
    assert half.parts == method.parts
    before, after = method.hyperparameters("float64"), half.hyperparameters("float64")
    changed = {key: after[key] / before[key] for key in before if after[key] != before[key]}
    assert set(changed.values()) == {0.5}
    assert len(changed) == 1


def test_half_of_schedules_and_arrays():
    assert halved(GradientDescent(Exponential(0.2, 0.9))).learning_rate(3) == 0.5 * Exponential(0.2, 0.9)(3)
    assert halved(GradientDescent(Cosine(0.2, 10, final=0.1))).learning_rate(5) == pytest.approx(0.075)
    assert halved(GradientDescent(np.array([0.1, 0.2]))).learning_rate.tolist() == [0.05, 0.1]
    some = of_rows(GradientDescent(Exponential(np.array([1.0, 2.0, 3.0]), 0.5)), [2])
    assert some.learning_rate.initial.tolist() == [3.0]


def test_rates_per_start_keep_their_rows():
    rates = np.where(np.arange(2_000) % 2 == 0, 0.001, 0.0125)
    found = run(GradientDescent(learning_rate=rates), starts=2_000, backend="numpy").fidelity(sample=1_000)
    wrong = found.label != found.flow
    assert wrong[found.rows % 2 == 0].mean() < 0.02
    assert wrong[found.rows % 2 == 1].mean() > 0.1


@pytest.mark.parametrize("keep", ["all", "minima"])
def test_a_run_warns_where_its_borders_are_made_by_the_step(keep):
    warned = run(GradientDescent(learning_rate=0.01), check=True, keep=keep)
    assert len(warned.warnings) == 1
    assert "half the learning_rate" in warned.warnings[0]
    assert "2,000 starts" in warned.warnings[0]
    assert run(GradientDescent(learning_rate=0.005), check=True, keep=keep).warnings == ()
    assert run(GradientDescent(learning_rate=0.01), keep=keep).warnings == ()


def test_the_default_does_not_warn():
    for name in ("himmelblau", "six_hump_camel"):
        assert bgd.multistart(name, starts=3_000, check=True, backend="cpu").warnings == ()


def test_dependent_starts_are_checked_on_a_random_part():
    for sampling in ("sobol", "grid"):
        result = run(GradientDescent(learning_rate=0.0125), starts=4_096, sampling=sampling, check=True)
        assert len(result.warnings) == 1


def test_the_check_uses_the_kernel_that_is_there(tmp_path):
    """One more specialisation would cost a second of compiling: uniform starts need none."""
    with bgd.testing.fresh_cache(tmp_path):
        compiled = []
        for check in (False, True):
            run(GradientDescent(learning_rate=0.01), starts=3_000, check=check)
            compiled.append(sorted(tmp_path.rglob("*.code")))
    assert compiled[0]
    assert compiled[0] == compiled[1]


def test_float32_runs_are_held_against_flow_in_float64():
    coarse = run(GradientDescent(learning_rate=0.005), dtype="float32", starts=2_000, backend="numpy")
    found = coarse.fidelity(sample=1_000)
    assert found.agree > 0.98


def test_the_shell_tells_fidelity(capsys):
    line = "run himmelblau --starts 2000 --learning-rate 0.0125 --check --fidelity 1000 --quiet"
    assert main(line.split()) == 0
    out = capsys.readouterr().out
    assert "of 1,000 starts end where gradient flow ends" in out
    assert "warning: the fractions depend on the step size" in out
    assert main([*line.split(), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["fidelity"]["sample"] == 1000
    assert 0.7 < told["fidelity"]["agree"] < 0.9
    assert len(told["warnings"]) == 1


def test_bad_input():
    result = samples.himmelblau(50)
    with pytest.raises(InputError, match="sample is 0"):
        result.fidelity(sample=0)
    with pytest.raises(InputError, match="sample is True"):
        result.fidelity(sample=True)
    with pytest.raises(InputError, match="how it was made"):
        result.fidelity()
    from batchgd.analysis.basins.fidelity import fidelity

    with pytest.raises(InputError, match="has none"):
        fidelity(samples.batch())
    with pytest.raises(InputError, match="none to halve"):
        run(bgd.Polyak(0.0), starts=10, check=True)
    lean = run(starts=100, keep="minima", backend="numpy")
    with pytest.raises(InputError, match="kept none: run it with keep='all'"):
        lean.fidelity()


def test_a_result_without_its_function_says_so(tmp_path):
    def mine(x):
        return np.sum((x**2 - 1) ** 2)

    folder = bgd.multistart(mine, box=[(-2, 2)], starts=50, backend="numpy").save(tmp_path / "run")
    with pytest.raises(InputError, match="not stored"):
        bgd.load(folder).fidelity()
    assert bgd.load(folder, fun=mine).fidelity(sample=20).agree == 1.0
    assert replace(bgd.load(folder, fun=mine).fidelity(sample=20), half=None).changed is None


def test_a_result_without_labels_says_so():
    for name in ("fidelity", "coverage", "recluster"):
        with pytest.raises(AttributeError, match="no labels and therefore no"):
            getattr(samples.batch(), name)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = samples.batch().nonsense
