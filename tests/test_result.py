"""The result: n in, n out; SciPy's names; the table, its HTML, the JSON summary, frames."""

import html.parser
import json
import sys
from dataclasses import replace

import numpy as np
import pytest
import result_samples as samples

from batchgd import Box, InputError, Status
from batchgd.api.result import BatchResult
from batchgd.cli.app import main
from batchgd.output.report import text
from batchgd.output.summary import json_ready
from batchgd.problem.wording import duration, format_values, quantity


def test_n_in_n_out_with_scipys_names():
    batch = samples.batch(50)
    assert len(batch) == batch.n == 50
    assert batch.dim == 2
    for name in ("x", "fun", "nit", "nfev", "status", "success", "message", "jac", "x0"):
        assert len(getattr(batch, name)) == 50, name
    assert batch.status.dtype == np.int8
    assert batch.success.sum() == 49
    assert batch.message[-1] == Status.MAXITER.message
    assert list(batch.message[:2]) == [Status.GRADIENT.message] * 2
    assert batch.status_counts() == {"GRADIENT": 49, "MAXITER": 1}


def test_an_interrupted_run_is_known_by_its_statuses():
    batch = samples.batch(5)
    assert not batch.interrupted
    batch.status[3] = Status.INTERRUPTED
    assert batch.interrupted


def test_gradients_are_evaluated_once_and_only_when_asked_for():
    batch = samples.batch(5)
    assert "jac" not in batch.__dict__
    assert np.array_equal(batch.jac, samples.himmelblau_gradient(batch.x))
    assert batch.jac is batch.jac


def test_one_trajectory_reads_like_scipys_result():
    result = samples.himmelblau(50)
    one = result[3]
    assert one.x is not None
    assert one["fun"] == one.fun == result.fun[3]
    assert one.label == result.label[3]
    assert np.array_equal(one.jac, result.jac[3])
    assert np.array_equal(one.x0, result.x0[3])
    assert one.status is Status.GRADIENT
    lines = repr(one).splitlines()
    assert {line.split(":")[0].strip() for line in lines} >= {"message", "success", "status", "fun", "x", "nit", "jac"}
    assert "      status: 1 (GRADIENT)" in f"      {repr(one).replace(chr(10), chr(10) + '      ')}"
    with pytest.raises(AttributeError, match="a trajectory has no 'hess'"):
        _ = one.hess


def test_negative_and_outlying_indices():
    batch = samples.batch(4)
    assert np.array_equal(batch[-1].x, batch.x[3])
    with pytest.raises(IndexError, match="trajectory 4 of 4"):
        batch[4]
    assert [t.nit for t in batch] == [0, 1, 2, 3]


@pytest.mark.parametrize("index", [slice(2, 9, 3), [7, 1, 4], np.array([7, 1, 4]), np.arange(30) % 4 == 1, slice(0, 0)])
def test_a_part_is_a_smaller_batch(index):
    whole = samples.himmelblau(30)
    part = whole[index]
    assert type(part) is BatchResult
    for name in ("x", "fun", "nit", "nfev", "status", "x0", "jac"):
        assert np.array_equal(getattr(part, name), getattr(whole, name)[index]), name
    assert np.isnan(part.seconds)  # the time of the whole would give a part a false rate


def test_parts_of_spread_out_starts_make_only_those():
    whole = samples.batch(50_000)
    part = whole[[49_999, 0]]
    assert np.array_equal(part.x0, whole.x0[[49_999, 0]])


def test_lengths_that_disagree_are_refused():
    with pytest.raises(InputError, match="n entries in each other array"):
        BatchResult(x=np.zeros((3, 2)), fun=np.zeros(2), nit=np.zeros(3), nfev=np.zeros(3), status=np.zeros(3))


def test_what_a_result_was_made_without_is_told():
    bare = BatchResult(x=np.zeros((1, 2)), fun=[0.0], nit=[0], nfev=[1], status=[1])
    with pytest.raises(InputError, match="made without its function"):
        _ = bare.jac
    with pytest.raises(InputError, match="made without its starts"):
        _ = bare.x0
    assert "jac" not in bare[0]


def test_labels_and_minima_agree():
    result = samples.himmelblau(4_000, unlabelled=7)
    counts = np.bincount(result.label[result.label >= 0], minlength=4)
    assert np.array_equal(counts, result.minima.count)
    assert counts.sum() + 7 == result.n
    assert result.label.dtype == np.int32


def test_the_table_fits_a_terminal_and_says_all():
    result = samples.himmelblau(4_000, unlabelled=7, warnings=["two minima are close", "a long word " * 20])
    lines = str(result).splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[0].startswith("himmelblau_by_hand · 2-D · 4,000 starts (uniform, seed 0) · numpy float64 · 0.25 s")
    assert sum("minimum " in line for line in lines) == 4
    table = "\n".join(lines)
    for piece in (
        "95 % interval",
        "(3, 2)",
        "1 saddle",
        "no label (-1): 7 starts",
        "DIVERGED 7",
        "warning: two minima",
    ):
        assert piece in table


