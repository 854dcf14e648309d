"""Adam: m <- β1 m + (1 - β1) g, v <- β2 v + (1 - β2) g², x <- x - η m / (1 - β1^t) / (sqrt(v / (1 - β2^t)) + ε).

Kingma and Ba 2015, arXiv:1412.6980, Algorithm 1. The rule keeps the sums m / (1 - β1) and v / (1 - β2), in which the
newest gradient has weight 1, and their weights, so that m / (1 - β1^t) is a sum over its weight: that takes half the
operations.
"""

from batchgd.kernels.vecmath import sqrt

VECTORS = ("mean", "variance")
SCALARS = ("weight1", "weight2")


def advance(weight1, weight2, beta1, beta2):
    """1 + β + ... + β^(t-1), the total weight of all gradients in the two sums."""
    return beta1 * weight1 + 1.0, beta2 * weight2 + 1.0


def update(x, g, mean, variance, weight1, weight2, learning_rate, beta1, beta2, epsilon):
    """One coordinate of the next point; what depends only on scalars is the same in all of them."""
    mean = beta1 * mean + g
    variance = beta2 * variance + g * g
    root = sqrt(weight2)
    return x - (learning_rate * root / weight1) * (mean / (sqrt(variance) + epsilon * root)), mean, variance
