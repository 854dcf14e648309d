"""Draw every picture of the README and of the pages in docs: `python docs/pictures/draw.py`."""

from pathlib import Path

import numpy as np

import batchgd as bgd
from batchgd import landscapes
from batchgd.plot import landscape, save_picture
from batchgd.plot.canvas import write

HERE = Path(__file__).parent
RESULTS = {
    "himmelblau.png": ("himmelblau", None, 1_000_000, "basins"),
    "six_hump_camel.png": ("six_hump_camel", None, 1_000_000, "basins"),
    "rastrigin.png": ("rastrigin", 2, 1_000_000, "basins"),
    "mueller_brown.png": ("mueller_brown", None, 1_000_000, "basins"),
    "mueller_brown_iterations.png": ("mueller_brown", None, 100_000, "iterations"),
    "shekel_slices.png": ("shekel", 4, 200_000, "slices"),
    "shekel_waterfall.png": ("shekel", 4, 20_000, "waterfall"),
}


def draw_results() -> None:
    """The pictures of runs."""
    for file, (name, dim, starts, picture) in RESULTS.items():
        save_picture(bgd.multistart(name, dim=dim, starts=starts), HERE / file, picture)


def draw_network() -> None:
    """The picture of docs/strategies.md."""
    walk = bgd.BasinHopping(hops=40, step=0.15)
    result = bgd.multistart("schwefel", dim=2, starts=1_000, strategy=walk)
    save_picture(result, HERE / "schwefel_network.png", "network")


def draw_sweeps() -> None:
    """The pictures of docs/learning-rate.md."""

    def valley(x):
        return 0.5 * (x[0] ** 2 + 100.0 * x[1] ** 2)

    def rates(low, high):
        return np.geomspace(low, high, 61)

    bgd.sweep(valley, box=[(-1, 1)] * 2, learning_rate=rates(3e-4, 0.05)).plot(HERE / "sweep_valley.png")
    bgd.sweep("himmelblau", starts=5_000, learning_rate=rates(2e-4, 0.05)).plot(HERE / "sweep_himmelblau.png")
    bgd.sweep("rastrigin", learning_rate=rates(1e-4, 0.1)).plot(HERE / "sweep_rastrigin.png")


def draw_landscapes() -> None:
    """One picture of each landscape in two dimensions, and the page that shows them."""
    drawn = "Drawn by `python docs/pictures/draw.py`; `batchgd list` has the numbers."
    lines = ["# Landscapes in two dimensions", "", drawn]
    for name in landscapes.names():
        entry = landscapes.get(name)
        try:
            entry.check_dim(2)
        except bgd.InputError:
            continue
        file = f"landscape_{name}.png"
        write(landscape(entry), HERE / file)
        lines += ["", f"## {name}", "", f"![{entry.title}](pictures/{file})"]
    (HERE.parent / "landscapes.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    draw_results()
    draw_network()
    draw_sweeps()
    draw_landscapes()
