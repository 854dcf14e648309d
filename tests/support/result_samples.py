"""Results made by hand, with known truths: what the tests of results, storage and pictures share."""

import numpy as np

from batchgd import Box
from batchgd.api.result import BatchResult, MultistartResult
from batchgd.minima.tables import Minima, Stationary
from batchgd.problem.samplings import ArrayStarts


class Function:
    """Stands in for an Objective: the same names, written by hand."""

    params = None

    def __init__(self, name, dim, value, gradient):
        self.name, self.dim = name, dim
        self.value, self.gradient = value, gradient


HIMMELBLAU_MINIMA = np.array(
    [[3.0, 2.0], [3.584428340, -1.848126527], [-3.779310253, -3.283185991], [-2.805118087, 3.131312518]]
)


def himmelblau_value(x):
    u, v = np.asarray(x, dtype=float).T
    return (u * u + v - 11) ** 2 + (u + v * v - 7) ** 2


def himmelblau_gradient(x):
    u, v = np.asarray(x, dtype=float).T
    a, b = u * u + v - 11, u + v * v - 7
    return np.stack([4 * u * a + 2 * b, 2 * a + 4 * v * b], axis=-1)


def rastrigin_value(x):
    x = np.asarray(x, dtype=float)
    return 10 * x.shape[-1] + np.sum(x**2 - 10 * np.cos(2 * np.pi * x), axis=-1)


def rastrigin_gradient(x):
    x = np.asarray(x, dtype=float)
    return 2 * x + 20 * np.pi * np.sin(2 * np.pi * x)


HIMMELBLAU = Function("himmelblau_by_hand", 2, himmelblau_value, himmelblau_gradient)


def multistart(objective, minima_x, starts, box, *, unlabelled=0, seed=0, **more):
    """Starts labelled by the nearest minimum; the last `unlabelled` ones diverged."""
    from scipy.spatial import cKDTree

    dim = starts.shape[1]
    minima_x = minima_x[np.argsort(np.round(objective.value(minima_x), 9), kind="stable")]
    label = cKDTree(minima_x).query(starts)[1].astype(np.int32)
    noise = np.random.default_rng(seed + 1).normal(scale=1e-8, size=starts.shape)
    x = minima_x[label] + noise
    fun = objective.value(x)
    status = np.ones(len(starts), dtype=np.int8)
    if unlabelled:
        label[-unlabelled:], status[-unlabelled:] = -1, 7
        x[-unlabelled:] *= 1e6
        fun[-unlabelled:] = np.inf
    nit = np.random.default_rng(seed + 2).poisson(30, size=len(starts)) + 3
    return MultistartResult(
        x=x, fun=fun, nit=nit, nfev=nit + 2, status=status, label=label,
        minima=minima_table(minima_x, objective.value(minima_x), label, box),
        stationary=Stationary(
            x=np.zeros((1, dim)), fun=objective.value(np.zeros((1, dim))), count=np.array([min(1, unlabelled)]),
            kind=np.array(["saddle"]), eigenvalues=np.ones((1, dim)), negative=np.array([1]),
        ),
        objective=objective, starts=ArrayStarts(starts, "uniform"), box=box, seed=seed, seconds=0.25, **more,
    )  # fmt: skip


def minima_table(x, fun, label, box):
    from statistics import NormalDist

    n, m = len(label), len(x)
    count = np.bincount(label[label >= 0], minlength=m)
    p, z = count / n, NormalDist().inv_cdf(0.975)
    center, half = (p + z**2 / (2 * n)), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n * n))
    return Minima(
        x=x, fun=fun, count=count, fraction=p,
        fraction_low=(center - half) / (1 + z**2 / n), fraction_high=(center + half) / (1 + z**2 / n),
        kind=np.full(m, "minimum"), eigenvalues=np.ones_like(x), inside=box.contains(x), spread=np.full(m, 1e-9),
    )  # fmt: skip


def himmelblau(n=5_000, **more):
    box = Box([-6, -6], [6, 6])
    starts = np.random.default_rng(0).uniform(-6, 6, size=(n, 2))
    return multistart(HIMMELBLAU, HIMMELBLAU_MINIMA, starts, box, **more)


def rastrigin(per_axis, dim=2, n=20_000, **more):
    """A result with per_axis**dim minima: those of Rastrigin at whole numbers, to the accuracy of a picture."""
    half = per_axis // 2 + 0.5
    axis = np.arange(per_axis) - per_axis // 2
    grid = np.stack(np.meshgrid(*[axis] * dim, indexing="ij"), axis=-1).reshape(-1, dim) * 0.9949
    box = Box([-half] * dim, [half] * dim)
    starts = np.random.default_rng(1).uniform(-half, half, size=(n, dim))
    return multistart(
        Function("rastrigin_by_hand", dim, rastrigin_value, rastrigin_gradient), grid, starts, box, **more
    )


def many_minima(m, dim=3):
    """A result with m distinct minima and one start in the basin of each."""
    side = int(np.ceil(m ** (1 / dim)))
    grid = np.stack(np.unravel_index(np.random.default_rng(2).permutation(side**dim)[:m], (side,) * dim), axis=1)
    half = side / 2
    x = (grid + 0.5 - half) * 0.9949
    starts = x + np.random.default_rng(3).uniform(-0.2, 0.2, size=x.shape)
    function = Function("rastrigin_by_hand", dim, rastrigin_value, rastrigin_gradient)
    return multistart(function, x, starts, Box([-half] * dim, [half] * dim))


def batch(n=50):
    starts = np.random.default_rng(3).uniform(-1, 1, size=(n, 2))
    status = np.ones(n, dtype=np.int8)
    status[-1] = 5
    nit = np.arange(n)
    return BatchResult(
        x=starts / 2, fun=himmelblau_value(starts / 2), nit=nit, nfev=nit + 1, status=status,
        objective=HIMMELBLAU, starts=ArrayStarts(starts), seconds=1.5, backend="cpu",
    )  # fmt: skip
