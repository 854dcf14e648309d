"""What to write in place of a function that cannot be traced; a test runs the code between backticks in every row."""

from __future__ import annotations

_INTEGRAL = (
    "integrate g from a to b by Gauss-Legendre: `t, w = np.polynomial.legendre.leggauss(50)` outside, then "
    "`(b - a) / 2 * np.sum(w * g((a + b) / 2 + (b - a) / 2 * t))`, with more nodes for a sharp peak"
)
_RUNGE_KUTTA = (
    "solve y' = g(t, y) by Runge-Kutta in a loop over n steps: `h = (t1 - t0) / n` and "
    "`for t in t0 + h * np.arange(n): k1 = g(t, y); k2 = g(t + h / 2, y + h / 2 * k1); "
    "k3 = g(t + h / 2, y + h / 2 * k2); k4 = g(t + h, y + h * k3); y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)`"
)
_BETWEEN = (
    "write the line through points (t, y), t ascending and y constant beyond them, at one number s: "
    "`y[0] + np.sum(np.diff(y) / np.diff(t) * (np.clip(s, t[:-1], t[1:]) - t[:-1]))`, and at an array s: "
    "`y[0] + (np.clip(s[:, None], t[:-1], t[1:]) - t[:-1]) @ (np.diff(y) / np.diff(t))`"
)
_PIECES = (
    "write its pieces, at a number or array s within them: `c.c[-1, 0] + sum("
    "np.polyval(c.c[:, i], np.clip(s, c.x[i], c.x[i + 1]) - c.x[i]) - c.c[-1, i] for i in range(len(c.x) - 1))`"
)
_GAMMA = (
    "write the logarithm of Γ(a), a > 0, to nine digits: `(a + 6.5) * np.log(a + 7) - a - 7 + 0.5 * np.log(2 * np.pi) "
    "+ 1 / (12 * (a + 7)) - 1 / (360 * (a + 7) ** 3) + 1 / (1260 * (a + 7) ** 5) "
    "- np.log(a * (a + 1) * (a + 2) * (a + 3) * (a + 4) * (a + 5) * (a + 6))`"
)
_ELIMINATE = (
    "`for i, k in [(i, k) for k in range(len(A)) for i in range(len(A)) if i != k]: "
    "M[i] = M[i] - M[k] * (M[i, k] / M[k, k])`"
)
_SOLVE = (
    "write, for A that needs no pivoting, such as a positive definite one: `M = np.column_stack([A, b])`, "
    f"{_ELIMINATE}, and A z = b has z = `M[:, -1] / np.diag(M)`"
)
_INVERSE = (
    "write, for A that needs no pivoting, such as a positive definite one: `M = np.column_stack([A, np.eye(len(A))])`, "
    f"{_ELIMINATE}, then `M[:, len(A) :] / np.diag(M)[:, None]`"
)
_DETERMINANT = (
    f"write, for A that needs no pivoting: `M = A.copy()`, {_ELIMINATE}, then `np.prod(np.diag(M))`, or its logarithm "
    "`np.sum(np.log(np.abs(np.diag(M))))`"
)
_NORMAL_EQUATIONS = (
    "solve the normal equations: `y, A = A.T @ b, A.T @ A`, `M = np.column_stack([A, y])`, "
    f"{_ELIMINATE}, then `M[:, -1] / np.diag(M)`"
)
_EIGENVALUES = (
    "to fit known eigenvalues, make the characteristic polynomial zero at each w of them: "
    "`np.linalg.det(A - w * np.eye(len(A)))`; the largest one in size of a symmetric A: "
    "`v = np.linalg.matrix_power(A, 60) @ np.ones(len(A))` and `v @ A @ v / (v @ v)`"
)
_SINGULAR = _EIGENVALUES + ", with A.T @ A for A: singular values squared are its eigenvalues"
_CHOLESKY = (
    "write `L = np.zeros(A.shape)`, then `for i, j in zip(*np.tril_indices(len(A))): L[i, j] = "
    "np.sqrt(A[i, i] - np.sum(L[i, :i] ** 2)) if i == j else (A[i, j] - np.sum(L[i, :j] * L[j, :j])) / L[j, j]`"
)
_FOURIER = (
    "write cosines and sines: `n = np.arange(len(a))`, `k = 2 * np.pi / len(a) * np.outer(n, n)`; the real part is "
    "`np.cos(k) @ a`, the imaginary part `-np.sin(k) @ a`, the power `(np.cos(k) @ a) ** 2 + (np.sin(k) @ a) ** 2`"
)
_SORT = (
    "`a = a.copy()` and `for i in [i for k in range(len(a)) for i in range(k % 2, len(a) - 1, 2)]: "
    "a[i], a[i + 1] = np.minimum(a[i], a[i + 1]), np.maximum(a[i], a[i + 1])`, which sorts a short a"
)
_PICK = (
    "write what is meant: the least is `np.min(a)`, the greatest `np.max(a)`, and the y that belongs to the least "
    "`np.sum(bgd.where(a == np.min(a), y, 0.0))`"
)
_PLACE = "write the y of the interval of t that contains s: `np.sum(bgd.where((t[:-1] <= s) & (s < t[1:]), y, 0.0))`"
_SCATTER = "`np.array([np.sum(w[i == k]) for k in range(n)])`, with places i that do not depend on x"
_NO_NAN = "`np.sum(bgd.where(np.isnan(a), 0.0, a))`"
_HISTOGRAM = "counts are constant except for jumps, so minimise a likelihood of the values, `-np.sum(np.log(pdf(a)))`"
_FILTER = (
    "write the recursion, with a[0] = 1: `y = []` and `for k in range(len(u)): "
    "y.append(sum(b[i] * u[k - i] for i in range(len(b)) if i <= k) "
    "- sum(a[i] * y[k - i] for i in range(1, len(a)) if i <= k))`"
)

