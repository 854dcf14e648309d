"""The examples: data read right, functions that are what they say, fits that reach the certified values."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

import batchgd
from batchgd import landscapes

EXAMPLES = Path(__file__).parents[1] / "examples"
FITS = {
    "nist_boxbod": {"parameters": [2.1380940889e02, 5.4723748542e-01], "residual_sum": 1.1680088766e03},
    "nist_danwood": {"parameters": [7.6886226176e-01, 3.8604055871e00], "residual_sum": 4.3173084083e-03},
}


@pytest.fixture
def load(monkeypatch):
    """Import an example by its path, and forget it and what it changed afterwards."""
    monkeypatch.syspath_prepend(EXAMPLES)  # where a script finds the files beside it
    monkeypatch.delitem(sys.modules, "nist", raising=False)

    def by_name(name: str):
        spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
        return module

    yield by_name
    sys.modules.pop("nist", None)


@pytest.mark.parametrize("name", FITS)
def test_data_sets_are_read_as_printed(load, name):
    data = load(name).DATA
    assert data.parameters.tolist() == FITS[name]["parameters"]
    assert data.residual_sum == FITS[name]["residual_sum"]
    assert data.x.shape == data.y.shape == (6,)
    assert data.starts.shape == (2, 2)
    assert np.all(data.deviations > 0.0)


def test_first_and_last_observations_and_starts(load):
    boxbod, danwood = load("nist_boxbod").DATA, load("nist_danwood").DATA
    assert (boxbod.name, danwood.name) == ("BoxBOD", "DanWood")
    assert (boxbod.x[0], boxbod.y[0], boxbod.x[-1], boxbod.y[-1]) == (1.0, 109.0, 10.0, 224.0)
    assert (danwood.x[0], danwood.y[0], danwood.x[-1], danwood.y[-1]) == (1.309, 2.138, 1.68, 5.66)
    assert boxbod.starts.tolist() == [[1.0, 1.0], [100.0, 0.75]]
    assert danwood.starts.tolist() == [[1.0, 5.0], [0.7, 4.0]]


@pytest.mark.parametrize("name", FITS)
def test_the_box_holds_both_starts(load, name):
    data = load(name).DATA
    lower, upper = np.array(data.box()).T
    assert np.all((lower < data.starts) & (data.starts < upper))


@pytest.mark.parametrize("name", FITS)
def test_the_certified_parameters_give_the_certified_residual_sum(load, name):
    module = load(name)
    assert module.residual_sum(module.DATA.parameters) == pytest.approx(module.DATA.residual_sum, rel=1e-10)


def test_agreeing_digits(load):
    nist = load("nist")
    assert nist.agreeing_digits(2.0, 2.0) == 11.0
    assert nist.agreeing_digits(1.001, 1.0) == pytest.approx(3.0, abs=1e-9)
    assert nist.agreeing_digits(-1.0, 1.0) < 0.0


def test_the_example_potential_is_the_landscape(load):
    potential, landscape = load("mueller_brown").potential, landscapes.get("mueller_brown")
    box = landscape.box()
    for x in np.random.default_rng(0).uniform(box.lower, box.upper, (20, 2)):
        assert potential(x) == pytest.approx(landscape.fun(x), rel=1e-12)
    assert landscape.bounds == tuple(load("mueller_brown").BOX)


@pytest.mark.parametrize("name", FITS)
def test_fits_reproduce_the_certified_values(load, name):
    module = load(name)
    nist = sys.modules["nist"]
    best = module.fit(starts=200).minima
    digits = [nist.agreeing_digits(b, c) for b, c in zip(best.x[0], FITS[name]["parameters"], strict=True)]
    digits.append(nist.agreeing_digits(best.fun[0], FITS[name]["residual_sum"]))
    assert min(digits) >= 6.0, nist.compare(module.DATA, best.x[0], best.fun[0])


def test_mueller_brown_shows_its_three_minima(load):
    module = load("mueller_brown")
    result = batchgd.multistart(module.potential, box=module.BOX, starts=500, seed=0)
    np.testing.assert_allclose(result.minima.x, landscapes.get("mueller_brown").minima(), rtol=0.0, atol=1e-8)
    assert len(result) == 500


def test_a_shape_is_found_where_it_has_moved(load):
    example = load("registration")
    found = example.run(500).minima
    np.testing.assert_allclose(found.x[0], example.SHIFT, atol=1e-6)
    assert found.fun[0] < 1e-12
    assert len(found) > 1


def test_the_periods_of_a_star_are_found(load):
    example = load("exoplanet")
    assert len(example.DAY) == 401
    one = example.one_planet(starts=1_000)
    assert one.params["P"].value == pytest.approx(1194.066, rel=1e-5)
    assert len(one.solutions) > 100
    two = example.two_planets(one, starts=1_000)
    assert two.params["Q"].value == pytest.approx(75.765, abs=0.05)
    assert two.chisqr < 0.9 * one.chisqr


def test_waves_that_may_change_places_are_one_solution(load):
    example = load("nist_enso")
    found = example.fit(starts=300)
    for name, certified in example.CERTIFIED.items():
        assert found.params[name].value == pytest.approx(certified, rel=1e-6), name
    assert found.chisqr == pytest.approx(example.DATA.residual_sum, rel=1e-9)
    assert len(found.equal) == 1
