"""Landscapes of any dimension whose coordinates act on one another."""

from __future__ import annotations

from typing import Any

import numpy as np

from batchgd.problem.landscapes.registry import landscape

ROSENBROCK_LOCAL = {
    4: (-0.77565922656535262, 0.61309336548504346, 0.38206284633839314, 0.14597201855219461),
    5: (-0.96205102069475016, 0.93573939597671001, 0.88071360419432059, 0.77787767585440632, 0.60509367859265283),
    6: (
        *(-0.98657497957099373, 0.98339822883618175, 0.97210667005309191),
        *(0.94743743682643601, 0.89865118485172963, 0.80757395203541754),
    ),
    7: (
        *(-0.99172257256140554, 0.99355539350337126, 0.99217332159469212, 0.98689876269031392),
        *(0.97516475660887304, 0.95143198270499267, 0.90522281771395347),
    ),
    8: (
        *(-0.99290939020183209, 0.99590476337889445, 0.99684422424810315, 0.99619948464056515),
        *(0.99364964756089528, 0.98792973494161622, 0.97624273384337829, 0.95304987538199314),
    ),
    9: (
        *(-0.99319391568537433, 0.99646841777712446, 0.99796650015541169, 0.99844065510416467, 0.99812964767323497),
        *(0.99687754455781418, 0.99405751593433960, 0.98826766830252458, 0.97667298421210876),
    ),
    10: (
        *(-0.99326337285636895, 0.99660603944343522, 0.99824061139111252, 0.99898843376780063, 0.99922615343966498),
        *(0.99907364816334434, 0.99845417740290879, 0.99705625166303772, 0.99417937522806614, 0.98839263012886793),
    ),
}


def _rosenbrock_minima(dim: int) -> Any:
    return [np.ones(dim), *([ROSENBROCK_LOCAL[dim]] if dim in ROSENBROCK_LOCAL else [])]


def _rosenbrock_count(dim: int) -> int | None:
    if dim <= 3:
        return 1
    return 2 if dim <= 30 else None


@landscape(
    "Rosenbrock",
    source="Rosenbrock (1960), Computer Journal 3, 175-184; chained n-D variant, its minima: Shang & Qiu (2006), "
    "Evolutionary Computation 14, 119-126 (two for n = 4 to 30), Kok & Sandrock (2009), same journal 17, 437-453",
    box=(-5.0, 10.0),
    dims=(2, None),
    minima=_rosenbrock_minima,
    n_minima=_rosenbrock_count,
    global_value=0.0,
    remarks="a curved valley of condition number 2500 that needs many steps; from 4-D up a second minimum near "
    "(-1, 1, ..., 1) (listed to 10-D) and many saddles",
)
def rosenbrock(x):
    """Rosenbrock: a long bent valley with a nearly flat floor.

    f(x) = sum_{i<n} 100 (x_{i+1} - x_i^2)^2 + (1 - x_i)^2; f(1, ..., 1) = 0; one minimum in 2-D and 3-D,
    two from 4-D up.
    """
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


@landscape(
    "Ackley",
    source="Ackley (1987), A Connectionist Machine for Genetic Hillclimbing; n-D variant, a = 20, b = 0.2, c = 2 pi, "
    "as in Surjanovic & Bingham (2013)",
    box=(-32.768, 32.768),
    dims=(1, None),
    minima=lambda dim: np.zeros((1, dim)),
    n_minima=lambda dim: {1: 65, 2: 4225}.get(dim),
    global_value=0.0,
    kinks=lambda dim: np.zeros((1, dim)),
    remarks="the global minimum is a kink: the function rises like a cone there, and its gradient is 0/0",
)
def ackley(x):
    """Ackley: a cone in a plain of ripples, one minimum near each point of integer coordinates.

    f(x) = -20 exp(-0.2 sqrt(sum_i x_i^2 / n)) - exp(sum_i cos(2 pi x_i) / n) + 20 + e; f(0) = 0, a kink;
    65 minima in 1-D, 4225 in 2-D, the kink included.
    """
    cone = -20.0 * np.exp(-0.2 * np.sqrt(np.mean(x**2)))
    return cone - np.exp(np.mean(np.cos(2.0 * np.pi * x))) + 20.0 + np.e


@landscape(
    "Griewank",
    source="Griewank (1981), J. Optimization Theory and Applications 34, 11-39; n-D variant with 4000, "
    "as in Surjanovic & Bingham (2013)",
    box=(-600.0, 600.0),
    dims=(1, None),
    minima=lambda dim: np.zeros((1, dim)),
    n_minima=lambda dim: 191 if dim == 1 else None,
    global_value=0.0,
    remarks="tens of thousands of minima in 2-D, more in every further dimension",
)
def griewank(x):
    """Griewank: a shallow parabola under a product of cosines.

    f(x) = sum_i x_i^2 / 4000 - prod_i cos(x_i / sqrt(i)) + 1; f(0) = 0; 191 minima in 1-D.
    """
    i = np.arange(1.0, len(x) + 1.0)
    return np.sum(x**2) / 4000.0 - np.prod(np.cos(x / np.sqrt(i))) + 1.0
