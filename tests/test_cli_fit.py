"""`batchgd fit`: tables as people have them, options, what is printed and written, and bad input in one line."""

import gzip
import json
import os
import re
import shlex
import signal
from pathlib import Path

import numpy as np
import pytest
from shell_samples import assert_refused, shell

import batchgd as bgd
from batchgd.cli.csv_file import CsvFile

T = np.round(np.linspace(0.0, 4.0, 41), 2)
Y = np.round(2.0 * np.exp(-0.7 * T) + 0.3 + 0.01 * np.sin(37.0 * T), 5)
EXPR = ["--expr", "a*exp(-k*t)+c"]
PARAM = ["--param", "a=0:5", "--param", "k=1e-2:1e1:log", "--param", "c=-1:1"]
QUICK = ["--starts", "40", "--backend", "numpy"]


def table(separator=",", decimal=".", header=("t", "signal"), columns=(T, Y)):
    rows = [separator.join(f"{value:.5f}".replace(".", decimal) for value in row) for row in zip(*columns, strict=True)]
    return "\n".join(([separator.join(header)] if header else []) + rows) + "\n"


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A working folder with a table."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BATCHGD_TRACEBACK", raising=False)
    (tmp_path / "data.csv").write_text(table(), encoding="utf-8")
    return tmp_path


@pytest.fixture(scope="module")
def expected():
    fit = bgd.fit(EXPR[1], {"t": T}, Y, parameters={"a": (0, 5), "k": (0.01, 10), "c": (-1, 1)}, starts=40)
    return fit.params


def run(capsys, words):
    return shell(capsys, ["fit", *words])


def fitted(capsys, words):
    """The parameters that the shell prints as JSON, by name."""
    code, out, _ = run(capsys, [*words, *QUICK, "--json", "--quiet"])
    assert code == 0
    found = json.loads(out)
    return {row["name"]: row for row in found["parameters"]}, found


# Tables

TABLES = {
    "plain": table(),
    "no header": table(header=None),
    "semicolons, decimal commas": table(";", ","),
    "decimal commas without header": table(";", ",", None),
    "tabs": table("\t"),
    "blanks": "  " + table("    ").replace("\n", "\n  "),
    "blanks, decimal commas": table("  ", ","),
    "bars": table("|"),
    "comments": "# made today\n% and here\n\n" + table().replace("0.10000", "# here as well\n0.10000"),
    "names in a comment": "# decay\n# t signal\n" + table(" ", header=None),
    "units": table().replace("\n", "\ns,mV\n", 1),
    "lines above the header": "Instrument: X-100\nmade: today\n" + table(),
    "quoted": table(header=('"t"', '"signal"')).replace("2.30000", '"2.30000"'),
    "a separator at the end": table().replace("\n", ",\n"),
    "Windows": table().replace("\n", "\r\n"),
    "old Macintosh": table().replace("\n", "\r"),
    "byte order mark": "\ufeff" + table(),
    "of Excel": "sep=;\n" + table(";"),
    "columns without numbers": table().replace("\n", ",fine,\n"),
    "Fortran": table("  ", header=None).replace("00  ", "00D+00  "),
}


@pytest.mark.parametrize("name", TABLES)
def test_tables_as_people_have_them(name, data, expected, capsys):
    (data / "data.csv").write_text(TABLES[name], encoding="utf-8", newline="")
    with CsvFile("data.csv") as read:
        columns = [] if "t" in read.names else ["--x", "t=1", "--y", "2"]
    found, _ = fitted(capsys, ["data.csv", *columns, *EXPR, *PARAM])
    for parameter in "akc":
        assert found[parameter]["value"] == pytest.approx(expected[parameter].value, rel=1e-6)
        assert found[parameter]["stderr"] == pytest.approx(expected[parameter].stderr, rel=1e-5)


@pytest.mark.parametrize("kind", ["utf-16", "latin-1", "gzip"])
def test_encodings_and_compression(kind, data, expected, capsys):
    text = table(header=("t", "µ"))
    written = gzip.compress(text.encode()) if kind == "gzip" else text.encode(kind)
    (data / "data.csv").write_bytes(written)
    found, record = fitted(capsys, ["data.csv", *EXPR, *PARAM, "--y", "µ"])
    assert found["k"]["value"] == pytest.approx(expected["k"].value, rel=1e-6)
    assert record["data"].endswith("y is µ")


