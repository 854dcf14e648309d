"""The comparison with other tools, on tiny sizes: the peers that need no further package end where batchgd ends."""

from dataclasses import replace

import numpy as np
import pytest

script = pytest.importorskip("peers", reason="the benchmarks are not here")

from peer.cases import CASES, DESCENT, LANDSCAPE  # noqa: E402
from peer.measure import Row, cells, compare, peers_of  # noqa: E402
from peer.report import TARGETS, machine, markdown  # noqa: E402
from peer.table import PEERS, Peer  # noqa: E402
from peer.values import VALUES  # noqa: E402

from batchgd import as_objective  # noqa: E402

PLAIN = {"numba", "numpy"}


def silent(line):
    pass


def measured(case, dtype="float64", n=64, only=PLAIN):
    return {row.peer: row for row in compare(case, dtype, n, 1, peers_of(case, dtype, set(only)), silent)}


@pytest.mark.parametrize("case", CASES.values(), ids=lambda case: case.name)
def test_every_case_states_the_function_that_batchgd_traces(case):
    objective = as_objective(case.fun, dim=case.dim, box=[case.box] * case.dim)
    x = case.points(20, "float64")
    np.testing.assert_allclose(case.gradient(np, x.T).T, objective.gradient(x), rtol=1e-9, atol=1e-9)
    values = VALUES[case.scalar](np, x.T)
    np.testing.assert_allclose(values - values[0], objective.value(x) - objective.value(x[0]), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("name", "dtype"), [("himmelblau", "float64"), ("styblinski_tang", "float32")])
def test_peers_end_where_batchgd_ends(name, dtype):
    rows = measured(CASES[name], dtype)
    assert set(rows) == {"batchgd", "numba", "numpy"}
    for row in rows.values():
        assert row.status == "ok"
        assert row.same == row.converged == 1.0
        assert row.ratio is not None
        assert row.updates == pytest.approx(rows["batchgd"].updates, abs=1.0 if dtype == "float32" else 0.05)


def test_scipy_reaches_the_same_minima_from_a_sample():
    case = CASES["himmelblau"]
    row = measured(case, n=8, only={"scipy"})["scipy"]
    assert row.n == 8
    assert row.converged == 1.0
    assert row.minima <= 4
    assert "extrapolated" in row.note


def test_the_minima_are_counted_alike():
    rows = measured(replace(CASES["rastrigin_minima"], starts=2000))
    assert rows["numpy"].minima == rows["batchgd_minima"].minima == rows["numba"].minima
    assert all(row.ratio is not None for row in rows.values())


def test_a_peer_that_is_missing_or_fails_is_a_row():
    case = CASES["himmelblau"]
    absent = Peer("absent", "absent", "numpy_batched", ("no_such_package_at_all",), (DESCENT,))
    broken = Peer("broken", "broken", "no_such_module", (), (DESCENT,))
    rows = compare(case, "float64", 16, 1, [*peers_of(case, "float64", set()), absent, broken], silent)
    assert rows[1].status == "not installed (no_such_package_at_all)"
    assert rows[2].status.startswith("failed: ModuleNotFoundError")
    assert "not installed" in markdown(rows, machine(), "command", [], [])


def test_no_ratio_where_the_endpoints_differ(monkeypatch):
    case = CASES["himmelblau"]
    import peer.numpy_batched as numpy_batched
    from peer.table import Endpoints

    monkeypatch.setattr(numpy_batched, "prepare", lambda case, dtype, starts, variant: lambda: Endpoints(starts))
    row = measured(case, only={"numpy"})["numpy"]
    assert row.ratio is None
    assert "end where batchgd ends" in row.note
    assert "not comparable" in markdown([row], machine(), "command", [], [])


def test_endpoints_in_one_cell_count_once():
    case = CASES["himmelblau"]
    known = np.array([[3.0, 2.0], [3.5844283, -1.8481265], [-3.7793103, -3.2831860], [-2.8051181, 3.1313125]])
    assert len(np.unique(cells(case, known))) == 4
    assert (cells(case, known) == cells(case, known + 1e-4)).all()


def test_the_tables_name_what_exists():
    names = {peer.name for peer in PEERS}
    assert len(names) == len(PEERS)
    for case, dtype, peer, _ in TARGETS:
        assert peer in {row.name for row in peers_of(CASES[case], dtype)}
    assert all(peers_of(case, "float64")[0].module == "engine" for case in CASES.values())
    assert any(case.kind == LANDSCAPE for case in CASES.values())


def test_the_command_writes_a_page_and_numbers(tmp_path, capsys):
    page, numbers = tmp_path / "peers.md", tmp_path / "peers.json"
    options = ["--cases", "himmelblau", "--dtype", "float64", "--starts", "32", "--repeats", "1", "--only", "numpy"]
    assert (
        script.main([*options, "--problems", "", "--no-commands", "--markdown", str(page), "--json", str(numbers)]) == 0
    )
    assert "2-D Himmelblau, float64" in page.read_text(encoding="utf-8")
    assert '"peer": "numpy"' in numbers.read_text(encoding="utf-8")
    assert "2-D Himmelblau" in capsys.readouterr().out
    assert Row("a", "b", "c", "d").as_dict()["seconds"] is None


def test_the_fit_ends_at_nists_certified_parameters():
    from peer.eckerle4 import LOWER, WIDTH

    case = replace(CASES["eckerle4_solve"], starts=None)
    rows = measured(case, n=16, only={"scipy"})
    run = peers_of(case, "float64")[0].prepare(case, "float64", case.points(16, "float64"))
    assert all(row.converged == 1.0 for row in rows.values())
    fit = LOWER + WIDTH * run().x
    certified = [1.5543827178, 4.0888321754, 451.54121844]
    assert (np.abs(fit / certified - 1.0).max(axis=1) < 1e-5).mean() > 0.5
