"""The discovery curve of a run that is still at work, in a few characters: does it still find anything?"""

from batchgd.engine.progress import DESCENDING, ProgressUpdate

_LEVELS = "▁▂▃▄▅▆▇█"
_MOST = 512  # points kept: every other one is dropped when there are more


class Curve:
    """How many minima were found after how many starts; a line that is flat at its end has found them all.

    >>> curve = Curve()
    >>> for done, found in ((1, 1), (100, 5), (200, 7), (400, 8), (800, 8)):
    ...     curve.add(ProgressUpdate(done, 1000, 1.0, minima=found))
    >>> curve.line(8)
    '▅▇▇█████'
    """

    def __init__(self) -> None:
        self._points: list[tuple[int, int]] = []

    def add(self, update: ProgressUpdate) -> None:
        """Add an update, if it says how much was found."""
        found = update.distinct if update.minima is None else update.minima
        if update.phase != DESCENDING or found is None or not update.done:
            return
        self._points.append((update.done, found))
        if len(self._points) > _MOST:
            del self._points[1:-1:2]

    def line(self, width: int) -> str:
        """Draw the curve up to now, over equal numbers of starts; empty if there are too few points."""
        if len(self._points) < 2:
            return ""
        last, most = self._points[-1][0], max(found for _, found in self._points)
        heights, at = [], 0
        for k in range(1, width + 1):
            while at < len(self._points) - 1 and self._points[at + 1][0] * width <= k * last:
                at += 1
            heights.append(self._points[at][1])
        return "".join(_LEVELS[max(0, -(-len(_LEVELS) * each // max(most, 1)) - 1)] for each in heights)
