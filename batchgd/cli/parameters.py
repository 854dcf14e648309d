"""From a table of options to a command: the signature that Typer reads, and the values, including those of TOML."""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from batchgd.cli.config import read_config
from batchgd.cli.options import FLAG, FUNCTION, Option
from batchgd.problem.errors import InputError

Command = Callable[[dict[str, Any]], int | None]

FUN = Option("fun", FUNCTION, "Landscape or FILE.py:FUNCTION.")
_CONFIG = Annotated[
    str | None,
    typer.Option("--config", metavar="FILE", help="TOML file of options; the command line takes precedence."),
]


def takes(options: Sequence[Option], subject: Option = FUN) -> Callable[[Command], Callable[..., int | None]]:
    """Make a command from a function that takes its options as a dict of converted values.

    Options that are neither on the command line nor in the file of ``--config`` are omitted from the dict. ``subject``
    is the argument of the command, which has no flag in the shell.
    """
    table = {option.name: option for option in (subject, *options)}
    argument = typer.Argument(metavar=subject.kind.metavar, help=subject.help)
    parameters = [
        _keyword(subject.name, Annotated[_kind_of(subject), argument]),
        *(_keyword(option.name, Annotated[_kind_of(option), _in_the_shell(option)]) for option in options),
        _keyword("config", _CONFIG),
    ]

    def decorate(function: Command) -> Callable[..., int | None]:
        @functools.wraps(function)
        def command(config: str | None, **words: Any) -> int | None:
            values = read_config(config, table) if config is not None else {}
            words = {name: value for name, value in words.items() if value is not None and value != []}
            read = {name: table[name].read(value) for name, value in words.items() if name != subject.name}
            if subject.name in words:
                read[subject.name] = subject.read(words[subject.name], shown=subject.name.upper())
            return function(values | read)

        # Typer reads the options from the signature.
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return command

    return decorate


def _kind_of(option: Option) -> Any:
    # All values except flags arrive as text, absent ones as None: the table converts them, like those of TOML.
    return bool | None if option.kind is FLAG else list[str] | None if option.kind.repeatable else str | None


def _in_the_shell(option: Option) -> Any:
    if option.kind is FLAG:
        return typer.Option(f"{option.flag}/--no-{option.flag[2:]}", help=option.help)
    return typer.Option(option.flag, metavar=option.kind.metavar, help=option.help)


def _keyword(name: str, annotation: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


_EXAMPLES = {"--box": "-5 5", "--bounds": "0 inf", "--learning-rate": "1e-4 1"}


class PairsCommand(TyperCommand):
    """A command with `--box LO HI`: Typer can only repeat options of one value, so the pair is joined beforehand."""

    PAIRS: tuple[str, ...] = ("--box", "--bounds")

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the words after the command's name."""
        for name in self.PAIRS:
            args = join_pairs(args, name)
        return super().parse_args(ctx, args)


def join_pairs(words: list[str], name: str = "--box") -> list[str]:
    """Join the two numbers after each --box, or another option of two numbers.

    >>> join_pairs(["sphere", "--box", "-5", "5", "--dim", "2"])
    ['sphere', '--box=-5,5', '--dim', '2']
    """
    joined = []
    rest = iter(words)
    for word in rest:
        if word != name:
            joined.append(word)
            continue
        low = next(rest, None)
        high = None if low is None or "," in low else next(rest, None)
        if low is None or ("," not in low and (high is None or high.startswith("--"))):
            raise InputError(f"{name} takes two numbers, LO and HI (as in {name} {_EXAMPLES[name]})")
        joined.append(f"{name}={low}" if high is None else f"{name}={low},{high}")
    return joined
