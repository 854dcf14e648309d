"""The text that is generated: what it holds, what it leaves out, and which names it may use."""

import re
from dataclasses import replace

import pytest
from stopping_rules import BOX, bowl

import batchgd as bgd
from batchgd.compiler.codegen.device_text import source
from batchgd.compiler.codegen.rule import LOOP_NAMES, read_rule
from batchgd.compiler.codegen.specialisation import Specialisation
from batchgd.compiler.codegen.trace_tick import tick_program
from batchgd.compiler.codegen.warp_tick import can_share
from batchgd.compiler.resolve import Problem
from batchgd.engine.batch import make_batch
from batchgd.engine.compute import Compute
from batchgd.engine.prepare import specialisation_of
from batchgd.kernels.methods import RULES
from batchgd.kernels.modifiers import MODIFIERS
from batchgd.kernels.rule_parts.stages import with_callees
from batchgd.kernels.schedules import SCHEDULES
from batchgd.kernels.stopping_tests import MEMORY, SUMS, VECTORS

METHODS = bgd.methods.METHODS


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_float32_code_holds_no_untyped_constant(dtype):
    objective = bgd.as_objective("styblinski_tang", 64)
    for cls in METHODS.values():
        method = cls.example()
        parts = ("cosine_growing", "step", *MODIFIERS) if method.rule == "adam" else method.parts
        if not can_share(objective, read_rule(method.rule, parts)):
            continue  # there is no text of its tick
        text = source(
            Specialisation(objective, method.rule, dtype, "cuda", parts=parts, constants=method.fixed, threads=32)
        )
        untyped = re.search(r"[^\"\w]\d+\.\d+", re.sub(r"real\([\d.]+\)", "", text))
        assert (untyped is None) == (dtype == "float32"), cls


def test_float32_code_draws_single_numbers():
    method = bgd.GradientDescent(0.02, temperature=0.5, noise=0.1)
    objective = bgd.Objective(bowl, 2)
    text = source(Specialisation(objective, "gradient_descent", "float32", "cuda", parts=method.parts))
    assert "uniform_pair_single as uniform_pair" in text


def test_what_is_not_asked_for_is_not_compiled():
    given, method = (Problem(bowl, BOX), Compute.of()), bgd.GradientDescent(0.1)
    plain = specialisation_of(make_batch(*given, method=method))
    rich = specialisation_of(make_batch(*given, method=method, stopping=bgd.Stopping(oscillation=5, window=3)))
    assert plain.layout.size == 2 + 4  # x; nit, nfev, busy, code
    assert plain.what == "gradient"
    assert rich.layout.size == plain.layout.size + 2 * 2 + 3  # two points; cycled, cycle_f, and one held test
    for name in ("last_x", "previous_f", "window", "patience", "largest_slope"):
        assert name not in source(replace(plain, target="cuda", lanes=1))
        assert name not in str(tick_program(plain))


def test_names_of_parts_are_no_rules():
    rules, owned = set(LOOP_NAMES), set()
    for name in RULES:
        rule = read_rule(name)
        rules |= {*rule.hyperparameters, *rule.vectors, *rule.scalars, *rule.sums}
        owned |= {part.name for part in rule.parts}
    for name in {*SCHEDULES, *MODIFIERS} - owned:
        part = read_rule("gradient_descent", (name,))
        own = {*part.hyperparameters, *part.vectors} - {"learning_rate"}
        assert not own & rules, (name, own & rules)


def test_no_function_of_a_rule_is_called_like_a_number_of_the_tick():
    numbers = {"gg", "moved", "size", "highest", "lowest", "outside", "largest_slope", *SUMS, *MEMORY}
    for name in RULES:
        stages = read_rule(name).stages
        given = numbers.union(*(stage.gives for stage in stages))
        assert not given & {*with_callees(*(stage.function for stage in stages))}, name


def test_no_number_of_a_rule_is_called_like_what_stopping_tests_remember():
    for name in RULES:
        rule = read_rule(name)
        given = {*rule.vectors, *rule.scalars, *rule.sums}.union(*(stage.gives for stage in rule.stages))
        assert not given & {*SUMS, *MEMORY, *VECTORS}, name


def test_methods_bring_what_their_rules_ask_for():
    for cls in METHODS.values():
        method = cls.example()
        asked = read_rule(method.rule, method.parts).hyperparameters
        assert set(asked) == set(method.hyperparameters("float64")), cls
