"""From what a user passes as a function to an objective and the box in which starts are drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any, cast

from batchgd.compiler.differentiable import Differentiable
from batchgd.compiler.objective import Objective
from batchgd.problem import landscapes
from batchgd.problem.bounds import Bounds
from batchgd.problem.box import Box, check_dimension
from batchgd.problem.domain import Domain, entries_of, settle
from batchgd.problem.errors import InputError, quoted

if TYPE_CHECKING:
    from batchgd.compiler.callback import Callback

_GIVE_BOX = "give box=[(lo, hi), ...] with one pair per coordinate; in the shell, --box LO HI for each"


def as_objective(
    fun: Any, dim: int | None = None, box: Any = None, params: Any = None, jac: Any = None, args: Any = ()
) -> Differentiable:
    """Return the objective behind anything that :func:`batchgd.multistart` takes as a function.

    Parameters
    ----------
    fun : Objective, Landscape, name of a landscape, or callable
    dim, box, params, jac, args
        As for ``Objective``; the box and the dimension of a landscape or an Objective are its own if omitted.

    Raises
    ------
    InputError
        If something is missing, contradicts something else, or does not fit this kind of ``fun``.

    Examples
    --------
    >>> as_objective("rosenbrock", dim=3).value([1.0, 1.0, 1.0])
    0.0
    """
    return Problem(fun, box, dim, params, jac, args).resolve()[1]()


@dataclass(frozen=True)
class Problem:
    """What a call is to minimise: ``fun``, and the arguments that go with it; see :func:`as_objective`."""

    fun: Any
    box: Any = None
    dim: int | None = None
    params: Any = None
    jac: Any = None
    args: Any = ()
    bounds: Any = None
    domain: Any = None

    def settled(self, dim: int | None = None, around: Box | None = None, starts: int | None = None) -> Problem:
        """Return the problem with the box and the bounds that its domain gives; itself if it has none.

        ``around`` is the box of given starts, with as many of them as may have bounds of their own.
        """
        if self.domain is None or isinstance(self.domain, Domain):
            return self
        own, known = around, dim
        if around is None:
            given = [Bounds.parse(self.bounds).dim] if self.bounds is not None else []
            given += [Box.parse(self.box).dim] if self.box is not None else []
            sides = max([*given, 1])
            sides = len(entries_of(self.domain)) if sides == 1 else sides
            own, known = self._own(sides)
            known = sides if known is None and (sides > 1 or given) else known
        domain, box, bounds = settle(self.domain, self.box, self.bounds, known, otherwise=own, starts=starts)
        return replace(self, domain=domain, box=box, bounds=bounds)

    def resolve(self) -> tuple[Box, Callable[[], Differentiable]]:
        """Return the box of the starts, and a call that traces.

        What can be refused without a trace is refused at once; the errors are those of :func:`as_objective`.
        """
        fun, box, dim = self.fun, self._box(), self.dim
        if isinstance(fun, str | landscapes.Landscape):
            return _landscape(fun, dim, box, params=self.params, jac=self.jac, args=self.args)
        if isinstance(fun, Differentiable):
            return self._ready(fun, box)
        if not callable(fun):
            raise InputError(f"fun is {quoted(fun)}: give a function of x, the name of a landscape, or an Objective")
        if box is None:
            missing = "dim and box are" if dim is None else "the box is"
            raise InputError(f"{missing} missing: {_GIVE_BOX}")
        region = Box.parse(box, dim)
        check_dimension(region.dim)
        return region, lambda: Objective(fun, region.dim, self.params, self.jac, box=region, args=self.args)

    @property
    def plain(self) -> bool:
        """Whether the function is called as plain Python."""
        return bool(getattr(self.fun, "plain", False))

    def _box(self) -> Any:
        """The box that was given, or the one that bounds give: with its own of a landscape or an objective."""
        if self.box is not None or self.bounds is None:
            return self.box
        sides = Bounds.parse(self.bounds).dim
        own, dim = self._own(sides)
        return Bounds.parse(self.bounds, dim).box(own)

    def _own(self, sides: int) -> tuple[Box | None, int | None]:
        """The own box of a landscape or an objective, and the number of coordinates, if they are known.

        ``sides`` is for how many coordinates something was given; 1 may be for all.
        """
        fun, dim = self.fun, self.dim
        if isinstance(fun, str):
            fun = landscapes.get(fun)
        if isinstance(fun, landscapes.Landscape):
            own: Box | None = fun.box(fun.check_dim(dim if dim is not None or sides == 1 else sides))
        else:
            own, dim = getattr(fun, "box", None), getattr(fun, "dim", None) or dim
        return own, dim if own is None else own.dim

    def _ready(self, fun: Differentiable, box: Any) -> tuple[Box, Callable[[], Differentiable]]:
        """Take an objective that the user made."""
        if self.dim is not None and check_dimension(self.dim) != (fun.dim or self.dim):
            known = f"the objective {fun.name} has {fun.dim} coordinates"
            raise InputError(f"dim is {self.dim}, but {known}: leave out dim")
        region = fun.box if box is None else Box.parse(box, fun.dim or self.dim)
        if region is None:
            raise InputError(f"the box is missing: {_GIVE_BOX}")
        if fun.plain and self.bounds is not None:
            bounds = self.bounds if isinstance(self.bounds, Bounds) else Bounds.parse(self.bounds, region.dim)
            fun = cast("Callback", fun).within(bounds)
        ready = partial(fun.completed, region, self.params, self.jac, self.args)
        return region, ready if fun.plain else _as_call(ready())


def dim_of(fun: Any, dim: int | None, atoms: int) -> int:
    """The dimension of a library cluster of this many atoms; InputError if ``fun`` is none, or ``dim`` contradicts it.

    >>> dim_of("lennard_jones", None, 8)
    24
    """
    known = landscapes.get(fun) if isinstance(fun, str) else fun
    if not isinstance(known, landscapes.Landscape):
        raise InputError("atoms was given with a function, which does not count them: give dim or box")
    found = known.sized(atoms=atoms)
    if dim is not None and check_dimension(dim) != found:
        raise InputError(f"dim is {dim}, but {atoms} atoms have {found} coordinates: leave out dim")
    return found


def _as_call(objective: Differentiable) -> Callable[[], Differentiable]:
    return lambda: objective


def _given(value: Any) -> bool:
    """Whether an argument was given: None and the empty tuple do not count."""
    return value is not None and not (isinstance(value, tuple) and not value)


def _landscape(fun: Any, dim: int | None, box: Any, **others: Any) -> tuple[Box, Callable[[], Differentiable]]:
    """Take an objective from the library."""
    if isinstance(fun, str):
        fun = landscapes.get(fun)
    for name, value in others.items():
        if _given(value):
            raise InputError(f"{name} was given with the landscape {fun.name}, which takes none: leave it out")
    if dim is None and box is not None:
        sides = Box.parse(box).dim
        dim = sides if sides > 1 else None  # one pair is for every axis
    dim = fun.check_dim(dim)
    return Box.parse(fun.box(dim) if box is None else box, dim), lambda: _traced(fun, dim)


@cache
def _traced(landscape: landscapes.Landscape, dim: int) -> Objective:
    """Trace a landscape, once for each dimension."""
    objective = Objective(landscape.fun, dim, box=landscape.box(dim), name=landscape.name)
    objective.symmetry = landscape.symmetry(dim)
    return objective
