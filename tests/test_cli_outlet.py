"""Whatever stdout and stderr are: files are saved, text is readable, and the exit code is right; in every command."""

import functools
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from shell_samples import shell

import batchgd as bgd
from batchgd.cli import main
from batchgd.cli.commands import COMMANDS
from batchgd.cli.outlet import Outlet, fit
from batchgd.problem.errors import WriteError

# A line of every command, and what it writes into files where it can.
LINES = {
    "run": ("run himmelblau --starts 200 --backend numpy", "--out made --plot made.png"),
    "fit": (
        "fit data.csv --expr a*t+b --param a=0:5 --param b=0:5 --starts 50 --backend numpy",
        "--plot made.png --report more.txt",
    ),
    "path": ("path himmelblau --x0 1,1 --backend numpy", "--plot made.png --convergence more.png"),
    "compare": ("compare himmelblau:2 --method adam --starts 50 --backend numpy", "--plot made.png"),
    "curvature": ("curvature himmelblau --samples 64", ""),
    "map": ("map himmelblau --resolution 40 --borders --backend numpy", "--plot made.png"),
    "merge": ("merge parts", "--out made"),
    "rows": ("rows parts", ""),
    "connect": ("connect six_hump_camel --starts 200 --backend numpy --path 0,1", "--out made --plot made.png"),
    "sweep": ("sweep himmelblau --learning-rate 1e-4 1e-2 --points 2 --starts 50 --backend numpy", "--plot made.png"),
    "list": ("list --methods", ""),
    "show": ("show saved --coverage", "--out made"),
    "diff": ("diff saved saved", ""),
    "plot": ("plot saved basins", "--out made.png"),
    "doctor": ("doctor", ""),
    "cache": ("cache", ""),
    "bench": ("bench --quick", ""),
}
SOLVED = ("merge", "multistart", "path", "compare", "curvature", "map", "sweep")


@pytest.fixture(scope="module")
def solved(tmp_path_factory):
    """Results by function and problem: each is computed once, for all the streams."""
    result = bgd.multistart("himmelblau", starts=200, backend="numpy")
    parts = tmp_path_factory.mktemp("outlet") / "parts"
    bgd.multistart("himmelblau", starts=200, backend="numpy", run=parts)
    return {"parts": parts, "folder": result.save(tmp_path_factory.mktemp("outlet") / "saved")}


@pytest.fixture
def commands(solved, tmp_path, monkeypatch):
    """A working folder with the saved run, and solvers that remember."""

    def remembered(function, *arguments, progress=None, **options):
        key = function.__name__, repr(arguments), repr(options)
        if key not in solved:
            solved[key] = function(*arguments, **options)
        return solved[key]

    for name in SOLVED:
        monkeypatch.setitem(
            bgd.__dict__, name, functools.wraps(getattr(bgd, name))(functools.partial(remembered, getattr(bgd, name)))
        )
    monkeypatch.setattr("batchgd.engine.installed.try_kernels", lambda _: [])
    monkeypatch.setattr("batchgd.analysis.bench.measure", lambda *_, **__: MadeUpReport())
    monkeypatch.chdir(tmp_path)
    os.symlink(solved["folder"], "saved")
    Path("data.csv").write_text("t,y\n0,1.0\n1,2.1\n2,2.9\n3,4.1\n")
    os.symlink(solved["parts"], "parts")
    return tmp_path


class MadeUpReport:
    """What `batchgd bench` needs of a report, which takes seconds to measure."""

    failures = ()

    def __repr__(self):
        return "12 µs · η"


class Refusing(io.RawIOBase):
    """A file that cannot be written: its disk is full, or its reader has left."""

    def __init__(self, error):
        self.error = error

    def writable(self):
        return True

    def write(self, data):
        if self.error is not None:
            raise self.error
        return len(data)


def stream(kind):
    """Return a text stream as Python makes them for stdout."""
    errors = {"full": OSError(28, "No space left on device"), "left": BrokenPipeError(32, "Broken pipe")}
    if kind == "closed":
        return None
    if kind in errors:
        return io.TextIOWrapper(io.BufferedWriter(Refusing(errors[kind])), encoding="utf-8")
    return io.TextIOWrapper(io.BytesIO(), encoding=kind)


