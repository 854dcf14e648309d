"""Exponential decay: η_t = η_0 q^(t / T)."""

from batchgd.kernels.vecmath import exp


def rate(nit, learning_rate, slope):
    """The learning rate after ``nit`` updates; the slope is log(q) / T."""
    return learning_rate * exp(slope * nit)
