"""Claims: which process is computing which part, so that several of them can share the parts of one run.

A claim is a file ``.<part>.claim`` that names its holder. It is locked as long as the holder lives, and touched every
few seconds. It is void if the lock is gone (the holder was on this machine and ended), or if it was not touched for a
minute (the holder was elsewhere). Nothing depends on a claim but time: two processes that compute one part write the
same bits.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from batchgd.api.runs.part import machine, writing
from batchgd.api.storage.archive import read_json
from batchgd.api.storage.files import lock
from batchgd.problem.errors import InputError, printable

BEAT, VOID_AFTER = 5.0, 60.0
"""Seconds between two signs of life, and after which a claim without one is void."""

_MOST_BYTES = 4096


@contextlib.contextmanager
def claimed(part: Path) -> Iterator[str | None]:
    """Claim a part while the block runs; yields None, or the holder in words if another process has the part."""
    claim = part.with_name(f".{part.name}.claim")
    with contextlib.ExitStack() as stack:
        handle = _take(claim) or (_take_over(claim) if _is_void(claim) else None)
        if handle is None:
            yield _holder(claim)
            return
        stack.callback(_give_back, claim, handle)
        stack.enter_context(_beating(handle))
        yield None


def remove_void(folder: Path) -> None:
    """Remove the claims of processes that have ended."""
    for claim in folder.glob(".*.claim"):
        if _is_void(claim):
            with contextlib.suppress(OSError):
                claim.unlink()


def _take(claim: Path) -> int | None:
    """Make and lock the claim; None if there is one. Raises WriteError if the disk is full."""
    with writing(claim):
        try:
            handle = os.open(claim, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        except FileExistsError:
            return None
        lock(handle)
        try:
            os.write(handle, json.dumps({"machine": machine(), "process": os.getpid()}).encode())
        except OSError:
            _give_back(claim, handle)
            raise
        return handle


def _take_over(claim: Path) -> int | None:
    with contextlib.suppress(FileNotFoundError):
        claim.unlink()
    return _take(claim)


def _is_void(claim: Path) -> bool:
    """Whether the holder of a claim has ended."""
    try:
        handle = os.open(claim, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return not claim.is_symlink()  # it is gone
    try:
        if _now(claim) - os.fstat(handle).st_mtime > VOID_AFTER:
            return True
        return _is_ours(claim) and lock(handle)
    finally:
        os.close(handle)


def _now(claim: Path) -> float:
    """The time on the disk's clock, which may not be this machine's."""
    probe = claim.with_name(f".{os.getpid()}.clock")
    try:
        probe.touch()
        return probe.stat().st_mtime
    except OSError:
        return time.time()
    finally:
        with contextlib.suppress(OSError):
            probe.unlink()


def _is_ours(claim: Path) -> bool:
    """Whether the holder is on this machine; one that was killed before it wrote its name counts as well."""
    return _fields(claim).get("machine", machine()) == machine()


def _fields(claim: Path) -> dict[str, object]:
    try:
        fields = read_json(claim, _MOST_BYTES)
    except InputError:
        return {}
    return fields if isinstance(fields, dict) else {}


def _holder(claim: Path) -> str:
    fields = _fields(claim)
    return printable(f"process {fields.get('process', '?')} on {fields.get('machine', '?')}")


def _give_back(claim: Path, handle: int) -> None:
    """Remove the claim, unless another process took it over meanwhile."""
    ours = False
    with contextlib.suppress(OSError):
        ours = os.path.samestat(os.stat(claim), os.fstat(handle))
    os.close(handle)
    if ours:
        with contextlib.suppress(OSError):
            claim.unlink()


_lock = threading.Lock()
_held: set[int] = set()
_beater: threading.Thread | None = None


@contextlib.contextmanager
def _beating(handle: int) -> Iterator[None]:
    """Touch the claim every few seconds while the block runs; one thread touches all claims of this process."""
    global _beater
    with _lock:
        _held.add(handle)
        if _beater is None or not _beater.is_alive():
            _beater = threading.Thread(target=_beat, name="batchgd-claims", daemon=True)
            _beater.start()
    try:
        yield
    finally:
        with _lock:
            _held.discard(handle)


def _beat() -> None:
    """Touch what is held, until nothing is."""
    global _beater
    while True:
        time.sleep(BEAT)
        with _lock:
            if not _held:
                _beater = None
                return
            for handle in _held:
                with contextlib.suppress(OSError, TypeError):  # Windows touches no open file
                    os.utime(handle)
