"""One pair of bounds per start: every trajectory is what it is alone, whichever run it is in."""

import numpy as np
import pytest
from scipy.optimize import Bounds

import batchgd as bgd

N, D = 210, 3
RNG = np.random.default_rng(4)
A = RNG.normal(size=(D, D))
H, C = A @ A.T + 0.5 * np.eye(D), RNG.normal(size=D)
LOWER = RNG.uniform(-2.0, 0.0, (N, D))
UPPER = LOWER + RNG.uniform(0.1, 2.0, (N, D))
UPPER[::7, 1] = LOWER[::7, 1]
LOWER[1::7, 2], UPPER[2::7, 0] = -np.inf, np.inf
X0 = np.clip(RNG.uniform(-1.0, 1.0, (N, D)), LOWER, UPPER)
PAIRS = np.stack([LOWER, UPPER], axis=-1)
SCALE = {"box": [(-2, 2)] * D, "gtol": 1e-8}
METHODS = (None, bgd.Adam(0.05), bgd.NonlinearCG(), bgd.LBFGS(), bgd.BFGS(), bgd.Newton())


def quadratic(x):
    return 0.5 * (x @ (H @ x)) + C @ x


def is_solved(x):
    """Whether rows are the minima within their bounds: no coordinate can be moved inwards downhill."""
    g = x @ H + C
    downhill = np.where(x <= LOWER, np.minimum(g, 0.0), np.where(x >= UPPER, np.maximum(g, 0.0), g))
    return (x >= LOWER).all() and (x <= UPPER).all() and abs(downhill[LOWER < UPPER]).max() < 1e-6


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("backend", ["cpu", "numpy"])
@pytest.mark.parametrize("block", [False, True])
def test_each_start_has_its_own(method, backend, block):
    with bgd.testing.forced(block=block):
        result = bgd.descend(quadratic, X0, bounds=PAIRS, method=method, backend=backend, maxiter=20_000, **SCALE)
    assert result.success.all()
    assert is_solved(result.x)
    assert (result.x[::7, 1] == LOWER[::7, 1]).all()


@pytest.mark.parametrize("dtype", ["float64", "float32", "mixed"])
def test_alone_and_together(dtype):
    options = SCALE | {"dtype": dtype, "gtol": 1e-8 if dtype != "float32" else 1e-4}
    with bgd.testing.forced(piece=50):
        together = bgd.descend(quadratic, X0, bounds=Bounds(LOWER, UPPER), **options)
    for i in range(0, N, 41):
        alone = bgd.descend(quadratic, X0[i : i + 1], bounds=PAIRS[i : i + 1], **options)
        assert np.array_equal(alone.x[0], together.x[i])
        assert alone.nfev[0] == together.nfev[i]
    ends = (LOWER, UPPER) if dtype != "float32" else (LOWER.astype("float32"), UPPER.astype("float32"))
    assert (together.x >= ends[0]).all()
    assert (together.x <= ends[1]).all()


def test_threads_and_order_change_nothing():
    many = {"x0": np.tile(X0, (10, 1)), "bounds": np.tile(PAIRS, (10, 1, 1))}
    one, two = (bgd.descend(quadratic, **many, threads=threads, **SCALE) for threads in (1, 2))
    assert np.array_equal(one.x, two.x)
    assert np.array_equal(one.x[-N:], bgd.descend(quadratic, X0, bounds=PAIRS, **SCALE).x)
    back = bgd.descend(quadratic, X0[::-1], bounds=PAIRS[::-1], **SCALE)
    assert np.array_equal(back.x[::-1], one.x[:N])


def test_equal_rows_are_bounds_of_all():
    pairs = [(-0.5, 0.3), (0.1, 0.1), (-np.inf, 1.0)]
    scale = {"box": [(-0.5, 0.3), (0, 1), (-2, 1)], "gtol": 1e-8}
    x0 = np.clip(X0, [-0.5, 0.1, -np.inf], [0.3, 0.1, 1.0])
    for method in METHODS:
        shared = bgd.descend(quadratic, x0, bounds=pairs, method=method, **scale)
        each = bgd.descend(quadratic, x0, bounds=np.broadcast_to(pairs, (N, D, 2)), method=method, **scale)
        assert np.array_equal(shared.x, each.x)
        assert np.array_equal(shared.nfev, each.nfev)


