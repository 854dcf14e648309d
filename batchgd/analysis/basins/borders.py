"""Borders in numbers: basin entropy, uncertainty exponent and fractal dimension of a map, and what they mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from batchgd.analysis.basins.entropy import BasinEntropy, as_grid, basin_entropy
from batchgd.analysis.basins.exponent import Scaling, fractal_dimension, uncertainty_exponent
from batchgd.analysis.basins.resolution import APART, Scales, scales
from batchgd.problem.keywords import explained

_SURE = 3.0  # standard errors, and
_CLEAR = 0.05  # away from 1 at least: the effect of a grid's cells on the exponent of a smooth border


@dataclass(frozen=True, eq=False, repr=False)
class Borders:
    """The borders between the basins of a grid of labels.

    Attributes
    ----------
    entropy : BasinEntropy
        ``basin`` and ``boundary``, in nats; boxes of ``size`` cells a side.
    exponent : Scaling
        Uncertainty exponent α, with its standard error: 1 for smooth borders.
    boxes : Scaling
        Box-counting dimension, with its standard error: D - 1 for smooth borders.
    dim, size : int
        Axes of the grid, and cells along the side of a box.
    scales : Scales
        What the grid resolves: sizes from a cell to well below the basins' width.
    """

    entropy: BasinEntropy
    exponent: Scaling
    boxes: Scaling
    dim: int
    size: int
    scales: Scales

    @property
    def dimension(self) -> float:
        """Fractal dimension of the borders by the exponent, D - α."""
        return self.dim - self.exponent.value

    @property
    def fractal(self) -> bool | None:
        """Whether they are fractal at the resolution of the grid: S_bb > ln 2, or α clearly below 1; None: unresolved.

        Basins that are too small for the grid pass for fractal borders. So the entropy counts only if its boxes are at
        most a quarter as wide as the basins, and α has to be lower than narrow basins alone could make it.
        """
        if np.isnan(self.entropy.boundary):
            return False
        if np.isnan(self.exponent.value):
            return None
        if self.entropy.boundary > np.log(2) and APART * self.size <= self.scales.width:
            return True
        short, clear = 1.0 - self.exponent.value, max(_SURE * self.exponent.error, _CLEAR)
        if short <= clear:
            return False
        return True if short > clear + self.scales.doubt else None

    @property
    def verdict(self) -> str:
        """The same in words; if it is unresolved, what would help."""
        if self.fractal is None:
            share, least = 100 * self.scales.crowded, APART * self.scales.size.max()
            narrow = f"{share:.0f} % of them are next to basins less than {least} cells wide"
            cause = narrow if self.scales.doubt > 0 else "they are seen at too few sizes"
            return f"not resolved: {cause}; take more cells or a smaller window"
        return "fractal, as far as the grid resolves them" if self.fractal else "no sign that they are fractal"

    def to_dict(self) -> dict[str, Any]:
        """The numbers for JSON."""
        return {
            "basin_entropy": self.entropy.basin,
            "boundary_basin_entropy": self.entropy.boundary,
            "uncertainty_exponent": [self.exponent.value, self.exponent.error],
            "dimension": self.dimension,
            "box_counting_dimension": [self.boxes.value, self.boxes.error],
            "fractal": self.fractal,
            "basin_width": self.scales.width,
        }

    def __repr__(self) -> str:
        if np.isnan(self.entropy.boundary):
            return "no border: all cells have one label, or too few boxes have more than one"
        sides = " x ".join([str(self.size)] * self.dim)
        over = "above" if self.entropy.boundary > np.log(2) else "below"
        dimension = f"{self.dimension:.4g} ± {self.exponent.error:.2g}; by counting boxes {self.boxes}"
        return "\n".join(
            [
                f"basin entropy           {self.entropy.basin:.4g} nats, in boxes of {sides} cells",
                f"boundary basin entropy  {self.entropy.boundary:.4g} nats, {over} ln 2 = 0.6931",
                f"uncertainty exponent    {self.exponent}",
                f"dimension of borders    {self.exponent if np.isnan(self.exponent.value) else dimension}",
                f"borders: {self.verdict}",
            ]
        )


@explained
def borders(labels: Any, size: int = 5) -> Borders:
    """Measure the borders in a basin map, or in any grid of labels.

    Parameters
    ----------
    labels : BasinMap or (n1, ..., nD) array of int
        What ``bgd.map`` returned, or labels on an even grid in any number of dimensions, with at least 40 cells along
        each side. The finer it is, the smaller the scales at which borders are examined.
    size : int
        Cells along the side of a box for the entropies.

    Returns
    -------
    Borders
        Prints as a summary. It shows down to the size of a cell whether a border is fractal, if most basins are 20
        cells wide or more; ``result.fidelity()`` shows whether the border is the function's or the method's.

    Raises
    ------
    InputError
        If labels are not a grid, or the grid is too coarse.

    Examples
    --------
    Newton's method for z^3 = 1, whose basins have fractal borders:

    >>> import numpy as np
    >>> import batchgd as bgd
    >>> z = np.add.outer(1j * np.linspace(-2, 2, 400), np.linspace(-2, 2, 400))
    >>> for _ in range(40):
    ...     z = z - (z**3 - 1) / (3 * z**2)
    >>> bgd.borders(np.rint(np.angle(z) * 1.5 / np.pi).astype(int))
    basin entropy           0.07731 nats, in boxes of 5 x 5 cells
    boundary basin entropy  0.7089 nats, above ln 2 = 0.6931
    uncertainty exponent    0.561 ± 0.0063
    dimension of borders    1.439 ± 0.0063; by counting boxes 1.394 ± 0.0099
    borders: fractal, as far as the grid resolves them

    References
    ----------
    See :mod:`batchgd.analysis.basins.entropy` and :mod:`batchgd.analysis.basins.exponent`.
    """
    grid = as_grid(getattr(labels, "label", labels))
    exponent = uncertainty_exponent(grid)
    return Borders(basin_entropy(grid, size), exponent, fractal_dimension(grid), grid.ndim, int(size), scales(grid))
