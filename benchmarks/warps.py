"""Resources of kernels with one thread or one warp per trajectory, without a device: `python benchmarks/warps.py`.

Styblinski-Tang, whose terms differ only in the coordinate. One row for each method, dtype and dimension; `--one` also
assembles the kernels of one thread, which takes up to a minute each. Speeds are measured by `gpu.py`, on a device.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # this checkout, installed or not

import batchgd as bgd
from batchgd.analysis.bench.static import parse_capability
from batchgd.compiler.codegen.loading import load
from batchgd.compiler.codegen.specialisation import Specialisation
from batchgd.kernels.cuda import assemble
from batchgd.kernels.cuda.assemble import ComputeCapability, Resources
from batchgd.problem.errors import TraceSizeWarning
from batchgd.problem.tables import TextTable

METHODS = {
    "constant rate": bgd.GradientDescent(0.01),
    "adam": bgd.Adam(0.01),
    "default": bgd.BarzilaiBorwein(),
    "l-bfgs": bgd.LBFGS(),
}


def needs(method: str, dtype: str, dim: int, threads: int, capability: ComputeCapability) -> Resources:
    """Compile and assemble one descent."""
    chosen = METHODS[method]
    module = load(
        Specialisation(
            bgd.as_objective(bgd.landscapes.get("styblinski_tang"), dim),
            chosen.rule_in(dim),
            dtype,
            "cuda",
            lanes=1,
            parts=chosen.parts,
            constants=chosen.fixed,
            threads=threads,
        )
    )
    library = assemble.compiled(module.descend_kernel, dtype, capability)
    return assemble.machine_code(library, capability).resources


def rows(dims: list[int], widths: list[int], capability: ComputeCapability) -> Iterator[list[str]]:
    """Yield the cells of the table, row by row."""
    for method in METHODS:
        for dtype in ("float32", "float64"):
            for dim in dims:
                for threads in widths:
                    found = needs(method, dtype, dim, threads, capability)
                    numbers = {"D": dim, "threads": threads, "registers": found.registers, "stack": found.stack}
                    row = {"method": method, "dtype": dtype, **numbers, "spilled": found.spill_stores}
                    yield {name: str(cell) for name, cell in row.items()}


def main(arguments: list[str] | None = None) -> int:
    """Print the table: rows on stderr as they are ready, the whole table on stdout."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--capability", default="9.0", help="compute capability (default: 9.0)")
    parser.add_argument("--dims", default="64,128", help="dimensions, separated by commas")
    parser.add_argument("--one", action="store_true", help="also one thread per trajectory")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore", TraceSizeWarning)
    dims, widths = [int(dim) for dim in options.dims.split(",")], [1, 32] if options.one else [32]
    found = []
    for row in rows(dims, widths, parse_capability(options.capability)):
        print(*row.values(), file=sys.stderr, flush=True)
        found.append(row)
    print(TextTable(found, ("method", "dtype")).markdown())
    return 0


if __name__ == "__main__":
    sys.exit(main())
