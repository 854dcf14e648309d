"""The desk: hands out the parts of a run to an executor, and deals with answers that are late, wrong or missing.

Of the executor only ``submit`` is used, and of its futures ``add_done_callback``, ``result``, ``running`` and
``cancel``. A part may be made twice, and answers come in any order: a part depends on nothing but its range, so the
first right answer is as good as any.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Future
from dataclasses import dataclass, field
from typing import Any

from batchgd.api.executors.local import WorkerDied
from batchgd.api.executors.order import SMALL, Order, Packed, Versions
from batchgd.api.executors.worker import FAILED, MADE, REFUSED, UNKNOWN, Answer, digest_of, work
from batchgd.api.runs.events import log
from batchgd.api.runs.part import Part
from batchgd.api.runs.split import Range
from batchgd.compiler.plain.calls import take_note
from batchgd.problem.errors import InputError, printable

AHEAD = 4
"""Orders under way besides two for each worker that has answered."""

LATE, SLOW, LEAST = 4.0, 1.5, 1.0
"""An order is late after this many times the longest time for its number of starts so far, but not before this many
seconds. Near the end, a free worker also makes a part that takes 1.5 times as long."""

MOST_FAILURES, MOST_DEATHS, MOST_LATE = 3, 6, 3
"""Exceptions (or wrong answers), ends of workers, and late orders after which a part is not sent again."""


@dataclass
class Outcome:
    """What became of a part.

    Attributes
    ----------
    made : list of (Part, bytes)
        The part, or the parts that it was split into; empty if it was not made.
    error : str
        Why no worker can make it; empty if it may be made in this process.
    suspect : bool
        Whether it was under way when the executor broke.
    """

    part: Range
    made: list[tuple[Part, bytes]] = field(default_factory=list)
    error: str = ""
    suspect: bool = False
    worker: str = ""


@dataclass
class _Wanted:
    """A part that is to be made: orders of it under way, and what went wrong with others."""

    part: Range
    orders: set[Future[Any]] = field(default_factory=set)
    failures: int = 0
    deaths: int = 0
    late: int = 0
    suspect: bool = False


@dataclass
class _Sent:
    """An order under way; ``began`` is when its turn came, at the earliest."""

    wanted: _Wanted
    packed: bool
    began: float | None = None
    late: bool = False


class Desk:
    """Hands out parts.

    Parameters
    ----------
    executor : Executor
        Who makes them.
    packed : Packed
        The batch.
    needed : dict
        The versions that workers must have.
    rows : bool
        Whether parts have rows.
    opened : callable
        ``opened(part, contents)`` returns the parts from their bytes; InputError if they are not those of this range.
    """

    def __init__(
        self,
        executor: Any,
        packed: Packed,
        needed: Versions,
        *,
        rows: bool,
        opened: Callable[[Range, tuple[bytes, ...]], list[Part]],
    ) -> None:
        self._executor, self._packed, self._needed, self._rows, self._opened = executor, packed, needed, rows, opened
        self._sent: dict[Future[Any], _Sent] = {}
        self._wanted: dict[Range, _Wanted] = {}
        self._answered: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()
        self._outcomes: list[Outcome] = []
        self._attempts, self._late = 0, 0
        self._rate, self._overhead, self.made = 0.0, 0.0, 0
        self.workers: set[str] = set()
        self.broken = ""
        self.again = 0

    @property
    def has_room(self) -> bool:
        """Whether workers may be idle unless more is sent."""
        return not self.broken and len(self._sent) - self._late < 2 * len(self.workers) + AHEAD

    @property
    def idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._wanted and not self._outcomes

    def send(self, part: Range) -> None:
        """Have a part made."""
        self._wanted[part] = _Wanted(part)
        self._order(self._wanted[part])

    def outcomes(self, seconds: float, *, last: bool) -> Iterator[Outcome]:
        """Wait for answers so long at most; ``last`` says that nothing else will be sent."""
        try:
            self._take(self._answered.get(timeout=0.0 if self._outcomes else seconds))
            while True:
                self._take(self._answered.get_nowait())
        except queue.Empty:
            pass
        self._look(last)
        while self._outcomes:
            yield self._outcomes.pop(0)

    def close(self) -> None:
        """Ask for nothing any more."""
        for future in [*self._sent]:
            future.cancel()
        self._sent.clear()
        self._wanted.clear()

    # Orders

    def _order(self, wanted: _Wanted, *, packed: bool = False) -> None:
        content = self._packed.content
        carried = content if packed or not self.made or (content is not None and len(content) <= SMALL) else None
        self._attempts += 1
        order = Order(self._packed.name, wanted.part, self._rows, self._needed, carried)
        try:
            future = self._executor.submit(work, order, self._attempts)
        except Exception as error:  # it was shut down, or has broken
            self._breaks(error)
            if not wanted.orders:
                self._ends(wanted)
            return
        wanted.orders.add(future)
        self._sent[future] = _Sent(wanted, carried is not None)
        future.add_done_callback(self._answered.put)

    def _again(self, wanted: _Wanted, why: str) -> None:
        log("again", first=wanted.part[0], stop=wanted.part[1], why=why)
        self.again += 1
        self._order(wanted)

    def _breaks(self, error: BaseException) -> None:
        if not self.broken:
            self.broken = _shown(error)
            log("broken", error=self.broken)

    def _ends(self, wanted: _Wanted, **fields: Any) -> None:
        """Have done with a part: nothing else is expected of it."""
        del self._wanted[wanted.part]
        for future in wanted.orders:
            if self._sent[future].late or not future.running():
                future.cancel()
        self._outcomes.append(Outcome(wanted.part, suspect=wanted.suspect, **fields))

    # Answers

    def _take(self, future: Future[Any]) -> None:
        sent = self._sent.pop(future, None)
        if sent is None:
            return
        self._late -= sent.late
        wanted, now = sent.wanted, time.monotonic()
        wanted.orders.discard(future)
        try:
            answer: Answer | Exception = _checked(future.result())
        except Exception as error:
            answer = error
        if self._wanted.get(wanted.part) is not wanted:
            return  # another order of it was answered first
        if isinstance(answer, BaseException):
            self._misses(wanted, answer, begun=sent.began is not None)
            return
        self.workers.add(answer.worker)
        if answer.kind == REFUSED:
            raise InputError(f"the worker, {answer.worker}, {answer.text}")
        if answer.kind == UNKNOWN and not sent.packed:
            if self._packed.content is None:
                raise InputError(
                    f"this run cannot be sent to other processes ({self._packed.problem}): define what is called with "
                    "def at the top of a module, or install cloudpickle"
                )
            self._order(wanted, packed=True)
            return
        if answer.kind == MADE:
            try:
                made = [*zip(self._opened(wanted.part, answer.parts), answer.parts, strict=True)]
            except InputError as error:
                self._misses(wanted, error)
                return
            self._learns([part for part, _ in made], now - (now if sent.began is None else sent.began))
            take_note(*_calls(answer))
            self._ends(wanted, made=made, worker=answer.worker)
        else:
            self._misses(wanted, answer)

    def _misses(self, wanted: _Wanted, answer: Answer | BaseException, *, begun: bool = True) -> None:
        """An order came to nothing: send it again, unless it did too often."""
        why = printable(answer.text) if isinstance(answer, Answer) else _shown(answer)
        if isinstance(answer, BrokenExecutor):
            wanted.suspect |= begun
        if isinstance(answer, BrokenExecutor | WorkerDied):
            wanted.deaths += begun  # those that waited have no part in it
        else:
            wanted.failures += 1
        if wanted.orders:
            return  # another order of it is under way
        if wanted.failures < MOST_FAILURES and wanted.deaths < MOST_DEATHS:
            self._again(wanted, why)
        else:
            fault = isinstance(answer, InputError | CancelledError)  # of the worker, or of what is in between
            self._ends(wanted, error="" if fault else why)

    # Orders that take long

    def _learns(self, made: list[Part], seconds: float) -> None:
        """Learn how long parts take, per start and besides."""
        work, starts = sum(map(seconds_of, made)), sum(part.stop - part.first for part in made)
        self._rate = max(self._rate, min(work, seconds) / starts)
        self._overhead = max(self._overhead, seconds - work)
        self.made += 1

    def _look(self, last: bool) -> None:
        """Send again what is late; near the end also what is slow, if a worker is free for it."""
        now, under_way = time.monotonic(), len(self._sent) - self._late
        turns = max(1, len(self.workers)) + self._late
        for sent in [*self._sent.values()][:turns]:
            sent.began = now if sent.began is None else sent.began
            age, wanted = now - sent.began, sent.wanted
            if not self.made or sent.late or self._wanted.get(wanted.part) is not wanted:
                continue
            longest = self._overhead + self._rate * (wanted.part[1] - wanted.part[0])
            if age > max(LATE * longest, LEAST):
                sent.late = True
                self._late += 1
                wanted.late += 1
                if wanted.late < MOST_LATE:
                    self._again(wanted, "late")
                elif all(self._sent[future].late for future in wanted.orders):
                    self._ends(wanted)
            elif (
                last and under_way < len(self.workers) and len(wanted.orders) == 1 and age > SLOW * longest + LEAST / 2
            ):
                under_way += 1
                self._again(wanted, "slow")


def seconds_of(part: Part) -> float:
    """Return the seconds of work that a part took, as its worker says."""
    seconds = part.statistics.get("seconds")
    return float(seconds) if isinstance(seconds, int | float) and seconds > 0.0 else 0.0


def _checked(answer: Any) -> Answer | InputError:
    """The answer, if it is one."""
    if isinstance(answer, tuple) and len(answer) == len(Answer._fields):
        answer = Answer(*answer)
        kinds = (MADE, UNKNOWN, REFUSED, FAILED)
        texts = all(isinstance(each, str) for each in (answer.kind, answer.worker, answer.text, answer.digest))
        parts = isinstance(answer.parts, tuple) and all(isinstance(each, bytes) for each in answer.parts)
        if texts and parts and answer.kind in kinds:
            if answer.digest == (digest_of(answer.parts) if answer.kind == MADE else ""):
                return answer
            return InputError("the answer has another checksum than its parts")
    return InputError("the answer is not one of a worker")


def _calls(answer: Answer) -> tuple[int, list[str]]:
    returned, trouble = answer.calls
    return int(returned), [printable(str(trouble))] if trouble else []


def _shown(error: BaseException) -> str:
    return printable(f"{type(error).__name__}: {' '.join(str(error).split())}".removesuffix(": "))
