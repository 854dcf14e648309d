"""Methods beside each other: ``cells`` runs them, ``table`` tells what came out."""

from batchgd.analysis.comparison.cells import EVERY, STANDARD, compare
from batchgd.analysis.comparison.comparison import Cell, Comparison

__all__ = ["EVERY", "STANDARD", "Cell", "Comparison", "compare"]
