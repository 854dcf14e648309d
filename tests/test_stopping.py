"""Each way to stop against its definition, on every backend and with methods of each kind."""

import dataclasses
import json

import numpy as np
import pytest
from stopping_rules import BOX, CURVATURE, RULES, STARTS, STEP_RULES, bowl, first, paths

import batchgd as bgd
from batchgd import Status
from batchgd.cli import main
from batchgd.compiler.resolve import Problem
from batchgd.engine.batch import make_batch
from batchgd.engine.compute import Compute
from batchgd.engine.run import run
from batchgd.kernels.status import AT_REST, SUCCESSES

BACKENDS = ("cpu", "numpy")
BOWL = Problem(bowl, BOX)
METHODS = {
    "gradient descent": bgd.GradientDescent(0.4),
    "heavy ball": bgd.HeavyBall(0.3, 0.6),
    "Armijo": bgd.Armijo(7.3),
    "Barzilai-Borwein": bgd.BarzilaiBorwein(max_displacement=0.2),
}
COMPILED = dict.fromkeys(
    ("gradient, relative, max-norm", "value, relative", "value, two in a row", "target", "patience"), "Barzilai-Borwein"
) | {"step, relative": "heavy ball"}
WAITING = {"gtol_rel": 1e-300, "norm": "max", "target": -1e300, "patience": 10**6, "maxfev": 10**6}
"""Limits that no path reaches: with them the rules of the same method share one compiled loop."""
NEVER_REJECT = ("gradient descent", "heavy ball")


@pytest.fixture(scope="module", params=METHODS)
def travelled(request):
    """A method's name and the paths that it takes."""
    return request.param, paths(METHODS[request.param], STARTS)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("rule", RULES | STEP_RULES)
def test_a_rule_ends_a_path_where_its_definition_says(rule, backend, travelled):
    name, ways = travelled
    if backend == "cpu" and COMPILED.get(rule) != name:
        pytest.skip("all methods and rules on numpy, one of each kind compiled")
    if rule in STEP_RULES and name not in NEVER_REJECT:
        pytest.skip("a line search may yet shorten the step to come")
    settings, status, holds = (RULES | STEP_RULES)[rule]
    if backend == "cpu" and not rule.startswith(("value", "step")):
        settings = WAITING | settings
    ends = bgd.descend(bowl, STARTS, box=BOX, method=METHODS[name], stopping=bgd.Stopping(**settings), backend=backend)
    expected = [first(way, holds) for way in ways]
    assert min(expected) > 0
    assert ends.nit.tolist() == expected
    assert (ends.status == status).all()
    np.testing.assert_allclose(
        ends.x, [way.x[k] for way, k in zip(ways, expected, strict=True)], rtol=1e-12, atol=1e-13
    )


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", METHODS)
def test_maxfev_counts_rejected_trials_and_ends_at_an_accepted_point(name, backend):
    if backend == "cpu" and name != "Barzilai-Borwein":
        pytest.skip("all methods on numpy, one that rejects compiled")
    ways = paths(METHODS[name], STARTS, 8)
    for most in (5, 6, 7):
        free = bgd.Stopping(**{**WAITING, "gtol": 1e-300, "maxfev": most})
        ends = bgd.descend(bowl, STARTS, box=BOX, method=METHODS[name], stopping=free, backend=backend)
        assert (ends.status == Status.MAXFEV).all()
        assert (ends.nfev == most).all()
        assert (ends.nit < most).all()
        for i, way in enumerate(ways):
            np.testing.assert_allclose(ends.x[i], way.x[ends.nit[i]], rtol=1e-9, atol=1e-13)


def parabola(x):
    return 0.5 * x[0] ** 2


def raised(x, level):
    return level + parabola(x)


