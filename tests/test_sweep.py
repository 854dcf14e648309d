"""Sweeps against what theory says of quadratics and what is known of landscapes."""

import json

import numpy as np
import pytest

import batchgd as bgd
from batchgd import Status
from batchgd.cli import main

STEEP = 100.0


def valley(x):
    """Curvatures 1 and 100, along axes that are turned against the coordinates."""
    u, v = 0.8 * x[0] + 0.6 * x[1], -0.6 * x[0] + 0.8 * x[1]
    return 0.5 * (u**2 + STEEP * v**2)


SQUARE = [(-1.0, 1.0)] * 2


def close(share, expected, n):
    """Whether a share of n starts agrees with its expectation within 4 standard deviations."""
    return abs(share - expected) < 4.0 * np.sqrt(expected * (1.0 - expected) / n) + 1e-12


@pytest.mark.parametrize("backend", ["cpu", "numpy"])
def test_the_four_regimes_of_an_ill_conditioned_quadratic(backend):
    rates = np.array([0.002, 0.3, 0.99, 1.5, 1.98, 2.002, 2.5]) / STEEP
    flows = backend == "numpy"  # to compile gradient flow takes five seconds, and Himmelblau's basins need it below
    options = {"maxiter": 6000, "backend": backend, "fidelity": flows}
    result = bgd.sweep(valley, box=SQUARE, starts=200, learning_rate=rates, **options)
    assert result.slow.tolist() == [1, 0, 0, 0, 0, 0, 0]
    assert result.monotone[1:3].tolist() == [1, 1]
    assert (result.oscillating[3:5] > 0.97).all()  # but for starts along the valley's bottom
    assert (result.oscillating + result.monotone)[1:5].tolist() == [1, 1, 1, 1]
    assert result.lost.tolist() == [0, 0, 0, 0, 0, 1, 1]
    np.testing.assert_allclose([result.curvatures.sharpest, result.curvatures.least], [STEEP, 1.0], rtol=1e-6)
    assert result.curvatures.thresholds["2/L"] == pytest.approx(2.0 / STEEP)
    # 1 - η λ per step: from |x| ~ 1 to |g| = 1e-6 it takes log(1e6) / -log(1 - η) updates along the valley
    expected = np.log(1e6) / -np.log1p(-rates[1:4])
    np.testing.assert_allclose(result.nit_median[1:4], expected, rtol=0.1)
    assert (result.nit_tail[1:5] >= result.nit_median[1:5]).all()
    assert result.nit_median[0] == 6000
    assert not flows or result.fidelity[1:5].tolist() == [1, 1, 1, 1]
    assert result.recommended.value == pytest.approx(1.98 / STEEP)
    assert "2/(L+μ) = 0.0198" in result.recommended.reason


def test_heavy_ball_holds_out_up_to_its_own_threshold():
    momentum = 0.5
    limit = 2.0 * (1.0 + momentum) / STEEP
    rates = np.array([0.97, 1.03]) * limit
    result = bgd.sweep(
        valley, box=SQUARE, starts=50, method=bgd.HeavyBall, momentum=momentum, learning_rate=rates, backend="numpy"
    )
    assert (result.oscillating + result.monotone).tolist() == [1, 0]
    assert result.lost.tolist() == [0, 1]
    assert result.recommended.value == rates[0]
    assert "fewest updates" in result.recommended.reason


def test_styblinski_tang_loses_its_deep_minimum_first():
    n = 3000
    result = bgd.sweep("styblinski_tang", dim=1, starts=n, learning_rate=[0.057, 0.058, 0.069], backend="numpy")
    converged = result.monotone + result.oscillating
    assert converged[0] == 1.0
    assert close(converged[1], 0.469, n)
    assert converged[2] == 0.0
    assert result.best[0] == pytest.approx(-39.16616570377)
    assert result.best[1] > -39.16
    assert 2.0 / result.curvatures.sharpest == pytest.approx(0.05783, abs=5e-6)
    method = bgd.GradientDescent(0.057)
    found = bgd.multistart("styblinski_tang", dim=1, starts=n, method=method, backend="numpy")
    assert close(found.minima.fraction[0], 0.529, n)


