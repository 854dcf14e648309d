"""How many rows of a table are shown: one limit for text, HTML, Markdown, JSON and CSV."""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

from batchgd.problem import check
from batchgd.problem.errors import InputError
from batchgd.problem.speaker import said
from batchgd.problem.wording import plural

ROWS = 20  # of a printed table: as many as fit on a screen
RECORDS = 10_000  # of a table that a program reads: a few megabytes
ALL = "all"

_LIMIT: ContextVar[int | str | None] = ContextVar("batchgd_limit", default=None)


@contextlib.contextmanager
def printoptions(*, limit: int | str | None = None) -> Iterator[None]:
    """Change how many rows of a table are shown while entered: by ``print``, in notebooks, and in ``summary()``.

    What is not shown is counted below the table. Results keep every row, whatever is shown of them.

    Parameters
    ----------
    limit : int or "all", optional
        Largest number of rows. Default: 20 in text, 10,000 in dicts for JSON, and all rows of a table whose rows were
        asked for one by one (the values of a sweep, the methods of a comparison).

    Raises
    ------
    InputError
        If the limit is neither a whole number of at least 0 nor ``"all"``.

    Examples
    --------
    >>> import batchgd as bgd
    >>> result = bgd.multistart("rastrigin", starts=10_000)
    >>> with bgd.printoptions(limit=3):
    ...     print(result.minima)  # doctest: +ELLIPSIS
    121 minima
    ...
    showing 3 of 121 minima; more: bgd.printoptions(limit=N)
    """
    token = _LIMIT.set(checked_limit(limit))
    try:
        yield
    finally:
        _LIMIT.reset(token)


def checked_limit(limit: int | str | None) -> int | str | None:
    """Return the limit, or raise InputError.

    >>> checked_limit("All"), checked_limit(3)
    ('all', 3)
    """
    if limit is None or (isinstance(limit, str) and limit.lower() == ALL):
        return limit and ALL
    try:
        return check.whole("limit", limit, 0, of="rows")
    except InputError as error:
        raise InputError(f"{error}, or 'all'") from None


def rows_shown(total: int, usual: int | None = ROWS) -> int:
    """Return how many of ``total`` rows are shown: at most ``usual`` (None: all) unless a limit was set.

    >>> rows_shown(121), rows_shown(7), rows_shown(121, None)
    (20, 7, 121)
    >>> with printoptions(limit=50):
    ...     rows_shown(121), rows_shown(7), rows_shown(121, None)
    (50, 7, 50)
    """
    limit = _LIMIT.get()
    most = usual if limit is None else limit
    return total if most is None or most == ALL else min(total, int(most))


def cut(total: int, one: str = "row", many: str | None = None, shown: int | None = None) -> str:
    """Return the line below a table that was cut, or nothing; ``shown`` is what :func:`rows_shown` returned.

    >>> cut(30_000, "path"), cut(12)
    ('showing 20 of 30,000 paths; more: bgd.printoptions(limit=N)', '')
    """
    shown = rows_shown(total) if shown is None else shown
    more = said("bgd.printoptions(limit=N)", "--limit N or --limit all")
    return f"showing {shown:,} of {plural(total, one, many)}; more: {more}" if shown < total else ""
