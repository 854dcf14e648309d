"""``bgd.compiled``: the user's own Numba function on the CPU and in NumPy, against the traced one."""

import pickle
import re
import threading

import numpy as np
import pytest
from numba import njit
from shell_samples import shell

import batchgd as bgd
from batchgd import InputError
from batchgd.compiler.own.content import is_kept, name_of_content
from batchgd.compiler.units import Units

BOX = [(-2.0, 2.0)] * 3
POINTS = np.random.default_rng(5).uniform(-2, 2, (20, 3))


@njit
def square(a):
    return a * a


@njit
def chain(x, g):
    """Rosenbrock's function."""
    total = 0.0
    for i in range(len(x) - 1):
        off = x[i + 1] - square(x[i])
        total += 100.0 * off * off + (1.0 - x[i]) ** 2
        g[i] += -400.0 * x[i] * off - 2.0 * (1.0 - x[i])
        g[i + 1] += 200.0 * off
    return total


def traced_chain(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def wells(x, g, p):
    """Four minima, at +- the root of p[0, 0] and of p[0, 1]; a plain function."""
    g[:] = 4.0 * x * (x**2 - p[0])
    return np.sum((x**2 - p[0]) ** 2)


@pytest.fixture(scope="module")
def made():
    return bgd.compiled(chain, box=BOX)


@pytest.fixture(scope="module")
def traced():
    return bgd.Objective(traced_chain, box=BOX)


def test_value_gradient_and_hessian(made, traced):
    np.testing.assert_allclose(made.value(POINTS), traced.value(POINTS), rtol=1e-13)
    np.testing.assert_allclose(made.gradient(POINTS), traced.gradient(POINTS), rtol=1e-12, atol=1e-10)
    np.testing.assert_allclose(made.hessian(POINTS), traced.hessian(POINTS), rtol=1e-6, atol=1e-4)
    value, gradient = made.value_and_gradient(POINTS[0])
    assert value == made.value(POINTS[0])
    np.testing.assert_array_equal(gradient, made.gradient(POINTS)[0])
    assert (made.name, made.dim) == ("chain", 3)


@pytest.mark.parametrize(
    ("method", "backend", "dtype"),
    [
        ("barzilai_borwein", "cpu", "float64"),
        ("barzilai_borwein", "cpu", "float32"),
        ("newton", "cpu", "float64"),
        ("lbfgs", "numpy", "float32"),
        ("lbfgs", "numpy", "float64"),
        ("newton", "numpy", "float64"),
    ],
)
def test_descents_end_where_those_of_the_traced_function_do(made, traced, method, backend, dtype):
    options = {"starts": 40, "method": method, "backend": backend, "dtype": dtype, "seed": 1}
    ours, theirs = bgd.multistart(made, **options), bgd.multistart(traced, **options)
    assert len(ours.minima) == len(theirs.minima) == 1
    np.testing.assert_allclose(ours.minima.x[0], [1.0, 1.0, 1.0], atol=1e-6)
    assert ours.minima.count[0] == theirs.minima.count[0]
    assert (ours.nfev > 0).all()


def test_results_do_not_depend_on_threads(made):
    one, two = (bgd.multistart(made, starts=300, backend="cpu", threads=n, maxiter=50) for n in (1, 2))
    for name in ("x", "fun", "nit", "status"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


def test_parameters_change_without_compiling():
    made = bgd.compiled(wells, 2, params=[[1.0, 0.25]], box=[(-2, 2)] * 2)
    for objective, wanted in ((made, [1.0, 0.5]), (made.with_params([[0.81, 1.44]]), [0.9, 1.2])):
        result = bgd.multistart(objective, starts=60, backend="cpu")
        np.testing.assert_allclose(np.abs(result.minima.x), np.tile(wanted, (4, 1)), atol=1e-6)
        by_numpy = bgd.multistart(objective, starts=30, backend="numpy")
        np.testing.assert_allclose(by_numpy.minima.x, result.minima.x, atol=1e-6)
    assert bgd.multistart(made, starts=100, params=[[0.04, 1.0]]).minima.x.max() == pytest.approx(1.0)


def test_a_single_parameter_is_a_number():
    @njit
    def parabola(x, g, p):
        g[0] = 2.0 * (x[0] - p)
        return (x[0] - p) ** 2

    made = bgd.compiled(parabola, 1, params=0.5)
    assert made.with_params(0.75).value([1.0]) == 0.0625


def test_other_units(made, traced):
    units = Units(np.array([2.0, 0.5, 1.0]), shift=0.25, factor=3.0, level=1.0)
    ours, theirs = made.in_units(units), traced.in_units(units)
    np.testing.assert_allclose(ours.value(POINTS), theirs.value(POINTS), rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(ours.gradient(POINTS), theirs.gradient(POINTS), rtol=1e-11, atol=1e-9)
    np.testing.assert_allclose(ours.hessian(POINTS), theirs.hessian(POINTS), rtol=1e-5, atol=1e-2)
    result = bgd.multistart(made, starts=20, scale=np.array([1.0, 2.0, 0.5]), backend="cpu")
    np.testing.assert_allclose(result.minima.x, [[1.0, 1.0, 1.0]], atol=1e-6)


def test_everything_else_takes_it(made, tmp_path):
    result = bgd.multistart(made, starts=30, seed=2)
    assert result.backend == "cpu"
    assert result.coverage is not None
    result.save(tmp_path / "r.npz")
    assert bgd.load(tmp_path / "r.npz", fun=made).objective.value([1.0, 1.0, 1.0]) == 0.0
    again = pickle.loads(pickle.dumps(made))
    np.testing.assert_array_equal(again.gradient(POINTS), made.gradient(POINTS))
    assert bgd.descend(made, x0=POINTS, maxiter=3).x.shape == (20, 3)
    table = bgd.compare([bgd.GradientDescent(1e-3)], [made], starts=5, maxiter=10)
    assert table.cells[0].error is None


def test_the_box_may_come_with_the_call():
    result = bgd.multistart(bgd.compiled(chain, 2), box=[(-2, 2)] * 2, starts=20)
    np.testing.assert_allclose(result.minima.x, [[1.0, 1.0]], atol=1e-6)


def test_exceptions_are_values_that_are_not_finite():
    @njit
    def half(x, g):
        if x[0] < 0.0:
            raise ValueError("negative")
        g[0] = 2.0 * (x[0] - 1.0)
        return (x[0] - 1.0) ** 2

    made = bgd.compiled(half, box=[(-2, 2)])
    assert np.isnan(made.value([-1.0]))
    result = bgd.multistart(made, starts=50, backend="cpu")
    assert (np.isfinite(result.fun) == (result.x0[:, 0] >= 0.0)).all()


def test_the_shell_takes_it(tmp_path, capsys):
    (tmp_path / "mine.py").write_text(
        "import batchgd as bgd\nfrom numba import njit\n\n\n@njit\ndef well(x, g):\n    g[0] = 2.0 * (x[0] - 1.0)\n"
        "    return (x[0] - 1.0) ** 2\n\n\nobjective = bgd.compiled(well, box=[(-2, 2)])\n"
    )
    code, out, _ = shell(capsys, ["run", f"{tmp_path / 'mine.py'}:objective", "--starts", "20"])
    assert code == 0
    assert "100.0 %" in out


# What is refused


def wrong_slope(x, g):
    g[0], g[1] = 2.0 * x[0], 3.0 * x[1]
    return x[0] ** 2 + x[1] ** 2


def forgotten(x, g):
    g[0] = 2.0 * x[0]
    return x[0] ** 2 + x[1] ** 2


def unknown(x, g):
    return x[0] + missing_name  # noqa: F821


def imports(x, g):
    import os

    return float(len(os.sep))


def raises(x, g):
    if x[0] > -9.0:
        raise ValueError("never")
    return 0.0


def changes(x, g):
    g[:] = 2.0 * x
    total = np.sum(x**2)
    x[1] = 0.0
    return total


def without_value(x, g):
    g[:] = 2.0 * x


def infinite(x, g):
    return np.inf


REFUSED = {
    "wrong slope": (
        wrong_slope,
        r"wrong_slope writes [-\d.]+ into g\[1\] at x = .* have the slope [-\d.]+ along x\[1\]",
    ),
    "a component forgotten": (forgotten, r"forgotten writes 0 into g\[1\] at x"),
    "a name that is not defined": (unknown, r"cannot be compiled by Numba: NameError: name 'missing_name'"),
    "an import": (imports, r"imports cannot be compiled by Numba: Use of unsupported opcode"),
    "it raises everywhere": (raises, r"raises raises ValueError: never"),
    "it changes x": (changes, r"changes changes x\[1\]: work on a copy"),
    "no value": (without_value, r"without_value returns none: return the value"),
    "infinite": (infinite, r"infinite returns inf at x = .* no finite number at 64 points of the box"),
    "one argument": (lambda x: 1.0, r"takes \(x\), but is called as value_and_gradient\(x, g\)"),
    "in parallel": (njit(parallel=True)(wrong_slope), r"wrong_slope is compiled with parallel=True"),
    "no function": (3, r"value_and_gradient is 3: give a function \(x, g\)"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_refused_in_one_line(name):
    function, message = REFUSED[name]
    with pytest.raises(InputError, match=message) as caught:
        bgd.compiled(function, box=[(-2, 2)] * 2)
    assert "\n" not in str(caught.value)


def test_arguments_are_checked():
    with pytest.raises(InputError, match=r"dim is missing: give dim="):
        bgd.compiled(chain)
    with pytest.raises(InputError, match=r"jac was given with a ready objective"):
        bgd.multistart(bgd.compiled(chain, box=BOX), jac=lambda x: x, starts=5)


# The name under which a kernel's machine code is kept

SHIFT = 1.0


def shifted(x):
    return x + SHIFT


def test_code_is_named_by_all_that_it_refers_to(monkeypatch):
    name = name_of_content(shifted)
    assert name == name_of_content(shifted) != name_of_content(traced_chain)
    monkeypatch.setattr(f"{__name__}.SHIFT", 2.0)
    assert name_of_content(shifted) != name

    def closure(a, rows):
        return lambda x: x * a + rows[0]

    first = name_of_content(closure(1.0, np.arange(3.0)))
    assert first == name_of_content(closure(1.0, np.arange(3.0)))
    assert first not in (
        name_of_content(closure(2.0, np.arange(3.0))),
        name_of_content(closure(1.0, np.arange(1.0, 4.0))),
    )
    assert name_of_content(chain) == name_of_content(chain)
    assert is_kept(name_of_content(chain))
    lock = threading.Lock()
    unknown_content = [name_of_content(lambda x: lock) for _ in range(2)]
    assert not any(map(is_kept, unknown_content))
    assert len({*unknown_content}) == 2


def test_a_helper_that_changes_gives_another_name():
    def calls(helper):
        return njit(lambda x, g: helper(x[0]))

    assert name_of_content(calls(njit(lambda a: a + 1))) != name_of_content(calls(njit(lambda a: a + 2)))


def test_the_message_about_what_cannot_be_traced_names_it():
    with pytest.raises(bgd.TraceError, match=re.escape("or bgd.compiled(f), a Numba function of yours")):
        bgd.Objective(lambda x: float(str(x[0])), 1)