def run_into(monkeypatch, line, stdout, stderr):
    """Run a line in this process; returns the exit code and what the streams took in."""
    streams = stream(stdout), stream(stderr)
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", streams[0])
        patched.setattr(sys, "stderr", streams[1])
        code = main(line.split())
    for written in streams:
        if isinstance(getattr(getattr(written, "buffer", None), "raw", None), Refusing):
            written.buffer.raw.error = None  # what is left in the buffer is written when Python discards the stream
    return code, *(held(s) for s in streams)


def held(written):
    if written is None or not isinstance(written.buffer, io.BytesIO):
        return None
    written.flush()
    return written.buffer.getvalue().decode(written.encoding)


def without_drawing(name, monkeypatch):
    monkeypatch.setattr("batchgd.cli.plot._draw", lambda *_: None)
    return LINES[name][0] + (" --out made.png" if name == "plot" else "")


def test_every_command_is_in_the_table():
    assert [*LINES] == [row.name for row in COMMANDS]


@pytest.mark.parametrize("name", LINES)
def test_every_command_in_every_encoding(name, commands, monkeypatch, tmp_path):
    line = without_drawing(name, monkeypatch)
    if name == "cache":  # other tests add to the common one meanwhile
        monkeypatch.setenv("BATCHGD_CACHE_DIR", str(tmp_path / "cache"))
    code, expected, _ = run_into(monkeypatch, line, "utf-8", "utf-8")
    assert code == 0
    for encoding in ("ascii", "latin-1", "cp1252", "cp437", "cp932", "utf-16"):
        code, out, err = run_into(monkeypatch, line, encoding, encoding)
        assert (code, out) == (0, fit(expected, encoding))
        assert "\\" not in err
    assert "\\" not in fit(expected, "ascii")


@pytest.mark.parametrize("name", LINES)
@pytest.mark.parametrize(("kind", "code", "said"), [("full", 1, "cannot write to stdout: No space"), ("left", 141, "")])
def test_every_command_where_stdout_fails(name, kind, code, said, commands, monkeypatch):
    line = without_drawing(name, monkeypatch)
    fails = name != "plot"  # it prints nothing on stdout
    found, _, err = run_into(monkeypatch, line, kind, "utf-8")
    assert found == (code if fails else 0)
    assert err.count("batchgd: ") == (1 if said and fails else 0)
    assert not fails or said in err


@pytest.mark.parametrize("name", [name for name, (_, files) in LINES.items() if files])
def test_files_are_written_where_nothing_can_be_printed(name, commands, monkeypatch):
    line, files = LINES[name]
    found, *_ = run_into(monkeypatch, f"{line} {files}", "full", "left")
    assert found == (0 if name == "plot" else 1)
    for file in re.findall(r"\S+\.png", files):
        assert Path(file).stat().st_size > 1000
    if "--out made " in files + " ":
        assert bgd.load("made").n == 200
    known = {"saved", "parts", "data.csv"}
    assert {path.name for path in commands.iterdir()} == {*known, *re.findall(r"(?<= )\w\S*", " " + files)}


@pytest.mark.parametrize(("stdout", "stderr"), [("closed", "utf-8"), ("utf-8", "closed"), ("closed", "closed")])
def test_streams_closed_from_the_start(stdout, stderr, commands, monkeypatch):
    code, out, err = run_into(monkeypatch, f"{LINES['run'][0]} --out made", stdout, stderr)
    assert code == 0
    assert out is None or "4 of 4" in out or "label" in out
    assert err is None or "saved to" in err
    assert bgd.load("made").n == 200


def test_stderr_that_fails_is_no_failure(commands, monkeypatch):
    for kind in ("full", "left"):
        code, out, _ = run_into(monkeypatch, f"{LINES['run'][0]} --out {kind}", "utf-8", kind)
        assert (code, "label" in out) == (0, True)


def test_nothing_is_printed_before_all_is_saved(solver, monkeypatch):
    printed = stream("utf-8")
    monkeypatch.setattr(solver.answer, "save", lambda path, overwrite: assert_unprinted(path))

    def assert_unprinted(path):
        assert held(printed) == ""
        return path

    monkeypatch.setattr(sys, "stdout", printed)
    assert main(["run", "sphere", "--out", "a", "--quiet"]) == 0
    assert held(printed) == "a table of minima\n"


