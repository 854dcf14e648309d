"""The examples in docstrings are run as they stand, one test per module."""

import doctest
import functools
import importlib
import pkgutil

import pytest

import batchgd
from batchgd import backends, solve

MODULES = ["batchgd", *(found.name for found in pkgutil.walk_packages(batchgd.__path__, "batchgd."))]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name, monkeypatch):
    module = importlib.import_module(name)
    # What an example shows holds on every backend, and this one has nothing to compile.
    monkeypatch.setattr(backends, "choose", functools.partial(chosen, backends.choose))
    monkeypatch.setattr(solve, "choose", backends.choose)
    assert doctest.testmod(module).failed == 0


def chosen(choose, name="auto"):
    return choose("numpy" if name == "auto" else name)


@pytest.mark.parametrize("name", sorted({*batchgd.__all__} - {"__version__"}))
def test_every_public_name_has_an_example(name):
    public = getattr(batchgd, name)
    raised = isinstance(public, type) and issubclass(public, Exception)
    assert raised or ">>>" in public.__doc__
