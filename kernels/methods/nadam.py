"""Nadam: Adam that looks ahead, its mean replaced by β1 m / (1 - β1^(t+1)) + (1 - β1) g / (1 - β1^t).

Dozat 2016, Incorporating Nesterov Momentum into Adam, with a constant β1 (no warm-up of the momentum) and Adam's
second moment.
"""

from batchgd.kernels.vecmath import sqrt

VECTORS = ("mean", "variance")
SCALARS = ("weight1", "weight2")


def advance(weight1, weight2, beta1, beta2):
    """1 - β^t from 1 - β^(t-1)."""
    return beta1 * weight1 + (1.0 - beta1), beta2 * weight2 + (1.0 - beta2)


def update(x, g, mean, variance, weight1, weight2, learning_rate, beta1, beta2, epsilon):
    """One coordinate of the next point."""
    mean = beta1 * mean + (1.0 - beta1) * g
    variance = beta2 * variance + (1.0 - beta2) * g * g
    following = beta1 * weight1 + (1.0 - beta1)
    ahead = (learning_rate * beta1 / following) * mean + (learning_rate * (1.0 - beta1) / weight1) * g
    return x - ahead / (sqrt((1.0 / weight2) * variance) + epsilon), mean, variance
