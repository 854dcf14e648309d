"""Write docs/methods.md, its tables and its picture, and docs/methods-library.md: `python docs/methods.py`.

It takes a quarter of an hour on two cores, nearly all of it for compiling; `python docs/methods.py cpu standard` runs
only the standard landscapes, takes half of that, and leaves the other page unchanged. Another backend may be named.
"""

import sys
from pathlib import Path

import batchgd as bgd
from batchgd.analysis.comparison import EVERY, STANDARD, Comparison
from batchgd.engine.backends import BACKENDS
from batchgd.output.plot.canvas import write
from batchgd.problem.methods import METHODS

HERE = Path(__file__).parent
TABLES = {
    "success": "Share of the starts that reach the global minimum, in per cent.",
    "evaluations": "Median number of evaluations of value and gradient until a trajectory comes to rest at a minimum; "
    "- if fewer than half of the starts do.",
    "evaluations_90": "The same for nine in ten starts; - if fewer do.",
    "fidelity": "Of the starts that the reference takes to a minimum, the share that end there, in per cent.",
    "minima": "Distinct minima found.",
    "seconds": "Wall time of all starts, in seconds, without compiling, with finding and classifying the minima.",
}
TITLES = {"evaluations_90": "Evaluations, 90th percentile", "minima": "Distinct minima", "seconds": "Wall time"}
INTRODUCTION = """# Methods

Written by `python docs/methods.py`, which runs `bgd.compare(landscapes="all")`; `batchgd compare all` prints the same
numbers row by row. [Gradient descent](gradient-descent.md) explains the families of methods, and the help of each class
has its formula, its source and how to choose its hyperparameters (`help(bgd.Adam)`).

| name | class | description | settings tried | backends |
|---|---|---|---|---|
"""
COMPARED = """
## Compared

{starts:,} starts for each method and landscape, uniform in the box and the same for all; backend {backend}, float64.
Each landscape is first scaled to the units of Himmelblau's function, which the settings above suit: coordinates in
which the box is [-6, 6], and values for which the curvature over the box is the same. So the settings mean the same
everywhere, but they are not tuned to each landscape: a method that fails here may do better at another learning rate,
which `bgd.sweep` shows. If the curvature at the minima is far above that in the rest of the box (Hartmann's and
Shekel's functions), a constant rate that suits the box is too large for the minima. [The whole
library](methods-library.md) and [NIST's hard fits](nist.md) have pages of their own.

The reference, whose basins count as the true ones, is {reference}.
"""
PROFILE = """
## Performance profile

![Share of the problems that each method solves within a multiple of the cheapest method's evaluations](pictures/{file})

A problem is one start on one landscape. The left end shows how often a method is the cheapest, the right end how often
it comes to rest at a minimum at all (Dolan and Moré 2002).
"""


LIBRARY = """# Methods on the whole library

Written by `python docs/methods.py` together with [the standard landscapes](methods.md), where settings, units and
columns are explained; backend {backend}, float64, {starts:,} starts per row. Global minima that are kinks (Ackley, the
five-uneven-peak trap) do not count as minima.

{table}
"""


def main(backend: str = "cpu", landscapes: str = EVERY, starts: int = 1000) -> None:
    """Run all methods on the library, or on the standard landscapes of it, and write the pages."""
    every = landscapes == EVERY
    table = bgd.compare(
        landscapes=EVERY if every else None,
        starts=starts,
        backend=backend,
        progress=lambda cell: print(
            f"{cell.landscape}, {cell.method}: {cell.error or f'{cell.success:.3f}'}", flush=True
        ),
    )
    if every:
        (HERE / "methods-library.md").write_text(LIBRARY.format(backend=backend, starts=starts, table=table.markdown()))
    _standard(table.on(f"{name} {dim}-D" for name, dim in STANDARD), starts, backend)


def _standard(table: Comparison, starts: int, backend: str) -> None:
    """Write the page of the standard landscapes, and its picture."""
    rows = []
    for name, cls in METHODS.items():
        title = cls.title().replace("|", "\\|")  # else Markdown would see a new cell
        rows.append(f"| `{name}` | {cls.__name__} | {title} | `{cls.example()}` | {', '.join(BACKENDS)} |")
    parts = [INTRODUCTION + "\n".join(rows)]
    parts.append(COMPARED.format(starts=starts, backend=backend, reference=f"`{table.reference}`"))
    for name, caption in TABLES.items():
        parts.append(f"### {TITLES.get(name, name.capitalize())}\n\n{caption}\n\n{table.pivot(name)}\n")
    parts += [f"- {cell.method} on {cell.landscape} failed: {cell.error}" for cell in table.failures]
    write(table.profile(), HERE / "pictures" / "profile.png")
    parts.append(PROFILE.format(file="profile.png"))
    (HERE / "methods.md").write_text("\n".join(parts))


if __name__ == "__main__":
    main(*sys.argv[1:3])
