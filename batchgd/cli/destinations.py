"""Where a run's results go: checked before the run, so that hours of work do not end in an error."""

import contextlib
import importlib.util
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from batchgd.cli.console import Console
from batchgd.problem.errors import InputError, WriteError
from batchgd.problem.wording import quantity


def check(options: dict[str, Any]) -> None:
    """Raise InputError unless every file that a command's options name can be written."""
    if "out" in options:
        check_result(options["out"], options.get("overwrite", False))
    for name in ("plot", "convergence"):
        if name in options:
            check_picture(options[name], f"--{name}")
    if "animate" in options:
        check_animation(options["animate"])


def check_result(path: str, overwrite: bool) -> None:
    """Raise InputError unless a result can be saved in this file; missing folders are created when it is saved."""
    from batchgd.api.storage.files import resolved
    from batchgd.api.storage.save import check_target

    _try_out(path, f"--out {path}")
    target = resolved(path)
    if target.parent.exists():
        check_target(target, overwrite)


def check_picture(path: str, option: str = "--plot") -> None:
    """Raise InputError unless a picture can be written to this file."""
    if importlib.util.find_spec("matplotlib") is None:
        raise InputError(f'{option} needs matplotlib, which is not installed; type: pip install "batchgd[plot]"')
    from batchgd.output.plot.canvas import check_path

    check_path(path)
    _try_out(path, f"{option} {path}")


def check_animation(path: str) -> None:
    """Raise InputError unless an animation can be written to this file."""
    if importlib.util.find_spec("matplotlib") is None:
        raise InputError('--animate needs matplotlib, which is not installed; type: pip install "batchgd[plot]"')
    from batchgd.output.plot.animation import make_writer

    make_writer(path)
    _try_out(path, f"--animate {path}")


REPORTS = (".txt", ".json", ".csv")


def check_report(path: str) -> None:
    """Raise InputError unless a report can be written to this file."""
    if Path(path).suffix.lower() not in REPORTS:
        raise InputError(f"--report {path} must end in {', '.join(REPORTS[:-1])} or {REPORTS[-1]}")
    _try_out(path, f"--report {path}")


def write_report(path: str, pieces: Iterable[str], console: Console) -> None:
    """Write a report into a file, whole or not at all."""
    from batchgd.output.plot.canvas import written_whole

    with written_whole(path) as draft, open(draft, "w", encoding="utf-8") as file:
        file.writelines(pieces)
    console.say(f"report written to {path}")


def keep(result: Any, options: dict[str, Any], console: Console, note: str = "") -> None:
    """Save the result if ``--out`` was given."""
    if "out" in options:
        console.say(save(result, options["out"], options.get("overwrite", False)) + note)


def save(result: Any, path: str, overwrite: bool = False) -> str:
    """Save the result in the file, creating its folder, and return a message with its path and size."""
    try:
        Path(path).absolute().parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(f"--out {path} cannot be created: {error.strerror}; choose another file") from error
    saved, size = result.save(path, overwrite=overwrite), ""
    with contextlib.suppress(OSError):
        size = f", {quantity(os.path.getsize(saved), 'B')}"
    return f"saved to {saved}{size}"


def draw(axes: Any, path: str, console: Console) -> None:
    """Write a finished picture into a file."""
    from batchgd.output.plot.canvas import write

    write(axes, path)
    console.say(f"picture written to {path}")


def _try_out(path: str, what: str) -> None:
    """Raise InputError unless something of this name, including its missing parents, can be created in its place."""
    # Tried out rather than looked up: permission bits say nothing about a read-only disk, nor to the superuser, and
    # only the disk knows which names are too long. Everything is created in a temporary folder and removed with it.
    try:
        target = Path(os.path.realpath(path))
        parent = target.parent
        while not parent.exists() and parent != parent.parent:
            parent = parent.parent
        with tempfile.TemporaryDirectory(prefix=".batchgd-", dir=parent) as scratch:
            Path(scratch, target.relative_to(parent)).mkdir(parents=True)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{what} cannot be written: {reason}; choose another place") from None
