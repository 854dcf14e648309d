"""Fits of a model to data: parameters and expressions, data, statistics, and the printed report."""

from batchgd.analysis.fitting.parameters import Parameter as Parameter
