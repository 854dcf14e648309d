"""Fixtures that more than one test file uses, and what becomes of garbage at the end."""

import gc

import pytest
from cache_samples import cache
from shell_samples import folder, solver

import batchgd as bgd

__all__ = ["cache", "folder", "registries", "solver"]


@pytest.fixture
def registries():
    """What a test registers is forgotten at its end."""
    with bgd.testing.registering():
        yield


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish():
    """Collect garbage once: Python does so again and again as it ends, seconds each among all that Numba has left."""
    gc.collect()
    gc.freeze()
