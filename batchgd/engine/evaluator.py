"""Compiled evaluations at many points: the value, the gradient, the Hessian and Newton's step, in vectors."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from batchgd.kernels.cpu_places import ALL_LANES, LINE, MEMORY, TABLES, TAIL

if TYPE_CHECKING:
    from batchgd.compiler.codegen.loading import Loaded
    from batchgd.compiler.codegen.specialisation import Specialisation
    from batchgd.compiler.differentiable import Differentiable
    from batchgd.compiler.objective import Objective
    from batchgd.compiler.trace.graph import Node

Array = NDArray[np.float64]

LANES = 128
"""Points of one call of compiled code."""

_CALLS = 32
"""Calls whose inputs and outputs are in memory together."""

_PROTOTYPE = ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_void_p] * 4, ctypes.c_uint64, ctypes.c_void_p)
"""What an evaluation is called with (``lower/evaluation.py``); Python's lock is released meanwhile."""

_HESSIANS = 2000
"""Hessians from which on compiling them takes less time than it saves."""

_REMEMBERED = 1024
"""Hessians that are kept."""

_PRODUCTS = 1 << 20
"""Numbers in the points and vectors of products that are in memory at once."""

WORTHWHILE = 0.1
"""Seconds of NumPy from which on evaluations are compiled, which takes as long the first time."""


def evaluator_for(
    objective: Differentiable, points: int, backend: str, running: Callable[[], Specialisation] | None = None
) -> Any:
    """Return what evaluates an objective at this many points and around them: compiled code if that is worthwhile.

    NumPy stays NumPy; what CUDA has descended from is evaluated on the CPU. ``running`` returns what descents of the
    same objective were compiled for, whose code serves as well as none of its own.
    """
    if backend == "numpy" or objective.plain or objective.is_sum:
        return objective
    dim, operations = objective.dim, objective.counts.total
    seconds = points * (1e-7 * dim**2 + 2e-8 * operations + 1e-8 * dim * operations)  # measured on a dozen landscapes
    if seconds >= WORTHWHILE:
        return Evaluator(cast("Objective", objective))
    if running is not None and backend == "cpu" and objective.in_programs and takes_the_place(of := running()):
        return RunEvaluator(cast("Objective", objective), of)
    return objective


class Newton(NamedTuple):
    """What is known at points, (n, d), in the units of x: see ``compiler.newton_step``."""

    fun: Array
    gradient: Array
    step: Array
    kind: NDArray[np.int8]
    stiffest: Array


