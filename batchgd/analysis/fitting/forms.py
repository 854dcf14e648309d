"""A fit in the forms of other libraries: a data frame of pandas, the results of SciPy and of lmfit."""

from __future__ import annotations

from typing import Any

import numpy as np

from batchgd.output.summary import method_name
from batchgd.problem.optional import require


def dataframe(fit: Any, *, solutions: bool = False) -> Any:
    """Return a pandas DataFrame with a row per parameter, or with a row per solution."""
    pandas = require("pandas", "frames")
    if solutions:
        rows = [
            {**each.values, "chisqr": each.chisqr, "count": each.count, "share": each.share, "kind": each.kind}
            | {"at_limit": ", ".join(name for name, at in zip(fit.free, each.at_limit, strict=True) if at)}
            for each in fit.solutions
        ]
        return pandas.DataFrame(rows)
    fields = ("value", "stderr", "min", "max", "vary", "scale", "expr", "at_limit", "why")
    rows = [{name: getattr(each, name) for name in fields} for each in fit.params.values()]
    return pandas.DataFrame(rows, index=pandas.Index([*fit.params], name="parameter"))


def scipy_result(fit: Any) -> Any:
    """Return the best fit as the OptimizeResult of ``scipy.optimize.least_squares``."""
    from scipy.optimize import OptimizeResult

    with np.errstate(all="ignore"):
        gradient = fit.jac.T @ (fit.loss.weights(fit.residual)[0] * fit.residual)
    return OptimizeResult(
        x=fit.best.free.copy(),
        cost=0.5 * fit.best.cost,
        fun=fit.residual.copy(),
        jac=fit.jac.copy(),
        grad=gradient,
        optimality=float(np.abs(np.where(fit.best.at_limit == 0, gradient, 0.0)).max()),
        active_mask=fit.best.at_limit.copy(),
        nfev=int(np.sum(fit.landscape.nfev)),
        status=1 if fit.best.count else 0,
        success=fit.best.count > 0,
        message=f"{fit.agree} of {fit.landscape.n} starts agree",
    )


def lmfit_result(fit: Any) -> Any:
    """Return the best fit as lmfit's MinimizerResult; lmfit must be installed."""
    lmfit = require("lmfit", "fit")
    params = lmfit.Parameters()
    for name, each in fit.params.items():
        params.add(name, value=each.value, vary=each.vary, min=each.min, max=each.max)
        params[name].stderr, params[name].correl = each.stderr, dict(each.correl)
    for name, each in fit.params.items():
        if each.expr is not None:
            params[name].expr = each.expr
            params[name].stderr = each.stderr
    return lmfit.minimizer.MinimizerResult(
        params=params,
        var_names=list(fit.free),
        covar=fit.covar,
        residual=fit.residual.copy(),
        ndata=fit.ndata,
        nvarys=fit.nvarys,
        nfree=fit.nfree,
        nfev=int(np.sum(fit.landscape.nfev)),
        chisqr=fit.chisqr,
        redchi=fit.redchi,
        aic=fit.aic,
        bic=fit.bic,
        success=fit.best.count > 0,
        errorbars=all(fit.params[name].stderr is not None for name in fit.free),
        method=method_name(fit.landscape.method),
        message=f"{fit.agree} of {fit.landscape.n} starts agree",
    )
