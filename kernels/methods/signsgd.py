"""SignSGD: x <- x - η sign(∇f(x)) (Bernstein et al. 2018, arXiv:1802.04434, Algorithm 1)."""

from batchgd.kernels.vecmath import sign


def update(x, g, learning_rate):
    """One coordinate of the next point."""
    return x - learning_rate * sign(g)