def test_the_table_is_printed_if_saving_fails(solver, capsys, monkeypatch):
    def full(*_, **__):
        raise WriteError("cannot write a: No space left on device; choose a folder that you can write")

    monkeypatch.setattr(solver.answer, "save", full)
    code, out, err = shell(capsys, "run sphere --out a --quiet")
    assert (code, out) == (1, "a table of minima\n")
    assert err == "batchgd: cannot write a: No space left on device; choose a folder that you can write\n"


def test_what_failed_first_decides_the_exit_code(solver, monkeypatch):
    solver.answer.interrupted = True
    assert run_into(monkeypatch, "run sphere", "left", "utf-8")[0] == 130
    assert run_into(monkeypatch, "run himelblau", "full", "ascii")[0] == 2


def test_a_function_that_exits_is_a_failure(folder, capsys):
    (folder / "quits.py").write_text("def loss(x):\n    exit(0)\n")
    code, out, err = shell(capsys, "run quits.py:loss --box 0 1 --dim 2 --backend numpy")
    assert (code, out, err.count("\n")) == (1, "", 1)


# Text


def test_every_sign_of_the_package_has_a_name_in_ascii():
    signs = {sign for file in Path(bgd.__file__).parent.rglob("*.py") for sign in file.read_text(encoding="utf-8")}
    assert [sign for sign in signs - {"\\"} if "\\" in fit(sign, "ascii")] == []
    assert fit("".join(signs), "utf-8") == "".join(signs)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1/L · 2/(L+μ)", "1/L - 2/(L+mu)"),
        ("m̂ / (√v̂ + ε)", "m_hat / (sqrt v_hat + epsilon)"),
        ("Lévy Müller ê", "Levy Muller e"),
        ("1½", "11\\u20442"),
        ("caf\udcff 損", "caf\\udcff \\u640d"),
    ],
)
def test_text_in_ascii(text, shown):
    assert fit(text, "ascii") == shown


def test_an_encoding_keeps_what_it_has():
    assert fit("é · η ─ Γ", "cp437") == "é · eta ─ Γ"
    assert fit("é · η", "latin-1") == "é · eta"
    assert fit("η \udcff", "utf-8") == "η \\udcff"


def test_json_is_ascii(monkeypatch, capsys):
    from batchgd.cli.console import print_json

    print_json({"name": "Lévy"})
    out = capsys.readouterr().out
    assert out.isascii()
    assert json.loads(out) == {"name": "Lévy"}


def test_an_outlet_passes_on_what_the_stream_is():
    below = stream("ascii")
    outlet = Outlet(below)
    assert not outlet.isatty()
    assert outlet.writable()
    assert outlet.buffer is below.buffer
    print("·", file=outlet, flush=True)
    assert below.buffer.getvalue() == b"-\n"
    below.close()
    closed = Outlet(below)
    assert closed.write("text") == 4
    assert closed.error is None
    with pytest.raises(OSError, match="fileno"):
        Outlet(None).fileno()


def test_a_stream_that_is_closed_later():
    below = io.StringIO()
    outlet = Outlet(below)
    below.close()
    assert outlet.write("text") == 4
    outlet.close()  # as Python does when it discards the outlet, with a warning from Python 3.13 on if that fails
    assert outlet.error is None


# As processes


def sh(tmp_path, command):
    """Run a line of the shell in which $B is batchgd."""
    environment = {**os.environ, "B": f"{sys.executable} -m batchgd"}
    words = ["bash", "-o", "pipefail", "-c", command]
    return subprocess.run(
        words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
@pytest.mark.parametrize(
    ("streams", "code", "said"),
    [
        ("| true", 141, ""),
        (">/dev/full", 1, "batchgd: cannot write to stdout: No space left on device\n"),
        (">&- 2>&- <&-", 0, ""),
    ],
)
def test_a_run_is_saved_whatever_its_streams_are(streams, code, said, tmp_path):
    line = "$B run sphere --starts 50 --backend numpy --out made --quiet"
    done = sh(tmp_path, f"PYTHONIOENCODING=ascii {line} {streams}")
    assert (done.returncode, done.stderr) == (code, said)
    assert bgd.load(tmp_path / "made").n == 50
