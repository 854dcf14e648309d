"""`batchgd curvature`: is a function convex over a box, and how strongly does it curve."""

from typing import Any

from batchgd.cli.console import EXIT_DONE, Console, print_json
from batchgd.cli.options import BY_NAME, INTEGER, Option
from batchgd.cli.parameters import takes
from batchgd.cli.solver import solver_arguments
from batchgd.cli.target import load_target

CURVATURE_OPTIONS = (
    BY_NAME["box"],
    BY_NAME["dim"],
    Option("samples", INTEGER, "Points at which the Hessian is taken; 4096 when not given."),
    Option("seed", INTEGER, "Seed of the points; 0 when not given.", True),
    BY_NAME["json"],
)


@takes(CURVATURE_OPTIONS)
def curvature(options: dict[str, Any]) -> int:
    """Sample the Hessian over the box: convex or not, with a witness; strong convexity, Lipschitz constant, condition.

    FUN is a landscape's name (`batchgd list` shows them) or FILE.py:FUNCTION, a plain Python function of one point.
    """
    import batchgd as bgd

    with Console().guard_stdout():
        fun = load_target(options["fun"])
        samples = {"samples": options["samples"]} if "samples" in options else {}
        found = bgd.curvature(fun, **solver_arguments(fun, options), **samples)
    if options.get("json"):
        print_json(found.to_dict())
    else:
        print(found)
    return EXIT_DONE
