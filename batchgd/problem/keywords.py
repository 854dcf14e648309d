"""Arguments that other libraries name differently: what each is called here, or what to do instead, in one line."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection, Iterable
from typing import Any, ParamSpec, TypeVar

from batchgd.problem.errors import ArgumentError, did_you_mean, quoted
from batchgd.problem.wording import plural

P = ParamSpec("P")
R = TypeVar("R")

_METHOD = "give it to the method, as in method=bgd.GradientDescent(learning_rate=0.01)"
_HOPPING = "give it to the strategy, as in strategy=bgd.BasinHopping(hops=20, step=0.1, temperature=1.0)"

_NO_MODIFIERS = "a method that compares values to choose its steps takes no modifiers: leave it out, or use bgd.Adam"

_HABITS: list[tuple[str, dict[str, str]]] = [
    (
        "bounds p0 x0 box lb ub lower upper params pars param_info param_names limits guess initial_guess",
        {"absolute_sigma": "give parameters={name: (lo, hi), ...}"},
    ),
    (
        "lb ub lower upper lower_bound upper_bound low high minimum maximum bounds limits",
        {"vary": "give min= and max="},
    ),
    ("p0 x0 init init_value initial guess start", {"vary": "give value="}),
    ("fixed fix frozen const constant", {"vary": "give vary=False"}),
    ("log log_scale logscale", {"vary": "give scale='log'"}),
    ("xdata t independent_vars", {"absolute_sigma": "give x, the second argument"}),
    ("ydata data", {"absolute_sigma": "give y, the third argument"}),
    ("weights", {"absolute_sigma": "give sigma=1 / weights, for weights that multiply the residuals"}),
    ("nan_policy check_finite", {"absolute_sigma": "omit it: rows with NaN are left out and counted"}),
    (
        "jac fcn_args args Dfun",
        {"absolute_sigma": "omit it: derivatives are exact, and the model has its constants"},
    ),
    (
        "bounds",
        {
            "box": "give box=[(lo, hi), ...], where starts are drawn; it does not constrain x",
        },
    ),
    (
        "lb ub lower upper lower_bound upper_bound lower_bounds upper_bounds low high xmin xmax",
        {
            "bounds": "give bounds=list(zip(lower, upper))",
            "box": "give box=list(zip(lower, upper)), where points are drawn; it does not constrain x",
        },
    ),
    (
        "constraints constraint A_ub b_ub A_eq b_eq",
        {
            "bounds": "give bounds=[(lo, hi), ...] for intervals, and for g(x) <= 0 add a penalty to fun, such as "
            "1e3 * np.maximum(0.0, g(x)) ** 2",
            "fun": "x is not constrained: add a penalty to fun, such as 1e3 * np.maximum(0.0, g(x)) ** 2 for g(x) <= 0",
            "": "x is not constrained here",
        },
    ),
    ("fargs extra_args", {"args": "give args=(a, b), for fun(x, a, b)"}),
    ("args", {"": "write them into the function"}),
    (
        "kwargs kws fcn_kws method_kwargs",
        {"args": "give args=(a, b), for fun(x, a, b), or functools.partial(fun, name=value)"},
    ),
    (
        "x0 p0 init_params initial_guess guess start start_params initial x_init",
        {
            "x0": "give x0=",
            "starts": "give starts=[[...], ...], one row per start, or call bgd.descend(fun, x0)",
            "resolution": "every pixel is a start: give box= and resolution=",
        },
    ),
    (
        "n_starts num_starts nstarts n_restarts restarts n_points num_points npoints n_samples num_samples samples "
        "popsize population pop_size n_init nruns n_runs trials n_trials batch_size",
        {
            "starts": "give starts=, the number of descents",
            "x0": "give x0 with one row per start",
            "resolution": "give resolution=, in pixels along each axis",
            "samples": "give samples=, the number of points",
        },
    ),
    (
        "starts",
        {
            "x0": "give x0, an array of one start per row",
            "resolution": "every pixel is a start: give resolution=",
            "samples": "give samples=, the number of points",
        },
    ),
    (
        "resolution grid n_grid npix pixels res ngrid grid_size",
        {"resolution": "give resolution=, in pixels along each axis", "sampling": "give starts=900, sampling='grid'"},
    ),
    (
        "tol tolerance epsilon_g pgtol gtolerance tol_grad grad_tol gradient_tolerance tolg eps_grad",
        {"gtol": "give gtol=, the norm of the gradient at which a trajectory has converged"},
    ),
    ("xatol tol_x tolx step_tol step_tolerance", {"xtol": "give xtol="}),
    ("fatol factr tol_f tolf f_tolerance function_tolerance tol_change", {"ftol": "give ftol="}),
    (
        "max_iter max_iters maxiters maxit itmax iters n_iter n_iters num_iter num_iters num_iterations iterations "
        "nit_max epochs n_epochs steps n_steps num_steps max_steps maxsteps max_iterations",
        {"maxiter": "give maxiter=, the largest number of updates"},
    ),
    (
        "maxfev maxfun max_nfev maxeval maxevals max_evals max_fun n_calls",
        {"stopping": "give stopping={'maxfev': ...}", "maxfev": "give maxfev="},
    ),
    (
        "niter n_hops",
        {
            "hops": "give hops=",
            "strategy": f"for basin hopping {_HOPPING}; else give maxiter=",
            "maxiter": "give maxiter=, the largest number of updates",
        },
    ),
    ("stepsize step_size", {"step": "give step=", "learning_rate": "give learning_rate=", "strategy": _METHOD}),
    ("T temp", {"temperature": "give temperature=", "strategy": f"for basin hopping {_HOPPING}"}),
    ("minimizer_kwargs", {"fun": "give its entries as keywords, such as method='lbfgs', maxiter=1000"}),
    ("take_step accept_test niter_success target_accept_rate", {"strategy": f"basin hopping is {_HOPPING}"}),
    (
        "mutation recombination init updating tell polish vectorized integrality crossover sigma0 CR F",
        {"fun": "leave it out: there is no population; each start descends on its own"},
    ),
    (
        "lr learning_rate step_size stepsize eta alpha",
        {
            "learning_rate": "give learning_rate=",
            "zipped": "give learning_rate=[...], the values to sweep",
            "time_step": "give time_step=",
            "max_displacement": "leave it out: the method finds the length of each step itself",
            "method": _METHOD,
            "methods": "give it to the methods, as in methods=[bgd.GradientDescent(learning_rate=0.01)]",
        },
    ),
    ("betas b1 b2", {"beta1": "give beta1=0.9, beta2=0.999"}),
    ("beta mu", {"momentum": "give momentum="}),
    (
        "momentum beta beta1 beta2 betas weight_decay nesterov clip_norm memory line_search",
        {"method": "give it to the method, as in method=bgd.HeavyBall(learning_rate=0.01, momentum=0.9)"},
    ),
    ("amsgrad", {"beta1": "write bgd.AMSGrad(...)"}),
    ("line_search", {"learning_rate": "write bgd.Armijo(), which searches along the gradient"}),
    ("optimum f_star fstar", {"learning_rate": "write bgd.Polyak(optimum=...), whose steps need no learning rate"}),
    (
        "clip_value clip_norm weight_decay noise noise_decay temperature",
        dict.fromkeys(("max_displacement", "sufficient_decrease"), _NO_MODIFIERS),
    ),
    ("eps", {"epsilon": "give epsilon="}),
    ("rho alpha", {"decay": "give decay="}),
    (
        "optimizer optim algorithm solver local_method minimizer local_search",
        {"method": "give method=, such as 'lbfgs' or bgd.Adam(learning_rate=0.1)", "methods": "give methods="},
    ),
    ("method", {"methods": "give methods=[...], a list of them"}),
    ("fun", {"landscapes": "give landscapes=[...]: names, or bgd.Objective(fun, box=...)"}),
    ("problems functions objectives", {"landscapes": "give landscapes=[...]"}),
    ("func f fn function objective loss_fn target_function cost objective_function", {"fun": "give fun="}),
    (
        "grad gradient fprime df Df jacobian jacobian_fn der dfun",
        {"jac": "give jac=, or leave it out: the gradient is derived from fun"},
    ),
    ("jac", {"": "leave it out: the gradient is derived from the function"}),
    ("hess hessp hessian fprime2 fhess", {"": "leave it out: second derivatives are derived from the function"}),
    (
        "eps epsilon diff_step finite_diff_rel_step finite_difference approx_grad jac_sparsity",
        {"": "leave it out: derivatives are exact"},
    ),
    (
        "callback callbacks on_step hook",
        {
            "every": "leave it out: the returned paths contain every point",
            "progress": "give progress=, called about twice a second; bgd.path returns every point of a path",
            "": "leave it out; bgd.path returns every point of a path",
        },
    ),
    (
        "verbose verbosity disp iprint display show_progress full_output tqdm progress_bar",
        {"progress": "give progress=print, or print the result", "": "leave it out, and print the result"},
    ),
    ("return_all retall allvecs history", {"fun": "call bgd.path(fun, x0), which returns every point of a path"}),
    ("options", {"fun": "give its entries as keywords, such as maxiter=1000, gtol=1e-8"}),
    (
        "workers n_jobs num_workers n_workers nproc n_processes processes parallel pool cores n_threads",
        {
            "threads": "give threads=; if it is omitted, all cores work",
            "": "leave it out",
        },
    ),
    (
        "random_state rng random_seed rng_seed key prng_key",
        {"seed": "give seed=, a whole number", "": "leave it out: nothing is random here"},
    ),
    ("n", {"starts": "give starts=, the number of descents, or dim=, the number of variables"}),
    ("ndim n_dim n_dims dims ndims dimension dimensions n_var nvar n_params num_params d n", {"dim": "give dim="}),
    ("sampler sampling_method init_method design", {"sampling": "give sampling=, such as 'sobol'"}),
    ("timeout maxtime time_limit max_seconds max_runtime", {"max_time": "give max_time=, in seconds"}),
    ("precision float_type", {"dtype": "give dtype=, 'float64', 'float32' or 'mixed'"}),
    ("platform engine gpu", {"backend": "give backend=, 'cuda', 'cpu' or 'numpy'"}),
    (
        "fmin f_min stopval f_target ftarget",
        {
            "target": "give target=, the value at which a trajectory ends",
            "stopping": "give stopping={'target': ...}, the value at which a trajectory ends",
        },
    ),
    ("stop", {"until": "give until=bgd.Coverage(0.999)"}),
    ("x_tol f_tol merge_tol", {"identity": "give identity=bgd.Identity(x=1e-6, f=1e-9)"}),
    ("view extent xlim ylim", {"window": "give window=((u0, u1), (v0, v1))"}),
    (
        "x_scale diag scaling",
        {
            "landscapes": "give scale=True",
            "scale": "give scale='box', or one width per coordinate",
            "fun": "divide inside fun: f(x / scale), with the box in units of the scale",
        },
    ),
    ("loss f_scale", {"fun": "write it into fun, such as np.sum(2 * (np.sqrt(1 + r**2) - 1)) for 'soft_l1'"}),
    ("sigma scale stddev sd", {"std": "give std="}),
    ("loc mu center centre", {"mean": "give mean="}),
    (
        "xdata ydata x_data y_data data sigma absolute_sigma model y t",
        {"fun": "fit data with bgd.fit(model, x, y, parameters={name: (lo, hi)})"},
    ),
]

HABITS: dict[str, dict[str, str]] = {}
"""Foreign keywords: the advice for a callable that takes a given argument, first match; "" is for all others."""

for _words, _advice in _HABITS:
    for _word in _words.split():
        for _needs, _text in _advice.items():
            HABITS.setdefault(_word, {}).setdefault(_needs, _text)

_OF_STOPPING = (
    "escape target gtol_rel xtol_abs xtol_rel ftol_abs ftol_rel norm window maxfev patience min_delta f_growth "
    "x_growth oscillation"
)
for _word in _OF_STOPPING.split():
    HABITS.setdefault(_word, {}).setdefault("stopping", f"give stopping={{{_word!r}: ...}}")


def explained(function: Callable[P, R]) -> Callable[P, R]:
    """Raise ArgumentError for a call that does not fit the signature, which stays visible.

    >>> @explained
    ... def descend(fun, *, maxiter=100): ...
    >>> descend(abs, max_iter=5)
    Traceback (most recent call last):
    batchgd.problem.errors.ArgumentError: descend takes no 'max_iter': give maxiter=, the largest number of updates
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            signature.bind(*args, **kwargs)
        except TypeError as error:
            raise _misfit(function.__name__, signature, args, kwargs, str(error)) from None
        return function(*args, **kwargs)

    return call


