"""Minima: the catalogue of endpoints, and the distinct, classified points that stand behind it."""

from batchgd.minima.catalogue import Catalogue
from batchgd.minima.find import Found, find_minima
from batchgd.minima.fractions import seen_interval, wilson
from batchgd.minima.merge import UNPOLISHED, Identity
from batchgd.minima.tables import Minima, Stationary

__all__ = [
    "UNPOLISHED",
    "Catalogue",
    "Found",
    "Identity",
    "Minima",
    "Stationary",
    "find_minima",
    "seen_interval",
    "wilson",
]
