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
_BASIS = (
    "make the spline of numbers, once, outside; values y that depend on x at places s that do not are "
    "`B = scipy.interpolate.CubicSpline(t, np.eye(len(t)))(s)` outside, and `B @ y`"
)
_EIGENVALUES = (
    "the eigenvalues of a symmetric A are `np.linalg.eigvalsh(A)`; to fit known ones of any A, make the characteristic "
    "polynomial zero at each w of them: `np.linalg.det(A - w * np.eye(len(A)))`"
)
_FOURIER = (
    "write cosines and sines: `n = np.arange(len(a))`, `k = 2 * np.pi / len(a) * np.outer(n, n)`; the real part is "
    "`np.cos(k) @ a`, the imaginary part `-np.sin(k) @ a`, the power `(np.cos(k) @ a) ** 2 + (np.sin(k) @ a) ** 2`"
)
_HISTOGRAM = "counts are constant except for jumps, so minimise a likelihood of the values, `-np.sum(np.log(pdf(a)))`"
_ROOT = (
    "run Newton's method a fixed number of times from a z near the root: `for _ in range(40): z = z - g(z) / slope(z)`"
)

_ROWS: dict[str, str] = {
    "quad quad_vec fixed_quad quadrature romberg dblquad tplquad nquad": _INTEGRAL,
    "odeint solve_ivp solve_bvp ode": _RUNGE_KUTTA,
    "interp1d": "make `c = scipy.interpolate.make_interp_spline(t, y)` outside, for cubic pieces, and write `c(s)`",
    "CubicSpline PchipInterpolator Akima1DInterpolator PPoly BSpline make_interp_spline UnivariateSpline "
    "InterpolatedUnivariateSpline LSQUnivariateSpline": _BASIS,
    "pdist": "`i, j = np.triu_indices(len(a), 1)` and `np.sqrt(np.sum((a[i] - a[j]) ** 2, axis=1))`",
    "cdist distance_matrix": "`np.sqrt(np.sum((a[:, None] - b[None]) ** 2, axis=2))`",
    "lu_solve spsolve np.linalg.tensorsolve": "`np.linalg.solve(A, b)`",
    "np.linalg.tensorinv": "`np.linalg.inv(A)`",
    "eigh eigvals eig np.linalg.eigh np.linalg.eigvals np.linalg.eig": _EIGENVALUES,
    "svd svdvals qr np.linalg.svd np.linalg.svdvals np.linalg.qr np.linalg.cond np.linalg.matrix_rank": "the singular "
    "values, in ascending order, are `np.sqrt(np.linalg.eigvalsh(A.T @ A))`",
    "np.fft": _FOURIER,
    "np.gradient": "`np.concatenate([[a[1] - a[0]], (a[2:] - a[:-2]) / 2, [a[-1] - a[-2]]])`, over the spacing",
    "np.roots": "to fit known roots, make the polynomial zero at each r of them: `np.polyval(p, r)`",
    "np.histogram np.histogram2d": _HISTOGRAM,
    "np.unique np.lexsort sorted .sort()": "`np.sort(a)` or `np.argsort(a)`, for up to 64 values",
    "np.sort np.argsort np.median np.quantile np.linalg.eigvalsh": "compare at most 64 values; `np.min(a)`, "
    "`np.max(a)` and `np.mean(a)` take any number",
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

UNTRACED = "; or run it untraced: bgd.Callback(fun), which is slower, or bgd.compiled(f), a Numba function of yours"
"""What else can be done about every function that cannot be traced."""

PLAIN = "write it with arithmetic and NumPy's elementary functions"
DENSITY = "write the formula of its density with np.exp and np.log"


def cure_for(name: str) -> str:
    """Return what to write in place of a function, or that it has to be written out.

    >>> cure_for("spsolve")
    'write `np.linalg.solve(A, b)`'
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
