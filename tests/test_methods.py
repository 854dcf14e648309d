"""Every method of the table: step by step against references, closed forms, backends, and what it refuses."""

import json
import re
from pathlib import Path

import naive
import numpy as np
import pytest

import batchgd as bgd
from batchgd import InputError, Status
from batchgd.kernels.methods import RULES
from batchgd.output.summary import json_ready, method_record
from batchgd.problem.methods import METHODS, FirstOrder, as_method

REFERENCES = json.loads((Path(__file__).parent / "data" / "optax_references.json").read_text())
STARTS = np.array(REFERENCES["starts"])
SCHEDULED = [bgd.InverseTime(0.02, 7), bgd.Exponential(0.02, 0.8, every=3), bgd.Step(0.02, 0.5, every=3)]
SCHEDULED += [bgd.Cosine(0.02, 4, final=0.001), bgd.Cosine(0.02, 2, growth=2)]
BOX = [(-6.0, 6.0), (-6.0, 6.5)]  # the same wherever the CPU runs, so that every method is compiled once
FIRST_ORDER = [name for name, cls in METHODS.items() if issubclass(cls, FirstOrder)]


def himmelblau(x):
    return (x[0] ** 2 + x[1] - 11.0) ** 2 + (x[0] + x[1] ** 2 - 7.0) ** 2


def himmelblau_gradient(x):
    a, b = x[0] ** 2 + x[1] - 11.0, x[0] + x[1] ** 2 - 7.0
    return np.array([4.0 * a * x[0] + 2.0 * b, 2.0 * a + 4.0 * b * x[1]])


def descend(method, updates, backend="numpy", x0=STARTS, fun=himmelblau, **options):
    """Make exactly so many updates, stopping tests permitting."""
    options = {"gtol": 1e-300, "stopping": {"escape": 1e9}, "box": BOX[: len(x0[0])]} | options
    return bgd.descend(fun, x0, method=method, maxiter=updates, backend=backend, **options)


@pytest.mark.parametrize("case", REFERENCES["cases"])
def test_follows_optax_step_by_step(case):
    reference = REFERENCES["cases"][case]
    paths, method = np.array(reference["paths"]), as_method(reference["method"], **reference["settings"])
    for k in range(paths.shape[1]):
        batch = descend(method, k)
        np.testing.assert_allclose(batch.x, paths[:, k], rtol=0, atol=1e-12)
        assert (batch.nit == k).all()
        assert (batch.nfev == k + 1).all()


@pytest.mark.parametrize("updates", [1, 2, 7, 40])
def test_rprop_follows_its_pseudocode(updates):
    rprop = descend(bgd.Rprop(0.1), updates).x
    for i, start in enumerate(STARTS):
        np.testing.assert_allclose(rprop[i], naive.rprop(himmelblau_gradient, start, updates), rtol=0, atol=1e-12)


@pytest.mark.parametrize("cap", [0.002, 0.01, 0.9])
@pytest.mark.parametrize("updates", [1, 2, 7, 40])
def test_fire_follows_its_pseudocode(updates, cap):
    found = descend(bgd.FIRE(0.05, delay=4, max_displacement=cap), updates).x
    widths = np.diff(BOX, axis=1)[:, 0]
    for i, start in enumerate(STARTS):
        path = naive.fire(himmelblau_gradient, start, widths, updates, 0.05, cap, delay=4)
        np.testing.assert_allclose(found[i], path, rtol=0, atol=1e-12)


@pytest.mark.parametrize("decay", [0.0, 0.3])
@pytest.mark.parametrize("updates", [1, 2, 7, 40])
def test_adan_follows_its_pseudocode(updates, decay):
    found = descend(bgd.Adan(0.05, epsilon=1e-3, proximal_decay=decay), updates).x
    for i, start in enumerate(STARTS):
        path = naive.adan(himmelblau_gradient, start, updates, 0.05, 1e-3, decay)
        np.testing.assert_allclose(found[i], path, rtol=0, atol=1e-12)