def test_missing_values_are_left_out_and_counted(data, capsys):
    rows = table().splitlines()
    for k, word in zip((3, 8, 12, 20, 25), ("", "NA", "n/a", "-", "NaN"), strict=True):
        rows[k] = rows[k].split(",")[0] + "," + word
    rows[30] = rows[30].split(",")[0]
    (data / "data.csv").write_text("\n".join(rows))
    found, record = fitted(capsys, ["data.csv", *EXPR, *PARAM])
    assert (record["dropped"], record["statistics"]["ndata"]) == (6, 35)
    assert found["k"]["value"] == pytest.approx(0.7, abs=0.02)


def test_a_table_that_numpy_wrote(data):
    columns = np.random.default_rng(0).normal(size=(1_000, 3)) * [1.0, 1e-8, 1e12]
    np.savetxt("data.csv", columns, delimiter=",", header="a,b,c")
    with CsvFile("data.csv") as table:
        assert table.names == ["a", "b", "c"]
        read = table.read([0, 1, 2])
    np.testing.assert_allclose(np.stack([read[k] for k in range(3)], axis=1), columns, rtol=1e-15)


@pytest.mark.parametrize(
    "text", ["a;b\n1.234,5;2\n1'234,5;3\n-1.234.567,8;4\n0,5;5", "a;b\n1,234.5;2\n1 234.5;3\n-1,234,567.8;4\n.5;5"]
)
def test_marks_of_thousands(text, data):
    (data / "data.csv").write_text(text)
    with CsvFile("data.csv") as table:
        assert table.read([0])[0].tolist() == [1234.5, 1234.5, -1234567.8, 0.5]


def test_columns_by_name_by_number_and_from_stdin(data, capsys, monkeypatch):
    (data / "data.csv").write_text(table(header=("time (s)", "Signal")))
    alone, _ = fitted(capsys, ["data.csv", *EXPR, *PARAM])
    for words in (["--x", "time (s)", "--y", "signal"], ["--x", "1", "--y", "2"], ["--x", "t=time (s)"]):
        assert fitted(capsys, ["data.csv", *EXPR, *PARAM, *words])[0] == alone
    with open("data.csv", encoding="utf-8") as stream:
        monkeypatch.setattr("sys.stdin", stream)
        assert fitted(capsys, ["-", *EXPR, *PARAM])[0] == alone


def test_sigma_and_several_variables(data, capsys):
    dose = np.round(np.random.default_rng(1).uniform(1.0, 3.0, len(T)), 4)
    sigma = np.round(np.random.default_rng(2).uniform(0.01, 0.03, len(T)), 4)
    (data / "data.csv").write_text(table(header=("t", "dose", "y", "err"), columns=(T, dose, Y * dose, sigma)))
    found, _ = fitted(
        capsys, ["data.csv", "--expr", "dose*(a*exp(-k*t)+c)", *PARAM, "--y", "y", "--sigma", "err", "--absolute-sigma"]
    )
    parameters = {"a": (0, 5), "k": (0.01, 10), "c": (-1, 1)}
    x = {"t": T, "dose": dose}
    fit = bgd.fit(
        lambda t, dose, a, k, c: dose * (a * np.exp(-k * t) + c),
        x, np.round(Y * dose, 5), parameters=parameters, sigma=sigma, absolute_sigma=True, starts=40,
    )  # fmt: skip
    for name in "akc":
        assert found[name]["stderr"] == pytest.approx(fit.params[name].stderr, rel=1e-6)


# Parameters


def test_fixed_and_derived_parameters_and_guesses(data, capsys):
    words = ["--param", "a=2 in 0:inf", "--param", "k=0.1:5:log", "--param", "c=0.3", "--param", "half=log(2)/k"]
    found, _ = fitted(capsys, ["data.csv", "--expr", "a*exp(-k*t)+c+0*half", *words])
    assert found["c"]["why"] == "fixed"
    assert found["half"]["value"] == pytest.approx(np.log(2.0) / found["k"]["value"])
    assert found["k"]["scale"] == "log"
    assert (found["a"]["min"], found["a"]["max"]) == (0.0, None)


