"""Functions with known minima and derivatives by hand, and the way from endpoints to minima, for other tests."""

from __future__ import annotations

import numpy as np

from batchgd import Box, Status
from batchgd.minima import Catalogue, find_minima


class Function:
    """Base: the Hessian by central differences of the gradient, unless a class knows better."""

    def value(self, x):
        return self.value_and_gradient(np.asarray(x, dtype=np.float64))[0]

    def hessian(self, x):
        n, d = x.shape
        out = np.empty((n, d, d))
        for k in range(d):
            h = 1e-5 * np.maximum(1.0, np.abs(x[:, k]))
            step = np.zeros_like(x)
            step[:, k] = h
            high, low = self.value_and_gradient(x + step)[1], self.value_and_gradient(x - step)[1]
            out[:, :, k] = (high - low) / (2 * h[:, None])
        return (out + out.transpose(0, 2, 1)) / 2


class Himmelblau(Function):
    minima = np.array(
        [(3, 2), (3.58442834033, -1.84812652696), (-3.77931025338, -3.28318599129), (-2.80511808695, 3.13131251825)]
    )
    saddle = (0.08667750456, 2.88425470117)
    maximum = (-0.27084459067, -0.92303855648)

    def value_and_gradient(self, x):
        a, b = x[:, 0] ** 2 + x[:, 1] - 11, x[:, 0] + x[:, 1] ** 2 - 7
        return a * a + b * b, np.stack([4 * a * x[:, 0] + 2 * b, 2 * a + 4 * b * x[:, 1]], 1)

    def hessian(self, x):
        a, b = x[:, 0] ** 2 + x[:, 1] - 11, x[:, 0] + x[:, 1] ** 2 - 7
        out = np.empty((len(x), 2, 2))
        out[:, 0, 0], out[:, 1, 1] = 8 * x[:, 0] ** 2 + 4 * a + 2, 8 * x[:, 1] ** 2 + 4 * b + 2
        out[:, 0, 1] = out[:, 1, 0] = 4 * (x[:, 0] + x[:, 1])
        return out


class Ring(Function):
    """(r^2 - 1)^2: every point of the unit circle is a minimum."""

    def value_and_gradient(self, x):
        t = (x * x).sum(axis=1) - 1
        return t * t, 4 * t[:, None] * x

    def hessian(self, x):
        t = (x * x).sum(axis=1) - 1
        return 4 * t[:, None, None] * np.eye(x.shape[1]) + 8 * x[:, :, None] * x[:, None, :]


class Power(Function):
    """Sum of (x_i - c)^p plus an offset."""

    def __init__(self, p, c=0.0, offset=0.0):
        self.p, self.c, self.offset = p, c, offset

    def value_and_gradient(self, x):
        y = x - self.c
        return (y**self.p).sum(axis=1) + self.offset, self.p * y ** (self.p - 1)

    def hessian(self, x):
        return (self.p * (self.p - 1) * (x - self.c) ** (self.p - 2))[:, :, None] * np.eye(x.shape[1])


class Quadratic(Function):
    """1/2 (x - c)^T A (x - c) + offset."""

    def __init__(self, a, c, offset=0.0):
        self.a, self.c, self.offset = np.asarray(a, float), np.asarray(c, float), offset

    def value_and_gradient(self, x):
        g = (x - self.c) @ self.a
        return 0.5 * ((x - self.c) * g).sum(axis=1) + self.offset, g

    def hessian(self, x):
        return np.broadcast_to(self.a, (len(x), *self.a.shape)).copy()


class Ackley(Function):
    def value_and_gradient(self, x):
        n = x.shape[1]
        r = np.sqrt((x * x).mean(axis=1))
        a, b = 20 * np.exp(-0.2 * r), np.exp(np.cos(2 * np.pi * x).mean(axis=1))
        g = (0.2 * a / r / n)[:, None] * x + (b / n)[:, None] * 2 * np.pi * np.sin(2 * np.pi * x)
        return 20 + np.e - a - b, g

    def hessian(self, x):
        n = x.shape[1]
        r = np.sqrt((x * x).mean(axis=1))[:, None, None]
        a = 20 * np.exp(-0.2 * r)
        b = np.exp(np.cos(2 * np.pi * x).mean(axis=1))[:, None, None]
        outer, eye, s = x[:, :, None] * x[:, None, :], np.eye(n), np.sin(2 * np.pi * x)
        radial = 0.2 * a / n * (eye / r - outer / (n * r**3) - 0.2 * outer / (n * r**2))
        wave = (2 * np.pi) ** 2 / n * b * (np.cos(2 * np.pi * x)[:, :, None] * eye - s[:, :, None] * s[:, None, :] / n)
        return radial + wave


