"""`batchgd map`: the basins on a plane, from the shell."""

from typing import Any

from batchgd.cli import destinations
from batchgd.cli.console import EXIT_DONE, Console, print_json
from batchgd.cli.options import BY_NAME, FLAG, INTEGER, POINT, Option
from batchgd.cli.parameters import takes
from batchgd.cli.solver import solver_arguments
from batchgd.cli.target import load_target
from batchgd.problem.errors import InputError

_SHARED = (
    *("box", "dim", "method", "learning_rate", "set", "scale", "gtol", "xtol", "ftol", "maxiter", "escape"),
    *("backend", "dtype", "threads", "identity_x", "identity_f", "plot", "json", "quiet"),
)
OPTIONS = (
    Option("resolution", INTEGER, "Pixels a side; 512 when not given."),
    Option("plane", POINT, "Two axes, as 0,1; the other coordinates are held at --at."),
    Option("at", POINT, "A point of that plane; the centre of the box when not given."),
    Option("through", POINT, "The plane through three points instead: give it three times."),
    Option("window", POINT, "Part of the plane, as U0,U1,V0,V1; the box when not given."),
    Option("audit", INTEGER, "Pixels taken over from their neighbours to check after all; 1000 when not given."),
    Option("adaptive", FLAG, "Descend only where neighbours differ (default), or from every pixel."),
    Option("borders", FLAG, "Also measure the borders: basin entropy, uncertainty exponent, fractal dimension."),
    *(BY_NAME[name] for name in _SHARED),
)


@takes(OPTIONS)
def map_basins(options: dict[str, Any]) -> int:
    """Map the basins on a plane: each pixel takes the minimum that the descent from its centre reaches.

    FUN is a landscape's name (`batchgd list` shows them) or FILE.py:FUNCTION. `--plot FILE` draws the map.
    """
    console = Console(quiet=options.get("quiet", False))
    if "plot" in options:
        destinations.check_picture(options["plot"])
    with console.guard_stdout():
        fun = load_target(options["fun"])
        arguments = {**_geometry(options), **solver_arguments(fun, options)}

        import batchgd as bgd

        made = bgd.map(fun, **arguments)
        measured = made.borders() if options.get("borders") else None
    if options.get("json"):
        print_json(made.to_dict() | ({} if measured is None else {"borders": measured.to_dict()}))
    else:
        print(made if measured is None else f"{made}\n\n{measured}")
    if "plot" in options:
        from batchgd.output.plot.canvas import write

        with console.guard_stdout():
            write(made.plot(), options["plot"])
        console.say(f"picture written to {options['plot']}")
    return EXIT_DONE


def _geometry(options: dict[str, Any]) -> dict[str, Any]:
    """Return what says which pixels are drawn."""
    out: dict[str, Any] = {name: options[name] for name in ("resolution", "at", "audit", "adaptive") if name in options}
    if "plane" in options:
        if "through" in options:
            raise InputError("--plane takes two axes and --through three points: give one of them")
        out["plane"] = [int(k) if k.is_integer() else k for k in options["plane"]]
    if "through" in options:
        points = options["through"]
        if len(points) % 3:
            raise InputError(f"--through has {len(points)} numbers: give it three times, a whole point each")
        out["plane"] = [points[k : k + len(points) // 3] for k in range(0, len(points), len(points) // 3)]
    if "window" in options:
        if len(options["window"]) != 4:
            raise InputError("--window takes four numbers, U0,U1,V0,V1 (as in --window=-1,1,-1,1)")
        out["window"] = options["window"][:2], options["window"][2:]
    return out