def test_other_values_compile_nothing():
    objective = bgd.Objective(quadratic, D)
    with bgd.testing.fresh_cache() as folder:
        bgd.descend(objective, X0, bounds=PAIRS, backend="cpu", **SCALE)
        made = {path.name for path in folder.rglob("*")}
        fixed = np.stack([X0, X0], axis=-1)
        result = bgd.descend(objective, X0, bounds=fixed, backend="cpu", **SCALE)
        assert {path.name for path in folder.rglob("*")} == made
    assert np.array_equal(result.x, X0)
    assert result.success.all()


def test_one_coordinate_fixed_in_steps():
    steps = np.linspace(-1.0, 1.0, 21)
    bounds = np.empty((21, D, 2))
    bounds[:] = -np.inf, np.inf
    bounds[:, 0] = steps[:, None]
    x0 = np.zeros((21, D))
    x0[:, 0] = steps
    result = bgd.descend(quadratic, x0, bounds=bounds, box=[(-1, 1)] * D, gtol=1e-10)
    others = np.linalg.solve(H[1:, 1:], -(C[1:, None] + H[1:, :1] * steps)).T
    assert np.array_equal(result.x[:, 0], steps)
    np.testing.assert_allclose(result.x[:, 1:], others, atol=1e-8)


def test_other_units():
    def wide(x):
        return quadratic(np.array([x[0], x[1] / 1024.0, x[2]]))

    unit = np.array([1.0, 1024.0, 1.0])
    result = bgd.descend(
        wide, X0 * unit, bounds=Bounds(LOWER * unit, UPPER * unit), box=[(-2, 2), (-2000, 2000), (-2, 2)], gtol=1e-8
    )
    assert result.scale is not None
    assert is_solved(result.x / unit)


def test_parts_and_files(tmp_path):
    result = bgd.descend(quadratic, X0, bounds=PAIRS, **SCALE)
    result.save(tmp_path / "each")
    loaded = bgd.load(tmp_path / "each")
    assert np.array_equal(loaded.bounds.lower, LOWER)
    assert np.array_equal(loaded.bounds.upper, UPPER)
    part = result[5:9]
    assert np.array_equal(part.bounds.upper, UPPER[5:9])


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        (PAIRS[:-1], "bounds have 209 rows for 210 starts: give one row of pairs per start"),
        (PAIRS[:, :2], "given for 2 coordinates, and there are 3"),
        (PAIRS[..., ::-1], r"coordinate 0 of start 0 are \(.*\), which is reversed"),
        (np.where(np.arange(N)[:, None, None] == 9, 5.0, PAIRS), r"coordinate 0 of start 9 is .*, outside its bounds"),
        (np.where(np.arange(N)[:, None, None] == 9, np.nan, PAIRS), "coordinate 0 of start 9 are .*NaN is no bound"),
        (PAIRS[None], r"bounds has shape \(1, 210, 3, 2\), not \(d, 2\), or \(n, d, 2\)"),
        (Bounds(LOWER[0], UPPER[0]), "coordinate . of start . is .*, outside its bounds"),
    ],
)
def test_mistakes(bounds, words):
    with bgd.testing.no_work(), pytest.raises(bgd.InputError, match=words) as error:
        bgd.descend(quadratic, X0, bounds=bounds)
    assert "\n" not in str(error.value)


def test_a_multi_start_has_the_same_for_all():
    with bgd.testing.no_work(), pytest.raises(bgd.InputError, match="per start, which only"):
        bgd.multistart(quadratic, bounds=PAIRS, starts=X0)


def test_paths_keep_the_bounds_and_the_params_of_their_starts():
    bounds = np.array([[(-2, 1), (-1, 2)], [(-1, 3), (0, 4)]], float)
    paths = bgd.path("himmelblau", [[0.0, 0.0], [2.0, 3.0]], bounds=bounds)
    for path, (lower, upper) in zip(paths, bounds.transpose(0, 2, 1), strict=True):
        assert ((path.x >= lower) & (path.x <= upper)).all()
        assert path.gradient_norm[-1] < 1e-5
    shifted = bgd.path(lambda x, c: (x[0] - c) ** 2, [[0.0], [0.0]], params={"c": [1.0, 2.0]})
    assert [path.fun[0] for path in shifted] == [1.0, 4.0]
    assert [path.fun[-1] for path in shifted] == pytest.approx([0.0, 0.0], abs=1e-9)
