"""Fixtures that more than one test file uses, and what becomes of garbage at the end."""

import gc

import pytest
from shell_samples import folder, solver

from batchgd.analysis.strategies import STRATEGIES
from batchgd.api.pictures import PICTURES
from batchgd.problem.landscapes.registry import LANDSCAPES
from batchgd.problem.methods import METHODS

__all__ = ["folder", "registries", "solver"]


@pytest.fixture
def registries(monkeypatch):
    """What a test registers is forgotten at its end."""
    for table in (METHODS, LANDSCAPES, STRATEGIES, PICTURES):
        for name in ("_entries", "_definitions"):
            monkeypatch.setattr(table, name, dict(getattr(table, name)))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish():
    """Collect garbage once: Python does so again and again as it ends, seconds each among all that Numba has left."""
    gc.collect()
    gc.freeze()
