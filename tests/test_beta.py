"""Quantiles of the beta distribution against SciPy's, and against what is known in closed form."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import betainc, betaincinv

from batchgd.minima.beta import beta_quantile

SIZES = st.floats(0.0, 9.0).map(lambda exponent: 10.0**exponent)


@settings(max_examples=200)
@given(a=SIZES, b=SIZES, p=st.floats(1e-10, 0.99))
def test_quantiles_are_scipys(a, b, p):
    assert beta_quantile(a, b, p) == pytest.approx(betaincinv(a, b, p), rel=1e-11)


@pytest.mark.parametrize("n", [2, 1000, 10**9])
def test_one_success_or_all_are_powers(n):
    p = np.array([1e-6, 0.025, 0.5, 0.975])
    np.testing.assert_allclose(beta_quantile(1, n, p), -np.expm1(np.log1p(-p) / n), rtol=1e-12)
    np.testing.assert_allclose(beta_quantile(n, 1, p), p ** (1 / n), rtol=1e-12)


def test_shapes_are_broadcast_in_any_number():
    counts = np.arange(1.0, 9001.0)
    x = beta_quantile(counts[:, None], 9001.0 - counts[:, None], [0.025, 0.975])
    assert x.shape == (9000, 2)
    np.testing.assert_allclose(betainc(counts, 9001.0 - counts, x[:, 1]), 0.975, rtol=1e-10)
    assert beta_quantile([], 1, 0.5).shape == (0,)
