"""Step decay: η_t = η_0 q^floor(t / T)."""

from batchgd.kernels.vecmath import exp, floor


def rate(nit, learning_rate, log_factor, every):
    """The learning rate after ``nit`` updates."""
    return learning_rate * exp(log_factor * floor(nit / every))
