"""AdaMax: m <- β1 m + (1 - β1) g, u <- max(β2 u, |g| + ε), x <- x - η / (1 - β1^t) m / u.

Kingma and Ba 2015, arXiv:1412.6980, Algorithm 2; the ε, which that algorithm omits, avoids 0 / 0. The sum of
gradients and its weight are those of ``adam.py``.
"""

from batchgd.kernels.vecmath import absolute, maximum

VECTORS = ("mean", "largest")
SCALARS = ("weight",)


def advance(weight, beta1):
    """1 + β1 + ... + β1^(t-1)."""
    return beta1 * weight + 1.0


def update(x, g, mean, largest, weight, learning_rate, beta1, beta2, epsilon):
    """One coordinate of the next point."""
    mean = beta1 * mean + g
    largest = maximum(beta2 * largest, absolute(g) + epsilon)
    return x - (learning_rate / weight) * (mean / largest), mean, largest
