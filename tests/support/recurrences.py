"""Functions with recurrences, written with ``bgd.scan`` or with a loop of the same meaning."""

import numpy as np

import batchgd as bgd

RNG = np.random.default_rng(17)
RETURNS = RNG.standard_normal(60) * np.exp(0.3 * np.sin(np.arange(60.0)))
SYMBOLS = RNG.integers(0, 3, 50)
TIMES = np.linspace(0.0, 4.0, 41)
PREY = 1.0 + 0.5 * np.sin(TIMES)


def garch(x, scan=bgd.scan):
    """Variances v' = omega + alpha r^2 + beta v."""

    def step(v, r):
        v = x[0] + x[1] * r**2 + x[2] * v
        return v, v

    before = np.concatenate([[1.0], scan(step, 1.0, RETURNS[:-1])[1]])
    return 0.5 * np.sum(np.log(before) + RETURNS**2 / before)


def hidden_markov(x, scan=bgd.scan):
    """Two states with staying probabilities, three symbols; the forward pass, scaled."""
    stay = np.array([[x[0], 1 - x[0]], [1 - x[1], x[1]]])
    emission = np.array([[x[2], 0.2], [x[3], 0.5], [1 - x[2] - x[3], 0.3]])

    def step(p, symbol):
        p = (p @ stay) * emission[symbol]
        total = p[0] + p[1]
        return p / total, np.log(total)

    return -np.sum(scan(step, np.array([0.5, 0.5]), SYMBOLS)[1])


def lotka_volterra(x, scan=bgd.scan):
    """Fixed steps of Runge and Kutta; only every second prey is compared."""

    def slope(y):
        return np.array([x[0] * y[0] - x[1] * y[0] * y[1], x[2] * y[0] * y[1] - x[3] * y[1]])

    def step(y, h):
        k1 = slope(y)
        k2 = slope(y + 0.5 * h * k1)
        k3 = slope(y + 0.5 * h * k2)
        k4 = slope(y + h * k3)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        return y, y[0]

    prey = scan(step, np.array([1.0, x[4]]), np.diff(TIMES))[1]
    return np.sum((prey[1::2] - PREY[2::2]) ** 2)


def autoregressive(x, scan=bgd.scan):
    """The deviance of an AR(1) process, and what it ends with."""

    def step(last, now):
        return now - x[0] * (last - now), ((now - x[0] * last) / x[1]) ** 2

    last, squares = scan(step, x[2], RETURNS)
    return np.sum(squares) + len(RETURNS) * np.log(x[1] ** 2) + last**2


def backwards(x, scan=bgd.scan):
    """In reverse, with a carry of several parts, rows of several parts, and rows computed from x."""

    def step(carry, row):
        (a, b), total = carry["pair"], carry["total"]
        a, b = 0.5 * a + row["t"] * x[0] * b, np.sin(b) + row["wave"]
        return {"pair": [a, b], "total": total + a * b}, (a, None, [b * row["t"]])

    rows = {"t": TIMES, "wave": np.cos(x[1] * TIMES)}
    carry, (a, _, (b,)) = scan(step, {"pair": [x[0], 0.3], "total": 0.0}, rows, reverse=True)
    return carry["total"] + np.sum(a[::-1] * TIMES + b[1:].sum() * 0.01) + a[3] * b[-1]


def without_rows(x, scan=bgd.scan):
    """The logistic map, with a carry that stays what it is."""

    def step(carry, row):
        assert row is None
        y, rate = carry
        return (rate * y * (1 - y), rate), y

    (y, _), all_of_them = scan(step, (x[0], 2.0 + x[1]), length=40)
    return y + np.mean(all_of_them[[0, 3, 3, 7]]) + np.sum(np.outer(all_of_them[:34], all_of_them[6:]) ** 2)


def many_coordinates(x, scan=bgd.scan):
    """Rows that are coordinates themselves: a control of 40 steps."""

    def step(state, push):
        place, speed = state
        speed = 0.9 * speed + 0.1 * push - 0.05 * np.sin(place)
        return (place + 0.1 * speed, speed), place

    (place, speed), places = scan(step, (1.0, 0.0), x)
    return place**2 + speed**2 + 0.01 * np.sum(x**2) + 0.1 * np.sum(places**2)


