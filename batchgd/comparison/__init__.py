"""Methods beside each other: ``cells`` runs them, ``table`` tells what came out."""

from batchgd.comparison.cells import STANDARD, compare
from batchgd.comparison.table import Cell, Comparison

__all__ = ["STANDARD", "Cell", "Comparison", "compare"]
