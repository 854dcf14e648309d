"""What a run in parts survives: killed processes, power cuts, a full disk, too little memory, a lost device."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from runs_in_parts import SETTINGS, files, solve
from same_results import differing

import batchgd as bgd
from batchgd.api.testing import forced, no_work, watched

KILLED = """
import sys, batchgd as bgd
with bgd.testing.forced(part=300):
    bgd.multistart("rastrigin", dim=2, starts=2000, backend="numpy", maxiter=200, run=sys.argv[1], progress=print)
"""


@pytest.mark.parametrize("seed", range(2))
def test_killed_at_random_moments(tmp_path, whole, seed):
    """SIGKILL, again and again, until the run is done: nothing is lost, and nothing else than the whole comes out."""
    rng = np.random.default_rng(seed)
    for _ in range(3):
        child = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stderr=subprocess.PIPE)
        before, wanted, since = len(files(tmp_path)), int(rng.integers(1, 3)), time.monotonic()
        while child.poll() is None and len(files(tmp_path)) < before + wanted and time.monotonic() < since + 30:
            time.sleep(0.002)
        time.sleep(float(rng.uniform(0.0, 0.02)))
        child.send_signal(signal.SIGKILL)
        child.communicate()
    assert files(tmp_path)
    assert differing(solve(tmp_path), whole) == []
    assert {path.name for path in Path(tmp_path).rglob(".*")} == {".lock"}


def test_two_processes_share_a_run(tmp_path, whole):
    children = [subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)]) for _ in range(2)]
    assert [child.wait() for child in children] == [0, 0]
    with no_work():
        assert differing(solve(tmp_path), whole) == []
    assert [name for name in os.listdir(tmp_path / "parts") if name.startswith(".")] == []


class Disk:
    """What of a folder is on the disk, so that it survives a power cut: what was flushed, and nothing else."""

    def __init__(self, root, monkeypatch):
        self.root, self.entries, self.content, self.states = root, {}, {}, []
        flush, take_name = os.fsync, {name: getattr(os, name) for name in ("replace", "link", "rename")}

        def fsync(handle):
            flush(handle)
            path = Path(os.readlink(f"/proc/self/fd/{handle}"))
            if path.is_dir():
                self.entries[path] = [(each.name, each.stat().st_ino) for each in path.iterdir()]
            else:
                self.content[os.fstat(handle).st_ino] = path.read_bytes()
            if self.tree() not in self.states:
                self.states.append(self.tree())

        def named(name):
            def take(source, target, **options):
                assert self.content[os.stat(source).st_ino] == Path(source).read_bytes()  # it may be durable at once
                take_name[name](source, target, **options)

            return take

        monkeypatch.setattr(os, "fsync", fsync)
        for name in take_name:
            monkeypatch.setattr(os, name, named(name))

    def tree(self, folder=None):
        """The durable files: their paths and contents; b"" for those that were never flushed."""
        folder, found = self.root if folder is None else folder, {}
        for name, inode in self.entries.get(folder, []):
            path = folder / name
            found |= self.tree(path) if path.is_dir() else {path.relative_to(self.root): self.content.get(inode, b"")}
        return found


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="the name of an open file is not known")
def test_a_power_cut_at_any_moment(tmp_path, whole, monkeypatch):
    root = tmp_path / "disk"
    root.mkdir()
    with monkeypatch.context() as patched:
        disk = Disk(root, patched)
        solve(root / "new" / "run")
    assert len([path for path in disk.states[-1] if path.suffix == ".npz"]) == 7
    for k, state in enumerate(disk.states):
        for path, content in state.items():
            (tmp_path / str(k) / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / str(k) / path).write_bytes(content)
        assert differing(solve(tmp_path / str(k) / "new" / "run"), whole) == []
    with no_work():
        solve(tmp_path / str(k) / "new" / "run")


def test_out_of_memory_halves_a_part(tmp_path, whole):
    class CudaAPIError(Exception):
        pass

    def full(batch):
        if batch.starts.n > 800:
            raise CudaAPIError("[2] Call to cuMemAlloc results in CUDA_ERROR_OUT_OF_MEMORY")

    with watched(full), forced(part=1000):
        assert differing(bgd.multistart("rastrigin", **SETTINGS, run=tmp_path), whole) == []
    assert len(files(tmp_path)) == 4


def test_half_a_part_is_saved_before_the_other_half_begins(tmp_path, whole):
    begun = []

    def full(batch):
        if batch.starts.n > 600:
            raise MemoryError
        begun.append((batch.starts.number, len(files(tmp_path))))

    with watched(full), forced(part=1000):
        assert differing(bgd.multistart("rastrigin", **SETTINGS, run=tmp_path), whole) == []
    assert begun == [(0, 0), (500, 1), (1000, 2), (1500, 3)]


def test_a_lost_device_leaves_what_is_done(tmp_path, whole):
    class CudaAPIError(Exception):
        pass

    def lose(batch):
        if batch.starts.number == 900:
            raise CudaAPIError("[719] CUDA_ERROR_LAUNCH_FAILED")

    with watched(lose), pytest.raises(bgd.InputError, match=r"the device was lost .* go on with backend='cpu'"):
        solve(tmp_path)
    assert len(files(tmp_path)) == 3
    assert differing(solve(tmp_path), whole) == []


FULL = """
import resource, sys, batchgd as bgd

def fill(partial):
    if partial.n == 600:
        resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, 9_000))

try:
    with bgd.testing.forced(part=300):
        bgd.multistart(
            "rastrigin", dim=2, starts=2000, backend="numpy", maxiter=200, run=sys.argv[1], callback=fill
        )
except bgd.InputError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="files have no limit there")
def test_a_disk_that_is_full_leaves_what_is_done(tmp_path, whole):
    """After two parts the kernel refuses to write more than 9,000 bytes, as it does when a disk is full."""
    child = subprocess.run([sys.executable, "-c", FULL, tmp_path], capture_output=True, text=True, check=True)
    assert child.stdout.endswith(": File too large; what is done is saved: make room, and repeat the call\n")
    assert child.stdout.count("\n") == 1
    assert len(files(tmp_path)) == 2
    assert not [*(tmp_path / "parts").glob(".*")]
    assert differing(solve(tmp_path), whole) == []


def test_a_disk_without_room_for_one_more_file(tmp_path, whole, monkeypatch):
    create = os.open

    def full(path, flags, *mode, **options):
        if str(path).endswith("600-00000000000900.npz.claim"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return create(path, flags, *mode, **options)

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", full)
        with pytest.raises(bgd.InputError, match="No space left on device; what is done is saved: make room, and repe"):
            solve(tmp_path)
    assert len(files(tmp_path)) == 2
    assert differing(solve(tmp_path), whole) == []
