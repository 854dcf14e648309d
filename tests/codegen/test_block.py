"""The block form of the tick: the same iterates as the fused form, for every method and on every target."""

from dataclasses import replace

import numpy as np
import pytest

import batchgd as bgd
from batchgd import Objective
from batchgd.compiler.codegen.specialisation import BLOCK_DIM, BLOCK_OPERATIONS, Specialisation
from batchgd.compiler.codegen.to_numpy import as_rows

METHODS = bgd.methods.METHODS

OPTIONS = {"gtol": 1e-6, "maxiter": 60, "backend": "numpy"}


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("box", [[(-6.0, 6.0), (-6.0, 6.0)], [(-6.0, 6.0), (-6.0, 6.5)]], ids=["cubic", "oblong"])
def test_both_forms_make_the_same_iterates(name, box):
    x0 = np.random.default_rng(2).uniform(-5.0, 5.0, (60, 2))
    options = {**OPTIONS, "method": METHODS[name].example(), "box": box, "ftol": 1e-13, "xtol": 1e-13}
    fused = bgd.descend("himmelblau", x0, **options)
    with bgd.testing.forced(block=True):
        blocks = bgd.descend("himmelblau", x0, **options)
    np.testing.assert_allclose(blocks.x, fused.x, rtol=0, atol=1e-12)
    for field in ("nit", "nfev", "status"):
        np.testing.assert_array_equal(getattr(blocks, field), getattr(fused, field))


def test_schedules_modifiers_and_rates_per_start_have_their_place():
    x0 = np.random.default_rng(2).uniform(-5.0, 5.0, (4, 2))
    options = {"clip_norm": 20.0, "clip_value": 15.0, "weight_decay": np.array([0.1, 0.2, 0.3, 0.4]), "momentum": 0.5}
    method = bgd.RMSprop(bgd.Cosine(np.array([0.1, 0.05, 0.1, 0.05]), 5, growth=2), **options)
    fused = bgd.descend("himmelblau", x0, method=method, **OPTIONS)
    with bgd.testing.forced(block=True):
        blocks = bgd.descend("himmelblau", x0, method=method, **OPTIONS)
    np.testing.assert_allclose(blocks.x, fused.x, rtol=0, atol=1e-12)


def test_many_dimensions_take_the_block_form_on_the_cpu():
    dim = BLOCK_DIM
    x0 = np.random.default_rng(2).uniform(-2.0, 2.0, (130, dim))
    options = {"maxiter": 40, "box": [(-2.0, 2.0)] * dim}
    cpu, plain = (bgd.descend("rosenbrock", x0, backend=backend, **options) for backend in ("cpu", "numpy"))
    np.testing.assert_allclose(cpu.x, plain.x, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(cpu.nfev, plain.nfev)
    part = bgd.descend("rosenbrock", x0[5:30], backend="cpu", threads=1, **options)
    np.testing.assert_array_equal(part.x, cpu.x[5:30])
    assert not Specialisation(Objective(lambda x: sum(x**2), dim - 1), "adam").blocked


def test_many_operations_take_the_block_form_on_the_cpu():
    def waves(count):
        return Objective(lambda x: sum(np.sin((k + 1.5) * x[k % 2]) for k in range(count)) + x[0] ** 2 + x[1] ** 2, 2)

    few, many = (Specialisation(waves(count), "barzilai_borwein") for count in (5, BLOCK_OPERATIONS // 16 + 1))
    assert (few.blocked, many.blocked) == (False, True)
    assert not replace(many, target="numpy").blocked
    assert replace(many, lanes=16).blocked


def specialised(objective, method):
    return Specialisation(objective, method.rule, constants=method.fixed)


def test_rows_are_copied_before_they_change():
    text = as_rows(
        "for lane in range(W):\n    a = ws[0 * W + lane]\n    ws[0 * W + lane] = a + a\n    ws[1 * W + lane] = a"
    )
    ws = np.array([[1.0, 2.0], [0.0, 0.0]])
    exec(text, {"ws": ws})
    np.testing.assert_array_equal(ws, [[2.0, 4.0], [1.0, 2.0]])


@pytest.mark.parametrize("method", [bgd.Adam(0.02), bgd.NonlinearCG()], ids=["adam", "nonlinear_cg"])
def test_bits_do_not_depend_on_the_width_of_a_block(method):
    """Whether LLVM unrolls the lanes of a pass must not decide which products are fused with which sums."""
    objective = bgd.Objective(lambda x: np.sum((x[1:] * x[:-1] - 1.0) ** 2) + 0.1 * np.sum(x**2), 3)
    x0 = np.random.default_rng(0).uniform(-1.0, 1.0, (1200, 3))  # in blocks of 64 lanes; a hundred run in those of 16
    options = {"box": [(-1.0, 1.0)] * 3, "method": method, "maxiter": 40, "backend": "cpu"}
    with bgd.testing.forced(block=True):
        many, few = (bgd.descend(objective, x, **options) for x in (x0, x0[:100]))
    np.testing.assert_array_equal(few.x, many.x[:100])


@pytest.mark.parametrize("method", [bgd.BFGS(), bgd.LBFGS(memory=3), bgd.Newton()], ids=["bfgs", "lbfgs", "newton"])
def test_rules_with_history_or_matrices_are_unrolled_while_a_lane_remembers_little(method):
    few, many = (specialised(bgd.as_objective("rosenbrock", dim), method) for dim in (6, 16))
    assert (few.blocked, many.blocked) == (False, True)
    assert replace(few, target="numpy").blocked