class Evaluator:
    """Takes the place of an objective that is evaluated at many points: the same functions, compiled.

    >>> from batchgd import Objective
    >>> evaluator = Evaluator(Objective(lambda x: x[0] ** 2 + 2 * x[1] ** 2, dim=2))
    >>> evaluator.value_and_gradient(np.array([[1.0, 2.0]]))
    (array([9.]), array([[2., 8.]]))
    """

    plain = False

    def __init__(self, objective: Objective):
        self.objective, self.dim = objective, objective.dim
        self._p = np.zeros(0) if objective.params is None else objective.params
        self._seen = 0
        for what in ("value", "value_and_gradient", "newton"):
            _function(objective, what)

    @property
    def has_newton(self) -> bool:
        """Whether Newton's step is written out."""
        return _function(self.objective, "newton") is not None

    def value(self, x: Any) -> Array:
        """Values, (n,)."""
        fun = np.empty(len(x))
        self._run("value", x, self._p, fun)
        return fun

    def value_and_gradient(self, x: Any) -> tuple[Array, Array]:
        """Values, (n,), and gradients, (n, d)."""
        fun, gradient = np.empty(len(x)), np.empty((len(x), self.dim))
        self._run("value_and_gradient", x, self._p, fun, gradient)
        return fun, gradient

    def gradient(self, x: Any) -> Array:
        """Gradients, (n, d)."""
        return self.value_and_gradient(x)[1]

    def hessian(self, x: Any) -> Array:
        """Hessians, (n, d, d)."""
        if not self.has_newton:
            return self._by_products(np.asarray(x, np.float64))
        self._seen += len(x)
        if self._seen < _HESSIANS:
            return np.asarray(self.objective.hessian(x))
        rows, columns = np.tril_indices(self.dim)
        entries, out = np.empty((len(x), len(rows))), np.empty((len(x), self.dim, self.dim))
        self._run("hessian", x, self._p, entries)
        out[:, rows, columns] = out[:, columns, rows] = entries
        return out

    def _by_products(self, x: Array) -> Array:
        """Hessians column by column, from their products with unit vectors, one lane for each."""
        dim, out = self.dim, np.empty((len(x), self.dim, self.dim))
        many = max(1, _PRODUCTS // (2 * dim * dim))
        inputs = np.empty((min(many, len(x)), dim, 2 * dim))
        inputs[:, :, dim:] = np.eye(dim)
        for begin in range(0, len(x), many):
            columns = out[begin : begin + many]
            part = inputs[: len(columns)]
            part[:, :, :dim] = x[begin : begin + many, None]
            self._run("product", part.reshape(-1, 2 * dim), self._p, columns.reshape(-1, dim))
        return 0.5 * (out + np.swapaxes(out, 1, 2))

    def newton(self, x: Array, width: Array, floor: float) -> Newton:
        """Newton's step in a box of this width, in which curvatures below ``floor`` are in doubt."""
        fun, kind, stiffest = (np.empty(len(x)) for _ in range(3))
        gradient, step = (np.empty((len(x), self.dim)) for _ in range(2))
        numbers = np.concatenate([self._p, [floor], width**2, width**-2.0])
        self._run("newton", x, numbers, fun, gradient, step, kind, stiffest)
        return Newton(fun, gradient, step, kind.astype(np.int8), stiffest)

    def _run(self, what: str, x: Any, p: Array, *out: Array) -> None:
        function = _function(self.objective, what)
        assert function is not None
        function.run(np.asarray(x, np.float64), p, out)


def takes_the_place(of: Specialisation) -> bool:
    """Whether the code of descents has an evaluation, with the value, in float64."""
    return of.target == "cpu" and of.dtype == "float64" and of.blocked and of.has_value and not of.in_text


class RunEvaluator:
    """Takes the place of an objective with rows: values and gradients by the code of its descents, which is at hand.

    Hessians are NumPy's, each computed once: few points are asked for, several times each.
    """

    plain = False

    def __init__(self, objective: Objective, of: Specialisation):
        from batchgd.compiler.codegen.loading import loaded_evaluations

        self.objective, self.dim, self.counts = objective, objective.dim, objective.counts
        self._p, self._known = objective.numbers, _Known(objective.hessian)
        outputs, lanes = len(of.asked[1]), of.lanes
        found = loaded_evaluations(of)
        self._whole = self._alone = Calls(found["evaluate"], self.dim, outputs, lanes)
        if "evaluate_value" in found:
            self._alone = Calls(found["evaluate_value"], self.dim, 1, lanes)

    def value(self, x: Any) -> Array:
        """Values, (n,)."""
        x, fun = np.asarray(x, np.float64), np.empty(len(x))
        if self._alone is self._whole:
            return self.value_and_gradient(x)[0]
        self._alone.run(x, self._p, (fun,))
        return fun

    def value_and_gradient(self, x: Any) -> tuple[Array, Array]:
        """Values, (n,), and gradients, (n, d)."""
        fun, gradient = np.empty(len(x)), np.empty((len(x), self.dim))
        self._whole.run(np.asarray(x, np.float64), self._p, (gradient, fun))
        return fun, gradient

    def gradient(self, x: Any) -> Array:
        """Gradients, (n, d)."""
        return self.value_and_gradient(x)[1]

    def hessian(self, x: Any) -> Array:
        """Hessians, (n, d, d)."""
        return self._known(np.asarray(x, np.float64))


class _Known:
    """Matrices of points, (n, d, d), each computed when it is first asked for."""

    def __init__(self, compute: Callable[[Array], Array]):
        self._compute = compute
        self._matrices: dict[bytes, Array] = {}

    def __call__(self, x: Array) -> Array:
        keys = [row.tobytes() for row in x]
        new = {key: row for key, row in zip(keys, x, strict=True) if key not in self._matrices}
        if len(self._matrices) + len(new) > _REMEMBERED:
            self._matrices.clear()
            new = dict(zip(keys, x, strict=True))
        if new:
            self._matrices.update(zip(new, self._compute(np.array([*new.values()])), strict=True))
        return np.array([self._matrices[key] for key in keys]).reshape(len(x), x.shape[1], x.shape[1])


@lru_cache(maxsize=256)
def _function(objective: Objective, what: Any) -> Function | None:
    """Return what computes these outputs; None for a step that is too long to be written out."""
    from batchgd.compiler.newton_step import factorable, newton_step

    if what == "newton":
        nodes = newton_step(objective)
    elif what == "hessian":
        nodes = (factorable(objective) or [])[objective.dim + 1 :]
    elif what == "product":
        return Function(objective.hessian_product(), 2 * objective.dim)
    else:
        nodes = objective.outputs(what)
    return Function(nodes, objective.dim) if nodes else None


def forget() -> None:
    """Forget all compiled evaluations."""
    _function.cache_clear()


class Calls:
    """Calls of compiled code that computes outputs at points, a block of lanes at a time."""

    def __init__(self, code: Loaded, dim: int, outputs: int, lanes: int):
        self._code, self._memory = code, code.memory
        self.dim, self.outputs, self.lanes = dim, outputs, lanes
        self._call = _PROTOTYPE(code.address())
        self._addresses = np.array([table.ctypes.data for table in code.tables], np.uintp)

    def run(self, x: Array, p: Array, out: tuple[Array, ...]) -> None:
        """Fill arrays, (n,) or (n, k), with the outputs, in order."""
        n, lanes = len(x), self.lanes
        size = (self.dim + self.outputs) * lanes
        calls = max(1, min(_CALLS, -(-n // lanes)))
        blocks = _aligned(calls * size, np.float64).reshape(calls, -1, lanes)
        memory, index = _aligned(self._memory, np.uint8), np.zeros(lanes + 1 + TAIL, np.int64)
        index[-TAIL:][[ALL_LANES, TABLES, MEMORY]] = 1, self._addresses.ctypes.data, memory.ctypes.data
        places, numbers, start = index.ctypes.data, p.ctypes.data, blocks.ctypes.data
        for begin in range(0, n, calls * lanes):
            rows = slice(begin, begin + calls * lanes)
            _fill(blocks[:, : self.dim], x[rows])
            for k in range(-(-len(x[rows]) // lanes)):
                left = n - begin - k * lanes
                if left < lanes:
                    index[left:lanes], index[-TAIL:][ALL_LANES] = -1, 0  # vectors without a point are passed over
                self._call(None, None, start + k * size * 8, places, 0, numbers)
            slot = self.dim
            for column in out:
                width = 1 if column.ndim == 1 else column.shape[1]
                _read(blocks[:, slot : slot + width], column[rows].reshape(-1, width))
                slot += width


class Function(Calls):
    """A compiled program, which computes the values of nodes at points."""

    def __init__(self, nodes: list[Node], dim: int):
        from batchgd.compiler.codegen.loading import Loaded
        from batchgd.compiler.lower.evaluation import evaluation
        from batchgd.compiler.lower.processor import this_processor

        slots = {dim + k: node for k, node in enumerate(nodes)}
        made = evaluation("evaluate", slots, lanes=LANES, dtype="float64", processor=this_processor())
        super().__init__(Loaded(made), dim, len(nodes), LANES)


def _fill(blocks: Array, rows: Array) -> None:
    """Copy points, (n, d), to blocks, (calls, d, lanes); the last point fills what is left of the last block."""
    lanes = blocks.shape[2]
    whole, rest = divmod(len(rows), lanes)
    blocks[:whole] = rows[: whole * lanes].reshape(whole, lanes, rows.shape[1]).transpose(0, 2, 1)
    if rest:
        blocks[whole, :, :rest] = rows[whole * lanes :].T
        blocks[whole, :, rest:] = rows[-1][:, None]


def _read(blocks: Array, rows: Array) -> None:
    """Copy the other way."""
    lanes = blocks.shape[2]
    whole, rest = divmod(len(rows), lanes)
    rows[: whole * lanes].reshape(whole, lanes, rows.shape[1])[:] = blocks[:whole].transpose(0, 2, 1)
    if rest:
        rows[whole * lanes :] = blocks[whole, :, :rest].T


def _aligned(size: int, dtype: Any) -> NDArray[Any]:
    """Room that begins at a line of the cache."""
    raw = np.empty(size + LINE, dtype)
    first = -raw.ctypes.data % LINE // raw.itemsize
    return raw[first : first + size]
