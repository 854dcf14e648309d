"""The package is built in layers: imports run one way, lazy and type-only ones included, and no files form a circle."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "batchgd"

LAYERS = (
    "kernels",
    "problem",
    "compiler",
    "engine",
    "minima",
    "output",
    "analysis",
    "api",
    "batchgd",
    "cli",
    "__main__",
)
"""From the bottom to the top, `batchgd` for the root package: a file imports from its own layer and those before it."""

MOST_ENTRIES = 12

_TYPES = ("array", "blank", "complex_numbers", "row_array", "scalar")
_TABLES = ("array_functions", "elementary", "linalg", "numpy_functions", "ordering", "reductions", "special")
_ROWS = ("row_functions", "row_index", "row_products")
HOOKS = {f"batchgd.compiler.trace.{name}" for name in ("dispatch", *_TYPES, *_TABLES, *_ROWS)}
"""The one circle that is allowed: NumPy calls back into the types that a function is traced with."""

KNOWN: set[tuple[str, str]] = set()
"""Imports that are still to go; the tests overlook them."""


def modules():
    """The file of each module, with those of `kernels/`, which is a link in the package."""
    found = {}
    for path in sorted({*PACKAGE.rglob("*.py"), *(PACKAGE / "kernels").rglob("*.py")}):
        parts = ["batchgd", *path.relative_to(PACKAGE).with_suffix("").parts]
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imported(tree):
    """Yield the names that a file may import, wherever in the file, with their lines; strings may name modules too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name the whole path"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                if inner != "batchgd.__version__":
                    yield inner if inner in MODULES else node.module, node.lineno
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "." in node.value.strip("."):
            yield from ((name, node.lineno) for name in (node.value.strip("."), f"batchgd.{node.value}"))


def arrows():
    """Every import of one file of the package by another, as {module: {imported module: line}}."""
    found = {}
    for module, path in MODULES.items():
        names = [(name, line) for name, line in imported(ast.parse(path.read_text("utf-8"))) if name in MODULES]
        found[module] = {name: line for name, line in names[::-1] if name != module}
    return found


ARROWS = arrows()
KNOWN_ARROWS = {(f"batchgd.{module}", f"batchgd.{name}") for module, name in KNOWN}


def report(arrows):
    """One line for each import: the file, the line and both ends."""
    where = ((MODULES[module].relative_to(PACKAGE.parent), module, name) for module, name in sorted(arrows))
    return "\n".join(["", *(f"{file}:{ARROWS[module][name]}: {module} imports {name}" for file, module, name in where)])


def layer(module):
    return LAYERS.index(module.split(".")[1] if "." in module else module)


def test_imports_run_down():
    up = {(module, name) for module, names in ARROWS.items() for name in names if layer(name) > layer(module)}
    assert up <= KNOWN_ARROWS, report(up - KNOWN_ARROWS)


def test_no_files_form_a_circle():
    down = {(m, n) for m, names in ARROWS.items() for n in names if layer(n) <= layer(m)} - KNOWN_ARROWS
    leads_to = {m: {n for n in names if (m, n) in down} for m, names in ARROWS.items()}
    for middle in MODULES:
        for m in MODULES:
            if middle in leads_to[m]:
                leads_to[m] = leads_to[m] | leads_to[middle]
    circles = {(m, n) for m, n in down if m in leads_to[n] and not {m, n} <= HOOKS}
    assert not circles, report(circles)


def test_what_is_overlooked_is_still_there():
    assert {arrow for arrow in KNOWN_ARROWS if arrow[1] not in ARROWS.get(arrow[0], ())} == set()


def test_the_top_of_the_package_fits_on_a_screen():
    entries = {path.name for path in PACKAGE.iterdir()} - {"__pycache__"}
    assert len(entries) <= MOST_ENTRIES, sorted(entries)


def test_the_compiler_of_cuda_is_named_in_the_kernels_alone():
    named = {module for module, path in MODULES.items() if "numba.cuda" in path.read_text("utf-8")}
    imported_from_numba = {
        module
        for module, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module == "numba" and "cuda" in [name.name for name in node.names]
    }
    assert {module.split(".")[1] for module in named | imported_from_numba} == {"kernels"}
