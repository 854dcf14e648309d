"""Methods side by side: ``cells`` runs them, ``comparison`` contains the results."""

from batchgd.analysis.comparison.cells import EVERY, STANDARD, compare
from batchgd.analysis.comparison.comparison import Cell, Comparison

__all__ = ["EVERY", "STANDARD", "Cell", "Comparison", "compare"]
