"""Keywords of SciPy and other tools: one line each that says what they are called here, and args= everywhere."""

import inspect
import pickle
from dataclasses import fields

import numpy as np
import pytest

import batchgd as bgd
from batchgd import InputError, TraceError
from batchgd.problem.errors import ArgumentError
from batchgd.problem.keywords import HABITS

BOX = [(0.0, 5.0), (0.0, 5.0)]
T = np.linspace(0.0, 1.0, 9)


def untouched(x):
    raise AssertionError("must not be called")


def bowl(x):
    return np.sum(x**2)


CALLS = {
    "multistart": lambda **given: bgd.multistart(untouched, box=BOX, **given),
    "descend": lambda **given: bgd.descend(untouched, [[1.0, 2.0]], **given),
    "path": lambda **given: bgd.path(untouched, [1.0, 2.0], **given),
    "map": lambda **given: bgd.map(untouched, BOX, **given),
    "sweep": lambda **given: bgd.sweep(untouched, box=BOX, learning_rate=[0.1], **given),
    "compare": lambda **given: bgd.compare(["adam"], ["sphere"], **given),
    "curvature": lambda **given: bgd.curvature(untouched, BOX, **given),
}

SCIPY = [
    "bounds",
    "x0",
    "constraints",
    "tol",
    "options",
    "callback",
    "n_starts",
    "lr",
    "workers",
    "popsize",
    "niter",
    "T",
    "verbose",
    "disp",
    "maxfun",
    "max_iter",
    "random_state",
    "hess",
    "stepsize",
    "optimizer",
    "n_jobs",
    "minimizer_kwargs",
    "learning_rate",
]

LINES = {
    # call and keyword: what the line says
    ("multistart", "x0"): r"give starts=\[\[\.\.\.\], \.\.\.\], one row per start, or call bgd.descend\(fun, x0\)$",
    ("multistart", "constraints"): r"give bounds=.* and for g\(x\) <= 0 add a penalty to fun",
    ("map", "lb"): r"give bounds=list\(zip\(lower, upper\)\)$",
    ("multistart", "tol"): "give gtol=, the norm of the gradient",
    ("descend", "options"): "give its entries as keywords, such as maxiter=1000, gtol=1e-8$",
    ("descend", "callback"): "give progress=, called about twice a second; bgd.path returns every point",
    ("path", "callback"): "leave it out: the returned paths contain every point$",
    ("multistart", "n_starts"): "give starts=, the number of descents$",
    ("map", "n_starts"): "give resolution=, in pixels",
    ("descend", "starts"): "give x0, an array of one start per row$",
    ("multistart", "lr"): r"give it to the method, as in method=bgd.GradientDescent\(learning_rate=0.01\)$",
    ("multistart", "learning_rate"): r"give it to the method",
    ("compare", "lr"): r"give it to the methods, as in methods=\[bgd.GradientDescent\(learning_rate=0.01\)\]$",
    ("sweep", "lr"): r"give learning_rate=\[\.\.\.\], the values to sweep$",
    ("multistart", "workers"): "give threads=; if it is omitted, all cores work$",
    ("curvature", "workers"): "leave it out$",
    ("multistart", "niter"): r"for basin hopping give it to the strategy, as in strategy=bgd.BasinHopping\(hops=20",
    ("multistart", "T"): r"for basin hopping .* strategy=bgd.BasinHopping\(",
    ("multistart", "max_iter"): "give maxiter=, the largest number of updates$",
    ("multistart", "hess"): "leave it out: second derivatives are derived from the function$",
    ("multistart", "random_state"): "give seed=, a whole number$",
    ("multistart", "stop"): r"give until=bgd.Coverage\(0.999\)$",
    ("multistart", "x_tol"): r"give identity=bgd.Identity\(x=1e-6, f=1e-9\)$",
    ("sweep", "f_tol"): "give identity=",
    ("descend", "target"): r"give stopping=\{'target': \.\.\.\}$",
    ("map", "view"): r"give window=\(\(u0, u1\), \(v0, v1\)\)$",
    ("path", "gtol_rel"): r"give stopping=\{'gtol_rel': \.\.\.\}$",
    ("compare", "max_fun"): r"give stopping=\{'maxfev': \.\.\.\}$",
    ("multistart", "strats"): "did you mean 'starts'",
    ("path", "maxitr"): "did you mean 'maxiter'",
    ("sweep", "momentun"): "did you mean 'momentum'",
    ("curvature", "qqqq"): "it takes fun, box, dim, samples, seed, params, jac, args$",
}


