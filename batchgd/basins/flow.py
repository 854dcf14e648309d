"""Gradient flow: the method that says to which minimum a start truly belongs."""

from batchgd.methods import BarzilaiBorwein, Method


def true_flow() -> Method:
    """Return the method that follows gradient flow dx/dt = -∇f(x), whose basins are the true ones.

    Short Barzilai-Borwein steps: ``python benchmarks/fidelity.py`` holds them against an error-controlled integrator.
    """
    return BarzilaiBorwein(max_displacement=0.001)
