"""Functions that no benchmark names: wells, a trigonometric chain, a rational function with a barrier, a network.

Each is written twice: for one point in NumPy, as batchgd gets it, and as a gradient for arrays of shape (d,) or (d, n)
of any library that has NumPy's names.
"""

from __future__ import annotations

from typing import Any

import numpy as np

CENTRES = np.random.default_rng(3).uniform(-1.5, 1.5, (5, 3))
DEPTHS = np.array([1.0, 0.7, 1.3, 0.5, 0.9])


def wells(x):
    """Five Gaussian wells in a bowl: -Σ_k h_k exp(-2 |x - c_k|²) + |x|²/20."""
    return -np.sum(DEPTHS * np.exp(-2.0 * np.sum((x - CENTRES) ** 2, axis=1))) + 0.05 * np.sum(x**2)


def wells_value(xp: Any, x: Any) -> Any:
    """Wells."""
    total = 0.05 * xp.sum(x * x, 0)
    for depth, centre in zip(DEPTHS, CENTRES, strict=True):
        away = xp.stack([x[j] - float(centre[j]) for j in range(3)], 0)
        total = total - float(depth) * xp.exp(-2.0 * xp.sum(away * away, 0))
    return total


def wells_gradient(xp: Any, x: Any) -> Any:
    """Wells: x/10 + Σ_k 4 h_k exp(-2 |x - c_k|²) (x - c_k)."""
    total = 0.1 * x
    for depth, centre in zip(DEPTHS, CENTRES, strict=True):
        away = xp.stack([x[j] - float(centre[j]) for j in range(3)], 0)
        total = total + (4.0 * float(depth)) * xp.exp(-2.0 * xp.sum(away * away, 0)) * away
    return total


def chain(x):
    """A chain of angles: Σ_i sin(x_i) cos(x_(i+1)) + |x|²/20."""
    return np.sum(np.sin(x[:-1]) * np.cos(x[1:])) + 0.05 * np.sum(x**2)


def chain_value(xp: Any, x: Any) -> Any:
    """The chain."""
    return xp.sum(xp.sin(x[:-1]) * xp.cos(x[1:]), 0) + 0.05 * xp.sum(x * x, 0)


def chain_gradient(xp: Any, x: Any) -> Any:
    """The chain: cos(x_i) cos(x_(i+1)) - sin(x_(i-1)) sin(x_i) + x_i/10."""
    sine, cosine, none = xp.sin(x), xp.cos(x), xp.zeros_like(x[:1])
    ahead = xp.concatenate([cosine[:-1] * cosine[1:], none], 0)
    return ahead - xp.concatenate([none, sine[:-1] * sine[1:]], 0) + 0.1 * x


def barrier(x):
    """Rational wells within a barrier: Σ_i (x_i² - 1)²/(1 + x_i²) + 1/(10 (4 - x_i²)) + Σ_i (x_i - x_(i+1))²/4."""
    u = x**2
    return np.sum((u - 1) ** 2 / (1 + u) + 0.1 / (4 - u)) + 0.25 * np.sum((x[1:] - x[:-1]) ** 2)


def barrier_value(xp: Any, x: Any) -> Any:
    """The barrier."""
    u, step = x * x, x[1:] - x[:-1]
    return xp.sum((u - 1.0) * (u - 1.0) / (1.0 + u) + 0.1 / (4.0 - u), 0) + 0.25 * xp.sum(step * step, 0)


def barrier_gradient(xp: Any, x: Any) -> Any:
    """The barrier: 2 x_i ((u - 1) (u + 3)/(1 + u)² + 1/(10 (4 - u)²)), u = x_i², and half the steps to both sides."""
    u, none = x * x, xp.zeros_like(x[:1])
    step = 0.5 * (x[1:] - x[:-1])
    below, above = 1.0 + u, 4.0 - u
    own = 2.0 * x * ((u - 1.0) * (u + 3.0) / (below * below) + 0.1 / (above * above))
    return own + xp.concatenate([none, step], 0) - xp.concatenate([step, none], 0)


_RNG = np.random.default_rng(0)
INPUTS = _RNG.uniform(-2.0, 2.0, (200, 3))
TARGETS = np.sin(INPUTS[:, 0]) * INPUTS[:, 1] + 0.3 * INPUTS[:, 2] ** 2


def network(w):
    """Mean squared error of a 3-8-1 tanh network, 41 weights, over 200 rows."""
    hidden = np.tanh(INPUTS @ w[:24].reshape(3, 8) + w[24:32])
    return np.mean((hidden @ w[32:40] + w[40] - TARGETS) ** 2)


def _layers(xp: Any, w: Any) -> tuple[Any, Any, Any]:
    more = w.shape[1:]
    inputs = xp.asarray(INPUTS, dtype=w.dtype)
    targets = xp.asarray(TARGETS, dtype=w.dtype).reshape((200,) + (1,) * len(more))
    hidden = xp.tanh(xp.einsum("rk,kj...->rj...", inputs, w[:24].reshape((3, 8, *more))) + w[24:32])
    return inputs, hidden, xp.einsum("rj...,j...->r...", hidden, w[32:40]) + w[40] - targets


def network_value(xp: Any, w: Any) -> Any:
    """The network."""
    _, _, error = _layers(xp, w)
    return xp.mean(error * error, 0)


def network_gradient(xp: Any, w: Any) -> Any:
    """The network, by going back through its two layers."""
    inputs, hidden, error = _layers(xp, w)
    error = error * (2.0 / len(INPUTS))
    back = error[:, None] * w[32:40] * (1.0 - hidden * hidden)
    first = xp.einsum("rk,rj...->kj...", inputs, back).reshape((24, *w.shape[1:]))
    second = xp.einsum("rj...,r...->j...", hidden, error)
    return xp.concatenate([first, xp.sum(back, 0), second, xp.sum(error, 0)[None]], 0)
