"""The file of a saved result: whole or not there, one saver wins, what a killed process left is put in order."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import result_samples as samples

from batchgd import InputError, load
from batchgd.api.storage.files import appearing
from batchgd.api.storage.save import save
from batchgd.problem.errors import WriteError


def test_a_name_in_use_is_refused(tmp_path):
    result = samples.batch(3)
    file = result.save(tmp_path / "run")
    with pytest.raises(InputError, match="already contains a result; pass overwrite=True"):
        result.save(file)
    (tmp_path / "other").mkdir()
    (tmp_path / "thesis.tex").write_text("years of work")
    for overwrite in (False, True):
        with pytest.raises(InputError, match=r"is a folder; give a file in it, such as .*result.npz"):
            result.save(tmp_path / "other", overwrite=overwrite)
        with pytest.raises(InputError, match=r"thesis.tex exists and is not a batchgd result"):
            result.save(tmp_path / "thesis.tex", overwrite=overwrite)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_overwrite_replaces_the_file(tmp_path):
    file = samples.himmelblau(20).save(tmp_path / "run")
    samples.batch(3).save(file, overwrite=True)
    assert len(load(file)) == 3
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("place", ["file/run", "missing/run"])
def test_places_that_cannot_hold_a_file(tmp_path, place):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is not a folder; create it first"):
        samples.batch(3).save(tmp_path / place)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not bind this user")
def test_a_parent_without_permission(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(InputError, match=r"cannot write .*; choose a folder that you can write"):
            samples.batch(3).save(tmp_path / "run")
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("earlier", [False, True])
@pytest.mark.parametrize("step", ["fsync", "name"])
def test_a_failure_leaves_what_was_there(tmp_path, monkeypatch, step, earlier, error):
    file = tmp_path / "run"
    if earlier:
        samples.batch(5).save(file)

    def full(*_):
        raise error

    for function in ("fsync",) if step == "fsync" else ("replace", "rename", "link"):
        monkeypatch.setattr(os, function, full)
    with pytest.raises(KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else WriteError) as caught:
        save(samples.batch(3), file, overwrite=earlier)
    monkeypatch.undo()
    if isinstance(error, OSError):
        assert "run: No space left on device; choose a folder that you can write" in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == (["run"] if earlier else [])
    if earlier:
        assert len(load(file)) == 5


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


KILLED = """
import os, signal, sys
sys.path.insert(0, {tests!r})
import result_samples
def dies(*_):
    os.kill(os.getpid(), signal.SIGKILL)
setattr(os, {call!r}, dies)
result_samples.batch(3).save({file!r}, overwrite={overwrite})
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("call", ["fsync", "replace", "unlink"])
def test_what_a_killed_save_left_is_put_in_order(tmp_path, call):
    file = tmp_path / "run"
    if call != "unlink":  # of the second name that a new file has for a moment
        samples.batch(5).save(file)
    script = KILLED.format(
        tests=str(Path(samples.__file__).parent), call=call, file=str(file), overwrite=call != "unlink"
    )
    assert subprocess.run([sys.executable, "-c", script]).returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 2  # what it was writing as well
    assert len(load(file)) == (3 if call == "unlink" else 5)
    with pytest.raises(InputError, match="already contains a result"):
        samples.batch(4).save(file)
    samples.batch(4).save(file, overwrite=True)
    assert [p.name for p in tmp_path.iterdir()] == ["run"]
    assert len(load(file)) == 4


def test_a_disk_without_hard_links(tmp_path, monkeypatch):
    def refused(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    file = samples.batch(3).save(tmp_path / "run")
    with appearing(tmp_path / "other", overwrite=False) as other:
        other.write(b"first")
    with pytest.raises(FileExistsError), appearing(tmp_path / "other", overwrite=False) as other:
        other.write(b"second")
    assert (tmp_path / "other").read_bytes() == b"first"
    assert len(load(file)) == 3


def _at_once(savers):
    threads = [threading.Thread(target=saver) for saver in savers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_of_several_savers_one_wins(tmp_path):
    ready, outcomes = threading.Barrier(4), []

    def saver(n, file):
        ready.wait()
        try:
            samples.batch(n).save(file)
            outcomes.append(n)
        except InputError as error:
            outcomes.append(str(error))

    for i in range(10):
        outcomes.clear()
        file = tmp_path / str(i)
        _at_once([lambda n=n, file=file: saver(n, file) for n in range(2, 6)])
        won = [n for n in outcomes if isinstance(n, int)]
        assert len(won) == 1, outcomes
        assert all("already contains a result" in message for message in outcomes if message not in won)
        assert len(load(file)) == won[0]
    assert len(list(tmp_path.iterdir())) == 10


def test_savers_that_overwrite_each_other_leave_one_whole_result(tmp_path):
    def saver(n):
        for _ in range(5):
            samples.batch(n).save(tmp_path / "run", overwrite=True)

    _at_once([lambda n=n: saver(n) for n in range(2, 6)])
    assert len(load(tmp_path / "run")) in range(2, 6)
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such locks")
def test_what_another_process_is_writing_stays(tmp_path):
    target = tmp_path / "run"

    def saved_meanwhile():
        with appearing(target, overwrite=False) as file:
            file.write(b"half")
            samples.batch(4).save(target)
            assert Path(file.name).exists()

    with pytest.raises(FileExistsError):
        saved_meanwhile()
    assert [p.name for p in tmp_path.iterdir()] == ["run"]
    (tmp_path / ".run.0123abcd.partial").write_bytes(b"half")
    samples.batch(3).save(target, overwrite=True)
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("name", ["a\0b", "x" * 5000, "x" * 300])
def test_names_that_no_disk_takes(tmp_path, name):
    for use in (samples.batch(3).save, load):
        with pytest.raises(InputError) as caught:
            use(f"{tmp_path}/{name}")
        assert "\n" not in str(caught.value)


def test_a_link_leads_to_the_file_that_is_written(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "run")
    assert samples.batch(3).save(tmp_path / "link") == tmp_path / "run"
    samples.batch(4).save(tmp_path / "link", overwrite=True)
    assert (tmp_path / "link").is_symlink()
    assert len(load(tmp_path / "link")) == 4
