"""Minima: the catalogue of endpoints, and the distinct, classified points behind it."""

from batchgd.minima.catalogue import Catalogue
from batchgd.minima.find import Found, find_minima
from batchgd.minima.fractions import seen_interval, wilson
from batchgd.minima.merge import UNPOLISHED, Clustering
from batchgd.minima.tables import Minima, Stationary

__all__ = [
    "UNPOLISHED",
    "Catalogue",
    "Clustering",
    "Found",
    "Minima",
    "Stationary",
    "find_minima",
    "seen_interval",
    "wilson",
]
