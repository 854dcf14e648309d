"""`batchgd fit`: fit a model to the columns of a table."""

import functools
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from batchgd.cli import destinations
from batchgd.cli.console import EXIT_DONE, EXIT_INTERRUPTED, Console, show
from batchgd.cli.fit_data import FitData, read_data
from batchgd.cli.options import (
    COMPUTE,
    FLAG,
    IDENTITY,
    INTEGER,
    LIMIT,
    NUMBER,
    NUMBERS,
    PARAMETERS,
    PATH,
    PRINTING,
    RUN,
    SAVING,
    STOPPING,
    TEXT,
    TEXTS,
    Kind,
    Option,
    picked,
    plot_option,
)
from batchgd.cli.parameters import takes
from batchgd.cli.printing import one_format
from batchgd.cli.solver import arguments_of
from batchgd.cli.target import load_target
from batchgd.engine.interrupts import heeded
from batchgd.problem.errors import InputError

DATA = Option("data", Kind("DATA", "a CSV file", TEXT.convert), "A table: CSV or its kin, also .gz; - for stdin.")
COLUMN = Kind("COLUMN", "the name or the number of a column", TEXT.convert)
_SYMMETRY = "Points that it transforms into each other are one solution, such as 'signs(1)'; see also --exchangeable."
_LIMIT = (
    "Rows of each table to print, or all (default: 10 correlations, 5 solutions and all parameters; with --json 10000)."
)
COLUMNS = replace(TEXTS, metavar="COLUMN")
NAMES = replace(TEXTS, metavar="NAME")
OPTIONS = (
    Option("model", Kind("FILE.py:MODEL", "FILE.py:MODEL", TEXT.convert), "A function model(x, a, b, ...)."),
    Option("expr", TEXT, "Instead of it, a formula of x and parameters, such as 'a*exp(-k*t) + c'."),
    Option(
        "param",
        PARAMETERS,
        "Limits of a parameter, between which starts are drawn: a=0:5, or k=1e-4:1e2:log for a magnitude. With where "
        "to start: 'a=2 in 0:inf', 'a=1:9 in 0:inf'. Fixed: c=0.3. A formula of others: b=1-a. Repeat for each.",
    ),
    Option("x", COLUMNS, "Column of an independent variable, by name or number, or NAME=COLUMN; repeatable."),
    Option("y", COLUMN, "Column of the observations (default: the only other one with numbers)."),
    Option("sigma", COLUMN, "Column of the standard deviations of y."),
    Option("absolute_sigma", FLAG, "Sigma is known absolutely, not only up to a factor."),
    Option("group", COLUMN, "Column whose values name data sets that are fitted together ..."),
    Option("shared", NAMES, "... with this parameter in common; repeatable. The others have a value for each."),
    Option("exchangeable", replace(TEXTS, metavar="NAME,..."), "Parameters of a component; repeat for each like it."),
    Option("separator", TEXT, "comma, semicolon, tab, bar, blanks or a character (default: guessed)."),
    Option("header", FLAG, "The first row contains names (default: if it contains no number)."),
    Option("starts", INTEGER, "Number of starts (default: 1000)."),
    Option("sampling", TEXT, "uniform (default), sobol, latin_hypercube or grid."),
    *picked("seed"),
    Option("loss", TEXT, "linear (default), soft_l1, huber, cauchy or arctan, which give outliers less weight ..."),
    Option("f_scale", NUMBER, "... from residuals of this size on, in units of sigma (default: 1)."),
    Option("method", TEXT, "Update rule (default: levenberg_marquardt)."),
    *picked("learning_rate", "set"),
    *STOPPING,
    *(option for option in COMPUTE if option.name != "dtype"),
    *(option if option.name != "identity_symmetry" else replace(option, help=_SYMMETRY) for option in IDENTITY),
    Option("until", NUMBER, "Run until the basins seen cover this share, such as 0.99; --starts is the limit."),
    Option("confidence", NUMBER, "... with this confidence (default: 0.95)."),
    Option("ci", NUMBERS, "Also print confidence intervals from profiles at this level, such as 0.95; repeatable."),
    Option("profile", PATH, "Draw the profiles of all parameters into this file."),
    plot_option("data, curve, band and residuals"),
    *SAVING,
    Option("report", PATH, "Write the report into this file as well: .txt, .json or .csv."),
    Option("csv", FLAG, "Print the parameters as CSV, one line each, instead of the report."),
    RUN,
    replace(LIMIT, help=_LIMIT),
    *PRINTING,
)


@takes(OPTIONS, DATA)
def fit(options: dict[str, Any]) -> int:
    """Fit a model to a table by least squares, from many starts: errors, all optima, how many starts agree.

    batchgd fit data.csv --expr "a*exp(-k*t) + c" --param a=0:5 --param k=1e-4:1e2:log --param c=0.3 --x t --y signal
    """
    console = Console(quiet=options.get("quiet", False))
    with console.guard_stdout():
        arguments, data = _arguments(options)
    with heeded() as interrupt:
        with console.guard_stdout():
            try:
                found = _solve(arguments, data, console)
            except InputError:
                if interrupt.seen:
                    raise KeyboardInterrupt from None  # there is nothing to show
                raise
            profiles = None if interrupt.seen else _profiles(found, options, console)
        _print(found, profiles, options, data)
        with console.guard_stdout():
            _write(found, profiles, options, data, console)
        if interrupt.seen or found.landscape.interrupted:
            console.say("interrupted: this is what was found so far")
            return EXIT_INTERRUPTED
    return EXIT_DONE


