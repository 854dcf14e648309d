"""Draw every picture of the README and of the pages in docs: `python docs/pictures/draw.py`."""

from pathlib import Path
from typing import Any

import numpy as np

import batchgd as bgd
from batchgd import landscapes
from batchgd.output.plot import save_picture
from batchgd.output.plot.animation import animate
from batchgd.output.plot.canvas import figure_title, new_panels, write
from batchgd.output.plot.landscapes import landscape
from batchgd.output.plot.maps import draw_map
from batchgd.output.plot.paths import compare_paths, convergence
from batchgd.output.plot.style import TITLE_SIZE
from batchgd.problem.methods import METHODS

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


def draw_trust() -> None:
    """The pictures of docs/trust.md."""
    ball = bgd.HeavyBall(learning_rate=0.003, momentum=0.9)
    for file, method in {"zoom_default.png": None, "zoom_heavy_ball.png": ball}.items():
        write(bgd.multistart("himmelblau", starts=1_000, method=method).plot.zoom(), HERE / file)
    adam = bgd.multistart("himmelblau", starts=100_000, method=bgd.Adam(learning_rate=0.01))
    write(adam.plot.confusion(), HERE / "confusion_adam.png")


def draw_profiles() -> None:
    """The pictures of docs/profiles.md, with the data of its examples."""
    dose = np.linspace(0.1, 1.0, 20)
    y = 10.0 * dose / (10.0 + dose) + 0.02 * np.random.default_rng(3).normal(size=20)
    scale = bgd.Parameter(min=1e-2, max=1e4, scale="log")
    fit = bgd.fit("v*x/(K + x)", dose, y, parameters={"v": scale, "K": scale}, starts=100)
    fit.profile().plot(HERE / "profiles_saturation.png")
    x = np.sort(np.random.default_rng(2).uniform(0.0, 12.0, 14))
    y = np.sin(2.0 * x + 0.5) + 0.9 * np.random.default_rng(16).normal(size=14)
    fit = bgd.fit("a*sin(w*x + f)", x, y, parameters={"a": (0, 3), "w": (0.2, 6), "f": (-3.2, 3.2)}, starts=300)
    fit.profile(level=0.95).plot(HERE / "profiles_frequency.png")
    t = np.linspace(0.0, 4.0, 20)
    y = 3.0 * np.exp(-0.9 * t) + 0.5 + 0.2 * np.sin(37.0 * t)
    fit = bgd.fit("a*exp(-k*x) + c", t, y, parameters={"a": (0, 9), "k": (0, 5), "c": (-3, 3)}, starts=100)
    fit.profile2d("k", "c", points=50).plot(HERE / "profiles_joint.png")


def draw_network() -> None:
    """The picture of docs/strategies.md."""
    walk = bgd.BasinHopping(hops=40, step=0.15)
    result = bgd.multistart("schwefel", dim=2, starts=1_000, strategy=walk)
    save_picture(result, HERE / "schwefel_network.png", "network")


def draw_saddles() -> None:
    """The pictures of docs/saddles.md."""
    for name, starts in (("six_hump_camel", 1_000), ("rastrigin", 5_000)):
        write(bgd.multistart(name, starts=starts).plot.disconnectivity(), HERE / f"{name}_disconnectivity.png")


def draw_sweeps() -> None:
    """The pictures of docs/learning-rate.md."""

    def valley(x):
        return 0.5 * (x[0] ** 2 + 100.0 * x[1] ** 2)

    def rates(low, high):
        return np.geomspace(low, high, 61)

    bgd.sweep(valley, box=[(-1, 1)] * 2, learning_rate=rates(3e-4, 0.05)).plot(HERE / "sweep_valley.png")
    bgd.sweep("himmelblau", starts=5_000, learning_rate=rates(2e-4, 0.05)).plot(HERE / "sweep_himmelblau.png")
    bgd.sweep("rastrigin", learning_rate=rates(1e-4, 0.1)).plot(HERE / "sweep_rastrigin.png")
    momenta = np.linspace(0.0, 0.95, 20)
    balls = bgd.sweep(
        "himmelblau", method=bgd.HeavyBall, starts=300, learning_rate=np.geomspace(3e-4, 0.05, 21), momentum=momenta
    )
    balls.plot(HERE / "sweep_momentum.png")


def draw_fit() -> None:
    """The pictures of docs/fitting.md, one with the data of its example, one by the command that is printed there."""
    rng = np.random.default_rng(0)
    t = np.sort(rng.uniform(0.0, 20.0, 60))
    y = 0.2 + 1.5 * np.sin(2 * np.pi * 0.83 * t + 0.4) + 0.3 * rng.normal(size=60)
    region = {"c": (-3, 3), "a": (-3, 3), "b": (-3, 3), "f": (0.05, 3)}
    wave = bgd.fit("c + a*cos(2*pi*f*t) + b*sin(2*pi*f*t)", {"t": t}, y, parameters=region, sigma=0.3, starts=500)
    write(wave.plot.waterfall(), HERE / "waterfall.png")
    from batchgd.cli import main

    limits = ["c=-10:10", "A=-15:15", "B=-15:15", "P=2:5000:log"]
    given = [word for text in limits for word in ("--param", text)] + ["--starts", "5000"]
    orbit = ["--expr", "c + A*cos(2*pi*t/P) + B*sin(2*pi*t/P)", *given]
    data = HERE.parents[1] / "examples" / "data" / "hd164922.csv"
    main(["fit", str(data), "--y", "velocity", "--sigma", "error", *orbit, "--plot", str(HERE / "fit.png")])


