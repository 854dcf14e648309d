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


def rprop(gradient, x, maxiter, step=0.1, growth=1.2, shrink=0.5, shortest=0.0, longest=50.0):
    """Return x after ``maxiter`` updates of iRprop-: after a change of sign a coordinate rests once."""
    steps, previous = np.full(len(x), step), np.zeros(len(x))
    for k in range(maxiter):
        g = gradient(x)
        for i in range(len(x)):
            if k > 0 and previous[i] * g[i] > 0:
                steps[i] = min(steps[i] * growth, longest)
            elif k > 0 and previous[i] * g[i] < 0:
                steps[i] = max(steps[i] * shrink, shortest)
                g[i] = 0.0
        x, previous = x - steps * np.sign(g), g
    return x


def fire(gradient, x, maxiter, time_step, delay=20, growth=1.1, shrink=0.5, mixing=0.25, mixing_decay=0.99):
    """Return x after ``maxiter`` updates of FIRE 2.0 (semi-implicit Euler), as its pseudocode has it."""
    interval, blend, downhill, v = time_step, mixing, 0, np.zeros(len(x))
    for k in range(maxiter):
        force = -gradient(x)
        if force @ v > 0:
            downhill += 1
            if downhill > delay:
                interval = min(interval * growth, 10.0 * time_step)
                blend *= mixing_decay
        else:
            downhill = 0
            if k >= delay:
                if interval * shrink >= 0.02 * time_step:
                    interval *= shrink
                blend = mixing
            x = x - 0.5 * interval * v
            v = np.zeros(len(x))
        v = v + interval * force
        v = (1.0 - blend) * v + blend * force * np.linalg.norm(v) / np.linalg.norm(force)
        x = x + interval * v
    return x
