"""Write lmfit_references.json: what lmfit and SciPy report for the models of tests/support/fit_cases.py.

    pip install lmfit; python tests/data/make_lmfit_references.py

Both get derivatives by complex steps: with their own differences covariances have four to five digits.
"""

import json
import sys
from pathlib import Path

import lmfit
import numpy as np
import scipy

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "support"))

from fit_cases import CASES  # noqa: E402

GUESSES = {
    "two exponentials": [0.9, 0.4, 2.8, 2.2],
    "two peaks": [1.8, -0.9, 0.9, 1.1, 1.4, 1.0, 0.1],
    "Hill": [2.8, 1.4, 8.0],
    "four-parameter logistic": [3.9, 0.6, 8.0, 1.2],
    "wave": [1.2, 2.39, 0.6],
}
DECAY = [1.8, 0.6, 0.2]
TIGHT = {"ftol": 1e-15, "xtol": 1e-15, "gtol": 1e-15}
STEP = 1e-30


class Case:
    """A model with its data as a function of the free parameters, in the order of the model."""

    def __init__(self, name):
        self.function, self.x, self.y, self.limits, sigma, self.others = CASES[name]
        self.spread = 1.0 if sigma is None else sigma
        self.names = list(lmfit.Model(self.function).param_names)
        self.free = [key for key in self.names if key in self.limits]
        self.guess = dict(zip(self.names, GUESSES.get(name, DECAY), strict=True))

    def residuals(self, p):
        known = dict(zip(self.free, p, strict=True))
        for key, given in self.others.items():
            known[key] = eval(given, {}, known) if isinstance(given, str) else given
        return (self.function(self.x, *(known[key] for key in self.names)) - self.y) / self.spread

    def jacobian(self, p):
        steps = np.asarray(p) + 1j * STEP * np.eye(len(p))
        return np.stack([self.residuals(step).imag / STEP for step in steps], axis=1)

    def params(self):
        params = lmfit.Parameters()
        for key in [*self.free, *self.others]:
            given = self.others.get(key, self.guess[key])
            fixed = key in self.others
            params.add(key, **({"expr": given} if isinstance(given, str) else {"value": given, "vary": not fixed}))
        return params


def of_params(case, call):
    return lambda params: call([params[key].value for key in case.free])


def by_lmfit(case, absolute):
    minimizer = lmfit.Minimizer(of_params(case, case.residuals), case.params(), scale_covar=not absolute)
    found = minimizer.leastsq(Dfun=of_params(case, case.jacobian), col_deriv=0, **TIGHT)
    assert found.var_names == case.free
    return {
        "values": {key: each.value for key, each in found.params.items()},
        "stderr": {key: each.stderr for key, each in found.params.items()},
        "correl": {key: each.correl for key, each in found.params.items()},
        "free": found.var_names,
        "covar": found.covar.tolist(),
        **{key: float(getattr(found, key)) for key in ("chisqr", "redchi", "aic", "bic", "nfree", "ndata", "nvarys")},
    }


def by_scipy(case, absolute):
    guess = [case.guess[key] for key in case.free]
    found = scipy.optimize.least_squares(case.residuals, guess, case.jacobian, x_scale="jac", **TIGHT)
    covariance = np.linalg.inv(found.jac.T @ found.jac)
    factor = 1.0 if absolute else 2.0 * found.cost / (len(case.y) - len(guess))
    return {"values": found.x.tolist(), "covar": (factor * covariance).tolist()}


if __name__ == "__main__":
    cases = {}
    for name in CASES:
        for absolute in (False, True):
            case = Case(name)
            found = {"lmfit": by_lmfit(case, absolute), "scipy": by_scipy(case, absolute)}
            cases.setdefault(name, {})["absolute" if absolute else "relative"] = found
            one, other = (np.array(each["covar"]) for each in found.values())
            print(f"{name}: lmfit and SciPy differ by {np.abs(one / other - 1.0).max():.1e}", file=sys.stderr)
    source = f"lmfit {lmfit.__version__}, scipy {scipy.__version__}"
    (HERE / "lmfit_references.json").write_text(json.dumps({"source": source, "cases": cases}, indent=1) + "\n")
