"""Bad input through the Python API: one line with the cause and the remedy, before any work starts."""

import contextlib
import ctypes
import dataclasses
import functools
import math
import re
import sys

import numpy as np
import pytest
import result_samples as samples

import batchgd as bgd
from batchgd import BackendError, InputError, TraceError, landscapes, testing
from batchgd.engine import backends

BOX = [(-1.0, 1.0), (-2.0, 2.0)]
X0 = np.ones((3, 2))
NAN, INF = math.nan, math.inf


@pytest.fixture(autouse=True)
def refused_before_any_work():
    with testing.no_work():
        yield


def untouched(x):
    """Stands for a user's function that must not be called yet."""
    raise testing.Work


def multistart(fun=untouched, **arguments):
    return functools.partial(bgd.multistart, fun, **{"box": BOX} | arguments)


def library(name="himmelblau", **arguments):
    return functools.partial(bgd.multistart, name, **arguments)


def descend(x0=X0, fun=untouched, **arguments):
    return functools.partial(bgd.descend, fun, x0, **arguments)


def refused(call, kind, cause, remedy):
    with pytest.raises(kind) as caught:
        call()
    line = str(caught.value)
    assert "\n" not in line
    assert re.search(cause, line), line
    assert re.search(remedy, line), line


ONE_PAIR_EACH = r"give box=\[\(lo, hi\), \.\.\.\] with one pair per"
WHOLE = "give a whole number from 1 up"

