"""Callbacks: objectives that are called as plain Python, because they cannot be traced."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from batchgd.compiler.differentiable import Differentiable, Floats, check_by_name, checked_params
from batchgd.compiler.plain.calls import Function, Kind, heeding
from batchgd.compiler.plain.evaluator import Evaluator
from batchgd.compiler.plain.program import CalledProgram
from batchgd.compiler.plain.workers import Workers
from batchgd.compiler.trace.call import check_call, with_args
from batchgd.compiler.trace.counts import OperationCounts
from batchgd.compiler.trace.escape import name_of
from batchgd.compiler.units import Units
from batchgd.kernels.plan import Abandoned
from batchgd.problem import check
from batchgd.problem.box import Box, check_dimension
from batchgd.problem.errors import InputError, printable, quoted

if TYPE_CHECKING:
    from batchgd.compiler.objective import What
    from batchgd.problem.bounds import Bounds

Order = Literal["forward", "central"]

_STEP = "a number between 0 and 1, in widths of the box"


class Callback(Differentiable):
    """A function that is called as plain Python, because it cannot be traced: odeint, quad, an external program.

    It runs on the NumPy backend, up to 256 trajectories at a time. An exception at a point counts as a value that is
    not finite; an exception at every start is an error. Ctrl-C and ``max_time`` take effect between two calls; a start
    that was not taken up by then has the value NaN.

    Without ``jac`` the gradient is computed by differences, central ones (f(x + h) - f(x - h)) / 2h with
    h = ε^(1/3) w, or forward ones (f(x + h) - f(x)) / h with h = ε^(1/2) w. w is the width of the box and ε the
    relative noise of f, measured at three points of the box: 2e-16 for a formula, 1e-8 for an integrator with that
    tolerance; h is at most w/100. Within ``bounds=`` no difference reaches outside: next to a bound it is one-sided, of
    three points. Second derivatives, for the classification of minima and for Newton's method, are
    central differences of gradients.

    Parameters
    ----------
    fun : callable
        ``fun(x) -> float`` with x of shape (dim,), or ``fun(x, params)``.
    jac : callable or True, optional
        The gradient, ``jac(x)`` or ``jac(x, params)`` of shape (dim,), compared with differences of ``fun`` at three
        points; True if ``fun`` returns the pair of value and gradient, as in SciPy.
    dim : int, optional
        The number of coordinates; taken from the box, the one of the call if ``box`` is omitted too.
    box : Box or sequence of (lo, hi), optional
        Where starts are drawn.
    params : float or array_like, optional
        Passed on to ``fun`` and ``jac``.
    args : tuple
        Further arguments of both.
    vectorized : bool
        ``fun`` takes points of shape (n, dim) and returns (n,), ``jac`` returns (n, dim).
    differences : "central" or "forward"
        How a gradient is computed without ``jac``, in 2 dim + 1 or dim + 1 calls. Forward differences are less exact:
        relative to f / w their error is about ε^(1/2), that of central ones ε^(2/3).
    step : float, optional
        h in widths of the box, in place of the step that follows from the noise; 1e-3 suits an f with errors of 1e-9.
    workers : int, optional
        Processes that share the calls (``concurrent.futures``), worth it if one takes longer than some 10 µs. Functions
        are sent by cloudpickle if it is installed, which takes lambdas too; by pickle otherwise.
    name : str, optional
        What the objective is called in results; the function's name by default.

    Attributes
    ----------
    calls : int
        Points at which ``fun`` or ``jac`` was evaluated so far: for descents, whose share is in ``result.nfev``, to
        find the minima behind the endpoints, and for checks.
    noise : float
        The relative noise of f.

    Raises
    ------
    InputError
        If the function fails at all of 64 points of the box, with its line; if it returns no number; if the gradient
        does not agree with the function; if a function cannot be sent to a worker.

    Examples
    --------
    >>> from scipy.integrate import quad
    >>> import batchgd as bgd
    >>> def misfit(x):
    ...     return (quad(lambda t: np.exp(-x[0] * t), 0, 1)[0] - 0.5) ** 2
    >>> result = bgd.multistart(bgd.Callback(misfit), box=[(0, 5)], starts=20)
    >>> result.minima.x.round(6).tolist(), result.backend
    ([[1.593624]], 'numpy')
    """

    plain = True
    bounds: Bounds | None

    def __init__(
        self,
        fun: Callable[..., Any],
        jac: Callable[..., Any] | bool | None = None,
        *,
        dim: int | None = None,
        box: Any = None,
        params: ArrayLike | None = None,
        args: Any = (),
        vectorized: bool = False,
        differences: Order = "central",
        step: float | None = None,
        workers: int | None = None,
        name: str | None = None,
    ):
        if not callable(fun):
            raise InputError(f"fun is {quoted(fun)}: give a function of x that returns a number")
        if not (callable(jac) or jac is None or isinstance(jac, bool)):
            raise InputError(f"jac is {quoted(jac)}: give a function of x that returns the gradient, or True")
        self.name = printable(name_of(fun) if name is None else check.text("name", name))
        self.fun, self.jac, self.args = fun, jac or None, args
        self.vectorized = check.flag("vectorized", vectorized)
        self.differences = check.one_of("differences", differences, ("central", "forward"))
        self.step = None if step is None else check.number("step", step, _STEP)
        if self.step is not None and not 0.0 < self.step < 1.0:
            raise InputError(f"step is {quoted(step)}: give {_STEP}")
        self.workers = None if workers is None else check.whole("workers", workers, 1, 4096)
        self.box, self._params = None if box is None else Box.parse(box, dim), checked_params(params)
        self.dim = self.box.dim if self.box is not None else 0 if dim is None else check_dimension(dim)
        self.counts = self.gradient_counts = OperationCounts()
        self._units, self.bounds = Units(), None
        self._begin()

    def _begin(self, noise: float | None = None) -> None:
        """Check the functions by their signatures and, with a box and unless the noise is known, by calling them."""
        fun, jac = with_args(self.fun, self.args), with_args(self.jac, self.args)
        for what, function in (("fun", fun), ("jac", jac)):
            if callable(function) and self.dim:  # without, arguments may follow
                check_call(what, function, self._params is not None)
        kinds: list[tuple[Any, Kind]] = [(fun, "both" if jac is True else "value")]
        kinds += [(jac, "gradient")] if callable(jac) else []
        functions = [Function(call, kind, self.dim, self.vectorized) for call, kind in kinds]
        many = self.workers is not None and self.workers > 1
        self._at = Evaluator(
            functions,
            np.ones(self.dim) if self.box is None else self.box.width * self._units.scale,
            forward=self.differences == "forward",
            step=self.step,
            workers=Workers(self.workers or 1, functions) if many else None,
        )
        self._renew()
        if noise is not None:
            self._at.noise = noise
        elif self.box is not None:
            self._at.try_out(self.box, self._others(self._params), self.bounds)

    def _renew(self) -> None:
        """Begin with no programs."""
        self._programs: dict[str, CalledProgram] = {}

    def _copy(self) -> Callback:
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        return other

    def completed(self, region: Box, params: Any, jac: Any, args: Any) -> Callback:
        """Return the objective with what the call of ``multistart`` adds: the box, if it has none, and arguments."""
        other, changed = self._copy(), self.box is None
        for word, given in {"jac": jac, "args": args}.items():
            if given is None or given == ():
                continue
            if getattr(self, word) not in (None, ()):
                raise InputError(f"{word} was given to bgd.Callback already: leave it out")
            setattr(other, word, given)
            changed = True
        if params is not None:
            other._params = checked_params(params)
            changed |= self._params is None
        if not changed:
            return self if params is None else self.with_params(params)
        if self.box is None:
            other.box, other.dim = region, region.dim
        other._begin()
        return other

    def in_units(self, units: Units) -> Callback:
        """Return the function in other units; in logarithms differences are taken of these."""
        other = self._copy()
        if units.log is not None:
            jac: Any = InLogarithms(self.jac, units, "gradient") if callable(self.jac) else self.jac
            other.fun, other.jac = InLogarithms(self.fun, units, "both" if self.jac is True else "value"), jac
            other.box, other.bounds = units.of_own_box(self.box), None
            other._begin(self.noise)
            return other
        other._renew()
        other._units, other.box = self._units.then(units), units.of_own_box(self.box)
        return other

    def within(self, bounds: Bounds | None) -> Callback:
        """Return the function with checks and differences within bounds, in its own coordinates.

        Bounds per start are for checks: they belong to no point that is evaluated later.
        """
        other = self._copy()
        other._renew()
        other.bounds = bounds
        return other

    # Evaluations

    @property
    def calls(self) -> int:
        """Points at which ``fun`` or ``jac`` was evaluated so far."""
        return self._at.calls

    @property
    def noise(self) -> float:
        """The relative noise of f."""
        return self._at.noise

    @property
    def numbers(self) -> Floats:
        """The parameters."""
        return np.zeros(1) if self._params is None else self._params.ravel()

    def evaluations(self, what: What) -> int:
        """Return how many calls of ``fun`` the outputs of this name take at a point."""
        return self._at.evaluations(what)

    def program(self, what: What) -> CalledProgram:
        """Return what the tick of the NumPy backend calls."""
        if what not in self._programs:
            shape = None if self._params is None else self._params.shape
            self._programs[what] = CalledProgram(shape, partial(self._in_a_tick, what))
        return self._programs[what]

    def _in_a_tick(self, what: What, points: Floats, params: Floats | None) -> Floats:
        with heeding(None) if what == "value" else nullcontext():  # those of endpoints are computed to the end
            return self.outputs_at(what, points, params)

    def outputs_at(self, what: What, points: Floats, params: Floats | None) -> Floats:
        """Return the numbers of a program (outputs, n) at points (n, dim)."""
        units = self._units
        with np.errstate(all="ignore"):
            return self._at.outputs(what, units.at(points), self._others(params), units, self.bounds)

    def _evaluate(self, what: Any, n_outputs: int, points: Floats) -> Floats:
        try:
            return self.outputs_at(what, points, self._params)
        except Abandoned:  # nobody waits for the rest
            return np.full((n_outputs, len(points)), np.nan)

    @staticmethod
    def _others(params: Floats | None) -> tuple[Any, ...]:
        return () if params is None else (params if params.ndim else float(params),)

    def _points(self, x: ArrayLike) -> tuple[Floats, bool]:
        if not self.dim:
            raise InputError(f"bgd.Callback({self.name}) does not know its dimension: give it dim= or box=")
        return super()._points(x)

    def __reduce__(self) -> tuple[Any, ...]:
        check_by_name(self.name, self.fun, self.jac)
        return _again, ({name: value for name, value in vars(self).items() if name not in _MADE}, self.noise)

    def __repr__(self) -> str:
        how = "with its gradient" if self.jac is not None else f"by {self.differences} differences"
        return f"<Callback {self.name}, {self.dim or 'any'}-D, {how}>"


@dataclass(frozen=True)
class InLogarithms:
    """A function of x, called with the coordinates of units that have logarithms; one can be sent to a worker."""

    function: Callable[..., Any]
    units: Units
    kind: Kind

    def __call__(self, u: Floats, *others: Any) -> Any:
        """Return value, gradient by u, or both."""
        found = self.function(self.units.at(u), *others)
        if self.kind == "value":
            return found
        if self.kind == "gradient":
            return self.units.slopes(u, np.asarray(found))
        return found[0], self.units.slopes(u, np.asarray(found[1]))


_MADE = ("_at", "_programs")


def _again(state: dict[str, Any], noise: float) -> Callback:
    """Make it again, in another process, without calling the function."""
    made = object.__new__(Callback)
    made.__dict__.update(state)
    made._begin(noise)
    return made
