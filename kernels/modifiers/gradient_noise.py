"""Gradient noise: g + σ ξ with ξ standard normal and σ² = s / (1 + t)^γ, t the number of updates made.

Neelakantan et al. 2015, arXiv:1511.06807, equation 1 and section 3 (γ = 0.55 there).
"""

from batchgd.kernels.philox import STREAM_GRADIENT_NOISE, normal
from batchgd.kernels.vecmath import power, sqrt


def gradient(g, nit, seed, start, axis, noise, noise_decay):
    """One coordinate."""
    return g + sqrt(noise * power(1.0 + nit, -noise_decay)) * normal(seed, start, nit, axis, STREAM_GRADIENT_NOISE)
