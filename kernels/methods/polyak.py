"""Gradient descent with Polyak's step: x <- x - (f(x) - f*) / ||∇f(x)||² ∇f(x), f* the value of the optimum.

Polyak 1969, USSR Comput. Math. Math. Phys. 9, 14. If the value has fallen below f*, the step is zero.
"""

from batchgd.kernels.vecmath import maximum


def length(f, gg, optimum):
    """The factor of the gradient; NaN if its square overflows."""
    return maximum(f - optimum, 0.0) / gg + (gg - gg)


def update(x, g, f, gg, optimum):
    """One coordinate of the next point."""
    return x - length(f, gg, optimum) * g


def step_squared(f, gg, optimum):
    """(f - f*)² / ||g||²."""
    return length(f, gg, optimum) * maximum(f - optimum, 0.0)