def test_many_minima_are_cut_and_counted():
    lines = str(samples.rastrigin(11)).splitlines()
    assert sum(" minimum " in line for line in lines) == 20
    assert "showing 20 of 121 minima; more: bgd.printoptions(limit=N)" in lines
    assert max(map(len, lines)) <= 100


def test_ten_dimensions_fit_the_line():
    result = samples.rastrigin(1, dim=10, n=100)
    assert max(map(len, str(result).splitlines())) <= 100
    assert "(0, 0, 0, 0, …)" in str(result)
    wide = samples.rastrigin(3, dim=5, n=10_000)
    wide.minima.x[:] = -1.234567
    wide.minima.inside[:] = False
    assert max(map(len, str(wide).splitlines())) <= 100


def test_tables_of_points_print_their_first_rows_and_how_many_there_are():
    result = samples.rastrigin(11, unlabelled=3)
    lines = repr(result.minima).splitlines()
    assert (lines[0], lines[2].split()[:2]) == ("121 minima", ["row", "value"])
    assert lines[4].split()[:3] == ["0", "0.000000", "0.73"]
    assert lines[-1].startswith("showing 20 of 121 minima; more: ")
    assert len(lines) == 4 + 20 + 1
    assert result.minima._repr_html_().count("<tr>") == 21
    assert repr(result.minima[:0]) == "no minimum"
    saddle = repr(result.stationary).splitlines()
    assert saddle[0] == "1 stationary point that is not a minimum"
    assert saddle[-1].split() == ["0", "0.000000", "1", "saddle", "1", "(0,", "0)"]


def test_a_long_best_point_is_cut():
    notes = str(samples.rastrigin(1, dim=30, n=20))
    assert "x22=0, x23=0, … (30 coordinates:" in " ".join(notes.split())
    assert "x24=" not in notes


def test_minima_outside_the_box_are_marked():
    result = samples.himmelblau(100)
    result.minima.inside[2] = False
    assert "minimum, outside" in str(result)
    assert "1 minimum is outside the starting box" in str(result)
    assert [m["inside"] for m in result.summary()["minima"]] == [True, True, False, True]


def test_withheld_intervals_say_why():
    result = samples.himmelblau(100)
    withheld = {"fraction_low": None, "fraction_high": None, "interval_note": "Sobol starts are not independent"}
    result.minima = replace(result.minima, **withheld)
    assert "95 % interval" not in str(result)
    assert "no intervals: Sobol starts are not independent" in str(result)
    assert result.summary()["minima"][0]["fraction_low"] is None


def test_no_minimum_and_no_start_print():
    empty = samples.batch(3)[0:0]
    assert "no trajectories" in str(empty)
    result = samples.himmelblau(20, unlabelled=20)
    for name in ("x", "fun", "count", "fraction", "fraction_low", "fraction_high", "kind", "inside"):
        object.__setattr__(result.minima, name, getattr(result.minima, name)[:0])
    assert "no minimum was found" in str(result)
    assert "no label (-1): 20 starts, 100 %" in str(result)


