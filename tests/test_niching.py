"""The CEC-2013 niching problems F1 to F10: every global optimum comes out of ``result.minima``, and nothing lower."""

import numpy as np
import pytest

import batchgd as bgd

PROBLEMS = {  # number of global optima as Li, Engelbrecht and Epitropakis (2013) state it, and starts that show them
    "F1": ("five_uneven_peak_trap", 1, None, 2, 1_000),
    "F2": ("equal_maxima", 1, None, 5, 1_000),
    "F3": ("uneven_decreasing_maxima", 1, None, 1, 1_000),
    "F4": ("himmelblau", 2, None, 4, 1_000),
    "F5": ("six_hump_camel", 2, [(-1.9, 1.9), (-1.1, 1.1)], 2, 1_000),
    "F6, 2-D": ("shubert", 2, None, 18, 10_000),
    "F7, 2-D": ("vincent", 2, None, 36, 10_000),
    "F6, 3-D": ("shubert", 3, None, 81, 100_000),
    "F7, 3-D": ("vincent", 3, None, 216, 10_000),
    "F8, 2-D": ("modified_rastrigin", 2, None, 12, 1_000),
}


@pytest.mark.parametrize("problem", PROBLEMS)
def test_every_global_optimum_is_found(problem):
    name, dim, box, wanted, starts = PROBLEMS[problem]
    strategy = bgd.RareBasins() if problem == "F7, 3-D" else None
    backend = "cpu" if starts > 10_000 else "numpy"  # compiling costs more than a few thousand descents
    result = bgd.multistart(name, dim=dim, box=box, starts=starts, strategy=strategy, backend=backend)
    best = bgd.landscapes.get(name).global_value(dim)
    minima = result.minima[result.minima.inside]
    assert minima.fun[0] == pytest.approx(best, rel=1e-12, abs=1e-12)
    found = minima.x[minima.fun <= best + 1e-6 * max(1.0, abs(best))]
    assert len(found) == wanted
    known = bgd.landscapes.get(name).minima(dim)[:wanted]
    if name != "six_hump_camel":
        gap = np.abs(found[:, None] - known[None]).max(axis=2).min(axis=1)
        assert gap.max() < 1e-6


def test_the_trap_has_three_local_minima_and_all_five_are_kinks():
    minima = bgd.multistart("five_uneven_peak_trap", starts=1_000, backend="numpy").minima
    assert sorted(minima.x[:, 0].round(6).tolist()) == [0.0, 5.0, 12.5, 22.5, 30.0]
    assert minima.fun.round(6).tolist() == [-200.0, -200.0, -160.0, -160.0, -140.0]
    assert set(minima.kind) == {"kink"}


def test_the_end_of_a_domain_is_a_kink_in_the_order_of_its_value():
    """Uneven decreasing maxima has an infinite slope at x = 0, which is no rounding in its value, 0.125 of the hull."""
    minima = bgd.multistart("uneven_decreasing_maxima", starts=2_000, backend="numpy").minima
    end = int(np.argmin(minima.x[:, 0]))
    assert minima.kind[end] == "kink"
    assert minima.fun[end] == pytest.approx(-0.125 * np.exp(-2 * np.log(2) * (0.08 / 0.854) ** 2), abs=1e-5)
    assert np.all(np.diff(minima.fun) > 0)
