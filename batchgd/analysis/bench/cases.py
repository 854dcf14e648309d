"""The standard set: landscapes, dimensions and constant rates that every backend is measured on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from batchgd.problem import methods as registered
from batchgd.problem.methods import BarzilaiBorwein, GradientDescent, Method
from batchgd.problem.registry import find_name

GTOL = 1e-6
GTOL_SINGLE = 1e-3
"""In float32 a gradient below curvature times the spacing of x cannot be resolved; the looser test is for that."""


@dataclass(frozen=True)
class Case:
    """A landscape in one dimension, a constant rate that is safe in its box, and the most updates of a trajectory."""

    landscape: str
    dim: int
    learning_rate: float
    maxiter: int = 10_000


CASES = (
    Case("rastrigin", 2, 0.0025),
    Case("rastrigin", 10, 0.0025),
    Case("styblinski_tang", 2, 0.01),
    Case("styblinski_tang", 8, 0.01),
    Case("himmelblau", 2, 0.004),
    # The rate that is safe in the corners of the box is far too small for the valley: this row ends at the cap.
    Case("rosenbrock", 20, 1e-5, maxiter=1000),
    Case("hartmann6", 6, 0.02),
)
QUICK = tuple(case for case in CASES if (case.landscape, case.dim) in {("rastrigin", 10), ("styblinski_tang", 8)})
METHODS = ("constant rate", "default")
EVERY_METHOD = (Case("himmelblau", 2, 0.004), Case("rastrigin", 2, 0.0025))
"""Where methods are compared by name."""
ALL = "all"
"""Stands for every method of the library."""

STARTS = {"cpu": 131_072, "numpy": 2_048, "cuda": 4_194_304}
STARTS_QUICK = {"cpu": 65_536, "numpy": 512, "cuda": 1_048_576}
STARTS_SIMULATED = 64
"""Starts of one measured run: about a second of work or less, and enough to fill the device."""


def method_of(name: str, case: Case) -> Method:
    """Return the method of a row of the table."""
    if name in METHODS:
        return GradientDescent(case.learning_rate) if name == METHODS[0] else BarzilaiBorwein()
    return registered.METHODS[name].example()


def named(names: Sequence[str]) -> list[str]:
    """Return the names of methods as the library writes them, in its order if all are asked for.

    >>> named(["Adam"]), len(named(["all"])) > 20
    (['adam'], True)
    """
    every = registered.METHODS
    return list(every) if ALL in names else [find_name("method", name, every) for name in names]