def test_himmelblau_keeps_its_basins_up_to_a_rate():
    n = 4000
    rates = np.array([0.001, 0.005, 0.01, 0.0125, 0.0145, 0.0255])
    result = bgd.sweep("himmelblau", starts=n, learning_rate=rates)
    for wrong, known in zip(1.0 - result.fidelity, [0.0002, 0.0016, 0.088, 0.208], strict=False):
        assert close(wrong, known, n) or abs(wrong - known) < 1e-3  # gradient flow itself is known to 0.05 %
    assert result.monotone[0] == 1.0  # 7.5 times less than 1/L
    assert result.oscillating[4] > 0.8  # 1.9 times more
    assert (result.monotone + result.oscillating)[:5].min() > 0.999
    assert result.lost[5] == 1.0  # beyond 2/L at every minimum
    sharpest, bluntest = np.linalg.eigvalsh([[116.2655, -28.2499], [-28.2499, 88.2345]])[1], 80.5541
    assert result.curvatures.sharpest == pytest.approx(sharpest, rel=1e-4)
    assert result.curvatures.bluntest == pytest.approx(bluntest, rel=1e-3)
    assert (result.fidelity_low <= result.fidelity).all()
    assert (result.fidelity_high >= result.fidelity).all()
    assert np.diff(result.fidelity).max() <= 0.0
    assert result.recommended.value == 0.005
    assert result.recommended.reason.startswith("stepped down from 2/(L+μ) = 0.0125")


def test_rastrigin_changes_at_the_theoretical_thresholds():
    steepest = 2.0 + 40.0 * np.pi**2  # curvature at the central minimum
    rates = np.array([0.005, 0.9, 1.1, 1.95, 2.06]) / steepest
    result = bgd.sweep("rastrigin", dim=2, starts=500, learning_rate=rates, maxiter=1000, backend="numpy")
    assert result.slow.tolist() == [1, 0, 0, 0, 0]
    assert result.monotone.tolist() == [0, 1, 0, 0, 0]
    assert result.oscillating.tolist() == [0, 0, 1, 1, 0]
    assert result.lost.tolist() == [0, 0, 0, 0, 1]
    assert result.curvatures.sharpest == pytest.approx(steepest, rel=1e-4)
    assert result.fidelity[1] > 0.995


def test_launches_of_any_size_count_the_same():
    arguments = {"starts": 150, "learning_rate": [0.002, 0.008, 0.014, 0.02], "backend": "numpy"}
    whole = bgd.sweep("himmelblau", **arguments)
    with bgd.testing.forced(piece=4 * 37):
        parts = bgd.sweep("himmelblau", **arguments)
    for name, column in whole.columns().items():
        np.testing.assert_array_equal(parts.columns()[name], column, err_msg=name)
    assert parts.status_counts() == whole.status_counts()
    assert parts.n_with_basin == whole.n_with_basin == 150


def test_several_hyperparameters_combine_or_go_together():
    rates, momenta = [0.002, 0.001], [0.0, 0.5, 0.9]
    free = {"method": "heavy_ball", "starts": 20, "fidelity": False, "backend": "numpy"}
    grid = bgd.sweep("himmelblau", learning_rate=rates, momentum=momenta, **free)
    assert grid.values["learning_rate"].tolist() == [0.001] * 3 + [0.002] * 3
    assert grid.values["momentum"].tolist() == momenta * 2
    both = bgd.sweep("himmelblau", learning_rate=[*rates, 0.004], momentum=momenta, zipped=True, **free)
    assert both.values["learning_rate"].tolist() == [0.002, 0.001, 0.004]
    assert both.at(2) == {"learning_rate": 0.004, "momentum": 0.9}
    assert set(both.recommended.values) == {"learning_rate", "momentum"}
    assert len(grid.plot()) == 2
    single = bgd.sweep("himmelblau", learning_rate=[0.001], momentum=[0.5], **free)
    with pytest.raises(bgd.InputError, match="or every combination of two: use to_dataframe"):
        single.plot()


