"""What the tests of the shell share: a folder of models, a stand-in for the solver, a command line run in-process."""

import functools
import sys
from pathlib import Path

import numpy as np
import pytest
import result_samples

import batchgd
from batchgd.cli import main

MODEL = """
import numpy as np
from neighbour import SCALE

offset = 3.0

def loss(x):
    return SCALE * np.sum((x - offset) ** 2)

def flat(x):
    return 1.0

def vector(x):
    return x**2

def words(x):
    return "high"

def nothing(x):
    pass

def raises(x):
    raise RuntimeError("no licence for this model")

def loops(x):
    z = x[0]
    while z > 0.1:
        z = z / 2
    return z
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with a model, and some files that are no models."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "neighbour", raising=False)
    monkeypatch.delenv("BATCHGD_TRACEBACK", raising=False)
    files = {
        "model.py": MODEL,
        "neighbour.py": "SCALE = 2.0\n",
        "broken.py": "import numpy\n\ndef loss(x:\n    return x\n",
        "needy.py": "x = 1\nimport no_such_module_anywhere\n",
        "leaver.py": "raise SystemExit(3)\n",
        "chatty.py": "print('loading')\ndef loss(x):\n    print('called')\n    return x @ x\n",
        "occupied/notes.txt": "mine",
        "file": "",
        "bad.toml": "starts = \n",
        "typo.toml": "startz = 5\n",
        "type.toml": "starts = 'many'\n",
        "truth.toml": "maxiter = true\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    result_samples.batch(3).save(tmp_path / "saved")
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("_batchgd_target_")]:
        del sys.modules[name]


class MadeUpResult:
    """What the shell needs of a result."""

    def __init__(self, interrupted=False):
        self.interrupted = interrupted
        self.saved, self.drawn = [], []

    def __repr__(self):
        return "a table of minima"

    def record(self):
        return {"minima": [{"x": np.array([1.0, 2.0]), "fun": np.float64("nan")}], "n_starts": 10}

    def save(self, path, overwrite=False):
        self.saved.append((path, overwrite))
        return Path(path)

    def plot(self, path):
        self.drawn.append(path)


@pytest.fixture
def solver(folder, monkeypatch):
    """`bgd.multistart` replaced by something that notes what it was given; `.answer` may be set."""

    @functools.wraps(batchgd.multistart)  # the shell looks up what it takes
    def multistart(fun, **arguments):
        multistart.fun, multistart.arguments = fun, arguments
        if isinstance(multistart.answer, BaseException):
            raise multistart.answer
        return multistart.answer

    multistart.answer = MadeUpResult()
    multistart.arguments = None
    monkeypatch.setitem(batchgd.__dict__, "multistart", multistart)
    return multistart


def shell(capsys, line):
    """Run a command line in this process: exit code, stdout, stderr."""
    capsys.readouterr()
    code = main(line if isinstance(line, list) else line.split())
    out, err = capsys.readouterr()
    return code, out, err


def assert_refused(capsys, line, words):
    code, out, err = shell(capsys, line)
    assert (code, out) == (2, ""), err
    assert err.count("\n") == 1, err
    assert "Traceback" not in err
    assert err.startswith("batchgd: ")
    assert words in err
    return out, err
