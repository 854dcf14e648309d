"""What it costs to print, save, load and draw a result with very many minima, made from arrays.

    python benchmarks/output.py --minima 1e6 --markdown

Each figure is the best of several, in seconds of this process (CPU) and of the clock. The ratio compares it with the
same rows written by Python's own modules, measured on fewer rows and scaled.
"""

import argparse
import contextlib
import csv
import io
import json
import tempfile
import time
from pathlib import Path

import numpy as np

import batchgd as bgd
from batchgd.api.result import MultistartResult
from batchgd.cli.console import Console
from batchgd.cli.printing import show_result
from batchgd.kernels.status import Status
from batchgd.minima.tables import Minima, Stationary
from batchgd.problem.samplings import ArrayStarts
from batchgd.problem.tables import TextTable

PICTURES = ("waterfall", "fractions", "funnel", "parallel", "slices", "discovery")
_PLAIN = 20_000  # rows at most that Python's own modules write


def made(minima: int, dim: int, keep: bool) -> MultistartResult:
    """A result with this number of distinct minima of Rastrigin's function, one start each."""
    rng = np.random.default_rng(0)
    codes = rng.permutation(np.unique(rng.integers(0, 10**dim, int(1.01 * minima) + 10)))[:minima]
    x = (np.stack([codes // 10**j % 10 for j in range(dim)], axis=1) - 4.5) * 0.9949
    fun = 10 * dim + np.sum(x * x - 10 * np.cos(2 * np.pi * x), axis=1)
    x, fun = x[(order := np.argsort(fun, kind="stable"))], fun[order]
    m = len(x)
    ones, low, high = np.ones(m, np.int64), np.zeros(m), np.full(m, 5.57 / m)
    table = Minima(
        x=x, fun=fun, count=ones, fraction=ones / m, kind=np.full(m, "minimum", "<U10"),
        eigenvalues=np.full((m, dim), 390.0), inside=np.ones(m, bool), spread=np.zeros(m),
        fraction_low=low, fraction_high=high,
    )  # fmt: skip
    rows = m if keep else 0
    starts = ArrayStarts(x + 0.1, "uniform") if keep else None
    return MultistartResult(
        x=x[:rows], fun=fun[:rows], nit=np.full(rows, 9), nfev=np.full(rows, 10), status=np.ones(rows, np.int8),
        label=np.arange(rows), minima=table, stationary=Stationary.empty(dim), starts=starts, seed=0, backend="cpu",
        objective=bgd.as_objective("rastrigin", dim), box=bgd.Box([-5.12] * dim, [5.12] * dim), seconds=1.0,
        counted=None if keep else {Status.GRADIENT: m},
    )  # fmt: skip


def best(call, repeats: int) -> tuple[float, float]:
    """The least seconds of this process and of the clock."""
    found = []
    for _ in range(repeats):
        cpu, clock = time.process_time(), time.perf_counter()
        call()
        found.append((time.process_time() - cpu, time.perf_counter() - clock))
    return min(cpu for cpu, _ in found), min(clock for _, clock in found)


def printed(result, **options) -> int:
    """Print a result as the shell does; returns the number of characters."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        show_result(result, options, {}, Console(quiet=True))
    return len(out.getvalue())


def plain_json(result, rows: int) -> str:
    """The rows of the table by Python's own module, indented as people do."""
    names = ("x", "fun", "count", "fraction", "fraction_low", "fraction_high", "kind", "free", "inside")
    columns = [getattr(result.minima, name)[:rows].tolist() for name in names]
    return json.dumps([dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)], indent=2)


def plain_csv(result, rows: int) -> None:
    """The same as CSV."""
    names = ("fun", "count", "fraction", "fraction_low", "fraction_high", "kind", "free", "inside")
    columns = [getattr(result.minima, name)[:rows].tolist() for name in names]
    lines = ([*row[0], *row[1:]] for row in zip(result.minima.x[:rows].tolist(), *columns, strict=True))
    csv.writer(io.StringIO()).writerows(lines)


def measure(minima: int, dim: int, repeats: int) -> list[dict[str, str]]:
    """One row per kind of output."""
    few, all_of_it = made(minima, dim, keep=False), made(minima, dim, keep=True)
    rows, scale = min(minima, _PLAIN), minima / min(minima, _PLAIN)
    plain = {
        "--json": best(lambda: plain_json(few, rows), repeats),
        "--csv": best(lambda: plain_csv(few, rows), repeats),
    }
    cases = {
        "text": lambda: printed(few),
        "--json": lambda: printed(few, json=True),
        "--json --limit all": lambda: printed(few, json=True, limit="all"),
        "--csv --limit all": lambda: printed(few, csv=True, limit="all"),
        "to_dataframe": few.minima.to_dataframe,
        "to_xarray": few.to_xarray,
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, result in (("minima", few), ("all", all_of_it)):
            file = Path(folder, name)
            cases[f"save, keep={name}"] = lambda result=result, file=file: result.save(file, overwrite=True)
            cases[f"load, keep={name}"] = lambda file=file: bgd.load(file)
        for name in PICTURES:
            cases[f"plot {name}"] = lambda name=name: drawn(all_of_it, name, Path(folder, "picture.png"))
        table = []
        for name, call in cases.items():
            cpu, clock = best(call, repeats)
            word = name.removesuffix(" --limit all")
            ratio = f"{scale * plain[word][0] / cpu:.1f}" if word in plain and word != name else ""
            table.append({"output": name, "CPU s": f"{cpu:.2f}", "s": f"{clock:.2f}", "Python's own / this": ratio})
        sizes = {name: Path(folder, name).stat().st_size for name in ("minima", "all")}
    for name, size in sizes.items():
        row = {"output": f"file, keep={name}", "CPU s": "", "s": f"{size / 1e6:.0f} MB", "Python's own / this": ""}
        table.append(row)
    return table


def drawn(result, name: str, path: Path) -> None:
    """Draw a picture into a file."""
    from batchgd.output.plot.canvas import write

    write(getattr(result.plot, name)(), path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minima", type=float, default=1e6)
    parser.add_argument("--dim", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    drawn(made(1000, options.dim, keep=True), "slices", Path(tempfile.mkdtemp(), "warm.png"))
    rows = measure(int(options.minima), options.dim, options.repeats)
    table = TextTable(rows, words=("output",))
    print(table.markdown() if options.markdown else table)


if __name__ == "__main__":
    main()
