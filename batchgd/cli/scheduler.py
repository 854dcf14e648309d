"""`--workers` and `--scheduler`: who makes the parts of a run."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any

from batchgd.cli.console import one_line
from batchgd.problem.errors import InputError, quoted

_ADDRESS = re.compile(r"(tcp|tls|ucx|wss?)://\S+")

_SECONDS = 10
"""How long a scheduler may take to answer."""


def check_executors(options: dict[str, Any]) -> None:
    """Raise InputError for what can be seen to be wrong beforehand."""
    if "scheduler" not in options:
        return
    if "workers" in options:
        raise InputError("--workers and --scheduler were both given: omit one of them")
    if not _ADDRESS.fullmatch(options["scheduler"]):
        raise InputError(
            f"--scheduler is {quoted(options['scheduler'])}: give the address that `dask scheduler` prints, such as "
            "tcp://host:8786"
        )


@contextlib.contextmanager
def executor_of(options: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Connect to what was asked for, and yield the argument ``executor``, or nothing.

    Raises
    ------
    ImportError
        If Dask is not installed, with the command that installs it.
    InputError
        If the scheduler does not answer.
    """
    if "workers" in options:
        yield {"executor": options["workers"]}
        return
    if "scheduler" not in options:
        yield {}
        return
    from batchgd.problem.optional import require

    distributed, address = require("distributed", "distributed"), options["scheduler"]
    try:
        client = distributed.Client(address, timeout=_SECONDS, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"--scheduler {address} does not answer: {one_line(str(error))}") from error
    try:
        yield {"executor": client.get_executor()}
    finally:
        client.close(timeout=_SECONDS)
