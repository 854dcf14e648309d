"""Trace the stopping tests of a lane: what they need, gathered over the coordinates, and the verdict.

``names`` maps what the tick has at hand (``gg``, ``f``, ``nit``, ``nfev``, ``first``, ``accepted``, ``busy``, the
limits, what the tests remember) to traced numbers, and vectors to what ``coordinates.py`` makes of them.
"""

from __future__ import annotations

from typing import Any

from batchgd.compiler.codegen.coordinates import Looped, Unrolled
from batchgd.compiler.codegen.emit_stopping import StoppingTests
from batchgd.compiler.codegen.rule import Rule, parameters_of
from batchgd.kernels import stopping_tests as kernel
from batchgd.kernels.status import TURNED
from batchgd.kernels.vecmath import absolute, where

SLOPE = "slope, of the tests"
"""Its name: a rule may call a number of its own ``slope``."""

JUDGED = "accepted, of the tests"
"""Whether the point of an update is judged in full."""


class StoppingTrace:
    """Traces what ends a lane, for one rule and one choice of tests."""

    def __init__(
        self, tests: StoppingTests, rule: Rule, over: Unrolled | Looped, *, cubic: bool, batches: bool = False
    ):
        self.tests, self.rule, self.over, self.cubic = tests, rule, over, cubic
        self.batches = batches  # of a finite sum: only updates with the ``whole`` sum are judged in full
        self.trials = rule.decide is not None

    def look_at_slope(self, names: dict[str, Any]) -> None:
        """Take what the tests need of the gradient itself, before anything changes it for the rule."""
        names[SLOPE] = names["gg"]
        if "max_norm" in self.tests.options:
            largest = self.over.largest(self.over.each(absolute, names["g"]))
            names[SLOPE] = largest * largest

    def judge(self, names: dict[str, Any], resting: Any) -> None:
        """Name the ``code``, and whether the lane ``ended`` or is ``going`` on; renew what the tests remember.

        The point looked at is the accepted one: a trial may be so far out that every step is lost in its rounding.
        """
        self._gather(names, resting)
        names[JUDGED] = names["accepted"] & names["whole"] if self.batches else names["accepted"]
        for name in kernel.MEMORY:
            if name in self.tests.numbers and name not in kernel.LATE:
                self._renew(names, name)
        self._verdict(names)
        for name in self.tests.numbers:
            if name in kernel.LATE:
                self._renew(names, name)
        for name in self.tests.vectors:
            names[name] = self.over.each(where, names["accepted"], self._each(names, f"next_{name}"), names[name])

    def _gather(self, names: dict[str, Any], resting: Any) -> None:
        """The size of x, whether it left, the step unless the rule gives it, and the sums that tests need."""
        over, lower, upper = self.over, names["outer_lower"], names["outer_upper"]
        if self.cubic:
            highest, lowest = over.largest(resting), over.smallest(resting)
            names["size"] = kernel.larger(kernel.larger(highest, -lowest), names["least_size"])
            names["outside"] = (lowest < lower) | (highest > upper)
        else:
            beyond = over.each(lambda x, lower, upper: (x < lower) | (x > upper), resting, lower, upper)
            names["outside"] = over.anywhere(beyond)
            names["size"] = over.largest(over.each(absolute, resting), names["least_size"])
        if "evaluations" in self.tests.asked:
            names["evaluations"] = names["nfev" if self.trials else "nit"] + 1.0
        if "moved" not in names:
            names["moved"] = over.total(over.each(lambda n, x: (n - x) * (n - x), names["following"], resting))
        for name in kernel.SUMS:
            if name in self.tests.asked:
                names[name] = over.total(self._each(names, f"sum_{name}"))

    def _verdict(self, names: dict[str, Any]) -> None:
        judged, code, of_part = names[JUDGED], 0.0, 0.0
        for test in self.tests.tests:
            holds = self._call(names, test.function)
            if self.tests.holds(test):
                streak = f"held_{test.function}"
                names[streak] = where(judged, where(holds, names[streak] + 1.0, 0.0), names[streak])
                holds = names[streak] >= names["window"]
            code = where(holds, float(test.status), code)
            if (self.trials and test.of_trials) or (self.batches and test.of_batches):
                of_part = where(holds, float(test.status), of_part)
        if self.trials or self.batches:
            code = where(judged, code, of_part)
        if "turns" in self.tests.options:
            code = where((code > 0.0) & (names["turns"] > 0.0), code + float(TURNED), code)
        working = names["busy"] > 0.0
        code = where(working, code, 0.0)
        names["code"], names["ended"], names["going"] = code, code != 0.0, working & (code == 0.0)

    def _renew(self, names: dict[str, Any], name: str) -> None:
        names[name] = where(names[JUDGED], self._call(names, f"next_{name}"), names[name])

    def _call(self, names: dict[str, Any], function: str) -> Any:
        plain = getattr(kernel, function)
        return plain(*(names[SLOPE] if name == "slope" else names[name] for name in parameters_of(plain)))

    def _each(self, names: dict[str, Any], function: str) -> Any:
        plain = getattr(kernel, function)
        return self.over.each(plain, *(names[name] for name in parameters_of(plain)))
