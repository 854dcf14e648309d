"""Emit the stopping tests of a lane: what they need, how it is gathered over the coordinates, and the verdict.

The text names what the tick has at hand (``gg``, ``f``, ``nit``, ``nfev``, ``first``, ``accepted``, ``busy``) and, in a
fold's templates, what it has of one coordinate; it is the same whether coordinates are unrolled or looped over. In
order: ``slope_folds`` right after the evaluation, before anything changes the gradient; ``folds``, ``moved``,
``verdict`` and ``renewals`` when the next point is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from batchgd.compiler.codegen.rule import Rule, parameters_of
from batchgd.compiler.codegen.typed_constants import Constants
from batchgd.kernels import stopping_tests as kernel
from batchgd.kernels.status import TURNED

JOINS = {"sum": "{} + {}", "largest": "larger({}, {})", "smallest": "smaller({}, {})", "any": "{} | {}"}
"""How two numbers of a fold, each from other coordinates, are combined."""


@dataclass(frozen=True)
class Fold:
    """A number of a lane that is gathered over the coordinates: a ``term`` of each, joined by one of ``JOINS``.

    The term is a template of an expression. It may name ``{x}``, ``{g}``, ``{following}`` (the next point),
    ``{resting}`` (the last accepted point), ``{outer_lower}``, ``{outer_upper}`` and the vectors that the tests
    remember, each of one coordinate. ``least`` is an expression that is joined once with them.
    """

    name: str
    term: str
    joins: str = "sum"
    least: str = ""

    @property
    def first(self) -> str:
        """The template of what coordinate 0 begins with."""
        return JOINS[self.joins].format(self.term, self.least) if self.least else self.term

    @property
    def after(self) -> str:
        """The template that takes in a coordinate after it."""
        return JOINS[self.joins].format(self.name, self.term)


@cache  # a property that is cached has a lock in Python 3.11, which a forked child may find taken
def _tests(options: tuple[str, ...]) -> tuple[kernel.Test, ...]:
    return tuple(test for test in kernel.TESTS if test.option is None or test.option in options)


@cache
def _asked(options: tuple[str, ...]) -> frozenset[str]:
    names = ({"turns"} & {*options}).union(*(parameters_of(_function(test.function)) for test in _tests(options)))
    while True:
        known = (*kernel.MEMORY, *kernel.VECTORS, *kernel.SUMS)
        wanted = [_function(_maker(name)) for name in known if name in names]
        more = names.union(*(parameters_of(function) for function in wanted))
        if more == names:
            return frozenset(names)
        names = more


@dataclass(frozen=True)
class StoppingTests:
    """Which tests a run makes, and what a lane must remember for them.

    ``options`` are those of ``Stopping.active``, ``"turns"`` if codes are to carry the flag ``status.TURNED``, and the
    tests that this kind of rule needs.
    """

    options: tuple[str, ...] = ()

    @property
    def tests(self) -> tuple[kernel.Test, ...]:
        """The tests that are made."""
        return _tests(self.options)

    @property
    def asked(self) -> frozenset[str]:
        """Every name that the tests, and what renews their memory, need."""
        return _asked(self.options)

    @property
    def numbers(self) -> tuple[str, ...]:
        """What a lane remembers."""
        kept = [name for name in kernel.MEMORY if name in self.asked]
        return (*kept, *(_streak(test) for test in self.tests if self.holds(test)))

    @property
    def vectors(self) -> tuple[str, ...]:
        """The vectors that a lane remembers."""
        return tuple(name for name in kernel.VECTORS if name in self.asked)

    @property
    def limits(self) -> tuple[str, ...]:
        """The limits that are read."""
        always = {"least_size", *self.options}  # `window` is among the options
        return tuple(name for name in kernel.LIMITS if name in self.asked | always)

    @property
    def functions(self) -> list[str]:
        """The functions of ``kernels/stopping_tests.py`` that the text calls."""
        sources = [name for name in (*kernel.MEMORY, *kernel.VECTORS, *kernel.SUMS) if name in self.asked]
        return [*(test.function for test in self.tests), *map(_maker, sources), "larger", "smaller"]

    def holds(self, test: kernel.Test) -> bool:
        """Whether a test must hold at several updates in a row."""
        return test.settles and "window" in self.options


class StoppingEmitter:
    """Writes what ends a lane, for one rule and one choice of tests."""

    def __init__(self, rule: Rule, constants: Constants, ending: StoppingTests, *, cubic: bool):
        self.rule, self.constants, self.ending, self.cubic = rule, constants, ending, cubic
        self._steepest = "max_norm" in ending.options

    @property
    def gathers_step(self) -> bool:
        """Whether the squared length of the step is summed over the coordinates, because the rule does not give it."""
        return self.rule.step_squared is None or bool(self.rule.parts_with("point"))

    def slope_folds(self) -> list[Fold]:
        """What the tests need of the gradient itself, whatever a modifier makes of it for the rule."""
        largest = Fold("largest_slope", "absolute({g})", "largest")
        return [largest] if self._steepest else []

    def folds(self) -> list[Fold]:
        """The size of x, whether it left, the step unless the rule gives it, and the sums that tests need.

        The point looked at is the accepted one: a trial may be so far out that every step is lost in its rounding.
        """
        if self.cubic:
            highest = Fold("highest", "{resting}", "largest")
            folds = [highest, Fold("lowest", "{resting}", "smallest")]
        else:
            beyond = "({resting} < {outer_lower}) | ({resting} > {outer_upper})"
            folds = [
                Fold("size", "absolute({resting})", "largest", least="least_size"),
                Fold("outside", beyond, "any"),
            ]
        if self.gathers_step:
            square = "({following} - {resting}) * ({following} - {resting})"
            folds.append(Fold("moved", square))
        for name in kernel.SUMS:
            if name in self.ending.asked:
                term = f"{_maker(name)}({self._coordinate_arguments(_maker(name))})"
                folds.append(Fold(name, term))
        return folds

    def verdict(self) -> list[str]:
        """The lines after the folds and ``moved``: ``code``, and whether the lane ``ended`` or is ``going`` on."""
        zero, code, of_part = (self.constants(0.0),) * 3
        lines = [*self._gathered(), *self._remembered()]
        trials = self.rule.decide is not None
        for test in self.ending.tests:
            holds = self._call(test.function)
            if self.ending.holds(test):
                streak, one = _streak(test), self.constants(1.0)
                lines.append(f"{streak} = where(accepted, where({holds}, {streak} + {one}, {zero}), {streak})")
                holds = f"{streak} >= window"
            status = self.constants(float(test.status))
            lines.append(f"code = where({holds}, {status}, {code})")
            code = "code"
            if trials and test.of_trials:
                lines.append(f"of_part = where({holds}, {status}, {of_part})")
                of_part = "of_part"
        if trials:
            lines.append(f"code = where(accepted, code, {of_part})")
        if "turns" in self.ending.options:
            flagged = f"(code > {zero}) & (turns > {zero})"
            lines.append(f"code = where({flagged}, code + {self.constants(float(TURNED))}, code)")
        return [
            *lines,
            f"working = busy > {zero}",
            f"code = where(working, code, {zero})",
            f"ended = code != {zero}",
            f"going = working & (code == {zero})",
        ]

    def late_numbers(self) -> list[str]:
        """The lines that renew what tests must see as it was at the update before."""
        return [self._renewal(name) for name in self.ending.numbers if name in kernel.LATE]

    def vector_renewals(self) -> list[tuple[str, str]]:
        """How each vector is renewed after the verdict, in this order: its name and a template as in a fold."""
        return [
            (name, f"where(accepted, {_maker(name)}({self._coordinate_arguments(_maker(name))}), {{{name}}})")
            for name in self.ending.vectors
        ]

    def _gathered(self) -> list[str]:
        lines = []
        if self.cubic:
            lines.append("size = larger(larger(highest, -lowest), least_size)")
            lines.append("outside = (lowest < outer_lower) | (highest > outer_upper)")
        if "evaluations" in self.ending.asked:
            counter = "nit" if self.rule.decide is None else "nfev"
            lines.append(f"evaluations = {counter} + {self.constants(1.0)}")
        return lines

    def _remembered(self) -> list[str]:
        early = [name for name in kernel.MEMORY if name in self.ending.numbers and name not in kernel.LATE]
        return [self._renewal(name) for name in early]

    def _renewal(self, name: str) -> str:
        return f"{name} = where(accepted, {self._call(_maker(name))}, {name})"

    def _call(self, function: str) -> str:
        slope = "(largest_slope * largest_slope)" if self._steepest else "gg"
        names = (slope if name == "slope" else name for name in parameters_of(_function(function)))
        return f"{function}({', '.join(names)})"

    def _coordinate_arguments(self, function: str) -> str:
        of_coordinate = {"x", *kernel.VECTORS}
        names = parameters_of(_function(function))
        return ", ".join(f"{{{name}}}" if name in of_coordinate else name for name in names)


def _function(name: str):
    return getattr(kernel, name)


def _maker(name: str) -> str:
    """The function that makes a sum, or renews what is remembered."""
    return f"sum_{name}" if name in kernel.SUMS else f"next_{name}"


def _streak(test: kernel.Test) -> str:
    """How many updates in a row a test has held."""
    return f"held_{test.function}"
