"""The shell: a clean stdout, options and TOML file, exit codes, where results go; bad input has a file of its own."""

import inspect
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from shell_samples import MadeUpResult, assert_refused, shell

import batchgd
from batchgd.cli.commands import COMMANDS
from batchgd.cli.options import FLAG, IDENTITY, STOPPING
from batchgd.cli.parameters import join_pairs
from batchgd.cli.run import OPTIONS

EXAMPLES = Path(__file__).parents[1] / "examples"

# The options and the TOML file


def test_only_what_was_given_reaches_the_solver(solver, capsys):
    assert shell(capsys, "run sphere")[0] == 0
    assert solver.fun == "sphere"
    assert set(solver.arguments) == {"progress"}


def test_options_arrive_under_their_python_names(solver, capsys):
    line = (
        "run sphere --dim 3 --starts 1e6 --sampling sobol --seed 7 --gtol 1e-8 --xtol 1e-9 --ftol 1e-10 --maxiter 5e3 "
        "--max-time 60 --escape 5 --backend numpy --dtype float32 --threads 2 --identity-x 1e-5 "
        "--identity-f 1e-6 --quiet"
    )
    assert shell(capsys, line)[0] == 0
    expected = {"dim": 3, "starts": 1_000_000, "sampling": "sobol", "seed": 7, "gtol": 1e-8, "xtol": 1e-9}
    expected |= {"ftol": 1e-10, "maxiter": 5000, "max_time": 60.0, "stopping": {"escape": 5.0}, "backend": "numpy"}
    expected |= {"dtype": "float32", "threads": 2, "identity": {"x": 1e-5, "f": 1e-6}, "progress": None}
    assert solver.arguments == expected
    assert isinstance(solver.arguments["starts"], int)


@pytest.mark.parametrize("word", ["1000000", "1e6", "1_000_000", "1.0e6", "10e5"])
def test_starts_in_any_notation(solver, capsys, word):
    assert shell(capsys, f"run sphere --starts {word}")[0] == 0
    assert solver.arguments["starts"] == 10**6


def test_large_numbers_are_exact(solver, capsys):
    assert shell(capsys, "run sphere --seed 9007199254740993 --starts 1e23")[0] == 0
    assert (solver.arguments["seed"], solver.arguments["starts"]) == (9007199254740993, 10**23)


@pytest.mark.parametrize(
    ("line", "box", "dim"),
    [
        ("model.py:loss --box -1.5 1.2 --box -0.2 2.0", [(-1.5, 1.2), (-0.2, 2.0)], None),
        ("model.py:loss --box -5 -1 --dim 4", (-5.0, -1.0), 4),
        ("model.py:loss --box -5e-1 +2", (-0.5, 2.0), None),
        ("--box=-5,-1 --dim 2 model.py:loss", (-5.0, -1.0), 2),
        ("--box -5 5 rastrigin", (-5.0, 5.0), 2),
        ("hartmann6 --box 0 2", (0.0, 2.0), 6),
        ("sphere --dim 5 --box -1 2", (-1.0, 2.0), 5),
    ],
)
def test_boxes(solver, capsys, line, box, dim):
    assert shell(capsys, f"run {line}")[0] == 0
    assert solver.arguments["box"] == box
    assert solver.arguments.get("dim") == dim


def test_pairs_are_joined_and_nothing_else():
    assert join_pairs(["a", "--dim", "2"]) == ["a", "--dim", "2"]
    assert join_pairs(["--box", "-1", "2", "--box", "-3,4"]) == ["--box=-1,2", "--box=-3,4"]


