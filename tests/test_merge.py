"""Merging runs: shards are the whole to the last bit, other seeds add up, and what does not fit is refused."""

import itertools
import json

import numpy as np
import pytest
from same_results import differing

import batchgd as bgd
from batchgd.api.testing import forced, no_work

SETTINGS = {"dim": 2, "starts": 1000, "backend": "numpy", "maxiter": 200}


def solve(folder=None, part=300, fun="rastrigin", **changes):
    """Rastrigin's function from 1,000 starts, in parts if there is a folder."""
    with forced(part=part):
        return bgd.multistart(fun, **SETTINGS | changes, run=folder)


@pytest.mark.parametrize("changes", [{}, {"keep": "minima"}, {"sampling": "sobol"}, {"dtype": "float32"}], ids=str)
def test_shards_of_several_machines_are_the_whole(tmp_path, changes):
    whole = solve(**changes)
    for k in (1, 2, 3):
        solve(tmp_path / str(k), part=100 * k, shard=(k, 3), **changes)
    for order in itertools.permutations("123"):
        with no_work():
            assert differing(bgd.merge([tmp_path / k for k in order]), whole) == []
    assert bgd.merge([tmp_path / "1", tmp_path / "2", tmp_path / "3"]).warnings == whole.warnings


def test_one_folder_and_folders_that_overlap(tmp_path):
    whole = solve()
    solve(tmp_path / "a", starts=700, part=300)
    solve(tmp_path / "b", part=250)
    assert differing(bgd.merge(tmp_path / "b"), whole) == []
    assert differing(bgd.merge([tmp_path / "a", tmp_path / "b"]), whole) == []


def test_runs_of_several_seeds_add_up(tmp_path):
    each = {seed: solve(tmp_path / str(seed), seed=seed, starts=1000 + seed) for seed in (5, 1, 3)}
    merged = bgd.merge([tmp_path / "5", tmp_path / "1", tmp_path / "3"])
    other = bgd.merge([tmp_path / "3", tmp_path / "5", tmp_path / "1"])
    assert differing(merged, other) == []
    assert merged.seed is None
    assert merged.provenance["seeds"] == "1, 3, 5"
    for name in ("x", "fun", "nit", "nfev", "status"):
        joined = np.concatenate([getattr(each[seed], name) for seed in (1, 3, 5)])
        assert np.array_equal(getattr(merged, name), joined)
    assert np.array_equal(merged.x0, np.concatenate([each[seed].x0 for seed in (1, 3, 5)]))
    given = bgd.multistart("rastrigin", **SETTINGS | {"starts": merged.x0})
    assert np.array_equal(merged.minima.count, given.minima.count)
    assert np.array_equal(merged.minima.x, given.minima.x)
    assert merged.coverage.n == merged.n == 3009
    assert merged.minima.fraction_low is not None
    assert merged.coverage.unseen_high < each[1].coverage.unseen_high


def test_what_is_missing_is_an_error_unless_asked_for(tmp_path):
    solve(tmp_path / "1", shard=(1, 4))
    solve(tmp_path / "3", shard=(3, 4))
    folders = [tmp_path / "1", tmp_path / "3"]
    with pytest.raises(bgd.InputError, match=r"500 of the 1,000 starts .* \(250 to 499, 750 to 999\): make them, or"):
        bgd.merge(folders)
    merged = bgd.merge(folders, partial=True)
    whole = solve()
    rows = np.r_[0:250, 500:750]
    assert np.array_equal(merged.x, whole.x[rows])
    assert np.array_equal(merged.x0, whole.x0[rows])
    assert merged.coverage.n == 500
    assert "500 of 1,000 starts were merged" in merged.warnings[-1]


def test_a_damaged_part_is_an_error_unless_asked_for(tmp_path):
    solve(tmp_path)
    file = next(iter((tmp_path / "parts").glob("*-*0600.npz")))
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(bgd.InputError, match=r"is damaged .*: repeat the call that made it, or give partial=True"):
        bgd.merge(tmp_path)
    with pytest.warns(bgd.RunWarning, match="is damaged .*: it is left out"):
        assert bgd.merge(tmp_path, partial=True).n == 700


def test_a_covered_run_is_merged_as_far_as_it_went(tmp_path):
    covered = solve(tmp_path, until=bgd.Coverage(0.99), starts=10**6)
    assert differing(bgd.merge(tmp_path), solve(starts=covered.n)) == []


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"fun": "ackley"}, r"the function is another one \('rastrigin' in .*/a, 'ackley' in .*/b\)"),
        ({"box": (-3, 3)}, "box is .*"),
        ({"method": "adam"}, "method: name is 'BarzilaiBorwein' in .*/a and 'Adam' in .*/b"),
        ({"gtol": 1e-3}, "gtol is .* in .*/a and 0.001 in .*/b"),
        ({"dtype": "float32"}, "dtype is 'float64' in .*/a and 'float32' in .*/b"),
        ({"sampling": "sobol"}, "sampling: .*"),
        ({"backend": "cpu"}, "backend is 'numpy' in .*/a and 'cpu' in .*/b"),
    ],
    ids=str,
)
def test_runs_that_do_not_fit_are_refused(tmp_path, changes, named):
    solve(tmp_path / "a", starts=50)
    solve(tmp_path / "b", **{"seed": 1, "starts": 50} | changes)
    with no_work(), pytest.raises(bgd.InputError, match=f"these runs do not fit: {named}; merge them apart"):
        bgd.merge([tmp_path / "a", tmp_path / "b"])


