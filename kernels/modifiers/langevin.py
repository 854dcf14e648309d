"""Langevin dynamics: the step is followed by x <- x + sqrt(2 η T_t) ξ, ξ standard normal, T the temperature.

With plain gradient descent this is the unadjusted Langevin algorithm (Parisi 1981, Nucl. Phys. B 180, 378), whose
stationary density is exp(-f / T) up to terms of order η; a temperature that falls by a schedule is simulated annealing.
"""

from batchgd.kernels.philox import STREAM_LANGEVIN, normal
from batchgd.kernels.vecmath import sqrt


def point(following, nit, seed, start, axis, learning_rate, temperature):
    """One coordinate of the next point."""
    return following + sqrt(2.0 * learning_rate * temperature) * normal(seed, start, nit, axis, STREAM_LANGEVIN)
