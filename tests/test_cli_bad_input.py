"""Bad input that reaches the shell: one line on stderr, nothing on stdout, exit code 2, and no work begun."""

import contextlib
import dataclasses
import os
from pathlib import Path

import pytest
from shell_samples import assert_refused, shell

import batchgd as bgd
from batchgd.cli import destinations

LONG = "x" * 300

# Refused by the shell itself: the solver is never reached.
BAD_COMMAND_LINES = {
    "unknown command": ("rnu sphere", "'run'"),
    "unknown option": ("run sphere --start 5", "--starts"),
    "option of another tool": ("run sphere --lr 0.1", "there is no option --lr: did you mean '--learning-rate'?"),
    "option of no tool": ("run sphere --zzz 1", "there is no option --zzz (see `batchgd run --help`"),
    "value missing": ("run sphere --starts", "--starts"),
    "second target": ("run sphere levy", "levy"),
    "no target": ("run --starts 5", "FUN"),
    "unknown landscape": ("run himelblau", "'himmelblau'"),
    "file does not exist": ("run missing.py:loss", "missing.py does not exist"),
    "folder instead of a file": ("run occupied:loss", "is a folder"),
    "file without a function": ("run model.py", "model.py:FUNCTION"),
    "file does not parse": ("run broken.py:loss", "broken.py does not parse, line 3"),
    "file raises": ("run needy.py:loss", "needy.py raised ModuleNotFoundError in line 2"),
    "file exits": ("run leaver.py:loss", "leaver.py raised SystemExit in line 1"),
    "name missing": ("run model.py:lose", "did you mean 'loss'?"),
    "not a function": ("run model.py:offset", "'offset' in model.py is a float, not a function or an objective"),
    "box with one number": ("run model.py:loss --box 1", "--box takes two numbers"),
    "box followed by an option": ("run model.py:loss --box 1 --dim 2", "--box takes two numbers"),
    "box of words": ("run model.py:loss --box low high", "--box takes two numbers"),
    "starts in words": ("run sphere --starts many", "--starts takes a whole number"),
    "starts fractional": ("run sphere --starts 10.5", "not '10.5'"),
    "starts infinite": ("run sphere --starts inf", "not 'inf'"),
    "starts NaN": ("run sphere --starts nan", "not 'nan'"),
    "starts beyond sense": ("run sphere --starts 1e999999999", "--starts takes a whole number"),
    "dim fractional": ("run sphere --dim 2.5", "--dim takes a whole number"),
    "gtol in words": ("run sphere --gtol small", "--gtol takes a number"),
    "unknown method": ("run sphere --method gradient_decent", "'gradient_descent'"),
    "unknown backend": ("run sphere --backend cup", "'cpu'"),
    "learning rate zero": ("run sphere --learning-rate 0", "learning_rate is 0"),
    "learning rate negative": ("run sphere --learning-rate -0.1", "learning_rate is -0.1"),
    "learning rate NaN": ("run sphere --learning-rate nan", "learning_rate is nan"),
    "learning rate of another method": (
        "run sphere --method barzilai_borwein --learning-rate 0.1",
        "BarzilaiBorwein takes no 'learning_rate'",
    ),
    "schedule of no kind": (
        "run sphere --learning-rate Linear(0.1,3)",
        "unknown schedule 'Linear': choose from",
    ),
    "schedule with too few numbers": ("run sphere --learning-rate Step(0.1)", "--learning-rate takes a number, or a"),
    "schedule out of range": ("run sphere --learning-rate Exponential(0.1,2)", "factor is 2"),
    "setting without a value": ("run sphere --method adam --set beta1", "--set takes a name and a number"),
    "setting of another method": ("run sphere --method adam --set momentum=0.5", "Adam takes no 'momentum'"),
    "setting out of range": ("run sphere --method adam --set beta1=1", "beta1 is 1"),
    "mean without normal": ("run sphere --mean 0,0", "--sampling normal"),
    "normal without mean": ("run sphere --sampling normal --std 1", "--mean"),
    "mean of words": ("run sphere --sampling normal --mean a,b --std 1", "--mean takes numbers"),
    "output is another file": ("run sphere --out file --overwrite", "is not a batchgd result"),
    "output is a folder": ("run sphere --out occupied --overwrite", "is a folder"),
    "output is a result": ("run sphere --out saved", "--overwrite"),
    "output below a file": ("run sphere --out file/x", "cannot be written"),
    "output cannot be written": ("run sphere --out /proc/batchgd/x", "cannot be written"),
    "output of a name too long": (f"run sphere --out {LONG}", "cannot be written: File name too long"),
    "output in a folder of a name too long": (
        f"run sphere --out new/{LONG}/x",
        "cannot be written: File name too long",
    ),
    "picture of a name too long": (f"run sphere --plot {LONG}.png", "File name too long"),
    "file of a name too long": (f"run {LONG}.py:loss", "cannot be read: File name too long"),
    "config of a name too long": (f"run --config {LONG}", "cannot be read: File name too long"),
    "picture of unknown kind": ("run sphere --plot basins.xyz", ".png"),
    "picture without an ending": ("run sphere --plot basins", ".png"),
    "picture in no folder": ("run sphere --plot nowhere/basins.png", "is not a folder"),
    "config missing": ("run --config missing.toml", "missing.toml does not exist"),
    "config is a folder": ("run --config occupied", "cannot be read"),
    "config is no TOML": ("run --config bad.toml", "line 1"),
    "config with an unknown key": ("run --config typo.toml", "'starts'"),
    "config with a wrong type": ("run sphere --config type.toml", "type.toml: starts takes a whole number"),
    "config with a truth value": ("run sphere --config truth.toml", "maxiter takes a whole number"),
}


