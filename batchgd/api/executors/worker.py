"""What runs in a worker: an order becomes the bytes of a part."""

from __future__ import annotations

import hashlib
import io
import os
import threading
from collections import OrderedDict
from typing import NamedTuple

from batchgd.api.executors.order import Order, here, unpack
from batchgd.api.runs.part import Part, machine, put_part
from batchgd.api.runs.task import compute
from batchgd.compiler.plain.calls import recorded
from batchgd.engine.batch import Batch
from batchgd.engine.progress import Watch
from batchgd.problem.errors import InputError, printable

MADE, UNKNOWN, REFUSED, FAILED = "made", "unknown", "refused", "failed"


class Answer(NamedTuple):
    """The answer to an order, of plain types.

    Attributes
    ----------
    kind : str
        ``MADE``; ``UNKNOWN``: the batch is wanted; ``REFUSED``: this worker cannot make parts of this run; ``FAILED``.
    worker : str
        The machine and the process.
    text : str
        Why it was refused, or failed.
    parts : tuple of bytes
        The files of the parts; several if the memory was too small for one.
    digest : str
        The SHA-256 of them.
    calls : (int, str)
        How many calls of a plain function returned, and what happened to one that did not.
    """

    kind: str
    worker: str
    text: str = ""
    parts: tuple[bytes, ...] = ()
    digest: str = ""
    calls: tuple[int, str] = (0, "")


_KEPT = 4
_lock = threading.Lock()
_batches: OrderedDict[str, Batch] = OrderedDict()
"""The batches that this process knows, the latest last."""


def know(name: str, batch: Batch) -> None:
    """Keep a batch under its name."""
    with _lock:
        _batches[name] = batch
        _batches.move_to_end(name)
        while len(_batches) > _KEPT:
            _batches.popitem(last=False)


def forget(name: str) -> None:
    """Forget a batch."""
    with _lock:
        _batches.pop(name, None)


def work(order: Order, attempt: int) -> Answer:
    """Make a part. ``attempt`` numbers the orders of a run: some executors take equal calls for one."""
    thread = threading.current_thread()
    own = "" if thread is threading.main_thread() else f" ({thread.name})"
    me = f"process {os.getpid()}{own} on {machine()}"
    found = here(order.versions)
    if found != order.versions:
        name = next(name for name in found if found[name] != order.versions[name])
        text = f"has {name} {found[name]}, and this process {order.versions[name]}: give both the same"
        return Answer(REFUSED, me, text)
    with _lock:
        batch = _batches.get(order.name)
    if batch is None:
        if order.packed is None:
            return Answer(UNKNOWN, me)
        try:
            batch = unpack(order.packed)
        except InputError as error:
            return Answer(REFUSED, me, f"cannot make parts of this run: {error}")
        except Exception as error:  # the code of a user is loaded
            return Answer(REFUSED, me, f"cannot load the function: {_shown(error)}")
        know(order.name, batch)
    try:
        with recorded() as calls:
            made = list(compute(batch, *order.part, rows=order.rows, watch=Watch()))
    except Exception as error:
        return Answer(FAILED, me, _shown(error))
    parts = tuple(_as_bytes(part, order.name.split("-")[0]) for part in made)
    return Answer(MADE, me, "", parts, digest_of(parts), (calls.returned, calls.trouble))


def _as_bytes(part: Part, configuration: str) -> bytes:
    file = io.BytesIO()
    put_part(file, part, configuration)
    return file.getvalue()


def digest_of(parts: tuple[bytes, ...]) -> str:
    """Return the checksum of some parts."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _shown(error: BaseException) -> str:
    return printable(f"{type(error).__name__}: {' '.join(str(error).split())}")
