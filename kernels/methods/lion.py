"""Lion: x <- x - η sign(β1 m + (1 - β1) g), m <- β2 m + (1 - β2) g (Chen et al. 2023, arXiv:2302.06675)."""

from batchgd.kernels.vecmath import sign

VECTORS = ("mean",)


def update(x, g, mean, learning_rate, beta1, beta2):
    """One coordinate of the next point."""
    direction = sign(beta1 * mean + (1.0 - beta1) * g)
    return x - learning_rate * direction, beta2 * mean + (1.0 - beta2) * g
