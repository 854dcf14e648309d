"""Cosine annealing with warm restarts after every T updates: η = η_min + (η_0 - η_min) (1 + cos(π s)) / 2.

s is the share of the period that has passed (Loshchilov and Hutter 2017, arXiv:1608.03983, equation 5, T_mult = 1).
"""

from batchgd.kernels.vecmath import cos, floor


def rate(nit, learning_rate, final, period):
    """The learning rate after ``nit`` updates."""
    turns = nit / period
    return final + 0.5 * (learning_rate - final) * (1.0 + cos(3.141592653589793 * (turns - floor(turns))))
