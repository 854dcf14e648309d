"""Adam: m <- β1 m + (1 - β1) g, v <- β2 v + (1 - β2) g², x <- x - η m / (1 - β1^t) / (sqrt(v / (1 - β2^t)) + ε).

Kingma and Ba 2015, arXiv:1412.6980, Algorithm 1. The weights 1 - β^t are carried along, which costs no power.
"""

from batchgd.kernels.vecmath import sqrt

VECTORS = ("mean", "variance")
SCALARS = ("weight1", "weight2")


def advance(weight1, weight2, beta1, beta2):
    """1 - β^t from 1 - β^(t-1): the weights of all gradients in the two averages."""
    return beta1 * weight1 + (1.0 - beta1), beta2 * weight2 + (1.0 - beta2)


def update(x, g, mean, variance, weight1, weight2, learning_rate, beta1, beta2, epsilon):
    """One coordinate of the next point; the quotients of scalars are the same in all of them."""
    mean = beta1 * mean + (1.0 - beta1) * g
    variance = beta2 * variance + (1.0 - beta2) * g * g
    step = (learning_rate / weight1) * mean / (sqrt((1.0 / weight2) * variance) + epsilon)
    return x - step, mean, variance
