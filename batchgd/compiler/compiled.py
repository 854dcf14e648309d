"""Objectives whose value and gradient are the user's own Numba function, on the CPU and inside CUDA's kernel."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from batchgd.compiler.differentiable import Differentiable, Floats, check_by_name, checked_params
from batchgd.compiler.own.check import check_signature, check_values, compile_it, plain_function
from batchgd.compiler.own.code import UserCode, registered
from batchgd.compiler.plain.differences import EPS, relative_step
from batchgd.compiler.plain.program import CalledProgram
from batchgd.compiler.trace.counts import OperationCounts
from batchgd.compiler.trace.escape import name_of
from batchgd.problem import check
from batchgd.problem.box import Box, check_dimension
from batchgd.problem.errors import InputError, printable, quoted

if TYPE_CHECKING:
    from batchgd.compiler.objective import What
    from batchgd.compiler.units import Units


class Compiled(Differentiable):
    """An objective that :func:`compiled` makes."""

    in_programs = True
    code: UserCode

    def __init__(self, function: Any, dim: int, box: Box | None, params: Floats | None, name: str):
        self.function, self.dim, self.box, self.name = function, dim, box, name
        self._params = params
        self.counts = self.gradient_counts = OperationCounts()
        self._begin()

    def _begin(self) -> None:
        """Begin with no machine code; second derivatives by differences take their steps from the box."""
        widths = np.ones(self.dim) if self.box is None else self.box.width
        shape = None if self._params is None else self._params.shape
        self.code = UserCode(self.function, self.dim, shape, relative_step(EPS, 3) * widths)
        self._programs: dict[str, CalledProgram] = {}

    def check(self) -> None:
        """Compile the function and check it at points of the box, or of [-1, 1] without one."""
        compile_it(self.code)
        ends = (-np.ones(self.dim), np.ones(self.dim)) if self.box is None else (self.box.lower, self.box.upper)
        check_values(self.code, *ends, self._params, given=self.box is not None)

    def _copy(self, **changes: Any) -> Compiled:
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__, **changes)
        return other

    def completed(self, region: Box, params: Any, jac: Any, args: Any) -> Compiled:
        """Return the objective with what a call gives besides: its box, if it has none, and parameters."""
        made = super().completed(region, params, jac, args)
        assert isinstance(made, Compiled)
        if made.box is None:
            made = made._copy(box=region)
            made._begin()
            made.check()
        return made

    def in_units(self, units: Units) -> Compiled:
        """Return the function in other units."""
        if units.log is not None:
            raise InputError(
                f"{self.name} is compiled by bgd.compiled, which takes no logarithms, and a coordinate is positive: "
                "give bounds=[(1e-300, None), ...] in place of domain"
            )
        box = units.of_own_box(self.box)
        return self._copy(code=self.code.in_units(units), box=box, _programs={})

    # Evaluations

    @property
    def numbers(self) -> Floats:
        """What a kernel reads besides the point: the parameters."""
        return np.zeros(1) if self.params is None else self.params

    def _outputs(self, what: What) -> list[str]:
        """The names of the outputs of what is emitted under this name."""
        slopes = [f"g{i}" for i in range(self.dim)]
        seconds = [f"h{k}" for k in range(self.dim * (self.dim + 1) // 2)]
        named = {"value": ["f"], "gradient": slopes, "value_and_gradient": ["f", *slopes], "hessian": seconds}
        return named.get(what, ["f", *slopes, *seconds])

    def _at(self, what: What, points: Floats, params: Floats | None) -> Floats:
        """Return the outputs of this name at points, (outputs, n)."""
        rows = self.code.at(points, params, hessian=what in ("hessian", "derivatives"))
        d = self.dim
        value, slopes, seconds = rows[:, d : d + 1], rows[:, :d], rows[:, d + 1 :]
        parts = {"value": [value], "gradient": [slopes], "value_and_gradient": [value, slopes], "hessian": [seconds]}
        return np.concatenate(parts.get(what, [value, slopes, seconds]), axis=1).T

    def _evaluate(self, what: Any, n_outputs: int, points: Floats) -> Floats:
        return self._at(what, points, self._params)

    def program(self, what: What) -> CalledProgram:
        """Return what the tick of the NumPy backend calls."""
        if what not in self._programs:
            shape = None if self._params is None else self._params.shape
            self._programs[what] = CalledProgram(shape, partial(self._at, what))
        return self._programs[what]

    def emit(self, what: What, constant: Callable[[float], str] = repr) -> str:
        """Return the text of the function of numbers that a CUDA kernel calls."""
        registered(self.code)
        return self.code.text(what, self._outputs(what))

    def __reduce__(self) -> tuple[Any, ...]:
        if not hasattr(self.function, "py_func"):  # Numba takes care of its own functions
            check_by_name(self.name, self.function)
        given = (self.function, self.dim, self.box, self._params, self.name)
        return _again, (given, self.code.units, self.code.steps)

    def __repr__(self) -> str:
        return f"<Compiled {self.name}, {self.dim}-D>"


def _again(given: tuple[Any, ...], units: Units, steps: Floats) -> Compiled:
    """Make it again, in another process, without checking the function."""
    made = Compiled(*given)
    made.code = UserCode(made.function, made.dim, made.code.shape, steps, units)
    return made


def compiled(
    value_and_gradient: Callable[..., Any],
    dim: int | None = None,
    *,
    box: Any = None,
    params: ArrayLike | None = None,
    name: str | None = None,
) -> Compiled:
    """Take a Numba function of one point as an objective: it returns the value and writes the gradient.

    It runs as it is compiled, on all CPU threads and inside CUDA's kernel, so it suits what cannot be traced but can be
    written with loops: integrators with an adaptive step, searches, tables, code with many branches. Numbers are
    float64 in it, also in runs with dtype="float32".

    Parameters
    ----------
    value_and_gradient : callable
        ``value_and_gradient(x, g) -> float``, or ``(x, g, p)`` with ``params``: one of Numba's functions
        (``@njit``), or a plain one that Numba can compile. x and g have the shape (dim,); g contains zeros and is to be
        filled; x must not be changed. An exception counts as a value that is not finite. On CUDA, nothing may be
        allocated or raised.
    dim : int, optional
        The number of coordinates; taken from the box if omitted.
    box : Box or sequence of (lo, hi), optional
        Where starts are drawn, and where the function is checked; [-1, 1] on each axis by default.
    params : float or array_like, optional
        Passed on as p, and changed without compiling (``with_params``).
    name : str, optional
        What the objective is called in results; the function's name by default.

    Returns
    -------
    Compiled
        An objective like any other. Second derivatives, for the classification of minima and for Newton's method, are
        central differences of gradients.

    Raises
    ------
    InputError
        If Numba cannot compile the function, with its reason; if it is finite nowhere in the box; if a component of the
        gradient does not agree with differences of the value.

    Examples
    --------
    >>> import batchgd as bgd
    >>> from numba import njit
    >>> @njit
    ... def double_wells(x, g):
    ...     total = 0.0
    ...     for i in range(len(x)):
    ...         total += (x[i] ** 2 - 1) ** 2
    ...         g[i] = 4 * x[i] * (x[i] ** 2 - 1)
    ...     return total
    >>> result = bgd.multistart(bgd.compiled(double_wells, 2), box=[(-2, 2)] * 2, starts=1000)
    >>> sorted(result.minima.x.round(6).tolist())
    [[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]]
    """
    if not callable(value_and_gradient):
        wanted = "give a function (x, g) that returns the value and writes the gradient into g"
        raise InputError(f"value_and_gradient is {quoted(value_and_gradient)}: {wanted}")
    if dim is None and box is None:
        raise InputError("dim is missing: give dim=, the number of coordinates, or box=[(lo, hi), ...]")
    region = None if box is None else Box.parse(box, dim)
    size = check_dimension(dim) if region is None else check_dimension(region.dim)
    title = name_of(plain_function(value_and_gradient)) if name is None else check.text("name", name)
    numbers = checked_params(params)
    check_signature(value_and_gradient, numbers is not None)
    made = Compiled(value_and_gradient, size, region, numbers, printable(title))
    made.check()
    return made
