"""Labels must not depend on the two last units that an approximate division in single precision may miss."""

from contextlib import contextmanager
from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest

import batchgd as bgd
from batchgd.compiler.trace.operations import OPERATIONS

UNITS = 2  # in the last place: the bound that the PTX manual gives for div.approx.f32


def missed(a, b):
    """A quotient that is wrong by up to so many units, in a way that depends on its bits alone."""
    quotient = np.asarray(a / b, np.float32)
    off = quotient.view(np.int32) * np.int32(-1640531527) >> 16
    off = off % (2 * UNITS + 1) - UNITS
    return np.where(np.isfinite(quotient), quotient * (1 + off * np.float32(2.0**-24)), quotient).astype(np.float32)


@contextmanager
def approximately():
    """Have quotients that are off."""
    division = replace(OPERATIONS["div"], compute=missed)
    with bgd.testing.fresh_cache(), patch.dict(OPERATIONS, div=division):
        yield


@pytest.mark.parametrize("method", [None, bgd.Adam(0.02), bgd.LBFGS(0.01)], ids=["default", "adam", "lbfgs"])
@pytest.mark.parametrize("name", ["himmelblau", "ackley", "branin"])
def test_labels_do_not_depend_on_the_last_units_of_quotients(name, method):
    options = {"starts": 2000, "dtype": "float32", "backend": "numpy", "method": method, "maxiter": 600}
    exact = bgd.multistart(name, **options)
    with approximately():
        near = bgd.multistart(name, **options)
    assert np.mean(exact.x != near.x) > 0.01  # the quotients were other ones
    assert np.mean(exact.label == near.label) >= 0.999
