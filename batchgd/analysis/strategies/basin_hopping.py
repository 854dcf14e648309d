"""Basin hopping in batch: walkers that step from minimum to minimum, all of them in one launch per hop."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from batchgd.analysis.strategies.base import Strategy, count, share
from batchgd.analysis.strategies.moves import Moves
from batchgd.problem import check
from batchgd.problem.errors import InputError, quoted

if TYPE_CHECKING:
    from batchgd.analysis.strategies.campaign import Campaign

_LADDER = np.geomspace(0.01, 1.0, 8)  # temperatures over the spread of the values that the first descents reach
_MOVE, _ACCEPT = 0, 1  # streams of random numbers


def _part(name: str, value: Any) -> float | None:
    return None if value is None else check.Interval(0.0, math.nextafter(1.0, 2.0), low_included=True).one(name, value)


def _ladder(name: str, value: Any) -> float | tuple[float, ...] | None:
    """Return one temperature, or several, as floats."""
    if value is None:
        return None
    ladder = value if check.is_array(value) else [value]
    if not isinstance(ladder, list | tuple | np.ndarray) or len(ladder) == 0:
        raise InputError(f"{name} is {quoted(value)}: give a number of at least 0, or several")
    found = tuple(check.Interval(0.0, low_included=True).one(name, each) for each in ladder)
    return found if len(found) > 1 else found[0]


@dataclass(frozen=True)
class BasinHopping(Strategy):
    r"""Basin hopping: every walker perturbs its minimum, descends, and goes there or stays, many times.

    Walker i is at the minimum x. Each hop descends from ``x + step width u``, u uniform in [-1, 1)^d, reflected at
    the faces of the box, and the walker moves to the endpoint with Metropolis' probability

        min(1, exp(-(f_new - f) / T))

    A descent that reaches nothing is rejected. Hop k of a run with seed s draws from NumPy's generator of (s, k), so a
    walk is a function of seed and walker, whatever the number of walkers or threads.

    For clusters of atoms (a symmetry with rotations and translations of more than four vectors) half of the hops take
    one to four of the outermost atoms to random places on the surface instead, and clusters are centred in place of
    being reflected.

    With ``strategy=bgd.BasinHopping()``, ``starts`` of ``multistart`` is the number of walkers; the result has
    ``walkers (1 + hops)`` entries, those of the walkers' first descents before all others, and ``result.network()``
    shows which minimum was reached from which.

    **What it biases.** Walkers drift towards low values, so counts of hops say nothing about basins. Fractions and
    coverage come from the first descents alone, whose starts were drawn from the box; a minimum that only hops reached
    has fraction 0.

    Parameters
    ----------
    hops : int
        Of each walker, at least 1.
    step : float
        Longest move per coordinate in box widths, above 0 and below 1: about the distance of neighbouring minima.
    surface : float, optional
        Share of a cluster's hops that move outermost atoms, from 0 to 1; default: 0.5. Of no effect without a cluster.
    temperature : float or sequence of float, optional
        T >= 0 in units of f: about the difference of neighbouring minima's values; 0 never goes uphill (monotonic). A
        sequence is a ladder: walker i takes number i modulo its length. Default: eight temperatures from 0.01 to 1
        times the spread (interquartile range) of the values that the first descents reach.

    Raises
    ------
    InputError
        If a number is outside its range.

    Examples
    --------
    The basin of the best of Rastrigin's 161,051 minima in 5-D is 9e-6 of the box; 100 walkers find it in 3,100
    descents:

    >>> import batchgd as bgd
    >>> walk = bgd.BasinHopping(hops=30, step=0.1, temperature=0)
    >>> result = bgd.multistart("rastrigin", dim=5, starts=100, strategy=walk)
    >>> bool(result.minima.fun[0] < 1e-9), result.n, result.strategy.drawn
    (True, 3100, 100)

    References
    ----------
    D. J. Wales and J. P. K. Doye, "Global optimization by basin-hopping and the lowest energy structures of
    Lennard-Jones clusters containing up to 110 atoms", J. Phys. Chem. A 101, 1997, 5111-5116. Z. Li and H. A. Scheraga,
    "Monte Carlo-minimization approach to the multiple-minima problem in protein folding", PNAS 84, 1987, 6611-6615.
    Never uphill: R. H. Leary, "Global optimization on funneling landscapes", J. Global Optim. 18, 2000, 367-383.
    Surface moves: Wales and Doye's angular moves of the least bound atoms, here of the outermost ones.
    """

    hops: int = 20
    step: float = 0.1
    temperature: Any = None
    surface: float | None = None

    name: ClassVar[str] = "basin_hopping"
    resumes: ClassVar[str] = "each hop starts where the one before ended, so nothing of it can be resumed"
    bias: ClassVar[str] = "walkers drift towards low values, so only their first descents measure basin sizes"

    CHECKS: ClassVar = {"hops": count, "step": share, "temperature": _ladder, "surface": _part}

    def explore(self, campaign: Campaign) -> dict[str, Any]:
        """Let all walkers hop."""
        from batchgd.analysis.strategies.campaign import arrived

        batch = campaign.batch
        n, seed = batch.starts.n, batch.seed
        moves = Moves.of(batch.box, self.step, self.surface, campaign.collector.identity.symmetry)
        start = batch.starts.points(0, n)
        rows = campaign.descend(start)
        met = arrived(rows)
        x, fun = np.where(met[:, None], rows.x, start), np.where(met, rows.fun, np.inf)
        temperature = self._temperatures(fun)
        at = np.arange(n)  # the start whose endpoint each walker is at
        origin, accepted = [np.full(n, -1)], [met]
        for hop in range(1, self.hops + 1):
            if campaign.over:
                break
            first = campaign.made
            rows = campaign.descend(moves(x, np.random.default_rng([seed, hop, _MOVE])))
            value = np.where(arrived(rows), rows.fun, np.inf)
            moved = metropolis(fun, value, temperature, np.random.default_rng([seed, hop, _ACCEPT]).random(n))
            origin.append(at)
            accepted.append(moved)
            x, fun = np.where(moved[:, None], rows.x, x), np.where(moved, value, fun)
            at = np.where(moved, first + np.arange(n), at)
        return {"drawn": n, "origin": np.concatenate(origin), "accepted": np.concatenate(accepted)}

    def _temperatures(self, fun: NDArray[np.float64]) -> NDArray[np.float64]:
        """The temperature of each walker."""
        if self.temperature is not None:
            ladder = np.atleast_1d(np.asarray(self.temperature, float))
        else:
            finite = fun[np.isfinite(fun)]
            ladder = _LADDER * (np.subtract(*np.quantile(finite, (0.75, 0.25))) if len(finite) else 0.0)
        return np.resize(ladder, len(fun))


def metropolis(
    fun: NDArray[np.float64], new: NDArray[np.float64], temperature: NDArray[np.float64], u: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Which moves are accepted: ``u < exp(-(new - fun) / T)``; downhill always, uphill at T = 0 and to inf never.

    >>> metropolis(np.zeros(3), np.array([-1.0, 1.0, 1.0]), np.array([0.0, 0.0, 1.0]), np.full(3, 0.3)).tolist()
    [True, False, True]
    """
    with np.errstate(all="ignore"):
        uphill = u < np.exp(-(new - fun) / temperature)
    return np.isfinite(new) & ((new <= fun) | (uphill & (temperature > 0.0)))
