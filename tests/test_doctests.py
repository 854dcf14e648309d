"""The examples in docstrings and in the pages of docs are run as they stand, one test per module or page."""

import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

import batchgd
from batchgd import testing

PAGES = [page for page in sorted((Path(__file__).parents[1] / "docs").glob("*.md")) if ">>>" in page.read_text()]
MODULES = ["batchgd", *(found.name for found in pkgutil.walk_packages(batchgd.__path__, "batchgd."))]


@pytest.fixture(autouse=True)
def nothing_to_compile(registries):
    """What an example shows holds on every backend, and this one has nothing to compile."""
    with testing.automatic("numpy"):
        yield


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_in_pages(page):
    assert doctest.testfile(str(page), module_relative=False, encoding="utf-8").failed == 0


@pytest.mark.parametrize("name", sorted({*batchgd.__all__} - {"__version__"}))
def test_every_public_name_has_an_example(name):
    public = getattr(batchgd, name)
    raised = isinstance(public, type) and issubclass(public, Exception)
    assert raised or ">>>" in public.__doc__
