"""`batchgd show`: a saved run again, by other tolerances, with what is measured afterwards."""

import json

import pytest

import batchgd as bgd
from batchgd.cli import main


@pytest.fixture(scope="module")
def camel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("show") / "run"
    return bgd.multistart("six_hump_camel", starts=200, backend="numpy").save(folder)


def test_what_is_shown_is_what_was_printed(camel, capsys):
    assert main(["show", str(camel)]) == 0
    assert capsys.readouterr().out == f"{bgd.load(camel)}\n"


def test_other_tolerances_and_their_result_saved(camel, capsys, tmp_path):
    assert main(["show", str(camel), "--identity-x", "0.9", "--json", "--out", str(tmp_path / "pairs")]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [round(row["fun"], 6) for row in told["minima"]] == [-1.031628, -0.215464, 2.10425]
    assert len(bgd.load(tmp_path / "pairs").minima) == 3


def test_what_can_be_asked_afterwards(camel, capsys):
    words = ["show", str(camel), "--coverage", "--stability", "--fidelity", "50", "--json"]
    assert main(words) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["coverage"]["minima"] == 6
    assert len(told["stability"]["minima"]) == 6
    assert told["fidelity"]["sample"] == 50
    assert main(["show", str(camel), "--coverage"]) == 0
    assert "(Good-Turing)" in capsys.readouterr().out


def test_bad_input_is_one_line(camel, capsys, tmp_path):
    bgd.descend("himmelblau", [[0.0, 0.0]], backend="numpy").save(tmp_path / "ends")
    for words, said in (
        ([str(camel), "--identity-x", "-1"], "identity.x is -1:"),
        ([str(camel), "--identity-f", "nan"], "identity.f is nan"),
        ([str(camel), "--fidelity", "0"], "sample is 0"),
        ([str(camel), "--out", str(camel)], "already contains a result"),
        ([str(tmp_path / "ends"), "--stability"], "has endpoints but no minima"),
        ([str(tmp_path / "none")], "does not exist"),
    ):
        assert main(["show", *words]) == 2
        out, err = capsys.readouterr()
        assert said in err
        assert (out, err.count("\n")) == ("", 1)


def test_a_sample_that_cannot_be_is_told_before_the_run(capsys):
    assert main(["run", "himmelblau", "--fidelity", "0"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "fidelity is 0" in err
