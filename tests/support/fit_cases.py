"""Models with data for tests of fits: as users write them, with limits, and the options that lmfit has as well."""

import numpy as np

RNG = np.random.default_rng(2026)
T = np.linspace(0.0, 4.0, 60)
DOSE = np.array([0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0])
X = np.linspace(-5.0, 5.0, 120)
SPREAD = 0.02 * RNG.uniform(0.5, 2.0, 60)


def decay(x, a, k, c):
    return a * np.exp(-k * x) + c


def double(x, a, k, b, q):
    return a * np.exp(-k * x) + b * np.exp(-q * x)


def peaks(x, h1, m1, w1, h2, m2, w2, c):
    return h1 * np.exp(-(((x - m1) / w1) ** 2)) + h2 * np.exp(-(((x - m2) / w2) ** 2)) + c


def hill(x, top, n, half):
    return top * x**n / (half**n + x**n)


def logistic(x, bottom, top, middle, slope):
    return bottom + (top - bottom) / (1.0 + (x / middle) ** slope)


def wave(x, a, w, p):
    return a * np.sin(w * x + p)


def noisy(values, size):
    return values + size * RNG.normal(size=len(values))


# name: model, x, y, limits, sigma, fixed values and formulas
CASES = {
    "decay": (decay, T, noisy(decay(T, 2.0, 0.7, 0.3), 0.02), {"a": (0, 5), "k": (0, 3), "c": (-1, 1)}, None, {}),
    "decay with errors": (
        *(decay, T, noisy(decay(T, 2.0, 0.7, 0.3), SPREAD), {"a": (0, 5), "k": (0, 3), "c": (-1, 1)}, SPREAD, {}),
    ),
    "decay with a formula": (
        *(decay, T, noisy(decay(T, 2.0, 0.7, 0.2), 0.02), {"a": (0, 5), "k": (0, 3)}, None, {"c": "0.1*a"}),
    ),
    "decay with a fixed value": (
        *(decay, T, noisy(decay(T, 2.0, 0.7, 0.3), 0.02), {"a": (0, 5), "k": (0, 3)}, None, {"c": 0.3}),
    ),
    "two exponentials": (
        *(double, T, noisy(double(T, 1.0, 0.3, 3.0, 2.0), 0.002)),
        *({"a": (0, 2), "k": (0.01, 1), "b": (0, 5), "q": (1, 10)}, None, {}),
    ),
    "two peaks": (
        *(peaks, X, noisy(peaks(X, 2.0, -1.0, 0.8, 1.0, 1.5, 1.1, 0.2), 0.02)),
        {"h1": (0, 5), "m1": (-5, 0), "w1": (0.2, 4), "h2": (0, 5), "m2": (0, 5), "w2": (0.2, 4), "c": (-1, 1)},
        *(None, {}),
    ),
    "Hill": (
        *(hill, DOSE, noisy(hill(DOSE, 3.0, 1.6, 7.0), 0.02), {"top": (0, 9), "n": (0.2, 5), "half": (0.1, 100)}),
        *(None, {}),
    ),
    "four-parameter logistic": (
        *(logistic, DOSE, noisy(logistic(DOSE, 4.0, 0.5, 9.0, 1.3), 0.02)),
        *({"bottom": (2, 6), "top": (-1, 2), "middle": (0.1, 100), "slope": (0.2, 5)}, None, {}),
    ),
    "wave": (
        *(wave, 5.0 * T, noisy(wave(5.0 * T, 1.3, 2.4, 0.5), 0.1), {"a": (0.1, 3), "w": (0.5, 6), "p": (-3, 3)}),
        *(None, {}),
    ),
}


def given(name, make):
    """The parameters of a case for batchgd: limits, fixed values by ``make``, and formulas."""
    _, _, _, limits, _, others = CASES[name]
    return limits | {key: each if isinstance(each, str) else make(each) for key, each in others.items()}
