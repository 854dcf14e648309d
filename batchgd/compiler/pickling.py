"""Pickles of objectives: which functions plain pickle cannot carry to another process."""

from __future__ import annotations

import pickle
import sys
from types import FrameType
from typing import Any

_NAMELESS = ("<lambda>", "<locals>")
_BY_VALUE = {"cloudpickle", "dill"}
"""Packages whose pickles carry the code of a function along."""


def check_by_name(name: str, *functions: Any) -> None:
    """Raise PicklingError where plain pickle asks for a function that has no name to be found by; call in __reduce__.

    ``copy`` asks the same way, and takes every function.
    """
    nameless = any(part in getattr(each, "__qualname__", "") for each in functions for part in _NAMELESS)
    if nameless and not _asked_by_value():
        raise pickle.PicklingError(
            f"{name} is a lambda or an inner function, which plain pickle cannot find by its name: "
            "define it with def at the top of a module, or use cloudpickle"
        )


def _asked_by_value() -> bool:
    """Whether it is copy, cloudpickle or dill that called the __reduce__ two frames up."""
    if sys._getframe(3).f_globals.get("__name__") == "copy":
        return True
    frame: FrameType | None = sys._getframe(3)
    while frame is not None:
        if _BY_VALUE & {*frame.f_globals.get("__name__", "").split(".")}:
            return True
        frame = frame.f_back
    return False
