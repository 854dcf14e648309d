"""RMSprop: v <- ρ v + (1 - ρ) g², x <- x - η g / (sqrt(v) + ε).

Tieleman and Hinton 2012, Lecture 6.5 of Neural Networks for Machine Learning; ε is outside the root.
"""

from batchgd.kernels.vecmath import sqrt

VECTORS = ("variance",)


def update(x, g, variance, learning_rate, decay, epsilon):
    """One coordinate of the next point."""
    variance = decay * variance + (1.0 - decay) * g * g
    return x - learning_rate * (g / (sqrt(variance) + epsilon)), variance
