"""A fit as another program reads it: one JSON object, and a table of its parameters for CSV."""

from __future__ import annotations

from typing import Any

import numpy as np

from batchgd.output.summary import method_record
from batchgd.problem.tables import listed

_STATISTICS = ("chisqr", "redchi", "aic", "bic", "nfree", "ndata", "nvarys", "rank", "condition")
_PARAMETER = ("value", "stderr", "min", "max", "vary", "scale", "expr", "at_limit", "why")


def record(fit: Any) -> dict[str, Any]:
    """Return a fit without its data: parameters, statistics, agreement of the starts, all solutions, and notes."""
    run = fit.landscape
    solutions = {
        "values": np.array([[*each.values.values()] for each in fit.solutions]),
        **{name: np.array([getattr(each, name) for each in fit.solutions]) for name in ("chisqr", "cost", "count")},
        "share": np.array([each.share for each in fit.solutions]),
        "kind": np.array([each.kind for each in fit.solutions]),
    }
    return {
        "model": fit.name,
        "parameters": parameters(fit),
        "statistics": {name: getattr(fit, name) for name in _STATISTICS},
        "free": list(fit.free),
        "covariance": fit.covar,
        "correlation": fit.correl,
        "n_starts": run.n,
        "agree": fit.agree,
        "dropped": fit.dropped,
        "names": list(fit.best.values),
        **listed(solutions=solutions),
        "coverage": run.coverage.to_dict(),
        "seed": run.seed,
        "method": method_record(run.method),
        "backend": run.backend,
        "seconds": run.seconds,
        "status": run.status_counts(),
        "interrupted": run.interrupted,
        "notes": list(fit.notes),
    }


def parameters(fit: Any) -> list[dict[str, Any]]:
    """Return one dict per parameter of the best fit."""
    return [{"name": name} | {key: getattr(each, key) for key in _PARAMETER} for name, each in fit.params.items()]


def parameters_csv(fit: Any) -> str:
    r"""Return the parameters of the best fit as CSV, one line each; what does not exist is an empty cell."""
    import csv
    import io

    text = io.StringIO()
    table = csv.DictWriter(text, ["name", *_PARAMETER], lineterminator="\n")
    table.writeheader()
    table.writerows({key: "" if value is None else value for key, value in row.items()} for row in parameters(fit))
    return text.getvalue()
