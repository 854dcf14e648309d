"""`batchgd path`: the full paths of a few trajectories."""

import itertools
from typing import Any

from batchgd.cli import destinations
from batchgd.cli.console import EXIT_DONE, Console, show
from batchgd.cli.options import (
    COMPUTE,
    INTEGER,
    LIMIT,
    NUMBERS,
    PATH,
    POINTS,
    PRINTING,
    STOPPING,
    TEXTS,
    Option,
    picked,
    plot_option,
)
from batchgd.cli.parameters import takes
from batchgd.cli.solver import arguments_of
from batchgd.cli.target import load_target
from batchgd.problem.errors import InputError

PATH_OPTIONS = (
    Option("x0", POINTS, "A start, one number per coordinate; repeatable."),
    Option("method", TEXTS, "Update rule; repeatable, to compare several."),
    Option("learning_rate", NUMBERS, "Learning rate; repeatable, to compare several."),
    Option("every", INTEGER, "Keep the point after every n updates (default: 1)."),
    Option("max_points", INTEGER, "Largest number of points of one path (default: 2000)."),
    *picked("box", "bounds", "domain", "set", "scale", "seed"),
    *STOPPING,
    *COMPUTE,
    plot_option("the paths"),
    Option("convergence", PATH, "Draw value and gradient norm against updates into this file."),
    Option("animate", PATH, "Write an animation of the paths (.gif, or .mp4 if ffmpeg is installed)."),
    LIMIT,
    *PRINTING,
)


@takes(PATH_OPTIONS)
def path(options: dict[str, Any]) -> int:
    """Descend from a few starts, and print or draw every step on the way.

    FUN is a landscape's name (`batchgd list` shows them) or FILE.py:FUNCTION, a plain Python function of one point.
    """
    console = Console(quiet=options.get("quiet", False))
    with console.guard_stdout():
        runs = _trace(options)
    show(
        options,
        lambda: "\n\n".join(f"{run.result.method}\n{run}" for run in runs),
        lambda: {"runs": [run.record() for run in runs]},
    )
    with console.guard_stdout():
        _draw(runs, options, console)
    return EXIT_DONE


def _trace(options: dict[str, Any]) -> list[Any]:
    import batchgd as bgd
    from batchgd.output.plot.paths import MAX_RUNS

    destinations.check(options)
    fun, methods = load_target(options.get("fun")), _methods(options)
    kept = {name: value for name, value in options.items() if name not in ("method", "learning_rate", "set")}
    arguments = arguments_of(bgd.path, kept | {"fun": fun})
    if "x0" not in arguments:
        raise InputError("no start was given: add --x0 1,2 (one number per coordinate), once per path")
    if len({len(start) for start in arguments["x0"]}) > 1:
        raise InputError("the points of --x0 have different lengths: give one number per coordinate")
    if "box" not in arguments and "bounds" not in arguments and isinstance(fun, str):  # as in `batchgd run`
        from batchgd.problem import landscapes

        arguments["box"] = landscapes.get(fun).box(len(arguments["x0"][0]))
    if len(methods) > MAX_RUNS:
        raise InputError(f"{len(methods)} pairs of method and learning rate are too many: give at most {MAX_RUNS}")
    return [bgd.path(**arguments, method=method) for method in methods]


def _methods(options: dict[str, Any]) -> list[Any]:
    """Every method with every learning rate; a method without settings takes its example settings."""
    from batchgd.problem.methods import METHODS, as_method

    settings = options.get("set", {})
    chosen = []
    for name, rate in itertools.product(options.get("method", [None]), options.get("learning_rate", [None])):
        own = settings if rate is None else {**settings, "learning_rate": rate}
        chosen.append(as_method(name, **own) if name is None or own else METHODS.find(name).example())
    return chosen


def _draw(runs: list[Any], options: dict[str, Any], console: Console) -> None:
    if "plot" in options:
        from batchgd.output.plot.paths import compare_paths

        compare_paths(runs, options["plot"])
        console.say(f"picture written to {options['plot']}")
    if "convergence" in options:
        from batchgd.output.plot.paths import convergence

        destinations.draw(convergence(runs), options["convergence"], console)
    if "animate" in options:
        from batchgd.output.plot.animation import animate

        console.say(f"animation written to {animate(runs, options['animate'])}")
