"""Ctrl-C at any moment: what was found is kept, the second one ends at once, and handlers are put back."""

import concurrent.futures
import functools
import os
import signal
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest
from pressing import press_at_run
from shell_samples import shell

import batchgd as bgd
from batchgd import Status
from batchgd.api.result import MultistartResult
from batchgd.engine.interrupts import current, heeded
from batchgd.engine.progress import Watch
from batchgd.minima import Catalogue, find_minima

PHASES = ("polishing", "merging", "classifying", "measuring")


@pytest.fixture(autouse=True)
def at_once():
    """No time is left after Ctrl-C, every look is reported, and the handler is the one that was there before."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with bgd.testing.forced(grace=0.0, interval=0.0):
        yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


class Press:
    """A progress callback that presses Ctrl-C at the first update that it waits for."""

    def __init__(self, when, times=1):
        self.when, self.times, self.after = when, times, 0

    def __call__(self, update):
        if self.times and self.when(update):
            while self.times:
                self.times -= 1
                signal.raise_signal(signal.SIGINT)
        elif not self.times:
            self.after += 1


def in_phase(phase, done=0):
    return lambda update: update.phase == phase and update.phase_done >= done


@pytest.mark.parametrize("keep", ["all", "minima"])
@pytest.mark.parametrize("backend", ["numpy", "cpu"])
@pytest.mark.parametrize("phase", PHASES)
def test_a_run_interrupted_after_its_descents(phase, backend, keep, tmp_path):
    options = {"starts": 500, "backend": backend, "keep": keep}
    whole = bgd.multistart("himmelblau", **options)
    press = Press(in_phase(phase))
    result = bgd.multistart("himmelblau", **options, progress=press)
    assert press.times == 0
    assert result.interrupted
    assert not whole.interrupted
    assert result.status_counts() == whole.status_counts()
    assert any(f"interrupted while {phase}" in line for line in result.warnings)
    assert result.minima.count.sum() == 500
    if phase == "measuring":
        assert result.minima.kind.tolist() == whole.minima.kind.tolist()
        np.testing.assert_array_equal(result.minima.eigenvalues, whole.minima.eigenvalues)
    else:
        assert np.isnan(result.minima.eigenvalues).all()
        assert set(result.minima.kind) == {"unknown"}
    if phase == "polishing":
        assert np.abs(result.minima.fun).max() < 1e-6  # as the descents left them
    else:
        np.testing.assert_array_equal(result.minima.x, whole.minima.x)
        np.testing.assert_array_equal(result.label, whole.label)
    assert "interrupted while" in repr(result)
    assert result.summary()["interrupted"]
    assert bgd.load(result.save(tmp_path / "run")).interrupted


def test_what_was_polished_is_kept():
    options = {"dim": 30, "starts": 500, "backend": "numpy"}
    whole = bgd.multistart("rastrigin", **options)
    for done, least in ((1, 288), (0, 0)):  # between two chunks, and within the first
        result = bgd.multistart("rastrigin", **options, progress=Press(in_phase("polishing", done)))
        assert len(result.minima) == len(whole.minima) == 500
        exact = (result.minima.x[:, None] == whole.minima.x[None, :, :]).all(axis=2).any(axis=1)
        assert least <= exact.sum() < 500
        assert (result.label >= 0).all()
        np.testing.assert_allclose(result.minima.fun[result.label], whole.minima.fun[whole.label], rtol=1e-9)


def test_unpolished_copies_are_one_minimum_with_the_polished_ones():
    # A loose tolerance: 2,000 endpoints in 2,000 cells, around 4 minima.
    loose = {"starts": 2_000, "gtol": 0.05, "backend": "numpy"}
    result = bgd.multistart("himmelblau", **loose, progress=Press(in_phase("polishing")))
    assert len(result.minima) < 400
    assert (result.label >= 0).all()
    assert "not polished" in result.warnings[0]


def test_within_the_grace_nothing_is_lost():
    whole = bgd.multistart("himmelblau", starts=200, backend="numpy")
    with bgd.testing.forced(grace=1e9):
        result = bgd.multistart("himmelblau", starts=200, backend="numpy", progress=Press(in_phase("polishing")))
    assert result.interrupted
    assert result.warnings == whole.warnings
    np.testing.assert_array_equal(result.minima.x, whole.minima.x)
    np.testing.assert_array_equal(result.minima.eigenvalues, whole.minima.eigenvalues)


def test_trajectories_that_were_under_way_have_no_label():
    slow = {"method": bgd.GradientDescent(1e-9), "maxiter": 10**9, "starts": 30, "backend": "numpy"}
    result = bgd.multistart("himmelblau", **slow, progress=Press(lambda update: True))
    assert result.interrupted
    assert (result.status == Status.INTERRUPTED).all()
    assert (result.label == -1).all()
    assert len(result.minima) == 0


@pytest.mark.parametrize("phase", ["descending", *PHASES])
def test_the_second_one_ends_at_once(phase):
    press = Press(in_phase(phase), times=2)
    with pytest.raises(KeyboardInterrupt):
        bgd.multistart("himmelblau", starts=500, backend="cpu", progress=press)
    assert current().seen is False
    assert len(bgd.multistart("himmelblau", starts=500).minima) == 4


def crease(x):
    return np.abs(x[0] - 0.1) + 2 * np.abs(x[1] + 0.3 * x[0])


def quartic(x):
    return (x[0] ** 2 - 0.25) ** 2 + x[1] ** 4


def test_a_search_by_values_is_interrupted_too():
    objective = bgd.Objective(crease, 2, box=[(-1, 1)] * 2)
    x = np.array([[0.1, -0.03]]) + 1e-5 * np.random.default_rng(0).normal(size=(20, 2))
    for look, kind in ((30, "unknown"), (10_000, "kink")):  # Newton is stuck after two
        catalogue, looks = Catalogue(objective.box), iter(range(1000))
        catalogue.add(0, x, objective.value(x), np.full(20, Status.STALLED))
        press = Press(lambda update, look=look, looks=looks: update.phase == "polishing" and next(looks) == look)
        with heeded():
            found = find_minima(catalogue, objective, watch=Watch(press))
        assert found.minima.kind.tolist() == [kind]
        assert found.minima.count.tolist() == [20]
        np.testing.assert_allclose(found.minima.x, [[0.1, -0.03]], atol=1e-4)


@pytest.mark.parametrize(("fun", "every"), [(quartic, 1), (crease, 15)])
def test_cut_at_any_look_the_tables_hold_all_and_the_lowest(fun, every):
    objective = bgd.Objective(fun, 2, box=[(-1, 1)] * 2)
    near = np.repeat([[0.5, 0.0], [-0.5, 0.0], [1e-5, 0.0]] if fun is quartic else [[0.1, -0.03]], 5, axis=0)
    x = near + 1e-5 * np.random.default_rng(0).normal(size=near.shape)
    catalogue = Catalogue(objective.box)
    catalogue.add(0, x, objective.value(x), np.full(len(x), Status.STALLED))
    look = 0
    while True:
        looks = iter(range(look + 1, -1, -1))
        press = Press(lambda update, looks=looks: next(looks) == 0)
        with heeded():
            found = find_minima(catalogue, objective, watch=Watch(press))
        assert found.minima.count.sum() + found.stationary.count.sum() == len(x)
        assert found.minima.fun[0] <= objective.value(x).min()
        if press.times:  # it had ended before
            break
        look += every
    assert look > 20
    assert "unknown" not in found.minima.kind


@pytest.mark.parametrize("phase", PHASES)
def test_the_lowest_endpoint_of_an_interrupted_run_is_no_copy(phase):
    result = bgd.multistart("himmelblau", starts=500, gtol=1e-3, backend="numpy", progress=Press(in_phase(phase)))
    assert len(result.minima) == 4
    assert result.minima.fun.min() <= result.fun.min()


def test_the_lowest_endpoint_is_kept_where_another_of_its_cell_did_not_come_to_rest():
    objective = bgd.Objective(quartic, 2, box=[(-1, 1)] * 2)
    x = np.array([[0.5 + 1e-8, 0.0], [0.5, 0.0]])
    catalogue = Catalogue(objective.box)
    catalogue.add(0, x, objective.value(x), np.array([Status.MAXITER, Status.GRADIENT]))
    assert len(catalogue) == 1
    with heeded():
        found = find_minima(catalogue, objective, watch=Watch(Press(in_phase("polishing"))))
    assert found.minima.x.tolist() == [[0.5, 0.0]]
    assert found.minima.kind.tolist() == ["unknown"]


@pytest.mark.parametrize("strategy", [bgd.MLSL(), bgd.BasinHopping(hops=5), bgd.RareBasins()])
def test_a_strategy_ends_with_the_descents_it_has(strategy):
    options = {"dim": 2, "starts": 400, "strategy": strategy, "backend": "numpy"}
    whole = bgd.multistart("rastrigin", **options)
    result = bgd.multistart("rastrigin", **options, progress=Press(lambda update: update.done > 0))
    assert result.interrupted
    assert 0 < result.n < whole.n
    assert np.array_equal(result.x, whole.x[: result.n])
    later = bgd.multistart("rastrigin", **options, progress=Press(in_phase("merging")))
    assert (later.interrupted, later.n) == (True, whole.n)


def test_a_run_until_covered_ends_at_that_look():
    options = {"dim": 3, "until": bgd.Coverage(0.999), "starts": 20_000, "backend": "cpu"}
    press = Press(lambda update: update.phase == "polishing" and update.done > 4_000)
    result = bgd.multistart("schwefel", **options, progress=press)
    assert result.stopped.why == "interrupted"
    assert result.n == 7_376  # the second look
    assert result.status_counts() == bgd.multistart("schwefel", dim=3, starts=7_376).status_counts()


def test_a_check_that_was_interrupted_says_so():
    with press_at_run(2):
        result = bgd.multistart("himmelblau", starts=50, check=True, method=bgd.GradientDescent(0.01), backend="numpy")
    assert result.interrupted
    assert "interrupted during the comparison with half the step" in result.warnings[-1]


def test_a_sweep_keeps_the_starts_it_has():
    options = {"learning_rate": [0.005, 0.01], "starts": 30, "backend": "numpy", "gtol": 1e-3}
    with bgd.testing.forced(piece=20):
        whole = bgd.sweep("himmelblau", **options)
        result = bgd.sweep("himmelblau", **options, progress=Press(lambda update: update.done > 20))
    assert result.interrupted
    assert not whole.interrupted
    assert result.n_starts == 20  # two blocks of ten; Ctrl-C came in the second
    first = bgd.sweep("himmelblau", **options | {"starts": 10})
    assert result.fidelity.tolist() == first.fidelity.tolist()  # which may be unfinished, so it is not compared


def test_a_comparison_keeps_its_cells():
    methods = ["barzilai_borwein", "adam", "fire"]
    told = []

    def progress(cell):
        told.append(cell)
        signal.raise_signal(signal.SIGINT)

    seen = bgd.compare(methods, ["himmelblau"], starts=20, backend="numpy", progress=progress)
    assert [cell.method for cell in seen] == ["barzilai_borwein"]
    assert seen.interrupted
    assert told == list(seen)


def test_descend_returns_where_its_trajectories_are():
    slow = bgd.GradientDescent(1e-9)
    press = Press(lambda update: True)
    result = bgd.descend("himmelblau", np.ones((5, 2)), method=slow, maxiter=10**9, backend="numpy", progress=press)
    assert result.interrupted


HALVES = {  # what would be wrong with half of its descents
    "map": lambda result: bgd.map("himmelblau", resolution=32, backend="numpy"),
    "fidelity": lambda result: result.fidelity(20),
    "connect": lambda result: result.connect(),
    "stability": lambda result: result.stability(4),
}


@pytest.mark.parametrize("name", HALVES)
def test_what_makes_no_sense_by_halves_is_a_keyboard_interrupt(name):
    result = bgd.multistart("himmelblau", starts=50, backend="numpy")
    with press_at_run(1), pytest.raises(KeyboardInterrupt):
        HALVES[name](result)


def test_blocks_share_one_interrupt():
    with heeded() as outer:
        with heeded() as inner:
            assert inner is outer is current()
            signal.raise_signal(signal.SIGINT)
        assert outer.seen
        control = np.zeros(1, np.int32)
        with outer.ends(control):
            assert control[0] == Status.INTERRUPTED
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    with pytest.raises(ValueError, match="from the block"), heeded():
        raise ValueError("from the block")
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_other_threads_neither_install_nor_hear_anything():
    def solve():
        with heeded() as interrupt:
            assert threading.current_thread() is not threading.main_thread()
            result = bgd.multistart("himmelblau", starts=100, backend="numpy")
            return interrupt.seen, result.interrupted, len(result.minima)

    with concurrent.futures.ThreadPoolExecutor(2) as pool, heeded() as interrupt:
        assert pool.submit(solve).result() == (False, False, 4)
        signal.raise_signal(signal.SIGINT)
        assert interrupt.seen
        assert pool.submit(solve).result() == (False, False, 4)


def test_a_handler_that_python_does_not_know_stays(monkeypatch):
    monkeypatch.setattr(signal, "getsignal", lambda number: None)
    with heeded(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    monkeypatch.undo()


@pytest.mark.parametrize("phase", PHASES)
def test_the_shell_saves_and_prints_what_was_found(phase, monkeypatch, capsys, tmp_path):
    press, original = Press(in_phase(phase)), bgd.multistart

    @functools.wraps(original)
    def multistart(**options):
        return original(**options | {"progress": press})

    monkeypatch.setattr(bgd, "multistart", multistart)
    code, out, err = shell(capsys, f"run himmelblau --starts 300 --backend numpy --out {tmp_path / 'a'}")
    assert press.times == 0
    assert code == 130, err
    assert f"interrupted while {phase}" in out
    assert err.endswith("interrupted: this is what was found so far\n")
    loaded = bgd.load(tmp_path / "a")
    assert loaded.interrupted
    assert loaded.minima.count.sum() == 300


def test_an_interrupt_while_the_shell_saves_loses_nothing(monkeypatch, capsys, tmp_path):
    original = MultistartResult.save

    def save(*arguments, **options):
        signal.raise_signal(signal.SIGINT)
        return original(*arguments, **options)

    monkeypatch.setattr(MultistartResult, "save", save)
    code, out, _ = shell(capsys, f"run himmelblau --starts 50 --backend numpy --quiet --out {tmp_path / 'a'}")
    assert code == 130
    assert "ended by: GRADIENT 50" in out
    assert len(bgd.load(tmp_path / "a").minima) == 4


def test_the_shell_shows_no_fidelity_of_half_the_sample(monkeypatch, capsys):
    def fidelity(self, sample):
        signal.raise_signal(signal.SIGINT)
        return "half of it"

    monkeypatch.setattr(MultistartResult, "fidelity", fidelity)
    code, out, _ = shell(capsys, "run himmelblau --starts 50 --backend numpy --quiet --fidelity 20")
    assert code == 130
    assert "ended by: GRADIENT 50" in out
    assert "half of it" not in out


def test_the_shell_keeps_the_run_whose_saddles_were_interrupted(monkeypatch, capsys, tmp_path):
    def connect(self, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(MultistartResult, "connect", connect)
    code, _, err = shell(capsys, f"connect himmelblau --starts 50 --backend numpy --out {tmp_path / 'a'}")
    assert code == 130
    assert "without saddles" in err
    assert len(bgd.load(tmp_path / "a").minima) == 4


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process alone")
def test_a_signal_from_outside():
    # The child waits in the phase until it is told that the signal was sent: no timing.
    script = """
        import signal, sys
        import batchgd as bgd

        signal.signal(signal.SIGINT, signal.default_int_handler)
        waited = []

        def wait(update):
            if update.phase == "polishing" and not waited:
                waited.append(update)
                print("polishing", flush=True)
                sys.stdin.readline()

        with bgd.testing.forced(grace=0.0, interval=0.0):
            result = bgd.multistart("himmelblau", starts=300, backend="numpy", progress=wait)
        print(result.interrupted, result.minima.count.sum(), set(result.minima.kind.tolist()))
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout.readline() == "polishing\n"
        child.send_signal(signal.SIGINT)
        out, _ = child.communicate("go\n", timeout=100)
    assert (child.returncode, out) == (0, "True 300 {'unknown'}\n")
