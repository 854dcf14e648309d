"""Least-squares problems of Moré, Garbow and Hillstrom with the bounds of Gay, and the optima that he published.

J. J. Moré, B. S. Garbow, K. E. Hillstrom, "Testing unconstrained optimization software", ACM Trans. Math. Softw. 7,
1981, 17-41. D. M. Gay, "A trust-region approach to linearly constrained optimization", Numerical Analysis, Lecture
Notes in Mathematics 1066, 1984, 72-105. The value is the sum of the squared residuals.
"""

from typing import NamedTuple

import numpy as np


class Problem(NamedTuple):
    """Residuals of x, bounds, the usual start moved into them, and the published value."""

    residuals: object
    bounds: list
    x0: list
    value: float


def rosenbrock(x):
    return np.array([10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]])


def powell_badly_scaled(x):
    return np.array([1e4 * x[0] * x[1] - 1.0, np.exp(-x[0]) + np.exp(-x[1]) - 1.0001])


def brown_badly_scaled(x):
    return np.array([x[0] - 1e6, x[1] - 2e-6, x[0] * x[1] - 2.0])


def beale(x):
    return np.array([1.5, 2.25, 2.625]) - x[0] * (1.0 - x[1] ** np.array([1.0, 2.0, 3.0]))


def helical_valley(x):
    angle = np.arctan2(x[1], x[0]) / (2.0 * np.pi)
    return np.array([10.0 * (x[2] - 10.0 * angle), 10.0 * (np.sqrt(x[0] ** 2 + x[1] ** 2) - 1.0), x[2]])


def gaussian(x):
    t = (8.0 - np.arange(1, 16)) / 2.0
    y = np.array([9, 44, 175, 540, 1295, 2420, 3521, 3989, 3521, 2420, 1295, 540, 175, 44, 9]) / 1e4
    return x[0] * np.exp(-x[1] * (t - x[2]) ** 2 / 2.0) - y


def powell_singular(x):
    return np.array(
        [
            x[0] + 10.0 * x[1],
            np.sqrt(5.0) * (x[2] - x[3]),
            (x[1] - 2.0 * x[2]) ** 2,
            np.sqrt(10.0) * (x[0] - x[3]) ** 2,
        ]
    )


def wood(x):
    return np.array(
        [
            10.0 * (x[1] - x[0] ** 2),
            1.0 - x[0],
            np.sqrt(90.0) * (x[3] - x[2] ** 2),
            1.0 - x[2],
            np.sqrt(10.0) * (x[1] + x[3] - 2.0),
            (x[1] - x[3]) / np.sqrt(10.0),
        ]
    )


def brown_dennis(x):
    t = np.arange(1, 21) / 5.0
    return (x[0] + t * x[1] - np.exp(t)) ** 2 + (x[2] + x[3] * np.sin(t) - np.cos(t)) ** 2


def biggs(x):
    t = 0.1 * np.arange(1, 14)
    y = np.exp(-t) - 5.0 * np.exp(-10.0 * t) + 3.0 * np.exp(-4.0 * t)
    return x[2] * np.exp(-t * x[0]) - x[3] * np.exp(-t * x[1]) + x[5] * np.exp(-t * x[4]) - y


PROBLEMS = {
    "rosenbrock": Problem(rosenbrock, [(-50, 0.5), (0, 100)], [-1.2, 1], 0.25),
    "powell_badly_scaled": Problem(powell_badly_scaled, [(0, 1), (1, 9)], [0, 1], 0.15125900e-9),
    "brown_badly_scaled": Problem(brown_badly_scaled, [(0, 1e6), (3e-5, 100)], [1, 1], 0.784e3),
    "beale": Problem(beale, [(0.6, 10), (0.5, 100)], [1, 1], 0.0),
    "helical_valley": Problem(helical_valley, [(-100, 0.8), (-1, 1), (-1, 1)], [-1, 0, 0], 0.99042212),
    "gaussian": Problem(gaussian, [(0.398, 4.2), (1, 2), (-0.5, 0.1)], [0.4, 1, 0], 0.11279300e-7),
    "powell_singular": Problem(
        powell_singular, [(0.1, 100), (-20, 20), (-1, 1), (-1, 50)], [3, -1, 0, 1], 0.18781963e-3
    ),
    "wood": Problem(wood, [(-100, 0), (-100, 10), (-100, 100), (-100, 100)], [-3, -1, -3, -1], 0.15567008e1),
    "brown_dennis": Problem(
        brown_dennis, [(-10, 100), (-15, 15), (-100, 0), (-20, 0.2)], [25, 5, -5, -1], 0.88860479e5
    ),
    "biggs": Problem(biggs, [(0, 2), (0, 8), (0, 1), (1, 7), (0, 5), (0, 5)], [1, 2, 1, 1, 1, 1], 0.53209865e-3),
}
