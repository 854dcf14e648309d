"""Least squares: the objective that is made of a function of residuals, with its Gauss-Newton matrix."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from batchgd.compiler.differentiable import Floats, check_by_name, checked_params, shapes_of
from batchgd.compiler.losses import Loss
from batchgd.compiler.lower.arrays import ArrayProgram
from batchgd.compiler.objective import Objective
from batchgd.compiler.trace.call import check_call, with_args
from batchgd.compiler.trace.escape import name_of
from batchgd.compiler.trace.module_patches import running
from batchgd.compiler.trace.residuals import Term, gauss_newton, jacobian_terms, standardised, summed, terms_of
from batchgd.compiler.trace.substitutes import UNTRACED
from batchgd.problem import check
from batchgd.problem.errors import InputError, TraceError, quoted

if TYPE_CHECKING:
    from batchgd.compiler.objective import What
    from batchgd.compiler.trace.graph import Node
    from batchgd.compiler.units import Units


class LeastSquares(Objective):
    """A sum of squared residuals of a plain function, f(x) = C²/2 Σ rho(r_k(x)² / (C σ_k)²), with its model J'J.

    This is the cost of ``scipy.optimize.least_squares``; with the loss ``"linear"`` it is half the sum of squares, so
    the residual sum of a fit is twice the value. Every method runs on it. For
    :class:`~batchgd.methods.LevenbergMarquardt` kernels also compute the Gauss-Newton matrix J'J, whose entries are
    sums over the residuals like the value. More than 32 residuals in one array are rows, computed in a loop.

    Parameters
    ----------
    residuals : callable
        ``residuals(x)`` or ``residuals(x, params)``: an array of model minus data, of any shape, or a list of arrays;
        written as any function of an :class:`Objective`.
    dim, params, box, name, args
        As for :class:`Objective`.
    loss : {"linear", "soft_l1", "huber", "cauchy", "arctan"}
        rho(z), the less of large residuals the further down this list: z; 2 (√(1 + z) - 1); z, above 1 2 √z - 1;
        ln(1 + z); arctan z.
    f_scale : float
        C > 0, the size of a residual (in units of sigma) from which on it is an outlier; nothing for ``"linear"``.
    sigma : float or array_like, optional
        σ > 0, the standard deviations of the data, one for each residual in the shape of the array, or one number.
        A weight w of a square is the σ = 1/√w.

    Raises
    ------
    InputError
        If dim is missing or contradicts the box, or something is not positive.
    TraceError
        If the function cannot be traced, returns one number, or as many residuals as sigma does not have.

    References
    ----------
    B. Triggs, P. McLauchlan, R. Hartley and A. Fitzgibbon, Bundle adjustment, a modern synthesis (2000), section 4.3,
    for robust losses in J'J; with the safeguards of SciPy's ``scale_for_robust_loss_function``.

    Examples
    --------
    >>> import numpy as np
    >>> import batchgd as bgd
    >>> t = np.linspace(0.0, 4.0, 50)
    >>> y = 2.0 * np.exp(-0.7 * t)
    >>> fit = bgd.LeastSquares(lambda p: p[0] * np.exp(-p[1] * t) - y, box=[(0, 5), (0, 3)])
    >>> result = bgd.multistart(fit, starts=100, method=bgd.LevenbergMarquardt())
    >>> result.minima.x.round(6).tolist(), bool(result.nfev.mean() < 20)
    ([[2.0, 0.7]], True)
    """

    has_residuals = True

    def __init__(
        self,
        residuals: Callable[..., Any],
        dim: int | None = None,
        params: Any = None,
        *,
        loss: str = "linear",
        f_scale: float = 1.0,
        sigma: ArrayLike | None = None,
        box: Any = None,
        name: str | None = None,
        args: Any = (),
    ):
        if not callable(residuals):
            raise InputError(f"residuals is {quoted(residuals)}: give a function of x that returns an array")
        shapes = shapes_of(params, residuals)
        self.residuals, self.sigma = with_args(residuals, args, shapes), _checked(sigma)
        self.loss = Loss.parse(loss, f_scale)
        check_call("residuals", self.residuals, params is not None)
        self._vector = standardised(self.residuals, self.sigma)
        self._model: list[Node] | None = None
        self._slopes: list[ArrayProgram] | None = None
        total = summed(self._vector, self.loss.cost)
        numbers = checked_params(params)
        try:
            super().__init__(total, dim, numbers, box=box, name=name_of(residuals) if name is None else name)
        except TraceError as error:  # of residuals there is nothing that runs untraced
            raise TraceError(str(error).removesuffix(UNTRACED)) from None
        self.shapes = shapes

    def gauss_newton(self, x: ArrayLike) -> Floats:
        """Return the Gauss-Newton matrix, J'J with the weights of the loss, (n, dim, dim), or (dim, dim) at one point.

        >>> LeastSquares(lambda x: np.array([x[0] * x[1], x[1]]), dim=2).gauss_newton([1.0, 2.0])
        array([[4., 2.],
               [2., 2.]])
        """
        points, single = self._points(x)
        rows, columns = np.tril_indices(self.dim)
        entries = self._evaluate("gauss_newton", 1 + self.dim + len(rows), points)[1 + self.dim :]
        result = np.empty((len(points), self.dim, self.dim))
        result[:, rows, columns] = result[:, columns, rows] = entries.T
        return result[0] if single else result

    def jacobian(self, x: ArrayLike) -> tuple[Floats, Floats]:
        """Return the residuals in units of sigma, (m,), and their derivatives J, (m, dim), at one point.

        At points, (n, dim), these are (n, m) and (n, m, dim).

        >>> LeastSquares(lambda x: np.array([x[0] * x[1], x[1]]), dim=2).jacobian([1.0, 2.0])[1]
        array([[2., 1.],
               [0., 1.]])
        """
        points, single = self._points(x)
        if self._slopes is None:
            self._slopes = [ArrayProgram(nodes) for nodes in jacobian_terms(self._terms, self._traced.value.graph)]
        shape = 1 + self.dim, len(points), -1
        table = np.concatenate([program(points.T, self._knobs()).reshape(shape) for program in self._slopes], axis=2)
        residuals, slopes = table[0], np.ascontiguousarray(np.moveaxis(table[1:], 0, 2))
        return (residuals[0], slopes[0]) if single else (residuals, slopes)

    def _outputs(self, what: What) -> list[Node]:
        if what != "gauss_newton":
            return super()._outputs(what)
        if self._model is None:
            graph = self._traced.value.graph
            self._model = gauss_newton(self._terms, graph, self.loss.cost, self.loss.weights)
        return self._model

    @cached_property
    def _terms(self) -> list[Term]:
        return terms_of(self._vector, self._traced.value.graph, self._params)

    def in_units(self, units: Units) -> Objective:
        """Return the function in other units, traced again.

        >>> from batchgd.compiler.units import Units
        >>> fit = LeastSquares(lambda x: x - 1.0, dim=2).in_units(Units(scale=4.0, factor=9.0))
        >>> fit.value([0.0, 0.0]), fit.gauss_newton([0.0, 0.0]).tolist()
        (9.0, [[144.0, 0.0], [0.0, 144.0]])
        """
        if units.level != 0.0 or units.factor <= 0.0:
            return super().in_units(units)
        residuals, root = self.residuals, float(np.sqrt(units.factor))

        @running(residuals)
        def scaled(u: Any, *params: Any) -> Any:
            return residuals(units.at(u), *params)

        box = units.of_own_box(self.box)
        sigma = (1.0 if self.sigma is None else self.sigma) / root
        options: dict[str, Any] = {"loss": self.loss.name, "f_scale": self.loss.f_scale * root, "name": self.name}
        return LeastSquares(scaled, self.dim, self._params, sigma=sigma, box=box, **options)

    def __reduce__(self) -> tuple[Any, ...]:
        check_by_name(self.name, self.residuals)
        options = {"loss": self.loss.name, "f_scale": self.loss.f_scale, "sigma": self.sigma, "box": self.box}
        return _again, (self.residuals, self.dim, self._params, options | {"name": self.name})

    def __repr__(self) -> str:
        return super().__repr__().replace("Objective", "LeastSquares", 1)


def _again(residuals: Callable[..., Any], dim: int, params: Any, options: dict[str, Any]) -> LeastSquares:
    """Trace again in another process."""
    return LeastSquares(residuals, dim, params, **options)


def _checked(sigma: ArrayLike | None) -> Floats | None:
    """Return standard deviations as float64, or raise InputError."""
    if sigma is None:
        return None
    found = check.finite("sigma contains", sigma, "give positive standard deviations, one per residual or one number")
    if not (found > 0.0).all():
        bad = found.flat[int(np.argmin(found))]
        raise InputError(f"sigma contains {bad:g}: give positive standard deviations, one per residual or one number")
    return found
