"""How many starts are enough: what the counts of the minima reveal about the minima that no start reached."""

from batchgd.minima.coverage.estimates import (
    boender_rinnooy_kan,
    chao1,
    extrapolation,
    rarefaction,
    starts_to_see,
    unseen_bound,
)
from batchgd.minima.coverage.report import CoverageReport
from batchgd.minima.coverage.rule import Coverage, Stopped

__all__ = [
    "Coverage",
    "CoverageReport",
    "Stopped",
    "boender_rinnooy_kan",
    "chao1",
    "extrapolation",
    "rarefaction",
    "starts_to_see",
    "unseen_bound",
]
