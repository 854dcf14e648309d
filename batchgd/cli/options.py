"""The options of the commands, one row each: the shell, TOML files and the help all read this table."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any

from batchgd.problem.errors import InputError, bare, quoted


@dataclass(frozen=True)
class Kind:
    """How an option's value is written: texts from the shell and values from TOML go through the same check."""

    metavar: str
    wants: str  # completes "--name takes ..."
    convert: Callable[[Any], Any]  # raises ValueError or TypeError if a value does not fit
    repeatable: bool = False


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise TypeError
    return float(value)


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise TypeError
    try:
        exact = Decimal(value.replace("_", "")) if isinstance(value, str) else Decimal(value)
    except InvalidOperation as error:
        raise ValueError from error
    # A huge exponent would be written out digit by digit.
    if not exact.is_finite() or exact.adjusted() > 30 or exact != exact.to_integral_value():
        raise ValueError
    return int(exact)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _pairs(value: Any) -> list[tuple[float, float]]:
    """Read the boxes: from the shell a list of texts "LO,HI", from TOML one pair or a list of pairs."""
    if not isinstance(value, list) or not value:
        raise TypeError
    if not any(isinstance(entry, (list, str)) for entry in value):
        value = [value]
    pairs = []
    for entry in value:
        low, high = entry.split(",") if isinstance(entry, str) else entry
        pairs.append((_number(low), _number(high)))
    return pairs


def _domain(value: Any) -> Any:
    """Read domains: words, or LO:HI from the shell and [LO, HI] from TOML; one alone is for all coordinates."""
    if not isinstance(value, list) or not value:
        value = [value]
    entries = [_number_pair(entry) if isinstance(entry, str) and ":" in entry else entry for entry in value]
    return entries[0] if len(entries) == 1 else entries


def _number_pair(text: str) -> tuple[float, float]:
    low, high = text.split(":")
    return _number(low), _number(high)


def numbers(value: Any) -> list[float]:
    """Read a point: from the shell a list of texts "1,2,3", from TOML a number or a list of numbers."""
    entries = value if isinstance(value, list) else [value]
    read: list[float] = []
    for entry in entries:
        read += [_number(part) for part in entry.split(",")] if isinstance(entry, str) else [_number(entry)]
    if not read:
        raise ValueError
    return read


def _points(value: Any) -> list[list[float]]:
    """Read points: from the shell a list of texts "1,2,3", from TOML one list of numbers or a list of lists."""
    if not isinstance(value, list) or not value:
        raise TypeError
    if not any(isinstance(entry, (list, str)) for entry in value):
        value = [value]
    return [numbers(entry if isinstance(entry, list) else [entry]) for entry in value]


def _texts(value: Any) -> list[str]:
    return [_text(entry) for entry in (value if isinstance(value, list) else [value])]


def named(convert: Callable[[Any], Any]) -> Callable[[Any], dict[str, Any]]:
    """Return a function that reads values by name: from the shell a list of texts "name=value", from TOML a table."""

    def read(value: Any) -> dict[str, Any]:
        if isinstance(value, list):
            value = dict(entry.split("=", 1) for entry in value)
        if not isinstance(value, dict) or not value:
            raise TypeError
        return {name.strip().replace("-", "_"): convert(item) for name, item in value.items()}

    return read


def _parameters(value: Any) -> dict[str, Any]:
    """Read what is known of the parameters of a fit: texts "name=...", from TOML a table of texts and numbers."""
    if isinstance(value, list):
        pairs = []
        for entry in value:
            name, sign, item = (part.strip() for part in entry.partition("="))
            if not sign or not name.isidentifier():
                raise InputError(f"--param takes {PARAMETERS.wants}, not {quoted(entry)}")
            pairs.append((name, item))
        value = dict(pairs)
        if len(value) < len(pairs):
            twice = next(name for k, (name, _) in enumerate(pairs) if name in dict(pairs[:k]))
            raise InputError(f"--param {twice} is given twice: give it once")
    if not isinstance(value, dict) or not value or not all(name.isidentifier() for name in value):
        raise TypeError
    from batchgd.analysis.fitting.expressions import normal

    return {normal(name): _one_parameter(name, item) for name, item in value.items()}


