"""Bounds in a tick: the gradient that a rule and the tests see, and where the next point may be.

Plain functions of one coordinate, as those of rules. The gradient is projected: 0 in a coordinate that rests on a bound
that the gradient pushes against. The step that a rule asks for is projected onto the bounds, which is exact: a
coordinate is inside, or it is the bound. All rules are then projected ones, without knowing of it (Bertsekas 1976, IEEE
Trans. Autom. Control 21, 174). A trial is compared with the descent that its own step promises:
of a step s = P(x - η g) - x that is s's / η <= -g's, and for Barzilai and Borwein's step s'y is taken of the same s
(Birgin, Martínez and Raydan 2000, SIAM J. Optim. 10, 1196, their search along the projection arc).

They are written as minima and maxima, which take one instruction, also where only some lanes take part: the update of
gradient descent on Rastrigin's function in 10 dimensions takes 1.2 times as long with bounds, and with comparisons of x
and g it took 1.34 times as long (``benchmarks/bounds.py``).
"""

from batchgd.kernels.stopping_tests import larger, smaller
from batchgd.kernels.vecmath import where


def projected(g, x, lower, upper):
    """One coordinate of the projected gradient; NaN remains, whichever bound x is on."""
    downhill = where(x > lower, g, smaller(0.0, g))
    return where(x < upper, downhill, larger(0.0, downhill))


def inside(x, lower, upper):
    """One coordinate of the point, moved to the nearest bound if it is outside; NaN remains."""
    return smaller(upper, larger(lower, x))


def stopped(velocity, x, lower, upper):
    """One coordinate of a velocity, which ends at a bound that ``x``, the next point before it is moved, has passed."""
    return where(inside(x, lower, upper) == x, velocity, 0.0)


def step_slope(x, base_x, base_g, step, lower, upper):
    """One coordinate of -s / η, for the step s from the accepted point to the trial: its gradient, if none was cut."""
    return where((x <= lower) | (x >= upper), (base_x - x) / step, base_g)


def compared(g, raw_g, x, base_x, base_g, along, lower, upper):
    """One coordinate of -s / η + y, the gradient to compare with ``along`` = -s / η; y is 0 on a bound that held x."""
    cut = where(x == base_x, 0.0, along + (raw_g - base_g))
    return where((x <= lower) | (x >= upper), cut, g)


def squared(along):
    """The term of a coordinate in s's / η^2."""
    return along * along


def held(base_x, base_g, lower, upper):
    """Whether a coordinate of the accepted point rests on a bound: its projected gradient is 0 there."""
    return ((base_x <= lower) | (base_x >= upper)) & (base_g == 0.0)
