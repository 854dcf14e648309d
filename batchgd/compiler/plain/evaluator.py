"""Value, gradient and Hessian of a function that is called as plain Python, at many points."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from batchgd.compiler.plain import differences
from batchgd.compiler.plain.calls import Function, refused, take_note
from batchgd.compiler.plain.workers import Workers
from batchgd.compiler.trace.escape import definition_of, name_of
from batchgd.compiler.trace.verify import sample
from batchgd.problem.errors import InputError

if TYPE_CHECKING:
    from batchgd.compiler.objective import What
    from batchgd.compiler.units import Units
    from batchgd.problem.bounds import Bounds
    from batchgd.problem.box import Box

Floats = NDArray[np.float64]
Others = Sequence[Any]

_TRIED, _WANTED = 64, 3
"""Points of the box that are tried, in search of some at which the function returns a finite number."""

_WRONG = 1e-3
"""The error of a slope along a line, relative to its largest terms, from which a gradient counts as wrong."""

_REMEMBERED = 1 << 16
"""Latest values that are kept: endpoints are asked for again."""

_AT_ONCE = 1 << 20
"""Numbers in the points that are evaluated together."""


class Evaluator:
    """Evaluates the functions of a callback, directly or in worker processes, and differentiates by differences.

    Parameters
    ----------
    functions : sequence of Function
        The value, or the value and the gradient as a pair; and the gradient, if it is a function of its own.
    widths : (dim,) array
        Lengths over which the function varies: the widths of the box.
    forward : bool
        Forward differences, not central ones.
    step : float, optional
        The step in widths; from ``noise`` if it is omitted.
    workers : Workers, optional
        Processes that make the calls.
    """

    def __init__(
        self,
        functions: Sequence[Function],
        widths: Floats,
        *,
        forward: bool = False,
        step: float | None = None,
        workers: Workers | None = None,
    ):
        self.functions, self.widths, self.dim = functions, widths, len(widths)
        self.forward, self.step, self.workers = forward, step, workers
        self.noise, self.calls = differences.EPS, 0
        self._values: dict[bytes, float] = {}

    # What is computed

    @property
    def has_gradient(self) -> bool:
        """Whether the gradient is the user's."""
        return self.functions[-1].kind != "value"

    def evaluations(self, what: What) -> int:
        """Return how many calls of the function the outputs of this name take at a point."""
        d = self.dim
        slope = 1 if self.has_gradient else d if self.forward else 2 * d
        extra = 0 if self.has_gradient else 1
        hessian = 2 * d if self.has_gradient else 2 * d * d
        return {
            "value": 1,
            "gradient": slope + (extra if self.forward else 0),
            "value_and_gradient": slope + extra,
            "hessian": hessian + extra,
            "derivatives": slope + hessian + extra,
        }[what]

    def outputs(self, what: What, x: Floats, others: Others, units: Units, bounds: Bounds | None = None) -> Floats:
        """Return value, gradient and the lower triangle of the Hessian, as far as they are asked for, (outputs, n).

        Values and derivatives are those in other units, at points x in the function's own; differences are taken within
        the bounds.
        """
        per_point = 4 * self.dim**3 if what in ("hessian", "derivatives") else 2 * self.dim**2
        size = max(1, _AT_ONCE // max(per_point, 1))
        parts = [self._some(what, x[k : k + size], others, units, bounds) for k in range(0, len(x), size)]
        d = self.dim
        lengths = {"value": 1, "gradient": d, "value_and_gradient": 1 + d, "hessian": d * (d + 1) // 2}
        if not parts:
            return np.empty((lengths.get(what, 1 + d + d * (d + 1) // 2), 0))
        return np.concatenate(parts, axis=1)

    def _some(self, what: What, x: Floats, others: Others, units: Units, bounds: Bounds | None) -> Floats:
        parts = []
        values = slopes = None
        if what in ("value_and_gradient", "derivatives") and self.functions[0].kind == "both":
            numbers = self._run(0, x, others)
            values, slopes = numbers[:, 0], numbers[:, 1:]
            self._remember(x, others, values)
        elif what not in ("gradient", "hessian") or (not self.has_gradient and (self.forward or what == "hessian")):
            values = self.values_kept(x, others)
        if what not in ("gradient", "hessian"):
            assert values is not None
            parts.append(units.value(values)[None])
        if what in ("gradient", "value_and_gradient", "derivatives"):
            slopes = self.slopes(x, others, values, bounds) if slopes is None else slopes
            parts.append((slopes * units.slope).T)
        if what in ("hessian", "derivatives"):
            i, j = np.tril_indices(self.dim)
            scale = units.scale * np.ones(self.dim)
            parts.append((units.slope * self._hessian(x, others, values, bounds) * scale[:, None])[:, i, j].T)
        return np.concatenate(parts)

    def values_kept(self, x: Floats, others: Others) -> Floats:
        """Return values (n,), each computed once as long as it is remembered."""
        keys = self._keys(x, others)
        new = [i for i, key in enumerate(keys) if key not in self._values]
        known = np.array([self._values.get(key, np.nan) for key in keys])
        if new:
            known[new] = self.values(x[new], others)
            self._remember(x[new], others, known[new])
        return known

    def values(self, x: Floats, others: Others) -> Floats:
        """Return values (n,)."""
        return self._run(0, x, others)[:, 0]

    def slopes(self, x: Floats, others: Others, values: Floats | None = None, bounds: Bounds | None = None) -> Floats:
        """Return gradients (n, dim); forward differences start from these values."""
        if self.has_gradient:
            return self._run(-1, x, others)[:, -self.dim :]
        if bounds is not None:
            h = differences.steps(self._relative(2 if self.forward else 3), self.widths, x)
            here = partial(self.values_kept, x, others)
            of = self._of(self.values, others)
            return differences.derivatives_within(of, x, h, bounds, here, forward=self.forward)[:, :, 0]
        start = self.values_kept(x, others) if self.forward and values is None else values if self.forward else None
        h = differences.steps(self._relative(2 if self.forward else 3), self.widths, x)
        return differences.gradient(self._of(self.values, others), x, h, start)

    def _hessian(self, x: Floats, others: Others, values: Floats | None, bounds: Bounds | None) -> Floats:
        if bounds is not None:
            h = differences.steps(self._relative(3 if self.has_gradient else 4), self.widths, x)
            slopes = partial(self.slopes, others=others, bounds=bounds)
            rows = differences.derivatives_within(slopes, x, h, bounds, partial(slopes, x))
            return 0.5 * (rows + rows.transpose(0, 2, 1))
        h = differences.steps(self._relative(3 if self.has_gradient else 4), self.widths, x)
        if self.has_gradient:
            return differences.hessian_of_slopes(self._of(self.slopes, others), x, h)
        assert values is not None
        return differences.hessian_of_values(self._of(self.values, others), x, values, h)

    @staticmethod
    def _of(function: Callable[..., Floats], others: Others) -> Callable[[Floats], Floats]:
        return lambda x: function(x, others)

    def _relative(self, order: int) -> float:
        """Return the step in widths; one that the user gave is for gradients, and longer for second differences."""
        if self.step is None:
            return differences.relative_step(self.noise, order)
        return self.step if order < 4 else float(min(self.step**0.75, 0.1))

    # Calls

    def _run(self, which: int, x: Floats, others: Others) -> Floats:
        """Call one of the functions at each point that is finite; the rest is NaN."""
        function = self.functions[which]
        numbers = np.full((len(x), function.width), np.nan)
        finite = np.flatnonzero(np.isfinite(x).all(axis=1))
        if len(finite):
            at = function.at if self.workers is None else partial(self.workers.at, which)
            numbers[finite], troubles = at(x[finite], others)
            self.calls += len(finite)
            take_note(len(finite) - len(troubles), troubles)
        return numbers

    def _keys(self, x: Floats, others: Others) -> list[bytes]:
        end = b"".join(np.asarray(each).tobytes() for each in others)
        return [row.tobytes() + end for row in np.ascontiguousarray(x)]

    def _remember(self, x: Floats, others: Others, values: Floats) -> None:
        self._values.update(zip(self._keys(x, others), values.tolist(), strict=True))
        for key in list(self._values)[: len(self._values) - _REMEMBERED] if len(self._values) > _REMEMBERED else ():
            del self._values[key]

    # Checks

    def try_out(self, box: Box, others: Others, bounds: Bounds | None = None) -> None:
        """Call the functions at points of the box: raise if that fails everywhere, measure noise, check the gradient.

        All points are within the bounds; of bounds per start, the k-th is within those of a start.

        Raises
        ------
        InputError
            With the file and the line.
        """
        good: list[Floats] = []
        numbers_of: list[int] = []  # those of the starts whose bounds the good points are in
        returned, trouble = False, ""
        points = sample(box.lower, box.upper, _TRIED)
        for k, point in enumerate(points):
            x = point if bounds is None else bounds.of(k % len(bounds.lower)).clip(point)
            numbers, troubles = self.functions[0].at(x[None], others)
            self.calls += 1
            returned, trouble = returned or not troubles, trouble or "".join(troubles)
            if np.isfinite(numbers[0, 0]):
                good.append(x)
                numbers_of.append(k % len(bounds.lower) if bounds is not None else k)
            if len(good) == _WANTED:
                break
        if not returned:
            raise refused(trouble)
        if len(good) > 1 and self.functions[0].vectorized:
            self._check_together(np.array(good), others)
        within = None if bounds is None else bounds.of(np.array(numbers_of, np.int64))
        fixed = np.zeros(self.dim, np.bool_) if bounds is None else np.atleast_2d(bounds.fixed).any(axis=0)
        free = np.where(fixed, 0.0, self.widths)
        if good and self.step is None:
            lines = partial(self._values_within, others=others, inside=within)
            self.noise = differences.noise(lines, np.array(good), free)
        if good and self.has_gradient:
            self._check_gradient(np.array(good), others, free, within)

    def _check_together(self, points: Floats, others: Others) -> None:
        """Raise if what a vectorized function returns for several points cannot be used."""
        _, troubles = self.functions[0].at(points, others)
        self.calls += len(points)
        if troubles:
            raise refused(troubles[0])

    def _values_within(self, x: Floats, others: Others, inside: Bounds | None) -> Floats:
        """Values at several points for each row of the bounds, one after another; NaN outside."""
        if inside is None:
            return self.values(x, others)
        several = len(x) // len(inside.lower) if inside.per_start else 1
        ends = inside.of(np.arange(len(x)) // several)
        rows = np.flatnonzero(((x >= ends.lower) & (x <= ends.upper)).all(axis=1))
        found = np.full(len(x), np.nan)
        found[rows] = self.values(x[rows], others)
        return found

    def _check_gradient(self, points: Floats, others: Others, widths: Floats, inside: Bounds | None) -> None:
        """Compare the gradient with differences along one line through each point, if it does not leave the bounds."""
        way, h = widths * np.linspace(1.0, 0.5, self.dim) / np.sqrt(self.dim), self._relative(3)
        steps = h * np.array([1.0, -1.0, 2.0, -2.0])
        lines = (points[:, None] + steps[:, None] * way).reshape(-1, self.dim)
        up, down, up2, down2 = self._values_within(lines, others, inside).reshape(-1, 4).T
        numbers, troubles = self.functions[-1].at(points, others)
        self.calls += len(points)
        if len(troubles) == len(points):
            raise refused(troubles[0])
        slopes = numbers[:, -self.dim :]
        with np.errstate(all="ignore"):
            near, far = (up - down) / (2 * h), (up2 - down2) / (4 * h)
            rough = 4 * np.abs(near - far) + 4 * self.noise * np.abs(up) / h
            wrong = np.abs(slopes @ way - near) > _WRONG * np.abs(slopes * way).max(axis=1) + rough
        if wrong.any():
            i, call = int(np.argmax(wrong)), self.functions[-1].call
            x, along = (f"[{', '.join(f'{each:.6g}' for each in one[:6])}]" for one in (points[i], way))
            raise InputError(
                f"{definition_of(call)}: the gradient that {name_of(call)} returns has the slope "
                f"{slopes[i] @ way:.6g} along {along} at x = {x}, but the function has {near[i]:.6g}: correct it, or "
                "leave out jac"
            )
