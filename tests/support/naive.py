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


def fire(
    gradient, x, widths, maxiter, time_step, cap=0.01, delay=20, growth=1.1, shrink=0.5, mixing=0.25, mixing_decay=0.9
):
    """Return x after ``maxiter`` updates of FIRE 2.0 (semi-implicit Euler), as its pseudocode has it, and a cap."""
    interval, blend, downhill, v = time_step, mixing, 0, np.zeros(len(x))
    for k in range(maxiter):
        force, step = -gradient(x), 0.0
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
            step = -0.5 * interval * v
            v = np.zeros(len(x))
        v = v + interval * force
        v = (1.0 - blend) * v + blend * force * np.linalg.norm(v) / np.linalg.norm(force)
        step = step + interval * v
        x = x + step * min(1.0, cap / np.linalg.norm(step / widths))
    return x


def line_search(fun, gradient, x, direction, step, longest, c1=1e-4, c2=0.9):
    """Return (step, evaluations): strong Wolfe conditions, or the longest step where the function still falls."""
    f, slope0 = fun(x), gradient(x) @ direction
    low, high, low_slope, high_slope, evaluations = 0.0, None, slope0, None, 0
    while True:
        trial = x + step * direction
        evaluations += 1
        value, slope = fun(trial), gradient(trial) @ direction
        fine = value <= f + c1 * step * slope0
        if fine and (abs(slope) <= c2 * abs(slope0) or (step >= 0.999 * longest and slope < 0)):
            return step, evaluations
        before = low, low_slope
        if not fine or slope > 0:
            high, high_slope = step, slope
        else:
            low, low_slope = step, slope
        if high is not None:
            share = low_slope / (low_slope - high_slope) if high_slope > 0 else 0.25
            step = low + (high - low) * min(0.9, max(0.1, share))
        else:
            growth = min(9.0, max(0.1, slope / (before[1] - slope))) if before[1] < slope else 9.0
            step = min(longest, step + growth * (step - before[0]))


def along_directions(kind, fun, gradient, x, width, gtol, cap=0.01, c2=0.9, memory=5, units=1.0):
    """Return (x, updates, evaluations) of nonlinear CG, BFGS or L-BFGS in a cubic box, the latter from all pairs.

    ``units`` of the coordinates: the norm that ``gtol`` is held against is that of the gradient in others' units.
    """
    g, evaluations, updates, pairs = gradient(x), 1, 0, []
    step, slope, curved = 0.0, 0.0, False
    metric, direction = None, -(width**2) * g
    while np.linalg.norm(g / units) > gtol:
        if g @ direction >= 0:
            direction = -(width**2) * g
        longest = cap / (np.linalg.norm(direction) / width)
        if updates == 0:
            trial = 0.1 * longest
        elif kind == "cg":
            trial = min(longest, step * slope / (g @ direction))
        else:
            trial = min(1.0, longest) if curved else longest
        slope = g @ direction
        step, more = line_search(fun, gradient, x, direction, trial, longest, c2=c2)
        evaluations, updates = evaluations + more, updates + 1
        s = step * direction
        y = gradient(x + s) - g
        x, last, g = x + s, g, g + y
        curved = s @ y > 64 * np.finfo(float).eps * np.linalg.norm(s) * np.linalg.norm(y)
        if kind == "cg":
            fresh = abs(g @ last) >= 0.2 * (g @ g)
            direction = -(width**2) * g + (0.0 if fresh else max(0.0, g @ y / (last @ last))) * direction
            continue
        if not curved:
            metric, pairs, direction = None, [], -(width**2) * g
            continue
        identity = np.eye(len(x))
        if kind == "bfgs":
            metric = (s @ y) / (y @ y) * identity if metric is None else metric
            left = identity - np.outer(s, y) / (s @ y)
            metric = left @ metric @ left.T + np.outer(s, s) / (s @ y)
        else:
            pairs = [*pairs, (s, y)][-memory:]
            metric = (s @ y) / (y @ y) * identity
            for s, y in pairs:
                left = identity - np.outer(s, y) / (s @ y)
                metric = left @ metric @ left.T + np.outer(s, s) / (s @ y)
        direction = -metric @ g
    return x, updates, evaluations


def least_of_model(gradient, hessian, radius):
    """Return the minimum of g'p + p'Hp / 2 over ||p|| <= radius, from the eigenvalues of H by bisection."""
    values, vectors = np.linalg.eigh(hessian)
    parts = vectors.T @ gradient
    low, high = max(0.0, -values[0]), max(0.0, -values[0]) + np.linalg.norm(gradient) / radius
    if values[0] <= 0 or np.linalg.norm(parts / values) > radius:
        for _ in range(200):
            middle = (low + high) / 2
            low, high = (middle, high) if np.linalg.norm(parts / (values + middle)) > radius else (low, middle)
    else:
        high = 0.0
    p = -parts / (values + high)
    return parts @ p + 0.5 * values @ p**2


