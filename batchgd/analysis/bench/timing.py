"""One batch of descents, timed: what was counted, and the numbers that follow from it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from batchgd.analysis.bench.ceiling import Ceiling
from batchgd.analysis.bench.operations import split


@dataclass
class Timing:
    """One batch of descents, measured.

    Attributes
    ----------
    backend, dtype, landscape, dim, method, threads, starts
        What ran.
    seconds : list of float
        Each repeat, warm; the median counts.
    ready_seconds : float
        From the traced function to the first result of a small batch: compiled, or loaded from the cache.
    iterations, evaluations, reached : int
        Updates and evaluations of all trajectories, and trajectories that ended at a minimum: with the gradient below
        ``gtol``, or at the floor of rounding.
    evaluates : str
        What one evaluation is: ``"gradient"`` or ``"value and gradient"``, as the method and the stopping tests need.
    objective_operations : int
        Operations of one evaluation by the traced counts, an elementary function counted as one.
    tick_operations : dict
        Operations of one lane-tick by kind: the evaluation, the rule, the stopping tests and the selections.
    longest : int
        Most evaluations of one trajectory.
    lane_ticks : int
        Lane-ticks spent, idle lanes included (``efficiency.lane_ticks``).
    resources : dict
        On a GPU: registers, stack, spills, occupancy; and ``special_functions``, started per second at most.
    """

    backend: str
    dtype: str
    landscape: str
    dim: int
    method: str
    threads: int
    starts: int
    seconds: list[float]
    ready_seconds: float
    iterations: int
    evaluations: int
    reached: int
    evaluates: str
    objective_operations: int
    tick_operations: dict[str, int]
    longest: int
    lane_ticks: int
    resources: dict[str, Any] = field(default_factory=dict)

    @property
    def median_seconds(self) -> float:
        """The time of one run."""
        return median(self.seconds)

    @property
    def lane_efficiency(self) -> float:
        """Mean over largest number of evaluations: what lanes without refill would reach if all ran side by side."""
        return self.evaluations / (self.starts * self.longest)

    @property
    def lane_share(self) -> float:
        """Share of the lane-ticks that advanced a trajectory."""
        return self.evaluations / self.lane_ticks

    def derive(self, ceiling: Ceiling | None) -> dict[str, Any]:
        """Return the rates, and their shares of the ceilings if those are known."""
        seconds = self.median_seconds
        # A ceiling is the best of many repeats, so it is compared with the best repeat: both then ran undisturbed.
        fastest = self.evaluations / min(self.seconds)
        cheap, slow = split(self.tick_operations)
        peak = ceiling.operations if ceiling else None
        least = ceiling.least_seconds(cheap, slow) if ceiling else None
        special = sum(count for name, count in slow.items() if name != "divides")
        units = self.resources.get("special_functions")
        return {
            "iterations_per_s": self.iterations / seconds,
            "evaluations_per_s": self.evaluations / seconds,
            "minima_per_s": self.reached / seconds,
            "operations_per_s": self.evaluations * self.objective_operations / seconds,
            "share_of_multiply_adds": fastest * self.objective_operations / peak if peak else None,
            "share_of_mix": fastest * least if least else None,
            "lane_efficiency": self.lane_efficiency,
            "lane_share": self.lane_share,
            "spread": max(self.seconds) / min(self.seconds),
            "special_function_bound": units / special if units and special else None,
        }

    def to_dict(self, ceiling: Ceiling | None) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        return {**asdict(self), **self.derive(ceiling)}
