"""`batchgd connect`: saddles between minima, the paths over them, and the disconnectivity graph, from the shell."""

from typing import Any

from batchgd.cli import destinations
from batchgd.cli.console import EXIT_DONE, Console, print_json
from batchgd.cli.options import BY_NAME, INTEGER, PATH, Kind, Option
from batchgd.cli.parameters import takes
from batchgd.cli.solver import solver_arguments
from batchgd.cli.target import load_target
from batchgd.problem.errors import InputError

_SHARED = (
    *("box", "dim", "starts", "method", "learning_rate", "set", "seed", "gtol", "xtol", "ftol", "maxiter"),
    *("backend", "threads", "x_tol", "f_tol", "out", "overwrite", "json", "quiet"),
)


def _pair(value: Any) -> tuple[int, int]:
    """Read two labels: from the shell a text "0,3", from TOML a list of two whole numbers."""
    first, second = (INTEGER.convert(part) for part in (value.split(",") if isinstance(value, str) else value))
    return first, second


OPTIONS = (
    Option("run", PATH, "A saved run (--out) to connect; TARGET is then its function, if it has no name."),
    Option("border_points", INTEGER, "Walkers from borders at most; 500 when not given."),
    Option(
        "path", Kind("A,B", "two labels of minima, as in --path 0,3", _pair), "Say the lowest path between two minima."
    ),
    Option("plot", PATH, "Draw the disconnectivity graph into this file."),
    *(BY_NAME[name] for name in _SHARED),
)
_OF_A_RUN = ("target", "run", "border_points", "path", "plot", "out", "overwrite", "json", "quiet")


@takes(OPTIONS)
def connect(options: dict[str, Any]) -> int:
    """Find the saddles between minima, the minima that each joins, and the heights of the barriers.

    TARGET is a landscape's name (`batchgd list` shows them) or FILE.py:FUNCTION. `--plot FILE` draws the
    disconnectivity graph, `--out FILE` saves the run with its saddles, which are not sought again.
    """
    console = Console(quiet=options.get("quiet", False))
    if "out" in options:
        destinations.check_result(options["out"], options.get("overwrite", False))
    if "plot" in options:
        destinations.check_picture(options["plot"])
    with console.guard_stdout():
        result = _result(options)
        saddles = _saddles(result, options, console)
    path, wrong = _path(saddles, options)
    if options.get("json"):
        print_json(saddles.summary() | ({} if path is None else {"path": path._asdict()}))
    else:
        print(saddles if path is None else f"{saddles}\n{path}")
    with console.guard_stdout():
        _write(result, options, console)
    if wrong is not None:  # after all that was found is told
        raise wrong
    return EXIT_DONE


def _saddles(result: Any, options: dict[str, Any], console: Console) -> Any:
    """Find the saddles; Ctrl-C in the run or in the search saves the run without them."""
    try:
        if result.interrupted and "run" not in options:
            raise KeyboardInterrupt
        again = "border_points" in options
        return result.connect(border_points=options["border_points"]) if again else result.saddles
    except KeyboardInterrupt:
        if "out" in options:
            saved = destinations.save(result, options["out"], options.get("overwrite", False))
            console.say(f"saved to {saved}, without saddles")
        raise


def _write(result: Any, options: dict[str, Any], console: Console) -> None:
    if "out" in options:
        saved = destinations.save(result, options["out"], options.get("overwrite", False))
        console.say(f"saved to {saved}")
    if "plot" in options:
        from batchgd.output.plot.canvas import write

        write(result.saddles.plot(), options["plot"])
        console.say(f"picture written to {options['plot']}")


def _path(saddles: Any, options: dict[str, Any]) -> tuple[Any, InputError | None]:
    """Return the path that was asked for, if any, or why there is none."""
    try:
        return (saddles.lowest_path(*options["path"]) if "path" in options else None), None
    except InputError as error:
        return None, error


def _result(options: dict[str, Any]) -> Any:
    """Return the result to connect: a saved one, or that of a run now."""
    import batchgd as bgd

    fun = load_target(options["target"]) if "target" in options else None
    if "run" not in options:
        return bgd.multistart(fun, **solver_arguments(fun, options))
    extra = [name for name in options if name not in _OF_A_RUN]
    if extra:
        raise InputError(f"--{extra[0].replace('_', '-')} says how to run, and --run has run already: leave one out")
    result = bgd.load(options["run"], fun=fun)
    if not hasattr(result, "connect"):
        raise InputError(f"{options['run']} holds endpoints without minima: connect a run of multistart")
    return result
