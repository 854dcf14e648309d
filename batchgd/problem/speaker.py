"""Messages for Python or for the shell: they name the call or the option that the reader can type."""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

_SHELL: ContextVar[bool] = ContextVar("batchgd_shell", default=False)


@contextlib.contextmanager
def in_the_shell() -> Iterator[None]:
    """While entered, messages are worded for the shell."""
    token = _SHELL.set(True)
    try:
        yield
    finally:
        _SHELL.reset(token)


def option(name: str, value: str = "") -> str:
    """Return an argument as it is written in Python, or as an option in the shell.

    >>> option("max_time"), option("keep", "all")
    ('max_time', "keep='all'")
    >>> with in_the_shell():
    ...     option("max_time"), option("keep", "all")
    ('--max-time', '--keep all')
    """
    flag = f"--{name.replace('_', '-')}"
    return said(name, flag) if not value else said(f"{name}={value!r}", f"{flag} {value}")


def said(python: str, shell: str) -> str:
    """Return the words for Python, or those for the shell if that is where they are read.

    >>> said("bgd.sweep", "batchgd sweep")
    'bgd.sweep'
    >>> with in_the_shell():
    ...     said("bgd.sweep", "batchgd sweep")
    'batchgd sweep'
    """
    return shell if _SHELL.get() else python


def a_run() -> str:
    """Return the call, or the shell command, that finds minima."""
    return said("bgd.multistart", "batchgd run")


def picture(name: str) -> str:
    """Return the call that draws a picture, or the picture's name, which the shell takes.

    >>> picture("slices")
    'result.plot.slices()'
    """
    return said(f"result.plot.{name}()", f"the picture '{name}'")