@pytest.mark.parametrize("backend", BACKENDS)
class TestDivergence:
    """x_k = (1 - η)^k x_0 with η = 3: it doubles and changes sign."""

    def ended(self, backend, x0, level=0.0, f_growth=1e300, x_growth=1e300):
        stopping = bgd.Stopping(escape=np.inf, f_growth=f_growth, x_growth=x_growth)
        method = bgd.GradientDescent(3.0)
        return bgd.descend(raised, x0, params=level, method=method, stopping=stopping, backend=backend)

    def test_by_growth_of_the_value(self, backend):
        # f_k - f_0 = (4^k - 1) f_0, against 100 max(1, f_0)
        ends = self.ended(backend, [[2.0], [0.2]], f_growth=100.0)
        assert (ends.status == Status.DIVERGED).all()
        assert ends.nit.tolist() == [4, 7]

    def test_growth_is_measured_from_the_start(self, backend):
        # f_k - f_0 = 2 (4^k - 1), against f_0 = 52
        ends = self.ended(backend, [[2.0]], level=50.0, f_growth=1.0)
        assert ends.nit.tolist() == [3]

    def test_by_growth_of_x(self, backend):
        # The largest coordinate of the box, which is the one around the starts, is 2.
        ends = self.ended(backend, [[2.0], [0.25]], x_growth=10.0)
        assert (ends.status == Status.DIVERGED).all()
        assert ends.nit.tolist() == [4, 7]


@pytest.mark.parametrize(("backend", "dtype"), [("cpu", "float64"), ("numpy", "float64"), ("numpy", "float32")])
class TestOscillation:
    def test_at_the_limit_of_stability(self, backend, dtype):
        # η λ = 2: x_k = (-1)^k x_0 for ever; the first return is that of update 2.
        stopping = bgd.Stopping(oscillation=10)
        method = bgd.GradientDescent(2.0)
        ends = bgd.descend(parabola, [[1.5], [0.0]], method=method, stopping=stopping, backend=backend, dtype=dtype)
        assert ends.status.tolist() == [Status.OSCILLATING, Status.GRADIENT]
        assert ends.nit.tolist() == [11, 0]

    def test_an_attracting_cycle(self, backend, dtype):
        # x <- x - η (x^3 - x): beyond η = 1 the minima ±1 repel, and up to 1.236 a cycle of two attracts.
        stopping = bgd.Stopping(oscillation=10, maxiter=2000)
        x0 = np.linspace(0.3, 1.2, 20)[:, None]
        ends = bgd.descend(
            lambda x: 0.25 * x[0] ** 4 - 0.5 * x[0] ** 2,
            x0,
            method=bgd.GradientDescent(1.1),
            stopping=stopping,
            backend=backend,
            dtype=dtype,
        )
        assert (ends.status == Status.OSCILLATING).all()
        assert ends.nit.max() < 200

    def test_a_slow_decay_is_none(self, backend, dtype):
        method, stopping = bgd.GradientDescent(1.9995), bgd.Stopping(oscillation=10, gtol=0.5)
        ends = bgd.descend(parabola, [[1.5]], method=method, stopping=stopping, backend=backend, dtype=dtype)
        assert ends.status.tolist() == [Status.GRADIENT]


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("rastrigin", None),
        ("six_hump_camel", None),
        ("ackley", None),
        ("rastrigin", bgd.Armijo()),
        ("ackley", bgd.Adam(0.02)),
    ],
    ids=str,
)
def test_float32_stops_where_it_makes_no_progress(name, method):
    backend = "cpu" if (name, method) == ("ackley", None) else "numpy"
    result = bgd.multistart(name, dim=2, starts=2000, dtype="float32", method=method, backend=backend)
    capped = np.count_nonzero(~np.isin(result.status, [Status.GRADIENT, Status.STALLED]))
    assert capped <= (2 if name == "ackley" else 0)  # a step of fixed length jumps over Ackley's kink for ever
    assert np.quantile(result.nfev, 0.99) < 1500