def wood(x):
    valleys = 100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2 + 90.0 * (x[3] - x[2] ** 2) ** 2 + (1.0 - x[2]) ** 2
    return valleys + 10.1 * ((x[1] - 1.0) ** 2 + (x[3] - 1.0) ** 2) + 19.8 * (x[1] - 1.0) * (x[3] - 1.0)


@pytest.mark.parametrize(("fun", "box"), [("rosenbrock", [(-5.0, 10.0)] * 2), (wood, [(-10.0, 10.0)] * 4)])
def test_fire_follows_curved_valleys_between_steep_walls(fun, box):
    x0 = bgd.start(0, np.arange(128), box)
    batch = bgd.descend(fun, x0, box=box, method=bgd.FIRE(), backend="cpu")
    assert batch.fun.max() < 1e-5


def test_every_rule_is_followed_by_a_reference():
    followed = {as_method(c["method"], **c["settings"]).rule for c in REFERENCES["cases"].values()}
    apart = {"rprop", "fire", "armijo", "barzilai_borwein"}  # here and in test_engine
    apart |= {"adan"}
    apart |= {"nonlinear_cg", "bfgs", "newton", "lbfgs"}  # in test_quasi_newton
    apart |= {"gradient_flow", "gradient_flow_explicit"}  # in test_gradient_flow
    apart |= {"levenberg_marquardt"}  # in test_least_squares
    assert followed | apart >= set(RULES)


@pytest.mark.parametrize("name", METHODS)
def test_cpu_and_numpy_make_the_same_iterates(name):
    method, x0 = METHODS[name].example(), np.random.default_rng(2).uniform(-5.0, 5.0, (40, 2))
    for k in (1, 6):  # before the fastest are at rest, where rounding decides how they end
        cpu, plain = (descend(method, k, backend, x0=x0) for backend in ("cpu", "numpy"))
        np.testing.assert_allclose(cpu.x, plain.x, rtol=0, atol=1e-11)
        np.testing.assert_array_equal(cpu.nit, plain.nit)
        np.testing.assert_array_equal(cpu.nfev, plain.nfev)


@pytest.mark.parametrize("name", METHODS)
def test_bits_do_not_depend_on_company_shards_or_threads(name):
    method, random = METHODS[name].example(), np.random.default_rng(1)
    x0, rows = random.uniform(-5.0, 5.0, (600, 2)), random.permutation(600)[:401]
    whole = descend(method, 300, "cpu", x0=x0, gtol=1e-6, stopping={"escape": 1.0}, threads=2)
    part = descend(method, 300, "cpu", x0=x0[rows], gtol=1e-6, stopping={"escape": 1.0}, threads=1)
    for field in ("x", "fun", "nit", "nfev", "status"):
        np.testing.assert_array_equal(getattr(part, field), getattr(whole, field)[rows])
    plain = descend(method, 300, "numpy", x0=x0[:100], gtol=1e-6, stopping={"escape": 1.0})
    assert np.mean(plain.nit == whole.nit[:100]) > 0.95


@pytest.mark.parametrize("name", METHODS)
def test_its_example_reaches_minima_also_in_float32(name):
    method, x0 = METHODS[name].example(), np.random.default_rng(2).uniform(2.0, 4.0, (40, 2))
    for dtype, close in (("float64", 1e-8), ("float32", 1e-4)):
        batch = bgd.descend(himmelblau, x0, method=method, backend="numpy", dtype=dtype, maxiter=3000)
        assert batch.x.dtype == dtype
        at_rest = np.isin(batch.status, [Status.GRADIENT, Status.STALLED])
        assert np.mean(at_rest & (batch.fun < (close if name != "adamw" else 0.1))) > 0.9


# Closed forms


