"""AMSGrad: Adam with the largest v so far, v̂ <- max(v̂, v / (1 - β2^t)), x <- x - η m / (1 - β1^t) / (sqrt(v̂) + ε).

Reddi, Kale and Kumar 2018, arXiv:1904.09237, Algorithm 2, with Adam's bias corrections, which that algorithm omits; the
maximum is over corrected values. Sums and weights are those of ``adam.py``.
"""

from batchgd.kernels.methods.adam import advance  # noqa: F401  the rule's own
from batchgd.kernels.vecmath import sqrt, where

VECTORS = ("mean", "variance", "largest")
SCALARS = ("weight1", "weight2")


def update(x, g, mean, variance, largest, weight1, weight2, learning_rate, beta1, beta2, epsilon):
    """One coordinate of the next point."""
    mean = beta1 * mean + g
    variance = beta2 * variance + g * g
    corrected = (1.0 / weight2) * variance
    largest = where(largest > corrected, largest, corrected)  # one instruction; NaN stays NaN
    return x - (learning_rate / weight1) * (mean / (sqrt(largest) + epsilon)), mean, variance, largest