def draw_landscapes() -> None:
    """One picture of each landscape in two dimensions, and the page that shows them."""
    origin = "Drawn by `python docs/pictures/draw.py`; `batchgd list` has the numbers."
    lines = ["# Landscapes in two dimensions", "", origin]
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


FLOW = "gradient flow"
RATES = {"himmelblau": (0.001, 0.005, 0.01, 0.0125), "six_hump_camel": (0.002, 0.005, 0.01, 0.02)}
OTHERS = {
    "heavy ball, η = 0.003, β = 0.9": ("heavy_ball", {"learning_rate": 0.003, "momentum": 0.9}),
    "Adam, η = 0.01": ("adam", {"learning_rate": 0.01}),
    "FIRE, time step 0.02": ("fire", {"time_step": 0.02}),
    "L-BFGS": ("lbfgs", {}),
}
"""Methods of docs/basins.md next to constant rates; those that are not in the table of methods are omitted."""


def draw_maps(maps: dict[str, Any], title: str, reference: str, columns: int = 3) -> Any:
    """Draw maps of one window side by side, by title, with the share of pixels that differ from ``reference``."""
    size = next(iter(maps.values())).window[:, 1] - next(iter(maps.values())).window[:, 0]
    tall = 3.1 * float(np.clip(size[1] / size[0], 0.4, 1.6)) + 0.45
    axes = new_panels(len(maps), columns, lambda rows: (3.1 * columns, tall * rows + 0.5))
    for ax, (name, basins) in zip(axes, maps.items(), strict=True):
        note = "true basins"
        if name != reference:
            note = f"{100 * np.mean(basins.label != maps[reference].label):.2g} % of the pixels have another label"
        draw_map(basins, ax, key=False, contours=False, title=name, note=note)
        ax.set_xlabel("")
        ax.set_ylabel("")
    figure_title(axes[0], title, TITLE_SIZE + 2)
    return axes


def draw_basins() -> None:
    """The pictures of docs/basins.md: the basins of several methods, next to those of gradient flow."""
    for name, rates in RATES.items():
        methods = {FLOW: bgd.GradientFlow()} | {
            f"η = {rate:g}": bgd.GradientDescent(learning_rate=rate) for rate in rates
        }
        methods |= {title: METHODS[key](**settings) for title, (key, settings) in OTHERS.items() if key in METHODS}
        true = bgd.map(name, method=methods[FLOW], maxiter=100_000)
        maps = {FLOW: true} | {
            title: bgd.map(name, method=method, maxiter=100_000, known=true.minima)
            for title, method in methods.items()
            if title != FLOW
        }
        write(draw_maps(maps, f"{name}: the basins that methods draw", FLOW), HERE / f"basins_{name}.png")
    minima = bgd.multistart("shekel", dim=4, starts=5_000).minima
    write(bgd.map("shekel", dim=4, plane=minima.x[:3]).plot(), HERE / "basins_shekel.png")
    write(bgd.multistart("schwefel", dim=3, starts=1_000).plot.discovery(), HERE / "discovery.png")


def draw_chapter() -> None:
    """The pictures of docs/gradient-descent.md."""

    def bowl(w: Any) -> Any:
        return 0.5 * (w[0] ** 2 + 10.0 * w[1] ** 2)

    def narrow(w: Any) -> Any:
        return 0.5 * (w[0] ** 2 + 100.0 * w[1] ** 2)

    def saddle(w: Any) -> Any:
        return w[0] ** 2 - w[1] ** 2 + 0.5 * w[1] ** 4

    def paths(fun: Any, x0: Any, box: Any, method: Any, **options: Any) -> Any:
        return bgd.path(fun, x0, box=box, method=method, **options)

    rates = [bgd.GradientDescent(rate) for rate in (0.01, 0.15, 0.205)]
    compare_paths(
        [paths(bowl, [[-1.0, 0.8], [1.0, 0.3]], (-1.2, 1.2), rate, maxiter=300) for rate in rates],
        HERE / "learning_rates.png",
    )
    methods = [bgd.GradientDescent(2 / 101), bgd.HeavyBall(4 / 121, momentum=81 / 121), bgd.BarzilaiBorwein()]
    runs = [paths(narrow, [1.0, 1.0], (-1.0, 1.0), method) for method in methods]
    write(convergence(runs, optimum=0.0), HERE / "convergence.png")
    around = [[1.4, 0.0], [1.4, 1e-6], [-1.4, 0.1], [-1.2, -0.4], [0.9, -1.4], [0.6, 1.5]]
    paths(saddle, around, (-1.6, 1.6), bgd.GradientDescent(0.05)).plot(HERE / "saddle.png")
    names = ("gradient_descent", "heavy_ball", "adam", "barzilai_borwein")
    starts = [[0.0, 0.0], [-4.0, -1.0], [5.0, -5.0]]
    runs = [paths("himmelblau", starts, (-6.0, 6.0), METHODS[name].example()) for name in names]
    compare_paths(runs, HERE / "methods.png")
    animate(runs[1:2], HERE / "heavy_ball.gif", frames=40)


if __name__ == "__main__":
    draw_results()
    draw_chapter()
    draw_trust()
    draw_network()
    draw_profiles()
    draw_basins()
    draw_saddles()
    draw_sweeps()
    draw_fit()
    draw_landscapes()
