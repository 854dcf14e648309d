"""Methods, landscapes, pictures and strategies of other packages, and names as people write them."""

import importlib
import json
import os
import pickle
import subprocess
import sys
import textwrap
import warnings
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
import test_methods
from shell_samples import shell
from test_methods import STARTS, descend, himmelblau_gradient

import batchgd as bgd
from batchgd import InputError
from batchgd.analysis.strategies import Strategy
from batchgd.kernels.vecmath import sqrt, where
from batchgd.problem.errors import bare
from batchgd.problem.methods import METHODS, POSITIVE, FirstOrder, Hyperparameter

pytestmark = pytest.mark.usefixtures("registries")

PACKAGE = """
    import batchgd as bgd, sys
    from dataclasses import dataclass

    def update(x, g, learning_rate):
        return x - {factor} * learning_rate * g

    @bgd.register_method("scaled", sys.modules[__name__])
    @dataclass(frozen=True, eq=False)
    class Scaled(bgd.methods.FirstOrder):
        learning_rate: float = 0.25
        LIMITS = {{"learning_rate": bgd.methods.POSITIVE}}
"""


@pytest.fixture
def package():
    """A package that registers AdaBelief when it is imported."""
    sys.modules.pop("another_package", None)
    yield importlib.import_module("another_package")
    del sys.modules["another_package"]


def bowl(x):
    return 0.5 * (x[0] - 1.0) ** 2


@pytest.mark.parametrize("updates", [1, 2, 7, 40])
def test_a_foreign_method_follows_its_reference_bit_for_bit(package, updates):
    found = descend(package.AdaBelief(0.05), updates).x
    paths = [package.reference(himmelblau_gradient, start, updates, 0.05) for start in STARTS]
    np.testing.assert_array_equal(found, paths)


@pytest.mark.parametrize(
    "test",
    [
        test_methods.test_cpu_and_numpy_make_the_same_iterates,
        test_methods.test_bits_do_not_depend_on_company_shards_or_threads,
        test_methods.test_its_example_reaches_minima_also_in_float32,
        test_methods.test_modifiers_compose_with_every_first_order_rule,
        test_methods.test_names_and_settings,
    ],
)
def test_it_passes_the_tests_of_the_library(package, test):
    test("adabelief")


def test_it_is_listed_run_and_stored(package, tmp_path, capsys):
    assert "adabelief" in METHODS
    code, out, _ = shell(capsys, "list --methods --json")
    assert code == 0
    assert json.loads(out)["methods"][-1]["class"] == "AdaBelief"
    line = f"run himmelblau --method Ada-Belief --set learning-rate=0.05 --starts 200 --out {tmp_path / 'run'} --quiet"
    assert shell(capsys, f"{line} --backend numpy")[0] == 0
    result = bgd.load(tmp_path / "run")
    assert len(result.minima) == 4
    assert str(result.method) == str(package.AdaBelief(0.05))
    assert str(pickle.loads(pickle.dumps(result.method))) == str(result.method)
    assert "clip_norm : float" in package.AdaBelief.__doc__


def test_a_changed_rule_is_compiled_again(tmp_path, monkeypatch):
    objective = bgd.Objective(bowl, 1, box=[(-1.0, 1.0)])
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # which tells texts apart by their second
    for factor in (1.0, 2.0, 1.0):
        (tmp_path / "changing.py").write_text(textwrap.dedent(PACKAGE.format(factor=factor)))
        sys.modules.pop("changing", None)
        importlib.invalidate_caches()
        importlib.import_module("changing")
        for backend in ("numpy", "cpu"):
            batch = bgd.descend(objective, [[0.0]], method="scaled", maxiter=1, backend=backend)
            assert batch.x.tolist() == [[0.25 * factor]]
    del sys.modules["changing"]


