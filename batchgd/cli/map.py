"""`batchgd map`: the basins on a plane."""

from typing import Any

from batchgd.cli import destinations
from batchgd.cli.console import EXIT_DONE, Console, show
from batchgd.cli.options import (
    COMPUTE,
    FLAG,
    IDENTITY,
    INTEGER,
    LIMIT,
    METHOD,
    POINT,
    PRINTING,
    PROBLEM,
    STOPPING,
    Option,
    plot_option,
)
from batchgd.cli.parameters import takes
from batchgd.cli.solver import arguments_of
from batchgd.cli.target import load_target
from batchgd.problem.errors import InputError

OPTIONS = (
    Option("resolution", INTEGER, "Pixels along each side (default: 512)."),
    Option("plane", POINT, "Two axes, such as 0,1; the other coordinates are fixed at those of --at."),
    Option("at", POINT, "A point of that plane (default: the centre of the box)."),
    Option("through", POINT, "Instead, the plane through three points: give this option three times."),
    Option("window", POINT, "Part of the plane, U0,U1,V0,V1 (default: the box)."),
    Option("audit", INTEGER, "Number of filled-in pixels to check with a descent (default: 1000)."),
    Option("adaptive", FLAG, "Descend only where neighbouring pixels differ (default), or from every pixel."),
    Option("borders", FLAG, "Also measure the borders: basin entropy, uncertainty exponent, fractal dimension."),
    *PROBLEM,
    *METHOD,
    *(option for option in STOPPING if option.name != "window"),
    *COMPUTE,
    *IDENTITY,
    plot_option("the map"),
    LIMIT,
    *PRINTING,
)


@takes(OPTIONS)
def map_basins(options: dict[str, Any]) -> int:
    """Map the basins on a plane: each pixel takes the minimum that the descent from its centre reaches.

    FUN is a landscape's name (`batchgd list` shows them) or FILE.py:FUNCTION. `--plot FILE` draws the map.
    """
    console = Console(quiet=options.get("quiet", False))
    destinations.check(options)
    with console.guard_stdout():
        import batchgd as bgd

        options["fun"] = load_target(options.get("fun"))
        arguments = arguments_of(bgd.map, options) | _geometry(options)
        with console.progress() as progress:
            basins = bgd.map(**arguments, progress=progress)
        borders = basins.borders() if options.get("borders") else None
    show(
        options,
        lambda: f"{basins}" if borders is None else f"{basins}\n\n{borders}",
        lambda: basins.to_dict() | ({} if borders is None else {"borders": borders.to_dict()}),
    )
    if "plot" in options:
        with console.guard_stdout():
            destinations.draw(basins.plot(), options["plot"], console)
    return EXIT_DONE


def _geometry(options: dict[str, Any]) -> dict[str, Any]:
    """Return the plane and the window as `bgd.map` takes them."""
    out: dict[str, Any] = {}
    if "plane" in options:
        if "through" in options:
            raise InputError("--plane and --through were both given: give two axes or three points")
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
