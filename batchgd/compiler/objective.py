"""The objective: a traced function with its value, gradient and Hessian for many points at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from batchgd.compiler.differentiable import Differentiable, Floats, check_by_name, checked_params, shapes_of
from batchgd.compiler.lower.arrays import ArrayProgram, program_for
from batchgd.compiler.trace.call import check_call, with_args
from batchgd.compiler.trace.counts import OperationCounts, count_operations
from batchgd.compiler.trace.emit import emit_function
from batchgd.compiler.trace.escape import definition_of, name_of
from batchgd.compiler.trace.graph import Node, listing, reachable
from batchgd.compiler.trace.module_patches import running
from batchgd.compiler.trace.operations import POLYNOMIAL, numpy_names
from batchgd.compiler.trace.roll import Rolled, roll
from batchgd.compiler.trace.size import warn_of_size
from batchgd.compiler.trace.tracer import Traced, trace
from batchgd.compiler.trace.unroll_rows import unrolled
from batchgd.compiler.trace.verify import (
    ATTEMPTS,
    PATH_POINTS,
    POINTS,
    check_plain,
    on_each_path,
    raised,
    sample,
    untraceable,
    verify_gradient,
    verify_value,
)
from batchgd.problem import check
from batchgd.problem.box import check_dimension
from batchgd.problem.errors import InputError, TraceError, printable, quoted

if TYPE_CHECKING:
    from batchgd.compiler.units import Units
    from batchgd.problem.box import Box

What = Literal["value", "gradient", "value_and_gradient", "hessian", "derivatives", "gauss_newton"]

_BLOCK_BYTES = 1 << 24
"""What the temporaries of one block of points may take together, so that they stay in the cache."""

MOST_UNROLLED = 50_000
"""Operations for value and gradient up to which what has rows is also written out without them."""

COLUMNS = 40  # dimension up to which a Hessian of rows is computed by columns, in a third of the time (fits, 4 to 37)

_WANTED = {
    "fun": "give a function of x that returns a number",
    "jac": "give a function of x that returns one number per coordinate, or leave it out (the gradient is derived from "
    "fun, which returns the value alone)",
}


class Objective(Differentiable):
    """A plain function of one point, traced: f(x), with its gradient and its Hessian, neither written by hand.

    The function is called once on symbols, which records its arithmetic; the derivatives follow from the record, and
    the record is checked against the function at random points of the box. Where the function decides by the value of x
    (``if x[0] > 0``), it is called once for each answer, for up to 64 paths. It must not keep state.

    A dimension of more than 32 elements, of data or of x in array code, is recorded as a loop over rows, and runs as
    one on every backend.

    Parameters
    ----------
    fun : callable
        ``fun(x) -> float`` with x of shape (dim,), or ``fun(x, params)``: arithmetic, NumPy functions, ``math``
        functions, slices, loops and helper functions.
    dim : int, optional
        The number of coordinates, at most 100,000; taken from the box if omitted.
    params : float, array_like or dict, optional
        Numbers that may change without a new trace (``with_params``), passed in this shape, or by name from a dict.
    jac : callable, optional
        A hand-written gradient ``jac(x)`` or ``jac(x, params)``, shape (dim,), used in place of the derivative of
        ``fun`` and checked against it.
    box : Box or sequence of (lo, hi), optional
        Where the trace is checked against the function; [-1, 1] on each axis by default.
    name : str, optional
        What the objective is called in results; the function's name by default.
    args : tuple
        Further arguments, constants of the trace: ``fun(x, *args)`` or ``fun(x, params, *args)``, and ``jac`` alike.

    Raises
    ------
    InputError
        If dim is missing or contradicts the box, or params are not numbers.
    TraceError
        If the function cannot be traced: one line with file, line, cause and remedy.

    Examples
    --------
    >>> import numpy as np
    >>> objective = Objective(lambda x: np.sum(x**2) + x[0] * x[1], dim=2)
    >>> objective.value([1.0, 2.0]), objective.gradient([1.0, 2.0]), objective.hessian([1.0, 2.0])
    (7.0, array([4., 5.]), array([[2., 1.],
           [1., 2.]]))
    >>> objective.counts
    OperationCounts(adds=4, multiplies=5, divides=0, square_roots=0, transcendentals=0)
    >>> objective.value(np.ones((3, 2)))
    array([3., 3., 3.])
    """

    def __init__(
        self,
        fun: Callable[..., Any],
        dim: int | None = None,
        params: Any = None,
        jac: Callable[..., Any] | None = None,
        box: Any = None,
        name: str | None = None,
        args: Any = (),
    ):
        for what, function in (("fun", fun), ("jac", jac)):
            if not callable(function) and not (what == "jac" and function is None):
                raise InputError(f"{what} is {quoted(function)}: {_WANTED[what]}")
        self.shapes = shapes_of(params, fun)
        self.fun, self.jac = with_args(fun, args, self.shapes), with_args(jac, args, self.shapes)
        self.box: Box | None = None
        self.dim = check_dimension(dim) if dim is not None else 0
        if box is not None:
            from batchgd.problem.box import Box

            self.box = Box.parse(box, dim)
            self.dim = check_dimension(self.box.dim)
        elif dim is None:
            raise InputError("dim is missing: give dim=, the number of coordinates, or box=[(lo, hi), ...]")
        self.name = printable(name_of(fun) if name is None else check.text("name", name))
        self._params = checked_params(params)
        for what, function in (("fun", self.fun), ("jac", self.jac)):
            if function is not None:
                check_call(what, function, params is not None)
        self._begin(self._trace())
        self._verify()

    def _begin(self, traced: Traced) -> None:
        """Take what was traced; nothing is derived from it yet."""
        self._sources: dict[str, str] = {}
        self._functions: dict[str, Callable[..., Any]] = {}
        self._blocks: dict[str, int] = {}
        self._hessian: list[Node] | None = None
        self._hessian_rows: list[Node] | None = None
        self._rolled: dict[str, Rolled] = {}
        self._programs: dict[str, ArrayProgram] = {}
        self._unrolled: dict[str, list[Node]] = {}
        self._traced = traced
        self._has_rows = any(node.bound for node in reachable([self._traced.value, *self._traced.gradient]))
        self.value_counts = count_operations([self._traced.value])
        self.gradient_counts = count_operations(self._traced.gradient)
        self.counts: OperationCounts = count_operations([self._traced.value, *self._traced.gradient])

    @property
    def numbers(self) -> Floats:
        """What a kernel reads besides the point: the parameters."""
        return np.zeros(1) if self.params is None else self.params

    @property
    def key(self) -> str:
        """Text that is equal for equal expressions, whatever the function is called: for caches."""
        return listing(self.outputs("value_and_gradient")) if self.has_rows else self.emit("value_and_gradient")

    @property
    def has_rows(self) -> bool:
        """Whether the expression loops over rows of data.

        >>> Objective(lambda x: np.sum((x[0] - np.arange(1000.0)) ** 2), dim=1).has_rows
        True
        """
        return self._has_rows

    @property
    def in_programs(self) -> bool:
        """Whether there are loops over rows, which only programs have."""
        return self.has_rows

    @property
    def is_quadratic(self) -> bool:
        """Whether the trace shows a polynomial whose second derivatives are constants.

        >>> Objective(lambda x: x[0] ** 2 - x[0] * x[1], dim=2).is_quadratic
        True
        """
        if self.jac is not None or any(node.op not in POLYNOMIAL for node in reachable([self._traced.value])):
            return False
        seconds = self._second_derivatives_by_rows() if self.has_rows else self._second_derivatives()
        return all(node.op != "x" for node in reachable(seconds))

    def in_units(self, units: Units) -> Objective:
        """Return the function in other units, traced again.

        >>> from batchgd.compiler.units import Units
        >>> Objective(lambda x: x[0] ** 2, dim=1).in_units(Units(scale=4.0)).gradient([1.0])
        array([32.])
        """
        fun, jac = self.fun, self.jac

        @running(fun)
        def value(u: Any, *params: Any) -> Any:
            return units.value(fun(units.at(u), *params))

        @running(jac)
        def slopes(u: Any, *params: Any) -> Any:
            assert jac is not None
            return units.slopes(u, np.asarray(jac(units.at(u), *params)))

        box = units.of_own_box(self.box)
        return Objective(value, self.dim, self._params, None if jac is None else slopes, box, self.name)

    def emit(self, what: What, constant: Callable[[float], str] = repr) -> str:
        """Return source text: ``def value(x0, ..., p0, ...)``, straight-line, for NumPy arrays or Numba scalars.

        Parameters
        ----------
        what : {"value", "gradient", "value_and_gradient", "hessian", "derivatives"}
            Also the name of the function. ``value`` returns a number, the others a tuple: the gradient's components;
            the value and then those; the lower triangle of the Hessian, row by row; or all of these in that order.
        constant : callable
            What is written for a float constant (see ``batchgd.compiler.trace.emit``).
        """
        if constant is not repr:
            return emit_function(what, self._written_out(what), self.dim, self._traced.n_params, constant=constant)
        if what not in self._sources:
            self._sources[what] = emit_function(what, self._written_out(what), self.dim, self._traced.n_params)
        return self._sources[what]

    def outputs(self, what: What, *, written_out: bool = False) -> list[Node]:
        """Return the expressions that the emitted function of this name returns, with their rows or without any."""
        return self.written_out(what) if written_out else self._outputs(what)

    def _outputs(self, what: What) -> list[Node]:
        nodes: dict[str, Callable[[], list[Node]]] = {
            "value": lambda: [self._traced.value],
            "gradient": lambda: list(self._traced.gradient),
            "value_and_gradient": lambda: [self._traced.value, *self._traced.gradient],
            "hessian": self._second_derivatives,
            "derivatives": lambda: [self._traced.value, *self._traced.gradient, *self._second_derivatives()],
        }
        check.one_of("what", what, [*nodes])
        return nodes[what]()

    def hessian_product(self) -> list[Node]:
        """Return the Hessian times a vector, which is read behind the point: inputs ``x0, ..., x(2 dim - 1)``."""
        return self._traced.hessian_product()

    def program(self, what: What) -> ArrayProgram:
        """Return what computes these outputs in NumPy, rows included."""
        if what not in self._programs:
            self._programs[what] = program_for(self.outputs(what))
        return self._programs[what]

    def _written_out(self, what: What) -> Node | list[Node]:
        outputs = self.written_out(what)
        return outputs[0] if what == "value" else outputs

    def written_out(self, what: What) -> list[Node]:
        """Return the expressions that the emitted function of this name returns, without rows."""
        outputs = self.outputs(what)
        if self.has_rows:
            self._check_unrolled()
            if what not in self._unrolled:
                self._unrolled[what] = unrolled(outputs)
            outputs = self._unrolled[what]
        return outputs

    @property
    def can_be_written_out(self) -> bool:
        """Whether there are few enough operations to do without loops over rows."""
        return not self.has_rows or self.counts.total <= MOST_UNROLLED

    def _check_unrolled(self) -> None:
        if not self.can_be_written_out:
            raise InputError(
                f"{self.name} takes {self.counts.total:,} operations, most of them in loops over rows of data: "
                f"at most {MOST_UNROLLED:,} can be written out, so give it fewer rows"
            )

    def rolled(self, what: Literal["value", "gradient", "value_and_gradient"]) -> Rolled:
        """Return the expression as loops over what repeats in it."""
        if what not in self._rolled:
            value = None if what == "gradient" else self._written_out("value")
            slopes = [] if what == "value" else self._written_out("gradient")
            assert not isinstance(value, list)
            assert isinstance(slopes, list)
            self._rolled[what] = roll(value, slopes)
        return self._rolled[what]

    def _second_derivatives_by_rows(self) -> list[Node]:
        if self._hessian_rows is None:
            self._hessian_rows = self._traced.hessian_rows()
        return self._hessian_rows

    def _second_derivatives(self) -> list[Node]:
        if self._hessian is None:
            self._hessian = self._traced.hessian()
        return self._hessian

    def _trace(self) -> Traced:
        try:
            return trace(self.fun, self.dim, self._params, self.jac)
        except TraceError:
            raise
        except Exception as error:
            points = sample(*self._limits(), 1)
            for function in (self.fun, self.jac):
                if function is not None:
                    check_plain(function, points, self._params)
            blamed = raised(self.fun, error) if isinstance(error, RecursionError) else untraceable(self.fun, error)
            raise TraceError(blamed) from None

    def _limits(self) -> tuple[Floats, Floats]:
        if self.box is None:
            return np.full(self.dim, -1.0), np.full(self.dim, 1.0)
        return self.box.lower, self.box.upper

    def _verify(self) -> None:
        points, least = sample(*self._limits(), ATTEMPTS), 0
        if self._traced.route is not None:
            many = sample(*self._limits(), PATH_POINTS)
            points = on_each_path(many, ArrayProgram([self._traced.route])(many.T, self._knobs())[0])
            least = len(points) - ATTEMPTS
        verify_value(self.fun, self.value, points, self._params, least)
        if self._traced.automatic is not None:
            assert self.jac is not None
            points = points[:POINTS]
            wanted = ArrayProgram(self._traced.automatic)(points.T, self._knobs()).T
            verify_gradient(self.jac, wanted, self.gradient(points), points)

    def warn_if_large(self) -> None:
        """Warn, once for each function, that a kernel of it takes long to compile."""
        if not self.has_rows:
            warn_of_size(self.name, definition_of(self.fun), self.dim, self.counts.total, self._traced.value)

    def _evaluate(self, what: Any, n_outputs: int, points: Floats) -> Floats:
        """Run emitted code on blocks of points; returns (n_outputs, n)."""
        if self.has_rows or self._each is not None:
            if what == "hessian" and self.dim > COLUMNS and self._each is None:
                return self._hessian_by_rows(points)
            return self.program(what)(points.T, self._knobs())
        function = self._function(what)
        knobs = self._knobs()
        out = np.empty((n_outputs, len(points)))
        block = self._block_length(what)
        with np.errstate(all="ignore"):
            for first in range(0, len(points), block):
                columns = np.ascontiguousarray(points[first : first + block].T)
                results = function(*columns, *knobs)
                for k, result in enumerate(results if isinstance(results, tuple) else (results,)):
                    out[k, first : first + block] = result
        return out

    def _hessian_by_rows(self, points: Floats) -> Floats:
        """Return the lower triangle of the Hessian (see ``Traced.hessian``) without a sweep for each column."""
        if "hessian_rows" not in self._programs:
            self._programs["hessian_rows"] = ArrayProgram(self._second_derivatives_by_rows())
        rows = self._programs["hessian_rows"](points.T, self._knobs())
        if self.jac is not None:
            rows = 0.5 * (rows + rows.transpose(2, 1, 0))
        i, j = np.tril_indices(self.dim)
        return rows[i, :, j]

    def _knobs(self) -> Any:
        shared = [] if self.params is None else [*self.params]
        return shared if self._each is None else self._each.T

    def summed(self, what: Any, points: Floats, knobs: Sequence[Any]) -> Floats:
        """Sum emitted code over rows of parameters: each knob a number, or (rows, 1); returns (n_outputs, n)."""
        rows = max(np.shape(knob)[0] for knob in knobs if np.ndim(knob))
        with np.errstate(all="ignore"):
            results = self._function(what)(*points.T, *knobs)
            together = results if isinstance(results, tuple) else (results,)
            return np.array([np.broadcast_to(each, (rows, len(points))).sum(axis=0) for each in together])

    def at_each(self, what: Any, x: Floats, knobs: Sequence[Any]) -> Floats:
        """Return the outputs, (n_outputs, n), at points (dim, n) that have parameters of their own."""
        with np.errstate(all="ignore"):
            results = self._function(what)(*x, *knobs)
        together = results if isinstance(results, tuple) else (results,)
        return np.array([np.broadcast_to(each, x.shape[1:]) for each in together])

    def _function(self, what: Any) -> Callable[..., Any]:
        if what not in self._functions:
            self._functions[what] = _compiled(what, self.emit(what))
        return self._functions[what]

    def _block_length(self, what: Any) -> int:
        """How many points at a time keep the temporaries in the cache."""
        if what not in self._blocks:
            n = len(reachable(self._second_derivatives())) if what == "hessian" else self.counts.total
            self._blocks[what] = int(np.clip(_BLOCK_BYTES // (8 * max(n, 1)), 64, 4096))
        return self._blocks[what]

    def __reduce__(self) -> tuple[Any, ...]:
        check_by_name(self.name, self.fun, self.jac)
        return Objective, (self.fun, self.dim, self._params, self.jac, self.box, self.name)

    def __repr__(self) -> str:
        return f"<Objective {self.name}, {self.dim}-D, {self.counts.total} operations for value and gradient>"


def _compiled(name: str, source: str) -> Callable[..., Any]:
    names = numpy_names()
    exec(compile(source, f"<batchgd {name}>", "exec"), names)
    return names[name]