def _one_parameter(name: str, item: Any) -> Any:
    try:
        return _parameter(item)
    except InputError:
        raise
    except (ValueError, TypeError) as error:
        raise InputError(f"--param takes {PARAMETERS.wants}, not {quoted(f'{name}={item}')}") from error


def _parameter(item: Any) -> Any:
    """Read limits "0:5" or "1e-4:1e2:log"; with where to start, "2 in 0:inf", "1:9 in 0:inf"; a number; a formula."""
    from batchgd.analysis.fitting import Parameter

    if isinstance(item, list):
        low, high = map(_number, item)
        return low, high
    if not isinstance(item, str) or not item:
        return Parameter(_number(item), vary=False)
    if ":" not in item:
        try:
            return Parameter(_number(item), vary=False)
        except ValueError:
            return Parameter(expr=item)
    begin, _, limits = item.rpartition(" in ")
    lower, upper, *rest = (part.strip() for part in limits.split(":"))
    if len(rest) > 1:
        raise ValueError
    low, high, scale = float(lower or "-inf"), float(upper or "inf"), rest[0] if rest else "linear"
    if ":" in begin:
        return Parameter(None, low, high, scale=scale, box=tuple(map(float, begin.split(":"))))
    return Parameter(float(begin) if begin else None, low, high, scale=scale)


def _setting(value: Any) -> Any:
    """Read one hyperparameter; a flag or a schedule (a table in TOML) is checked by the method."""
    if value in ("true", "false"):
        return value == "true"
    return value if isinstance(value, bool | dict) else _rate(value)


def _rate(value: Any) -> Any:
    """Read a number or, as in "Exponential(0.1, 0.97)", a schedule."""
    if isinstance(value, str) and "(" in value:
        from batchgd.problem.methods.schedules import parse_schedule

        return parse_schedule(value)
    return _number(value)


def _limit(value: Any) -> int | str:
    if isinstance(value, str) and bare(value) == "all":
        return "all"
    limit = _integer(value)
    if limit < 0:
        raise ValueError
    return limit


def _norm(value: Any) -> int | str:
    if isinstance(value, str) and bare(value) == "max":
        return "max"
    if _number(value) != 2.0:
        raise ValueError
    return 2


def _scale(value: Any) -> Any:
    return {"auto": "auto", "box": "box", "none": None}[value.lower()] if str(value).isalpha() else numbers(value)


SCALE = Kind("auto|box|none|S,S,...", "auto, box, none, or widths separated by commas", _scale)
FUNCTION = Kind("FUN", "a landscape's name or FILE.py:FUNCTION", _text)
TEXT = Kind("TEXT", "a text", _text)
PATH = Kind("PATH", "a path", _text)
NUMBER = Kind("NUMBER", "a number", _number)
RATE = Kind("NUMBER|SCHEDULE", "a number, or a schedule such as 'Exponential(0.1, 0.97)'", _rate)
INTEGER = Kind("INTEGER", "a whole number, such as 1000 or 1e6", _integer)
LIMIT_OF_ROWS = Kind("N|all", "a whole number of at least 0, or all", _limit)
NORM = Kind("2|max", "2 or max", _norm)
FLAG = Kind("", "true or false", _flag)
BOX = Kind("LO HI", "two numbers, LO and HI (as in --box -5 5)", _pairs, repeatable=True)
BOUNDS = Kind("LO HI", "two numbers, LO and HI, or inf (as in --bounds 0 inf)", _pairs, repeatable=True)
DOMAIN = Kind(
    "WORD|LO:HI", "free, positive, periodic, or an interval LO:HI (as in --domain 0:inf)", _domain, repeatable=True
)
POINT = Kind("X,Y,...", "numbers separated by commas", numbers, repeatable=True)
POINTS = Kind("X,Y,...", "numbers separated by commas, as in --x0 1,2", _points, repeatable=True)
TEXTS = Kind("TEXT", "a text, or several", _texts, repeatable=True)
NUMBERS = Kind("NUMBER", "a number, or several", numbers, repeatable=True)
SETTINGS = Kind(
    "NAME=VALUE", "a name and a number (or a schedule), as in --set momentum=0.8", named(_setting), repeatable=True
)

