"""The discovery curve of a run in one line of text, while it is running: does it still find something new?"""

from __future__ import annotations

from bisect import bisect_right

LEVELS = "▁▂▃▄▅▆▇█"
_WIDTH = 12
_MOST = 256
"""Points that are remembered; then every other one is forgotten, and further ones are as far apart."""


class Discovery:
    """What was found, against the starts that it took: a curve that is flat at its end has found what there is.

    >>> curve = Discovery()
    >>> for done in range(0, 10_001, 50):
    ...     curve.add(done, 100 * done // (done + 2000))
    >>> str(curve)
    '▃▅▆▆▇▇██████'
    """

    def __init__(self) -> None:
        self._done: list[int] = [0]
        self._found: list[int] = [0]
        self._apart = 0

    def add(self, done: int, found: int) -> None:
        """Note how much was found by how many starts."""
        if done <= self._done[-1]:
            return
        if len(self._done) > 1 and self._done[-1] - self._done[-2] < self._apart:  # in place of the latest one
            self._done.pop()
            self._found.pop()
        elif len(self._done) >= _MOST:
            self._done, self._found = self._done[::2], self._found[::2]
            self._apart = 2 * done // _MOST
        self._done.append(done)
        self._found.append(found)

    def __str__(self) -> str:
        """Return the curve from the first start to the latest; empty while there are fewer than four points of it."""
        total, most = self._done[-1], max(self._found)
        if len(self._done) < 4 or not most:
            return ""
        steps = (total * (k + 1) // _WIDTH for k in range(_WIDTH))
        shares = (self._found[bisect_right(self._done, step) - 1] / most for step in steps)
        return "".join(LEVELS[min(int(share * len(LEVELS)), len(LEVELS) - 1)] for share in shares)
