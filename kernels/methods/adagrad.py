"""AdaGrad, its diagonal form: G <- G + g², x <- x - η g / (sqrt(G) + ε).

Duchi, Hazan and Singer 2011, J. Mach. Learn. Res. 12, 2121, Figure 1; ε is outside the root, as there.
"""

from batchgd.kernels.vecmath import sqrt

VECTORS = ("total",)


def update(x, g, total, learning_rate, epsilon):
    """One coordinate of the next point."""
    total = total + g * g
    return x - learning_rate * (g / (sqrt(total) + epsilon)), total
