"""What this machine does: descents measured against the ceilings of the device that they ran on."""

from batchgd.analysis.bench.measure import Report, measure
from batchgd.analysis.bench.row import Row

__all__ = ["Report", "Row", "measure"]
