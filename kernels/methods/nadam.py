"""Nadam: Adam with look-ahead, its mean replaced by β1 m / (1 - β1^(t+1)) + (1 - β1) g / (1 - β1^t).

Dozat 2016, Incorporating Nesterov Momentum into Adam, with a constant β1 (no warm-up of the momentum) and Adam's
second moment. Sums and weights are those of ``adam.py``.
"""

from batchgd.kernels.methods.adam import advance
from batchgd.kernels.vecmath import sqrt

VECTORS = ("mean", "variance")
SCALARS = ("weight1", "weight2")


def update(x, g, mean, variance, weight1, weight2, learning_rate, beta1, beta2, epsilon):
    """One coordinate of the next point."""
    mean = beta1 * mean + g
    variance = beta2 * variance + g * g
    root = sqrt(weight2)
    following, _ = advance(weight1, weight2, beta1, beta2)
    ahead = (learning_rate * root * beta1 / following) * mean + (learning_rate * root / weight1) * g
    return x - ahead / (sqrt(variance) + epsilon * root), mean, variance
