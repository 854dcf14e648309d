"""What fits need and must be right: residuals, bounds, params per start, and many data sets at once."""

from __future__ import annotations

from functools import partial
from typing import Any

import many_data
import numpy as np

from gpu_parts.compared import SHOWN, Case, compare
from gpu_parts.correctness import DTYPES, judged
from gpu_parts.place import Place
from gpu_parts.workers import Record, Work

SAME = 1e-6
"""Standard errors by which the parameters of a fit may differ."""


def fits(place: Place) -> dict[str, Work]:
    """Every form of least squares and of bounds, params per start in every form of a kernel, and many fits."""
    cases = {**_problems(place), **_least_squares(place), **_bounded(place)}
    if not place.real:
        kept = (*_problems(place), "12 parameters float64", "bounds per start float64")
        cases = {name: cases[name] for name in kept}
    items: dict[str, Work] = {name: partial(compare, case, place.reference) for name, case in cases.items()}
    return {**items, "many fits": partial(_many, place)}


def _problems(place: Place) -> dict[str, Case]:
    import simulated_cuda

    cases = {}
    for name, (fun, x0, options) in simulated_cuda.PROBLEMS.items():
        n = place.of(1000, len(x0))
        by_start = {"which": np.resize(simulated_cuda.OF_SIX[: len(x0)], n)}
        if "bounds" in options:
            by_start["bounds"] = np.resize(options["bounds"], (n, *options["bounds"].shape[1:]))
        warp = None if "threads" not in name else 4 if place.name == "simulator" else 32
        options = {"maxiter": place.of(100, 10), **options, **by_start}
        cases[f"params per start: {name}"] = Case(fun, n, options, warp, np.resize(x0, (n, x0.shape[1])))
    return cases


def _least_squares(place: Place) -> dict[str, Case]:
    """J'J in registers and in memory, with bounds and robust losses."""
    import batchgd as bgd

    rng = np.random.default_rng(0)
    cases = {}
    for p in (2, 12, 30):
        features = rng.normal(size=(2 * p, p))
        target = np.tanh(features @ rng.uniform(-0.3, 0.3, p)) + 0.01 * rng.normal(size=2 * p)
        for loss in ("linear", "huber"):
            layer = bgd.LeastSquares(
                lambda x, features=features, target=target: np.tanh(features @ x) - target,
                box=[(-0.5, 0.5)] * p,
                loss=loss,
                f_scale=0.02,
            )
            how = {"method": bgd.LevenbergMarquardt(), "maxiter": place.of(60, 3)}
            names = {"linear": f"{p} parameters", "huber": f"{p} parameters, huber, bounds"}
            how |= {"bounds": [(-0.5, 0.2)] * p} if loss == "huber" else {}
            for dtype in DTYPES:
                cases[f"{names[loss]} {dtype}"] = Case(layer, place.of(256, 4), {**how, "dtype": dtype})
    return cases


def _bounded(place: Place) -> dict[str, Case]:
    """Bounds of all starts for every kind of rule, and bounds of each."""
    import batchgd as bgd

    rules = (None, bgd.Adam(0.05), bgd.NonlinearCG(), bgd.LBFGS(), bgd.BFGS(), bgd.Newton())
    cases, n = {}, place.of(1000, 12)
    rng = np.random.default_rng(1)
    lower = rng.uniform([-2.0, -1.0], [0.0, 1.0], (n, 2))
    pairs = np.stack([lower, lower + rng.uniform(0.0, 2.5, (n, 2))], axis=2)
    points = rng.uniform(pairs[:, :, 0], pairs[:, :, 1])
    for dtype in DTYPES:
        options: dict[str, Any] = {"dtype": dtype, "maxiter": place.of(300, 6)}
        for rule in rules:
            how = {"method": rule, "bounds": [(-2.0, 2.5), (-1.0, 4.0)], **options}
            cases[f"bounds, {type(rule).__name__ if rule else 'default'} {dtype}"] = Case("himmelblau", n, how)
        box = [(-2.0, 2.5)] * 2
        cases[f"bounds per start {dtype}"] = Case(
            "himmelblau", n, {"bounds": pairs, "box": box, **options}, None, points
        )
    return cases


def _many(place: Place) -> Record:
    """Compare fits of many data sets, one of them without data, with those of the CPU."""
    import batchgd as bgd

    y = many_data.decays(place.of(5000, 4))
    y[1] = np.nan
    given = {"parameters": many_data.starting(many_data.DECAY_LIMITS), "starts": place.of(2, 0)}
    cuda, cpu = (
        bgd.fit(many_data.decay, many_data.TIMES, y, backend=backend, **given) for backend in ("cuda", place.reference)
    )
    errors = np.sqrt(np.einsum("nii->ni", cpu.covar))
    apart = np.abs(cuda.values - cpu.values) > SAME * errors
    wrong = np.flatnonzero(apart.any(axis=1) | (cuda.success != cpu.success))
    shown = [f"data set {i}: {cuda.values[i].tolist()}, expected {cpu.values[i].tolist()}" for i in wrong[:SHOWN]]
    return judged(shown, trajectories=len(y), fitted=float(np.mean(cpu.success)))
