"""What `bgd.testing` offers: it sees what runs, forces what is said, and leaves nothing behind."""

import os

import numpy as np
import pytest

import batchgd as bgd

X0 = np.random.default_rng(0).uniform(-5.0, 5.0, (40, 2))


def descend(**options):
    return bgd.descend("himmelblau", X0, **{"backend": "numpy", "maxiter": 50} | options)


def entries(folder):
    """What the cache holds, one folder for each text that was compiled."""
    return {entry.name for entry in folder.iterdir()}


def test_watched_shows_every_batch_and_may_refuse_it():
    seen = []
    with bgd.testing.watched(seen.append):
        descend()
    descend()
    assert [(batch.objective.name, batch.starts.n, batch.backend.name) for batch in seen] == [
        ("himmelblau", 40, "numpy")
    ]
    with pytest.raises(bgd.testing.Work) as refused, bgd.testing.no_work():
        descend()
    assert refused.value.batch.starts.n == 40
    descend()


def test_a_fresh_cache_is_one_that_nothing_was_compiled_in(tmp_path):
    before = os.environ.get("BATCHGD_CACHE_DIR")
    expected = descend(backend="cpu")
    with bgd.testing.fresh_cache(tmp_path / "cache") as folder:
        again = descend(backend="cpu")
        first = entries(folder)
    with bgd.testing.fresh_cache(folder):
        descend(backend="cpu")
        assert entries(folder) == first
    with bgd.testing.fresh_cache() as other:
        assert other != folder
        assert not entries(other)
    assert first
    assert np.array_equal(again.x, expected.x)
    assert os.environ.get("BATCHGD_CACHE_DIR") == before
    assert not other.exists()


@pytest.mark.parametrize("block", [False, True])
def test_a_form_is_forced_where_both_are_possible(block):
    with bgd.testing.fresh_cache() as folder:
        plain = descend(backend="cpu")
        chosen = entries(folder)
        with bgd.testing.forced(block=block):
            forced = descend(backend="cpu")
        assert (entries(folder) == chosen) is not block  # in two dimensions the CPU runs the fused form
        assert np.array_equal(descend(method=bgd.LBFGS()).status, np.full(40, bgd.Status.GRADIENT))
    np.testing.assert_allclose(forced.x, plain.x, rtol=0, atol=1e-12)


def test_what_was_forced_is_as_before_afterwards():
    counts = []
    for piece in (None, 10, None):
        seen = []
        with bgd.testing.forced(piece=piece), bgd.testing.watched(seen.append):
            bgd.multistart("himmelblau", starts=40, dtype="mixed", backend="numpy")
        counts.append(len(seen))
    assert counts[0] == counts[2] == 3  # the whole, and its one piece in either dtype
    assert counts[1] > 3


def test_automatic_is_the_backend_of_calls_that_name_none():
    with bgd.testing.automatic("numpy"):
        assert bgd.descend("himmelblau", X0).backend == "numpy"
        assert bgd.multistart("himmelblau", starts=10, backend="cpu").backend == "cpu"