class _Tags(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.seen, self.text = [], [], ""

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.seen.append(tag)
        assert "color" not in dict(attrs).get("style", "")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_html_is_escaped_balanced_and_colourless():
    result = samples.himmelblau(100, warnings=["a < b & c"])
    result.objective = samples.Function("<script>", 2, samples.himmelblau_value, samples.himmelblau_gradient)
    tags = _Tags()
    tags.feed(result._repr_html_())
    assert not tags.open
    assert "script" not in tags.seen
    assert "a < b & c" in tags.text
    assert tags.seen.count("tr") == 5
    assert samples.batch(3)._repr_html_().startswith("<div")


def test_the_summary_is_strict_json():
    result = samples.himmelblau(100, unlabelled=2, method="GradientDescent")
    result.seconds = float("nan")
    told = json.loads(json.dumps(result.summary(), allow_nan=False))
    assert told["seconds"] is None
    assert told["n_starts"] == 100
    assert told["box"] == [[-6, 6], [-6, 6]]
    assert told["status"] == {"GRADIENT": 98, "DIVERGED": 2}
    assert told["unlabelled"] == 2
    assert told["stationary"] == {"saddle": 1}
    assert told["method"] == {"name": "GradientDescent"}
    keys = {"x", "fun", "count", "fraction", "fraction_low", "fraction_high", "kind", "free", "inside"}
    assert len(told["minima"]) == 4
    assert all(set(minimum) == keys for minimum in told["minima"])


def test_long_hyperparameters_are_told_by_their_range():
    from dataclasses import dataclass

    @dataclass
    class Constant:
        learning_rate: object

    result = samples.himmelblau(100, method=Constant(np.linspace(0.1, 0.2, 100)))
    assert result.summary()["method"]["learning_rate"] == {"shape": [100], "min": 0.1, "max": 0.2}
    assert "Constant" in str(result)


def test_numbers_for_people():
    assert format_values([0.0, 1e-30]) == ["0.000000", "0.000000"]
    assert format_values([-1e-30]) == ["0.000000"]
    assert format_values([1e9]) == ["1.000000e+09"]
    assert format_values([np.nan, 1.0]) == ["nan", "1.000000"]
    assert quantity(123_456_789) == "123 M"
    assert duration(1e-5) == "0.01 ms"
    assert json_ready({"a": (np.inf, np.int8(3), np.bool_(True))}) == {"a": [None, 3, True]}
    assert "lowest value: none is finite" in text(_hopeless())


def _hopeless():
    return BatchResult(x=np.zeros((2, 1)), fun=[np.nan, np.inf], nit=[0, 0], nfev=[1, 1], status=[8, 8])


def test_dataframes():
    result = samples.himmelblau(30)
    frame = result.to_dataframe(starts=True)
    assert " ".join(frame.columns) == "x0 x1 fun nit nfev status success label start0 start1"
    assert len(frame) == 30
    assert np.array_equal(frame[["x0", "x1"]].to_numpy(), result.x)
    assert frame.groupby("label").size().sum() == 30
    assert "label" not in samples.batch(3).to_dataframe()


def test_a_table_of_points_as_dataframe():
    result = samples.himmelblau(30)
    frame = result.minima.to_dataframe()
    assert len(frame) == 4
    assert {"x0", "fun", "fraction_low", "kind", "inside", "eigenvalue1"} <= set(frame.columns)
    assert "negative" in result.stationary.to_dataframe()


def test_dataset():
    result = samples.himmelblau(30)
    data = result.to_xarray()
    assert dict(data.sizes) == {"start": 30, "coordinate": 2, "minimum": 4}
    assert np.array_equal(data.x.values, result.x)
    assert np.array_equal(data.minimum_fraction.values, result.minima.fraction)
    assert data.attrs["n_starts"] == 30
    assert "minimum" not in samples.batch(3).to_xarray().sizes


@pytest.mark.parametrize(
    ("package", "call"),
    [("pandas", lambda r: r.to_dataframe()), ("xarray", lambda r: r.to_xarray()), ("matplotlib", lambda r: r.plot())],
)
def test_a_missing_package_is_named_with_its_cure(monkeypatch, package, call):
    monkeypatch.setitem(sys.modules, package, None)
    extra = "plot" if package == "matplotlib" else "frames"
    with pytest.raises(ImportError, match=rf'{package} is not installed; type: pip install "batchgd\[{extra}\]"'):
        call(samples.himmelblau(10))


def test_minima_inside_the_box_are_shown_first_and_labels_stay_by_value():
    box = Box([-6, -6], [6, 6])
    x = np.concatenate([np.full((24, 2), 7.0) + np.arange(24)[:, None], samples.HIMMELBLAU_MINIMA])
    objective = samples.Function("far", 2, lambda x: np.where(x[:, 0] > 6.5, -x[:, 0], x[:, 0]), None)
    result = samples.multistart(objective, x, np.random.default_rng(0).uniform(-6, 30, (900, 2)), box)
    shown = [line.split()[0] for line in str(result).splitlines()[4:24]]
    assert shown == ["24", "25", "26", "27", *map(str, range(16))]
    assert "showing 20 of 28 minima; more: bgd.printoptions(limit=N) (not shown: 8 outside the box)" in str(result)
    assert "lowest minimum inside the box: label 24, " in str(result)


def test_the_best_point_is_printed_whole():
    result = samples.rastrigin(3, dim=5, n=100)
    assert "best value reached: 0 at x = (0, 0, 0, 0, 0)" in str(result)
    result = samples.rastrigin(3, dim=7, n=100)
    assert "best value reached: 0 at x0=0, x1=0, x2=0, x3=0, x4=0, x5=0, x6=0" in str(result)
    assert result.summary()["best"] == {"fun": 0.0, "x": [0.0] * 7, "label": 0}


def test_the_best_value_may_be_that_of_an_endpoint_without_a_label():
    result = samples.himmelblau(20, unlabelled=2)
    result.fun[-2:], result.status[-2:] = [-1.0, -2.0], [3, 7]
    assert (result.best.fun, result.best.label) == (-1.0, -1)  # the other one diverged
    assert "best value reached: -1 at x = " in str(result)
    assert "it has no label" in str(result)


def test_shares_of_copies_are_explained():
    assert "4 minima share the lowest value" in str(samples.himmelblau(100))
    assert "together 100 % of the starts" in " ".join(str(samples.himmelblau(100)).split())
    assert "share the lowest value" not in str(samples.rastrigin(3, n=100))


def test_the_shell_is_reported_what_it_can_type(tmp_path, capsys):
    path = tmp_path / "f.py"
    path.write_text("import numpy as np\ndef f(x):\n    return 4 - np.cos(9 * x[0]) - np.cos(9 * x[1]) + 1e-3 * x[0]\n")
    line = ["run", f"{path}:f", "--box", "-3", "3", "--dim", "2", "--starts", "300", "--backend", "numpy"]
    assert main([*line, "--maxiter", "4", "--quiet"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "need a larger --maxiter or --max-time" in out
    assert "result." not in out
    assert "bgd." not in out
    assert main([*line, "--quiet"]) == 0
    assert "minima; more: --limit N or --limit all" in capsys.readouterr().out
