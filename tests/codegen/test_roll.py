"""Rolled expressions: what repeats is found, and run as loops it gives what the function gives."""

import numpy as np
import pytest

import batchgd as bgd
from batchgd import Objective
from batchgd.compiler.codegen import warp_tick
from batchgd.compiler.codegen.emit_loops import RolledText, Tables
from batchgd.compiler.codegen.rule import read_rule
from batchgd.compiler.codegen.typed_constants import Constants
from batchgd.compiler.trace.operations import numpy_names

METHODS = bgd.methods.METHODS

DIM = 33
ORDER = np.random.default_rng(1).permutation(DIM)
WEIGHTS = np.random.default_rng(2).uniform(1.0, 2.0, DIM)


def centred(x):
    """A sum of terms that hold another sum."""
    return np.sum((x - np.mean(x)) ** 4) + np.exp(-np.sum(x**2))


def shuffled(x):
    """Coordinates that follow no progression, and weights."""
    return np.sum(WEIGHTS * np.sin(x[ORDER]) * x)


def chained(x):
    """Terms of three neighbours, some of them subtracted."""
    return x[0] - np.sum(x[2:] * x[1:-1] * x[:-2]) + np.sum(np.cos(x[1:]) - x[1:] ** 2)


def scaled(x, p):
    """Parameters, in terms and outside."""
    return p[0] * np.sum((x - p[1]) ** 2) / p[2] + x[3] * p[1]


def single(x):
    """Nothing repeats."""
    return np.exp(x[0]) * x[1]


MADE = {
    "centred": Objective(centred, DIM),
    "shuffled": Objective(shuffled, DIM),
    "chained": Objective(chained, DIM),
    "scaled": Objective(scaled, DIM, params=[2.0, 0.5, 3.0]),
    "single": Objective(single, 2),
}
SHAPED = ("sphere", "ellipsoid", "rosenbrock", "ackley", "levy", "michalewicz", "styblinski_tang", "griewank")


def objective_of(name):
    return MADE[name] if name in MADE else bgd.as_objective(bgd.landscapes.get(name), DIM)


def run(objective, what, threads, x):
    """Run the text with so many threads, each a generator that stops at every sum over all of them."""
    text = RolledText(
        "piece",
        objective.rolled(what),
        Constants("float64"),
        tables := Tables(len(objective.numbers)),
        x=lambda i: f"x[{i}]",
        slope=lambda i: f"g[{i}]",
        total=lambda share: f"(yield {share})",
        thread="thread",
        width=threads,
    )
    knobs = [f"p{k} = p[{k}]" for k in range(0 if objective.params is None else len(objective.params))]
    body = [*knobs, *text.lines, *(["yield f"] if what != "gradient" else ["yield"])]
    made = "\n".join(
        [*tables.lines(), *text.functions, "def share(x, g, p, thread):", *(f"    {line}" for line in body)]
    )
    names = {**numpy_names(), "TABLES": ()}
    exec(made, names)
    p = [*objective.numbers, *names["TABLES"]]
    g = np.full(objective.dim, np.nan)
    team = [names["share"](x, g, p, thread) for thread in range(threads)]
    given = [next(member) for member in team]
    while True:
        try:
            given = [member.send(sum(given) if given[0] is not None else None) for member in team]
        except StopIteration:
            return given, g


@pytest.mark.parametrize("threads", [1, 8])
@pytest.mark.parametrize("name", [*MADE, *SHAPED])
def test_loops_give_what_the_function_gives(name, threads):
    objective = objective_of(name)
    x = np.random.default_rng(0).uniform(0.1, 1.0, objective.dim)
    for what in ("value_and_gradient", "gradient", "value"):
        values, slopes = run(objective, what, threads, x)
        if what != "gradient":
            np.testing.assert_allclose(values, objective.value(x), rtol=1e-12)
        if what != "value":
            np.testing.assert_allclose(slopes, objective.gradient(x), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "members"),
    [
        ("sphere", [[DIM]]),
        ("rosenbrock", [[DIM - 2]]),
        ("ackley", [[DIM], [DIM]]),
        ("centred", [[DIM], [DIM], [DIM]]),
        ("scaled", [[DIM - 1]]),
    ],
)
def test_what_repeats_is_found(name, members):
    stages = objective_of(name).rolled("value_and_gradient").stages
    assert [[loop.members for loop in stage.loops if loop.members > 1] for stage in stages] == members


def test_a_warp_is_for_what_rolls_up_and_treats_coordinates_alike():
    rules = {name: read_rule(METHODS[name].example().rule) for name in ("adam", "barzilai_borwein", "lbfgs", "bfgs")}
    shapes = {name: warp_tick.gains(objective_of(name), rules["adam"]) for name in (*SHAPED, "shuffled", "single")}
    assert shapes == {**dict.fromkeys([*SHAPED, "shuffled"], True), "griewank": False, "single": False}
    alike = {name: warp_tick.can_share(objective_of("sphere"), rule) for name, rule in rules.items()}
    assert alike == {"adam": True, "barzilai_borwein": True, "lbfgs": True, "bfgs": False}
    rows = bgd.FiniteSum(lambda x, row: (x[0] - row[0]) ** 2, [[1.0]], dim=DIM)
    assert not warp_tick.can_share(rows, rules["adam"])
