"""Sweeps: what a hyperparameter does to descents, one launch over starts x values."""

from batchgd.sweeps.recommend import Recommendation
from batchgd.sweeps.result import SweepResult
from batchgd.sweeps.solve import sweep

__all__ = ["Recommendation", "SweepResult", "sweep"]