def running(x, scan=bgd.scan):
    """Running sums and products along rows, and of rows of rows."""
    wave = np.cos(x[0] * TIMES) + 1.5
    table = np.cumsum(np.cumsum(np.outer(wave, np.sin(x[1] * TIMES)), axis=0), axis=1)
    if scan is not bgd.scan:  # the same by loops
        sums, products = np.zeros(41, complex), np.zeros(41, complex)
        total, product = 0.0, 1.0
        for k in range(41):
            total, product = total + wave[k], product * (0.8 * wave[k])
            sums[k], products[k] = total, product
        return np.sum(sums**2) * 1e-3 + np.sum(products) + np.mean(table**2)
    return np.sum(np.cumsum(wave) ** 2) * 1e-3 + np.sum(np.cumprod(0.8 * wave)) + np.mean(table**2)


def branches(x, scan=bgd.scan):
    """A step that decides by its carry and by its row."""

    def step(c, r):
        if c.real > x[0].real * r:
            return c * 0.5, c
        if r > 20:
            return c + x[1], c**2
        return c + 1, r

    return np.sum(scan(step, 0.0, TIMES * 10)[1])


def sum_in_a_step(x, scan=bgd.scan):
    """A step that sums over an array of another length."""
    grid = np.linspace(0.0, 1.0, 50)

    def step(c, r):
        c = np.sum(np.exp(-x[0] * grid * c) * grid) * 0.02 + 0.1 * r * x[1]
        return c, c

    return np.sum(scan(step, 1.0, TIMES)[1])


def many_carries(x, scan=bgd.scan):
    """Heat on a ring of 36 cells, with a source of 36 numbers in each row."""
    sources = np.outer(np.cos(TIMES), np.linspace(0.0, 1.0, 36))

    def step(c, source):
        c = c + x[0] * (np.roll(c, 1) - 2 * c + np.roll(c, -1)) + 0.1 * x[1] * source
        return c, c[5] * c[0]

    last, products = scan(step, np.sin(np.arange(36.0)), sources)
    return np.sum(products) + np.sum(last**2)


def whole_numbers(x, scan=bgd.scan):
    """Rows that index coordinates."""

    def step(c, k):
        return 0.9 * c + x[k], c**2

    return np.sum(scan(step, 0.0, np.arange(99) * 7 % 33)[1])


def constant_carry(x, scan=bgd.scan):
    """What does not depend on the carry before."""
    last, outputs = scan(lambda c, r: (x[0], c), x[1] ** 2, TIMES)
    return np.sum(outputs) * last


def chained(x, scan=bgd.scan):
    """A recurrence over what another one has put out, and a plain loop within a step."""

    def inner(c, r):
        for _ in range(2):
            c, _ = scan(lambda d, k: (0.5 * d + k * x[0], None), c, np.arange(2.0))
        return 0.8 * c + x[0] * np.cos(r), c

    outputs = scan(inner, x[1], TIMES)[1]
    apart = outputs - np.mean(outputs)
    last, products = scan(
        lambda c, r: (np.tanh(c + r), c * r), outputs[7], apart / np.sqrt(np.mean(apart**2)), reverse=True
    )
    return np.log(np.sum(np.exp(products))) + last


CASES = {
    garch: [0.2, 0.15, 0.7],
    hidden_markov: [0.8, 0.7, 0.3, 0.25],
    lotka_volterra: [1.1, 0.6, 0.4, 0.9, 0.8],
    autoregressive: [0.5, 0.8, 0.2],
    backwards: [0.4, 0.7],
    without_rows: [0.3, 0.6],
    many_coordinates: [*np.linspace(-1, 1, 40)],
    running: [0.6, 1.1],
    branches: [0.3, 0.7],
    sum_in_a_step: [0.3, 0.8],
    many_carries: [0.2, 0.7],
    whole_numbers: [*np.linspace(-1, 1, 33)],
    constant_carry: [0.3, 0.7],
    chained: [0.3, 0.7],
}


def by_loop(step, initial, rows=None, length=None, reverse=False):
    """What ``bgd.scan`` says that it does, in so many words."""

    def row(tree, k):
        if isinstance(tree, dict):
            return {key: row(each, k) for key, each in tree.items()}
        return None if tree is None else tree[k]

    n = length if rows is None else len(rows["t"]) if isinstance(rows, dict) else len(rows)
    outputs = []
    for k in reversed(range(n)) if reverse else range(n):
        initial, output = step(initial, row(rows, k))
        outputs.append(output)
    outputs = outputs[::-1] if reverse else outputs
    if isinstance(outputs[0], tuple):
        a, _, b = zip(*outputs, strict=True)
        return initial, (np.array(a), None, [np.array([each[0] for each in b])])
    return initial, np.array(outputs)
