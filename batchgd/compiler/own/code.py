"""The machine code of a user's function, made when it is first needed, and what generated code needs to call it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.compiler.own import entry
from batchgd.compiler.own.content import is_kept, name_of_content
from batchgd.compiler.units import Units

Floats = NDArray[np.float64]


class UserCode:
    """A function ``value_and_gradient(x, g) -> float`` or ``(x, g, p)`` in Numba.

    Parameters
    ----------
    function : callable
        One of Numba's functions, or a plain one.
    dim : int
        The number of coordinates.
    shape : tuple of int or None
        The shape of the parameters, if it takes any.
    steps : (dim,) array
        The steps of second derivatives.
    units : Units
        Those of the coordinates and values that callers see.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        dim: int,
        shape: tuple[int, ...] | None,
        steps: Floats,
        units: Units | None = None,
    ):
        self.function, self.dim, self.shape, self.steps = function, dim, shape, steps
        self.units = units or Units()
        self._made: dict[str, Any] = {}

    def in_units(self, units: Units) -> UserCode:
        """Return the same machine code in other units."""
        other = UserCode(self.function, self.dim, self.shape, self.steps, self.units.then(units))
        other._made = self._made
        return other

    @property
    def n_params(self) -> int:
        """The number of parameters."""
        return 0 if self.shape is None else int(np.prod(self.shape))

    # Places of outputs in a row: the gradient, the value, the lower triangle of the Hessian

    def width(self, *, hessian: bool) -> int:
        """Numbers in a row of outputs."""
        return self.dim + 1 + (self.dim * (self.dim + 1) // 2 if hessian else 0)

    def place(self, output: str) -> int:
        """Where an output is in a row, by the name that generated code gives it: f, g0, h0."""
        return self.dim if output == "f" else int(output[1:]) + (self.dim + 1 if output[0] == "h" else 0)

    # What is called

    def _kept(self, name: str, make: Callable[[], Any]) -> Any:
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]

    @property
    def call(self) -> Any:
        """The function of Numba's with the arguments (x, g, p)."""
        return self._kept("call", lambda: entry.with_numbers(entry.jitted(self.function), self.shape))

    @property
    def derivatives(self) -> Any:
        """The function of Numba's with the arguments (x, g, up, down, hessian, p)."""
        return self._kept("derivatives", lambda: entry.with_hessian(self.call, self.steps))

    def entry(self, *, hessian: bool) -> Any:
        """The function of C; compiled, which raises Numba's errors, when it is first asked for."""
        name = "entry with a Hessian" if hessian else "entry"
        derivatives = self.derivatives if hessian else None
        return self._kept(name, lambda: entry.entry_of(self.call, derivatives, self.dim, self.n_params))

    @property
    def unit_numbers(self) -> Floats:
        """The units as an entry reads them: scale and shift of each coordinate, factor and level."""
        ones, units = np.ones(self.dim), self.units
        return np.r_[units.scale * ones, units.shift * ones, units.factor, units.level]

    def tables(self, *, hessian: bool) -> tuple[NDArray[Any], ...]:
        """What the CPU's evaluation finds by address."""
        return entry.table_at(self.entry(hessian=hessian)), self.unit_numbers

    def at(self, points: Floats, params: Floats | None, *, hessian: bool) -> Floats:
        """Return rows of outputs at points (n, dim)."""
        numbers = np.zeros(1) if params is None else np.ascontiguousarray(params, np.float64).ravel()
        made = self.entry(hessian=hessian)
        return entry.at_rows(made, points, self.width(hessian=hessian), numbers, self.unit_numbers)

    # CUDA

    @property
    def name(self) -> str:
        """A name that differs for other code, and for other steps."""
        return str(self._kept("name", lambda: name_of_content(self.function, self.shape, self.steps)))

    @property
    def kept(self) -> bool:
        """Whether compiled kernels of it may be kept on disk: everything that the function refers to is known."""
        return is_kept(self.name)

    def text(self, what: str, outputs: list[str]) -> str:
        """Return the text of a function of numbers ``what(x0, ..., p0, ...)`` in a kernel, which returns outputs."""
        dim, hessian, units = self.dim, any(name[0] == "h" for name in outputs), self.unit_numbers
        arguments = [*(f"x{i}" for i in range(dim)), *(f"p{k}" for k in range(self.n_params))]
        vectors = {"x": dim, "g": dim, "p": max(self.n_params, 1)}
        vectors |= {"up": dim, "down": dim, "h": dim * (dim + 1) // 2} if hessian else {}
        plain = not (np.any(units[:dim] != 1.0) or np.any(units[dim : 2 * dim]))
        lines = [f"{name} = cuda.local.array({n}, np.float64)" for name, n in vectors.items()]
        for i, (scale, shift) in enumerate(zip(units[:dim].tolist(), units[dim : 2 * dim].tolist(), strict=True)):
            lines.append(f"x[{i}] = x{i}" if plain else f"x[{i}] = {scale!r} * x{i} + {shift!r}")
        lines += [f"p[{k}] = p{k}" for k in range(self.n_params)]
        lines += [f"for i in range({dim}):", "    g[i] = 0.0"]
        lines.append("f = user_derivatives(x, g, up, down, h, p)" if hessian else "f = user_call(x, g, p)")
        lines.append(f"return {', '.join(map(self._result, outputs))}{',' if what != 'value' else ''}")
        return "\n    ".join([f"def {what}({', '.join(arguments)}):", *lines])

    def _result(self, output: str) -> str:
        """The text of an output in the callers' units, as a number of the kernel's type."""
        units, scale = self.units, self.units.scale * np.ones(self.dim)
        if output == "f":
            value = f"{float(units.factor)!r} * (f - {float(units.level)!r})"
            return "real(f)" if (units.factor, units.level) == (1.0, 0.0) else f"real({value})"
        place, factor = int(output[1:]), units.factor
        if output[0] == "g":
            factor = factor * scale[place]
        else:
            rows, columns = np.tril_indices(self.dim)
            factor = factor * scale[rows[place]] * scale[columns[place]]
        element = f"{output[0]}[{place}]"
        return f"real({element})" if factor == 1.0 else f"real({float(factor)!r} * {element})"


_NAMED: dict[str, UserCode] = {}


def registered(code: UserCode) -> UserCode:
    """Make a user's function known to generated code, by its name."""
    return _NAMED.setdefault(code.name, code)


def user_code(name: str) -> UserCode:
    """Return a function of the user's: generated code asks for it."""
    return _NAMED[name]
