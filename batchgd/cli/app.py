"""The entry point: builds the Typer application from the table of commands and turns what goes wrong into one line."""

import contextlib
import functools
import gc
import io
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any, NamedTuple

import typer

from batchgd import __version__
from batchgd.cli.commands import COMMANDS
from batchgd.cli.console import (
    EXIT_BAD_INPUT,
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_READER_LEFT,
    one_line,
)
from batchgd.cli.outlet import Outlet, occupy_descriptors
from batchgd.engine.backends import switched_on
from batchgd.problem.errors import InputError, WriteError, did_you_mean
from batchgd.problem.speaker import in_the_shell


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code.

    0 done, 2 bad input, 130 interrupted, 141 the reader of stdout left (`| head`), 1 anything else. What a command
    prints on stdout is held back until the command is over: results and pictures are saved before anything is printed,
    and trouble with stdout or stderr cannot end a command.

    Parameters
    ----------
    argv : sequence of str, optional
        The words after ``batchgd``; default: those of this process.

    >>> main(["--version"])  # doctest: +ELLIPSIS
    batchgd ...
    0
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if None in (sys.stdin, sys.stdout, sys.stderr):
        occupy_descriptors()
    stdout = Outlet(sys.stdout)
    with contextlib.redirect_stderr(Outlet(sys.stderr)):
        with contextlib.redirect_stdout(io.StringIO()) as printed, in_the_shell(), _few_collections():
            ended = _run(words)
        try:
            stdout.write(printed.getvalue())
            stdout.flush()
        except KeyboardInterrupt:
            ended = _INTERRUPTED
        if ended is _INTERRUPTED and not printed.getvalue():
            ended = ended._replace(message="interrupted before there was anything to show")
        if ended.code == EXIT_DONE and stdout.error is not None:
            ended = _unprinted(stdout.error)
        ended.report()
    return ended.code


@contextlib.contextmanager
def _few_collections() -> Iterator[None]:
    """Look for garbage less often: among what is imported there is none, and to find that out took 8 % of a run."""
    before = gc.get_threshold()
    gc.set_threshold(_NEW_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


_NEW_OBJECTS = 50_000


class _Ended(NamedTuple):
    """How a command ended: its exit code, the reason in one line for the user, and the exception, if any."""

    code: int
    message: str = ""
    error: BaseException | None = None

    def report(self) -> None:
        """Write the reason on stderr."""
        if self.error is not None and _wants_traceback():
            traceback.print_exception(self.error)
        if self.message:
            print(f"batchgd: {one_line(self.message)}", file=sys.stderr, flush=True)


_INTERRUPTED = _Ended(EXIT_INTERRUPTED, "interrupted")


def _run(words: list[str]) -> _Ended:
    try:
        returned = _application(words)(args=words, prog_name="batchgd", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        return _INTERRUPTED
    except Exception as error:
        return _explain(error)
    return returned if isinstance(returned, _Ended) else _Ended(returned or EXIT_DONE)


def _unprinted(error: OSError) -> _Ended:
    """Explain an error of stdout; silently if its reader has left, like a program that SIGPIPE ends."""
    if isinstance(error, BrokenPipeError):
        return _Ended(EXIT_READER_LEFT)
    return _Ended(EXIT_FAILED, f"cannot write to stdout: {error.strerror or error}", error)


def _application(words: list[str]) -> typer.Typer:
    """Return the application, with one command if the first word names it: to read the options of all takes 30 ms."""
    named = [row for row in COMMANDS if row.name in words[:1]]
    application = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    application.callback(invoke_without_command=True)(_root)
    for row in named or COMMANDS:
        application.command(row.name, **row.settings)(_guarded(row.function))
    return application


def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Run gradient descent from many starting points and report the minima found."""
    if version:
        print(f"batchgd {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())


def _guarded(command: Callable[..., int | None]) -> Callable[..., _Ended]:
    """Return the command with its exceptions turned into one line and an exit code before Typer sees them."""

    @functools.wraps(command)
    def guarded(**options: object) -> _Ended:
        try:
            return _Ended(command(**options) or EXIT_DONE)
        except typer.Exit:
            raise
        except KeyboardInterrupt:
            return _INTERRUPTED
        except (Exception, SystemExit) as error:  # a user's function may call exit()
            return _explain(error)

    return guarded


def _explain(error: Exception | SystemExit) -> _Ended:
    """Return what went wrong in one line, and the exit code."""
    if isinstance(error, InputError):
        return _Ended(EXIT_FAILED if isinstance(error, WriteError) else EXIT_BAD_INPUT, str(error), error)
    # Typer's own complaints about the command line. Their class is in a package that Typer once depended on and now
    # contains, so they are recognised by their method, not by their type.
    if hasattr(error, "format_message"):
        context = getattr(error, "ctx", None)
        path = context.command_path if context is not None else "batchgd"
        return _Ended(EXIT_BAD_INPUT, f"{_complaint(error, context)} (see `{path} --help`)", error)
    if isinstance(error, MemoryError):
        return _Ended(EXIT_FAILED, "out of memory: use fewer starts, or --dtype float32", error)
    hint = "" if _wants_traceback() else " (BATCHGD_TRACEBACK=1 shows where)"
    return _Ended(EXIT_FAILED, f"{type(error).__name__}: {error}{hint}", error)


def _complaint(error: Any, context: Any) -> str:
    """Return Typer's description of what is wrong, with the option that was probably meant."""
    if context is None or not hasattr(error, "option_name"):
        return str(error.format_message())
    options = [name for each in context.command.params for name in each.opts if name.startswith("--")]
    near = did_you_mean(error.option_name, options).strip()
    return f"there is no option {error.option_name}" + (near and f": {near}")


def _wants_traceback() -> bool:
    return switched_on("BATCHGD_TRACEBACK")