@pytest.mark.parametrize("broken", [False, True])
def test_an_installed_package_is_found_by_its_entry_point(tmp_path, broken):
    text = "raise OSError('no\\nlicence')" if broken else textwrap.dedent(PACKAGE.format(factor=1.0))
    (tmp_path / "scaled_descent.py").write_text(text)
    (tmp_path / "scaled_descent-1.0.dist-info").mkdir()
    (tmp_path / "scaled_descent-1.0.dist-info" / "METADATA").write_text("Name: scaled-descent\nVersion: 1.0\n")
    (tmp_path / "scaled_descent-1.0.dist-info" / "entry_points.txt").write_text(
        "[batchgd.methods]\nscaled = scaled_descent\n"
    )
    words = ["run", "sphere", "--method", "Scaled", "--starts", "10", "--backend", "numpy", "--json"]
    run = subprocess.run(
        [sys.executable, "-m", "batchgd", *words],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
        capture_output=True,
        text=True,
        check=False,
    )
    if broken:
        assert run.returncode == 2
        warned, refused = run.stderr.splitlines()
        assert "method 'scaled' of scaled-descent cannot be loaded (OSError: no licence)" in warned
        assert "unknown method 'Scaled'" in refused
    else:
        assert run.returncode == 0, run.stderr
        assert json.loads(run.stdout)["method"]["name"] == "Scaled"


# What a rule may not be

EPS = 1e-8
TAKES = {"learning_rate": POSITIVE}


def register(rule, name="mine"):
    @bgd.register_method(name, rule)
    @dataclass(frozen=True, eq=False)
    class Mine(FirstOrder):
        learning_rate: Hyperparameter = 0.1
        LIMITS = TAKES

    return Mine


def outside(update):
    """A rule of this one function, as it is in a file."""
    return SimpleNamespace(update=update)


class Branching:
    def update(x, g, learning_rate):
        if x > 0:
            return x
        return x - learning_rate * g


class Choosing:
    def update(x, g, learning_rate):
        return x if x > 0 and g > 0 else x - learning_rate * g


class WithNumPy:
    def update(x, g, learning_rate):
        return x - learning_rate * np.sqrt(g)


class WithGlobal:
    def update(x, g, learning_rate):
        return x - learning_rate * g / (sqrt(g * g) + EPS)


class WithDefault:
    def update(x, g, learning_rate=0.1):
        return x - learning_rate * g


class WithOwn:
    def update(x, g, learning_rate):
        return where(g > 0.0, register(x), g)


class Nothing:
    pass


RULES = [
    (Branching, "update of the rule mine contains 'if x > 0: return x': write assignments and one return, where("),
    (Choosing, "update of the rule mine contains 'x if x > 0 and g > 0 else x - learning_rate * g'"),
    (WithNumPy, "update of the rule mine contains 'np.sqrt': "),
    (WithGlobal, "update of the rule mine uses EPS = 1e-08: write the number itself, or make it a hyperparameter"),
    (WithDefault, "update of the rule mine takes (x, g, learning_rate=0.1): give its arguments without defaults"),
    (WithOwn, "register of the rule mine takes (rule, name='mine')"),
    (Nothing, "give a module with a function update(x, g, ...)"),
    (outside(lambda x, g, learning_rate: x), "write it as def update(...)"),
    (3, "the rule of mine is 3: give a module with a function update"),
]


@pytest.mark.parametrize(("rule", "message"), RULES, ids=lambda value: getattr(value, "__name__", ""))
def test_a_rule_that_cannot_be_compiled_is_one_clear_line(rule, message):
    with pytest.raises(InputError) as caught:
        register(rule)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "mine" not in METHODS


def test_a_rule_without_its_source_is_refused():
    names = {}
    exec("def update(x, g, learning_rate):\n    return x - learning_rate * g", names)
    with pytest.raises(InputError, match="the source of update of the rule mine cannot be read: define it in a file"):
        register(outside(names["update"]))


class Hungry:
    def update(x, g, learning_rate, appetite):
        return x - learning_rate * appetite * g


def test_a_rule_that_asks_for_more_than_its_method_has_is_refused():
    with pytest.raises(InputError, match=r"the rule of Mine\(learning_rate=0.1\) needs appetite, but .*: add it"):
        bgd.descend(bowl, [[0.0]], method=register(Hungry)(), backend="numpy")


class Plain:
    def update(x, g, learning_rate):
        return x - learning_rate * g


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("adam", "a method named 'adam' exists already: give yours a name other"),
        ("heavy ball", "is registered as 'heavy ball': give a name of letters, digits and _"),
        ("HeavyBall", "a method named 'heavy_ball' exists already"),
        ("rmsprop_centred", "a rule 'rmsprop_centred' exists in the library already"),
        (None, "is registered as None"),
    ],
)
def test_names_are_taken_once(name, message):
    with pytest.raises(InputError) as caught:
        register(Plain, name)
    assert message in str(caught.value)


