"""`batchgd sweep`: the effect of the learning rate, or of any hyperparameter, on descents."""

from typing import Any

from batchgd.cli import destinations
from batchgd.cli.console import EXIT_DONE, EXIT_INTERRUPTED, Console, show
from batchgd.cli.options import FLAG, INTEGER, LIMIT_OF_ALL, PRINTING, SHARED, Kind, Option, named, numbers, plot_option
from batchgd.cli.parameters import PairsCommand, takes
from batchgd.cli.solver import arguments_of
from batchgd.cli.target import load_target
from batchgd.problem.errors import InputError

_POINTS = 25


_RATES = Kind("LO HI", "two numbers, LO and HI (as in --learning-rate 1e-4 1), or a list such as 0.1,0.2,0.3", numbers)
_LISTS = Kind("NAME=A,B,...", "a name and numbers, as in --over momentum=0,0.5,0.9", named(numbers), repeatable=True)
SWEEP_OPTIONS = (
    Option("learning_rate", _RATES, "Learning rates from LO to HI, spaced by equal factors; or a list, A,B,C."),
    Option("points", INTEGER, f"Number of learning rates from LO to HI (default: {_POINTS})."),
    Option("over", _LISTS, "Another hyperparameter with its values, such as momentum=0,0.5,0.9; repeatable."),
    Option("zipped", FLAG, "Take the k-th values of all swept hyperparameters together, not every combination."),
    Option("fidelity", FLAG, "Compare with gradient flow, start by start (default: yes)."),
    *(option for option in SHARED if option.name != "learning_rate"),
    plot_option("the sweep"),
    LIMIT_OF_ALL,
    *PRINTING,
)


class SweepCommand(PairsCommand):
    """Joins the numbers of `--learning-rate LO HI` too."""

    PAIRS = (*PairsCommand.PAIRS, "--learning-rate")


@takes(SWEEP_OPTIONS)
def sweep(options: dict[str, Any]) -> int:
    """Descend from the same starts at every learning rate (or other hyperparameter), and report its effect.

    FUN is a landscape's name (`batchgd list` shows them) or FILE.py:FUNCTION, a plain Python function of one point.
    """
    console = Console(quiet=options.get("quiet", False))
    with console.guard_stdout():
        destinations.check(options)
        result = _solve(options, console)
    show(options, result.__str__, result.summary)
    with console.guard_stdout():
        if "plot" in options:
            result.plot(options["plot"])
            console.say(f"picture written to {options['plot']}")
    if result.interrupted:
        console.say("interrupted: this is what was found so far")
        return EXIT_INTERRUPTED
    return EXIT_DONE


def _solve(options: dict[str, Any], console: Console) -> Any:
    import batchgd as bgd

    options["fun"] = load_target(options.get("fun"))
    fixed, values = options.get("set", {}), _swept(options)
    if twice := [name for name in fixed if name in values]:
        raise InputError(f"{', '.join(twice)} is both fixed by --set and swept: omit one of the two")
    besides = {name: value for name, value in options.items() if name not in ("learning_rate", "set", "method")}
    method = {"method": options["method"]} if "method" in options else {}
    arguments = arguments_of(bgd.sweep, besides) | method | fixed | values
    with console.progress() as progress:
        return bgd.sweep(**arguments, progress=progress)


def _swept(options: dict[str, Any]) -> dict[str, list[float]]:
    """The values of every swept hyperparameter."""
    import numpy as np

    from batchgd.analysis.sweeps.grid import MAX_VALUES

    values = dict(options.get("over", {}))
    rates = options.get("learning_rate")
    if rates is not None and len(rates) == 2:
        low, high = rates
        if not 0.0 < low < high < np.inf:
            raise InputError(f"--learning-rate takes LO below HI, both above 0, not {low:g} and {high:g}")
        points = options.get("points", _POINTS)
        if not 2 <= points <= MAX_VALUES:
            raise InputError(f"--points is {points}: give 2 to {MAX_VALUES}")
        rates = np.geomspace(low, high, points).tolist()
    elif "points" in options:
        raise InputError("--points needs --learning-rate LO HI: add it, or omit --points")
    if rates is not None:
        values["learning_rate"] = rates
    if not values:
        raise InputError("nothing to sweep: add --learning-rate LO HI, or --over NAME=A,B,...")
    return values
