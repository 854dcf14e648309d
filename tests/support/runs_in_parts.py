"""A run in parts, its files, and the undisturbed result."""

import pytest

import batchgd as bgd
from batchgd.api.testing import forced

SETTINGS = {"dim": 2, "starts": 2000, "backend": "numpy", "maxiter": 200}
PART = 300


def solve(folder=None, **changes):
    """Rastrigin's function from 2,000 starts, in parts of 300 if there is a folder."""
    with forced(part=PART):
        return bgd.multistart("rastrigin", **SETTINGS | changes, run=folder)


def files(folder):
    return sorted((folder / "parts").glob("*.npz"))


@pytest.fixture(scope="module")
def whole():
    """The undisturbed result."""
    return solve()
