"""Read the nonlinear-regression data sets of NIST's Statistical Reference Datasets, and judge a fit by them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent / "data"
CERTIFIED_DIGITS = 11


def gauss(b: np.ndarray, x: np.ndarray) -> np.ndarray:
    """An exponential and two Gaussian peaks."""
    peaks = b[2] * np.exp(-(((x - b[3]) / b[4]) ** 2)) + b[5] * np.exp(-(((x - b[6]) / b[7]) ** 2))
    return b[0] * np.exp(-b[1] * x) + peaks


def lanczos(b: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Three exponentials."""
    return b[0] * np.exp(-b[1] * x) + b[2] * np.exp(-b[3] * x) + b[4] * np.exp(-b[5] * x)


def cubics(b: np.ndarray, x: np.ndarray) -> np.ndarray:
    """A cubic over a cubic."""
    return (b[0] + b[1] * x + b[2] * x**2 + b[3] * x**3) / (1.0 + b[4] * x + b[5] * x**2 + b[6] * x**3)


def waves(b: np.ndarray, x: np.ndarray) -> np.ndarray:
    """A wave of one year and two waves of unknown length."""
    year, one, two = (2.0 * np.pi * x / length for length in (12.0, b[3], b[6]))
    slow = b[4] * np.cos(one) + b[5] * np.sin(one) + b[7] * np.cos(two) + b[8] * np.sin(two)
    return b[0] + b[1] * np.cos(year) + b[2] * np.sin(year) + slow


MODELS = {
    "Bennett5": lambda b, x: b[0] * (b[1] + x) ** (-1.0 / b[2]),
    "BoxBOD": lambda b, x: b[0] * (1.0 - np.exp(-b[1] * x)),
    "Chwirut1": lambda b, x: np.exp(-b[0] * x) / (b[1] + b[2] * x),
    "Chwirut2": lambda b, x: np.exp(-b[0] * x) / (b[1] + b[2] * x),
    "DanWood": lambda b, x: b[0] * x ** b[1],
    "ENSO": waves,
    "Eckerle4": lambda b, x: b[0] / b[1] * np.exp(-0.5 * ((x - b[2]) / b[1]) ** 2),
    "Gauss1": gauss,
    "Gauss2": gauss,
    "Gauss3": gauss,
    "Hahn1": cubics,
    "Kirby2": lambda b, x: (b[0] + b[1] * x + b[2] * x**2) / (1.0 + b[3] * x + b[4] * x**2),
    "Lanczos1": lanczos,
    "Lanczos2": lanczos,
    "Lanczos3": lanczos,
    "MGH09": lambda b, x: b[0] * (x**2 + x * b[1]) / (x**2 + x * b[2] + b[3]),
    "MGH10": lambda b, x: b[0] * np.exp(b[1] / (x + b[2])),
    "MGH17": lambda b, x: b[0] + b[1] * np.exp(-x * b[3]) + b[2] * np.exp(-x * b[4]),
    "Misra1a": lambda b, x: b[0] * (1.0 - np.exp(-b[1] * x)),
    "Misra1b": lambda b, x: b[0] * (1.0 - (1.0 + b[1] * x / 2.0) ** -2.0),
    "Misra1c": lambda b, x: b[0] * (1.0 - (1.0 + 2.0 * b[1] * x) ** -0.5),
    "Misra1d": lambda b, x: b[0] * b[1] * x / (1.0 + b[1] * x),
    "Nelson": lambda b, x: b[0] - b[1] * x[0] * np.exp(-b[2] * x[1]),
    "Rat42": lambda b, x: b[0] / (1.0 + np.exp(b[1] - b[2] * x)),
    "Rat43": lambda b, x: b[0] / (1.0 + np.exp(b[1] - b[2] * x)) ** (1.0 / b[3]),
    "Roszman1": lambda b, x: b[0] - b[1] * x - np.arctan(b[2] / (x - b[3])) / np.pi,
    "Thurber": cubics,
}
"""The models, as functions of the parameters and of x."""


@dataclass(frozen=True)
class Dataset:
    """One data set: observations x -> y, and the certified values of the fit."""

    name: str
    x: np.ndarray  # (n,), or (2, n) for Nelson's two predictors
    y: np.ndarray  # (n,); Nelson's model is for the logarithm of the observations
    starts: np.ndarray  # (2, p): the two starting points that NIST suggests
    parameters: np.ndarray  # (p,): certified
    deviations: np.ndarray  # (p,): certified standard deviations
    residual_sum: float  # certified residual sum of squares

    def box(self, factor: float = 2.5) -> list[tuple[float, float]]:
        """A box around both starting points, reaching `factor` times lower and higher (all of them are positive)."""
        return [
            (float(low) / factor, float(high) * factor) for low, high in zip(*np.sort(self.starts, axis=0), strict=True)
        ]

    def box_around(self, margin: float = 0.5) -> np.ndarray:
        """A box that spans both starting points, widened by a share of its widths on each side; (p, 2)."""
        low, high = self.starts.min(axis=0), self.starts.max(axis=0)
        width = np.where(high > low, high - low, 0.5 * np.abs(low))
        return np.stack([low - margin * width, high + margin * width], axis=1)


def read(path: str | Path) -> Dataset:
    """Read one `.dat` file; the line numbers of its parts are in its header."""
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
    name = lines[1].split()[2]
    return Dataset(
        name=name,
        x=data[:, 1:].T if data.shape[1] > 2 else data[:, 1],
        y=np.log(data[:, 0]) if name == "Nelson" else data[:, 0],
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
    """A table of fitted and certified values."""
    names = [f"b{k + 1}" for k in range(len(dataset.parameters))] + ["residual sum"]
    found = [*(float(b) for b in parameters), float(residual_sum)]
    certified = [*dataset.parameters.tolist(), dataset.residual_sum]
    lines = [f"{dataset.name:<12} {'found':>17} {'certified':>17} {'digits':>7}"]
    for name, value, exact in zip(names, found, certified, strict=True):
        lines.append(f"{name:<12} {value:>17.10e} {exact:>17.10e} {agreeing_digits(value, exact):>7.1f}")
    return "\n".join(lines)
