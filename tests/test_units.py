"""Units: what multiplies f or x changes no label, scaled coordinates are exact, and defaults follow the function."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import batchgd as bgd
from batchgd import InputError

FAR_APART = [(-1e6, 1e6), (-1e-6, 1e-6)]


def wells(x):
    return np.sum(x**4 - x**2) + 0.3 * x[0] + 0.2 * x[0] * x[1]


def far_apart(x):
    return (x[0] / 1e6 - 0.3) ** 2 + (x[1] * 1e6 + 0.2) ** 2


@settings(max_examples=8, deadline=None)
@given(
    st.integers(-60, 60),
    st.integers(-60, 60),
    st.sampled_from(["barzilai_borwein", "lbfgs", "newton", "nonlinear_cg"]),
)
def test_powers_of_two_change_no_label(of_f, of_x, method):
    f, x = 2.0**of_f, 2.0**of_x
    options = {"starts": 60, "method": method, "backend": "numpy"}
    plain = bgd.multistart(wells, box=[(-2, 2)] * 2, **options)
    other = bgd.multistart(lambda u: f * wells(u / x), box=[(-2 * x, 2 * x)] * 2, **options)
    np.testing.assert_array_equal(other.label, plain.label)
    np.testing.assert_allclose(other.minima.x, x * plain.minima.x, rtol=1e-7)
    assert (plain.label >= 0).all()


@pytest.mark.parametrize(
    ("fun", "box", "where"),
    [
        (lambda x: 1e-9 * ((x[0] - 0.3) ** 2 + (x[1] + 0.2) ** 2), [(-1, 1)] * 2, [0.3, -0.2]),
        (lambda x: ((x[0] - 8e15) / 1e15) ** 2, [(0, 3e16)], [8e15]),
        (far_apart, FAR_APART, [3e5, -2e-7]),
    ],
)
def test_flat_functions_and_large_coordinates_are_descended(fun, box, where):
    result = bgd.multistart(fun, box=box, starts=300, backend="numpy")
    assert result.minima.count.tolist() == [300]
    np.testing.assert_allclose(result.minima.x[0], where, rtol=1e-6)


def test_a_scale_is_a_descent_of_the_scaled_function_to_the_last_bit():
    scale = np.array([8.0, 0.5, 1.0])

    def fun(x):
        return np.sum(x**4 - 3 * x**2) + x[0] * x[1] - 0.1 * x[2]

    box = [(-16.0, 8.0), (-1.0, 0.5), (-2.0, 2.0)]
    unit = [(low / s, high / s) for (low, high), s in zip(box, scale, strict=True)]
    for method in ("barzilai_borwein", bgd.Adam(0.01)):
        for backend in ("numpy", "cpu"):
            options = {"starts": 200, "method": method, "backend": backend, "maxiter": 200}
            got = bgd.multistart(fun, box=box, scale=scale, **options)
            wanted = bgd.multistart(lambda u: fun(scale * u), box=unit, scale=None, **options)
            np.testing.assert_array_equal(got.x, scale * wanted.x)
            np.testing.assert_array_equal(got.fun, wanted.fun)
            np.testing.assert_array_equal(got.x0, scale * wanted.x0)


def test_a_scale_goes_wherever_a_run_goes(tmp_path):
    result = bgd.multistart(far_apart, box=FAR_APART, starts=50, backend="numpy")
    assert result.scale.tolist() == [2.0**21, 2.0**-19]
    again = bgd.load(result.save(tmp_path / "run"), fun=far_apart)
    assert again.scale.tolist() == result.scale.tolist()
    assert result[:10].scale.tolist() == result.scale.tolist()
    assert result.fidelity(50).agree == 1.0
    path = bgd.path(far_apart, [5e5, 3e-7], box=FAR_APART, backend="numpy")
    np.testing.assert_allclose(path.x[0], [5e5, 3e-7])
    np.testing.assert_allclose(path.x[-1], [3e5, -2e-7], rtol=1e-6)
    mapped = bgd.map(far_apart, FAR_APART, 16, backend="numpy")
    assert (mapped.label == 0).all()


def test_sums_and_mixed_precision_are_scaled_as_well():
    data = np.stack([np.linspace(0, 2, 20), 3e4 * np.exp(-1.5 * np.linspace(0, 2, 20))], axis=1)
    fit = bgd.FiniteSum(lambda p, row: (p[0] * np.exp(-p[1] * row[0]) - row[1]) ** 2, data, dim=2)
    for dtype in ("float64", "mixed"):
        result = bgd.multistart(fit, box=[(0, 1e5), (0, 4)], starts=50, dtype=dtype, backend="numpy")
        np.testing.assert_allclose(result.minima.x[0], [3e4, 1.5], rtol=1e-6)
        assert result.minima.fraction[0] > 0.9


def test_the_default_leaves_well_scaled_problems_alone():
    for name in ("himmelblau", "mueller_brown", "rosenbrock"):
        result = bgd.multistart(name, starts=20, backend="numpy")
        assert result.scale is None
        assert result.stopping.gtol <= 1e-6
    assert bgd.multistart("himmelblau", starts=20, backend="numpy").stopping.gtol == 1e-6
    assert bgd.multistart("sphere", starts=20, gtol=1e-3, backend="numpy").stopping.gtol == 1e-3
    assert bgd.multistart(far_apart, box=FAR_APART, method=bgd.Adam(0.1), starts=9, backend="numpy").scale is None


def test_a_method_that_works_is_recommended():
    def valley(x):
        return (x[0] - 1) ** 2 + 1e6 * (x[1] - x[0] ** 2) ** 2

    result = bgd.multistart(valley, box=[(-2, 2)] * 2, starts=100, maxiter=1000, backend="numpy")
    (said,) = [line for line in result.warnings if "try method=" in line]
    assert "of 32 of them" in said
    name = said.rsplit("'", 2)[1]
    assert (bgd.multistart(valley, box=[(-2, 2)] * 2, starts=100, method=name, backend="numpy").label == 0).mean() > 0.9


def test_a_tolerance_that_ends_everything_at_once_is_said():
    result = bgd.multistart(lambda x: 1e-9 * np.sum(x**2), box=[(-1, 1)] * 2, starts=50, gtol=1e-6, backend="numpy")
    assert any("at rest where they began, with gtol=1e-06" in said for said in result.warnings)


@pytest.mark.parametrize(
    ("scale", "said"),
    [
        ("boxes", "scale is 'boxes'"),
        ([1.0], "2 positive widths"),
        ([1.0, -1.0], "2 positive widths"),
        ([1.0, np.nan], "scale contains"),
        (True, "scale"),
    ],
)
def test_scales_that_are_refused(scale, said):
    with pytest.raises(InputError, match=said):
        bgd.multistart("himmelblau", scale=scale, starts=5)
