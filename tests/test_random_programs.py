"""Random programs, traced: value and gradient at every point are those of the path that the plain function takes."""

import numpy as np
import pytest
from random_programs import Dual, dual, program

import batchgd as bgd


@pytest.mark.parametrize("seed", range(60))
def test_a_random_program_has_its_value_and_gradient(seed):
    names = {"np": np}
    exec(program(seed), names)
    function = names["function"]
    points = np.random.default_rng(seed).uniform(-1, 1, (40, 3))
    value, gradient = bgd.Objective(function, 3).value_and_gradient(points)
    with np.errstate(all="ignore"):
        exact = [dual(function([Dual(t, e) for t, e in zip(x, np.eye(3), strict=True)])) for x in points]
    wanted = np.array([each.value for each in exact])
    np.testing.assert_allclose(value, wanted, rtol=1e-10, atol=1e-10)
    for x, found, each in zip(points, gradient, exact, strict=True):
        if np.isfinite(each.value) and np.isfinite(each.slope).all():
            scale = max(1.0, np.abs(each.slope).max())
            np.testing.assert_allclose(found, each.slope, rtol=1e-8, atol=1e-9 * scale, err_msg=str(x))
