"""`batchgd run`: one multi-start descent from the shell."""

import functools
import inspect
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from batchgd.cli import destinations
from batchgd.cli.config import read_config
from batchgd.cli.console import EXIT_DONE, EXIT_INTERRUPTED, Console, print_json
from batchgd.cli.options import BY_NAME, FLAG, OPTIONS, Option
from batchgd.cli.target import load_target
from batchgd.errors import InputError

EPILOG = (
    "Exit codes: 0 done, 2 bad input, 130 ended by Ctrl-C (what was found so far is printed), 1 anything else. "
    "BATCHGD_TRACEBACK=1 shows where an error came from."
)


def run(target: str | None, config: str | None, **given: Any) -> int:
    """Descend from many starting points and tell the minima.

    TARGET is a landscape's name (`batchgd list` shows them) or FILE.py:FUNCTION, a plain Python function of one point.
    """
    options = _merge(target, config, given)
    console = Console(quiet=options.get("quiet", False))
    with console.guard_stdout():
        result = _solve(options, console)
    if options.get("json"):
        print_json(result.summary())
    else:
        print(result)
    with console.guard_stdout():
        _write(result, options, console)
    if getattr(result, "interrupted", False):
        console.say("interrupted: this is what was found so far")
        return EXIT_INTERRUPTED
    return EXIT_DONE


def _merge(target: str | None, config: str | None, given: dict[str, Any]) -> dict[str, Any]:
    """Put the command line over the TOML file; an option that neither names is left to `bgd.multistart`."""
    options = read_config(config) if config is not None else {}
    for name, value in given.items():
        if value is not None and value != []:
            options[name] = BY_NAME[name].read(value)
    if target is not None:
        options["target"] = target
    if "target" not in options:
        raise InputError("name a TARGET: a landscape (`batchgd list` shows them) or FILE.py:FUNCTION")
    return options


def _solve(options: dict[str, Any], console: Console) -> Any:
    """Check everything that can be checked beforehand, then run."""
    if "out" in options:
        destinations.check_folder(options["out"], options.get("overwrite", False))
    if "plot" in options:
        destinations.check_picture(options["plot"])
        if options.get("keep") == "minima":
            raise InputError("--plot draws trajectories, and --keep minima keeps none: leave out one of the two")
    fun = load_target(options["target"])
    arguments = _solver_arguments(fun, options)

    import batchgd as bgd
    from batchgd.backends import choose
    from batchgd.progress import ProgressPrinter

    _, why = choose(options.get("backend", "auto"))
    if console.quiet:
        return bgd.multistart(fun, **arguments, progress=None)
    announce = functools.cache(lambda: console.say(f"backend {why}"))
    with ProgressPrinter() as printer:

        def progress(update: bgd.ProgressUpdate) -> None:
            announce()  # not before the run has begun: what multistart refuses is told in one line
            printer(update)

        result = bgd.multistart(fun, **arguments, progress=progress)
    announce()
    return result


def _solver_arguments(fun: Any, options: dict[str, Any]) -> dict[str, Any]:
    arguments = {name: value for name, value in options.items() if name in BY_NAME and BY_NAME[name].solver}
    if "method" in options or "learning_rate" in options or "set" in options:
        from batchgd.methods import as_method

        settings = {"learning_rate": options["learning_rate"]} if "learning_rate" in options else {}
        arguments["method"] = as_method(options.get("method"), **{**options.get("set", {}), **settings})
    if options.get("sampling") == "normal":
        arguments["sampling"] = _normal(options)
    elif "mean" in options or "std" in options:
        raise InputError("--mean and --std belong to --sampling normal; add it, or leave them out")
    if len(options.get("box", ())) == 1:
        arguments["box"] = options["box"][0]
        if "dim" not in options and isinstance(fun, str):
            from batchgd import landscapes

            arguments["dim"] = landscapes.get(fun).default_dim
    return arguments


def _normal(options: dict[str, Any]) -> Any:
    if "mean" not in options or "std" not in options:
        raise InputError("--sampling normal needs --mean and --std, as in --mean 0,1 --std 0.5")
    import batchgd as bgd

    mean, std = (options[name][0] if len(options[name]) == 1 else options[name] for name in ("mean", "std"))
    return bgd.Normal(mean, std)


def _write(result: Any, options: dict[str, Any], console: Console) -> None:
    if "out" in options:
        folder = destinations.save(result, options["out"], options.get("overwrite", False))
        console.say(f"saved to {folder}")
    if "plot" in options:
        result.plot(options["plot"])
        console.say(f"picture written to {options['plot']}")


class RunCommand(TyperCommand):
    """The command with `--box LO HI`: Typer repeats options of one value only, so the pair is joined beforehand."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the words after `run`."""
        return super().parse_args(ctx, join_pairs(args))


def join_pairs(words: list[str]) -> list[str]:
    """Join the two numbers after each --box.

    >>> join_pairs(["sphere", "--box", "-5", "5", "--dim", "2"])
    ['sphere', '--box=-5,5', '--dim', '2']
    """
    joined = []
    rest = iter(words)
    for word in rest:
        if word != "--box":
            joined.append(word)
            continue
        low = next(rest, None)
        high = None if low is None or "," in low else next(rest, None)
        if low is None or ("," not in low and (high is None or high.startswith("--"))):
            raise InputError("--box takes two numbers, LO and HI (as in --box -5 5)")
        joined.append(f"--box={low}" if high is None else f"--box={low},{high}")
    return joined


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


# Typer reads the options from the signature; it is made from the table, which the TOML file is checked against too.
_PARAMETERS = [
    _keyword("target", Annotated[str | None, typer.Argument(metavar="TARGET", help="Landscape or FILE.py:FUNCTION.")]),
    *map(_parameter, OPTIONS),
    _keyword(
        "config",
        Annotated[
            str | None,
            typer.Option("--config", metavar="FILE", help="TOML file with these names; the command line wins."),
        ],
    ),
]
run.__signature__ = inspect.Signature(_PARAMETERS)  # type: ignore[attr-defined]
run.__annotations__ = {parameter.name: parameter.annotation for parameter in _PARAMETERS}
