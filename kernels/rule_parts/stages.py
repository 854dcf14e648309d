"""The parts of which a rule's tick is made: what runs per lane, per coordinate, as a sum, or on the whole lane block.

A stage names the function that it calls; what the function asks for is read from its parameter names, what the stage
gives is listed here. A later stage sees what earlier ones gave.
"""

from collections.abc import Callable


class Stage:
    """One step of a tick."""

    def __init__(self, function: Callable, *gives: str):
        self.function, self.gives = function, gives

    @property
    def name(self) -> str:
        """The function's name."""
        return self.function.__name__


class Lane(Stage):
    """Numbers of a lane from numbers of that lane."""


class Each(Stage):
    """One coordinate of vectors, from that coordinate of other vectors and from numbers of the lane."""


class Sum(Stage):
    """One number of a lane: the sum over all coordinates of what the function returns for one."""


class Block(Stage):
    """Operations of ``block_operations.py`` in sequence: the function gets ``ws`` and first slots of what it names."""
