"""AdaDelta: each coordinate's step is the ratio of the root mean squares of past steps and of past gradients.

E <- ρ E + (1 - ρ) g², d = sqrt((S + ε) / (E + ε)) g, S <- ρ S + (1 - ρ) d², x <- x - η d (Zeiler 2012,
arXiv:1212.5701, Algorithm 1, where η is 1).
"""

from batchgd.kernels.vecmath import sqrt

VECTORS = ("gradients", "steps")


def update(x, g, gradients, steps, learning_rate, decay, epsilon):
    """One coordinate of the next point."""
    gradients = decay * gradients + (1.0 - decay) * g * g
    step = sqrt((steps + epsilon) / (gradients + epsilon)) * g
    return x - learning_rate * step, gradients, decay * steps + (1.0 - decay) * step * step
