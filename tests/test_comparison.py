"""Methods side by side: true shares and counts, cells that fail alone, the profile of Dolan and Moré, the command."""

import json
import re

import numpy as np
import pytest
from matplotlib.figure import Figure
from pressing import press_at_run
from shell_samples import assert_refused, shell

import batchgd as bgd
from batchgd import Comparison, InputError
from batchgd.analysis.comparison import STANDARD, Cell
from batchgd.minima.scale import measure
from batchgd.output.plot.profile import profile, ratios

get = bgd.landscapes.get

NUMPY = {"backend": "numpy", "starts": 200}


@pytest.fixture(scope="module")
def table():
    methods = {"gd": bgd.GradientDescent(0.05), "bb": bgd.BarzilaiBorwein(), "short": bgd.GradientDescent(1e-6)}
    return bgd.compare(methods, ["styblinski_tang", "six_hump_camel"], maxiter=500, **NUMPY)


def cell(table, method, landscape):
    (found,) = [each for each in table if (each.method, each.landscape) == (method, landscape)]
    return found


def test_shares_and_counts_are_those_of_the_runs(table):
    for name in ("styblinski_tang", "six_hump_camel"):
        seen = cell(table, "bb", f"{name} 2-D")
        alone = bgd.multistart(name, starts=200, maxiter=500, backend="numpy")
        truth = get(name).global_value()
        reached = np.abs(alone.minima.fun - truth) < 1e-6
        assert (seen.successes, seen.starts, seen.minima) == (alone.minima.count[reached].sum(), 200, len(alone.minima))
        np.testing.assert_array_equal(seen.evaluations, alone.nfev)
        assert seen.interval[0] < seen.success < seen.interval[1]
        assert seen.fidelity > 0.98
        assert seen.quantile(0.5) == np.sort(alone.nfev)[99]


def test_a_rate_that_is_too_short_reaches_nothing_and_agrees_with_nothing(table):
    seen = cell(table, "short", "six_hump_camel 2-D")
    assert (seen.successes, seen.quantile(0.5), seen.error) == (0, np.inf, None)
    assert seen.fidelity < 0.1


@pytest.mark.parametrize("scale", [False, True])
def test_objectives_of_every_kind_are_compared(scale):
    """The same sum of squares, traced, as a sum over rows, and called as plain Python."""
    rows, box = [[0.0, 1.0], [1.0, 3.0], [2.0, 5.0]], [(-10, 10), (-5, 5)]

    def line(x):
        return sum((x[0] + x[1] * t - y) ** 2 for t, y in rows) + np.sin(3 * x[0])

    def loss(x, row):
        return (x[0] + x[1] * row[0] - row[1]) ** 2 + np.sin(3 * x[0]) / 3

    kinds = [
        bgd.Objective(line, box=box),
        bgd.FiniteSum(loss, rows, box=box, reduction="sum"),
        bgd.Callback(line, box=box),
    ]
    method = bgd.GradientDescent(0.002 if scale else 0.02)
    traced, summed, called = bgd.compare([method], kinds, starts=30, scale=scale, gtol=1e-6, reference=method)
    assert [each.error for each in (traced, summed, called)] == [None] * 3
    assert 0 < traced.successes < 30
    for other in (summed, called):
        assert (other.successes, other.minima) == (traced.successes, traced.minima)
        if not scale:  # the curvature of a callback is measured at fewer points
            wanted = traced.evaluations * (4 if other is called else 1)
            np.testing.assert_allclose(other.evaluations, wanted, rtol=0.02)


def test_fidelity_counts_starts_that_end_where_the_reference_takes_them():
    reference, other = bgd.GradientDescent(0.001), bgd.GradientDescent(0.0125)
    seen = bgd.compare([other], ["himmelblau"], reference=reference, **NUMPY).cells[0]
    a, b = (bgd.multistart("himmelblau", starts=200, method=m, backend="numpy") for m in (reference, other))
    same = np.linalg.norm(a.minima.x[a.label] - b.minima.x[b.label], axis=1) < 1e-6
    assert seen.fidelity == np.mean(same & (a.label >= 0) & (b.label >= 0))
    assert 0.6 < seen.fidelity < 0.95  # 0.79 of the box in the reference values


def test_fidelity_leaves_out_starts_that_the_reference_takes_to_no_minimum():
    method = bgd.BarzilaiBorwein()
    # From nearly half of the box Beale's function falls away from its minimum.
    (same,) = bgd.compare([method], ["beale"], reference=method, maxiter=100, **NUMPY)
    assert same.success < 0.8
    assert same.fidelity == 1.0
    none = bgd.compare([method], ["beale"], reference=bgd.GradientDescent(1e-9), maxiter=100, **NUMPY)
    assert np.isnan(none.cells[0].fidelity)
    assert none.pivot("fidelity").split()[-2:] == ["-", "|"]


@pytest.mark.parametrize(("name", "dim"), STANDARD)
def test_scaled_landscapes_have_the_units_of_himmelblau(name, dim):
    entry, model, seen = get(name), get("himmelblau"), []

    def refuse(batch):
        seen.append(batch)
        raise bgd.testing.Work

    with bgd.testing.watched(refuse):
        bgd.compare(["adam"], [(name, dim)], **NUMPY)
    scaled = seen[0].objective
    assert scaled.box == bgd.Box([-6.0] * dim, [6.0] * dim)
    curvature = measure(bgd.as_objective(model), model.box()).curvature
    assert measure(scaled, scaled.box).curvature == pytest.approx(curvature, rel=1e-9)
    box = entry.box(dim)
    best = (entry.minima(dim)[0] - box.lower) / box.width * 12.0 - 6.0
    assert scaled.value(best) == pytest.approx(0.0, abs=1e-4 * curvature)


