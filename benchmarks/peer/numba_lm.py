"""Levenberg-Marquardt for a rotated Gaussian on pixels, one fit after the other, in scalar code compiled by Numba.

What a careful user writes by hand: derivatives by hand, one exponential a pixel, J'J and J'r in the loop over pixels
without an array of residuals, Cholesky's method on the stack, Nielsen's damping, steps of the same kind as batchgd's.
"""

from __future__ import annotations

import numpy as np
from numba import njit

P = 7
"""Amplitude, centre x and y, widths x and y, angle, background."""


@njit(error_model="numpy", fastmath={"contract", "arcp", "nsz"})
def sums(p, xs, ys, data, gradient, matrix):
    """Return half the sum of squares; fill J'r and the lower triangle of J'J."""
    amplitude, x0, y0, wide, high, angle, background = p
    c, s = np.cos(angle), np.sin(angle)
    u2, v2 = 1.0 / (wide * wide), 1.0 / (high * high)
    gradient[:], matrix[:, :], total = 0.0, 0.0, 0.0
    slopes = np.empty(P)
    slopes[6] = 1.0
    for k in range(len(data)):
        dx, dy = xs[k] - x0, ys[k] - y0
        u, v = c * dx + s * dy, c * dy - s * dx
        shape = np.exp(-0.5 * (u * u * u2 + v * v * v2))
        value = amplitude * shape
        r = value + background - data[k]
        slopes[0] = shape
        slopes[1] = value * (u * c * u2 - v * s * v2)
        slopes[2] = value * (u * s * u2 + v * c * v2)
        slopes[3] = value * u * u * u2 / wide
        slopes[4] = value * v * v * v2 / high
        slopes[5] = value * u * v * (v2 - u2)
        total += r * r
        for i in range(P):
            gradient[i] += r * slopes[i]
            for j in range(i + 1):
                matrix[i, j] += slopes[i] * slopes[j]
    return 0.5 * total


@njit(error_model="numpy", fastmath={"contract", "arcp", "nsz"})
def solve(matrix, damping, gradient, lower, step):
    """Solve (J'J + μ D) p = -J'r; return whether the matrix is positive definite."""
    for i in range(P):
        for j in range(i + 1):
            total = matrix[i, j]
            if i == j:
                total *= 1.0 + damping
            for k in range(j):
                total -= lower[i, k] * lower[j, k]
            if i == j:
                if not total > 0.0:
                    return False
                lower[i, i] = np.sqrt(total)
            else:
                lower[i, j] = total / lower[j, j]
    for i in range(P):
        total = -gradient[i]
        for k in range(i):
            total -= lower[i, k] * step[k]
        step[i] = total / lower[i, i]
    for i in range(P - 1, -1, -1):
        total = step[i]
        for k in range(i + 1, P):
            total -= lower[k, i] * step[k]
        step[i] = total / lower[i, i]
    return True


@njit(error_model="numpy")
def fit(start, xs, ys, data, tolerance, most):
    """Fit one data set; return the parameters, half the sum of squares and the evaluations made."""
    p, trial, step = start.copy(), np.empty(P), np.empty(P)
    gradient, matrix, lower = np.empty(P), np.empty((P, P)), np.zeros((P, P))
    new_gradient, new_matrix = np.empty(P), np.empty((P, P))
    f = sums(p, xs, ys, data, gradient, matrix)
    damping, growth, evaluations = 0.1, 2.0, 1
    while evaluations < most:
        if not solve(matrix, damping, gradient, lower, step):
            damping, growth = damping * growth, 2.0 * growth
            continue
        promised, largest = 0.0, 0.0
        for i in range(P):
            trial[i] = p[i] + step[i]
            promised += 0.5 * step[i] * (damping * matrix[i, i] * step[i] - gradient[i])
            largest = max(largest, abs(step[i]) / (abs(p[i]) + 1e-3))
        if largest < tolerance:
            break
        f_new = sums(trial, xs, ys, data, new_gradient, new_matrix)
        evaluations += 1
        if f_new < f:
            ratio = (f - f_new) / promised
            damping, growth = damping * max(1.0 / 3.0, 1.0 - (2.0 * ratio - 1.0) ** 3), 2.0
            p[:], gradient[:], matrix[:, :], f = trial, new_gradient, new_matrix, f_new
        else:
            damping, growth = damping * growth, 2.0 * growth
            if damping > 1e16:
                break
    return p, f, evaluations


@njit(error_model="numpy")
def fit_all(starts, xs, ys, data, tolerance, most):
    """Fit the rows of data one after the other."""
    found, costs, evaluations = np.empty_like(starts), np.empty(len(data)), np.empty(len(data), np.int64)
    for k in range(len(data)):
        found[k], costs[k], evaluations[k] = fit(starts[k], xs, ys, data[k], tolerance, most)
    return found, costs, evaluations
