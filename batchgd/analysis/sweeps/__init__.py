"""Sweeps: what a hyperparameter does to descents, one launch over starts x values."""

from batchgd.analysis.sweeps.recommend import Recommendation
from batchgd.analysis.sweeps.result import SweepResult
from batchgd.analysis.sweeps.solve import sweep

__all__ = ["Recommendation", "SweepResult", "sweep"]
