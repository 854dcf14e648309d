"""`batchgd curvature`: whether a function is convex over a box, and how strongly it curves."""

from typing import Any

from batchgd.cli.console import EXIT_DONE, Console, show
from batchgd.cli.options import INTEGER, PRINTING, REGION, Option
from batchgd.cli.parameters import takes
from batchgd.cli.solver import arguments_of
from batchgd.cli.target import load_target

CURVATURE_OPTIONS = (
    *REGION,
    Option("samples", INTEGER, "Number of points at which the Hessian is evaluated (default: 4096)."),
    Option("seed", INTEGER, "Seed of the points (default: 0)."),
    PRINTING[0],
)


@takes(CURVATURE_OPTIONS)
def curvature(options: dict[str, Any]) -> int:
    """Sample the Hessian over the box: convex or not, with a witness; strong convexity, Lipschitz constant, condition.

    FUN is a landscape's name (`batchgd list` shows them) or FILE.py:FUNCTION, a plain Python function of one point.
    """
    import batchgd as bgd

    with Console().guard_stdout():
        options["fun"] = load_target(options.get("fun"))
        found = bgd.curvature(**arguments_of(bgd.curvature, options))
    show(options, found.__str__, found.to_dict)
    return EXIT_DONE
