"""Landscapes of the CEC-2013 competition on niching methods: all global optima are wanted, not one.

The competition also uses Himmelblau's function and the six-hump camel (there on [-1.9, 1.9] x [-1.1, 1.1]), which are
in ``two_dimensional``. The competition maximises; here the sign is reversed. Its composition functions F9 to F12 are
omitted: each contains Weierstrass sums with periods down to 3^-20, so that nearly every descent ends in a minimum of
its own (20,000 starts on F9 in 2-D see 16,410), and most global optima are the bottoms of pits that no start meets.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from batchgd.problem.landscapes.registry import LISTED_AT_MOST, landscape, product_grid

NICHING = (
    "Li, Engelbrecht & Epitropakis (2013), Benchmark functions for CEC'2013 special session and competition on niching "
    "methods for multimodal function optimization, RMIT technical report"
)

SHUBERT_LOW = (  # where g, the factor of one coordinate, has its minima, and its maxima, in one period
    *(-2.51087731718704763, -1.42512842831976097, -0.195385750060831389),
    *(0.821783925757966013, 1.80565643628478, 2.78593446544528886),
)
SHUBERT_HIGH = (
    *(-3.00315858622197099, -2.00720270438280809, -0.800321100471973125),
    *(0.334243911338903981, 1.32000425075772616, 2.29922885782910689),
)
_PEAK, _TROUGH = 14.508007927195033, -12.870885497725685  # the largest and the least value of g

VINCENT_MINIMA = tuple(np.exp((0.5 * np.pi + 2.0 * np.pi * np.arange(-2, 4)) / 10.0).tolist())


def _shubert_factor(t: Any) -> Any:
    return sum(i * np.cos((i + 1.0) * t + i) for i in (1.0, 2.0, 3.0, 4.0, 5.0))


def _shubert_terms() -> list[tuple[float, float, float]]:
    """Stationary points of g inside the box, the sign of its curvature there, and its value."""
    turns = 2.0 * np.pi * np.arange(-2.0, 3.0)
    points = [
        (float(t + turn), bend)
        for line, bend in ((SHUBERT_LOW, 1.0), (SHUBERT_HIGH, -1.0))
        for t in line
        for turn in turns
    ]
    return [(t, bend, float(_shubert_factor(t))) for t, bend in points if -10.0 < t < 10.0]


def _shubert_minima(dim: int) -> list[tuple[float, ...]]:
    """All minima in 1-D and 2-D; in more dimensions, the global ones, or one of them if they are too many to list.

    A point where every factor is stationary is a minimum when g'' times the product of the other factors is positive in
    every coordinate.
    """
    terms = _shubert_terms()
    if dim > 2:
        peaks, troughs = ([t for t, _, g in terms if abs(g - value) < 1e-6] for value in (_PEAK, _TROUGH))
        lines = [[troughs if i == k else peaks for i in range(dim)] for k in range(dim)]
        if dim * 3**dim > LISTED_AT_MOST:
            return [tuple(line[0] for line in lines[0])]
        return [point for line in lines for point in itertools.product(*line)]
    found = []
    for point in itertools.product(terms, repeat=dim):
        others = [float(np.prod([g for _, _, g in point[:i] + point[i + 1 :]])) for i in range(dim)]
        if all(bend * other > 0.0 for (_, bend, _), other in zip(point, others, strict=True)):
            found.append(tuple(t for t, _, _ in point))
    return found


def _shubert_count(dim: int) -> int:
    """Below zero: a peak of |g| in every coordinate, an odd number of them troughs of g; above zero: the other kind."""
    kinds = [(bend > 0.0, g > 0.0) for _, bend, g in _shubert_terms()]
    peak, trough, low, high = (
        kinds.count(kind) for kind in ((False, True), (True, False), (True, True), (False, False))
    )
    return ((peak + trough) ** dim - (peak - trough) ** dim + (low + high) ** dim + (low - high) ** dim) // 2


@landscape(
    "Five-uneven-peak trap",
    source=NICHING + ", F1",
    box=(-2.5, 32.5),
    dims=1,
    minima=[(0.0,), (30.0,), (5.0,), (22.5,), (12.5,)],
    n_minima=5,
    global_value=-200.0,
    kinks=[(0.0,), (30.0,), (5.0,), (22.5,), (12.5,)],
    remarks="piecewise linear, every minimum a kink; the report's domain is [0, 30] with both global optima on its "
    "border, beyond which the function is continued by its mirror image",
)
def five_uneven_peak_trap(x):
    """Five-uneven-peak trap: five linear wells of unequal depth, the two deepest at the ends.

    f(x) = -sum_k max(0, d_k - s_k |x - p_k|), p = (0, 5, 12.5, 22.5, 30), d = (200, 160, 140, 160, 200),
    s = (80, 64, 28, 32, 80): f = -d_k at p_k.
    """
    wells = ((0.0, 200.0, 80.0), (5.0, 160.0, 64.0), (12.5, 140.0, 28.0), (22.5, 160.0, 32.0), (30.0, 200.0, 80.0))
    return -sum(np.maximum(0.0, depth - slope * np.abs(x[0] - place)) for place, depth, slope in wells)


@landscape(
    "Equal maxima",
    source=NICHING + ", F2; Deb (1989), Genetic algorithms in multimodal function optimization, thesis",
    box=(0.0, 1.0),
    dims=1,
    minima=[(0.1,), (0.3,), (0.5,), (0.7,), (0.9,)],
    n_minima=5,
    global_value=-1.0,
    remarks="flat near its maxima, where f grows like the sixth power: 1.7 % of the starts come to rest there",
)
def equal_maxima(x):
    """Equal maxima: five equally deep minima, evenly spaced.

    f(x) = -sin(5 pi x)^6; f = -1 at 0.1, 0.3, 0.5, 0.7, 0.9.
    """
    return -(np.sin(5.0 * np.pi * x[0]) ** 6)


@landscape(
    "Uneven decreasing maxima",
    source=NICHING + ", F3; Deb (1989), Genetic algorithms in multimodal function optimization, thesis",
    box=(0.0, 1.0),
    dims=1,
    minima=[
        (0.07969977961179581,),
        (0.24627867946145429,),
        (0.44949553312172481,),
        (0.67916573814673824,),
        (0.93015273741973276,),
    ],
    n_minima=5,
    global_value=-0.99999982845447246,
    remarks="below x = 0.0184 the slope leads to x = 0, where the function ends: 1.8 % of the starts end at that kink, "
    "of value -0.123489, on the border of the box; flat near its maxima, where 1.7 % of the starts come to rest",
)
def uneven_decreasing_maxima(x):
    """Uneven decreasing maxima: five minima that get wider apart and shallower.

    f(x) = -exp(-2 ln(2) ((x - 0.08) / 0.854)^2) sin(5 pi (x^0.75 - 0.05))^6; the global one at 0.0796997796.
    """
    hull = np.exp(-2.0 * np.log(2.0) * ((x[0] - 0.08) / 0.854) ** 2)
    return -hull * np.sin(5.0 * np.pi * (x[0] ** 0.75 - 0.05)) ** 6


@landscape(
    "Shubert",
    source="Shubert (1972), SIAM J. Numerical Analysis 9, 379-388, in 1-D; the product form is that of "
    "Surjanovic & Bingham (2013) in 2-D, and F6 of " + NICHING,
    box=(-10.0, 10.0),
    dims=(1, None),
    minima=_shubert_minima,
    n_minima=_shubert_count,
    global_value=lambda dim: _TROUGH * _PEAK ** (dim - 1),
    remarks="in 2-D 39 more minima are on the boundary of the box, and starts near it reach minima outside; "
    "the number 760 that is often quoted is wrong",
)
def shubert(x):
    """Shubert: the product of sums of cosines, one sum per coordinate.

    f(x) = prod_k g(x_k), g(t) = sum_{i=1..5} i cos((i + 1) t + i); n 3^n global minima, f = -12.8708854977 *
    14.5080079272^(n-1); in 2-D 722 minima inside the box, 18 of them global, f = -186.7309088310.
    """
    product = 1.0
    for t in x:
        product = product * _shubert_factor(t)
    return product


@landscape(
    "Vincent",
    source=NICHING + ", F7",
    box=(0.25, 10.0),
    dims=(1, None),
    minima=lambda dim: product_grid([VINCENT_MINIMA] * dim),
    n_minima=lambda dim: 6**dim,
    global_value=-1.0,
    remarks="basins shrink towards small x, in every coordinate from 4.37 to 0.21 wide; more minima outside",
)
def vincent(x):
    """Vincent: 6^n equally deep minima, closer together towards zero.

    f(x) = -(1/n) sum_i sin(10 ln(x_i)); f = -1 at every x_i = exp((pi/2 + 2 pi k) / 10), k = -2..3.
    """
    return -np.sum(np.sin(10.0 * np.log(x))) / len(x)


@landscape(
    "Modified Rastrigin",
    source=NICHING + ", F8, the 2-D case; Deb & Saha (2010), Finding multiple solutions for multimodal optimization "
    "problems using a multi-objective evolutionary approach, GECCO 2010",
    box=(0.0, 1.0),
    dims=2,
    minima=[((2 * i + 1) / 6.0, (2 * j + 1) / 8.0) for i in range(3) for j in range(4)],
    n_minima=12,
    global_value=2.0,
)
def modified_rastrigin(x):
    """Modified Rastrigin: a lattice of three by four equally deep minima.

    f(x) = 20 + 9 cos(6 pi x_1) + 9 cos(8 pi x_2); f = 2 in all.
    """
    return 20.0 + 9.0 * np.cos(6.0 * np.pi * x[0]) + 9.0 * np.cos(8.0 * np.pi * x[1])
