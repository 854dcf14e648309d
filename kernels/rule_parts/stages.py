"""The parts that a rule's tick is made of: what runs per lane, per coordinate, as a sum, or on the whole lane block.

A stage names the function that it calls; what the function asks for is read from its parameter names, and the results
of the stage are listed here. A later stage sees the results of earlier ones.
"""

import inspect
from collections.abc import Callable

_ELEMENTARY = "batchgd.kernels.vecmath"


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


class Least(Stage):
    """One number of a lane: the least, over all coordinates, of what the function returns for one; only with bounds."""


class Block(Stage):
    """Operations of ``block_operations.py`` in sequence: the function gets ``ws`` and first slots of what it names."""


def with_callees(*functions: Callable) -> dict[str, Callable]:
    """Return some functions and all that they call, by name, without the elementary ones."""
    found: dict[str, Callable] = {}
    waiting = list(functions)
    while waiting:
        function = waiting.pop()
        if found.setdefault(function.__name__, function) is function:
            named = [function.__globals__.get(name) for name in function.__code__.co_names]
            waiting += [value for value in named if inspect.isfunction(value) and of_a_rule(value)]
    return found


def of_a_rule(value: object) -> bool:
    """Whether something is a function that a rule may call, and not an elementary one, which has its own code."""
    return inspect.isfunction(value) and not str(value.__module__).startswith(_ELEMENTARY)