@pytest.mark.parametrize(
    ("line", "rule", "rate"),
    [
        ("--learning-rate 0.01", "gradient_descent", 0.01),
        ("--method gradient_descent --learning-rate 1e-3", "gradient_descent", 1e-3),
        ("--method armijo", "armijo", 1.0),
        ("--method adam --learning-rate 0.1 --set beta1=0.8 --set clip-norm=2", "adam", 0.1),
        ("--set learning_rate=0.1", "gradient_descent", 0.1),
        ("--method barzilai_borwein", "barzilai_borwein", None),
    ],
)
def test_methods(solver, capsys, line, rule, rate):
    assert shell(capsys, f"run sphere {line}")[0] == 0
    method = solver.arguments["method"]
    assert method.rule == rule
    assert getattr(method, "learning_rate", None) == rate


def test_schedules_are_written_as_in_python(solver, capsys):
    assert (
        shell(capsys, "run sphere --learning-rate Exponential(0.1,0.97) --set temperature=Step(2,0.5,every=10)")[0] == 0
    )
    method = solver.arguments["method"]
    assert str(method.learning_rate) == "Exponential(initial=0.1, factor=0.97, every=1)"
    assert str(method.temperature) == "Step(initial=2, factor=0.5, every=10)"


def test_normal_starts(solver, capsys):
    assert shell(capsys, "run sphere --sampling normal --mean -1,2 --std 0.5")[0] == 0
    normal = solver.arguments["sampling"]
    assert np.array_equal(np.asarray(normal.mean, float).ravel(), [-1.0, 2.0])
    assert np.all(np.asarray(normal.std, float) == 0.5)
    assert "mean" not in solver.arguments


def test_target_file_is_loaded_afresh_with_its_neighbours(solver, capsys, folder):
    assert shell(capsys, "run model.py:loss --box 0 1")[0] == 0
    assert solver.fun(np.array([4.0])) == 2.0
    model = folder / "model.py"
    model.write_text(model.read_text().replace("offset = 3.0", "offset = 4.0"))
    assert shell(capsys, f"run {model}:loss --box 0 1")[0] == 0
    assert solver.fun(np.array([4.0])) == 0.0
    assert inspect.getsource(solver.fun).startswith("def loss")
    assert not (folder / "__pycache__" / "model.cpython-311.pyc").exists()


