"""Reading the nonlinear-regression data sets of NIST's Statistical Reference Datasets, and judging a fit by them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent / "data"
CERTIFIED_DIGITS = 11

MODELS = {
    "BoxBOD": lambda b, x: b[0] * (1.0 - np.exp(-b[1] * x)),
    "DanWood": lambda b, x: b[0] * x ** b[1],
    "Eckerle4": lambda b, x: b[0] / b[1] * np.exp(-0.5 * ((x - b[2]) / b[1]) ** 2),
    "MGH09": lambda b, x: b[0] * (x**2 + x * b[1]) / (x**2 + x * b[2] + b[3]),
    "Rat43": lambda b, x: b[0] / (1.0 + np.exp(b[1] - b[2] * x)) ** (1.0 / b[3]),
}
"""The models, as functions of the parameters and of x."""


@dataclass(frozen=True)
class Dataset:
    """One data set: observations x -> y, and what is certified about the fit."""

    name: str
    x: np.ndarray
    y: np.ndarray
    starts: np.ndarray  # (2, p): the two starting points that NIST suggests
    parameters: np.ndarray  # (p,): certified
    deviations: np.ndarray  # (p,): certified standard deviations
    residual_sum: float  # certified residual sum of squares

    def box(self, factor: float = 2.5) -> list[tuple[float, float]]:
        """A box around both starting points, reaching `factor` times lower and higher (all of them are positive)."""
        return [
            (float(low) / factor, float(high) * factor) for low, high in zip(*np.sort(self.starts, axis=0), strict=True)
        ]


def read(path: str | Path) -> Dataset:
    """Read one `.dat` file; the line numbers of its parts are in its own header."""
    lines = Path(path).read_text(encoding="ascii").splitlines()

    def part(title: str) -> list[str]:
        header = next(line for line in lines if re.search(rf"{title} +\(lines", line))
        first, last = re.findall(r"\d+", header[header.index("(lines") :])
        return lines[int(first) - 1 : int(last)]

    certified = part("Certified Values")
    rows = np.array(
        [[float(t) for t in line.split("=")[1].split()] for line in certified if re.match(r" *b\d+ *=", line)]
    )
    residual_sum = next(line for line in certified if line.startswith("Residual Sum of Squares"))
    data = np.array([[float(t) for t in line.split()] for line in part("Data")])
    return Dataset(
        name=lines[1].split()[2],
        x=data[:, 1],
        y=data[:, 0],
        starts=rows[:, :2].T,
        parameters=rows[:, 2],
        deviations=rows[:, 3],
        residual_sum=float(residual_sum.split(":")[1]),
    )


def residual_sum(dataset: Dataset) -> Callable[[np.ndarray], float]:
    """The sum of squared residuals as a function of the parameters."""
    model = MODELS[dataset.name]

    def sum_of_squares(b: np.ndarray) -> float:
        return np.sum((dataset.y - model(b, dataset.x)) ** 2)

    return sum_of_squares


def agreeing_digits(value: float, certified: float) -> float:
    """The number of digits in which a value agrees with a certified one: -log10 of the relative error, 11 at most."""
    error = abs(value - certified) / abs(certified)
    return CERTIFIED_DIGITS if error == 0.0 else min(float(CERTIFIED_DIGITS), -float(np.log10(error)))


def compare(dataset: Dataset, parameters: np.ndarray, residual_sum: float) -> str:
    """A table of fitted beside certified values."""
    names = [f"b{k + 1}" for k in range(len(dataset.parameters))] + ["residual sum"]
    found = [*(float(b) for b in parameters), float(residual_sum)]
    certified = [*dataset.parameters.tolist(), dataset.residual_sum]
    lines = [f"{dataset.name:<12} {'found':>17} {'certified':>17} {'digits':>7}"]
    for name, value, exact in zip(names, found, certified, strict=True):
        lines.append(f"{name:<12} {value:>17.10e} {exact:>17.10e} {agreeing_digits(value, exact):>7.1f}")
    return "\n".join(lines)