class Michalewicz(Function):
    """Separable: -sum sin(x_i) sin(i x_i^2 / pi)^20; d! minima, and plateaus in between."""

    def parts(self, x):
        i = np.arange(1, x.shape[1] + 1)
        t, dt = i * x * x / np.pi, 2 * i * x / np.pi
        s, c = np.sin(t), np.cos(t)
        f = -np.sin(x) * s**20
        df = -np.cos(x) * s**20 - np.sin(x) * 20 * s**19 * c * dt
        curve = 380 * s**18 * c * c * dt * dt - 20 * s**20 * dt * dt + 20 * s**19 * c * 2 * i / np.pi
        ddf = np.sin(x) * s**20 - 2 * np.cos(x) * 20 * s**19 * c * dt - np.sin(x) * curve
        return f, df, ddf

    def value_and_gradient(self, x):
        f, df, _ = self.parts(x)
        return f.sum(axis=1), df

    def hessian(self, x):
        return self.parts(x)[2][:, :, None] * np.eye(x.shape[1])


class Affine:
    """factor * f((x - shift) / stretch): the same landscape in other units."""

    def __init__(self, base, factor=1.0, shift=0.0, stretch=1.0):
        self.base, self.factor, self.shift, self.stretch = base, factor, shift, stretch

    def inner(self, x):
        return (np.asarray(x) - self.shift) / self.stretch

    def value(self, x):
        return self.factor * self.base.value(self.inner(x))

    def value_and_gradient(self, x):
        f, g = self.base.value_and_gradient(self.inner(x))
        return self.factor * f, self.factor * g / self.stretch

    def hessian(self, x):
        scale = np.broadcast_to(self.stretch, x.shape[1:])
        return self.factor * self.base.hessian(self.inner(x)) / (scale * scale[:, None])


def descend(function, x, gtol=1e-6, steps=4000):
    """Plain gradient descent with backtracking, each row on its own, until the gradient norm is below gtol."""
    x = x.copy()
    rate = np.full(len(x), 1e-2)
    with np.errstate(all="ignore"):
        for _ in range(steps):
            f, g = function.value_and_gradient(x)
            go = ~(np.linalg.norm(g, axis=1) <= gtol)
            if not go.any():
                break
            trial = x - rate[:, None] * np.where(go[:, None], g, 0.0)
            good = function.value(trial) <= f
            x[good] = trial[good]
            rate = np.where(good, np.minimum(1.3 * rate, 1e3), 0.3 * rate)
        return x, function.value(x)


def find(function, box, x, status=Status.GRADIENT, noise=0.0, **options):
    """Catalogue the endpoints, find the minima, and check what holds for every run."""
    box = box if isinstance(box, Box) else Box(*np.transpose(box))
    x = np.asarray(x, dtype=np.float64)
    catalogue = Catalogue(box)
    with np.errstate(all="ignore"):
        fun = function.value(x)
    key = catalogue.add(0, x, fun, np.broadcast_to(int(status), len(x)))
    found = find_minima(catalogue, function, **options)
    label = found.labels(key)
    minima = found.minima
    assert np.bincount(label[label >= 0], minlength=len(minima)).tolist() == minima.count.tolist()
    assert minima.count.sum() + found.stationary.count.sum() + found.unresolved + catalogue.excluded == len(x)
    assert (np.diff(minima.fun) >= -1e-9 * np.maximum(1, np.abs(minima.fun[1:])) - noise).all()
    assert label.dtype == np.int32
    return found, label


def draw(box, n, seed=0):
    lower, upper = np.transpose(box)
    return lower + (upper - lower) * np.random.default_rng(seed).random((n, len(lower)))
