"""A result as a person reads it: what ``print`` shows, and the same in HTML."""

import html as _html
import math
import textwrap
from typing import Any

import numpy as np

from batchgd.minima.results import BatchData, LandscapeData, same_value
from batchgd.output.summary import method_name, sampling_name, stationary_counts
from batchgd.problem.arrays import host
from batchgd.problem.speaker import said
from batchgd.problem.tables import WIDTH, TextTable
from batchgd.problem.wording import coordinates, duration, percent, plural, quantity

_UNNAMED = 6  # coordinates that a reader can count; beyond that, each is printed with its name
_WHOLE = 24  # coordinates of a point that is printed in full, at most
_KINDS = {
    "saddle": "saddles",
    "maximum": "maxima",
    "degenerate": "degenerate points",
    "flat": "flat points",
    "unbounded": "singular points",
}


def text(result: BatchData, more: str | None = None) -> str:
    """Return the result as lines of text, at most about 100 columns wide; ``more`` is one further note."""
    lines = [header(result), ""]
    if isinstance(result, LandscapeData):
        lines += [str(_minima_table(result)), ""]
    lines += wrapped([*_notes(result, more), *(f"warning: {line}" for line in result.warnings)])
    return "\n".join(lines)


def html(result: BatchData, more: str | None = None) -> str:
    """Return the result as HTML for a notebook: plain tags and no colours, so that dark themes stay readable."""
    parts = [f"<div style='font-weight:600'>{_html.escape(header(result))}</div>"]
    if isinstance(result, LandscapeData):
        parts.append(_minima_table(result).html())
    parts += [f"<div>{_html.escape(line)}</div>" for line in _notes(result, more)]
    parts += [f"<div><b>warning:</b> {_html.escape(line)}</div>" for line in result.warnings]
    return f"<div class='batchgd'>{''.join(parts)}</div>"


def wrapped(notes: list[str]) -> list[str]:
    """Wrap the notes to the width, with continuation lines indented."""
    lines: list[str] = []
    for note in notes:
        lines += textwrap.wrap(note, WIDTH, subsequent_indent="  ", break_long_words=False)
    return lines


def header(result: BatchData) -> str:
    """Return one line: what was run, how, where and how fast."""
    sampling, seed = sampling_name(result), getattr(result, "seed", None)
    seeded = seed is not None and sampling not in ("array", "grid")
    details = [detail for detail in (sampling, f"seed {seed}" if seeded else None) if detail]
    starts = plural(result.n, "start") + (f" ({', '.join(details)})" if details else "")
    rate = f" ({quantity(result.n / result.seconds)} starts/s)" if result.seconds > 0 else ""
    pieces = [
        getattr(result.objective, "name", None) or "a function",
        f"{result.dim}-D",
        starts,
        method_name(result.method),
        f"{result.backend} {result.dtype}",
        f"{duration(result.seconds)}{rate}" if math.isfinite(result.seconds) else "",
    ]
    return " · ".join(piece for piece in pieces if piece)


def _minima_table(result: LandscapeData) -> TextTable:
    if not len(result.minima):
        return TextTable((), below="no minimum was found")
    return result.minima.text_table(0.0 if result.box is None else result.box.width, "label")


def _notes(result: BatchData, more: str | None) -> list[str]:
    """The lines below the table: notes on the minima of a multi-start, and how the trajectories ended."""
    ended = " · ".join(f"{name} {count:,}" for name, count in result.status_counts().items())
    lines = [f"ended by: {ended}" if ended else "no trajectories"]
    if isinstance(result, LandscapeData):
        return [*_notes_on_minima(result, more), *lines]
    if result.n:
        fun = host(result.fun)
        finite = fun[np.isfinite(fun)]
        best = f"{finite.min():.10g}" if len(finite) else "none is finite"
        lines.append(f"lowest value: {best} · updates: median {np.median(host(result.nit)):,.0f}")
    return lines