def rodas3(gradient, hessian, x, width, updates, rtol, atol):
    """Return x after so many time steps of RODAS3 for dx/dt = -g in a cubic box, steps as in ``gradient_flow``."""
    h, identity, made = 0.001 / (np.linalg.norm(gradient(x)) / width), np.eye(len(x)), 0
    while made < updates:
        g, system = gradient(x), 2.0 / h * identity + hessian(x)
        k1 = np.linalg.solve(system, -g)
        k2 = np.linalg.solve(system, -g + 4.0 / h * k1)
        k3 = np.linalg.solve(system, -gradient(x + 2.0 * k1) + (k1 - k2) / h)
        k4 = np.linalg.solve(system, -gradient(x + 2.0 * k1 + k3) + (k1 - k2 - 8.0 / 3.0 * k3) / h)
        new = x + 2.0 * k1 + k3 + k4
        error = np.linalg.norm(k4 / (atol * width + rtol * np.maximum(abs(x), abs(new))))
        if np.linalg.eigvalsh(system)[0] < 0 or not error <= 1.0:
            h *= max(0.2, 0.9 * error ** (-1 / 3)) if np.linalg.eigvalsh(system)[0] > 0 else 0.2
            continue
        x, h, made = new, h * min(5.0, max(0.2, 0.9 * error ** (-1 / 3))), made + 1
    return x


def bogacki_shampine(gradient, x, width, updates, rtol, atol):
    """Return x after so many time steps of Bogacki and Shampine's pair, steps as in ``gradient_flow_explicit``."""
    h, made = 0.001 / (np.linalg.norm(gradient(x)) / width), 0
    while made < updates:
        k1 = gradient(x)
        k2 = gradient(x - 0.5 * h * k1)
        k3 = gradient(x - 0.75 * h * k2)
        new = x - h * (2.0 * k1 + 3.0 * k2 + 4.0 * k3) / 9.0
        k4 = gradient(new)
        estimate = h * (5.0 / 72.0 * k1 - k2 / 12.0 - k3 / 9.0 + k4 / 8.0)
        error = np.linalg.norm(estimate / (atol * width + rtol * np.maximum(abs(x), abs(new))))
        factor = min(5.0, max(0.2, 0.9 * error ** (-1 / 3)))
        if error <= 1.0:
            x, made = new, made + 1
        h = min(factor * h, 0.75 * h * np.linalg.norm(k1) / np.linalg.norm(k2 - k1))
    return x


def adan(gradient, x, updates, rate, epsilon, decay, betas=(0.98, 0.92, 0.99)):
    """Adan as in Algorithm 1 of Xie et al. (2022), betas as in Adam, averages that begin at 0 and are corrected."""
    x, last, averages = np.array(x, float), None, np.zeros((3, len(x)))
    for t in range(1, updates + 1):
        g = gradient(x)
        change = np.zeros_like(g) if last is None else g - last
        for average, beta, new in zip(averages, betas, (g, change, (g + betas[1] * change) ** 2), strict=True):
            average[:] = beta * average + (1.0 - beta) * new
        m, v, n = (average / (1.0 - beta**t) for average, beta in zip(averages, betas, strict=True))
        x = (x - rate / (np.sqrt(n) + epsilon) * (m + betas[1] * v)) / (1.0 + rate * decay)
        last = g
    return x


def levenberg_marquardt(residuals, jacobian, x, widths, updates, damping, cap):
    """Madsen, Nielsen and Tingleff 2004, Algorithm 3.16, with Moré's scaling; the point after some updates.

    Steps longer than the cap, in box widths, are shortened; a rejected one halves the cap.
    """
    x = np.array(x, dtype=float)
    mu, growth, tried, largest = damping, 2.0, 1, np.zeros(len(x))
    r, jac = residuals(x), jacobian(x)
    while updates > 0:
        largest = np.maximum(largest, np.sum(jac**2, axis=0))
        step = -np.linalg.solve(jac.T @ jac + mu * np.diag(largest), jac.T @ r)
        step = step * min(1.0, 2.0 / growth * cap / np.linalg.norm(step / widths))
        after, model = residuals(x + step), r + jac @ step
        tried += 1
        ratio = (r @ r - after @ after) / (r @ r - model @ model)
        if ratio > 0.0:
            x, r, updates = x + step, after, updates - 1
            jac = jacobian(x)
            mu, growth = mu * max(1.0 / 3.0, 1.0 - (2.0 * ratio - 1.0) ** 3), 2.0
        else:
            mu, growth = mu * growth, 2.0 * growth
    return x, tried