def test_starts_in_a_box_within_the_limits(data, capsys):
    words = ["--param", "a=1:3 in 0:inf", "--param", "k=0.1:2 in :9", "--param", "c=-1:1"]
    found, record = fitted(capsys, ["data.csv", *EXPR, *words])
    assert record["agree"] == 40
    assert (found["k"]["min"], found["k"]["max"]) == (None, 9.0)


def test_exchangeable_components(data, capsys):
    (data / "data.csv").write_text(table(columns=(T, 3.0 * np.exp(-2.0 * T) + np.exp(-0.3 * T))))
    line = ["data.csv", "--expr", "a*exp(-k*t)+b*exp(-q*t)"]
    for name, limits in {"a": "0:5", "k": "0.01:9", "b": "0:5", "q": "0.01:9"}.items():
        line += ["--param", f"{name}={limits}"]
    assert "--exchangeable a,k --exchangeable b,q makes them one" in run(capsys, [*line, *QUICK])[1]
    found, record = fitted(capsys, [*line, "--exchangeable", "k,a", "--exchangeable", "q, b"])
    assert [found[name]["value"] for name in "akbq"] == pytest.approx([1.0, 0.3, 3.0, 2.0], rel=1e-2)
    assert record["total"]["solutions"] == 1


def test_models_of_a_file_and_options_of_toml(data, expected, capsys):
    (data / "model.py").write_text("import numpy as np\ndef decay(t, a, k, c):\n    return a * np.exp(-k * t) + c\n")
    (data / "fit.toml").write_text(
        'starts = 40\nmodel = "model.py:decay"\n[param]\na = [0, 5]\nk = "0.01:10:log"\nc = "-1:1"'
    )
    found, record = fitted(capsys, ["data.csv", "--config", "fit.toml"])
    assert record["model"] == "decay"
    assert found["a"]["value"] == pytest.approx(expected["a"].value, rel=1e-6)


def test_data_sets_with_shared_parameters(data, capsys):
    rows = ["who,t,signal"]
    for name, a in (("control", 2.0), ("drug", 3.0)):
        rows += [f"{name},{t},{a * np.exp(-0.7 * t) + 0.01 * np.sin(37 * t):.6f}" for t in T]
    (data / "data.csv").write_text("\n".join(rows))
    words = ["--expr", "a*exp(-k*t)", "--param", "a=0:5", "--param", "k=0:3", "--y", "signal", "--group", "who"]
    found, record = fitted(capsys, ["data.csv", *words, "--shared", "k"])
    assert record["groups"] == ["control", "drug"]
    assert [found[name]["value"] for name in ("k", "a_1", "a_2")] == pytest.approx([0.7, 2.0, 3.0], abs=0.02)
    assert {*fitted(capsys, ["data.csv", *words])[0]} == {"a_1", "k_1", "a_2", "k_2"}


# What is printed and written


def test_report_json_and_csv(data, capsys):
    line = ["data.csv", *EXPR, *PARAM, *QUICK]
    code, out, err = run(capsys, line)
    assert code == 0
    assert "starts (100 %) agree on the best fit" in out or "agree on the best fit" in out
    assert err == "data.csv: 41 rows, separator comma; x is t, y is signal\n"
    assert run(capsys, [*line, "--quiet"]) == (0, out, "")
    record = json.loads(run(capsys, [*line, "--json"])[1])
    assert record["n_starts"] == 40
    assert np.shape(record["correlation"]) == (3, 3)
    assert record["solutions"][0]["values"] == [row["value"] for row in record["parameters"]]
    rows = run(capsys, [*line, "--csv"])[1].splitlines()
    assert rows[0].startswith("name,value,stderr,min,max")
    assert [row.split(",")[0] for row in rows[1:]] == ["a", "k", "c"]


def test_files_are_written(data, capsys):
    line = ["data.csv", *EXPR, *PARAM, *QUICK, "--plot", "made.png"]
    for report in ("made.txt", "made.json", "made.csv"):
        code, out, err = run(capsys, [*line, "--report", report])
        assert code == 0
        assert f"report written to {report}" in err
    assert (data / "made.png").read_bytes().startswith(b"\x89PNG")
    assert out in (data / "made.txt").read_text(encoding="utf-8")
    assert json.loads((data / "made.json").read_text())["agree"] > 0
    assert (data / "made.csv").read_text() == run(capsys, [*line, "--csv", "--quiet"])[1]