def _arguments(options: dict[str, Any]) -> tuple[dict[str, Any], FitData]:
    """Check everything that can be checked beforehand; return the arguments of `bgd.fit`, and its data."""
    import batchgd as bgd

    destinations.check(options)
    one_format(options)
    _check(options)
    parameters = options.get("param", {})
    model, named = _model(options, parameters)
    data = read_data(options, model, named)
    arguments = arguments_of(bgd.fit, {name: value for name, value in options.items() if name not in _OWN})
    if "exchangeable" in options:
        arguments["exchangeable"] = [tuple(text.replace(" ", "").split(",")) for text in options["exchangeable"]]
    if "until" in options:
        settings = {"confidence": options["confidence"]} if "confidence" in options else {}
        arguments["until"] = bgd.Coverage(options["until"], **settings)
    return {"model": model, "parameters": parameters, **data.arguments, **arguments}, data


_OWN = (
    "model",
    "x",
    "y",
    "sigma",
    "shared",
    "exchangeable",
    "until",
)  # options that are not what the argument of this name takes


def _check(options: dict[str, Any]) -> None:
    for one, other in (("confidence", "until"), ("shared", "group"), ("absolute_sigma", "sigma")):
        if options.get(one) and other not in options:
            flag = "--" + one.replace("_", "-")
            raise InputError(f"{flag} needs --{other}; add it, or omit {flag}")
    if "data" not in options:
        raise InputError("DATA is missing: give a CSV file, or - for stdin")
    if ("model" in options) == ("expr" in options):
        raise InputError("give one of --model FILE.py:MODEL and --expr FORMULA")
    if "param" not in options:
        raise InputError("--param is missing: give the limits of each parameter, as in --param a=0:5")
    if "report" in options:
        destinations.check_report(options["report"])
    if "ci" in options:
        from batchgd.analysis.fitting.profile_levels import levels_of

        levels_of(options["ci"], ())


def _model(options: dict[str, Any], parameters: dict[str, Any]) -> tuple[Any, list[str]]:
    """Return the model, and the names in a formula that are variables or parameters that were not given."""
    if "model" in options:
        if ":" not in options["model"]:
            raise InputError(f"--model is {options['model']!r}: write FILE.py:MODEL, or give a formula with --expr")
        return load_target(options["model"]), []
    from batchgd.analysis.fitting.expressions import Expression

    expression = Expression.parse(options["expr"], "--expr")
    return expression.text, sorted(expression.names - parameters.keys())


def _solve(arguments: dict[str, Any], data: FitData, console: Console) -> Any:
    import batchgd as bgd

    announce = functools.cache(lambda: console.say(data.about))
    with console.progress() as printer:

        def progress(update: bgd.ProgressUpdate) -> None:
            announce()  # not before the run has begun: what `bgd.fit` refuses prints one line only
            printer(update)

        found = bgd.fit(**arguments, progress=printer and progress)
    announce()
    return found


def _profiles(found: Any, options: dict[str, Any], console: Console) -> Any:
    """Return the profiles if they are asked for, or None."""
    if "ci" not in options and "profile" not in options:
        return None
    try:
        with console.progress() as printer:
            return found.profile(level=options.get("ci"), progress=printer)
    except InputError as error:  # the fit itself is still worth printing
        console.say(f"no profiles: {error}")
        return None


def _print(found: Any, profiles: Any, options: dict[str, Any], data: FitData) -> None:
    if options.get("csv"):
        print(found.to_csv(), end="")
    else:
        show(options, lambda: _text(found, profiles), lambda: _record(found, profiles, data))


def _text(found: Any, profiles: Any) -> str:
    if profiles is None:
        return str(found)
    doubts = [str(each) for each in profiles.identifiability.values() if each.why]
    return "\n\n".join([str(found), str(profiles.intervals), *filter(None, ["\n".join(doubts)])])


def _record(found: Any, profiles: Any, data: FitData) -> dict[str, Any]:
    more = {} if profiles is None else profiles.record()
    return {"data": data.about, "groups": data.groups, **found.record(), **more}


def _report(found: Any, profiles: Any, path: str, data: FitData) -> Iterable[str]:
    from batchgd.output.json_text import json_pieces

    kind = Path(path).suffix.lower()
    if kind == ".json":
        return json_pieces(_record(found, profiles, data))
    return [found.to_csv() if kind == ".csv" else f"{data.about}\n\n{_text(found, profiles)}\n"]


def _write(found: Any, profiles: Any, options: dict[str, Any], data: FitData, console: Console) -> None:
    destinations.keep(found, options, console)
    if "report" in options:
        destinations.write_report(options["report"], _report(found, profiles, options["report"], data), console)
    if "plot" in options:
        found.plot(options["plot"], x=data.labels["x"] or None, y=data.labels["y"], sets=data.groups)
        console.say(f"picture written to {options['plot']}")
    if "profile" in options and profiles is not None:
        profiles.plot(options["profile"])
        console.say(f"picture written to {options['profile']}")
