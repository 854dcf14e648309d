"""Emit the stopping tests of a lane: what they ask for, how it is gathered over the coordinates, and the verdict.

The text names what the tick has at hand (``gg``, ``f``, ``nit``, ``first``, ``accepted``, ``busy``, ``code``) and, in
a fold's templates, what it has of one coordinate; it is the same whether coordinates are unrolled or looped over.
"""

from __future__ import annotations

from dataclasses import dataclass

from batchgd.kernels import stopping
from batchgd.kernels.status import Status
from batchgd.specialise.rule import Rule, parameters_of
from batchgd.specialise.typed import Constants

LIMITS = ("gtol_squared", "xtol", "ftol", "resolution", "least_size", "maxiter")
"""The run-time limits of the stopping tests, in the order of the array that carries them."""


@dataclass(frozen=True)
class Fold:
    """A number of a lane that is gathered coordinate after coordinate: ``first`` of coordinate 0, then ``after``.

    Both are templates of an expression. They may name ``{x}``, ``{following}`` (the next point), ``{resting}`` (the
    last accepted point), ``{outer_lower}`` and ``{outer_upper}`` of one coordinate.
    """

    name: str
    first: str
    after: str


def active_tests(tolerances: tuple[str, ...]) -> list[tuple[str, Status, str | None]]:
    """The stopping tests of a run that uses these tolerances."""
    return [row for row in stopping.TESTS if row[2] is None or row[2] in tolerances]


class EndingEmitter:
    """Writes what ends a lane, for one rule and one choice of tests."""

    def __init__(self, rule: Rule, constants: Constants, *, cubic: bool, tests: tuple[str, ...]):
        self.rule, self.constants, self.cubic, self.tests = rule, constants, cubic, tests

    @property
    def needs_value(self) -> bool:
        """Whether a test looks at the value."""
        return "ftol" in self.tests

    @property
    def memory(self) -> dict[str, str]:
        """The loop's counters that tests read, and what each is renewed with after every evaluation."""
        return {"previous_f": "where(accepted, f, previous_f)"} if self.needs_value else {}

    @property
    def gathers_step(self) -> bool:
        """Whether the squared length of the step is summed over the coordinates, as the rule does not tell it."""
        return self.rule.step_squared is None or bool(self.rule.parts_with("point"))

    def folds(self) -> list[Fold]:
        """What the tests need of all coordinates: how large x is, whether it left, and the step unless told."""
        if self.cubic:
            folds = [Fold("highest", "{x}", "larger(highest, {x})"), Fold("lowest", "{x}", "smaller(lowest, {x})")]
        else:
            beyond = "({x} < {outer_lower}) | ({x} > {outer_upper})"
            folds = [
                Fold("size", "larger(absolute({x}), least_size)", "larger(absolute({x}), size)"),
                Fold("outside", beyond, f"outside | {beyond}"),
            ]
        if self.gathers_step:
            square = "({following} - {resting}) * ({following} - {resting})"
            folds.append(Fold("moved", square, f"moved + {square}"))
        return folds

    def verdict(self) -> list[str]:
        """The lines behind the folds and ``moved``: ``code``, and whether the lane ``ended`` or is ``going`` on."""
        lines = []
        if self.cubic:
            lines.append("size = larger(larger(highest, -lowest), least_size)")
            lines.append("outside = (lowest < outer_lower) | (highest > outer_upper)")
        zero = self.constants(0.0)
        code, stalled = zero, zero
        for test, status, _ in active_tests(self.tests):
            # Tests look at the gradient itself, whatever a modifier made of it for the rule.
            holds = f"{test}({', '.join(parameters_of(getattr(stopping, test)))})"
            lines.append(f"code = where({holds}, {self.constants(float(status))}, {code})")
            code = "code"
            if status == Status.STALLED and self.rule.decide is not None:
                lines.append(f"stalled = where({holds}, {self.constants(float(status))}, {zero})")
                stalled = "stalled"
        if self.rule.decide is not None:
            lines.append(f"code = where(accepted, code, {stalled})")
        return [
            *lines,
            f"working = busy > {zero}",
            f"code = where(working, code, {zero})",
            f"ended = code != {zero}",
            f"going = working & (code == {zero})",
        ]
