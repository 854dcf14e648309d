"""Adan: x <- (x - η (m̂ + β2 v̂) / (sqrt(n̂) + ε)) / (1 + η λ), averages of g, of its change d, and of (g + β2 d)².

Xie, Zhou, Li, Lin and Yan 2022, arXiv:2208.06677, Algorithm 1 with its proximal weight decay and without restarts; β is
the share of the past, one minus the paper's, and the bias corrections are those of the authors' code. As in
``adam.py``, the averages are sums in which the newest term has weight 1, over their weights.
"""

from batchgd.kernels.vecmath import sqrt, where

VECTORS = ("mean", "drift", "square", "last_g")
SCALARS = ("weight1", "weight2", "weight3")


def advance(weight1, weight2, weight3, beta1, beta2, beta3):
    """1 + β + ... + β^(t-1), the total weight of all terms in the three sums."""
    return beta1 * weight1 + 1.0, beta2 * weight2 + 1.0, beta3 * weight3 + 1.0


def update(
    x, g, first, mean, drift, square, last_g, weight1, weight2, weight3, learning_rate, beta1, beta2, beta3, epsilon,
    proximal_decay,
):  # fmt: skip
    """One coordinate of the next point."""
    change = where(first, 0.0, g - last_g)
    ahead = g + beta2 * change
    mean = beta1 * mean + g
    drift = beta2 * drift + change
    square = beta3 * square + ahead * ahead
    step = (mean / weight1 + beta2 / weight2 * drift) / (sqrt(square / weight3) + epsilon)
    return (x - learning_rate * step) / (1.0 + learning_rate * proximal_decay), mean, drift, square, g