@pytest.mark.parametrize(("call", "keyword"), LINES)
def test_a_foreign_keyword_is_named_as_it_is_called_here(call, keyword):
    with pytest.raises(ArgumentError, match=f"^{call} takes no '{keyword}': {LINES[call, keyword]}") as caught:
        CALLS[call](**{keyword: 1})
    assert isinstance(caught.value, InputError)
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("keyword", SCIPY)
def test_every_call_has_a_line_for_every_keyword_of_scipy(call, keyword):
    known = inspect.signature(getattr(bgd, call)).parameters
    if keyword in known or (call == "sweep" and keyword == "learning_rate"):
        return
    with pytest.raises(ArgumentError) as caught:
        CALLS[call](**{keyword: 1})
    line = str(caught.value)
    assert line.startswith(f"{call} takes no '{keyword}': ")
    assert "\n" not in line


def test_what_has_no_shortcut_is_named_as_a_part_of_stopping():
    for field in fields(bgd.Stopping):
        if field.name not in ("gtol", "xtol", "ftol", "maxiter", "max_time"):
            for call in ("multistart", "descend", "path", "sweep", "compare"):
                with pytest.raises(ArgumentError, match=f"give stopping={{'{field.name}': ...}}$"):
                    CALLS[call](**{field.name: 1})


@pytest.mark.parametrize(("gone", "now"), [("trace_path", "path"), ("basin_map", "map"), ("match", "diff")])
def test_names_of_before_are_named_as_they_are_now(gone, now):
    with pytest.raises(AttributeError, match=f"did you mean bgd.{now}\\?"):
        getattr(bgd, gone)


def test_advice_names_arguments_that_the_call_takes():
    for word, advice in HABITS.items():
        for call in CALLS:
            known = inspect.signature(getattr(bgd, call)).parameters
            for needs, text in advice.items():
                if needs in known and text.startswith("give ") and "=" in text.split()[1]:
                    assert text.split()[1].split("=")[0] in {*known, "learning_rate"}, (word, call, text)


CONSTRUCTORS = {
    "lr": (lambda: bgd.Adam(lr=0.1), "Adam takes no 'lr': give learning_rate=$"),
    "betas": (lambda: bgd.Adam(betas=(0.9, 0.999)), "give beta1=0.9, beta2=0.999$"),
    "eps": (lambda: bgd.Adam(eps=1e-8), "give epsilon=$"),
    "niter": (lambda: bgd.BasinHopping(niter=50), "BasinHopping takes no 'niter': give hops=$"),
    "T": (lambda: bgd.BasinHopping(T=1.0), "give temperature=$"),
    "stepsize": (lambda: bgd.BasinHopping(stepsize=0.1), "give step=$"),
    "no rate": (lambda: bgd.BarzilaiBorwein(lr=0.1), "the method finds the length of each step itself$"),
    "maxfun": (lambda: bgd.Stopping(maxfun=9), "Stopping takes no 'maxfun': give maxfev=$"),
    "misspelt": (lambda: bgd.GradientDescent(learnig_rate=1), "did you mean 'learning_rate'"),
    "bounds": (lambda: bgd.Objective(untouched, bounds=BOX), "Objective takes no 'bounds': give box="),
    "sigma": (lambda: bgd.Normal(mean=0.0, sigma=1.0), "Normal takes no 'sigma': give std=$"),
    "box": (lambda: bgd.Box(lo=0, hi=1), "Box takes no 'lo': it takes lower, upper$"),
    "confidence": (lambda: bgd.Coverage(0.9, confidense=0.9), "did you mean 'confidence'"),
}


@pytest.mark.parametrize("name", CONSTRUCTORS)
def test_constructors_name_foreign_keywords_too(name):
    call, line = CONSTRUCTORS[name]
    with pytest.raises(ArgumentError, match=line):
        call()


