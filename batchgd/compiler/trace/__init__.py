"""From a plain Python function to an expression graph, its derivatives, and straight-line source."""

from batchgd.compiler.trace.counts import OperationCounts
from batchgd.compiler.trace.recurrence import scan
from batchgd.compiler.trace.reductions import where

__all__ = ["OperationCounts", "scan", "where"]
