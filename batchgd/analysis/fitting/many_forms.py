"""Many fits as text, as a data frame and as an xarray dataset."""

from __future__ import annotations

from typing import Any

import numpy as np

from batchgd.problem.optional import require
from batchgd.problem.tables import TextTable
from batchgd.problem.wording import percent, plural

STATISTICS = ("chisqr", "redchi", "ndata", "rank", "nfev", "agree", "dropped", "success", "status")


def text(fits: Any) -> str:
    """Return what is printed of many fits: quartiles of parameters and errors, and how many fits succeeded."""
    rows = []
    for name, each in fits.params.items():
        low, middle, high = _quartiles(each.value)
        rows.append(
            {
                "parameter": name,
                "25 %": f"{low:.6g}",
                "median": f"{middle:.6g}",
                "75 %": f"{high:.6g}",
                "median error": f"{_quartiles(each.stderr)[1]:.3g}" if each.vary or each.expr else "",
                "at a limit": f"{np.count_nonzero(each.at_limit)}" if each.vary else "",
            }
        )
    count, done = len(fits), int(fits.success.sum())
    points = fits.data.y.shape[1]
    lines = [
        f"{plural(count, 'fit')} of {fits.name} to {plural(points, 'point')} each, from {plural(fits.starts, 'start')}",
        str(TextTable(rows, words=["parameter"])),
        f"{done:,} succeeded ({percent(done / count)}); reduced chi-square {_quartiles(fits.redchi)[1]:.6g} (median)",
    ]
    if (missing := int(fits.dropped.sum())) > 0:
        lines.append(f"{missing:,} points are missing, in {np.count_nonzero(fits.dropped):,} data sets")
    if (short := int(np.count_nonzero(fits.ndata < fits.nvarys))) > 0:
        lines.append(f"{short:,} data sets have fewer points than parameters, and were not fitted")
    unsure = int(np.count_nonzero(fits.rank + np.count_nonzero(fits.at_limit, axis=1) < fits.nvarys)) - short
    if unsure > 0:
        lines.append(f"{unsure:,} fits do not determine all parameters (rank)")
    return "\n".join(lines)


def one(fit: Any) -> str:
    """Return what is printed of one of many fits."""
    rows = []
    for name, each in fit.params.items():
        error = f"{each.stderr:.3g}" if each.stderr is not None else each.why or ""
        rows.append({"parameter": name, "value": f"{each.value:.8g}", "standard error": error})
    head = f"fit {fit.index} of {fit.model.name}: chi-square {fit.chisqr:.8g}, {plural(fit.ndata, 'point')}"
    ends = [] if fit.success else [f"not successful: {fit.message}"]
    return "\n".join([head, str(TextTable(rows, words=["parameter", "standard error"])), *ends])


def _quartiles(values: Any) -> tuple[float, float, float]:
    finite = values[np.isfinite(values)]
    if not finite.size:
        return (float("nan"),) * 3
    low, middle, high = np.percentile(finite, [25, 50, 75])
    return float(low), float(middle), float(high)


def dataframe(fits: Any) -> Any:
    """Return a pandas DataFrame with a row per data set."""
    pandas = require("pandas", "frames")
    columns: dict[str, Any] = {}
    for name, each in fits.params.items():
        columns[name] = each.value
        if each.vary or each.expr:
            columns[f"{name}_stderr"] = each.stderr
    columns |= {name: getattr(fits, name) for name in STATISTICS}
    return pandas.DataFrame(columns).rename_axis("fit")


def dataset(fits: Any) -> Any:
    """Return an xarray Dataset over fits and parameters."""
    xarray = require("xarray", "frames")
    names = [*fits.params]
    variables: dict[str, Any] = {
        name: (("fit", "parameter"), np.stack([getattr(fits.params[each], name) for each in names], axis=1))
        for name in ("value", "stderr", "at_limit")
    }
    variables["covar"] = (("fit", "free", "free_2"), fits.covar)
    variables |= {name: ("fit", getattr(fits, name)) for name in STATISTICS}
    return xarray.Dataset(variables, coords={"parameter": names, "free": fits.free, "free_2": fits.free})
