"""Landscapes that are sums of one-dimensional terms: their minima are the products of the terms' minima."""

from __future__ import annotations

from math import factorial
from typing import Any

import numpy as np

from batchgd.problem.landscapes.registry import landscape, product_grid

STYBLINSKI_TANG_MINIMA = (-2.903534027771177, 2.746802770990837)
RASTRIGIN_MINIMA = (
    0.0,
    *(0.9949586376523348, 1.9899122337085496, 2.984855701039481, 3.979783860300754, 4.974691390895051),
    *(-0.9949586376523348, -1.9899122337085496, -2.984855701039481, -3.979783860300754, -4.974691390895051),
)
SCHWEFEL_MINIMA = (
    420.968746359982,
    -302.5249356119118,
    203.81425264889446,
    -124.82935642021527,
    65.54786509015154,
    -25.877417347618685,
    5.2391993001955246,
)
LEVY_FIRST = (1.0, -8.244554665464945, -4.205434985718204, 3.79108219045051, 7.723082150790461)
LEVY_MIDDLE = (
    *(1.0, -8.255688990467624, -4.2421171417158),
    *(-0.09299369509396736, 3.6643545583807886, 7.702479464357025),
)
LEVY_LAST = (
    *(1.0, -8.959023320607938, -6.948452278487519, -4.930286250610244),
    *(-2.8906496084617133, 4.890649608461713, 6.930286250610244, 8.948452278487519),
)
LEVY_ONLY = (
    *(1.0, -8.957263265377007, -6.9516093953632546, -4.920636299881217),
    *(-2.9156478400714684, 4.915647840071468, 6.920636299881217, 8.951609395363255),
)


def _levy_minima(dim: int) -> Any:
    if dim == 1:
        return product_grid([LEVY_ONLY])
    return product_grid([LEVY_FIRST, *[LEVY_MIDDLE] * (dim - 2), LEVY_LAST])


def _michalewicz_points(i: int) -> list[float]:
    """Where term i is least, best first: each of its i humps is log-concave, so bisection finds its one peak."""
    k = np.arange(i)
    lower, upper = np.pi * np.sqrt(k / i), np.pi * np.sqrt((k + 1) / i)
    for _ in range(60):
        middle = 0.5 * (lower + upper)
        rising = 1.0 / np.tan(middle) + 40.0 * i * middle / np.pi / np.tan(i * middle**2 / np.pi) > 0.0
        lower, upper = np.where(rising, middle, lower), np.where(rising, upper, middle)
    peaks = 0.5 * (lower + upper)
    return list(peaks[np.argsort(-np.sin(peaks) * np.sin(i * peaks**2 / np.pi) ** 20)])


def _michalewicz_minima(dim: int) -> Any:
    return product_grid([_michalewicz_points(i) for i in range(1, dim + 1)])


def _michalewicz_global(dim: int) -> float:
    return michalewicz(np.array([_michalewicz_points(i)[0] for i in range(1, dim + 1)]))


@landscape(
    "Sphere",
    source="De Jong (1975), An analysis of the behavior of a class of genetic adaptive systems, thesis, function F1",
    box=(-5.12, 5.12),
    dims=(1, None),
    minima=lambda dim: np.zeros((1, dim)),
    n_minima=1,
    global_value=0.0,
)
def sphere(x):
    """Sphere: the isotropic quadratic.

    f(x) = sum_i x_i^2; one minimum, f(0) = 0.
    """
    return np.sum(x**2)


@landscape(
    "Ellipsoid",
    source="Hansen & Ostermeier (2001), Evolutionary Computation 9, 159-195, f_elli; axis-parallel variant",
    box=(-5.0, 5.0),
    dims=(2, None),
    minima=lambda dim: np.zeros((1, dim)),
    n_minima=1,
    global_value=0.0,
    remarks="ill-conditioned: curvatures from 2 to 2e6; a constant learning rate must stay under 1e-6",
)
def ellipsoid(x):
    """Ellipsoid: a quadratic of condition number 10^6, axes parallel to the coordinates.

    f(x) = sum_i 10^(6 (i-1)/(n-1)) x_i^2; one minimum, f(0) = 0.
    """
    return np.sum(np.logspace(0.0, 6.0, len(x)) * x**2)


@landscape(
    "Double well",
    source="textbook model of a bistable system: (x^2 - 1)^2, here with harmonic further coordinates",
    box=(-2.0, 2.0),
    dims=(1, None),
    minima=lambda dim: np.eye(dim)[[0, 0]] * [[1.0], [-1.0]],
    n_minima=2,
    global_value=0.0,
    saddles=lambda dim: np.zeros((1, dim)) if dim > 1 else (),
)
def double_well(x):
    """Double well: two equal minima behind a barrier of height 1 in the first coordinate, harmonic in all others.

    f(x) = (x_1^2 - 1)^2 + sum_{i>1} x_i^2; minima at x_1 = -1 and 1, f = 0; saddle at 0, f = 1.
    The basins are the half-spaces on either side of x_1 = 0.
    """
    return (x[0] ** 2 - 1.0) ** 2 + np.sum(x[1:] ** 2)


