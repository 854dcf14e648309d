"""Executors that treat their calls badly: they lose, delay, reorder, repeat or falsify what comes back."""

import pickle
import random
import time
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ThreadPoolExecutor

from batchgd.api.executors import worker


class Elsewhere(Executor):
    """Another process, in threads of this one: it gets what was pickled, and is not told what this one knows.

    ``fault(order, attempt)`` names what goes wrong with a call: one of the methods below, or None.
    """

    def __init__(self, workers=2, fault=lambda order, attempt: None, seed=0):
        self._pool, self._fault, self._random = ThreadPoolExecutor(workers), fault, random.Random(seed)
        self.orders, self.largest, self._last = [], 0, None
        self.others = []

    def submit(self, fn, /, order, attempt):
        if not self.orders:
            worker.forget(order.name)
        self.orders.append(order)
        sent = pickle.dumps((fn, order, attempt))
        self.largest = max(self.largest, len(sent))
        fault = self._fault(order, attempt)
        if fault in ("hangs", "refuses to begin"):
            future = Future()
            if fault == "hangs":
                future.set_running_or_notify_cancel()
            return future
        if fault == "shut down":
            raise RuntimeError("cannot schedule new futures after shutdown")
        return self._pool.submit(self._run, sent, fault)

    def _run(self, sent, fault):
        fn, order, attempt = pickle.loads(sent)
        time.sleep(self._random.uniform(0.0, 0.003))
        if fault == "dies":
            raise BrokenExecutor("a worker died")
        if fault == "is cancelled":
            raise CancelledError
        if fault == "fails":
            return tuple(worker.Answer(worker.FAILED, "w", "ValueError: bad\x1b[2Jpoint"))
        answer = fn(order, attempt)
        before, self._last = self._last or answer, answer
        parts = answer.parts
        return {
            None: answer,
            "garbage": b"\x80garbage",
            "none": None,
            "short": tuple(answer)[:3],
            "another": before,
            "bit": answer._replace(parts=tuple(flipped(part) for part in parts)),
            "forged": forged(answer, tuple(flipped(part) for part in parts)),
            "checksum": answer._replace(digest="0" * 64),
            "empty": forged(answer, ()),
            "text": forged(answer, (b"not a part",)),
            "twice": forged(answer, parts + parts),
        }[fault]

    def shutdown(self, wait=True, *, cancel_futures=False):
        self._pool.shutdown(wait, cancel_futures=cancel_futures)


WRONG = ("dies", "fails", "garbage", "none", "bit", "forged", "another")
WRONG += ("is cancelled", "short", "checksum", "empty", "text", "twice")


def flipped(content):
    changed = bytearray(content)
    if changed:
        changed[len(changed) // 2] ^= 4
    return bytes(changed)


def forged(answer, parts):
    """The answer with other parts and the right checksum."""
    return answer._replace(parts=parts, digest=worker.digest_of(parts))
