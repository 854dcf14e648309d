"""AMSGrad: Adam with the largest v so far, v̂ <- max(v̂, v / (1 - β2^t)), x <- x - η m / (1 - β1^t) / (sqrt(v̂) + ε).

Reddi, Kale and Kumar 2018, arXiv:1904.09237, Algorithm 2, with Adam's bias corrections, which that algorithm leaves
out; the maximum is over corrected values.
"""

from batchgd.kernels.vecmath import maximum, sqrt

VECTORS = ("mean", "variance", "largest")
SCALARS = ("weight1", "weight2")


def advance(weight1, weight2, beta1, beta2):
    """1 - β^t from 1 - β^(t-1)."""
    return beta1 * weight1 + (1.0 - beta1), beta2 * weight2 + (1.0 - beta2)


def update(x, g, mean, variance, largest, weight1, weight2, learning_rate, beta1, beta2, epsilon):
    """One coordinate of the next point."""
    mean = beta1 * mean + (1.0 - beta1) * g
    variance = beta2 * variance + (1.0 - beta2) * g * g
    largest = maximum(largest, (1.0 / weight2) * variance)
    return x - (learning_rate / weight1) * mean / (sqrt(largest) + epsilon), mean, variance, largest