MISFITS = {
    "bounds by position": (
        lambda: bgd.multistart(untouched, BOX),
        r"takes 1 positional argument \(fun\), not 2: .* box=",
    ),
    "method by position": (
        lambda: bgd.descend(untouched, [[1.0]], "lbfgs"),
        r"takes 2 positional arguments \(fun, x0\), not 3",
    ),
    "no start": (lambda: bgd.descend(untouched), "descend needs x0: give the starts, .* bgd.multistart draws its own"),
    "no function": (lambda: bgd.multistart(box=BOX), "multistart needs fun: give a function of x"),
    "twice": (lambda: bgd.descend(untouched, [[1.0]], x0=[[1.0]]), "multiple values for argument 'x0'"),
}


@pytest.mark.parametrize("name", MISFITS)
def test_a_call_that_does_not_fit_is_one_line(name):
    call, line = MISFITS[name]
    with pytest.raises(ArgumentError, match=line):
        call()


def test_signatures_stay_visible():
    assert list(inspect.signature(bgd.multistart).parameters)[:3] == ["fun", "box", "dim"]
    assert list(inspect.signature(bgd.Adam).parameters)[:3] == ["learning_rate", "beta1", "beta2"]
    assert bgd.descend.__doc__.startswith("Descend from given starts")
    assert pickle.loads(pickle.dumps(bgd.Adam(learning_rate=0.1))).learning_rate == 0.1


def decay(x, t, y):
    return np.sum((x[0] * np.exp(-x[1] * t) - y) ** 2)


def slope(x, t, y):
    e = np.exp(-x[1] * t)
    r = x[0] * e - y
    return np.array([np.sum(2 * r * e), np.sum(-2 * r * x[0] * t * e)])


ARGS = (T, 2.0 * np.exp(-3.0 * T))


@pytest.mark.parametrize("backend", ["cpu", "numpy"])
def test_args_are_the_last_arguments_of_the_function(backend):
    given = {"args": ARGS, "backend": backend}
    result = bgd.multistart(decay, box=BOX, starts=30, **given)
    np.testing.assert_allclose(result.minima.x, [[2.0, 3.0]], atol=1e-6)
    np.testing.assert_allclose(bgd.descend(decay, [[1.0, 1.0]], jac=slope, **given).x, [[2.0, 3.0]], atol=1e-4)
    np.testing.assert_allclose(bgd.path(decay, [1.0, 1.0], **given)[0].x[-1], [2.0, 3.0], atol=1e-4)


def test_args_on_maps_sweeps_and_curvature():
    assert len(bgd.map(decay, BOX, 8, args=ARGS, backend="numpy").minima) == 1
    swept = bgd.sweep(decay, box=BOX, starts=5, learning_rate=[0.1], args=ARGS, backend="numpy", fidelity=False)
    assert swept.lost.tolist() == [0.0]
    assert bgd.curvature(decay, BOX, samples=64, args=ARGS).name == "decay"


def test_args_follow_params_and_a_single_one_needs_no_tuple():
    objective = bgd.Objective(lambda x, p, k: p * x[0] ** k, 1, params=3.0, args=2)
    assert objective.value([2.0]) == 12.0
    assert objective.with_params(5.0).value([2.0]) == 20.0


