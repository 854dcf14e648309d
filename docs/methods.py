"""Write docs/methods.md, its tables and its picture: `python docs/methods.py` (some minutes).

Another backend than the CPU's may be named behind it.
"""

import sys
from pathlib import Path

import batchgd as bgd
from batchgd.methods import METHODS
from batchgd.plot.profile import profile

HERE = Path(__file__).parent
TABLES = {
    "success": "Share of the starts that reach the global minimum, in per cent.",
    "evaluations": "Median number of evaluations of value and gradient until a trajectory comes to rest at a minimum; "
    "- where fewer than half of the starts do.",
    "fidelity": "Share of the starts that end in the minimum where the reference takes them, in per cent.",
    "minima": "Distinct minima found.",
}
INTRODUCTION = """# Methods

Written by `python docs/methods.py BACKEND`, which runs `bgd.compare()`; `batchgd compare` prints them row by row.
[Gradient descent](gradient-descent.md) says what the families of methods do, and each class says its formula, its
source and how to choose its hyperparameters (`help(bgd.Adam)`).

| name | class | what it is | tried with |
|---|---|---|---|
"""
COMPARED = """
## Compared

{starts:,} starts for each method and landscape, uniform in the box, the same for all; backend {backend}, float64. Each
landscape is first brought to the units of Himmelblau's function, which the settings above suit: coordinates in which
the box is [-6, 6], values in which the curvature over the box is the same. So the settings mean the same everywhere,
but they are not tuned to each landscape: a method that fails here may do better at another learning rate, which
`bgd.sweep` shows. Where the curvature at the minima is far above that of the rest of the box (Hartmann's and Shekel's
functions), a constant rate that suits the box is too large for the minima.

The reference, whose basins count as the true ones, is {reference}.
"""
PROFILE = """
## Performance profile

![Share of the problems that each method solves within a multiple of the cheapest method's evaluations](pictures/{file})

A problem is one start on one landscape. At the left: how often a method is the cheapest; at the right: how often it
comes to rest at a minimum at all (Dolan and Moré 2002).
"""


def main(starts: int = 1000, backend: str = "cpu") -> None:
    """Run all methods on the standard landscapes and write the page."""
    table = bgd.compare(starts=starts, backend=backend, progress=lambda cell: print(cell.landscape, cell.method))
    rows = []
    for name, row in METHODS.items():
        title = row.title.replace("|", "\\|")  # else Markdown would see a new cell
        rows.append(f"| `{name}` | {type(row.example()).__name__} | {title} | `{row.example()}` |")
    parts = [INTRODUCTION.replace("BACKEND", backend) + "\n".join(rows)]
    parts.append(COMPARED.format(starts=starts, backend=backend, reference=f"`{table.reference}`"))
    parts += [f"### {name.capitalize()}\n\n{told}\n\n{table.pivot(name)}\n" for name, told in TABLES.items()]
    parts += [f"- {cell.method} on {cell.landscape} failed: {cell.error}" for cell in table.failures]
    profile(table, path=HERE / "pictures" / "profile.png")
    parts.append(PROFILE.format(file="profile.png"))
    (HERE / "methods.md").write_text("\n".join(parts))


if __name__ == "__main__":
    main(backend=sys.argv[1] if len(sys.argv) > 1 else "cpu")
