"""`batchgd connect`: saddles between minima, the paths over them, and the disconnectivity graph."""

from typing import Any

from batchgd.cli import destinations
from batchgd.cli.console import EXIT_DONE, Console, show
from batchgd.cli.options import ATOMS, INTEGER, LIMIT, PATH, PRINTING, SAVING, SHARED, Kind, Option, plot_option
from batchgd.cli.parameters import takes
from batchgd.cli.solver import arguments_of
from batchgd.cli.target import load_target
from batchgd.problem.errors import InputError


def _pair(value: Any) -> tuple[int, int]:
    """Read two labels: from the shell a text "0,3", from TOML a list of two whole numbers."""
    first, second = (INTEGER.convert(part) for part in (value.split(",") if isinstance(value, str) else value))
    return first, second


OPTIONS = (
    Option("run", PATH, "A saved run (--out) to connect; FUN is then its function, unless it is a landscape."),
    Option("border_points", INTEGER, "Largest number of walkers from borders (default: 500)."),
    Option(
        "path", Kind("A,B", "two labels of minima, as in --path 0,3", _pair), "Show the lowest path between two minima."
    ),
    *SHARED,
    ATOMS,
    *SAVING,
    plot_option("the disconnectivity graph"),
    LIMIT,
    *PRINTING,
)


@takes(OPTIONS)
def connect(options: dict[str, Any]) -> int:
    """Find the saddles between minima, the minima that each joins, and the heights of the barriers.

    FUN is a landscape's name (`batchgd list` shows them) or FILE.py:FUNCTION. `--plot FILE` draws the
    disconnectivity graph, `--out FILE` saves the run with its saddles, so that they need not be searched for again.
    """
    console = Console(quiet=options.get("quiet", False))
    destinations.check(options)
    with console.guard_stdout():
        result = _result(options)
        saddles = _saddles(result, options, console)
    path, wrong = _path(saddles, options)
    show(
        options,
        lambda: f"{saddles}" if path is None else f"{saddles}\n{path}",
        lambda: saddles.summary() | ({} if path is None else {"path": path._asdict()}),
    )
    with console.guard_stdout():
        _write(result, options, console)
    if wrong is not None:  # raised only after everything that was found is printed
        raise wrong
    return EXIT_DONE


def _saddles(result: Any, options: dict[str, Any], console: Console) -> Any:
    """Find the saddles; Ctrl-C during the run or the search saves the run without them."""
    try:
        if result.interrupted and "run" not in options:
            raise KeyboardInterrupt
        settings = {name: options[name] for name in ("border_points",) if name in options}
        found = vars(result).get("saddles")
        return result.connect(**settings) if settings or found is None else found
    except KeyboardInterrupt:
        destinations.keep(result, options, console, note=", without saddles")
        raise


def _write(result: Any, options: dict[str, Any], console: Console) -> None:
    destinations.keep(result, options, console)
    if "plot" in options:
        destinations.draw(result.saddles.plot(), options["plot"], console)


def _path(saddles: Any, options: dict[str, Any]) -> tuple[Any, InputError | None]:
    """Return the path that was asked for, if any, or the error if it does not exist."""
    try:
        return (saddles.lowest_path(*options["path"]) if "path" in options else None), None
    except InputError as error:
        return None, error


def _result(options: dict[str, Any]) -> Any:
    """Return the result to connect: a saved one, or that of a new run."""
    import batchgd as bgd
    from batchgd.minima.results import LandscapeData

    if "run" not in options:
        options["fun"] = load_target(options.get("fun"))
        return bgd.multistart(**arguments_of(bgd.multistart, options))
    if extra := [option.name for option in (*SHARED, ATOMS) if option.name in options]:
        raise InputError(f"--{extra[0].replace('_', '-')} is for a new run, and --run names a saved one: omit one")
    result = bgd.load(options["run"], fun=load_target(options["fun"]) if "fun" in options else None)
    if not isinstance(result, LandscapeData):
        raise InputError(f"{options['run']} has endpoints but no minima: give a run of multistart")
    return result