@pytest.mark.parametrize("start", ["-m batchgd", "-P script.py"])
def test_a_file_beside_the_target_stands_in_for_no_library(start, tmp_path):
    for name in ("queue", "random", "numpy", "numba"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('mine')\n")
    (tmp_path / "script.py").write_text("import sys\nfrom batchgd.cli import main\nsys.exit(main())\n")
    (tmp_path / "neighbour.py").write_text("SCALE = 2.0\n")
    (tmp_path / "model.py").write_text("from neighbour import SCALE\ndef loss(x):\n    return SCALE * x @ x\n")
    line = f"{start} run model.py:loss --box -1 1 --dim 2 --starts 20 --backend numpy --quiet"
    done = subprocess.run(
        [sys.executable, *line.split()], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_target_file_may_hold_a_ready_objective(solver, capsys, folder):
    (folder / "fit.py").write_text(
        "import batchgd as bgd\nfit = bgd.FiniteSum(lambda x, row: (x[0] - row) ** 2, [1.0, 3.0], box=[(-5, 5)])\n"
    )
    assert shell(capsys, "run fit.py:fit")[0] == 0
    assert solver.fun.value([5.0]) == 10.0
    assert "box" not in solver.arguments
    code, _, err = shell(capsys, "run fit.py:fits")
    assert (code, "did you mean 'fit'?" in err) == (2, True)


def test_toml_gives_what_the_command_line_leaves_out(solver, capsys, folder):
    (folder / "run.toml").write_text(
        'fun = "model.py:loss"\nbox = [[-1.5, 1.2], [-0.2, 2]]\nstarts = 1e5\nseed = 3\n"learning-rate" = 0.1\n'
        "json = true\nquiet = true\n"
    )
    code, out, err = shell(capsys, "run --config run.toml --starts 50 --box 0 1 --no-json")
    assert (code, out, err) == (0, "a table of minima\n", "")
    assert solver.arguments["starts"] == 50
    assert solver.arguments["box"] == (0.0, 1.0)
    assert solver.arguments["seed"] == 3
    assert solver.arguments["method"].learning_rate == 0.1
    assert solver.fun.__name__ == "loss"
    assert shell(capsys, "run levy --config run.toml")[0] == 0
    assert solver.fun == "levy"
    assert solver.arguments["box"] == [(-1.5, 1.2), (-0.2, 2.0)]


@pytest.mark.parametrize(("text", "box"), [("[-5, 5]", (-5.0, 5.0)), ("[[-5, 5]]", (-5.0, 5.0))])
def test_toml_box_of_one_pair(solver, capsys, folder, text, box):
    (folder / "run.toml").write_text(f"box = {text}\n")
    assert shell(capsys, "run sphere --config run.toml")[0] == 0
    assert solver.arguments["box"] == box


@pytest.mark.parametrize("text", ["5", "[]", "[1]", "[1, 2, 3]", "[[1, 2], [3]]", "[[1, 'a']]", "[true, false]"])
def test_toml_box_that_is_none(solver, capsys, folder, text):
    (folder / "run.toml").write_text(f"box = {text}\n")
    assert_refused(capsys, "run sphere --config run.toml", "box takes two numbers")


def test_the_shipped_toml_file(solver, capsys, monkeypatch):
    monkeypatch.chdir(EXAMPLES.parent)
    assert shell(capsys, "run --config examples/run.toml")[0] == 0
    assert solver.arguments["starts"] == 100_000
    assert solver.fun.__name__ == "potential"


def test_option_names_are_those_of_multistart():
    parameters = inspect.signature(batchgd.multistart).parameters
    # Arrays, functions and places in memory have no name in a shell; several options make a rule or an executor.
    nameless = {"fun", "params", "jac", "args", "progress", "device", "stopping", "identity", "callback", "executor"}
    assert set(parameters) - {option.name for option in OPTIONS} == nameless
    for options, kind in ((STOPPING, "{}"), (IDENTITY, "identity_{}")):
        cls = batchgd.Stopping if options is STOPPING else batchgd.Identity
        assert {option.name for option in options} == {kind.format(field.name) for field in fields(cls)}


# What is written where


def test_table_on_stdout_messages_on_stderr(solver, capsys):
    code, out, err = shell(capsys, "run sphere --backend numpy --out runs/deep/a --plot a.png")
    assert (code, out) == (0, "a table of minima\n")
    assert re.fullmatch(r"backend numpy.*\nsaved to .*runs/deep/a\npicture written to a.png\n", err)
    assert solver.answer.saved == [("runs/deep/a", False)]
    assert Path("runs/deep").is_dir()
    assert solver.answer.drawn == ["a.png"]


def test_quiet_leaves_stderr_empty(solver, capsys):
    assert shell(capsys, "run sphere --quiet --out a --plot a.png") == (0, "a table of minima\n", "")
    assert solver.arguments["progress"] is None


def test_overwrite_reaches_save(solver, capsys):
    assert shell(capsys, "run sphere --out saved --overwrite")[0] == 0
    assert solver.answer.saved == [("saved", True)]


def test_checks_leave_nothing_behind(solver, capsys, folder, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # else Python stores what the file imports
    before = sorted(folder.rglob("*"))
    assert shell(capsys, "run model.py:lose --out new/place --plot new.png")[0] == 2
    assert sorted(folder.rglob("*")) == before


def test_json_is_one_object_and_nothing_else(solver, capsys):
    code, out, err = shell(capsys, "run chatty.py:loss --box -1 1 --dim 2 --json --out a")
    assert code == 0
    strict = json.loads(out, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    assert strict == {"minima": [{"x": [1.0, 2.0], "fun": None}], "n_starts": 10}
    assert "loading" in err


def test_what_a_function_prints_and_warns_stays_off_stdout(solver, capsys, monkeypatch):
    import warnings

    def talks(fun, **_):
        fun(np.ones(2))
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("two\nlines", RuntimeWarning, stacklevel=1)
        return MadeUpResult()

    monkeypatch.setitem(batchgd.__dict__, "multistart", talks)
    _, out, err = shell(capsys, "run chatty.py:loss --box -1 1 --dim 2 --json")
    json.loads(out)
    assert "called\n" in err
    assert "warning: two lines\n" in err


def test_interrupted_run_shows_what_was_found(solver, capsys):
    solver.answer = MadeUpResult(interrupted=True)
    code, out, err = shell(capsys, "run sphere --out a")
    assert (code, out) == (130, "a table of minima\n")
    assert err.endswith("interrupted: this is what was found so far\n")
    assert solver.answer.saved == [("a", False)]


def test_interrupted_before_there_was_anything(solver, capsys):
    solver.answer = KeyboardInterrupt()
    code, out, err = shell(capsys, "run sphere --quiet")
    assert (code, out) == (130, "")
    assert err == "batchgd: interrupted before there was anything to show\n"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (RuntimeError("three\n  lines\nlong"), "RuntimeError: three lines long (BATCHGD_TRACEBACK=1 shows where)"),
        (ValueError(), "ValueError:"),
        (MemoryError(), "out of memory"),
    ],
)
def test_any_other_failure_is_one_line_and_exit_1(solver, capsys, error, words):
    solver.answer = error
    code, out, err = shell(capsys, "run sphere --quiet")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert words in err


def test_traceback_on_demand(solver, capsys, monkeypatch):
    monkeypatch.setenv("BATCHGD_TRACEBACK", "1")
    solver.answer = RuntimeError("deep inside")
    code, out, err = shell(capsys, "run sphere --quiet")
    assert (code, out) == (1, "")
    assert "Traceback" in err
    assert err.endswith("batchgd: RuntimeError: deep inside\n")


# The other commands


def test_version(capsys):
    assert shell(capsys, "--version") == (0, f"batchgd {batchgd.__version__}\n", "")


def test_no_command_shows_help(capsys):
    code, out, err = shell(capsys, "")
    assert (code, err) == (0, "")
    assert all(row.name in out for row in COMMANDS)


@pytest.mark.parametrize("name", [row.name for row in COMMANDS])
def test_every_command_has_help(name, capsys):
    code, out, err = shell(capsys, [name, "--help"])
    assert (code, err) == (0, "")
    assert f"batchgd {name}" in out


def test_help_of_run_shows_every_option(capsys):
    out = shell(capsys, "run --help")[1]
    for option in OPTIONS:
        assert re.search(rf"{option.flag}\b", out), option
        assert option.kind is FLAG or option.kind.metavar in out
    assert "130" in out


def test_list_shows_every_landscape(capsys):
    from batchgd import landscapes

    code, out, err = shell(capsys, "list")
    assert (code, err) == (0, "")
    listed = [line.split()[0] for line in out.split("\n\n")[0].splitlines()[2:]]
    assert listed == landscapes.names()
    himmelblau = next(line for line in out.splitlines() if line.startswith("himmelblau"))
    assert himmelblau.split() == ["himmelblau", "2", "2", "[-6,", "6]^2", "4", "0", "Himmelblau"]


def test_list_shows_every_method_and_what_carries_it(capsys):
    from batchgd.problem.methods import METHODS

    code, out, err = shell(capsys, "list --methods")
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.split("\n\n")[0].splitlines()[2:]] == [*METHODS]
    code, out, _ = shell(capsys, "list --methods --json")
    adam = next(entry for entry in json.loads(out)["methods"] if entry["name"] == "adam")
    assert adam["backends"] == ["cuda", "cpu", "numpy"]
    assert {"learning_rate", "beta1", "clip_norm"} <= {*adam["takes"]}


def test_list_as_json(capsys):
    code, out, _ = shell(capsys, "list --json")
    assert code == 0
    camel = next(entry for entry in json.loads(out)["landscapes"] if entry["name"] == "six_hump_camel")
    assert camel["n_minima"] == 6
    assert camel["box"] == [[-3.0, 3.0], [-2.0, 2.0]]


@pytest.mark.parametrize(("failed", "code"), [(None, 0), ("compile", 1)])
def test_doctor(failed, code, capsys, monkeypatch):
    kernel = {"capability": "9.0", "failed": failed, "error": failed and "ImportError: gone"}
    monkeypatch.setattr("batchgd.engine.installed.try_kernels", lambda facts: [kernel])
    assert shell(capsys, "doctor")[0::2] == (code, "")
    done, out, _ = shell(capsys, "doctor --json")
    assert done == code
    answer = json.loads(out)
    assert answer["facts"]["kernels"] == [kernel]
    assert answer["facts"]["packages"]["numpy"] == np.__version__
    assert {finding["level"] for finding in answer["findings"]} <= {"ok", "note", "problem"}


# As processes


def process(*words, **environment):
    """Run the command as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "batchgd", *words],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
        check=False,
    )


def test_bad_input_in_a_process(tmp_path):
    done = process("run", "himelblau")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_a_reader_that_leaves_ends_it_in_silence():
    script = "import sys; from batchgd.cli import main; sys.exit(main(['list']))"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        child.stdout.close()
        assert child.stderr.read() == ""
        child.wait(60)
    assert child.returncode == 141


@pytest.mark.parametrize("line", ["list", "--help", "run --help", "doctor", "--version"])
def test_start_up_is_light(line):
    script = f"""
        import sys
        from batchgd.cli import main
        main({line.split()!r})
        heavy = {{"numba", "llvmlite", "scipy", "matplotlib", "pandas", "xarray", "cupy", "rich", "orjson"}}
        heavy &= set(sys.modules)
        sys.exit(f"loaded {{heavy}}" if heavy else 0)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_run_on_the_cpu_loads_neither_numba_nor_scipy(tmp_path):
    """Not even the first one, which compiles."""
    script = """
        import sys
        from batchgd.cli import main
        failed = main(["run", "himmelblau", "--starts", "200", "--backend", "cpu"])
        heavy = {"numba", "scipy", "matplotlib", "pandas", "xarray", "rich"} & set(sys.modules)
        sys.exit(f"loaded {heavy}" if heavy else failed)
    """
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script)],
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, "BATCHGD_CACHE_DIR": str(tmp_path)},
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "4 minima share the lowest value" in done.stdout


