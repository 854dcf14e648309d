"""A fit as text: statistics, parameters with their errors, correlations, and how many starts agree."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from batchgd.analysis.fitting.statistics import ILL
from batchgd.kernels.status import Status
from batchgd.output.summary import method_name
from batchgd.problem.limits import cut, rows_shown
from batchgd.problem.speaker import said
from batchgd.problem.tables import TextTable
from batchgd.problem.wording import percent, plural

CORRELATIONS = 10
"""How many correlations are printed, the strongest first."""

LEAST_CORRELATION = 0.1
SOLUTIONS = 5


def text(fit: Any) -> str:
    """Return the report of a fit."""
    tables = [str(table) for table in _tables(fit)]
    statistics = "\n".join(f"{name:<31} {value}" for name, value in _statistics(fit))
    return "\n\n".join([_head(fit), statistics, *tables, "\n".join(notes(fit))])


def html(fit: Any) -> str:
    """Return the report as HTML for a notebook: plain tags and no colours, so that dark themes stay readable."""
    rows = "".join(f"<tr><td>{name}</td><td>{value}</td></tr>" for name, value in _statistics(fit))
    parts = [f"<div style='font-weight:600'>{escape(_head(fit))}</div>", f"<table>{rows}</table>"]
    parts += [table.html() for table in _tables(fit)]
    parts += [f"<div>{escape(line)}</div>" for line in notes(fit)]
    return f"<div class='batchgd'>{''.join(parts)}</div>"


def _head(fit: Any) -> str:
    of = "" if fit.name == "<lambda>" else f" of {fit.name}"
    head = f"fit{of} · {plural(fit.ndata, 'point')} · {plural(fit.nvarys, 'free parameter')}"
    return f"{head} · {plural(fit.landscape.n, 'start')} · {method_name(fit.landscape.method)}"


def _tables(fit: Any) -> list[TextTable]:
    return [table for table in (_parameters(fit), _correlations(fit), _solutions(fit)) if table is not None]


def notes(fit: Any) -> list[str]:
    """Return what a reader should know: how many starts agree, what may have been missed, and what is wrong."""
    coverage, agree = fit.landscape.coverage, fit.agree
    n, ended = fit.landscape.n - coverage.cut, " that had ended" if coverage.cut else ""
    lines = [f"{agree:,} of {plural(n, 'start')}{ended} ({percent(agree / max(n, 1))}) agree on the best fit"]
    lines.append(f"coverage: {_coverage(fit.landscape)}")
    lines += _equal(fit)
    if fit.dropped:
        lines.append(f"{plural(fit.dropped, 'row')} with NaN {'was' if fit.dropped == 1 else 'were'} left out")
    lines += _limits_reached(fit)
    lines += _from_the_guess(fit)
    if not fit.landscape.minima.count.any():
        lines.append("no start reached a minimum: raise maxiter, or give narrower limits")
    free = fit.nvarys - sum(1 for name in fit.free if fit.params[name].at_limit)
    if fit.rank < free:
        lines.append(
            f"the data determine {fit.rank} of {free} directions of the parameters: fix a parameter, or add data"
        )
    elif fit.condition > ILL:
        lines.append(f"ill-conditioned (condition {fit.condition:.1e}): standard errors have few correct digits")
    if not fit.landscape.independent and fit.landscape.coverage.unseen_high is not None:
        lines.append("starts were not independent draws: shares have no interval")
    if fit.landscape.interrupted:
        lines.append("interrupted: the fit knows only the starts that had ended")
    return [*lines, *fit.landscape.warnings]


def _coverage(run: Any) -> str:
    """Say what may have been missed; if most starts reached no minimum, what they did instead and what helps."""
    if not run.coverage.mostly_unlabelled:
        return str(run.coverage.sentence())
    lost = np.asarray(run.label) < 0
    kinds, counts = np.unique(np.asarray(run.status)[lost], return_counts=True)
    why = _LOST.get(Status(int(kinds[np.argmax(counts)])), _LOST[Status.STALLED])
    return f"cannot be judged while {percent(float(lost.mean()))} of the starts reach no minimum; most of them {why}"


_LOST = {
    Status.ESCAPED: "run away: give limits, at least on one side",
    Status.MAXITER: "need more updates: raise maxiter, or give narrower limits",
    Status.STALLED: "end where the model no longer changes: give narrower limits, or scale='log' to magnitudes",
    Status.NONFINITE: "end where the model is not finite: give narrower limits",
    Status.DIVERGED: "end where the model overflows: give narrower limits",
}
"""What starts without a minimum did, by their status, and what helps."""


def _equal(fit: Any) -> list[str]:
    """Say how solutions of the same cost differ."""
    equal = len(fit.equal)
    if equal < 2:
        return []
    groups = fit.swapped
    if groups is None:
        return [f"{equal} solutions have the same chi-square: the data do not tell them apart"]
    words = " ".join(f"--exchangeable {group if isinstance(group, str) else ','.join(group)}" for group in groups)
    given = said(f"exchangeable={groups}", words)
    return [f"{equal} solutions differ by the order of components: {_with_limits(fit, groups)}{given} makes them one"]


def _with_limits(fit: Any, groups: Sequence[Any]) -> str:
    """Return the names of parameters that need the same limits before their components may be exchanged."""
    kinds = zip(*([group] if isinstance(group, str) else group for group in groups), strict=True)
    limits = {name: (each.min, each.max, each.scale) for name, each in fit.params.items()}
    unlike = [" and ".join(kind) for kind in kinds if len({limits[name] for name in kind}) > 1]
    return f"with the same limits for {', '.join(unlike)}, " if unlike else ""


def _limits_reached(fit: Any) -> list[str]:
    """Say which parameters of the best fit are at a limit, and what that means for the errors."""
    at = [
        f"{name} at its {'lower' if each.at_limit < 0 else 'upper'} limit"
        for name, each in fit.params.items()
        if each.at_limit
    ]
    if not at:
        return []
    others = ", and the errors of the others hold for that value" if len(at) < fit.nvarys else ""
    return [f"{' and '.join(at)}: no standard error there{others}; widen the limit unless it has a reason"]


def _from_the_guess(fit: Any) -> list[str]:
    row = fit.outcome.guess
    if row is None:
        return []
    if row < 0:
        return ["the given values lead to no minimum"]
    alone = "" if fit.guess.count else ", which no other start reached"
    return [f"the given values lead to {'the best fit' if row == 0 else f'solution {row}'}{alone}"]


def _statistics(fit: Any) -> list[tuple[str, str]]:
    return [
        ("chi-square", f"{fit.chisqr:.8g}"),
        ("reduced chi-square", f"{fit.redchi:.8g}"),
        ("degrees of freedom", f"{fit.nfree:,}"),
        ("Akaike information criterion", f"{fit.aic:.8g}"),
        ("Bayesian information criterion", f"{fit.bic:.8g}"),
        ("rank, condition of J", f"{fit.rank}, {fit.condition:.3g}"),
    ]


def _parameters(fit: Any) -> TextTable:
    rows = []
    for name, each in fit.params.items():
        known = each.stderr is not None
        share = f"{100 * abs(each.stderr / each.value):.2f} %" if known and each.value else ""
        note = each.why or ""
        rows.append(
            {
                "parameter": name,
                "value": f"{each.value:.8g}",
                "stderr": f"{each.stderr:.6g}" if known else "–",
                "relative": share,
                "limits": _limits(each),
                "note": note,
            }
        )
    if not any(row["note"] for row in rows):
        for row in rows:
            del row["note"]
    return TextTable(rows, words=["parameter", "note"])


def _limits(each: Any) -> str:
    if not each.vary:
        return ""
    low, high = each.min > -math.inf, each.max < math.inf
    sides = f"{each.min:g} to {each.max:g}" if low and high else f"from {each.min:g}" if low else f"to {each.max:g}"
    return ("none" if not (low or high) else sides) + (" log" if each.scale == "log" else "")


def _correlations(fit: Any) -> TextTable | None:
    pairs = [
        (abs(value), one, other, value)
        for k, one in enumerate(fit.free)
        for other in fit.free[k + 1 :]
        if (value := fit.params[one].correl.get(other)) is not None and abs(value) >= LEAST_CORRELATION
    ]
    pairs.sort(key=lambda pair: -pair[0])
    shown = rows_shown(len(pairs), CORRELATIONS)
    rows = [{"correlation of": f"{one}, {other}", "": f"{value:+.4f}"} for _, one, other, value in pairs[:shown]]
    return (
        TextTable(rows, words=["correlation of"], below=cut(len(pairs), "correlation", shown=shown)) if rows else None
    )


def _solutions(fit: Any) -> TextTable | None:
    if len(fit.solutions) < 2:
        return None
    shown = rows_shown(len(fit.solutions), SOLUTIONS)
    rows = []
    for k, each in enumerate(fit.solutions[:shown]):
        values = {name: f"{each.values[name]:.6g}" for name in list(each.values)[:4]}
        if len(each.values) > 4:
            values["…"] = "…"
        at = [name for name, side in zip(fit.free, each.at_limit, strict=True) if side]
        place = f"{', '.join(at)} at the limit" if at else ""
        rows.append(
            {"solution": f"{k}", "chi-square": f"{each.chisqr:.8g}", "share": percent(each.share)}
            | values
            | {"kind": ", ".join(filter(None, [each.kind, place]))}
        )
    return TextTable(rows, words=["kind"], below=cut(len(fit.solutions), "solution", shown=shown))