def test_every_start_is_counted_once_in_every_form_of_the_result(tmp_path):
    result = bgd.sweep("himmelblau", starts=60, learning_rate=[0.001, 0.01, 0.1], backend="numpy")
    np.testing.assert_allclose(result.slow + result.monotone + result.oscillating + result.lost, 1.0)
    assert sum(result.status_counts().values()) == 180
    frame = result.to_dataframe()
    assert frame["learning_rate"].tolist() == [0.001, 0.01, 0.1]
    statuses = [name for name in frame if name in Status.__members__]
    assert (frame[statuses].sum(axis=1) == 60).all()
    summary = json.loads(json.dumps(result.summary(), allow_nan=False))
    assert [row["learning_rate"] for row in summary["values"]] == [0.001, 0.01, 0.1]
    assert summary["recommended"]["values"]["learning_rate"] == result.recommended.value
    assert "ended by: " in str(result)
    assert "recommended: learning_rate=" in str(result)
    axes = result.plot(tmp_path / "sweep.png")
    assert len(axes) == 3
    assert axes[0].get_xscale() == "log"
    assert (tmp_path / "sweep.png").stat().st_size > 10_000


def test_the_shell_sweeps(tmp_path, capsys):
    def shell(*words):
        code = main([*words])
        return *capsys.readouterr(), code

    picture = tmp_path / "sweep.png"
    command = ["sweep", "himmelblau", "--learning-rate", "1e-3", "0.1", "--points", "3", "--starts", "50"]
    out, err, code = shell(*command, "--backend", "numpy", "--plot", str(picture), "--json")
    assert code == 0, err
    summary = json.loads(out)
    np.testing.assert_allclose([row["learning_rate"] for row in summary["values"]], [1e-3, 1e-2, 1e-1])
    assert summary["n_starts"] == 50
    assert picture.exists()
    out, err, code = shell(
        *["sweep", "himmelblau", "--method", "adam", "--over", "beta1=0.5,0.9", "--set", "learning_rate=0.05"],
        *["--starts", "20", "--no-fidelity", "--quiet", "--maxiter", "500", "--backend", "numpy"],
    )
    assert code == 0, err
    assert "beta1" in out
    assert err == ""


def sweeps(**given):
    return lambda: bgd.sweep("himmelblau", **{"starts": 5, **given})


BAD = {
    "nothing swept": (sweeps(learning_rate=0.1), "nothing to sweep: give an array"),
    "an unknown hyperparameter": (sweeps(learning_rat=[0.1, 0.2]), "no 'learning_rat': did you mean 'learning_rate'"),
    "no hyperparameter of the method": (
        sweeps(method="adam", momentum=[0.1], learning_rate=0.1),
        "Adam takes no 'momentum'",
    ),
    "a negative rate": (
        sweeps(learning_rate=[0.1, -0.2]),
        "learning_rate is -0.2: give a finite number greater than 0",
    ),
    "no rates": (sweeps(learning_rate=[]), r"learning_rate has shape \(0,\): give a list of numbers"),
    "rates in words": (sweeps(learning_rate=["a", "b"]), "give a list of numbers to sweep"),
    "another number of zipped values": (
        sweeps(method=bgd.HeavyBall, learning_rate=[0.1, 0.2], momentum=[0.5], zipped=True),
        "must have the same length: learning_rate has 2, momentum has 1",
    ),
    "no method": (sweeps(method=int, learning_rate=[0.1]), "give a method, as in method=bgd.GradientDescent"),
    "too many values": (sweeps(method=bgd.HeavyBall, learning_rate=np.arange(1, 500), momentum=np.arange(500) / 500)),
    "mixed precision": (sweeps(learning_rate=[0.1], dtype="mixed"), "a sweep shows how one behaves: use float32"),
    "progress no function": (sweeps(learning_rate=[0.1], progress=True), "give a function of one ProgressUpdate"),
}
BAD["too many values"] = (BAD["too many values"], "the sweep has 249,500 values: give at most 100,000")


@pytest.mark.parametrize("case", BAD)
def test_bad_sweeps_give_one_line(case):
    call, message = BAD[case]
    with pytest.raises(bgd.InputError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--learning-rate", "1", "0.1"], "--learning-rate takes LO below HI"),
        (["--points", "5"], "--points needs --learning-rate LO HI"),
        ([], "nothing to sweep: add --learning-rate LO HI"),
        (["--learning-rate", "0.1"], "--learning-rate takes two numbers"),
        (["--learning-rate", "1e-3", "1", "--set", "learning_rate=0.1"], "both fixed by --set and swept"),
        (["--over", "momentum"], "--over takes a name and numbers"),
    ],
)
def test_bad_words_give_one_line(words, message, capsys):
    assert main(["sweep", "himmelblau", *words]) == 2
    out, err = capsys.readouterr()
    assert message in err
    assert out == ""