@pytest.mark.parametrize("name", BAD_COMMAND_LINES)
def test_bad_command_line_is_one_line_and_exit_2(name, solver, capsys):
    line, words = BAD_COMMAND_LINES[name]
    if "/proc" in line and not Path("/proc").is_dir():
        pytest.skip("this system has no folder that nobody can write to")
    assert_refused(capsys, line, words)
    assert solver.arguments is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("box = " + 5000 * "[" + 5000 * "]", "nested too deeply"),
        ("box = " + 200 * "[" + 200 * "]", "box takes two numbers, LO and HI (as in --box -5 5), not [[["),
        ("starts = " + 5000 * "1", "is not TOML"),
        ("starts = 0x" + 5000 * "f", "starts takes a whole number"),
        ("gtol = 0x" + 5000 * "f", "gtol takes a number"),
        ('out = "a\\u0000b"', "cannot be written: "),
        ('plot = "a\\u0000b.png"', "which is not a path (embedded null byte)"),
        ('fun = "a\\u0000b.py:f"', "does not exist"),
    ],
)
def test_odd_toml_is_one_line_and_exit_2(text, words, solver, folder, capsys):
    (folder / "odd.toml").write_text(text)
    _, err = assert_refused(capsys, "run --config odd.toml" + ("" if "fun" in text else " sphere"), words)
    assert len(err) < 300
    assert solver.arguments is None


@pytest.fixture
def nowhere(folder):
    """A working folder that was deleted."""
    if os.name == "nt":
        pytest.skip("Windows deletes no folder in use")
    (folder / "gone").mkdir()
    os.chdir(folder / "gone")
    (folder / "gone").rmdir()
    yield folder
    os.chdir(folder)


def test_a_working_folder_that_is_gone(nowhere, capsys, monkeypatch):
    for backend in ("cpu", "numpy"):
        assert shell(capsys, f"run sphere --starts 20 --quiet --backend {backend}")[0] == 0
    assert shell(capsys, f"run {nowhere / 'model.py'}:loss --box 0 1 --dim 2 --starts 20 --quiet")[0] == 0
    assert bgd.multistart(lambda x: x @ x, box=[(-1, 1)] * 2, starts=20).backend == "cpu"
    assert_refused(capsys, "run sphere --out here", "cannot be written: No such file")
    assert_refused(capsys, "run sphere --plot here.png", "cannot write here.png: No such file")
    assert_refused(capsys, "path sphere --x0 1,1 --animate here.gif", "cannot write here.gif: No such file")
    monkeypatch.setenv("BATCHGD_CACHE_DIR", "here")
    assert_refused(capsys, "cache", "cannot be resolved")


@pytest.mark.parametrize("line", ["cache", "cache --clear", "run sphere --starts 20 --backend cpu --quiet"])
def test_a_cache_folder_of_nobody(line, folder, capsys):
    with bgd.testing.fresh_cache("~nosuchuser/x"):
        assert_refused(capsys, line, "BATCHGD_CACHE_DIR is '~nosuchuser/x', which cannot be resolved: give a full path")


# A disk that is full: here a limit on the size of a file, which refuses in the same way.


@pytest.fixture
def small_disk(folder):
    resource = pytest.importorskip("resource", reason="this system has no limit on the size of files")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    @contextlib.contextmanager
    def of_size(size):  # for no longer than needed: pytest's own report may go to a file
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return of_size