# The real thing


def test_a_landscape_end_to_end(folder, capsys):
    line = "run himmelblau --starts 300 --backend numpy --json --out runs/h --plot h.png"
    code, out, err = shell(capsys, line)
    assert code == 0, err
    answer = json.loads(out)
    assert answer["n_starts"] == 300
    assert len(answer["minima"]) == 4
    assert batchgd.load("runs/h").n == 300
    assert Path("h.png").stat().st_size > 1000
    assert_refused(capsys, line, "--overwrite")
    assert shell(capsys, line + " --overwrite --quiet")[0] == 0


def test_a_function_end_to_end(folder, capsys):
    code, out, err = shell(capsys, "run model.py:loss --box -5 5 --dim 3 --starts 200 --backend numpy")
    assert code == 0, err
    assert "minimum" in out
    assert err.startswith("backend numpy")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process alone")
def test_ctrl_c_ends_with_what_was_found():
    # So small a learning rate that the run ends by the interrupt, or by its time limit if that is not heeded.
    line = "run sphere --starts 2e4 --backend numpy --learning-rate 1e-9 --maxiter 1e9 --max-time 60 --json"
    with subprocess.Popen(
        [sys.executable, "-m", "batchgd", *line.split()],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stderr.readline().startswith("backend numpy")  # told when the run is under way
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=100)
    assert child.returncode == 130, err
    assert json.loads(out)["status"] == {"INTERRUPTED": 20_000}
    assert err.endswith("interrupted: this is what was found so far\n")