def test_another_version_of_the_arithmetic_is_refused(tmp_path, monkeypatch):
    solve(tmp_path / "a", starts=50)
    monkeypatch.setattr(bgd, "__version__", "0.0.1")
    solve(tmp_path / "b", starts=50)
    monkeypatch.undo()
    with pytest.raises(bgd.InputError, match=r"do not fit: batchgd is .* in .*/a and '0\.0\.1' in .*/b"):
        bgd.merge([tmp_path / "a", tmp_path / "b"])
    with pytest.raises(bgd.InputError, match=r"contains another run: batchgd is '0\.0\.1' there"):
        solve(tmp_path / "b", starts=50)


def test_a_function_of_the_user_is_given_again(tmp_path):
    def bowls(x, p):
        return (x[0] ** 2 - p[0]) ** 2 + x[1] ** 2

    def call(fun, **more):
        settings = {"box": [(-2, 2)] * 2, "params": [1.0], "starts": 100, "backend": "numpy", "method": bgd.Adam(0.1)}
        return bgd.multistart(fun, **settings, **more)

    call(bowls, run=tmp_path)
    assert differing(bgd.merge(tmp_path, fun=bowls), call(bowls)) == []
    with pytest.raises(bgd.InputError, match="has the function 'bowls', which is not stored: give fun"):
        bgd.merge(tmp_path)
    with pytest.raises(bgd.InputError, match=r"the function is another one .* give fun as in the run"):
        bgd.merge(tmp_path, fun=lambda x, p: (x[0] ** 2 - p[0]) ** 2 + 2.0 * x[1] ** 2)


@pytest.mark.parametrize(
    "changes",
    [
        {"method": bgd.GradientDescent(bgd.Exponential(0.002, 0.99), clip_norm=10.0)},
        {"bounds": [(0, np.inf), (-1, 2)], "box": [(0, 2), (-1, 2)]},
        {"sampling": bgd.Normal([0.0, 1.0], 2.0)},
        {"sampling": "grid", "starts": 900},
        {"scale": [1.0, 4.0], "stopping": {"target": 0.5, "norm": "max"}},
    ],
    ids=str,
)
def test_every_setting_comes_back(tmp_path, changes):
    whole = solve(tmp_path, **changes)
    assert differing(bgd.merge(tmp_path), whole) == []


def test_what_is_not_a_run_is_refused(tmp_path):
    for given, words in (
        (tmp_path / "none", "is not a run: give a folder that run made"),
        (tmp_path, "is not a run"),
        ([], "there is no run to merge"),
    ):
        with pytest.raises(bgd.InputError, match=words):
            bgd.merge(given)
    solve(tmp_path / "a", keep="minima", starts=50)
    with pytest.raises(bgd.InputError, match="not all of these runs keep rows"):
        bgd.merge(tmp_path / "a", keep="all")
    solve(tmp_path / "b", sampling="array" and "uniform", starts=np.zeros((20, 2)) + 0.1)
    with pytest.raises(bgd.InputError, match="starts that were given, which are not stored"):
        bgd.merge(tmp_path / "b")


def test_a_hostile_manifest_runs_nothing(tmp_path):
    from batchgd.api.runs.configuration import hash_of
    from batchgd.api.runs.folder import checksum

    solve(tmp_path, starts=50)
    manifest = tmp_path / "run.json"
    fields = json.loads(manifest.read_text())
    assert fields.pop("checksum") == checksum(fields)
    for place, value in (
        (("method",), {"name": "__init__", "parameters": {"name": "evil"}}),
        (("method",), {"name": "Adam", "parameters": {"learning_rate": "import os"}}),
        (("box",), [[0.0], [1.0]]),
        (("stopping", "maxiter"), "x"),
        (("sampling",), {"name": "../x"}),
        (("dim",), 10**12),
        (("function", "name"), "os.system"),
        (("seed",), -1),
        (("backend",), "../evil"),
        (("dtype",), "object"),
    ):
        forged = json.loads(json.dumps(fields))
        inner = forged["configuration"]
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = value
        forged["hash"] = hash_of(forged["configuration"])
        manifest.write_text(json.dumps(forged | {"checksum": checksum(forged)}))
        with no_work(), pytest.raises(bgd.InputError) as refusal:
            bgd.merge(tmp_path)
        assert "\n" not in str(refusal.value), place
