"""Plain references, one trajectory at a time, written from the published formulas and from nothing of batchgd."""

import numpy as np


def gradient_descent(gradient, x, learning_rate, gtol, maxiter):
    """Return (x, updates) of constant-step gradient descent."""
    for k in range(maxiter):
        g = gradient(x)
        if np.linalg.norm(g) <= gtol:
            return x, k
        x = x - learning_rate * g
    return x, maxiter


def armijo(fun, gradient, x, learning_rate, gtol, maxiter, c=1e-4, shrink=0.5):
    """Return (x, updates, evaluations) of gradient descent with Armijo backtracking from ``learning_rate``."""
    f, g, evaluations = fun(x), gradient(x), 1
    for k in range(maxiter):
        if np.linalg.norm(g) <= gtol:
            return x, k, evaluations
        step = learning_rate
        while True:
            trial = x - step * g
            evaluations += 1
            if fun(trial) <= f - c * step * (g @ g):
                break
            step *= shrink
        x, f, g = trial, fun(trial), gradient(trial)
    return x, maxiter, evaluations


def barzilai_borwein(fun, gradient, x, widths, gtol, maxiter, cap=0.01, c=1e-4, forgetting=0.85):
    """Return (x, updates, evaluations): Barzilai-Borwein trial steps under a Zhang-Hager nonmonotone Armijo test."""
    f, g, evaluations = fun(x), gradient(x), 1
    average, weight = f, 1.0
    step = 0.1 * cap / np.linalg.norm(g / widths)
    for k in range(maxiter):
        if np.linalg.norm(g) <= gtol:
            return x, k, evaluations
        while True:
            trial = x - step * g
            evaluations += 1
            value, promised = fun(trial), step * (g @ g)
            if value <= average - c * promised:
                break
            step *= min(0.5, max(0.1, 0.5 * promised / (value - f + promised)))
        s, y = trial - x, gradient(trial) - g
        longest = cap / np.linalg.norm((g + y) / widths)
        if s @ y > 0:
            long, short = (s @ s) / (s @ y), (s @ y) / (y @ y)
            step = min(short if short < 0.5 * long else long, longest)
        else:
            step = longest
        x, g, f = trial, g + y, value
        weight, average = forgetting * weight + 1.0, (forgetting * weight * average + f) / (forgetting * weight + 1.0)
    return x, maxiter, evaluations
