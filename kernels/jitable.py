"""What Numba will need to know, noted without importing Numba, which takes a quarter of a second."""

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

JITABLE: list[tuple[Callable[..., Any], dict[str, Any]]] = []
"""Functions that Numba can compile into others, with their flags; ``for_numba.py`` registers them."""


def jitable(**flags: Any) -> Callable[[F], F]:
    """Return a decorator: Numba's ``register_jitable`` with these flags, once Numba is needed."""

    def noted(function: F) -> F:
        JITABLE.append((function, flags))
        return function

    return noted