class Explained:
    """A class whose constructor raises ArgumentError for keywords that it does not take."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Make an instance; keywords are checked before ``__init__`` sees them."""
        if kwargs:
            refuse_strange(cls.__name__, kwargs, list(inspect.signature(cls.__init__).parameters)[1:])
        return super().__new__(cls)


def refuse_strange(call: str, given: Iterable[str], known: Collection[str], more: Collection[str] = ()) -> None:
    """Raise ArgumentError for the first keyword that is neither in ``known`` nor in ``more``, which is not listed."""
    for name in given:
        if name not in known and name not in more:
            raise ArgumentError(f"{call} takes no {quoted(name)}: {_advice_for(name, known, more)}")


def parameters(function: Callable[..., Any]) -> list[str]:
    """Return the names of a function's parameters, except ``**names``."""
    return [name for name, each in inspect.signature(function).parameters.items() if each.kind != each.VAR_KEYWORD]


def _advice_for(name: str, known: Collection[str], more: Collection[str] = ()) -> str:
    for needs, advice in HABITS.get(name, {}).items():
        if not needs or needs in known:
            return advice
    near = did_you_mean(name, [*known, *more])
    return near.strip() or f"it takes {', '.join(known)}"


def _misfit(call: str, signature: inspect.Signature, args: Any, kwargs: Any, why: str) -> ArgumentError:
    """Return the error for a call that ``signature.bind`` refused."""
    kinds = signature.parameters.values()
    known = [each.name for each in kinds]
    by_position = [each.name for each in kinds if each.kind is each.POSITIONAL_OR_KEYWORD]
    for name in kwargs:
        if name not in known:
            return ArgumentError(f"{call} takes no {quoted(name)}: {_advice_for(name, known)}")
    if len(args) > len(by_position):
        shown = ", ".join(by_position)
        return ArgumentError(
            f"{call} takes {plural(len(by_position), 'positional argument')} ({shown}), not {len(args)}: "
            "name the others, as in "
            f"{'box=[(lo, hi), ...]' if 'box' in known else 'starts=1000'}"
        )
    for each in kinds:
        if each.default is each.empty and each.name not in kwargs and each.name not in by_position[: len(args)]:
            return ArgumentError(f"{call} needs {each.name}: {_NEEDED.get(each.name, 'give it')}")
    return ArgumentError(f"{call}: {why}")


_NEEDED = {
    "model": "give a function of x and parameters, or a formula such as 'a*exp(-k*x)'",
    "x": "give the independent variable",
    "y": "give the observations",
    "parameters": "give {name: (lo, hi)} with limits between which starts are drawn",
    "fun": "give a function of x, the name of a landscape, or an Objective",
    "x0": "give the starts, an array with one row each; bgd.multistart draws its own",
}