def _notes_on_minima(result: LandscapeData, more: str | None) -> list[str]:
    """The best point, stationary points that are not minima, and starts that reached no minimum."""
    symmetry = result.identity.symmetry
    lines = [f"minima are counted up to {symmetry.describe()}"] if symmetry is not None and symmetry.parts else []
    lines += _best_lines(result)
    lines += _weak_lines(result)
    if result.minima.fraction_low is None and result.minima.interval_note:
        lines.append(f"no intervals: {result.minima.interval_note}")
        lines.append("coverage: no bound on the basins of minima not seen, for the same reason")
    elif not result.coverage.empty:
        lines.append(f"coverage: {result.coverage.sentence()}")
    if result.stopped is not None:
        lines.append(str(result.stopped))
    outside = int(np.count_nonzero(~np.asarray(result.minima.inside, dtype=bool)))
    if outside:
        lines.append(f"{plural(outside, 'minimum is', 'minima are')} outside the starting box")
    lines += [note for note in (_copies_note(result), more) if note]
    kinds = stationary_counts(result)
    if kinds:
        counted = ", ".join(plural(count, kind, _KINDS.get(kind, kind)) for kind, count in kinds.items())
        lines.append(f"stationary points that are not minima: {counted}{said(' (result.stationary)', '')}")
    if result.strategy is not None:
        lines.append(_strategy_note(result.strategy))
    if result.unlabelled:
        lines.append(f"no label (-1): {plural(result.unlabelled, 'start')}, {percent(result.unlabelled / result.n)}")
    return lines


def _weak_lines(result: LandscapeData) -> list[str]:
    """Minima that are on a bound without being pushed against it."""
    weak = result.minima.weak
    rows = np.flatnonzero(np.asarray(weak).any(axis=1)) if weak is not None else np.empty(0, np.int64)
    if weak is None or len(rows) == 0:
        return []
    axes = ", ".join(f"x{axis}" for axis in np.flatnonzero(weak[rows[0]])[:_UNNAMED])
    others = f", and {len(rows) - 1:,} more minima so" if len(rows) > 1 else ""
    return [
        f"label {rows[0]} is on the bound of {axes} without a slope there (weakly active){others}: "
        "to first order the bound makes no difference"
    ]


def _best_lines(result: LandscapeData) -> list[str]:
    """The lowest value reached with its x; if that is outside the box, also the lowest inside."""
    best = result.best
    if best is None:
        return []
    inside = result.box is None or bool(np.all(result.box.contains(best.x[None])))
    where = "" if inside else ", outside the box"
    where += "" if best.label >= 0 else "; it has no label"
    lines = [f"best value reached: {_value_at(best.fun, best.x, result.box)}{where}"]
    within = np.flatnonzero(result.minima.inside)
    if not inside and len(within):
        row = within[0]
        place = _value_at(result.minima.fun[row], result.minima.x[row], result.box)
        lines.append(f"lowest minimum inside the box: label {row}, {place}")
    return lines


def _value_at(fun: float, x: Any, box: Any) -> str:
    """A value and its point; many coordinates are printed with their names, and very many are cut short.

    >>> _value_at(0.25, np.array([1.0, -2.5]), None)
    '0.25 at x = (1, -2.5)'
    >>> _value_at(0.25, np.arange(7.0), None)
    '0.25 at x0=0, x1=1, x2=2, x3=3, x4=4, x5=5, x6=6'
    >>> _value_at(0.25, np.arange(1000.0), None)[-60:]
    'x21=21, x22=22, x23=23, … (1,000 coordinates: result.best.x)'
    """
    numbers = coordinates(x, 0.0 if box is None else box.width, digits=9)
    if len(x) <= _UNNAMED:
        return f"{fun + 0.0:.10g} at x = ({', '.join(numbers)})"
    named = ", ".join(f"x{i}={number}" for i, number in enumerate(numbers[:_WHOLE]))
    rest = f", … ({len(x):,} coordinates: {said('result.best.x', '--json')})" if len(x) > _WHOLE else ""
    return f"{fun + 0.0:.10g} at {named}{rest}"


def _copies_note(result: LandscapeData) -> str | None:
    """Explain the shares if the lowest value belongs to several rows."""
    minima = result.minima
    if len(minima.fun) < 2:
        return None
    same = minima.fun <= minima.fun[0] + same_value(result, float(minima.fun[0]))
    if np.count_nonzero(same) < 2 or np.isnan(minima.fraction[same]).any():
        return None
    together = 100 * float(np.sum(minima.fraction[same]))
    return (
        f"{np.count_nonzero(same):,} minima share the lowest value (a symmetry, a period, or several exact solutions): "
        f"together {together:.3g} % of the starts"
    )


def _strategy_note(record: Any) -> str:
    """One line on a strategy: what its choice of starts biases, and what it cost."""
    cost = f"{record.evaluations:,} evaluations"
    cost += f", {record.sampled:,} of them without a descent" if record.sampled else ""
    shares = f"; fractions and coverage are those of the first {record.drawn:,} starts" if record.drawn else ""
    return f"strategy {record.name}: {record.bias}{shares} ({cost})"