_ROOT = (
    "run Newton's method a fixed number of times from a z near the root: `for _ in range(40): z = z - g(z) / slope(z)`"
)

_ROWS: dict[str, str] = {
    "quad quad_vec fixed_quad quadrature romberg dblquad tplquad nquad": _INTEGRAL,
    "odeint solve_ivp solve_bvp ode": _RUNGE_KUTTA,
    "norm.pdf": "`np.exp(-0.5 * ((t - m) / s) ** 2) / (s * np.sqrt(2 * np.pi))`",
    "norm.logpdf": "`-0.5 * ((t - m) / s) ** 2 - np.log(s * np.sqrt(2 * np.pi))`",
    "norm.cdf": "`0.5 * (1 + scipy.special.erf((t - m) / (s * np.sqrt(2))))`",
    "norm.sf": "`0.5 * (1 - scipy.special.erf((t - m) / (s * np.sqrt(2))))`",
    "norm.logcdf": "`np.log(0.5 * (1 + scipy.special.erf((t - m) / (s * np.sqrt(2)))))`",
    "norm.logsf": "`np.log(0.5 * (1 - scipy.special.erf((t - m) / (s * np.sqrt(2)))))`",
    "expon.pdf": "`bgd.where(t < 0, 0.0, np.exp(-t / s) / s)`",
    "expon.logpdf": "`-t / s - np.log(s)` for t >= 0",
    "poisson.pmf": "`np.exp(k * np.log(mu) - mu - scipy.special.gammaln(k + 1))`, with counts k that are data",
    "poisson.logpmf": "`k * np.log(mu) - mu - scipy.special.gammaln(k + 1)`, with counts k that are data",
    "cauchy.pdf": "`1 / (np.pi * s * (1 + ((t - m) / s) ** 2))`",
    "cauchy.logpdf": "`-np.log(np.pi * s * (1 + ((t - m) / s) ** 2))`",
    "laplace.pdf": "`np.exp(-np.abs(t - m) / s) / (2 * s)`",
    "laplace.logpdf": "`-np.abs(t - m) / s - np.log(2 * s)`",
    "multivariate_normal.logpdf": "`P = np.linalg.inv(S)` outside, for S that does not depend on x, then "
    "`-0.5 * (t - m) @ P @ (t - m) - 0.5 * np.log(np.linalg.det(2 * np.pi * S))`",
    "logsumexp": "`np.max(a) + np.log(np.sum(np.exp(a - np.max(a))))`",
    "softmax": "`np.exp(a - np.max(a)) / np.sum(np.exp(a - np.max(a)))`",
    "log_softmax": "`a - np.max(a) - np.log(np.sum(np.exp(a - np.max(a))))`",
    "log_ndtr": "`np.log(0.5 * (1 + scipy.special.erf(a / np.sqrt(2))))`",
    "ndtr": "`0.5 * (1 + scipy.special.erf(a / np.sqrt(2)))`",
    "logit": "`np.log(a / (1 - a))`",
    "gammaln loggamma math.lgamma": _GAMMA,
    "interp1d np.interp": _BETWEEN,
    "CubicSpline PchipInterpolator Akima1DInterpolator PPoly": f"make the spline c outside, and {_PIECES}",
    "BSpline make_interp_spline": f"make `c = scipy.interpolate.PPoly.from_spline(spline)` outside, and {_PIECES}",
    "UnivariateSpline InterpolatedUnivariateSpline LSQUnivariateSpline": "make "
    f"`c = scipy.interpolate.PPoly.from_spline(spline._eval_args)` outside, and {_PIECES}",
    "pdist": "`i, j = np.triu_indices(len(a), 1)` and `np.sqrt(np.sum((a[i] - a[j]) ** 2, axis=1))`",
    "cdist distance_matrix": "`np.sqrt(np.sum((a[:, None] - b[None]) ** 2, axis=2))`",
    "squareform": "write index pairs: `i, j = np.triu_indices(len(a), 1)`",
    "expm": "`np.linalg.matrix_power("
    "sum(np.linalg.matrix_power(A / 64, k) / math.factorial(k) for k in range(12)), 64)`",
    "from_rotvec": "write, for the vector v turned by a: `h = np.sqrt(a @ a)` and "
    "`v * np.cos(h) + np.cross(a, v) * np.sin(h) / h + a * (a @ v) * (1 - np.cos(h)) / h**2`",
    "lfilter": _FILTER,
    "solve cho_solve lu_solve solve_triangular spsolve np.linalg.solve np.linalg.tensorsolve": _SOLVE,
    "inv np.linalg.inv": _INVERSE,
    "det slogdet np.linalg.det np.linalg.slogdet": _DETERMINANT,
    "pinv lstsq np.linalg.pinv np.linalg.lstsq": _NORMAL_EQUATIONS,
    "eigvalsh eigh eigvals eig np.linalg.eigvalsh np.linalg.eigh np.linalg.eigvals np.linalg.eig": _EIGENVALUES,
    "svd svdvals qr np.linalg.svd np.linalg.svdvals np.linalg.qr np.linalg.cond np.linalg.matrix_rank": _SINGULAR,
    "cholesky cho_factor np.linalg.cholesky": _CHOLESKY,
    "np.fft": _FOURIER,
    "np.piecewise": "`np.where(t < s, f(t), g(t))`, nested for more pieces",
    "np.gradient": "`np.concatenate([[a[1] - a[0]], (a[2:] - a[:-2]) / 2, [a[-1] - a[-2]]])`, over the spacing",
    "np.unwrap": "`d = np.diff(a)` and `np.concatenate([[a[0]], a[0] + np.cumsum(np.arctan2(np.sin(d), np.cos(d)))])`",
    "np.polyfit": "`np.linalg.pinv(np.vander(t, n + 1)) @ y` for degree n, with t that does not depend on x",
    "np.roots": "to fit known roots, make the polynomial zero at each r of them: `np.polyval(p, r)`",
    "np.cov": "`np.sum((a - np.mean(a)) * (b - np.mean(b))) / (len(a) - 1)`",
    "np.corrcoef": "`u, v = a - np.mean(a), b - np.mean(b)` and `u @ v / np.sqrt((u @ u) * (v @ v))`",
    "np.apply_along_axis": "`np.stack([g(row) for row in A])`",
    "np.nansum": _NO_NAN,
    "np.nanmean": "`np.sum(bgd.where(np.isnan(a), 0.0, a)) / np.sum(~np.isnan(a))`",
    "np.nan_to_num": "`bgd.where(np.isnan(a), 0.0, a)`; a value that is not finite need not be hidden: it ends its "
    "trajectory, with status NONFINITE",
    "np.round np.rint np.around np.fix": "`np.floor(a + 0.5)`, which has no slope; usually a itself is meant",
    "np.add.at np.bincount": _SCATTER,
    "np.fill_diagonal": "`np.diag(a)`, added to the rest",
    "np.histogram np.histogram2d": _HISTOGRAM,
    "np.sort np.partition np.median np.percentile np.quantile np.argsort np.unique sorted .sort() sort argsort": _SORT,
    "np.argmin np.argmax argmin argmax": _PICK,
    "np.searchsorted np.digitize": _PLACE,
    "brentq brenth bisect ridder toms748 newton root_scalar root fsolve fixed_point": _ROOT,
    "minimize minimize_scalar least_squares curve_fit": "make the inner unknowns coordinates of x as well, "
    "and minimise over all of them at once",
    "special": "approximate it where it is needed, lo to hi: "
    "`c = np.polynomial.Chebyshev.interpolate(scipy.special.j0, 40, [lo, hi])` outside, then `c(a)`",
    "complex": "`np.exp(1j * a)` is `np.cos(a)` and `np.sin(a)`: carry real and imaginary parts as two numbers",
    "while": "run it a fixed number of times: `for _ in range(40): z = bgd.where(going(z), step(z), z)`",
    "max min": "write `np.maximum(a, b)` and `np.minimum(a, b)` for two, `np.max(c)` and `np.min(c)` for an array",
    "any all filter": "write `np.any(a < 0.0)`, or np.all, and choose by it with `bgd.where(condition, a, b)`",
    "in": "compare with each value: `bgd.where((a == 1.0) | (a == 2.0), b, c)`",
    "state": "remove random numbers and state that is kept between calls, or pass what varies as params",
    "branch": "write `bgd.where(condition, a, b)`, with & | ~ for and, or, not; np.maximum and np.minimum help",
    "mask": "write `bgd.where(mask, a, b)` instead of a[mask]",
    "fill": "start from `y = np.zeros_like(x)`, or collect the parts in a list and join them: `np.array([a, b])`",
    "whole": "write `np.floor(a)` for a step; what indexes or counts cannot depend on x: give it as args=(n,), and run "
    "each n",
    "list": "write `np.array(t) * a`",
    "number": "write NumPy's functions, or `import math` at the top of the file and `math.cos(a)`, and "
    "no float() or dtype",
    "text": "leave it out, or write `print(f'{a}')`",
}

CURES = {name: cure for names, cure in _ROWS.items() for name in names.split()}
"""Functions by name: SciPy's bare (of distributions with their method), NumPy's as np.name, np.fft as a whole."""

PLAIN = "write it with arithmetic and NumPy's elementary functions"
DENSITY = "write the formula of its density with np.exp and np.log"


def cure_for(name: str) -> str:
    """Return what to write in place of a function, or that it has to be written out.

    >>> cure_for("norm.logpdf")
    'write `-0.5 * ((t - m) / s) ** 2 - np.log(s * np.sqrt(2 * np.pi))`'
    """
    key = "np.fft" if name.startswith("np.fft.") else name
    if key in CURES:
        return f"write {CURES[key]}" if CURES[key].startswith("`") else CURES[key]
    if name.endswith(("pdf", "pmf", "cdf", ".sf")):
        return DENSITY
    return PLAIN


def special_cure(name: str, arguments: int) -> str:
    """Return what to write in place of one of SciPy's special functions: for one argument, a polynomial close to it."""
    if name in CURES or arguments != 1:
        return cure_for(name)
    return CURES["special"].replace("j0", name)
