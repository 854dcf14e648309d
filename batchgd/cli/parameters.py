"""From a table of options to a command: the signature that Typer reads, and the values, a TOML file's included."""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from batchgd.cli.config import read_config
from batchgd.cli.options import FLAG, Option
from batchgd.problem.errors import InputError

Command = Callable[[dict[str, Any]], int | None]

_FUN = Annotated[str | None, typer.Argument(metavar="FUN", help="Landscape or FILE.py:FUNCTION.")]
_CONFIG = Annotated[
    str | None, typer.Option("--config", metavar="FILE", help="TOML file with these names; the command line wins.")
]


def takes(options: Sequence[Option]) -> Callable[[Command], Callable[..., int | None]]:
    """Make a command of a function that takes its options as a dict: what was given, converted, and ``fun``.

    Options that neither the command line nor the file of ``--config`` names are left out of the dict.
    """
    table = {option.name: option for option in options}
    parameters = [_keyword("fun", _FUN), *map(_parameter, options), _keyword("config", _CONFIG)]

    def made(function: Command) -> Callable[..., int | None]:
        @functools.wraps(function)
        def command(fun: str | None, config: str | None, **given: Any) -> int | None:
            return function(_merge(table, fun, config, given))

        # Typer reads the options from the signature.
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return command

    return made


def _merge(table: dict[str, Option], fun: str | None, config: str | None, given: dict[str, Any]) -> dict[str, Any]:
    """Put the command line over the TOML file."""
    options = read_config(config, table) if config is not None else {}
    for name, value in given.items():
        if value is not None and value != []:
            options[name] = table[name].read(value)
    if fun is not None:
        options["fun"] = fun
    if "fun" not in options and "run" not in options:  # a saved run may know its function
        raise InputError("name FUN: a landscape (`batchgd list` shows them) or FILE.py:FUNCTION")
    return options


def _parameter(option: Option) -> inspect.Parameter:
    # Every value but a flag's arrives as text, absent ones as None: the table converts them, as it does TOML's.
    if option.kind is FLAG:
        annotation: Any = bool | None
        info = typer.Option(f"{option.flag}/--no-{option.flag[2:]}", help=option.help)
    else:
        annotation = list[str] | None if option.kind.repeatable else str | None
        info = typer.Option(option.flag, metavar=option.kind.metavar, help=option.help)
    return _keyword(option.name, Annotated[annotation, info])


def _keyword(name: str, annotation: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


_EXAMPLES = {"--box": "-5 5", "--learning-rate": "1e-4 1"}


class PairsCommand(TyperCommand):
    """A command with `--box LO HI`: Typer repeats options of one value only, so the pair is joined beforehand."""

    PAIRS: tuple[str, ...] = ("--box",)

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
