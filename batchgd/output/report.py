"""A result in words: the table that ``print`` shows, the same in HTML, and the summary that ``--json`` prints."""

import dataclasses
import html as _html
import math
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np

from batchgd.minima.results import BatchData, LandscapeData
from batchgd.problem.arrays import host
from batchgd.problem.speaker import said

_NOISE = 1e-13  # of the box: what a polish leaves of a coordinate that is zero
_COORDINATES = 4  # coordinates shown before a point is cut
_WIDTH = 98  # columns of the table; fewer coordinates are shown rather than more columns used
_LIST_LIMIT = 16  # longer hyperparameters (one learning rate per start) are told by their range


def text(result: BatchData, more: str | None = None) -> str:
    """Return the result as lines of text, at most about 100 columns wide; ``more`` is one further note."""
    lines = [header(result), ""]
    if isinstance(result, LandscapeData):
        from batchgd.output.report_minima import minima_lines

        lines += [*minima_lines(result), ""]
    notes = landscape_notes(result, more) if isinstance(result, LandscapeData) else []
    notes += [*batch_notes(result), *(f"warning: {line}" for line in result.warnings)]
    for note in notes:
        lines += textwrap.wrap(note, _WIDTH, subsequent_indent="  ", break_long_words=False)
    return "\n".join(lines)


def html(result: BatchData, more: str | None = None) -> str:
    """Return the result as HTML for a notebook: plain tags, no colour of its own, so that dark themes stay readable."""
    parts = [f"<div style='font-weight:600'>{_html.escape(header(result))}</div>"]
    notes = batch_notes(result)
    if isinstance(result, LandscapeData):
        from batchgd.output.report_minima import minima_rows

        parts.append(_html_table(*minima_rows(result)))
        notes = [*landscape_notes(result, more), *notes]
    parts += [f"<div>{_html.escape(line)}</div>" for line in notes]
    parts += [f"<div><b>warning:</b> {_html.escape(line)}</div>" for line in result.warnings]
    return f"<div class='batchgd'>{''.join(parts)}</div>"


def header(result: BatchData) -> str:
    """Return one line: what was run, how, where and how fast."""
    starts = plural(result.n, "start")
    details = [str(detail) for detail in (_sampling(result), _seed(result)) if detail]
    pieces = [
        getattr(result.objective, "name", None) or "a function",
        f"{result.dim}-D",
        f"{starts} ({', '.join(details)})" if details else starts,
        method_name(result.method),
        f"{result.backend} {result.dtype}",
    ]
    if math.isfinite(result.seconds):
        rate = f" ({quantity(result.n / result.seconds)} starts/s)" if result.seconds > 0 else ""
        pieces.append(f"{duration(result.seconds)}{rate}")
    return " · ".join(piece for piece in pieces if piece)


def landscape_notes(result: Any, more: str | None = None) -> list[str]:
    """Return the lines below the table: the best point, points that are no minima, and starts that reached none."""
    from batchgd.output.report_minima import best_lines, copies_note

    lines = best_lines(result)
    if result.minima.fraction_low is None and getattr(result.minima, "interval_note", None):
        lines.append(f"no intervals: {result.minima.interval_note}")
        lines.append("coverage: no bound on what drains into minima not seen, for the same reason")
    elif not result.coverage.empty:
        lines.append(f"coverage: {result.coverage.sentence()}")
    if result.stopped is not None:
        lines.append(str(result.stopped))
    outside = int(np.count_nonzero(~np.asarray(result.minima.inside, dtype=bool)))
    if outside:
        lines.append(f"{plural(outside, 'minimum lies', 'minima lie')} outside the starting box")
    lines += [note for note in (copies_note(result), more) if note]
    kinds = stationary_counts(result)
    if kinds:
        told = ", ".join(plural(count, kind, _KINDS.get(kind, kind)) for kind, count in kinds.items())
        lines.append(f"stationary points that are not minima: {told}{said(' (result.stationary)', '')}")
    if result.strategy is not None:
        lines.append(strategy_note(result.strategy))
    lost = result.unlabelled
    if lost:
        lines.append(f"no label (-1): {plural(lost, 'start')}, {_percent(lost / result.n)}")
    return lines


def strategy_note(record: Any) -> str:
    """Return what the choice of starts biases and what it cost, in one line."""
    cost = f"{record.evaluations:,} evaluations"
    cost += f", {record.sampled:,} of them values without a descent" if record.sampled else ""
    shares = f"; fractions and coverage are those of the first {record.drawn:,} starts" if record.drawn else ""
    return f"strategy {record.name}: {record.bias}{shares} ({cost})"


_KINDS = {
    "saddle": "saddles",
    "maximum": "maxima",
    "degenerate": "degenerate points",
    "flat": "flat points",
    "unbounded": "singular points",
}