def test_a_class_is_named_once():
    with pytest.raises(InputError, match="a method of class Adam exists already, 'adam': rename yours"):
        bgd.register_method("other_adam", Plain)(type("Adam", (bgd.AMSGrad,), {}))
    with pytest.raises(InputError, match="is not a method: write a dataclass derived from"):
        bgd.register_method("other", Plain)(Plain)


def test_the_same_definition_replaces_itself():
    first, second = register(Plain), register(Hungry)
    assert METHODS["mine"] is second is not first


# Landscapes, pictures, strategies


def test_a_landscape_from_outside(capsys):
    at_seven = {"minima": lambda dim: np.full((1, dim), 7.0), "n_minima": 1, "global_value": 0.0}

    @bgd.register_landscape("Far well", source="", box=(0, 10), dims=(1, None), **at_seven)
    def far_well(x):
        return np.sum((x - 7.0) ** 2)

    code, out, err = shell(capsys, "run far-WELL --dim 3 --starts 20 --backend numpy --json")
    assert code == 0, err
    assert np.allclose(json.loads(out)["best"]["x"], 7.0)
    assert "far_well" in shell(capsys, "list")[1]
    with pytest.raises(InputError, match="a landscape named 'sphere' exists already"):
        bgd.landscapes.landscape("", source="", box=(0, 1), dims=1, minima=[], n_minima=0, global_value=0.0)(
            type("sphere", (), {})
        )


def test_a_picture_from_outside(tmp_path, capsys):
    @bgd.register_picture("values of the minima", trajectories=False)
    def levels(result, ax, colour="k"):
        """Draw a line at every minimum's value."""
        ax.hlines(result.minima.fun, 0.0, 1.0, colors=colour)
        return ax

    result = bgd.multistart("himmelblau", starts=100, backend="numpy")
    assert "levels" in dir(result.plot)
    assert len(result.plot.levels(colour="r").collections[0].get_segments()) == len(result.minima)
    assert result.plot.levels.__doc__ == levels.__doc__
    result.save(tmp_path / "run")
    assert shell(capsys, f"plot {tmp_path / 'run'} Levels --out {tmp_path / 'a.svg'} --quiet")[0] == 0
    with pytest.raises(InputError, match="a picture named 'levels' exists already"):
        bgd.register_picture("other")(type("levels", (), {}))


def test_a_strategy_from_outside(capsys):
    @bgd.register_strategy
    @dataclass(frozen=True)
    class Centred(Strategy):
        name = "centred"
        bias = "starts are drawn from the middle of the box"
        share: float = 0.5

        def explore(self, campaign):
            batch = campaign.batch
            centre = 0.5 * (batch.box.lower + batch.box.upper)
            campaign.descend(centre + self.share * (batch.starts.points(0, batch.starts.n) - centre))
            return {"drawn": 0}

    line = "run himmelblau --strategy CENTRED --strategy-set share=0.1 --starts 50 --backend numpy --json"
    code, out, err = shell(capsys, line)
    assert code == 0, err
    assert json.loads(out)["strategy"]["settings"] == {"share": 0.1}


# Names


@pytest.mark.parametrize(
    ("line", "key", "value"),
    [
        ("--method ADAM --set learning_rate=0.05", "method", "Adam"),
        ("--method Heavy-Ball --learning-rate 0.001", "method", "HeavyBall"),
        ("--method l-bfgs", "method", "LBFGS"),
        ("--learning-rate exponential(0.01,0.999)", "method", "GradientDescent"),
        ("--sampling Latin-Hypercube", "sampling", "latin_hypercube"),
        ("--sampling Normal --mean 0 --std 1", "sampling", "normal"),
        ("--dtype Float32", "dtype", "float32"),
        ("--dtype MIXED", "dtype", "mixed"),
        ("--strategy Rare-Basins", "strategy", "rare_basins"),
        ("--scale BOX", "backend", "numpy"),
        ("--norm Max", "backend", "numpy"),
        ("--keep Minima", "backend", "numpy"),
    ],
)
def test_names_are_read_in_any_case(capsys, line, key, value):
    code, out, err = shell(capsys, f"run Six-Hump-Camel --starts 20 --backend NumPy --json --quiet {line}")
    assert code == 0, err
    said = json.loads(out)[key]
    assert bare(said["name"] if isinstance(said, dict) else said).startswith(bare(value))


def test_nothing_is_imported_for_names_that_are_known():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert bgd.methods.METHODS.known[0] == "gradient_descent"
        assert bgd.multistart("sphere", starts=10, backend="numpy", method=bgd.Adam(0.1)).n == 10
