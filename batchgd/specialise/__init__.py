"""From an objective and an update rule to a module of compiled code: one generated file per specialisation."""

from batchgd.specialise.loading import load
from batchgd.specialise.module import Specialisation

__all__ = ["Specialisation", "load"]
