"""Who is speaking, Python or the shell: messages name the call or the option that the reader can type."""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

_SHELL: ContextVar[bool] = ContextVar("batchgd_shell", default=False)


@contextlib.contextmanager
def in_the_shell() -> Iterator[None]:
    """Whatever is said meanwhile is read in a shell."""
    token = _SHELL.set(True)
    try:
        yield
    finally:
        _SHELL.reset(token)


def said(python: str, shell: str) -> str:
    """Return the words for Python, or those for the shell if that is where they are read.

    >>> said("bgd.sweep", "batchgd sweep")
    'bgd.sweep'
    >>> with in_the_shell():
    ...     said("bgd.sweep", "batchgd sweep")
    'batchgd sweep'
    """
    return shell if _SHELL.get() else python
