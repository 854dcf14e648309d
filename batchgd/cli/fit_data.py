"""From a table and the options of `batchgd fit` to the data of a fit: which columns are x, y, sigma and the groups."""

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from batchgd.cli.csv_file import CsvFile
from batchgd.cli.csv_layout import as_separator
from batchgd.problem.errors import InputError, quoted
from batchgd.problem.wording import plural

_MOST_GROUPS = 1_000


@dataclass
class FitData:
    """What `bgd.fit` is called with besides model and parameters, and the words that describe it."""

    arguments: dict[str, Any]
    about: str
    labels: dict[str, str]
    groups: list[str] = field(default_factory=list)


def read_data(options: dict[str, Any], model: str | Callable[..., Any], named: Sequence[str]) -> FitData:
    """Read the table; ``named`` are the names in a formula that are not parameters, from which x may be told."""
    separator = as_separator(options["separator"]) if "separator" in options else None
    with CsvFile(options["data"], separator, options.get("header")) as table:
        return _read(table, options, model, named)


def _read(table: CsvFile, options: dict[str, Any], model: str | Callable[..., Any], named: Sequence[str]) -> FitData:
    given: dict[str, int] = {
        name: table.find(options[name], f"--{name}") for name in ("y", "sigma", "group") if name in options
    }
    variables = _variables(table, options.get("x"), named, given)
    y = given["y"] if "y" in given else _y(table, [*variables.values(), *given.values()])
    sigma, group = given.get("sigma"), given.get("group")
    numeric = [*dict.fromkeys([*variables.values(), y, *([] if sigma is None else [sigma])])]
    columns = table.read(numeric, [] if group is None else [group])
    x = _as_model_takes_it({name: columns[place] for name, place in variables.items()}, model)
    arguments = {"x": x, "y": columns[y]} | ({} if sigma is None else {"sigma": columns[sigma]})
    labels = {"x": _label(table, next(iter(variables.values()))) if len(variables) == 1 else "", "y": _label(table, y)}
    about = f"{table.name}: {plural(table.rows, 'row')}, {table.layout}; x is {_listed(table, variables.values())}, "
    about += f"y is {_listed(table, [y])}" + ("" if sigma is None else f", sigma is {_listed(table, [sigma])}")
    data = FitData(arguments, about, labels)
    return data if group is None else _grouped(data, columns[group], table.names[group], options)


def _variables(table: CsvFile, words: list[str] | None, named: Sequence[str], given: dict[str, int]) -> dict[str, int]:
    """Return the columns of x by the names that the model has for them."""
    if words is None:
        places = {name: table.names.index(name) for name in named if name in table.names}
        free = [place for place in table.numeric if place not in given.values()]
        if places or len(free) == (1 if "y" in given else 2):
            return places or {named[0] if len(named) == 1 else "x": free[0]}
        raise _which(table, "columns are", "x")
    found = {}
    for word in words:
        alias, sign, column = word.partition("=")
        if sign and alias.strip().isidentifier() and word.strip() not in table.names:
            found[alias.strip()] = table.find(column, "--x")
        else:
            place = table.find(word, "--x")
            found[table.names[place]] = place
    unknown = [name for name in named if name not in found]
    if len(found) == 1 and len(unknown) == 1 and not set(named) & set(found):
        return {unknown[0]: next(iter(found.values()))}  # the formula has another name for the only variable
    return found


def _y(table: CsvFile, taken: Sequence[int]) -> int:
    """Return the only column of numbers that is nothing else."""
    others = [place for place in table.numeric if place not in taken]
    if len(others) == 1:
        return others[0]
    raise _which(table, "column is", "y")


def _which(table: CsvFile, what: str, name: str) -> InputError:
    if len(table.names) == 1:
        return InputError(f"{table.name} has one column, and a fit needs x and y: give --separator if it has more")
    return InputError(f"which {what} {name}? give --{name} COLUMN; {table.name} has {', '.join(table.names)}")


def _as_model_takes_it(variables: dict[str, Any], model: str | Callable[..., Any]) -> Any:
    """Return x by name for a formula and for a function that has these names, otherwise as one array."""
    if isinstance(model, str):
        bad = [name for name in variables if not name.isidentifier()]
        if bad:
            raise InputError(f"the column {quoted(bad[0])} has no name for a formula: write --x NAME={bad[0]!r}")
        return variables
    arrays = tuple(variables.values())
    if len(arrays) == 1:
        return arrays[0]
    try:
        named = {*inspect.signature(model).parameters}
    except (TypeError, ValueError):
        named = set()
    return variables if named >= {*variables} else arrays


def _grouped(data: FitData, words: list[str], column: str, options: dict[str, Any]) -> FitData:
    """Return the data split by the values of a column, in the order in which they come."""
    import numpy as np

    groups = [*dict.fromkeys(word for word in words if word)]
    if not 0 < len(groups) <= _MOST_GROUPS:
        raise InputError(
            f"--group {column} has {len(groups):,} different values: give a column with up to {_MOST_GROUPS:,}"
        )
    labels = np.array(words)
    rows = [labels == group for group in groups]

    def parts(whole: Any) -> list[Any]:
        if isinstance(whole, dict):
            return [{name: each[row] for name, each in whole.items()} for row in rows]
        if isinstance(whole, tuple):
            return [tuple(each[row] for each in whole) for row in rows]
        return [whole[row] for row in rows]

    arguments = {name: parts(whole) for name, whole in data.arguments.items()}
    arguments["shared"] = options.get("shared", [])
    sets = ", ".join(f"{k + 1} is {group}" for k, group in enumerate(groups[:8])) + (", ..." if len(groups) > 8 else "")
    return FitData(arguments, f"{data.about}; {plural(len(groups), 'data set')}: {sets}", data.labels, groups)


def _label(table: CsvFile, place: int) -> str:
    name, unit = table.names[place], table.unit(place)
    if not table.layout.names:
        return f"column {place + 1}"
    return f"{name} ({unit})" if unit and not re.search(r"[\[(]", name) else name


def _listed(table: CsvFile, places: Any) -> str:
    words = table.names if table.layout.names else [f"column {name}" for name in table.names]
    return " and ".join(words[place] for place in places)
