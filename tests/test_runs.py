"""Runs in parts: whatever happened to the folder, the result is that of an undisturbed run, to the last bit."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from runs_in_parts import PART, SETTINGS, files, solve
from same_results import differing

import batchgd as bgd
from batchgd.api.runs.split import cover
from batchgd.api.testing import forced, no_work, watched


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"keep": "minima"},
        {"sampling": "sobol"},
        {"sampling": "grid", "starts": 2025},
        {"sampling": "latin_hypercube"},
        {"sampling": bgd.Normal(0.0, 2.0)},
        {"dtype": "float32"},
        {"dtype": "mixed"},
        {"bounds": [(-3, 3), (-3, 3)]},
        {"until": bgd.Coverage(0.99)},
        {"until": bgd.Coverage(0.99), "keep": "minima"},
        {"backend": "cpu"},
    ],
    ids=str,
)
def test_parts_give_what_the_whole_gives(tmp_path, changes):
    undisturbed = solve(**changes)
    assert differing(solve(tmp_path / "run", **changes), undisturbed) == []
    with no_work():
        assert differing(solve(tmp_path / "run", **changes), undisturbed) == []


def test_parts_grow_until_one_tells_how_long_they_take(tmp_path):
    with forced(clock=lambda: 0.0):
        bgd.multistart("sphere", dim=1, starts=80_000, backend="numpy", keep="minima", run=tmp_path)
        assert [file.stem[-5:] for file in files(tmp_path)] == ["04096", "69632", "80000"]
        files(tmp_path)[0].unlink()
        batches = []
        with watched(batches.append):
            bgd.multistart("sphere", dim=1, starts=81_000, backend="numpy", keep="minima", run=tmp_path)
    assert [(batch.starts.number, batch.starts.n) for batch in batches] == [(0, 4096), (80_000, 1000)]


def test_starts_that_are_given(tmp_path, whole):
    points = whole.start_points(0, 1000)
    given = {"starts": points, "dim": None}
    assert differing(solve(tmp_path / "run", **given), solve(**given)) == []
    with pytest.raises(bgd.InputError, match="sampling: sha256 is"):
        solve(tmp_path / "run", starts=points[::-1], dim=None)


def test_only_what_is_missing_is_computed(tmp_path, whole):
    solve(tmp_path)
    for file in files(tmp_path)[2:5:2]:
        file.unlink()
    batches = []
    with watched(batches.append):
        assert differing(solve(tmp_path), whole) == []
    assert [(batch.starts.number, batch.starts.n) for batch in batches] == [(600, 300), (1200, 300)]


@pytest.mark.parametrize("damage", ["cut", "empty", "bit", "another", "text", "pickle", "link"])
def test_a_damaged_part_is_reported_and_computed_again(tmp_path, whole, damage):
    solve(tmp_path)
    file, other = files(tmp_path)[1:3]
    content = bytearray(file.read_bytes())
    if damage == "bit":
        content[len(content) // 2] ^= 4
    damaged = {
        "cut": content[: len(content) // 2],
        "empty": b"",
        "bit": content,
        "another": other.read_bytes(),
        "text": b"not a part",
        "pickle": b"cos\nsystem\n(S'false'\ntR.",
        "link": None,
    }[damage]
    file.unlink()
    if damaged is None:
        file.symlink_to(other)
    else:
        file.write_bytes(damaged)
    with pytest.warns(bgd.RunWarning, match=r"is damaged \(.*\): it is computed again"):
        again = solve(tmp_path)
    assert differing(again, whole) == []
    assert again.provenance["damaged"] == 1
    assert not file.is_symlink()
    with no_work():
        solve(tmp_path)


def test_a_forged_part_is_refused(tmp_path, whole):
    """Its checksums are right, but not its numbers."""
    solve(tmp_path)
    file = files(tmp_path)[0]
    for name, change in {
        "cells.count": lambda column: column + 1,
        "cells.first": lambda column: column - 5000,
        "cells.x": lambda column: column + 1.0,
        "cells.key": lambda column: column[:-1],
        "rows.fun": lambda column: column.astype(np.float32),
        "rows.status": lambda column: column * 0 + 3,
    }.items():
        with np.load(file) as stored:
            arrays = {key: stored[key] for key in stored.files if key != "result.json"}
            head = stored["result.json"]
        arrays[name] = change(arrays[name])
        from batchgd.api.storage.archive import write

        with file.open("wb") as target:
            write(target, json.loads(head), arrays)
        with pytest.warns(bgd.RunWarning, match="is damaged"):
            assert differing(solve(tmp_path), whole) == [], name


def test_more_starts_extend_a_run(tmp_path):
    for starts in (500, 501, 1400, 2000):
        undisturbed = solve(starts=starts)
        assert differing(solve(tmp_path, starts=starts), undisturbed) == []
    with pytest.raises(bgd.InputError, match=r"has 2,000 starts, more than 1,400: give starts at least as many"):
        solve(tmp_path, starts=1400)


@pytest.mark.parametrize("shards", [1, 3, 16])
def test_shards_are_the_whole_in_any_order(tmp_path, whole, shards):
    for k in np.random.default_rng(shards).permutation(shards) + 1:
        part = solve(tmp_path, shard=(int(k), shards))
        assert part.n == 2000 * k // shards - 2000 * (k - 1) // shards
    with no_work():
        assert differing(solve(tmp_path), whole) == []


@pytest.mark.parametrize("backend", ["cpu", "numpy"])
def test_shards_of_more_starts_than_any_machine_holds(tmp_path, backend):
    """The last 500 of a trillion starts: their numbers fit in no 32 bits, and their rows in memory."""
    part = solve(tmp_path, starts=10**12, shard=(2 * 10**9, 2 * 10**9), backend=backend)
    given = solve(starts=part.x0, dim=None, backend=backend)
    assert np.array_equal(part.x, given.x)
    assert np.array_equal(part.minima.count, given.minima.count)
    numbers = np.concatenate([rows["start"] for rows in bgd.rows(tmp_path)])
    assert np.array_equal(numbers, np.arange(10**12 - 500, 10**12))
    merged = bgd.merge(tmp_path, partial=True)
    assert np.array_equal(merged.x, part.x)
    with no_work(), pytest.raises(bgd.InputError, match=r"use at most .* starts, or keep='minima', which"):
        solve(tmp_path, starts=10**12)


def test_a_shard_has_the_starts_of_its_range(tmp_path, whole):
    part = solve(tmp_path, shard="2/3")
    for name in ("x", "fun", "nit", "nfev", "status"):
        assert np.array_equal(getattr(part, name), getattr(whole, name)[666:1333])
    assert np.array_equal(part.x0, whole.x0[666:1333])
    assert part.coverage.n == part.n == 667


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"gtol": 1e-3}, "gtol is .* there and 0.001 here"),
        ({"seed": 3}, "seed is 0 there and 3 here"),
        ({"dim": 3}, "dim is 2 there and 3 here"),
        ({"method": "adam"}, "method: name is 'BarzilaiBorwein' there and 'Adam' here"),
        ({"method": bgd.BarzilaiBorwein(0.05)}, "method: parameters: .* there and 0.05 here"),
        ({"box": [(-2, 2), (-2, 2)]}, "box is .* there and .* here"),
        ({"bounds": [(-2, 2), (-2, 2)]}, "box|bounds"),
        ({"dtype": "float32"}, "dtype is 'float64' there and 'float32' here"),
        ({"maxiter": 5}, "maxiter is 200 there and 5 here"),
        ({"sampling": "sobol"}, "sampling: name is 'uniform' there and 'sobol' here"),
        ({"scale": "box"}, "scale is None there"),
    ],
    ids=str,
)
def test_another_configuration_is_refused_and_named(tmp_path, changes, named):
    solve(tmp_path, keep="minima", starts=10)
    with no_work(), pytest.raises(bgd.InputError, match=f"contains another run: {named}") as refusal:
        solve(tmp_path, **{"keep": "minima", "starts": 10} | changes)
    assert "\n" not in str(refusal.value)
    with no_work(), pytest.raises(bgd.InputError, match="keeps no row per start: give keep='minima'"):
        solve(tmp_path, starts=10)


def test_another_function_is_refused(tmp_path):
    def bowl(x, scale=1.0):
        return scale * x[0] ** 2

    def run(fun, **changes):
        settings = {"box": [(-1, 1)], "starts": 50, "run": tmp_path} | changes
        return bgd.multistart(fun, **settings)

    run(bowl)
    run(lambda y: y[0] ** 2)  # the same program under another name
    with pytest.raises(bgd.InputError, match=r"the function is another one \('bowl' there, '<lambda>' here\)"):
        run(lambda x: x[0] ** 2 + x[0])
    with pytest.raises(bgd.InputError, match="the function is another one"):
        run(lambda x: bowl(x, 2.0))


def test_a_fit_goes_on_where_it_was(tmp_path):
    t = np.linspace(0.0, 4.0, 30)
    y = 2.0 * np.exp(-0.7 * t) + 0.01 * np.sin(37.0 * t)

    def fit(y=y, **changes):
        settings = {"parameters": {"a": (0, 5), "k": (0, 3)}, "starts": 100, "backend": "numpy"} | changes
        return bgd.fit(lambda t, a, k: a * np.exp(-k * t), t, y, **settings)

    whole, made = fit(), fit(run=tmp_path)
    with no_work():
        again = fit(run=tmp_path)
    for found in (made, again):
        assert differing(found.landscape, whole.landscape) == []
        assert np.array_equal(found.covar, whole.covar)
    with (
        no_work(),
        pytest.raises(bgd.InputError, match="the function '<lambda>' is another one here: its code or its d"),
    ):
        fit(y + 1e-9, run=tmp_path)
    with no_work(), pytest.raises(bgd.InputError, match=r"run is .* with y of shape"):
        fit(np.stack([y, y]), run=tmp_path)


def test_what_does_not_go_with_parts_is_refused(tmp_path):
    for changes, words in (
        ({"strategy": "mlsl"}, "run does not go with mlsl: which points descend depends on all results before them"),
        ({"shard": (4, 3)}, "shard is 4/3: shards are counted from 1 to 3"),
        ({"shard": "x"}, "shard is 'x': give one such as"),
        ({"shard": (1, 2), "until": bgd.Coverage(0.9)}, "until looks at all starts"),
        ({"shard": (1, 3000)}, "which has none of the 2000 starts"),
        ({"method": bgd.GradientDescent(np.full(2000, 1e-3))}, "run needs one value of each hyperparameter"),
        ({"callback": 3}, "callback"),
    ):
        with no_work(), pytest.raises(bgd.InputError, match=words):
            solve(tmp_path / "run", **changes)
    with no_work(), pytest.raises(bgd.InputError, match="shard needs run, a folder"):
        solve(shard=(1, 2))
    with no_work(), pytest.raises(bgd.InputError, match="callback needs run, a folder: give both, or progress="):
        solve(callback=print)
    with pytest.raises(bgd.InputError, match="keep='disk' needs run, a folder: add it, or give keep='minima'"):
        solve(keep="disk")
    (tmp_path / "other.txt").touch()
    with pytest.raises(bgd.InputError, match=r"contains 'other\.txt' and is not a run"):
        solve(tmp_path)
    with pytest.raises(bgd.InputError, match="is not a folder"):
        solve(tmp_path / "other.txt")
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "parts").symlink_to(tmp_path)
    with pytest.raises(bgd.InputError, match="is a link, which a run does not follow"):
        solve(tmp_path / "linked")


def test_an_altered_manifest_is_refused(tmp_path):
    solve(tmp_path, starts=10)
    manifest = tmp_path / "run.json"
    fields = json.loads(manifest.read_text())
    fewer = json.dumps(fields | {"starts": 9})
    fields["configuration"]["seed"] = 1
    for text in (fewer, json.dumps(fields), "{", "[]", "{}", '{"format": "batchgd run", "version": 99}', "[" * 5000):
        manifest.write_text(text)
        with no_work(), pytest.raises(bgd.InputError, match=r"run\.json cannot be read: ") as refusal:
            solve(tmp_path, starts=10)
        assert "\n" not in str(refusal.value)


def test_a_callback_sees_each_part_and_can_end_the_run(tmp_path, whole):
    seen = []

    def look(partial):
        seen.append((partial.n, partial.total, len(partial.minima()) > 100, partial.lowest >= 0.0))
        return partial.n >= 900

    part = solve(tmp_path, callback=look)
    assert [n for n, *_ in seen] == [300, 600, 900]
    assert {rest for _, *rest in map(tuple, seen) for rest in [tuple(rest)]} == {(2000, True, True)}
    assert part.n == 900
    assert "900 of 2,000 starts are done; the same call does the rest" in part.warnings[-1]
    assert np.array_equal(part.x, whole.x[:900])
    assert differing(solve(tmp_path), whole) == []


def test_a_time_limit_leaves_whole_parts(tmp_path, whole):
    ticks = iter(range(10**9))
    with forced(clock=lambda: 0.001 * next(ticks), part=PART):
        cut = solve(tmp_path, max_time=0.05)
    assert len(files(tmp_path)) < 7
    assert cut.n <= 2000
    assert differing(solve(tmp_path), whole) == []
    assert differing(solve(tmp_path, max_time=1e6), whole) == []  # a limit is not part of the configuration


def test_another_backend_goes_on_only_if_it_is_named(tmp_path):
    solve(tmp_path, starts=300)
    with pytest.raises(bgd.InputError, match="was begun with backend='numpy', and this call would use cpu"):
        bgd.multistart("rastrigin", **SETTINGS | {"backend": "auto"}, run=tmp_path)
    with pytest.warns(bgd.RunWarning, match="was begun with numpy and goes on with cpu: last digits may differ"):
        mixed = solve(tmp_path, backend="cpu")
    assert mixed.n == 2000


def test_where_a_result_comes_from(tmp_path, whole):
    made = solve(tmp_path).provenance
    assert (made["parts"], made["computed"], made["missing"]) == (7, 7, 0)
    assert made["function"] == "rastrigin"
    assert made["fingerprint"] == whole.provenance["fingerprint"]
    file = whole.save(tmp_path / "saved.npz")
    assert bgd.load(file).provenance == whole.provenance


def test_events_are_json(tmp_path, caplog):
    caplog.set_level("INFO", logger="batchgd.runs")
    solve(tmp_path)
    events = [json.loads(record.getMessage()) for record in caplog.records]
    assert [event["stop"] for event in events if event["event"] == "part"] == [300, 600, 900, 1200, 1500, 1800, 2000]
    assert caplog.records[0].event == events[0]


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(bgd.InputError, match=r"cannot write .*: Not a directory"):
        solve(tmp_path / "file" / "run")


@pytest.mark.parametrize("keep", ["disk", "all"])
def test_rows_are_read_part_by_part(tmp_path, whole, keep):
    result = solve(tmp_path, keep=keep)
    assert np.array_equal(result.minima.count, whole.minima.count)
    assert len(result.x) == (2000 if keep == "all" else 0)
    parts = [*bgd.rows(tmp_path)]
    assert [len(part["fun"]) for part in parts] == [300] * 6 + [200]
    for name in ("x", "fun", "nit", "nfev", "status"):
        assert np.array_equal(np.concatenate([part[name] for part in parts]), getattr(whole, name))
    assert np.array_equal(np.concatenate([part["start"] for part in parts]), np.arange(2000))
    files(tmp_path)[1].unlink()
    assert [int(part["start"][0]) for part in bgd.rows(tmp_path)] == [0, 600, 900, 1200, 1500, 1800]
    files(tmp_path)[0].write_bytes(b"")
    with pytest.raises(bgd.InputError, match=r"is damaged .*: repeat the call that made it"):
        next(iter(bgd.rows(tmp_path)))
    solve(tmp_path / "none", keep="minima")
    with pytest.raises(bgd.InputError, match=r"has no rows: make the run with keep='disk'"):
        bgd.rows(tmp_path / "none")


def test_rows_as_parquet(tmp_path, whole):
    parquet = pytest.importorskip("pyarrow.parquet")
    solve(tmp_path / "run", keep="disk")
    file = bgd.rows(tmp_path / "run").to_parquet(tmp_path / "rows.parquet")
    assert parquet.ParquetFile(file).num_row_groups == 7
    table = parquet.read_table(file)
    assert np.array_equal(table["start"], np.arange(2000))
    assert np.array_equal(np.stack([table["x0"], table["x1"]], axis=1), whole.x)
    for name in ("fun", "nit", "nfev", "status"):
        assert np.array_equal(table[name], getattr(whole, name))
    before = file.read_bytes()
    with pytest.raises(bgd.InputError, match="exists: choose another name, or give overwrite=True"):
        bgd.rows(tmp_path / "run").to_parquet(file)
    with pytest.raises(bgd.InputError, match=r"cannot write .*: No such file or directory; choose a file"):
        bgd.rows(tmp_path / "run").to_parquet(tmp_path / "none" / "rows.parquet")
    files(tmp_path / "run")[3].write_bytes(b"")
    with pytest.raises(bgd.InputError, match="is damaged"):
        bgd.rows(tmp_path / "run").to_parquet(file, overwrite=True)
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 30)), max_size=12),
    st.integers(0, 20),
    st.integers(1, 60),
    st.integers(1, 25),
)
def test_every_cover_is_exact(lengths, first, n, size):
    """Whatever parts there are, their cover is the range, without gaps and overlaps, from as many as possible."""
    have, stop = {(begin, begin + length) for begin, length in lengths}, first + n
    found = list(cover(have, first, stop, size))
    assert [begin for begin, _ in found] == [first, *(end for _, end in found[:-1])]
    assert found[-1][1] == stop
    assert all(begin < end and (end - begin <= size or (begin, end) in have) for begin, end in found)
    used = sum(end - begin for begin, end in have & set(found))
    inside = [part for part in have if first <= part[0] and part[1] <= stop]
    assert used >= max((end - begin for begin, end in inside), default=0)
    assert list(cover(found, first, stop, size)) == found
