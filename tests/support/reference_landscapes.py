"""Slow second copies of the library landscapes: plain loops over coordinates, in whatever arithmetic `m` brings.

`m` is an `mpmath` context or a namespace of NumPy functions. With 40 digits, central differences of these give
derivatives that owe nothing to the tracer.
Tables are written out again on purpose, as the integers of the original papers, so that a slip in one copy shows.
"""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import mpmath
import numpy as np

Vector = Any

MP = mpmath.mp.clone()
MP.dps = 40
MP_STEP = MP.mpf(10) ** -10  # central differences: truncation 1e-20, rounding 1e-30 (gradient) and 1e-20 (Hessian)
NUMPY = SimpleNamespace(sin=np.sin, cos=np.cos, exp=np.exp, log=np.log, sqrt=np.sqrt, pi=np.pi, fdiv=lambda a, b: a / b)


def sphere(m, x: Vector):
    return sum(t * t for t in x)


def ellipsoid(m, x: Vector):
    n, total = len(x), 0
    for i, t in enumerate(x):
        axis = m.exp(m.log(1000) * i / (n - 1)) * t
        total += axis * axis
    return total


def double_well(m, x: Vector):
    return (x[0] * x[0] - 1) ** 2 + sum(t * t for t in x[1:])


def rastrigin(m, x: Vector):
    total = 10 * len(x)
    for t in x:
        total += t * t - 10 * m.cos(2 * m.pi * t)
    return total


def schwefel(m, x: Vector):
    total = 0
    for t in x:
        total += m.fdiv(4189829, 10000) - t * m.sin(m.sqrt(abs(t)))
    return total


def styblinski_tang(m, x: Vector):
    total = 0
    for t in x:
        total += (t * t * t * t - 16 * t * t + 5 * t) / 2
    return total


def michalewicz(m, x: Vector):
    total = 0
    for i, t in enumerate(x, start=1):
        total -= m.sin(t) * m.sin(i * t * t / m.pi) ** 20
    return total


def levy(m, x: Vector):
    w = [1 + (t - 1) / 4 for t in x]
    total = m.sin(m.pi * w[0]) ** 2
    for t in w[:-1]:
        total += (t - 1) ** 2 * (1 + 10 * m.sin(m.pi * t + 1) ** 2)
    return total + (w[-1] - 1) ** 2 * (1 + m.sin(2 * m.pi * w[-1]) ** 2)


def rosenbrock(m, x: Vector):
    total = 0
    for i in range(len(x) - 1):
        total += 100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2
    return total


def ackley(m, x: Vector):
    n = len(x)
    squares = sum(t * t for t in x)
    cosines = sum(m.cos(2 * m.pi * t) for t in x)
    return -20 * m.exp(-m.sqrt(squares / n) / 5) - m.exp(cosines / n) + 20 + m.exp(1)


def griewank(m, x: Vector):
    total, product = 0, 1
    for i, t in enumerate(x, start=1):
        total += t * t / 4000
        product *= m.cos(t / m.sqrt(i))
    return total - product + 1


def himmelblau(m, x: Vector):
    u, v = x
    return (u * u + v - 11) ** 2 + (u + v * v - 7) ** 2


def six_hump_camel(m, x: Vector):
    u, v = x
    return 4 * u**2 - m.fdiv(21, 10) * u**4 + u**6 / 3 + u * v - 4 * v**2 + 4 * v**4


def branin(m, x: Vector):
    u, v = x
    b, c, t = m.fdiv(51, 10) / (4 * m.pi**2), 5 / m.pi, 1 / (8 * m.pi)
    return (v - b * u * u + c * u - 6) ** 2 + 10 * (1 - t) * m.cos(u) + 10


def goldstein_price(m, x: Vector):
    u, v = x
    left = 1 + (u + v + 1) ** 2 * (19 - 14 * u + 3 * u**2 - 14 * v + 6 * u * v + 3 * v**2)
    right = 30 + (2 * u - 3 * v) ** 2 * (18 - 32 * u + 12 * u**2 + 48 * v - 36 * u * v + 27 * v**2)
    return left * right


