"""Gradient flow: the method that says to which minimum a start truly belongs."""

from batchgd.problem.methods import GradientFlow, Method


def true_flow() -> Method:
    """Return the method that follows gradient flow dx/dt = -∇f(x), whose basins are the true ones.

    ``python benchmarks/fidelity.py`` holds it against an error-controlled integrator of another kind.
    """
    return GradientFlow()
