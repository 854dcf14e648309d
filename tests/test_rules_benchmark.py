"""The benchmark of update rules: which rules it times, and that what it times makes every update."""

import pytest

rules = pytest.importorskip("rules", reason="the benchmarks are not here")


def test_it_times_plain_descent_first_and_every_trajectory_to_the_end(monkeypatch):
    from batchgd.engine.run import run
    from batchgd.kernels.status import Status

    names = rules._names()
    assert names[0] == "gradient_descent"
    assert {"adam", "rmsprop", "lion", "signsgd"} < set(names)
    assert not {"armijo", "polyak", "lbfgs"} & set(names)
    monkeypatch.setattr(rules, "STARTS", 8)
    for name in ("gradient_descent", "signsgd", "rprop"):
        batch = rules._batch(name, "float32")
        assert run(batch).status_counts == {Status.MAXITER: 8}