def batch_notes(result: BatchData) -> list[str]:
    """Return the lines that tell how the trajectories ended."""
    ended = " · ".join(f"{name} {count:,}" for name, count in result.status_counts().items())
    lines = [f"ended by: {ended}" if ended else "no trajectories"]
    if result.n and not isinstance(result, LandscapeData):
        fun = host(result.fun)
        finite = fun[np.isfinite(fun)]
        best = f"{finite.min():.10g}" if len(finite) else "none is finite"
        lines.append(f"lowest value: {best} · updates: median {np.median(host(result.nit)):,.0f}")
    return lines


def stationary_counts(result: Any) -> dict[str, int]:
    """Return how many stationary points of each kind were found, minima aside."""
    kinds, counts = np.unique(np.asarray(result.stationary.kind, dtype=str), return_counts=True)
    return {str(kind): int(count) for kind, count in zip(kinds, counts, strict=True)}


def summary(result: BatchData) -> dict[str, Any]:
    """Return the result without its arrays, ready for JSON; a number that is not finite stands as None (null).

    Keys: objective, dim, n_starts, sampling, seed, box, method (name and hyperparameters), backend, dtype, seconds,
    status (name -> count), interrupted, warnings; of a multi-start also minima (a list of ``x, fun, count, fraction,
    fraction_low, fraction_high, kind, free, inside``, the bounds None where withheld), best (the lowest value reached:
    ``x, fun, label``; None where none is known), stationary (kind -> number of points),
    unlabelled (starts with label -1), strategy (how starts were chosen and what it cost; None for a plain multi-start),
    coverage (what the counts show of minima not seen), stopped (what ended a run until covered) and interval_note.
    """
    out: dict[str, Any] = {
        "objective": getattr(result.objective, "name", None),
        "dim": result.dim,
        "n_starts": result.n,
        "sampling": _sampling(result),
        "seed": getattr(result, "seed", None),
        "box": None if result.box is None else np.stack([result.box.lower, result.box.upper], axis=1),
        "method": method_record(result.method),
        "backend": result.backend,
        "dtype": result.dtype,
        "seconds": result.seconds,
        "status": result.status_counts(),
        "interrupted": result.interrupted,
        "warnings": list(result.warnings),
    }
    if isinstance(result, LandscapeData):
        out["minima"] = _minima_records(result.minima)
        out["best"] = None if result.best is None else result.best._asdict()
        out["stationary"] = stationary_counts(result)
        out["strategy"] = None if result.strategy is None else result.strategy.to_dict()
        out["unlabelled"] = result.unlabelled
        out["coverage"] = result.coverage.to_dict()
        out["stopped"] = None if result.stopped is None else result.stopped.to_dict()
        out["interval_note"] = getattr(result.minima, "interval_note", None)
    return json_ready(out)


def _minima_records(minima: Any) -> list[dict[str, Any]]:
    names = ("x", "fun", "count", "fraction", "fraction_low", "fraction_high", "kind", "free", "inside")
    columns = {name: getattr(minima, name, None) for name in names}
    return [
        {name: None if column is None else column[k] for name, column in columns.items()}
        for k in range(len(minima.fun))
    ]


def method_name(method: Any) -> str:
    """Return the name of a method as a person writes it: its class, or the string that chose it."""
    if method is None or isinstance(method, str):
        return method or ""
    return getattr(method, "method_name", None) or type(method).__name__


def method_record(method: Any) -> dict[str, Any] | None:
    """Return the method's name with its hyperparameters; a long one (per start) is told by its shape and range."""
    if method is None:
        return None
    record: dict[str, Any] = {"name": method_name(method)}
    for name, value in method_parameters(method).items():
        array = np.asarray(value) if hasattr(value, "__len__") and not isinstance(value, str | dict) else None
        if array is not None and array.size > _LIST_LIMIT:
            value = {"shape": list(array.shape), "min": array.min(), "max": array.max()}
        record[name] = value
    return record


def method_parameters(method: Any) -> dict[str, Any]:
    """Return the hyperparameters of a method: the fields of its dataclass, a schedule by its own."""
    if isinstance(getattr(method, "parameters", None), dict):  # a method read from a folder, without its class
        return dict(method.parameters)
    if dataclasses.is_dataclass(method) and not isinstance(method, type):
        given = {field.name: getattr(method, field.name) for field in dataclasses.fields(method)}
        return {name: value.settings() if hasattr(value, "settings") else value for name, value in given.items()}
    return {}