def test_intervals_and_profiles(data, capsys):
    line = ["data.csv", *EXPR, *PARAM, *QUICK, "--ci", "0.95", "--ci", "0.683"]
    code, out, _ = run(capsys, [*line, "--profile", "made.png", "--report", "made.txt"])
    assert code == 0
    assert "confidence intervals" in out
    assert "+95.00 %" in out or "+95 %" in out
    assert out in (data / "made.txt").read_text(encoding="utf-8")
    assert (data / "made.png").read_bytes().startswith(b"\x89PNG")
    record = json.loads(run(capsys, [*line, "--json", "--quiet"])[1])
    fit = bgd.fit(EXPR[1], {"t": T}, Y, parameters={"a": (0, 5), "k": (0.01, 10), "c": (-1, 1)}, starts=40)
    expected = fit.conf_interval("k", level=0.95)["k"]
    (found,) = [row for row in record["intervals"] if row["name"] == "k" and row["level"] == 0.95]
    assert [found["low"], found["high"]] == pytest.approx([expected.low, expected.high], rel=1e-5)
    assert {row["verdict"] for row in record["identifiability"]} == {"identifiable"}


def test_a_fit_without_profiles_is_still_printed(data, capsys):
    (data / "data.csv").write_text("t,y\n0,1\n1,2\n")
    line = ["data.csv", "--expr", "a*t+b", "--param", "a=0:5", "--param", "b=0:5", *QUICK, "--ci", "0.9"]
    code, out, err = run(capsys, line)
    assert code == 0
    assert "a" in out
    assert "no profiles: " in err


def test_a_saved_fit_is_the_fit(data, capsys):
    code, out, err = run(capsys, ["data.csv", *EXPR, *PARAM, *QUICK, "--out", "made.npz"])
    assert code == 0
    assert "saved to" in err
    assert str(bgd.load("made.npz")).split("\n\n")[1:3] == out.split("\n\n")[1:3]
    assert_refused(capsys, ["fit", "data.csv", *EXPR, *PARAM, "--out", "made.npz"], "made.npz")
    assert shell(capsys, ["show", "made.npz"])[1].split("\n\n")[1:3] == out.split("\n\n")[1:3]
    assert shell(capsys, ["show", "made.npz", "--csv"])[1] == bgd.load("made.npz").to_csv()
    for k, name in enumerate(([], ["residuals"], ["correlation"], ["waterfall"], ["profiles"])):
        assert shell(capsys, ["plot", "made.npz", *name, "--out", f"{k}.png", "--quiet"]) == (0, "", "")
    assert len({(data / f"{k}.png").read_bytes() for k in range(5)}) == 5
    assert_refused(capsys, ["plot", "made.npz", "basins", "--out", "5.png"], "choose from fit, residuals")
    assert_refused(capsys, ["show", "made.npz", "--fidelity", "10"], "contains a fit")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process alone")
def test_ctrl_c_prints_and_saves_what_was_found(data, capsys, monkeypatch):
    pressed = []

    def press(_, update):
        if not pressed and update.done:
            pressed.append(update)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("batchgd.cli.progress.ProgressPrinter.__call__", press)
    line = ["data.csv", *EXPR, *PARAM, "--starts", "20000", "--until", "0.9999", "--backend", "numpy", "--json"]
    with bgd.testing.forced(interval=0.0):
        code, out, err = run(capsys, [*line, "--out", "made.npz"])
    assert code == 130
    record = json.loads(out)
    assert record["interrupted"] is True
    assert 0 < record["agree"] <= record["n_starts"]
    assert "interrupted: the fit knows only the starts that had ended" in record["notes"]
    assert record["parameters"][1]["value"] == pytest.approx(0.7, abs=0.02)
    assert bgd.load("made.npz").landscape.interrupted
    assert "interrupted: this is what was found so far" in err


def test_until_runs_to_a_coverage(data, capsys):
    line = ["data.csv", *EXPR, *PARAM, "--backend", "numpy", "--json", "--quiet", "--starts", "4000", "--until", "0.9"]
    record = json.loads(run(capsys, line)[1])
    assert record["n_starts"] < 4000