@pytest.mark.parametrize("updates", [1, 10, 60])
def test_heavy_ball_contracts_by_the_root_of_its_momentum(updates):
    root = 9.0 / 11.0  # (sqrt(100) - 1) / (sqrt(100) + 1)
    method = bgd.HeavyBall(4.0 / (10.0 + 1.0) ** 2, root**2)
    batch = descend(method, updates, x0=[[1.0, 1.0]], fun=lambda x: 0.5 * (x[0] ** 2 + 100.0 * x[1] ** 2))
    # At these parameters the recurrence has the double roots +-sqrt(momentum); a start at rest is x_-1 = x_0 = 1.
    exact = [(1 + (1 - root) * updates) * root**updates, (1 + (1 + root) * updates) * (-root) ** updates]
    np.testing.assert_allclose(batch.x[0], exact, rtol=0, atol=1e-12)


def test_polyak_halves_a_quadratic():
    batch = descend(bgd.Polyak(3.0), 5, x0=[[8.0, -4.0]], fun=lambda x: 3.0 + x[0] ** 2 + x[1] ** 2)
    np.testing.assert_allclose(batch.x, [[0.25, -0.125]], rtol=1e-14)


@pytest.mark.parametrize(
    "method", [bgd.Adam(0.1), bgd.AdamW(0.1, weight_decay=1e-9), bgd.AMSGrad(0.1), bgd.AdaMax(0.1)]
)
def test_adams_first_step_is_a_sign(method):
    step = descend(method, 1).x - STARTS
    signs = np.sign([himmelblau_gradient(start) for start in STARTS])
    np.testing.assert_allclose(step, -0.1 * signs, rtol=0, atol=1e-8)