def beale(m, x: Vector):
    u, v = x
    total = 0
    for k, y in ((1, m.fdiv(3, 2)), (2, m.fdiv(9, 4)), (3, m.fdiv(21, 8))):
        total += (y - u * (1 - v**k)) ** 2
    return total


def mccormick(m, x: Vector):
    u, v = x
    return m.sin(u + v) + (u - v) ** 2 - 3 * u / 2 + 5 * v / 2 + 1


def shubert(m, x: Vector):
    product = 1
    for t in x:
        product *= sum(i * m.cos((i + 1) * t + i) for i in range(1, 6))
    return product


def five_uneven_peak_trap(m, x: Vector):
    t = x[0]
    ends = [(0, 200), (m.fdiv(5, 2), 0), (5, 160), (m.fdiv(15, 2), 0), (m.fdiv(25, 2), 140), (m.fdiv(35, 2), 0)]
    ends += [(m.fdiv(45, 2), 160), (m.fdiv(55, 2), 0), (30, 200)]
    ends = [(m.fdiv(-5, 2), 0), *ends, (m.fdiv(65, 2), 0)]
    for (left, low), (right, high) in pairwise(ends):
        if left <= t <= right:
            return -(low + (high - low) * (t - left) / (right - left))
    return 0


def equal_maxima(m, x: Vector):
    return -(m.sin(5 * m.pi * x[0]) ** 6)


def uneven_decreasing_maxima(m, x: Vector):
    t = x[0]
    hull = m.exp(-2 * m.log(2) * ((t - m.fdiv(8, 100)) / m.fdiv(854, 1000)) ** 2)
    return -hull * m.sin(5 * m.pi * (m.sqrt(m.sqrt(t)) ** 3 - m.fdiv(5, 100))) ** 6


def vincent(m, x: Vector):
    total = 0
    for t in x:
        total -= m.sin(10 * m.log(t))
    return total / len(x)


def modified_rastrigin(m, x: Vector):
    total = 0
    for k, t in zip((3, 4), x, strict=True):
        total += 10 + 9 * m.cos(2 * m.pi * k * t)
    return total


def mueller_brown(m, x: Vector):
    u, v = x
    total = 0
    for height, a, b, c, p, q in (
        (-200, -10, 0, -100, 10, 0),
        (-100, -10, 0, -100, 0, 5),
        (-170, -65, 110, -65, -5, 15),
        (15, 7, 6, 7, -10, 10),
    ):
        r, s = u - m.fdiv(p, 10), v - m.fdiv(q, 10)
        total += height * m.exp((a * r * r + b * r * s + c * s * s) / 10)
    return total


def _hartmann(m, x: Vector, heights, widths, centres):
    total = 0
    for height, row, centre in zip(heights, widths, centres, strict=True):
        exponent = 0
        for j, t in enumerate(x):
            exponent += m.fdiv(row[j], 100) * (t - m.fdiv(centre[j], 10000)) ** 2
        total -= m.fdiv(height, 10) * m.exp(-exponent)
    return total


def hartmann3(m, x: Vector):
    widths = ((300, 1000, 3000), (10, 1000, 3500), (300, 1000, 3000), (10, 1000, 3500))
    centres = ((3689, 1170, 2673), (4699, 4387, 7470), (1091, 8732, 5547), (381, 5743, 8828))
    return _hartmann(m, x, (10, 12, 30, 32), widths, centres)


def hartmann6(m, x: Vector):
    widths = (
        (1000, 300, 1700, 350, 170, 800),
        (5, 1000, 1700, 10, 800, 1400),
        (300, 350, 170, 1000, 1700, 800),
        (1700, 800, 5, 1000, 10, 1400),
    )
    centres = (
        (1312, 1696, 5569, 124, 8283, 5886),
        (2329, 4135, 8307, 3736, 1004, 9991),
        (2348, 1451, 3522, 2883, 3047, 6650),
        (4047, 8828, 8732, 5743, 1091, 381),
    )
    return _hartmann(m, x, (10, 12, 30, 32), widths, centres)