# Bad input

LINE = ["data.csv", *EXPR, *PARAM]
REFUSED = [
    (["nowhere.csv", *EXPR, *PARAM], "does not exist"),
    ([".", *EXPR, *PARAM], "cannot be read"),
    ([*LINE, "--y", "signall"], "did you mean 'signal'"),
    ([*LINE, "--x", "7"], "available: signal, t"),
    ([*LINE, "--sigma", "err"], "no column 'err'"),
    (LINE[:1] + PARAM, "--expr FORMULA"),
    ([*LINE, "--model", "m.py:f"], "give one of"),
    (["data.csv", *PARAM, "--model", "decay"], "FILE.py:MODEL"),
    (LINE[:3], "--param is missing"),
    (LINE[:-2], "add --param c=LO:HI"),
    ([*LINE, "--exchangeable", "a,k"], "exchangeable"),
    ([*LINE, "--param", "kk=0:1"], "no parameter 'kk'"),
    ([*LINE, "--param", "c=1:0"], "given twice"),
    ([*LINE[:-2], "--param", "c=1:0"], "reversed"),
    ([*LINE[:-2], "--param", "c=1:1"], "write the number alone"),
    ([*LINE[:-2], "--param", "c=0:1:log"], "positive"),
    ([*LINE[:-2], "--param", "c=0:1:lag"], "'lag'"),
    ([*LINE[:-2], "--param", "c=0:x"], "a name with limits"),
    ([*LINE[:-2], "--param", "c"], "a name with limits"),
    ([*LINE[:-2], "--param", "c=0:inf"], "limit"),
    ([*LINE[:-2], "--param", "c=a.real"], "attribute"),
    ([*LINE[:-2], "--param", "c=c+1"], "circular"),
    (["data.csv", "--expr", "__import__('os')", *PARAM], "__import__"),
    (["data.csv", "--expr", "a*9**9**9**9", *PARAM], "exponent"),
    (["data.csv", "--expr", "a*np.exp(-k*t)+c", *PARAM], "write exp alone"),
    (["data.csv", "--expr", "2a*exp(-k*t)+c", *PARAM], "write 2*a"),
    (["data.csv", "--expr", "y=a*exp(-k*t)+c", *PARAM], "right-hand side"),
    (["data.csv", "--expr", "a*exp(-lambda*t)+c", *PARAM], "another name"),
    (["data.csv", "--expr", "a(1-k*t)+c", *PARAM], "for a product"),
    ([*LINE[:3], "--param", "a=0,5:3", "--param", "k=0:1"], "not 'a=0,5:3'"),
    ([*LINE[:3], "--param", "a 0:5", "--param", "k=0:1"], "not 'a 0:5'"),
    ([*LINE, "--sigma", "0.3"], "all observations weigh the same"),
    ([*LINE, "--shared", "k"], "--shared needs --group"),
    ([*LINE, "--confidence", "0.9"], "--confidence needs --until"),
    ([*LINE, "--absolute-sigma"], "needs --sigma"),
    ([*LINE, "--separator", "semi"], "semicolon"),
    ([*LINE, "--loss", "hubert"], "huber"),
    ([*LINE, "--csv", "--json"], "only one"),
    ([*LINE, "--plot", "x.txt"], "picture format"),
    ([*LINE, "--profile", "x.txt"], "picture format"),
    ([*LINE, "--ci", "95"], "level"),
    ([*LINE, "--report", "x.doc"], ".txt, .json or .csv"),
    ([*LINE, "--starts", "0"], "starts"),
]


@pytest.mark.parametrize(("line", "words"), REFUSED, ids=[" ".join(line)[-40:] for line, _ in REFUSED])
def test_bad_input_is_one_line(line, words, data, capsys):
    with bgd.testing.no_work():
        assert_refused(capsys, ["fit", *line], words)


