"""Time one update of every first-order rule, relative to plain gradient descent: `python benchmarks/rules.py`.

10-D Rastrigin, one thread, processor time and not wall time, so that a busy machine disturbs little. The rates are so
small that nothing converges: every trajectory makes all its updates.
"""

from __future__ import annotations

import argparse
import time

from batchgd.analysis.bench.ceiling import function_rate
from batchgd.analysis.bench.operations import DIVIDES
from batchgd.compiler.resolve import Problem
from batchgd.engine.batch import Batch, make_batch
from batchgd.engine.compute import Compute
from batchgd.engine.prepare import specialisation_of
from batchgd.engine.run import run
from batchgd.problem.methods import METHODS
from batchgd.problem.methods.first_order import FirstOrder
from batchgd.problem.stopping import Stopping

DIM, STARTS, UPDATES = 10, 4096, 200
REPEATS = 40
RATE = 1e-5
HELD = {"rprop": {"longest": RATE}}
"""Settings that keep a rule with growing steps from ending early, which would be timed with the update."""


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dtype", choices=("float64", "float32"), default="float64")
    dtype = parser.parse_args().dtype
    batches = {name: _batch(name, dtype) for name in _names()}
    best: dict[str, float] = {}
    for turn in range(REPEATS + 1):
        for name, batch in batches.items():
            seconds = _seconds_per_update(batch)
            if turn:  # the first call compiles
                best[name] = min(best.get(name, seconds), seconds)
    plain = best["gradient_descent"]
    print("| rule | ns per update | over plain descent | slots of a lane |\n|---|---|---|---|")
    for name, seconds in best.items():
        slots = specialisation_of(batches[name]).layout.size
        print(f"| {name} | {1e9 * seconds:.1f} | {seconds / plain:.2f} | {slots} |")
    for title, functions in {"division": [DIVIDES], "division and root": [DIVIDES, "sqrt"]}.items():
        least = DIM * sum(1.0 / function_rate(function, dtype, 1) for function in functions)
        print(f"\nOne {title} per coordinate: {1e9 * least:.1f} ns, {least / plain:.2f} of plain descent")


def _names() -> list[str]:
    """The rules that accept every step and need a learning rate; plain descent first."""
    rules = [name for name, cls in METHODS.items() if issubclass(cls, FirstOrder)]
    return [name for name in rules if "learning_rate" in METHODS[name].EXAMPLE]


def _batch(name: str, dtype: str) -> Batch:
    cls = METHODS[name]
    method = cls(**{**cls.EXAMPLE, "learning_rate": RATE, **HELD.get(name, {})})
    stopping = Stopping(gtol=1e-12, maxiter=UPDATES)
    return make_batch(
        Problem("rastrigin", dim=DIM), Compute.of("cpu", dtype, 1), starts=STARTS, method=method, stopping=stopping
    )


def _seconds_per_update(batch: Batch) -> float:
    began = time.process_time()
    updates = run(batch).endpoints.nit.sum()
    return (time.process_time() - began) / updates


if __name__ == "__main__":
    main()
