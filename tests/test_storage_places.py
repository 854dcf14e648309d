"""The folder of a saved result: whole or not there, one saver wins, what a killed process left is put in order."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import result_samples as samples

from batchgd import InputError, load
from batchgd.api.storage.folder import appearing
from batchgd.api.storage.storage import save
from batchgd.problem.errors import WriteError


def test_a_folder_in_use_is_refused(tmp_path):
    result = samples.batch(3)
    folder = result.save(tmp_path / "run")
    with pytest.raises(InputError, match="holds a result already; pass overwrite=True"):
        result.save(folder)
    (tmp_path / "other").mkdir()
    result.save(tmp_path / "other")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years of work")
    for overwrite in (False, True):
        with pytest.raises(InputError, match="is not empty and holds no batchgd result"):
            result.save(tmp_path / "mine", overwrite=overwrite)
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "years of work"


def test_overwrite_replaces_the_whole_folder(tmp_path):
    folder = samples.himmelblau(20).save(tmp_path / "run")
    samples.batch(3).save(folder, overwrite=True)
    assert not (folder / "label.npy").exists()
    assert len(load(folder)) == 3
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize(
    ("make", "message"), [("file", "is a file"), ("missing/run", "is not a folder; make it first")]
)
def test_places_that_cannot_hold_a_folder(tmp_path, make, message):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=message):
        samples.batch(3).save(tmp_path / make)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not bind this user")
def test_a_parent_without_permission(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(InputError, match=r"cannot write .*; choose a folder that you can write"):
            samples.batch(3).save(tmp_path / "run")
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize("function", ["fsync", "rename"])
@pytest.mark.parametrize("earlier", [False, True])
def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch, function, earlier):
    folder = tmp_path / "run"
    if earlier:
        samples.batch(5).save(folder)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, function, full)
    with pytest.raises(WriteError, match=r"cannot write .*run: No space left on device"):
        save(samples.batch(3), folder, overwrite=True)
    monkeypatch.undo()
    assert [p.name for p in tmp_path.iterdir()] == (["run"] if earlier else [])
    if earlier:
        assert len(load(folder)) == 5


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_a_full_disk_is_named_as_the_cause(tmp_path):
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 19, limits[1]))
    try:
        with pytest.raises(WriteError, match="File too large"):  # not "100000 requested and 61936 written"
            samples.batch(100_000).save(tmp_path / "run")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), KeyboardInterrupt()])
def test_an_interruption_leaves_the_earlier_result(tmp_path, monkeypatch, error):
    folder = samples.batch(5).save(tmp_path / "run")
    true_rename = os.rename

    def fails_at_the_second(source, target):
        if str(source).endswith(".partial"):
            raise error
        true_rename(source, target)

    monkeypatch.setattr(os, "rename", fails_at_the_second)
    with pytest.raises(KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else WriteError):
        save(samples.batch(3), folder, overwrite=True)
    assert len(load(folder)) == 5
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


KILLED = """
import os, signal, sys
sys.path.insert(0, {tests!r})
import result_samples
call, number = {call!r}, {number}
def dies(*arguments, true=getattr(os, call), calls=[]):
    calls.append(1)
    if len(calls) == number:
        os.kill(os.getpid(), signal.SIGKILL)
    return true(*arguments)
setattr(os, call, dies)
result_samples.batch(3).save({folder!r}, overwrite=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize(("call", "number"), [("fsync", 3), ("rename", 2)])
def test_what_a_killed_save_left_is_put_in_order(tmp_path, call, number):
    folder = samples.batch(5).save(tmp_path / "run")
    script = KILLED.format(tests=str(Path(__file__).parent), call=call, number=number, folder=str(folder))
    assert subprocess.run([sys.executable, "-c", script]).returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 2  # what it was writing, and the earlier result
    assert folder.exists() == (call == "fsync")
    assert len(load(folder)) == 5
    with pytest.raises(InputError, match="holds a result already"):
        samples.batch(4).save(folder)
    samples.batch(4).save(folder, overwrite=True)
    assert [p.name for p in tmp_path.iterdir()] == ["run"]
    assert len(load(folder)) == 4


def test_the_shell_puts_it_in_order_before_it_runs(tmp_path):
    from batchgd.cli.destinations import check_folder

    samples.batch(5).save(tmp_path / ".run.0123abcd.partial.old")
    with pytest.raises(InputError, match="holds a result already"):
        check_folder(str(tmp_path / "run"), overwrite=False)
    assert len(load(tmp_path / "run")) == 5


def _at_once(savers):
    threads = [threading.Thread(target=saver) for saver in savers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_of_several_savers_one_wins(tmp_path):
    ready, outcomes = threading.Barrier(4), []

    def saver(n, folder):
        ready.wait()
        try:
            samples.batch(n).save(folder)
            outcomes.append(n)
        except InputError as error:
            outcomes.append(str(error))

    for i in range(10):
        outcomes.clear()
        folder = tmp_path / str(i)
        _at_once([lambda n=n, folder=folder: saver(n, folder) for n in range(2, 6)])
        won = [n for n in outcomes if isinstance(n, int)]
        assert len(won) == 1, outcomes
        assert all("holds a result already" in said for said in outcomes if said not in won)
        assert len(load(folder)) == won[0]
    assert len(list(tmp_path.iterdir())) == 10


def test_savers_that_overwrite_each_other_leave_one_whole_result(tmp_path):
    def saver(n):
        for _ in range(5):
            samples.batch(n).save(tmp_path / "run", overwrite=True)

    _at_once([lambda n=n: saver(n) for n in range(2, 6)])
    assert len(load(tmp_path / "run")) in range(2, 6)
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no locks on folders")
def test_what_another_process_is_writing_stays(tmp_path):
    target = tmp_path / "run"

    def saved_meanwhile():
        with appearing(target, overwrite=False) as staging:
            (staging / "x.npy").write_bytes(b"half")
            samples.batch(4).save(target)
            assert (staging / "x.npy").exists()

    with pytest.raises(InputError, match="holds a result already"):
        saved_meanwhile()
    assert [p.name for p in tmp_path.iterdir()] == ["run"]
    (tmp_path / ".run.0123abcd.partial").mkdir()
    (tmp_path / ".run.0123abcd.partial" / "x.npy").write_bytes(b"half")
    samples.batch(3).save(target, overwrite=True)
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("name", ["a\0b", "x" * 5000, "x" * 300])
def test_names_that_no_disk_takes(tmp_path, name):
    for use in (samples.batch(3).save, load):
        with pytest.raises(InputError) as caught:
            use(f"{tmp_path}/{name}")
        assert "\n" not in str(caught.value)


def test_a_link_leads_to_the_folder_that_is_written(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "run")
    assert samples.batch(3).save(tmp_path / "link") == tmp_path / "run"
    samples.batch(4).save(tmp_path / "link", overwrite=True)
    assert (tmp_path / "link").is_symlink()
    assert len(load(tmp_path / "link")) == 4