def test_args_are_kept_by_pickles_and_saved_runs(tmp_path):
    objective = pickle.loads(pickle.dumps(bgd.Objective(decay, 2, jac=slope, args=ARGS)))
    assert objective.value([2.0, 3.0]) == 0.0
    result = bgd.multistart(decay, box=BOX, starts=5, args=ARGS, backend="numpy")
    result.save(tmp_path / "run")
    again = bgd.load(tmp_path / "run", fun=decay, args=ARGS)
    np.testing.assert_array_equal(again.objective.value(result.x), result.objective.value(result.x))


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (lambda: bgd.multistart("himmelblau", args=(1,)), "args was given with the landscape himmelblau, .* leave it"),
        (lambda: bgd.multistart(bgd.Objective(bowl, box=BOX), args=(1,)), r"pass it to bgd.Objective\(fun, args="),
        (lambda: bgd.multistart(bowl, box=BOX, args=(1,)), r"bowl\(x\) is called as bowl\(x, args\[0\]\): too many"),
        (
            lambda: bgd.multistart(lambda t, a, b: a * t, box=BOX),
            r"<lambda>\(t, a, b\) is called as <lambda>\(x\): x contains all unknowns: unpack it inside as t, a, b = x,"
            r" or give constants as args=.*; a fit to data is fun=lambda p: np.sum\(\(model\(t, \*p\) - y\) \*\* 2\)$",
        ),
        (lambda: bgd.multistart(decay, box=BOX), r"decay\(t, \*p\)|decay\(x, \*p\)"),
        (lambda: bgd.multistart(bowl, box=BOX, jac=True), "jac is True: .* leave it out .the gradient is derived"),
        (lambda: bgd.multistart(bowl, box=BOX, jac="2-point"), "jac is '2-point': .* leave it out"),
    ],
)
def test_functions_that_do_not_take_what_they_get(call, line):
    with pytest.raises(InputError, match=line):
        call()


def test_args_that_are_nothing():
    assert (
        bgd.Objective(bowl, 2, args=None).value([1.0, 2.0]) == bgd.Objective(bowl, 2, args=()).value([1.0, 2.0]) == 5.0
    )


def model(t, a, b):
    return a * np.exp(-b * t)


def test_the_hints_give_what_they_promise():
    fit = bgd.multistart(lambda p: np.sum((model(T, *p) - ARGS[1]) ** 2), box=BOX, starts=20, backend="numpy")
    np.testing.assert_allclose(fit.minima.x[0], [2.0, 3.0], atol=1e-6)
    lower, upper = [0.0, 1.0], [5.0, 6.0]
    assert bgd.multistart(bowl, box=list(zip(lower, upper, strict=True)), starts=2, backend="numpy").box.dim == 2

    def penalised(x):  # x[0] >= 1
        return np.sum(x**2) + 1e3 * np.maximum(0.0, 1.0 - x[0]) ** 2

    assert bgd.multistart(penalised, box=BOX, starts=5, backend="numpy").minima.x[0, 0] == pytest.approx(1.0, abs=2e-3)
    data = np.stack(ARGS, axis=1)
    rows = bgd.FiniteSum(lambda x, row: (model(row[0], *x) - row[1]) ** 2, data, 2, reduction="sum")
    assert rows.value([1.0, 2.0]) == pytest.approx(decay([1.0, 2.0], *ARGS))
    r = np.linspace(-2.0, 2.0, 5)
    from scipy.optimize import least_squares

    assert 0.5 * np.sum(2 * (np.sqrt(1 + r**2) - 1)) == pytest.approx(
        least_squares(lambda z: r + 0 * z, [0.0], loss="soft_l1", max_nfev=1).cost
    )


@pytest.mark.parametrize(
    ("fun", "shown"),
    [
        (lambda x: x - 1.0, r"an array of shape \(2,\): return one number; of residuals r, model minus data, np.sum"),
        (
            lambda x: [x[0], x[1], x[0]],
            r"a list of length 3: return one .*np\.sum\(r\*\*2\), never np\.sum\(r\)",
        ),
        (lambda x: (np.sum(x**2), 2 * x), r"a value and a gradient \(jac=True in SciPy\): return the value alone"),
    ],
)
def test_several_numbers(fun, shown):
    with pytest.raises(TraceError, match=f"returns {shown}"):
        bgd.multistart(fun, box=BOX)


@pytest.mark.parametrize("fun", [lambda x: x[:1] ** 2 + x[1] ** 2, lambda x: np.sum(x**2, keepdims=True)[None]])
def test_an_array_of_one_number_is_a_number(fun):
    result = bgd.multistart(fun, box=[(-1, 2), (-1, 2)], starts=5, backend="numpy")
    np.testing.assert_allclose(result.minima.x, [[0.0, 0.0]], atol=1e-6)
    one = bgd.Objective(lambda x: (x - 3.0) ** 2, 1)
    assert (one.value([1.0]), one.gradient([1.0])) == (4.0, -4.0)
