"""Results that somebody damaged or forged: each is one line, or loads as something consistent; nothing else happens."""

import json
import os
import shutil
import tracemalloc
import zipfile

import hostile_results as hostile
import numpy as np
import pytest

import batchgd as bgd
from batchgd import InputError, methods
from batchgd.cli import main


def sources(folder):
    """Small results with every kind of field and column, as files."""
    camel = bgd.multistart("six_hump_camel", starts=30, backend="numpy")
    camel.connect(border_points=4)
    _ = camel.jac
    rates = np.linspace(0.01, 0.05, 8)
    decay = bgd.methods.Exponential(0.1, 0.97)
    return [
        camel.save(folder / "camel"),
        bgd.multistart("himmelblau", starts=6, strategy="basin_hopping", backend="numpy").save(folder / "hops"),
        bgd.multistart("himmelblau", keep="minima", until=bgd.Coverage(0.9), backend="numpy").save(folder / "covered"),
        bgd.multistart(lambda x, a: a * x[0] ** 2 + x[1] ** 2, box=[(-1, 1)] * 2, params=2.0, starts=8,
                       method=bgd.methods.Adam(rates), maxiter=30, backend="numpy").save(folder / "per start"),
        bgd.descend("himmelblau", np.ones((5, 2)), method=bgd.methods.Adam(decay), maxiter=9,
                    backend="numpy").save(folder / "batch"),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return sources(tmp_path_factory.mktemp("saved"))


def verdict(file):
    """Load a file: returns the message if it was refused, None if the result is consistent."""
    try:
        result = bgd.load(file)
    except InputError as error:
        message = str(error)
        assert "\n" not in message
        assert len(message) < 1000
        return message
    shown = [str(result), result._repr_html_(), json.dumps(result.summary(), allow_nan=False)]
    assert all(c.isprintable() or c == "\n" for c in shown[0])
    if result.kept:
        assert all(len(column) == len(result) for column in (result.fun, result.nit, result.nfev, result.status))
        assert len(list(result)) == len(result)
    if hasattr(result, "minima"):
        assert result.minima.x.shape == result.minima.eigenvalues.shape == (len(result.minima), result.dim)
        assert result.minima.count.sum() + result.stationary.count.sum() <= result.n
        shown += [str(result.coverage), str(result.minima[:1])]
        if result.kept:
            assert -1 <= result.label.min(initial=-1) <= result.label.max(initial=-1) < len(result.minima)
        if "saddles" in vars(result):
            shown += [str(result.saddles), json.dumps(result.saddles.summary())]
    assert "\x1b" not in "".join(shown)
    return None


def attack(source, file, seed):
    rng = np.random.default_rng(seed)
    shutil.copy(source, file)
    mutation = hostile.MUTATIONS[rng.integers(len(hostile.MUTATIONS))]
    mutation(rng, file)
    return mutation.__name__


def remove(file):
    (shutil.rmtree if file.is_dir() else os.unlink)(file)


@pytest.mark.parametrize("part", range(5))
def test_what_was_altered_is_refused_or_consistent(saved, tmp_path, part):
    refused = 0
    for seed in range(part, 400, 5):
        attack(saved[part], tmp_path / "run", seed)
        refused += verdict(tmp_path / "run") is not None
        remove(tmp_path / "run")
    assert refused > 20  # of 80


@pytest.fixture
def file(saved, tmp_path):
    return shutil.copy(saved[0], tmp_path / "run")


def altered(file, **changes):
    """Change fields of the metadata."""
    head = hostile.head_of(file)
    head["meta"] |= changes
    hostile.put_head(file, head)
    return file


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_only_regular_files_are_read(file, kind):
    file.unlink()
    if kind == "pipe":
        os.mkfifo(file)
    elif kind == "device":
        file.symlink_to("/dev/zero")
    else:
        file.mkdir()
    assert "is not a file" in verdict(file)


def test_a_file_that_becomes_a_pipe_meanwhile(file, monkeypatch):
    file.unlink()
    os.mkfifo(file)
    monkeypatch.setattr("pathlib.Path.is_file", lambda path: True)
    assert "it is not a regular file" in verdict(file)


def _many_members(file):
    with zipfile.ZipFile(file, "a") as archive:
        for i in range(20_000):
            archive.writestr(f"a member with a name as long as this one, so that the list is long, {i}.npy", b"")


@pytest.mark.parametrize("what", ["array", "archive", "members", "nested", "wide", "long"])
def test_nothing_is_made_larger_than_it_is(file, what):
    if what == "array":
        header = b"\x93NUMPY\x01\x00\x80\x00" + hostile.HEADERS[0].encode().ljust(128) + bytes(64)
        hostile.put(file, hostile.members(file) | {"x.npy": header})
    elif what == "archive":
        hostile.put(file, hostile.members(file) | {"minima.x.npy": bytes(50_000_000)}, zipfile.ZIP_DEFLATED)
    elif what == "members":
        _many_members(file)
    elif what == "long":
        with open(file, "r+b") as raw:
            raw.truncate(1 << 40)  # takes no room on the disk
    else:
        hostile.put_head(file, "[" * 50_000 + "]" * 50_000 if what == "nested" else "[" + "[]," * 200_000 + "[]]")
    tracemalloc.start()
    message = verdict(file)
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()
    wanted = {
        "array": "x.npy has 64 bytes for an array of shape (1000000000000, 2) and type float64",
        "archive": "its members are not stored uncompressed",
        "members": "it has more members than a result",
        "nested": "result.json is nested too deeply",
        "wide": "result.json has more than 100,000 lists and objects",
        "long": "it is not a complete archive",
    }
    assert wanted[what] in message


def test_names_are_looked_up_in_tables_only(file):
    before = dict(vars(methods))
    for name, parameters in (("__init__", {"name": "evil"}), ("as_method", {"method": "adam"}), ("field_names", {})):
        method = bgd.load(altered(file, method={"name": name, "parameters": parameters})).method
        assert (method.method_name, method.parameters) == (name, parameters)
    assert dict(vars(methods)) == before
    assert methods.__name__ == "batchgd.problem.methods"
    message = verdict(altered(file, method={"name": "Adam", "parameters": {"learning_rate": -1}}))
    assert "learning_rate is -1: give a finite number greater than 0" in message


def test_a_terminal_is_not_obeyed(file, capsys):
    evil = "\x1b[2J\x1b]0;title\x07\x9b31m\u202e"
    shown = r"\x1b[2J\x1b]0;title\x07\x9b31m\u202e"
    named = {"name": evil, "parameters": {evil: 1.0}}
    altered(file, objective=evil, sampling=evil, method=named, warnings={"tuple": [evil]}, backend=evil)
    for words in (["show", str(file)], ["show", str(file), "--json"]):
        assert main(words) == 0
        out, err = capsys.readouterr()
        assert all(c.isprintable() or c == "\n" for c in out + err)
        assert shown in out.replace("\\\\", "\\")


def test_the_name_of_a_function_is_made_printable():
    def fun(x):
        return x[0] ** 2

    fun.__name__ = "\x1b[2J"
    result = bgd.multistart(fun, box=[(-1, 1)], starts=5, backend="numpy")
    assert result.objective.name == r"\x1b[2J"
    assert "\x1b" not in str(result)


def test_the_shell_says_it_in_one_line(file, capsys):
    altered(file, seconds="x")
    picture = str(file.parent / "p.png")
    for words in (
        ["show", str(file)],
        ["diff", str(file), str(file)],
        ["connect", "--run", str(file)],
        ["plot", str(file), "--out", picture],
    ):
        assert main(words) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert "meta.seconds is 'x', not a number" in err