PARAMETERS = Kind(
    "NAME=LO:HI[:log]",
    "a name with limits, as in a=0:5, k=1e-4:1e2:log or 'a=2 in 0:inf', a fixed number, or a formula, as in b=1-a",
    _parameters,
    repeatable=True,
)


@dataclass(frozen=True)
class Option:
    """One option: its name in Python, its kind, and its help."""

    name: str
    kind: Kind
    help: str

    @property
    def flag(self) -> str:
        """The name in the shell.

        >>> Option("learning_rate", NUMBER, "").flag
        '--learning-rate'
        """
        return "--" + self.name.replace("_", "-")

    def read(self, value: Any, where: str = "", shown: str = "") -> Any:
        """Convert a value, or raise InputError with the option's name, or the one ``shown``, and what it takes.

        >>> Option("starts", INTEGER, "").read("1e6")
        1000000
        """
        try:
            return self.kind.convert(value)
        except InputError:
            raise  # it already explains what is wrong
        except (ValueError, TypeError, OverflowError, KeyError):
            last = value[-1] if isinstance(value, list) and value and self.kind.repeatable else value
            name = shown or (f"{where}{self.name}" if where else self.flag)
            raise InputError(f"{name} takes {self.kind.wants}, not {quoted(last)}") from None


REGION = (
    Option("box", BOX, "Range of one coordinate; repeat for each coordinate, or give it once with --dim for all."),
    Option("dim", INTEGER, "Number of coordinates."),
)
BOUNDED = Option(
    "bounds",
    BOUNDS,
    "Interval that a coordinate never leaves, with -inf or inf for an open side; repeat as --box, whose default it is.",
)
DOMAIN_OF = Option(
    "domain",
    DOMAIN,
    "Range of a coordinate: free, positive (descends in ln x), periodic (an angle) or LO:HI; one for all, or one each.",
)
PROBLEM = (*REGION, BOUNDED, DOMAIN_OF)
STARTS = (
    Option("starts", INTEGER, "Number of starting points, such as 1e6 (default: 10000)."),
    Option("sampling", TEXT, "uniform (default), sobol, latin_hypercube, grid, or normal with --mean and --std."),
    Option("mean", POINT, "Centre of the starts of --sampling normal."),
    Option("std", POINT, "Standard deviation of the starts of --sampling normal: one number, or one per coordinate."),
    Option("seed", INTEGER, "Seed of the starting points (default: 0)."),
)
METHOD = (
    Option("method", TEXT, "Update rule: barzilai_borwein (default), gradient_descent, adam, ..."),
    Option("learning_rate", RATE, "Learning rate, or a schedule of it; without --method it selects gradient_descent."),
    Option("set", SETTINGS, "Another hyperparameter of the method, such as beta1=0.8 or clip_norm=1; repeatable."),
    Option("scale", SCALE, "Units in which steps are measured: auto (default), box, none, or a width per coordinate."),
)
STOPPING = (
    Option("gtol", NUMBER, "Stop at this gradient norm; 0 for off (default: 1e-6 or less, depending on the function)."),
    Option("xtol", NUMBER, "Stop at a step of this length relative to x (default: off)."),
    Option("ftol", NUMBER, "Stop at this relative change of the value (default: off)."),
    Option("maxiter", INTEGER, "Largest number of updates of one trajectory (default: 10000)."),
    Option("max_time", NUMBER, "Time limit for the whole run, in seconds."),
    Option("escape", NUMBER, "Give up a trajectory this many box widths outside the box (default: 10)."),
    Option("target", NUMBER, "Stop a trajectory at this value or below."),
    Option("gtol_rel", NUMBER, "Stop at this gradient norm relative to that of the start."),
    Option("xtol_abs", NUMBER, "Stop at a step of this length."),
    Option("xtol_rel", NUMBER, "Stop at a step of this length relative to x alone."),
    Option("ftol_abs", NUMBER, "Stop at this change of the value."),
    Option("ftol_rel", NUMBER, "Stop at this change relative to the value alone."),
    Option("norm", NORM, "Norm of the gradient: 2 (default) or max, the largest component."),
    Option("window", INTEGER, "Consecutive updates for which a tolerance must hold (default: 1)."),
    Option("maxfev", INTEGER, "Largest number of evaluations of one trajectory."),
    Option("patience", INTEGER, "Stop if the best value has not improved for this many updates ..."),
    Option("min_delta", NUMBER, "... by more than this (default: 0)."),
    Option("f_growth", NUMBER, "Diverged: the value has risen by this factor times max(1, |value at the start|)."),
    Option("x_growth", NUMBER, "Diverged: x is this many times larger than both the start and the box."),
    Option("oscillation", INTEGER, "Give up after this many updates back and forth without decrease, such as 10."),
)
COMPUTE = (
    Option("backend", TEXT, "auto (default), cuda, cpu or numpy."),
    Option("dtype", TEXT, "float64 (default), float32, or mixed: float32 first, then float64."),
    Option("threads", INTEGER, "Worker threads of the cpu backend (default: one per core)."),
)
IDENTITY = (
    Option("identity_x", NUMBER, "Endpoints this close, in box widths, are one minimum (default: 1e-6) ..."),
    Option(
        "identity_f",
        NUMBER,
        "... if their values are this close, relative to |f| or to a typical value in the box (default: 1e-9).",
    ),
    Option(
        "identity_symmetry",
        TEXT,
        "Points that it transforms into each other are one minimum: cluster (equal atoms in 3-D), 'signs(1)', "
        "'rotations(2) * translations(2)', ...; none ignores a landscape's.",
    ),
)
ATOMS = Option("atoms", INTEGER, "Number of atoms of lennard_jones and morse, in place of --dim.")
MULTISTART = (
    ATOMS,
    Option("strategy", TEXT, "Choose starts during the run: mlsl, basin_hopping or rare_basins."),
    Option("strategy_set", SETTINGS, "A setting of the strategy, such as hops=50 or sigma=4; repeatable."),
    Option(
        "keep",
        TEXT,
        "all (default); minima: no trajectories, so that memory does not grow with --starts; disk: only in --run.",
    ),
    Option(
        "until",
        NUMBER,
        "Run until the basins seen cover this share, such as 0.999; --starts is the limit.",
    ),
    Option("confidence", NUMBER, "... with this confidence (default: 0.95)."),
    Option("check", FLAG, "Run some starts again at half the step; warn if labels depend on the step."),
    Option("fidelity", INTEGER, "Compare the labels of this many starts with those of gradient flow."),
)
RUN = Option("run", PATH, "Save each part of the run in this folder; the same line again does only what is missing.")
PARTS = (
    RUN,
    Option("shard", TEXT, "With --run: make only the I-th of N shards, written I/N, as in --shard 3/16."),
)
EXECUTORS = (
    Option("workers", INTEGER, "Share the run among this many processes on this machine."),
    Option("scheduler", TEXT, "Share the run among the workers of Dask's scheduler here, such as tcp://host:8786."),
)
SAVING = (
    Option("out", PATH, "Save the result in this new file, an .npz file of NumPy."),
    Option("overwrite", FLAG, "Replace an existing result in the file of --out."),
)
CSV = Option("csv", FLAG, "Print the minima as CSV, one line each, instead of the table.")
LIMIT = Option("limit", LIMIT_OF_ROWS, "Rows of a table to print, or all (default: 20; with --json or --csv 10000).")
LIMIT_OF_ALL = replace(LIMIT, help="Rows of the table to print (default: all).")
PRINTING = (
    Option("json", FLAG, "Print one JSON object instead of the table."),
    Option("quiet", FLAG, "Print no messages and no progress on stderr, only errors."),
)
SHARED = (*PROBLEM, *STARTS, *METHOD, *STOPPING, *COMPUTE, *IDENTITY)
"""Options that determine a run: every command that runs descents takes all or some of these."""


def picked(*names: str) -> tuple[Option, ...]:
    """Return some of the shared options.

    >>> [option.flag for option in picked("seed", "learning_rate")]
    ['--seed', '--learning-rate']
    """
    by_name = {option.name: option for option in SHARED}
    return tuple(by_name[name] for name in names)


def plot_option(what: str) -> Option:
    """Return the option ``--plot`` of a command that draws this."""
    return Option("plot", PATH, f"Draw {what} into this file (.png, .svg, .pdf).")