def json_ready(value: Any) -> Any:
    """Return the value in JSON's own types; numbers that are not finite become None.

    >>> json_ready({"a": np.float64("nan"), "b": np.arange(2), "c": (True, None)})
    {'a': None, 'b': [0, 1], 'c': [True, None]}
    """
    if isinstance(value, dict):
        return {str(key): json_ready(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return json_ready(value.tolist())
    if isinstance(value, list | tuple):
        return [json_ready(item) for item in value]
    if isinstance(value, np.generic):
        return json_ready(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def format_values(values: Any) -> list[str]:
    """Return function values with as many digits as tell neighbours apart, all with the same number of decimals.

    >>> format_values([-1.0316284534, 2.1])
    ['-1.031628', '2.100000']
    >>> format_values([3e-9, 4e-9])
    ['3.000000e-09', '4.000000e-09']
    """
    array = np.asarray(values, dtype=np.float64)
    largest = float(np.max(np.abs(array), initial=0.0, where=np.isfinite(array)))
    if 1e-12 < largest < 1e-4 or largest >= 1e7:  # below 1e-12 lie the zeros that a polish leaves
        return [f"{value:.6e}" for value in array]
    return [f"{value + 0.0:.6f}".replace("-0.000000", "0.000000") for value in array]


def format_point(x: Any, scale: Any = 0.0, most: int = _COORDINATES, digits: int = 6) -> str:
    """Return the first coordinates of a point; one that is rounding noise beside ``scale`` (per axis) is told as 0.

    >>> format_point([3.0, -2.80511809, 1e-12])
    '(3, -2.80512, 1e-12)'
    >>> format_point([3.0, 2.6e-26], scale=[12.0, 12.0])
    '(3, 0)'
    >>> format_point(np.arange(9.0))
    '(0, 1, 2, 3, …)'
    """
    point = np.asarray(x, dtype=np.float64)
    point = np.where(np.abs(point) <= _NOISE * np.asarray(scale), 0.0, point)
    shown = [f"{value:.{digits}g}" for value in point[:most]]
    return f"({', '.join(shown)}{', …' if len(x) > most else ''})"


def quantity(number: float) -> str:
    """Return a number with three digits and its order of magnitude.

    >>> quantity(2_412_000.0), quantity(950.2), quantity(31_000)
    ('2.41 M', '950', '31.0 k')
    """
    for limit, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(number) >= limit:
            return f"{number / limit:#.3g}{unit}".replace(". ", " ")
    return f"{number:.3g}"


def duration(seconds: float) -> str:
    """Return a time that a person can read.

    >>> duration(0.00042), duration(3.14159), duration(754)
    ('0.42 ms', '3.14 s', '12 min 34 s')
    """
    if seconds < 0.1:
        return f"{1e3 * seconds:.2g} ms"
    return f"{seconds:.3g} s" if seconds < 120 else f"{int(seconds) // 60:,} min {int(seconds) % 60} s"


def share_in_words(minima: Any, k: int) -> tuple[str, str]:
    """Return the share of the starts and its interval in per cent, with the digits that the interval supports."""
    share = 100 * float(minima.fraction[k])
    if minima.fraction_low is None:
        return f"{share:.3f} %", ""
    low, high = 100 * float(minima.fraction_low[k]), 100 * float(minima.fraction_high[k])
    width = max(high - low, 1e-9)
    decimals = min(6, max(1, 1 - math.floor(math.log10(width))))
    return f"{share:.{decimals}f} %", f"{low:.{decimals}f} to {high:.{decimals}f} %"


def aligned(
    head: Sequence[str], rows: Sequence[Sequence[str]], left_out: str = "", words: Sequence[str] = ("kind", "x")
) -> list[str]:
    """Lines of a table: numbers flush right, the columns named in ``words`` flush left."""
    if not rows:
        return [left_out]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    flush_left = {head.index(name) for name in words}
    lines = []
    for row in (head, *rows):
        cells = [
            c.ljust(w) if i in flush_left else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    lines.insert(1, "  ".join("─" * width for width in widths[:-1]) + "  " + "─" * min(widths[-1], 24))
    return lines + ([left_out] if left_out else [])


def _html_table(head: Sequence[str], rows: Sequence[Sequence[str]], left_out: str) -> str:
    words = ("kind", "x")
    align = ["left" if name in words else "right" for name in head]

    def line(tag: str, cells: Sequence[str]) -> str:
        styled = (f"<{tag} style='text-align:{a};padding:2px 10px'>" for a in align)
        return f"<tr>{''.join(f'{s}{_html.escape(c)}</{tag}>' for s, c in zip(styled, cells, strict=True))}</tr>"

    body = "".join(line("td", row) for row in rows)
    table = f"<table><thead>{line('th', head)}</thead><tbody>{body}</tbody></table>" if rows else ""
    return table + (f"<div>{_html.escape(left_out)}</div>" if left_out else "")


def _sampling(result: BatchData) -> str | None:
    name = getattr(result.starts, "name", None)
    return str(name) if name else None


def _seed(result: BatchData) -> str | None:
    seed = None if _sampling(result) in ("array", "grid") else getattr(result, "seed", None)
    return None if seed is None else f"seed {seed}"


def _percent(share: float) -> str:
    """Two digits, in decimals: 0.03 %, 12 %, 100 %."""
    decimals = max(0, 1 - math.floor(math.log10(100 * share))) if 0 < share < 0.1 else 0
    return f"{100 * share:.{decimals}f} %"


def plural(count: int, one: str, many: str | None = None) -> str:
    """Return a count and what is counted: "1 start", "2,000 starts"."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
