"""From a plain Python function to an expression graph, its derivatives, and straight-line source."""

from batchgd.trace.counts import OperationCounts
from batchgd.trace.reductions import where

__all__ = ["OperationCounts", "where"]
