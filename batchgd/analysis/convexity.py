"""Whether a function is convex over a box, and how it curves there: eigenvalues of sampled Hessians."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from batchgd.minima.eigen import hessian_modes
from batchgd.minima.fractions import wilson
from batchgd.minima.scale import EPS
from batchgd.problem import check
from batchgd.problem.box import Box
from batchgd.problem.errors import InputError
from batchgd.problem.keywords import explained
from batchgd.problem.wording import format_point

if TYPE_CHECKING:
    from batchgd.compiler.differentiable import Differentiable

MAX_NUMBERS = 1 << 26  # of Hessian entries: half a gigabyte
_NEGATIVE = 64.0  # times the dimension and machine epsilon: eigenvalues below this share of the largest are rounding
_NOISE = 16.0  # times machine epsilon and the size of the values: smaller violations of the inequality are rounding
_SHARES = 0.5 ** np.arange(1, 18)  # of the way to the nearest face, for the step off a suspected point
_SUSPECTS = 64  # points of negative curvature that are tried as witnesses


@explained
def curvature(
    fun: Any,
    box: Any = None,
    *,
    dim: int | None = None,
    samples: int = 4096,
    seed: int = 0,
    params: Any = None,
    jac: Any = None,
    args: Any = (),
) -> Curvature:
    """Sample the Hessian over a box: is the function convex there, and how strongly does it curve?

    A twice differentiable f is convex on a box iff every eigenvalue λ of its Hessian is >= 0 everywhere in it. Samples
    can refute that, never prove it: a negative λ along v is confirmed by values, f(x) > (f(x - h v) + f(x + h v)) / 2,
    and so are midpoints of pairs of samples, which also finds concave kinks. The verdict is a proof only for a
    quadratic, whose Hessian the trace knows to be constant.

    Parameters
    ----------
    fun, box, dim, params, jac, args
        As in :func:`multistart`; the box is where the Hessian is sampled.
    samples : int
        Independent uniform points. If less than a share p of the box curves downwards, all of them miss it with
        probability (1 - p)^samples.
    seed : int
        Of the points.

    Returns
    -------
    Curvature
        ``verdict``, ``witness``, ``eigenvalues``, and the estimates ``strong_convexity``, ``lipschitz``, ``condition``.

    Raises
    ------
    InputError
        If an argument cannot be used.

    Examples
    --------
    >>> import numpy as np
    >>> bowl = curvature(lambda x: x[0] ** 2 + 5.0 * x[1] ** 2, [(-1, 1)] * 2)
    >>> bowl.verdict, bowl.proved, bowl.strong_convexity, bowl.lipschitz, bowl.condition
    ('convex', True, 2.0, 10.0, 5.0)
    >>> wells = curvature("himmelblau")
    >>> wells.verdict, wells.proved
    ('not convex', True)
    >>> from batchgd import landscapes
    >>> witness, f = wells.witness, landscapes.get("himmelblau").fun
    >>> bool(f(witness.x) > (f(witness.x - witness.offset) + f(witness.x + witness.offset)) / 2)
    True

    References
    ----------
    S. Boyd and L. Vandenberghe, Convex Optimization (2004), sections 3.1.4 and 9.1.2.
    """
    from batchgd.compiler.resolve import Problem
    from batchgd.problem.starts import parse_seed

    samples = check.whole("samples", samples, 2, of="points")
    seed = parse_seed(seed)
    region, trace = Problem(fun, box, dim, params, jac, args).resolve()
    objective = trace()
    if samples * objective.dim**2 > MAX_NUMBERS:
        most = MAX_NUMBERS // objective.dim**2
        raise InputError(
            f"{samples:,} Hessians in {objective.dim}-D do not fit in memory: give at most {most:,} samples"
        )
    return curvature_of(objective, region, samples, seed)


def curvature_of(objective: Differentiable, box: Box, samples: int, seed: int = 0) -> Curvature:
    """Sample an objective; see :func:`curvature`."""
    from batchgd.problem.samplings import UniformStarts

    constant = bool(getattr(objective, "is_quadratic", False))
    x = UniformStarts(samples, box, seed).points(0, samples)
    eigenvalues, directions = hessian_modes(objective, x[:1] if constant else x)
    if constant:
        eigenvalues, directions = (np.repeat(array, samples, axis=0) for array in (eigenvalues, directions))
    largest = np.abs(eigenvalues).max(axis=1)
    negative = eigenvalues[:, 0] < -_NEGATIVE * objective.dim * EPS * largest
    witness = _negative(objective, box, x, eigenvalues[:, 0], directions, negative)
    if witness is None and not constant:
        witness = _midpoints(objective, x)
    return Curvature(objective.name, box, x, eigenvalues, negative, constant, witness)


def _negative(objective: Any, box: Box, x: Any, lowest: Any, directions: Any, negative: Any) -> Witness | None:
    """Confirm by values that the function curves downwards at one of the points, the most negative ones first."""
    suspects = np.flatnonzero(negative)
    suspects = suspects[np.argsort(lowest[suspects], kind="stable")][:_SUSPECTS]
    for i in suspects:
        with np.errstate(divide="ignore"):
            room = np.minimum(x[i] - box.lower, box.upper - x[i]) / np.abs(directions[i])
        offsets = (room.min() * _SHARES)[:, None] * directions[i]
        found = _violation(objective, np.tile(x[i], (len(offsets), 1)), offsets)
        if found is not None:
            return Witness(*found, eigenvalue=float(lowest[i]))
    return None


def _midpoints(objective: Any, x: NDArray[np.float64]) -> Witness | None:
    """Compare values at the midpoints of pairs of samples with the mean at their ends."""
    half = len(x) // 2
    ends = x[:half], x[half : 2 * half]
    found = _violation(objective, 0.5 * (ends[0] + ends[1]), 0.5 * (ends[1] - ends[0]))
    return None if found is None else Witness(*found)


def _violation(objective: Any, x: Any, offset: Any) -> tuple[Any, Any, float] | None:
    """The first x and offset with f(x) above the mean of f(x - offset) and f(x + offset), and by how much."""
    middle, low, high = (objective.value(points) for points in (x, x - offset, x + offset))
    with np.errstate(all="ignore"):
        excess = middle - 0.5 * (low + high)
        noise = _NOISE * EPS * (np.abs(middle) + np.abs(low) + np.abs(high))
        rows = np.flatnonzero(np.isfinite(excess) & (excess > noise))
    return (x[rows[0]], offset[rows[0]], float(excess[rows[0]])) if len(rows) else None


@dataclass(frozen=True, eq=False)
class Witness:
    """Why a function is not convex: f(x) exceeds the mean of f(x - offset) and f(x + offset) by ``excess``.

    ``eigenvalue`` is the negative one at x along the offset; NaN if only values show it.
    """

    x: NDArray[np.float64]
    offset: NDArray[np.float64]
    excess: float
    eigenvalue: float = float("nan")

    @property
    def direction(self) -> NDArray[np.float64]:
        """The offset at unit length."""
        return self.offset / np.linalg.norm(self.offset)


@dataclass(frozen=True, eq=False)
class Curvature:
    """What sampled Hessians show about a function over a box.

    Attributes
    ----------
    name, box
        The function and where it was sampled.
    x : (m, d)
        The samples.
    eigenvalues : (m, d)
        Of the Hessian at each, ascending; NaN if it is not finite.
    negative : (m,) bool
        Whether the lowest one is negative beyond rounding.
    constant : bool
        Whether the trace knows the Hessian to be the same everywhere (a quadratic).
    witness : Witness or None
        Three points on a line that refute convexity.

    >>> curvature("sphere", dim=3, samples=10).verdict
    'convex'
    """

    name: str
    box: Box
    x: NDArray[np.float64] = field(repr=False)
    eigenvalues: NDArray[np.float64] = field(repr=False)
    negative: NDArray[np.bool_] = field(repr=False)
    constant: bool
    witness: Witness | None

    @property
    def verdict(self) -> str:
        """``"convex"``, ``"not convex"``, or ``"convexity not refuted"``."""
        if self.witness is not None:
            return "not convex"
        return "convex" if self.proved else "convexity not refuted"

    @property
    def proved(self) -> bool:
        """Whether the verdict is sure: a witness was found, or the Hessian is constant."""
        return self.witness is not None or (self.constant and not bool(self.negative.any()))

    @property
    def strong_convexity(self) -> float:
        """μ, the lowest eigenvalue seen: no more than this much convex (negative if the function is not convex)."""
        return float(np.nanmin(self.eigenvalues, initial=np.inf))

    @property
    def lipschitz(self) -> float:
        """L, the largest |eigenvalue| seen: the gradient's Lipschitz constant is at least this."""
        return float(np.nanmax(np.abs(self.eigenvalues), initial=0.0))

    @property
    def condition(self) -> float:
        """L / μ if μ > 0, else infinity; at least this large."""
        return self.lipschitz / self.strong_convexity if self.strong_convexity > 0.0 else float("inf")

    @property
    def finite(self) -> int:
        """Samples whose Hessian is finite."""
        return int(np.isfinite(self.eigenvalues[:, 0]).sum())

    @property
    def negative_share(self) -> tuple[float, float, float]:
        """Share of the box that curves downwards somewhere, and its 95 % interval (Wilson)."""
        count, n = int(self.negative.sum()), max(self.finite, 1)
        low, high = wilson(count, n)
        return count / n, float(low), float(high)

    def sentence(self) -> str:
        """Return the verdict in one line."""
        if self.witness is not None:
            at = f"at {format_point(self.witness.x)} along {format_point(self.witness.direction)}"
            bend = "" if np.isnan(self.witness.eigenvalue) else f", eigenvalue {self.witness.eigenvalue:.4g}"
            return f"not convex: it curves downwards {at}{bend}"
        if self.proved:
            return "convex, proved: the function is quadratic and its Hessian has no negative eigenvalue"
        return f"convexity not refuted: no negative curvature at {self.finite:,} points of the box"

    def __repr__(self) -> str:
        lines = [f"{self.name} · {self.box.dim}-D · {len(self.x):,} samples", self.sentence()]
        share, low, high = self.negative_share
        if not self.constant:
            lines.append(
                f"curves downwards in {100 * share:.1f} % of the box (95 %: {100 * low:.1f} to {100 * high:.1f} %)"
            )
        mu, bound = self.strong_convexity, self.lipschitz
        lines.append(
            f"lowest eigenvalue μ {mu:.6g} · largest |eigenvalue| L {bound:.6g} · condition L/μ {self.condition:.4g}"
        )
        if mu > 0.0:
            lines.append(
                f"gradient descent contracts for η < 2/L = {2 / bound:.4g}, fastest at 2/(L+μ) = {2 / (bound + mu):.4g}"
            )
        if not self.constant and self.finite:
            for name, column in (("lowest", 0), ("highest", -1)):
                ends = np.nanquantile(self.eigenvalues[:, column], (0.05, 0.5, 0.95))
                lines.append(f"{name} eigenvalue: median {ends[1]:.4g}, 5 to 95 %: {ends[0]:.4g} to {ends[2]:.4g}")
        if self.finite < len(self.x):
            lines.append(f"{len(self.x) - self.finite:,} samples have a Hessian that is not finite")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict and the estimates as a dict that ``json.dumps`` takes."""
        from batchgd.output.summary import json_ready

        names = ("name", "verdict", "proved", "constant", "strong_convexity", "lipschitz", "condition", "finite")
        shown: dict[str, Any] = {name: getattr(self, name) for name in names}
        shown["box"] = np.stack([self.box.lower, self.box.upper], axis=1)
        shown |= {"samples": len(self.x), "negative_share": self.negative_share, "witness": None}
        if self.witness is not None:
            parts = ("x", "offset", "direction", "excess", "eigenvalue")
            shown["witness"] = {name: getattr(self.witness, name) for name in parts}
        return json_ready(shown)


NOTE_SAMPLES, NOTE_DIM = 256, 32
"""Of the note on a result: Hessians that are sampled, and the dimension beyond which that would take too long."""


def convexity_note(result: Any) -> str | None:
    """Return what convexity implies for the only minimum of a result, if it has one and nothing contradicts it."""
    if len(result.minima.fun) != 1 or not result.has_function or result.box is None or result.dim > NOTE_DIM:
        return None
    if result.minima.kind[0] != "minimum" or not hasattr(result.objective, "hessian"):
        return None
    seen = curvature_of(result.objective, result.box, NOTE_SAMPLES)
    if seen.verdict == "not convex":
        return None
    if seen.proved:
        return "the function is convex (quadratic, no negative eigenvalue): the only minimum is global"
    return (
        f"no negative curvature at {seen.finite} points of the box: if the function is convex, the only minimum is "
        "global"
    )
