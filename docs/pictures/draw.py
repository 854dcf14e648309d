"""Draw every picture of the README, docs/landscapes.md and docs/strategies.md: `python docs/pictures/draw.py`."""

from pathlib import Path

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
    draw_landscapes()
