"""The performance of this machine: descents measured against the ceilings of the device that they ran on."""

from batchgd.analysis.bench.measure import Report, measure
from batchgd.analysis.bench.timing import Timing

__all__ = ["Report", "Timing", "measure"]
