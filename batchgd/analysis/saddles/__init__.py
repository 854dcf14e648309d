"""Saddles: the passes between minima, which minima each joins, and the lowest paths over them."""

from batchgd.analysis.saddles.saddles import Nodes, Saddles

__all__ = ["Nodes", "Saddles"]
