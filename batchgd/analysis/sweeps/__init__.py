"""Sweeps: what a hyperparameter does to descents, one launch over starts x values."""

from batchgd.analysis.sweeps.recommend import Recommendation
from batchgd.analysis.sweeps.solve import sweep
from batchgd.analysis.sweeps.sweep_result import SweepResult

__all__ = ["Recommendation", "SweepResult", "sweep"]