@landscape(
    "Rastrigin",
    source="Rastrigin (1974), Systems of Extremal Control; n-D as in Muehlenbein, Schomisch & Born (1991), "
    "Parallel Computing 17, 619-632",
    box=(-5.12, 5.12),
    dims=(1, None),
    minima=lambda dim: product_grid([RASTRIGIN_MINIMA] * dim),
    n_minima=lambda dim: 11**dim,
    global_value=0.0,
)
def rastrigin(x):
    """Rastrigin: a parabola under a cosine lattice, one minimum near each point of integer coordinates.

    f(x) = 10 n + sum_i (x_i^2 - 10 cos(2 pi x_i)); 11^n minima, f(0) = 0 the global one.
    """
    return 10.0 * len(x) + np.sum(x**2 - 10.0 * np.cos(2.0 * np.pi * x))


@landscape(
    "Schwefel",
    source="Schwefel (1981), Numerical Optimization of Computer Models; constant as in Surjanovic & Bingham (2013)",
    box=(-500.0, 500.0),
    dims=(1, None),
    minima=lambda dim: product_grid([SCHWEFEL_MINIMA] * dim),
    n_minima=lambda dim: 7**dim,
    global_value=lambda dim: 1.2727566293725214e-05 * dim,
    remarks="8^n minima when the face x_i = -500 counts, from where descent leaves the box; deeper minima are outside; "
    "with the usual rounded constant 418.9829 n the global value is 1.27e-5 n, not 0",
)
def schwefel(x):
    """Schwefel: waves that lengthen outward, with the best minimum far from the second best.

    f(x) = 418.9829 n - sum_i x_i sin(sqrt(|x_i|)); 7^n minima inside the box, the global one at x_i = 420.968746360,
    f = 1.27275663e-5 n.
    """
    return 418.9829 * len(x) - np.sum(x * np.sin(np.sqrt(np.abs(x))))


@landscape(
    "Styblinski-Tang",
    source="Styblinski & Tang (1990), Neural Networks 3, 467-483",
    box=(-5.0, 5.0),
    dims=(1, None),
    minima=lambda dim: product_grid([STYBLINSKI_TANG_MINIMA] * dim),
    n_minima=lambda dim: 2**dim,
    global_value=lambda dim: -39.166165703771416 * dim,
)
def styblinski_tang(x):
    """Styblinski-Tang: a tilted double well in every coordinate.

    f(x) = sum_i (x_i^4 - 16 x_i^2 + 5 x_i) / 2; 2^n minima, the global one at x_i = -2.903534028, f = -39.1661657038 n.
    The barrier is at x_i = 0.15673125678.
    """
    return 0.5 * np.sum(x**4 - 16.0 * x**2 + 5.0 * x)


@landscape(
    "Michalewicz",
    source="Michalewicz (1992), Genetic Algorithms + Data Structures = Evolution Programs; m = 10",
    box=(0.0, np.pi),
    dims=(1, None),
    minima=_michalewicz_minima,
    n_minima=lambda dim: factorial(dim),
    global_value=_michalewicz_global,
    remarks="plateaus and valley floors that are flat to rounding (gradient under 1e-8 on 12.9 % of the box in 2-D): "
    "two thirds of the starts in 2-D end there as flat or degenerate points, not at a proper minimum",
)
def michalewicz(x):
    """Michalewicz: narrow crossing valleys in a plain that is flat to rounding, steepness m = 10.

    f(x) = -sum_i sin(x_i) sin(i x_i^2 / pi)^20; n! proper minima (i in coordinate i);
    global f = -1.80130341 (2-D), -4.68765818 (5-D), -9.66015172 (10-D).
    """
    i = np.arange(1.0, len(x) + 1.0)
    return -np.sum(np.sin(x) * np.sin(i * x**2 / np.pi) ** 20)


@landscape(
    "Levy",
    source="Levy & Montalvo (1985), SIAM J. Sci. Stat. Comput. 6, 15-29, in the form of Surjanovic & Bingham (2013)",
    box=(-10.0, 10.0),
    dims=(1, None),
    minima=_levy_minima,
    n_minima=lambda dim: len(LEVY_ONLY) if dim == 1 else 40 * 6 ** (dim - 2),
    global_value=0.0,
)
def levy(x):
    """Levy: a parabola under sine waves, steeper ones in the middle coordinates than in the first and last.

    f(x) = sin(pi w_1)^2 + sum_{i<n} (w_i - 1)^2 (1 + 10 sin(pi w_i + 1)^2) + (w_n - 1)^2 (1 + sin(2 pi w_n)^2),
    w_i = 1 + (x_i - 1) / 4; 40 * 6^(n-2) minima (n >= 2), f(1, ..., 1) = 0 the global one.
    """
    w = 1.0 + (x - 1.0) / 4.0
    head, last = w[:-1], w[-1]
    middle = np.sum((head - 1.0) ** 2 * (1.0 + 10.0 * np.sin(np.pi * head + 1.0) ** 2))
    return np.sin(np.pi * w[0]) ** 2 + middle + (last - 1.0) ** 2 * (1.0 + np.sin(2.0 * np.pi * last) ** 2)