@pytest.mark.parametrize("size", [0, 1000, 8000])
def test_a_disk_that_is_full_while_saving(size, folder, small_disk, capsys):
    before = sorted(folder.iterdir())
    with small_disk(size):
        code, out, err = shell(capsys, "run sphere --starts 1000 --backend numpy --quiet --out made")
    assert (code, "label" in out) == (1, True)
    assert err == f"batchgd: cannot write {folder / 'made'}: File too large; choose a folder that you can write\n"
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("run sphere --starts 50 --backend numpy --plot", "made.png"),
        ("path sphere --x0 1,1 --backend numpy --maxiter 3 --animate", "made.gif"),
    ],
)
@pytest.mark.parametrize("earlier", [False, True])
def test_a_disk_that_is_full_while_drawing(line, name, earlier, folder, small_disk, capsys):
    if earlier:
        (folder / name).write_bytes(b"an earlier picture")
    before = sorted(folder.iterdir())
    shell(capsys, line.rsplit(" ", 1)[0])  # so that nothing is left to be kept in the cache of compiled code
    with small_disk(100):
        code, out, err = shell(capsys, f"{line} {name} --quiet")
    assert (code, "sphere" in out) == (1, True), err
    assert err == f"batchgd: cannot write {name}: File too large; choose a file that you can write\n"
    assert sorted(folder.iterdir()) == before
    assert not earlier or (folder / name).read_bytes() == b"an earlier picture"


# Refused by what the shell calls, before any work: the shell turns it into one line.
BAD_INPUTS = {
    "box reversed": ("run model.py:loss --dim 2 --box 5 -5", "reversed"),
    "box equal": ("run model.py:loss --dim 2 --box 5 5", "no width"),
    "box infinite": ("run model.py:loss --dim 2 --box 0 inf", "infinite"),
    "box NaN": ("run model.py:loss --dim 2 --box 0 nan", "NaN"),
    "box of the wrong length": ("run himmelblau --box 0 1 --box 0 1 --box 0 1", "3"),
    "box missing": ("run model.py:loss --dim 2", "box"),
    "dim contradicts the box": ("run model.py:loss --dim 3 --box 0 1 --box 0 1", "dim is 3"),
    "dim that the landscape lacks": ("run himmelblau --dim 3", "dim 2 only"),
    "dim zero": ("run sphere --dim 0", "dim"),
    "starts zero": ("run sphere --starts 0", "starts"),
    "starts negative": ("run sphere --starts -5", "starts"),
    "starts huge": ("run sphere --starts 1e30", "starts"),
    "points of a sweep beyond sense": ("sweep sphere --learning-rate 1e-4 1 --points 1e25", "give 2 to 100000"),
    "plane of an infinite axis": ("map sphere --plane 0,1e400", "plane holds NaN or infinity"),
    "plane of no axis": ("map sphere --plane nan,1", "plane holds NaN or infinity"),
    "unknown dtype": ("run sphere --dtype float16", "float32"),
    "unknown sampling": ("run sphere --sampling soboll", "sobol"),
    "gtol negative": ("run sphere --gtol -1", "gtol"),
    "gtol NaN": ("run sphere --gtol nan", "gtol"),
    "all tolerances off": ("run sphere --gtol 0", "gtol"),
    "maxiter negative": ("run sphere --maxiter -1", "maxiter"),
    "max_time negative": ("run sphere --max-time -1", "max_time"),
    "escape negative": ("run sphere --escape -1", "escape"),
    "identity x negative": ("run sphere --identity-x -1", "identity.x"),
    "threads zero": ("run sphere --threads 0 --backend cpu", "threads"),
    "seed negative": ("run sphere --seed -1", "seed"),
    "function returns a vector": ("run model.py:vector --dim 2 --box 0 1", ""),
    "function returns a string": ("run model.py:words --dim 2 --box 0 1", ""),
    "function returns None": ("run model.py:nothing --dim 2 --box 0 1", ""),
    "function is constant": ("run model.py:flat --dim 2 --box 0 1", ""),
    "function raises": ("run model.py:raises --dim 2 --box 0 1", "no licence for this model"),
    "function loops": ("run model.py:loops --dim 2 --box 0 1", "where"),
}


@pytest.mark.parametrize("name", BAD_INPUTS)
def test_bad_input_is_one_line_and_exit_2(name, folder, capsys):
    assert_refused(capsys, *BAD_INPUTS[name])


def test_cuda_asked_for_where_there_is_none(solver, capsys, monkeypatch):
    from batchgd.engine import backends

    none = dataclasses.replace(backends.BACKENDS["cuda"], problem=lambda: "no NVIDIA driver was found")
    monkeypatch.setitem(backends.BACKENDS, "cuda", none)
    assert_refused(capsys, "run sphere --backend cuda", "no NVIDIA driver was found")
    assert solver.arguments is None


def test_matplotlib_missing_is_reported_before_the_run(solver, capsys, monkeypatch):
    monkeypatch.setattr(destinations.importlib.util, "find_spec", lambda name: None)
    assert_refused(capsys, "run sphere --plot x.png", 'pip install "batchgd[plot]"')
    assert solver.arguments is None
