"""Trace the stopping tests of a lane: what they need, gathered over the coordinates, and the verdict.

``names`` maps what the tick has at hand (``gg``, ``f``, ``nit``, ``nfev``, ``first``, ``accepted``, ``busy``, the
limits, what the tests remember) to traced numbers, and vectors to lists of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

from batchgd.compiler.codegen.emit_stopping import StoppingTests
from batchgd.compiler.codegen.rule import Rule, parameters_of
from batchgd.compiler.trace.scalar import Scalar
from batchgd.kernels import stopping_tests as kernel
from batchgd.kernels.status import TURNED
from batchgd.kernels.vecmath import absolute, where


def added_in_pairs(terms: Sequence[Any]) -> Any:
    """Return a sum that is as shallow as possible: an addition takes four cycles, and the next one waits for it.

    >>> added_in_pairs([1.0, 2.0, 3.0])
    6.0
    """
    terms = list(terms)
    while len(terms) > 1:
        terms = [terms[k] if k + 1 == len(terms) else terms[k] + terms[k + 1] for k in range(0, len(terms), 2)]
    return terms[0]


class StoppingTrace:
    """Traces what ends a lane, for one rule and one choice of tests."""

    def __init__(self, tests: StoppingTests, rule: Rule, *, cubic: bool):
        self.tests, self.rule, self.cubic = tests, rule, cubic
        self.trials = rule.decide is not None
        self._slope: Any = None  # not among the names: a rule may call a number of its own like this

    def look_at_slope(self, names: dict[str, Any]) -> None:
        """Take what the tests need of the gradient itself, before anything changes it for the rule."""
        self._slope = names["gg"]
        if "max_norm" in self.tests.options:
            largest = reduce(kernel.larger, [absolute(g) for g in names["g"]])
            self._slope = largest * largest

    def judge(self, names: dict[str, Any], resting: Sequence[Scalar]) -> None:
        """Name the ``code``, and whether the lane ``ended`` or is ``going`` on; renew what the tests remember.

        The point looked at is the accepted one: a trial may be so far out that every step is lost in its rounding.
        """
        self._gather(names, resting)
        accepted = names["accepted"]
        for name in kernel.MEMORY:
            if name in self.tests.numbers and name not in kernel.LATE:
                self._renew(names, name)
        self._verdict(names)
        for name in self.tests.numbers:
            if name in kernel.LATE:
                self._renew(names, name)
        for name in self.tests.vectors:
            renewed = self._each(names, f"next_{name}")
            names[name] = [where(accepted, new, old) for new, old in zip(renewed, names[name], strict=True)]

    def _gather(self, names: dict[str, Any], resting: Sequence[Scalar]) -> None:
        """The size of x, whether it left, the step unless the rule gives it, and the sums that tests need."""
        if self.cubic:
            highest, lowest = reduce(kernel.larger, resting), reduce(kernel.smaller, resting)
            names["size"] = kernel.larger(kernel.larger(highest, -lowest), names["least_size"])
            names["outside"] = (lowest < names["outer_lower"][0]) | (highest > names["outer_upper"][0])
        else:
            sides = zip(resting, names["outer_lower"], names["outer_upper"], strict=True)
            names["outside"] = reduce(lambda a, b: a | b, [(x < lower) | (x > upper) for x, lower, upper in sides])
            first, *others = [absolute(x) for x in resting]
            names["size"] = reduce(kernel.larger, others, kernel.larger(first, names["least_size"]))
        if "evaluations" in self.tests.asked:
            names["evaluations"] = names["nfev" if self.trials else "nit"] + 1.0
        if "moved" not in names:
            steps = [(n - x) * (n - x) for n, x in zip(names["following"], resting, strict=True)]
            names["moved"] = added_in_pairs(steps)
        for name in kernel.SUMS:
            if name in self.tests.asked:
                names[name] = added_in_pairs(self._each(names, f"sum_{name}"))

    def _verdict(self, names: dict[str, Any]) -> None:
        accepted, code, of_trial = names["accepted"], 0.0, 0.0
        for test in self.tests.tests:
            holds = self._call(names, test.function)
            if self.tests.holds(test):
                streak = f"held_{test.function}"
                names[streak] = where(accepted, where(holds, names[streak] + 1.0, 0.0), names[streak])
                holds = names[streak] >= names["window"]
            code = where(holds, float(test.status), code)
            if self.trials and test.of_trials:
                of_trial = where(holds, float(test.status), of_trial)
        if self.trials:
            code = where(accepted, code, of_trial)
        if "turns" in self.tests.options:
            code = where((code > 0.0) & (names["turns"] > 0.0), code + float(TURNED), code)
        working = names["busy"] > 0.0
        code = where(working, code, 0.0)
        names["code"], names["ended"], names["going"] = code, code != 0.0, working & (code == 0.0)

    def _renew(self, names: dict[str, Any], name: str) -> None:
        names[name] = where(names["accepted"], self._call(names, f"next_{name}"), names[name])

    def _call(self, names: dict[str, Any], function: str) -> Any:
        plain = getattr(kernel, function)
        return plain(*(self._slope if name == "slope" else names[name] for name in parameters_of(plain)))

    def _each(self, names: dict[str, Any], function: str) -> list[Any]:
        plain = getattr(kernel, function)
        values = [names[name] for name in parameters_of(plain)]
        return [
            plain(*(value[i] if isinstance(value, list) else value for value in values)) for i in range(len(names["x"]))
        ]