# name: (call, cause, remedy); every one is an InputError, and no user's function is called
ARGUMENTS = {
    # what is descended on
    "unknown landscape": (library("himelblau"), "unknown landscape 'himelblau'", "did you mean 'himmelblau'"),
    "unknown landscape, none near": (library("qqqq"), "unknown landscape 'qqqq'", "`batchgd list` shows all"),
    "unknown landscape in descend": (descend(fun="sfere"), "unknown landscape 'sfere'", "did you mean 'sphere'"),
    "no function": (multistart(None), "fun is None", "give a function of x, the name of a landscape"),
    "a number for a function": (descend(fun=3), "fun is 3", "give a function of x, the name of a landscape"),
    "Objective of a name": (lambda: bgd.Objective("sphere", 2), "fun is 'sphere'", "give a function of x"),
    "jac is no function": (multistart(jac=True), "jac is True", "give a function of x that returns one number per"),
    "jac beside a landscape": (library(jac=untouched), "jac was given with the landscape", "leave it out"),
    "params in words": (multistart(params="low"), "params contain text", "give finite real numbers"),
    "params with NaN": (multistart(params=[1.0, NAN]), "params contain NaN or infinity", "give finite real numbers"),
    "params beside a landscape": (library(params=1.0), "params was given with the landscape", "leave it out"),
    # the box and the dimension
    "box reversed": (multistart(box=[(0, 1), (5, -5)]), r"axis 1 is \(5, -5\), which is reversed", r"write \(-5, 5\)"),
    "box equal": (multistart(box=[(3, 3)]), r"axis 0 is \(3, 3\), which has no width", "give lo < hi"),
    "box infinite": (multistart(box=[(0, INF)]), r"\(0, inf\).*infinite box", "give two finite numbers lo < hi"),
    "box NaN": (multistart(box=[(0, NAN)]), "NaN is not the end of an interval", "give two finite numbers lo < hi"),
    "box too wide": (multistart(box=[(-1e308, 1e308)]), "wider than float64 can hold", "give a narrower box"),
    "box too narrow": (
        multistart(box=[(1, 1 + 1e-12)], dtype="float32"),
        "float32 cannot hold the box",
        "use dtype='float64'",
    ),
    "box of triples": (multistart(box=[(0, 1, 2)]), r"the box has shape \(1, 3\)", ONE_PAIR_EACH),
    "box of one number": (multistart(box=5), r"the box has shape \(\)", ONE_PAIR_EACH),
    "box of words": (multistart(box="wide"), "the box is 'wide'", ONE_PAIR_EACH),
    "box of another length": (library(box=[(0, 1)] * 3), "defined for dim 2 only, not 3", "pass dim=2"),
    "box in descend": (descend(box=[(1, 1)] * 2), r"axis 0 is \(1, 1\), which has no width", "give lo < hi"),
    "box of Objective": (lambda: bgd.Objective(untouched, box=[(1, 0)]), "reversed", r"write \(0, 1\)"),
    "box and dim missing": (multistart(box=None), "dim and box are missing", ONE_PAIR_EACH),
    "box missing": (multistart(box=None, dim=2), "the box is missing", ONE_PAIR_EACH),
    "dim missing": (lambda: bgd.Objective(untouched), "dim is missing", r"give dim=.* or box="),
    "dim contradicts the box": (multistart(dim=3), "the box has 2 dimensions but dim is 3", "leave out dim"),
    "dim that a landscape lacks": (library(dim=3), "defined for dim 2 only, not 3", "pass dim=2 or leave dim out"),
    "dim too low": (library("rosenbrock", dim=1), "'rosenbrock' needs dim >= 2, not 1", ">= 2"),
    "dim zero": (multistart(dim=0, box=(0, 1)), "dim is 0", "give a whole number of coordinates from 1 to 100000"),
    "dim fractional": (multistart(dim=2.0, box=(0, 1)), "dim is 2.0", "give a whole number of coordinates"),
    "dim of Objective": (lambda: bgd.Objective(untouched, 2.5), "dim is 2.5", "give a whole number of coordinates"),
    # the starts
    "starts zero": (multistart(starts=0), "starts is 0", "give at least 1"),
    "starts negative": (multistart(starts=-3), "starts is -3", "give at least 1"),
    "starts fractional": (multistart(starts=10.5), "starts is 10.5", "give a whole number of starts"),
    "starts huge": (multistart(starts=1e30), "starts is too large", "at most .* give fewer"),
    "starts infinite": (multistart(starts=INF), "starts is too large", "at most .* give fewer"),
    "starts beyond the memory": (multistart(starts=1e15), "1e[+]15 starts take .* GB and this", "use at most"),
    "starts NaN": (multistart(starts=NAN), "starts is nan", WHOLE),
    "starts in words": (multistart(starts="many"), "starts is 'many'", WHOLE),
    "starts true": (multistart(starts=True), "starts is True", WHOLE),
    "starts of another width": (multistart(starts=np.ones((4, 3))), r"\(4, 3\) but there are 2", r"give \(n, 2\)"),
    "starts drawn and given": (
        multistart(starts=X0, sampling="sobol"),
        "sampling has nothing to draw",
        "leave out one of the",
    ),
    "starts beyond float32": (
        multistart(starts=1e300 * X0, dtype="float32"),
        "start point 0 is outside the range of float32",
        "leave them out or correct them",
    ),
    "unknown sampling": (multistart(sampling="sobl"), "unknown sampling 'sobl'", "did you mean 'sobol'"),
    "sampling None": (multistart(sampling=None), "sampling is None", "give one of 'uniform'"),
    "normal without numbers": (
        multistart(sampling="normal"),
        "'normal' needs a mean and a std",
        r"bgd.Normal\(mean, std\)",
    ),
    "Normal as a class": (
        multistart(sampling=bgd.Normal),
        "Normal without its mean and std",
        r"write Normal\(mean, std\)",
    ),
    "normal of another length": (multistart(sampling=bgd.Normal([0, 0, 0], 1)), "has 3 numbers for 2", "give 1 or 2"),
    "normal of std 0": (lambda: bgd.Normal(0, 0), "the std of Normal is 0", "give finite positive numbers"),
    "grid that does not fit": (multistart(starts=10, sampling="grid"), "10 starts does not fit 2", "give 9 or 16"),
    "seed negative": (multistart(seed=-1), "the seed is -1", "give a whole number from 0"),
    "seed fractional": (multistart(seed=0.5), "the seed is 0.5", "give a whole number from 0 to"),
    "start number": (lambda: bgd.start(0, -1, BOX), "start number -1 does not exist", "give a whole number from 0 up"),
    "dtype of a start": (lambda: bgd.start(0, 1, BOX, dtype="f99"), "unknown dtype 'f99'", "choose float64 or float32"),
    # the starts of descend
    "x0 one start": (descend(x0=[1.0, 2.0]), r"shape \(2,\), not \(n, d\)", r"write x0\[None, :\]"),
    "x0 of three axes": (descend(x0=np.ones((1, 2, 3))), r"shape \(1, 2, 3\)", r"give an array of shape \(n, d\)"),
    "x0 empty": (descend(x0=np.empty((0, 2))), "contains no start", "give at least one row"),
    "x0 an empty list": (descend(x0=[]), "contains no start", "give at least one row"),
    "x0 ragged": (descend(x0=[[1, 2], [1]]), "rows of different lengths", r"give an \(n, d\) array of real numbers"),
    "x0 text": (descend(x0=[["a", "b"]]), "contain text", r"give an \(n, d\) array of real numbers"),
    "x0 complex": (descend(x0=[[1j, 1]]), "contain complex numbers", r"give an \(n, d\) array of real numbers"),
    "x0 true or false": (descend(x0=[[True, False]]), "contain true/false", r"give an \(n, d\) array of real numbers"),
    "x0 objects": (
        descend(x0=[[None, 1]]),
        "contain something that is not a real number",
        r"give an \(n, d\) array of real numbers",
    ),
    "x0 with NaN": (
        descend(x0=[[1, 1], [NAN, 1]]),
        "start point 1 contains NaN or infinity",
        "leave them out or correct",
    ),
    "x0 infinite": (descend(x0=[[INF, 1]]), "start point 0 contains NaN or infinity", "leave them out or correct"),
    "x0 a count": (descend(x0=100), "the start points are 100", r"give them as an array of shape \(n, d\)"),
    "x0 too far apart": (descend(x0=[[-1e308, 0], [1e308, 0]]), "wider than float64 can hold", "rescale the var"),
    "x0 wider than the box": (descend(np.ones((3, 3)), box=BOX), "x0 has 3 .* the box has 2", "give one .lo, hi. pair"),
    "x0 wider than a landscape": (descend(np.ones((3, 3)), "branin"), "x0 has 3 .* branin takes 2", "give x0 to match"),
    "x0 and box wider": (
        descend(np.ones((3, 3)), "branin", box=[(0, 1)] * 3),
        "x0 has 3 coordinates per start, but branin takes 2",
        "give x0 to match",
    ),
    "x0 narrower": (descend(np.ones((3, 1)), "rosenbrock"), "rosenbrock takes 2 or more", "give x0 to match"),
    # the method
    "unknown method": (multistart(method="gradient_decent"), "unknown method", "did you mean 'gradient_descent'"),
    "method a number": (descend(method=3), "unknown method 3", "choose from gradient_descent,"),
    "method a class": (multistart(method=bgd.GradientDescent), "the class Grad", r"write GradientDescent\(\.\.\.\)"),
    "learning rate zero": (lambda: bgd.GradientDescent(0), "learning_rate is 0", "give a finite number greater than 0"),
    "learning rate negative": (lambda: bgd.GradientDescent([0.1, -1]), "learning_rate is -1", "greater than 0"),
    "learning rate NaN": (lambda: bgd.GradientDescent(NAN), "learning_rate is nan", "give a finite number greater"),
    "learning rate infinite": (lambda: bgd.GradientDescent(INF), "learning_rate is inf", "give a finite number"),
    "learning rate in words": (lambda: bgd.GradientDescent("low"), "learning_rate is 'low'", "give one number"),
    "learning rates in a matrix": (lambda: bgd.GradientDescent([[0.1]]), r"shape \(1, 1\)", "or one per start"),
    "learning rates of another length": (
        multistart(method=bgd.GradientDescent([0.1, 0.2]), starts=3),
        "learning_rate has 2 values for 3 starts",
        "give one number, or one per start",
    ),
    "learning rates of another length than x0": (
        descend(method=bgd.GradientDescent([0.1, 0.2])),
        "learning_rate has 2 values for 3 starts",
        "give one number, or one per start",
    ),
    "learning rate lost in float32": (
        multistart(method=bgd.GradientDescent(1e-60), dtype="float32"),
        "learning_rate is 1e-60, which float32 cannot hold",
        "use dtype='float64'",
    ),
    "no learning rate": (lambda: bgd.GradientDescent(), "needs a learning_rate", "BarzilaiBorwein, Armijo or Polyak"),
    "displacement": (lambda: bgd.BarzilaiBorwein(2.0), "max_displacement is 2", "between 0 and 1, both excluded"),
    # when to stop
    "gtol negative": (multistart(gtol=-1), "gtol is -1", "give a finite number of at least 0"),
    "xtol negative": (descend(xtol=-1), "xtol is -1", "give a finite number of at least 0"),
    "ftol negative": (multistart(ftol=-1), "ftol is -1", "give a finite number of at least 0"),
    "gtol NaN": (multistart(gtol=NAN), "gtol is nan", "give a number"),
    "gtol infinite": (multistart(gtol=INF), "gtol is inf", "give a finite number of at least 0"),
    "gtol in words": (multistart(gtol="small"), "gtol is 'small'", "give a number"),
    "stopping no rule": (descend(stopping=1e-6), "stopping is 1e-06", r"give bgd.Stopping\(...\)"),
    "stopping and a tolerance": (
        multistart(stopping=bgd.Stopping(), gtol=1e-8, maxiter=5),
        "gtol, maxiter was given besides stopping",
        r"write stopping=bgd.Stopping\(..., gtol=1e-08, maxiter=5\)",
    ),
    "relative gradient negative": (lambda: bgd.Stopping(gtol_rel=-1), "gtol_rel is -1", "at least 0"),
    "absolute step NaN": (lambda: bgd.Stopping(xtol_abs=NAN), "xtol_abs is nan", "give a number"),
    "relative value infinite": (lambda: bgd.Stopping(ftol_rel=INF), "ftol_rel is inf", "finite number of at least 0"),
    "unknown norm": (lambda: bgd.Stopping(norm=1), "norm is 1", "give 2 or 'max'"),
    "window zero": (lambda: bgd.Stopping(window=0), "window is 0", "give a whole number of updates, 1 or more"),
    "window None": (lambda: bgd.Stopping(window=None), "window is None", "give a whole number of updates"),
    "maxfev zero": (lambda: bgd.Stopping(maxfev=0), "maxfev is 0", "give a whole number of evaluations, 1 or more"),
    "maxfev beyond float32": (
        multistart(stopping=bgd.Stopping(maxfev=2**25), dtype="float32"),
        "maxfev is 33554432",
        "use float64",
    ),
    "patience fractional": (lambda: bgd.Stopping(patience=1.5), "patience is 1.5", "give a whole number of updates"),
    "min_delta alone": (lambda: bgd.Stopping(min_delta=0.1), "min_delta belongs to patience", "give both, or neither"),
    "target infinite": (
        multistart(stopping={"target": -INF}),
        "target is -inf",
        "give the value to reach, or leave it out",
    ),
    "growth below one": (lambda: bgd.Stopping(f_growth=0.5), "f_growth is 0.5", "a finite factor of at least 1"),
    "growth in words": (lambda: bgd.Stopping(x_growth="much"), "x_growth is 'much'", "give a number"),
    "oscillation of one": (
        lambda: bgd.Stopping(oscillation=1),
        "oscillation is 1",
        "whole number of updates, 2 or more",
    ),
    "all tolerances off": (multistart(gtol=0), "are all 0, so nothing would ever converge", "give at least one of"),
    "maxiter negative": (multistart(maxiter=-1), "maxiter is -1", "give a whole number of updates"),
    "maxiter fractional": (multistart(maxiter=0.5), "maxiter is 0.5", "give a whole number of updates"),
    "maxiter infinite": (multistart(maxiter=INF), "maxiter is inf", "give a whole number of updates"),
    "maxiter beyond float32": (multistart(maxiter=2**25, dtype="float32"), "maxiter is 33554432", "use float64"),
    "max_time zero": (multistart(max_time=0), "max_time is 0", "give a positive number of seconds"),
    "max_time in words": (multistart(max_time="1 h"), "max_time is '1 h'", "give a number"),
    "escape negative": (descend(stopping={"escape": -1}), "escape is -1", "give a number of box widths, 0 or more"),
    "Stopping itself": (lambda: bgd.Stopping(gtol=-1), "gtol is -1", "give a finite number of at least 0"),
    "identity x zero": (multistart(identity={"x": 0}), "identity.x is 0", "give a share of the box between 0 and 1"),
    "identity x over the box": (
        multistart(identity={"x": 5.0}),
        "identity.x is 5:",
        "give a share of the box between 0 and 1",
    ),
    "identity x NaN": (multistart(identity={"x": NAN}), "identity.x is nan", "give a share of the box between 0 and 1"),
    "identity f negative": (multistart(identity={"f": -1}), "identity.f is -1", "give a positive finite number"),
    "identity f in words": (
        multistart(identity={"f": "tight"}),
        "identity.f is 'tight'",
        "give a positive finite number",
    ),
    # where and how
    "unknown backend": (multistart(backend="cup"), "unknown backend 'cup'", "did you mean 'cpu'"),
    "gpu": (multistart(backend="gpu"), "unknown backend 'gpu'", "did you mean 'cuda'"),
    "SGD": (multistart(method="SGD"), "unknown method 'SGD'", "did you mean 'gradient_descent'"),
    "n": (multistart(n=100), "multistart takes no 'n'", "give starts=, the number of descents, or dim="),
    "backend None": (multistart(backend=None), "unknown backend None", "choose from auto, cuda, cpu, numpy"),
    "backend a list": (multistart(backend=["cpu"]), "unknown backend", "choose from auto, cuda, cpu, numpy"),
    "unknown dtype": (multistart(dtype="float16"), "unknown dtype 'float16'", "choose float64, float32 or mixed"),
    "dtype of whole numbers": (descend(dtype=int), "unknown dtype", "choose float64, float32 or mixed"),
    "dtype None": (multistart(dtype=None), "unknown dtype None", "choose float64, float32 or mixed"),
    "threads zero": (multistart(threads=0), "threads is 0", "give a whole number from 1 to 4096"),
    "threads fractional": (descend(threads=2.0), "threads is 2.0", "give a whole number from 1 to 4096"),
    "threads in words": (multistart(threads="2"), "threads is '2'", "give a whole number from 1 to 4096"),
    "progress no function": (multistart(progress=True), "progress is True", "give a function of one ProgressUpdate"),
    "progress in descend": (descend(progress=3), "progress is 3", "give a function of one ProgressUpdate"),
    "unknown keep": (multistart(keep="some"), "keep is 'some'", "give 'all', 'disk' or 'minima'"),
    "device on the CPU": (
        multistart(device=True, backend="cpu"),
        "needs the cuda backend, .* uses cpu",
        "leave it out",
    ),
    "device in descend": (descend(device=True, backend="numpy"), "needs the cuda backend", "leave it out"),
    # results
    "load a number": (lambda: bgd.load(3), "the path is 3", "give its path"),
    "load from nowhere": (lambda: bgd.load("/no/such/run"), "/no/such/run does not exist", r"result.save\(path\)"),
    "save under a number": (lambda: samples.batch(3).save(3), "the path is 3", "give its path"),
    "save in no folder": (lambda: samples.batch(3).save("no/such/run"), "is not a folder", "create it first"),
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_bad_argument_is_reported_before_the_function_is_called(name):
    call, cause, remedy = ARGUMENTS[name]
    refused(call, InputError, cause, remedy)


def raises(x):
    raise RuntimeError("no licence\nfor this model")


def branches(x):
    total = 0.0
    for k in range(9):
        if x[0] > k * x[1]:
            total += x[0] ** 2
    return total


def loops(x):
    while x[0] > 0.1:
        x[0] = x[0] / 2
    return x[0]


def forgets(x):
    np.sum(x**2)


PARTS = np.zeros(2)


def fills(x):
    PARTS[0] = x[0]
    return np.sum(PARTS)


def bowl(x):
    return np.sum(x**2)


FUNCTIONS = {
    "vector": (
        lambda x: x,
        r"returns an array of shape \(2,\)",
        r"return one number; of residuals r, .*np\.sum\(r\*\*2\), never",
    ),
    "tuple": (lambda x: (x[0], x[1]), "returns a tuple of length 2", "return one number"),
    "string": (lambda x: "high", "returns the string 'high'", "return a number"),
    "None": (forgets, "forgets returns None", "is a return statement missing"),
    "truth": (lambda x: x[0] > 0, "returns true or false", r"return a number, for example bgd.where"),
    "object": (lambda x: {"f": x[0]}, "returns a dict", "return a number"),
    "complex": (lambda x: 1j * x[0], "returns a complex number", r"return a real one, for example abs\(z\) \*\* 2"),
    "constant": (lambda x: 1.5, "returns the constant 1.5, which does not depend on x", "nothing to minimise"),
    "cancels": (lambda x: 0.0 * x[0], "does not depend on x", "nothing to minimise"),
    "raises": (raises, r"test_bad_input.py:\d+: raises raises RuntimeError: no licence for this", "correct it, or"),
    "no argument": (lambda: 1.0, r"<lambda>\(\) is called as <lambda>\(x\)", "too many positional .* let it take x$"),
    "two arguments": (
        lambda x, y: x[0] + y,
        r"\(x, y\) is called as .*\(x\)",
        r"inside as x, y = x, or .* args=\(\.\.\.\)",
    ),
    "more coordinates": (lambda x: x[5], "raises IndexError: index 5 is out of bounds", "check its arguments"),
    "branches": (branches, r"test_bad_input.py:\d+: `x\[0\] > k \* x\[1\]` decides by", r"bgd.where\(condition"),
    "loops": (loops, r"`x\[0\] > 0.1` has not ended its loop after 63 rounds", "run it a fixed number of times"),
    "sorts": (lambda x: np.sort(np.tile(x, 40))[0], "orders more values of x", "at most 64 values"),
    "whole number": (lambda x: sum(x[1] for _ in range(int(x[0]))), r"behind a traced value \(index\)", r"args=\(n,\)"),
    "plain array": (fills, "into an array of plain numbers", r"np.zeros_like\(x\)"),
    "random": (lambda x: x[0] * np.random.default_rng().random(), "at the same x", "remove random numbers and state"),
}

CALLS = {
    "multistart": lambda fun: bgd.multistart(fun, box=BOX),
    "descend": lambda fun: bgd.descend(fun, X0),
    "Objective": lambda fun: bgd.Objective(fun, 2),
}


@pytest.mark.parametrize("through", CALLS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_that_cannot_be_used_is_reported_before_the_run(name, through):
    fun, cause, remedy = FUNCTIONS[name]
    refused(lambda: CALLS[through](fun), TraceError, cause, remedy)


GRADIENTS = {
    "wrong": (
        lambda x: 3.0 * x,
        "returns .* in component 0 .*, but the derivative of the function is",
        "correct it, or leave",
    ),
    "of one component": (lambda x: x[:1], r"returns something of shape \(1,\)", "return 2 numbers"),
    "None": (lambda x: None, "returns None", "return 2 numbers, one per coordinate"),
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_a_gradient_that_cannot_be_used_is_reported_before_the_run(name):
    jac, cause, remedy = GRADIENTS[name]
    refused(lambda: bgd.multistart(bowl, box=BOX, jac=jac), TraceError, cause, remedy)


READY = bgd.Objective(bowl, 2)

OBJECTIVES = {
    "without a box": (lambda: bgd.multistart(READY), "the box is missing", "give box="),
    "of another dim": (lambda: bgd.multistart(READY, dim=3, box=(0, 1)), "dim is 3, .* has 2", "leave out dim"),
    "of another box": (lambda: bgd.multistart(READY, box=[(0, 1)] * 3), "has 3 dimensions but dim is 2", ONE_PAIR_EACH),
    "with a jac": (
        lambda: bgd.multistart(READY, box=BOX, jac=bowl),
        "jac was given with a ready",
        "bgd.Objective.fun, j",
    ),
    "with params": (lambda: bgd.multistart(READY, box=BOX, params=1.0), "takes no params", "trace it with params="),
    "of another width than x0": (lambda: bgd.descend(READY, np.ones((3, 3))), "bowl takes 2", "give x0 to match"),
    "at points of another width": (
        lambda: READY.value(np.ones(3)),
        r"x has shape \(3,\)",
        r"takes .* shape \(2,\) or \(n, 2\)",
    ),
}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_what_contradicts_a_ready_objective(name):
    refused(OBJECTIVES[name][0], InputError, *OBJECTIVES[name][1:])


def test_cuda_is_chosen_without_cupy(monkeypatch):
    """As on a machine with a device, its driver and numba-cuda, but not CuPy."""
    monkeypatch.setitem(sys.modules, "cupy", None)
    monkeypatch.setattr("numba.cuda.current_context", lambda: None)
    monkeypatch.setattr(ctypes, "CDLL", lambda name: None)
    backends.cuda_problem.cache_clear()
    try:
        assert backends.choose("cuda")[0].name == "cuda"
        assert backends.choose("auto") == (backends.BACKENDS["cuda"], "cuda: a device works")
        for call in (multistart(backend="cuda", device=True), descend(device=True)):
            refused(call, BackendError, "device=True returns arrays of CuPy, which is not installed", "or leave it out")
    finally:
        backends.cuda_problem.cache_clear()


def test_cuda_is_not_chosen_with_a_numpy_that_its_compiler_refuses(monkeypatch):
    pytest.importorskip("numba_cuda", reason="numba-cuda is not installed")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: None)
    monkeypatch.setattr("numpy.__version__", "2.5.0rc1")
    backends.cuda_problem.cache_clear()
    try:
        assert backends.choose("auto") == (
            backends.BACKENDS["cpu"],
            "cpu: numba-cuda does not compile with NumPy 2.5.0rc1",
        )
        refused(
            multistart(backend="cuda"),
            BackendError,
            "numba-cuda does not compile with NumPy 2.5.0rc1",
            "`batchgd doctor` .* or use cpu",
        )
    finally:
        backends.cuda_problem.cache_clear()


@pytest.mark.parametrize("call", [multistart(backend="cuda"), descend(backend="cuda")], ids=["multistart", "descend"])
def test_cuda_asked_for_where_there_is_none(call, monkeypatch):
    none = dataclasses.replace(backends.BACKENDS["cuda"], problem=lambda: "no NVIDIA driver was found")
    monkeypatch.setitem(backends.BACKENDS, "cuda", none)
    refused(call, BackendError, "cuda cannot be used: no NVIDIA driver was found", "`batchgd doctor`.* or use cpu")


@pytest.mark.parametrize("call", [multistart(strats=5), descend(maxitr=5)], ids=["multistart", "descend"])
def test_an_unknown_keyword_is_a_type_error_as_in_python(call):
    refused(call, TypeError, "takes no '(strats|maxitr)'", "did you mean '(starts|maxiter)'")


PLACES = {
    "a result": ("saved", "already contains a result", "pass overwrite=True or give another name"),
    "a folder": ("occupied", "is a folder", "give a file in it"),
    "a file": ("file", "exists and is not a batchgd result", "give a name that is not taken"),
    "below a file": ("file/run", "is not a folder", "create it first, or save elsewhere"),
}


@pytest.mark.parametrize("name", PLACES)
def test_what_is_there_is_kept(name, tmp_path):
    (tmp_path / "occupied").mkdir()
    (tmp_path / "occupied" / "notes").write_text("mine")
    (tmp_path / "file").write_text("mine")
    samples.batch(3).save(tmp_path / "saved")
    place, cause, remedy = PLACES[name]
    refused(lambda: samples.batch(4).save(tmp_path / place), InputError, cause, remedy)
    assert len(bgd.load(tmp_path / "saved")) == 3
    assert (tmp_path / "file").read_text() == (tmp_path / "occupied" / "notes").read_text() == "mine"


def test_a_result_that_cannot_be_written(tmp_path, monkeypatch):
    def forbidden(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.touch", forbidden)
    refused(
        lambda: samples.batch(3).save(tmp_path / "run"),
        InputError,
        "cannot write .*run: Permission denied",
        "choose a folder that you can write",
    )


GOOD = {
    "one pair for all axes of x0": (lambda: bgd.descend(bowl, X0, box=(-1, 1)), 2),
    "one pair for a landscape's axes": (lambda: bgd.descend("himmelblau", X0, box=(-1, 1)), 2),
    "a landscape takes the width of x0": (lambda: bgd.descend("sphere", np.ones((3, 4))), 4),
    "starts far from zero": (lambda: bgd.descend(bowl, [[1e200, 0.0]]), 2),
    "more starts than memory, minima alone": (lambda: bgd.multistart(bowl, box=BOX, starts=1e15, keep="minima"), 2),
    "a NumPy number of threads": (lambda: bgd.multistart(bowl, box=BOX, threads=np.int64(2)), 2),
}


@pytest.mark.parametrize("name", GOOD)
def test_what_only_looks_bad_is_let_through(name):
    call, dim = GOOD[name]
    with pytest.raises(testing.Work) as caught:
        call()
    assert caught.value.batch.box.dim == caught.value.batch.objective.dim == dim


class Model:
    """A callable that happens to have the attributes of a landscape and of an Objective."""

    objective, dim, dims, name = "likelihood", 7, (7, 7), "model"

    def __call__(self, x):
        return np.sum((x - 1.0) ** 2)


def test_a_users_object_is_not_taken_for_a_landscape():
    for call in (multistart(Model()), descend(fun=Model())):
        with pytest.raises(testing.Work):
            call()
    assert not isinstance(Model(), landscapes.Landscape)


@pytest.mark.parametrize(("through", "terms"), [("multistart", 399), ("descend", 400)])  # each size is told once
def test_the_warning_of_size_names_the_callers_line(through, terms):
    def long(x):
        return sum(np.sin(k * x[0]) * np.cos(x[1] - k) for k in range(terms + 1))

    message = f"long takes .* its {terms} terms differ only in data"
    with contextlib.suppress(testing.Work), pytest.warns(bgd.TraceSizeWarning, match=message) as caught:
        CALLS[through](long)
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("name", "meant"), [("adam", "Adam"), ("SGD", "GradientDescent"), ("minimize", "multistart"), ("LBFGSB", "LBFGS")]
)
def test_a_name_that_the_module_lacks_is_explained(name, meant):
    with pytest.raises(
        AttributeError, match=f"^module 'batchgd' has no attribute '{name}'; did you mean bgd.{meant}\\?"
    ):
        getattr(bgd, name)