@pytest.mark.parametrize("schedule", SCHEDULED, ids=str)
@pytest.mark.parametrize("backend", ["numpy", "cpu"])
def test_a_schedule_is_followed(schedule, backend):
    ends = [
        descend(bgd.GradientDescent(schedule), k, backend, x0=[[0.0]], fun=lambda x: x[0]).x[0, 0] for k in range(16)
    ]
    t = np.arange(15)
    if isinstance(schedule, bgd.InverseTime):
        rates = 0.02 / (1.0 + t / 7.0)
    elif isinstance(schedule, bgd.Exponential):
        rates = 0.02 * 0.8 ** (t / 3.0)
    elif isinstance(schedule, bgd.Step):
        rates = 0.02 * 0.5 ** (t // 3)
    elif schedule.part == "cosine":
        rates = 0.001 + 0.0095 * (1.0 + np.cos(np.pi * (t % 4) / 4.0))
    else:
        begin, length = np.repeat([0, 2, 6], [2, 4, 9]), np.repeat([2, 4, 8], [2, 4, 9])
        begin[14], length[14] = 14, 16
        rates = 0.01 * (1.0 + np.cos(np.pi * (t - begin) / length))
    np.testing.assert_allclose(-np.diff(ends), rates, rtol=0, atol=1e-14)
    np.testing.assert_allclose(schedule(t), rates, rtol=1e-12, atol=1e-17)


def test_restarts_stay_where_they_belong_for_long():
    schedule = bgd.Cosine(1.0, 10, growth=2)
    restarts = 10 * (2 ** np.arange(1, 20) - 1)
    np.testing.assert_allclose(schedule(restarts), 1.0, rtol=1e-12)
    assert (schedule(restarts[:12] - 1) < 0.03).all()


# Composition


@pytest.mark.parametrize("name", FIRST_ORDER)
def test_modifiers_compose_with_every_first_order_rule(name):
    cls = METHODS[name]
    settings = {field: getattr(cls.example(), field) for field in cls.EXAMPLE}
    clipped = cls(**settings, clip_norm=5.0, clip_value=4.0)
    batch = descend(clipped, 2)
    assert np.isfinite(batch.x).all()
    loose = descend(cls(**settings, clip_norm=1e9, clip_value=1e9), 2)
    np.testing.assert_allclose(loose.x, descend(cls.example(), 2).x, rtol=0, atol=1e-13)
    if cls.SCHEDULED:
        before, after = (
            descend(cls(**settings, **decay), 1).x for decay in ({"weight_decay": 1e-12}, {"weight_decay": 0.5})
        )
        rate = settings["learning_rate"]
        rate = getattr(rate, "initial", rate)
        np.testing.assert_allclose(after - before, -rate * 0.5 * STARTS, rtol=1e-9)


def test_all_modifiers_and_a_schedule_at_once_agree_between_backends():
    options = {"clip_norm": 20.0, "clip_value": 15.0, "weight_decay": np.array([0.1, 0.2, 0.3, 0.4]), "momentum": 0.5}
    method = bgd.RMSprop(bgd.Cosine(np.array([0.1, 0.05, 0.1, 0.05]), 5, growth=2), **options)
    cpu, plain = (descend(method, 30, backend) for backend in ("cpu", "numpy"))
    np.testing.assert_allclose(cpu.x, plain.x, rtol=0, atol=1e-12)
    alone = descend(bgd.RMSprop(bgd.Cosine(0.05, 5, growth=2), **{**options, "weight_decay": 0.2}), 30, x0=STARTS[1:2])
    np.testing.assert_array_equal(plain.x[1], alone.x[0])


def test_the_gradient_test_sees_the_gradient_itself():
    batch = descend(bgd.GradientDescent(0.01, clip_norm=1e-3), 10, gtol=1.0)
    assert (batch.status == Status.MAXITER).all()


def test_a_rprop_coordinate_at_rest_has_not_converged():
    batch = bgd.descend(lambda x: (x[0] - 0.3) ** 2, [[0.0]], method=bgd.Rprop(0.1), gtol=1e-9, backend="numpy")
    assert batch.status.tolist() == [Status.GRADIENT]


# The tables


def test_every_method_says_what_it_is():
    for cls in METHODS.values():
        method = cls.example()
        assert json.dumps(json_ready(method_record(method)))
        assert str(method).startswith(type(method).__name__)
        assert cls.title().endswith((".", ":")), cls.title()


@pytest.mark.parametrize("name", METHODS)
def test_help_describes_everything_once(name):
    cls = METHODS[name]
    lines = cls.__doc__.splitlines()
    begin = lines.index("Parameters") + 2
    entries = [line.split(" : ")[0].split(", ") for line in lines[begin : lines.index("Raises")] if line[:1].strip()]
    described = [parameter for entry in entries for parameter in entry]
    assert sorted(described) == sorted(cls.takes())
    for heading in ("Parameters", "Raises", "References", "Examples"):
        assert lines.count(heading) == 1, heading


def test_a_schedule_is_stored_with_its_method(tmp_path):
    method = bgd.Adam(bgd.Cosine(0.1, np.array([5.0, 6.0, 7.0, 8.0])), clip_norm=2.0)
    descend(method, 2, fun="himmelblau").save(tmp_path / "run")
    again = bgd.load(tmp_path / "run").method
    assert str(again) == str(method)
    np.testing.assert_array_equal(again.learning_rate.period, method.learning_rate.period)


@pytest.mark.parametrize("name", METHODS)
def test_names_and_settings(name):
    cls = METHODS[name]
    for written in (name, name.upper(), name.replace("_", "-"), cls.__name__):
        assert type(as_method(written, **cls.EXAMPLE)) is cls
    assert as_method(method := cls.example()) is method
    with pytest.raises(InputError, match=f"{cls.__name__} takes no 'nonsense': "):
        as_method(name, nonsense=1.0)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("bad", [-0.5, float("nan"), float("inf"), "much", True, [[1.0]], []], ids=repr)
def test_every_hyperparameter_is_checked(name, bad):
    cls = METHODS[name]
    for field, interval in cls.LIMITS.items():
        if bad == -0.5 and interval.low < 0.0:
            continue
        with pytest.raises(InputError, match=field) as error:
            cls(**{**cls.EXAMPLE, field: bad})
        assert "\n" not in str(error.value)
        if interval.high == 1.0:
            with pytest.raises(InputError, match=f"{field} is 1: "):
                cls(**{**cls.EXAMPLE, field: 1.0})


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: bgd.HeavyBall(), "HeavyBall needs a learning_rate"),
        (lambda: bgd.SignSGD(), "SignSGD needs a learning_rate"),
        (lambda: bgd.GradientDescent(), "choose BarzilaiBorwein, Armijo or Polyak"),
        (lambda: bgd.GradientDescent(clip_norm=1.0), "choose BarzilaiBorwein, Armijo or Polyak"),
        (lambda: as_method("gradient_descent"), "choose BarzilaiBorwein, Armijo or Polyak"),
        (lambda: bgd.GradientDescent(1.0, line_search="armijo"), "write bgd.Armijo"),
        (lambda: bgd.GradientDescent(optimum=0.0), "write bgd.Polyak"),
        (lambda: bgd.Armijo(bgd.Step(1, 0.5, 3)), "give one number greater than 0"),
        (lambda: bgd.Polyak(), "Polyak needs optimum"),
        (lambda: bgd.Polyak(0.0, weight_decay=0.1), "weight_decay has no meaning in Polyak"),
        (lambda: bgd.LBFGS(clip_norm=1.0), "LBFGS takes no 'clip_norm': a method that compares values"),
        (lambda: bgd.Armijo(noise=1.0), "Armijo takes no 'noise': a method that compares values"),
        (lambda: bgd.Rprop(bgd.Step(1, 0.5, 3)), "learning_rate takes one number"),
        (lambda: bgd.Rprop(shortest=1.0, longest=0.5), "shortest is 1, above longest, 0.5"),
        (lambda: bgd.FIRE(weight_decay=0.1), "weight_decay has no meaning"),
        (lambda: bgd.Adam(clip_norm=0.0), "clip_norm is 0"),
        (lambda: bgd.RMSprop(centred=1), "centred is 1"),
        (lambda: bgd.Exponential(0.1, 1.0), "factor is 1"),
        (lambda: bgd.Cosine(0.1, 0.0), "period is 0"),
        (lambda: bgd.Cosine(0.1, 5, growth=[1.0, 2.0]), "growth is 1 for some"),
        (lambda: bgd.InverseTime(None, 3), "initial is None"),
        (
            lambda: descend(bgd.Adam(bgd.Step([0.1, 0.2], 0.5, 3)), 1),
            "initial of learning_rate has 2 values for 4 starts",
        ),
        (lambda: descend(bgd.Adam(bgd.Exponential(0.1, [0.5, 0.6])), 1), "factor of learning_rate has 2 values for 4"),
        (
            lambda: bgd.Step(0.1, [0.5, 0.6], every=[1, 2, 3]),
            "the settings of Step have different lengths, factor 2 and every 3",
        ),
        (
            lambda: bgd.Adam({"schedule": "Step", "initial": 0.1}),
            "needs factor, every",
        ),
        (lambda: bgd.Adam({"schedule": "Exponential", "rate": 0.1}), "Exponential needs initial, factor"),
        (lambda: bgd.Adam(beta1=bgd.Step(0.1, 0.5, 3)), "beta1 is Step"),
        (lambda: bgd.Polyak(0.0, temperature=1.0), "temperature has no meaning in Polyak"),
        (lambda: bgd.GradientFlow(stiff=np.ones((2, 1))), "stiff is array([[1.], [1.]])"),
        (lambda: bgd.LBFGS(memory=np.ones((2, 1))), "memory is array([[1.], [1.]])"),
        (lambda: descend(bgd.Adam(epsilon=1e-60), 1, dtype="float32"), "float32 cannot hold"),
    ],
)
def test_what_is_refused(make, says):
    with pytest.raises(InputError, match=re.escape(says)) as error:
        make()
    assert "\n" not in str(error.value)
