"""Centred RMSprop: m <- ρ m + (1 - ρ) g, v <- ρ v + (1 - ρ) g², x <- x - η g / (sqrt(v - m²) + ε).

Graves 2013, arXiv:1308.0850, equations 38 to 41, with ε outside the root and momentum left to its own file. The
variance is remembered itself: w <- ρ w + ρ (1 - ρ) (g - m)² is v - m² without the cancellation.
"""

from batchgd.kernels.vecmath import sqrt

VECTORS = ("mean", "variance")


def update(x, g, mean, variance, learning_rate, decay, epsilon):
    """One coordinate of the next point."""
    away = g - mean
    mean = mean + (1.0 - decay) * away
    variance = decay * (variance + (1.0 - decay) * away * away)
    return x - learning_rate * g / (sqrt(variance) + epsilon), mean, variance