_FOXHOLES = (  # ten times the centre, ten times the constant
    (40, 40, 40, 40, 1),
    (10, 10, 10, 10, 2),
    (80, 80, 80, 80, 2),
    (60, 60, 60, 60, 4),
    (30, 70, 30, 70, 4),
    (20, 90, 20, 90, 6),
    (50, 50, 30, 30, 3),
    (80, 10, 80, 10, 7),
    (60, 20, 60, 20, 5),
    (70, 36, 70, 36, 5),
)


def _shekel(m, x: Vector, holes: int):
    total = 0
    for row in _FOXHOLES[:holes]:
        distance = m.fdiv(row[4], 10)
        for j in range(4):
            distance += (x[j] - m.fdiv(row[j], 10)) ** 2
        total -= 1 / distance
    return total


def shekel5(m, x: Vector):
    return _shekel(m, x, 5)


def shekel7(m, x: Vector):
    return _shekel(m, x, 7)


def shekel10(m, x: Vector):
    return _shekel(m, x, 10)


shekel = shekel10


def _pair_sum(m, x: Vector, pair):
    total = 0
    for i in range(0, len(x), 3):
        for j in range(0, i, 3):
            total += pair(sum((x[i + k] - x[j + k]) * (x[i + k] - x[j + k]) for k in range(3)))
    return total


def lennard_jones(m, x: Vector):
    return _pair_sum(m, x, lambda r2: 4 / (r2 * r2 * r2 * r2 * r2 * r2) - 4 / (r2 * r2 * r2))


def morse(m, x: Vector):
    return _pair_sum(m, x, lambda r2: m.exp(12 - 12 * m.sqrt(r2)) - 2 * m.exp(6 - 6 * m.sqrt(r2)))


def thomson(m, x: Vector):
    on_sphere = []
    for i in range(0, len(x), 3):
        radius = m.sqrt(x[i] * x[i] + x[i + 1] * x[i + 1] + x[i + 2] * x[i + 2])
        on_sphere += [x[i] / radius, x[i + 1] / radius, x[i + 2] / radius]
    return _pair_sum(m, on_sphere, lambda r2: 1 / m.sqrt(r2))


def xor_network(m, x: Vector):
    total = 0
    for a, b, target in ((-1, -1, -1), (-1, 1, 1), (1, -1, 1), (1, 1, -1)):
        output = x[-1]
        for k in range(0, len(x) - 1, 4):
            up = m.exp(2 * (a * x[k] + b * x[k + 1] + x[k + 2]))
            output += x[k + 3] * (up - 1) / (up + 1)
        total += (output - target) * (output - target)
    for t in x:
        total += m.fdiv(3, 100) * t * t
    return total


def xy_ring(m, x: Vector):
    return -sum(m.cos(x[i] - x[i - 1]) for i in range(len(x)))


def exact(name: str, x: Vector) -> float:
    """The value of a reference, computed with 40 digits."""
    return float(globals()[name](MP, [MP.mpf(t) for t in x]))


def derivatives(name: str, point: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Value, gradient and Hessian of the reference at a point, by central differences with 40 digits."""
    fun, x, d, h = globals()[name], [MP.mpf(float(t)) for t in point], len(point), MP_STEP

    def at(*moves: tuple[int, int]):
        y = list(x)
        for i, sign in moves:
            y[i] += sign * h
        return fun(MP, y)

    value, gradient, hessian = at(), np.zeros(d), np.zeros((d, d))
    for i in range(d):
        up, down = at((i, 1)), at((i, -1))
        gradient[i], hessian[i, i] = float((up - down) / (2 * h)), float((up - 2 * value + down) / h**2)
        for j in range(i):
            cross = at((i, 1), (j, 1)) - at((i, 1), (j, -1)) - at((i, -1), (j, 1)) + at((i, -1), (j, -1))
            hessian[i, j] = hessian[j, i] = float(cross / (4 * h * h))
    return float(value), gradient, hessian