def test_statuses_keep_their_numbers_and_tell_success():
    names = "RUNNING GRADIENT STEP VALUE STALLED MAXITER MAXTIME DIVERGED NONFINITE ESCAPED INTERRUPTED MAXFEV TARGET"
    assert [status.name for status in Status] == [*names.split(), "OSCILLATING", "PLATEAU", "TIME"]
    assert all(status.message for status in Status)
    assert set(AT_REST) < set(SUCCESSES)
    ends = bgd.descend(bowl, STARTS, box=BOX, stopping={"target": 3.2}, backend="numpy")
    assert ends.success.all()
    assert ends.message[0] == "the value fell to the target"
    assert ends.summary()["status"] == {"TARGET": len(STARTS)}
    assert f"TARGET {len(STARTS)}" in str(ends)
    assert (0.5 * (CURVATURE * ends.x**2).sum(axis=1) <= 0.2).all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_steps_turn_where_the_learning_rate_lies_above_one_over_the_curvature(backend):
    # Every step is (1 - η λ) times the one before: it turns from η λ = 1 on, in the steeper coordinate first.
    rates = np.linspace(0.05, 1.95, 39)
    x0 = np.tile([1.0, 1.0], (39, 1))
    batch = make_batch(BOWL, Compute.of(backend), starts=x0, method=bgd.GradientDescent(rates))
    watched = run(dataclasses.replace(batch, watch_turns=True)).endpoints
    plain = run(batch).endpoints
    for name in ("x", "nit", "nfev", "status"):
        np.testing.assert_array_equal(getattr(watched, name), getattr(plain, name))
    steps = 1.0 - rates[:, None] * CURVATURE
    product = (steps * CURVATURE**2).sum(axis=1)  # of the first two steps, over η^2
    later = steps.min(axis=1) < -steps.max(axis=1)
    np.testing.assert_array_equal(watched.turned, (product < 0.0) | later)
    assert not watched.turned[rates <= 1.0].any()
    assert watched.turned[rates > 1.2].all()


def test_the_block_form_ends_as_the_unrolled_one():
    every = bgd.Stopping(
        norm="max", window=2, gtol_rel=1e-9, xtol_rel=1e-6, ftol_abs=1e-9, maxfev=80, patience=9, oscillation=5
    )
    rates = np.linspace(0.05, 2.1, len(STARTS))
    ends = []
    for blocked in (False, True):
        batch = make_batch(BOWL, Compute.of(), starts=STARTS, method=bgd.GradientDescent(rates), stopping=every)
        with bgd.testing.forced(block=blocked):
            ends.append(run(dataclasses.replace(batch, watch_turns=True)).endpoints)
    np.testing.assert_allclose(ends[0].x, ends[1].x, rtol=1e-13)  # blocks fuse no product with a sum
    for name in ("nit", "nfev", "status", "turned"):
        np.testing.assert_array_equal(getattr(ends[0], name), getattr(ends[1], name))
    assert len(set(ends[0].status.tolist())) > 1


def test_the_shell_takes_every_rule(tmp_path, capsys):
    def counts(*words, name="himmelblau"):
        assert main(["run", name, "--starts", "20", "--backend", "numpy", "--json", *words]) == 0
        return json.loads(capsys.readouterr().out)["status"]

    assert counts("--target", "1") == {"TARGET": 20}
    assert counts("--maxfev", "3", "--norm", "max", "--window", "2") == {"MAXFEV": 20}
    rate = ("--dim", "1", "--learning-rate", "0.058")  # beyond 2 / curvature at the deep minimum
    wandering = counts(*rate, "--oscillation", "10", "--patience", "500", "--x-growth", "2", name="styblinski_tang")
    assert set(wandering) == {"OSCILLATING", "GRADIENT"}
    small = ("--gtol-rel", "1e-3", "--xtol-abs", "1e-12", "--xtol-rel", "1e-12", "--ftol-abs", "0", "--ftol-rel", "0")
    assert counts(*small) == {"GRADIENT": 20}
    config = tmp_path / "rules.toml"
    config.write_text('fun = "himmelblau"\ntarget = 0.5\nf_growth = 1e4\nnorm = 2\n')
    assert counts("--config", str(config)) == {"TARGET": 20}


@pytest.mark.parametrize("backend", ["numpy", "cpu"])
def test_newton_stops_by_the_largest_component(backend):
    stopping = bgd.Stopping(gtol=1e-6, norm="max", window=2)
    batch = bgd.descend("himmelblau", [[3.5, 2.5], [-3.0, 3.0]], method="newton", stopping=stopping, backend=backend)
    assert batch.status.tolist() == [Status.GRADIENT] * 2
    assert np.abs(batch.jac).max() <= 1e-6
