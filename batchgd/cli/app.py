"""The entry point: builds the Typer application from the table of commands and turns what goes wrong into one line."""

import functools
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from batchgd import __version__
from batchgd.backends import switched_on
from batchgd.cli.commands import COMMANDS
from batchgd.cli.console import EXIT_BAD_INPUT, EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, one_line
from batchgd.errors import InputError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code: 0 done, 2 bad input, 130 interrupted, 1 anything else.

    Parameters
    ----------
    argv : sequence of str, optional
        The words after ``batchgd``; those of this process when not given.

    >>> main(["--version"])  # doctest: +ELLIPSIS
    batchgd ...
    0
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        returned = _application()(args=words, prog_name="batchgd", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:  # `batchgd list | head`: the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except (KeyboardInterrupt, typer.Abort):
        return _complain("interrupted", EXIT_INTERRUPTED)
    except Exception as error:
        return _explain(error)
    return returned if isinstance(returned, int) else EXIT_DONE


def _application() -> typer.Typer:
    application = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    application.callback(invoke_without_command=True)(_root)
    for row in COMMANDS:
        application.command(row.name, **row.settings)(_guarded(row.function))
    return application


def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Thousands of independent gradient descents at once, and the landscape of minima they find."""
    if version:
        print(f"batchgd {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())


def _guarded(command: Callable[..., int | None]) -> Callable[..., int]:
    """Return the command with its exceptions turned into one line and an exit code before Typer sees them."""

    @functools.wraps(command)
    def guarded(**options: object) -> int:
        try:
            return command(**options) or EXIT_DONE
        except (BrokenPipeError, typer.Exit):
            raise
        except KeyboardInterrupt:
            return _complain("interrupted before there was anything to show", EXIT_INTERRUPTED)
        except Exception as error:
            return _explain(error)

    return guarded


def _explain(error: Exception) -> int:
    """Write what went wrong on stderr and return the exit code."""
    if isinstance(error, InputError):
        return _complain(str(error), EXIT_BAD_INPUT)
    # Typer's own complaints about the command line. Their class sits in a package that Typer once depended on and now
    # carries inside itself, so they are told by their method, not by their type.
    if hasattr(error, "format_message"):
        context = getattr(error, "ctx", None)
        path = context.command_path if context is not None else "batchgd"
        return _complain(f"{error.format_message()} (`{path} --help` shows what there is)", EXIT_BAD_INPUT)
    if isinstance(error, MemoryError):
        return _complain("out of memory: ask for fewer starts, or for --dtype float32", EXIT_FAILED)
    hint = "" if _wants_traceback() else " (BATCHGD_TRACEBACK=1 shows where)"
    return _complain(f"{type(error).__name__}: {error}{hint}", EXIT_FAILED)


def _complain(message: str, code: int) -> int:
    if _wants_traceback() and sys.exc_info()[0] is not None:
        traceback.print_exc()
    print(f"batchgd: {one_line(message)}", file=sys.stderr)
    return code


def _wants_traceback() -> bool:
    return switched_on("BATCHGD_TRACEBACK")
