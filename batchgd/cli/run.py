"""`batchgd run`: one multi-start descent."""

import functools
from typing import Any

from batchgd.cli import destinations
from batchgd.cli.console import EXIT_DONE, EXIT_INTERRUPTED, Console
from batchgd.cli.options import CSV, EXECUTORS, LIMIT, MULTISTART, PARTS, PRINTING, SAVING, SHARED, plot_option
from batchgd.cli.parameters import takes
from batchgd.cli.printing import one_format, show_result
from batchgd.cli.scheduler import check_executors, executor_of
from batchgd.cli.solver import arguments_of
from batchgd.cli.target import load_target
from batchgd.engine.interrupts import heeded
from batchgd.problem.errors import InputError
from batchgd.problem.wording import plural

EPILOG = (
    "Exit codes: 0 done, 2 bad input, 130 ended by Ctrl-C (what was found so far is printed), 141 stdout was closed by "
    "its reader (all files are written), 1 anything else. "
    "BATCHGD_TRACEBACK=1 shows where an error came from."
)


OPTIONS = (*SHARED, *MULTISTART, *PARTS, *EXECUTORS, *SAVING, plot_option("the landscape"), CSV, LIMIT, *PRINTING)


@takes(OPTIONS)
def run(options: dict[str, Any]) -> int:
    """Run gradient descent from many starting points and report the minima found.

    FUN is a landscape's name (`batchgd list` shows them) or FILE.py:FUNCTION, a plain Python function of one point.
    """
    console = Console(quiet=options.get("quiet", False))
    with console.guard_stdout():
        arguments = _arguments(options)
    with heeded() as interrupt:  # from here on Ctrl-C loses nothing
        with console.guard_stdout():
            with executor_of(options) as executor:
                result = _solve(arguments | executor, console)
            fidelity = result.fidelity(options["fidelity"]) if "fidelity" in options else None
            fidelity = None if interrupt.seen else fidelity
        show_result(result, options, {} if fidelity is None else {"fidelity": fidelity}, console)
        with console.guard_stdout():
            _write(result, options, console)
        if interrupt.seen or getattr(result, "interrupted", False):
            console.say("interrupted: this is what was found so far")
            return EXIT_INTERRUPTED
    return EXIT_DONE


def _arguments(options: dict[str, Any]) -> dict[str, Any]:
    """Check everything that can be checked beforehand; return the arguments of the solver."""
    destinations.check(options)
    one_format(options)
    for name, does in (("plot", "draws trajectories"), ("fidelity", "compares labels")):
        if name in options and options.get("keep") in ("minima", "disk"):
            raise InputError(f"--{name} {does}, which --keep {options['keep']} does not keep: omit one of the two")
    if "fidelity" in options:
        from batchgd.problem.check import whole

        whole("fidelity", options["fidelity"], 1, of="starts")
    check_executors(options)
    import batchgd as bgd

    arguments = arguments_of(bgd.multistart, options | {"fun": load_target(options.get("fun"))})
    if "until" in options:
        settings = {"confidence": options["confidence"]} if "confidence" in options else {}
        arguments["until"] = bgd.Coverage(options["until"], **settings)
    elif "confidence" in options:
        raise InputError("--confidence needs --until; add it, or omit --confidence")
    return arguments


def _solve(arguments: dict[str, Any], console: Console) -> Any:
    import batchgd as bgd
    from batchgd.engine.backends import choose

    _, why = choose(arguments.get("backend", "auto"))
    if getattr(arguments["fun"], "plain", False):
        why = "numpy: plain Python is called"
    announce = functools.cache(lambda: console.say(f"backend {why}"))
    with console.progress() as printer:

        def progress(update: bgd.ProgressUpdate) -> None:
            announce()  # not before the run has begun: an input that multistart refuses prints one line only
            printer(update)

        result = bgd.multistart(**arguments, progress=printer and progress)
    announce()
    if "run" in arguments:
        made = result.provenance
        there = made["parts"] - made["computed"]
        console.say(f"{plural(made['computed'], 'part')} computed and {there} found in {made['run']}")
    if "executor" in arguments:
        made = result.provenance
        again = f", {plural(made['again'], 'order')} repeated" if made["again"] else ""
        console.say(f"{plural(made['computed'], 'part')} computed by {plural(made['workers'], 'worker')}{again}")
    return result


def _write(result: Any, options: dict[str, Any], console: Console) -> None:
    destinations.keep(result, options, console)
    if "plot" in options:
        result.plot(options["plot"])
        console.say(f"picture written to {options['plot']}")