def test_a_cell_that_fails_leaves_the_others():
    def fail(batch):
        if isinstance(batch.method, bgd.Adam):
            raise RuntimeError("no luck\ntoday")

    told = []
    with bgd.testing.watched(fail):
        seen = bgd.compare(["adam", "barzilai_borwein"], ["himmelblau"], progress=told.append, **NUMPY)
    assert [each.error for each in seen] == ["RuntimeError: no luck today", None]
    assert told == list(seen)
    assert seen.cells[1].success == 1.0
    for text in (repr(seen), seen.markdown()):
        assert "adam on himmelblau 2-D failed: RuntimeError: no luck today" in text
    assert seen.to_dataframe()["error"].tolist()[0] == "RuntimeError: no luck today"
    with pytest.raises(InputError, match="no landscape has a result of every method"):
        seen.profile()


def test_an_interrupt_keeps_what_is_there():
    with press_at_run(1, of=lambda batch: isinstance(batch.method, bgd.Adam)):
        seen = bgd.compare(["barzilai_borwein", "adam", "fire"], ["himmelblau"], **NUMPY)
    assert [each.method for each in seen] == ["barzilai_borwein", "adam"]
    assert seen.interrupted


def test_the_table_in_every_form(table):
    rows = table.markdown().splitlines()
    assert rows[0].count("|") == rows[1].count("|") == rows[2].count("|") == 10
    assert len(table) == 6
    frame = table.to_dataframe()
    assert frame["success"].tolist() == [each.success for each in table]
    pivot = table.pivot("minima").splitlines()
    assert pivot[0].split("|")[2:4] == [" styblinski_tang 2-D ", " six_hump_camel 2-D "]
    assert pivot[3].split()[3::2] == ["4", "6"]
    with pytest.raises(InputError, match="name is 'speed': give 'success'"):
        table.pivot("speed")
    record = json.loads(json.dumps(table.to_dict()))["cells"][2]
    assert (record["method"], record["evaluations_median"]) == ("short", None)


def test_the_profile_is_that_of_the_definition():
    costs = {"a": [10.0, 30.0, np.inf, np.inf], "b": [20.0, 10.0, 40.0, np.inf]}
    made = Comparison(
        tuple(Cell(name, "one", starts=4, evaluations=np.array(cost)) for name, cost in costs.items()), starts=4
    )
    names, ratio = ratios(made)
    assert names == ["a", "b"]
    np.testing.assert_array_equal(ratio, [[1.0, 3.0, np.inf, np.inf], [2.0, 1.0, 1.0, np.inf]])
    ax = Figure().subplots()
    assert profile(made, ax) is ax
    lines = {line.get_label(): line for line in ax.lines}
    for name, at_one, in_the_end in (("a", 25.0, 50.0), ("b", 50.0, 75.0)):
        share = lines[name].get_ydata()
        assert (share[0], share[-1]) == (at_one, in_the_end)


def test_the_command(folder, capsys):
    line = "compare himmelblau sphere:3 --method adam --method armijo --starts 20 --backend numpy --seed 1"
    code, out, err = shell(capsys, f"{line} --json --plot profile.png")
    assert code == 0, err
    cells = json.loads(out)["cells"]
    assert [each["landscape"] for each in cells] == ["himmelblau 2-D"] * 2 + ["sphere 3-D"] * 2
    assert err.count("\n") == 5
    assert (folder / "profile.png").stat().st_size > 5_000
    code, out, err = shell(capsys, f"{line} --markdown --quiet")
    assert (code, err) == (0, "")
    assert out.startswith("| landscape ")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("compare himelblau", "'himmelblau'"),
        ("compare himmelblau:3", "dim 2 only"),
        ("compare himmelblau:x", "--dim takes a whole number"),
        ("compare himmelblau --method adamm", "'adam'"),
        ("compare himmelblau --starts 0", "starts is 0"),
        ("compare himmelblau --starts many", "--starts takes a whole number"),
        ("compare himmelblau --backend cup", "'cpu'"),
        ("compare himmelblau --json --markdown", "were both given"),
        ("compare himmelblau --plot x.xyz", ".png"),
    ],
)
def test_a_bad_command_line_is_one_line(line, words, folder, capsys):
    assert_refused(capsys, line, words)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: bgd.compare([]), "methods is []: give at least one"),
        (lambda: bgd.compare({}), "methods is {}"),
        (lambda: bgd.compare(["adam"], []), "landscapes is []: give at least one"),
        (lambda: bgd.compare(["adam"], [3]), "3 is not a landscape"),
        (lambda: bgd.compare(["adam", "adam"]), "two methods have the same name"),
        (lambda: bgd.compare([bgd.Adam]), "write Adam(...)"),
        (lambda: bgd.compare(["adam"], [bgd.Objective(lambda x: x[0] ** 2, dim=1)]), "has no box"),
        (lambda: bgd.compare(["adam"], progress=1), "progress is 1"),
        (lambda: bgd.compare(["adam"], starts=[[1.0, 2.0]]), "starts is [[1.0, 2.0]]: give a whole number"),
        (lambda: bgd.compare(["adam"], maxiter=-1), "maxiter is -1"),
        (lambda: bgd.compare([bgd.GradientDescent([0.1, 0.2])], ["sphere"], **NUMPY), "one per start"),
    ],
)
def test_what_is_refused(make, says):
    with pytest.raises(InputError, match=re.escape(says)):
        make()
