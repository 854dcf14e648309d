"""Fixtures that more than one test file uses, what was counted, and what becomes of garbage at the end."""

import gc
import sys
from pathlib import Path

import pytest
from cache_samples import cache
from runs_in_parts import whole
from shell_samples import folder, solver

import batchgd as bgd

__all__ = ["cache", "folder", "registries", "solver", "whole"]


HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session, items):
    """Mark what ``thorough.txt`` names; a name without a test is an error if all tests are collected."""
    names = {line for line in (HERE / "thorough.txt").read_text().splitlines() if not line.startswith("#")}
    found = set()
    for item in items:
        file = item.path.relative_to(HERE).as_posix()
        named = names & {file, f"{file}::{item.originalname}", f"{file}::{item.name}"}
        if named:
            found |= named
            item.add_marker(pytest.mark.thorough)
    if session.config.args_source is pytest.Config.ArgsSource.TESTPATHS and found != names:
        raise pytest.UsageError(f"thorough.txt names what is not there: {', '.join(sorted(names - found))}")


@pytest.fixture
def registries():
    """What a test registers is forgotten at its end."""
    with bgd.testing.registering():
        yield


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """Add what a worker's interpreter of PTX has run."""
    sent = getattr(node, "workeroutput", {}).get("ptx")
    if sent is not None:
        from ptx import counts

        counts.received(sent)


def pytest_terminal_summary(terminalreporter):
    """Print what the interpreter of PTX has run, if it has."""
    counts = sys.modules.get("ptx.counts")
    if counts is not None and counts.KERNELS:
        terminalreporter.section("kernels run by the interpreter of PTX")
        for line in counts.lines():
            terminalreporter.write_line(line)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    """Pass on what was counted.

    Collect garbage once: Python does so again and again as it ends, seconds each among all that Numba has left."""
    counts = sys.modules.get("ptx.counts")
    if counts is not None and hasattr(session.config, "workeroutput"):
        session.config.workeroutput["ptx"] = counts.sent()
    gc.collect()
    gc.freeze()
