"""`batchgd path`: the full paths of a few trajectories from the shell."""

import itertools
from typing import Any

from batchgd.cli import destinations
from batchgd.cli.console import EXIT_DONE, Console, print_json
from batchgd.cli.options import BY_NAME, INTEGER, NUMBERS, PATH, POINTS, TEXTS, Option
from batchgd.cli.parameters import takes
from batchgd.cli.solver import solver_arguments
from batchgd.cli.target import load_target
from batchgd.problem.errors import InputError

_RUN = (
    *("scale", "gtol", "xtol", "ftol", "maxiter", "max_time", "escape", "target_value", "gtol_rel", "xtol_abs"),
    *("xtol_rel", "ftol_abs", "ftol_rel", "norm", "window", "maxfev", "patience", "min_delta", "f_growth"),
    *("x_growth", "oscillation", "seed", "backend", "dtype", "threads"),
)

PATH_OPTIONS = (
    Option("x0", POINTS, "A start, one number per coordinate; repeatable."),
    BY_NAME["box"],
    Option("method", TEXTS, "Update rule; repeatable, to have several side by side."),
    Option("learning_rate", NUMBERS, "Learning rate; repeatable, to have several side by side."),
    BY_NAME["set"],
    Option("every", INTEGER, "Keep the point after every so many updates; 1 when not given."),
    Option("max_points", INTEGER, "Points of one path at most; 2000 when not given."),
    *(BY_NAME[name] for name in _RUN),
    Option("plot", PATH, "Draw the paths into this file (.png, .svg, .pdf)."),
    Option("convergence", PATH, "Draw value and gradient norm against updates into this file."),
    Option("animate", PATH, "Write an animation of them (.gif; .mp4 where ffmpeg is installed)."),
    BY_NAME["json"],
    BY_NAME["quiet"],
)


@takes(PATH_OPTIONS)
def path(options: dict[str, Any]) -> int:
    """Descend from a few starts, and print or draw every step on the way.

    TARGET is a landscape's name (`batchgd list` shows them) or FILE.py:FUNCTION, a plain Python function of one point.
    """
    console = Console(quiet=options.get("quiet", False))
    with console.guard_stdout():
        runs = _trace(options)
    if options.get("json"):
        print_json({"runs": [run.record() for run in runs]})
    else:
        print("\n\n".join(f"{run.result.method}\n{run}" for run in runs))
    with console.guard_stdout():
        _draw(runs, options, console)
    return EXIT_DONE


def _trace(options: dict[str, Any]) -> list[Any]:
    for name in ("plot", "convergence"):
        if name in options:
            destinations.check_picture(options[name])
    if "animate" in options:
        destinations.check_animation(options["animate"])
    fun = load_target(options["target"])
    methods = _methods(options)
    kept = {name: value for name, value in options.items() if name not in ("method", "learning_rate", "set")}
    arguments = solver_arguments(fun, kept)
    arguments |= {name: options[name] for name in ("x0", "every", "max_points") if name in options}
    arguments.pop("dim", None)  # the starts tell
    if "x0" not in arguments:
        raise InputError("name a start: --x0 1,2 (one number per coordinate), once per path")
    if len({len(start) for start in arguments["x0"]}) > 1:
        raise InputError("the starts of --x0 have different lengths: give one number per coordinate")
    arguments["box"] = _box(fun, arguments)

    import batchgd as bgd
    from batchgd.output.plot.paths import MAX_RUNS

    if len(methods) > MAX_RUNS:
        raise InputError(f"{len(methods)} methods and learning rates are too many: give at most {MAX_RUNS}")
    return [bgd.trace_path(fun, method=method, **arguments) for method in methods]


def _methods(options: dict[str, Any]) -> list[Any]:
    """Every method with every learning rate; a method without settings takes those that the table tries it with."""
    from batchgd.problem.methods import METHODS, as_method

    settings = options.get("set", {})
    made = []
    for name, rate in itertools.product(options.get("method", [None]), options.get("learning_rate", [None])):
        given = settings if rate is None else {**settings, "learning_rate": rate}
        made.append(as_method(name, **given) if name is None or given else METHODS.find(name).example())
    return made


def _box(fun: Any, arguments: dict[str, Any]) -> Any:
    """The box that was given, or that of the landscape, by which steps are measured as in `batchgd run`."""
    if "box" in arguments:
        return arguments["box"]
    if not isinstance(fun, str):
        return None
    from batchgd.problem import landscapes

    return landscapes.get(fun).box(len(arguments["x0"][0]))


def _draw(runs: list[Any], options: dict[str, Any], console: Console) -> None:
    if "plot" in options:
        from batchgd.output.plot.paths import compare_paths

        compare_paths(runs, options["plot"])
        console.say(f"picture written to {options['plot']}")
    if "convergence" in options:
        from batchgd.output.plot.canvas import write
        from batchgd.output.plot.paths import convergence

        write(convergence(runs), options["convergence"])
        console.say(f"picture written to {options['convergence']}")
    if "animate" in options:
        from batchgd.output.plot.animation import animate

        console.say(f"animation written to {animate(runs, options['animate'])}")
