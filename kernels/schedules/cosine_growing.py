"""Cosine annealing with warm restarts whose periods grow: T, q T, q² T, ..., q > 1.

Loshchilov and Hutter 2017, arXiv:1608.03983, equation 5 with T_mult = q. Restart k is at T (q^k - 1) / (q - 1).
"""

from batchgd.kernels.vecmath import cos, exp, floor, log, maximum


def rate(nit, learning_rate, final, period, growth_log, growth_less_one):
    """The learning rate after ``nit`` updates; a restart that rounding hides for a moment counts from its update."""
    passed = growth_less_one * nit / period + 1.0
    restarts = floor(log(passed) / growth_log + 1e-5)
    stretch = exp(growth_log * restarts)
    share = maximum((passed - stretch) / (growth_less_one * stretch), 0.0)
    return final + 0.5 * (learning_rate - final) * (1.0 + cos(3.141592653589793 * share))