BAD_TABLES = {
    "empty": ("", "is empty"),
    "only comments": ("# a\n\n", "is empty"),
    "only a header": ("t,signal\n", "no rows"),
    "text": (table().replace("0.10000,", "0.1O,"), "line 3 has '0.1O' in column 't'"),
    "text after a comment": ("# a\n" + table().replace("0.10000,", "x,"), "line 4 has 'x'"),
    "header among numbers": ("t,0.5\n" + table(header=None), "--header"),
    "more cells": (table().replace("\n0.20000,", "\n0.20000,1,"), "line 4 has 3 cells"),
    "thousands": (table().replace("0.20000,", '"1,200",'), "1234.5"),
    "comments behind numbers": (table().replace("\n0.1", " # fine\n0.1"), "on lines of their own"),
    "percent": (table().replace("\n", "%\n").replace("signal%", "signal"), "percent"),
    "dates": (table().replace("\n", "\n2024-01-0"), "days or seconds"),
    "a footer": (table() + "End of data\n", "remove the line"),
    "one column": ("signal\n1\n2\n", "one column"),
    "open quotation": (table() + '4.1,"1.0\n' + "4.2,1.0\n" * 20_000, "from line 43 on"),
    "all missing": ("t,signal\n" + "NA,1.0\n" * 20, "contain NaN"),
    "infinity": (table().replace("0.20000,", "inf,"), "contains inf"),
    "few": ("t,signal\n0,1\n1,2\n", "--param NAME=VALUE"),
    "a long line": ("x" * 1_100_000, "not a table of text"),
    "twice": (table(header=("signal", "signal")), "2 columns 'signal'"),
}


@pytest.mark.parametrize("name", BAD_TABLES)
def test_bad_tables_are_one_line(name, data, capsys):
    text, words = BAD_TABLES[name]
    (data / "data.csv").write_text(text)
    columns = ["--x", "t=1"] if name in ("header among numbers", "twice") else []
    with bgd.testing.no_work():
        assert_refused(
            capsys, ["fit", *LINE, *columns, "--y", "2" if name == "header among numbers" else "signal"], words
        )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (np.random.default_rng(0).bytes(4_000), "not a table of text"),
        (b"PK\x03\x04rest of a sheet", "save the sheet as CSV"),
        (b"\x1f\x8b damaged", "cannot be read"),
        (gzip.compress(table().encode())[:150], "cannot be read"),
        (b"t,signal\n0,1\0\n", "not a table of text"),
    ],
    ids=["noise", "Excel", "damaged", "cut", "NUL"],
)
def test_files_that_are_no_tables(content, words, data, capsys):
    (data / "data.csv").write_bytes(content)
    with bgd.testing.no_work():
        assert_refused(capsys, ["fit", *LINE], words)


def test_numbers_are_read_to_the_last_bit(data):
    values = np.random.default_rng(3).normal(size=500) * 10.0 ** np.arange(-250, 250)
    (data / "data.csv").write_text("a;b\n" + "".join(f"{v!r};{v!r}\n" for v in values.tolist()).replace(".", ","))
    with CsvFile("data.csv") as table:
        read = table.read([0, 1])
    np.testing.assert_array_equal(read[0], values)


def test_the_page_names_options_that_are_there(capsys):
    page = (Path(__file__).parents[1] / "docs" / "fits-shell.md").read_text(encoding="utf-8")
    known = shell(capsys, ["fit", "--help"])[1]
    flags = {*re.findall(r"--[a-z][a-z-]+", page)}
    assert len(flags) > 15
    assert [flag for flag in flags if flag not in known] == []


def test_the_command_of_the_page_finds_the_period(tmp_path, monkeypatch, capsys):
    root = Path(__file__).parents[1]
    page = (root / "docs" / "fitting.md").read_text(encoding="utf-8")
    command = page.split("```sh\nbatchgd ")[1].split("```")[0].replace("\\\n", " ")
    words = shlex.split(command.replace("examples/", f"{root}/examples/"))
    monkeypatch.chdir(tmp_path)
    code, out, _ = shell(capsys, [*words, "--json", "--quiet"])
    record = json.loads(out)
    assert code == 0
    assert (tmp_path / "fit.png").exists()
    period = next(row for row in record["parameters"] if row["name"] == "P")
    assert f"{period['value']:.0f} ± {period['stderr']:.0f} days" in page
    assert record["agree"] == pytest.approx(368, abs=5)
    assert "368 of 5,000 starts" in page
    assert record["total"]["solutions"] == pytest.approx(980, abs=20)
    assert record["solutions"][1]["chisqr"] > 2.0 * record["solutions"][0]["chisqr"]
