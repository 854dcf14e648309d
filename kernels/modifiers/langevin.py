"""Langevin dynamics: the step is followed by x <- x + sqrt(2 η T_t) ξ, ξ standard normal, T_t = T exp(-c t).

With plain gradient descent this is the unadjusted Langevin algorithm (Parisi 1981, Nucl. Phys. B 180, 378), whose
stationary density is exp(-f / T) up to terms of order η; a temperature that falls is simulated annealing.
"""

from batchgd.kernels.normal import normal
from batchgd.kernels.philox import STREAM_LANGEVIN
from batchgd.kernels.vecmath import exp, sqrt


def point(following, nit, seed, start, axis, learning_rate, temperature, cooling):
    """One coordinate of the next point."""
    spread = sqrt(2.0 * learning_rate * temperature * exp(-cooling * nit))
    return following + spread * normal(seed, start, nit, axis, STREAM_LANGEVIN)
