"""From an objective and an update rule to a module of compiled code: one generated file per specialisation."""

from batchgd.specialise.module import Specialisation, load

__all__ = ["Specialisation", "load"]
