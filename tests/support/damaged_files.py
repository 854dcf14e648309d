"""Every kind of file that is read, small, and what reading it gives: for tests that flip its bytes and cut it short."""

import contextlib
import gzip
import io
from dataclasses import dataclass

import hostile_results as hostile
import numpy as np

import batchgd as bgd
from batchgd.cli import main

SETTINGS = {"dim": 2, "starts": 40, "backend": "numpy", "maxiter": 60}


@dataclass(frozen=True)
class Kind:
    """A kind of file: ``make(folder)`` writes one and returns its path, ``read(path)`` returns what is in it.

    What is ``sealed`` has a checksum: once damaged, it is refused, or gives what it gave before.
    """

    make: object
    read: object
    sealed: bool = True


def outcome(kind, path):
    """What reading a file gives, or the line that refuses it."""
    try:
        return kind.read(path)
    except bgd.InputError as error:
        message = str(error)
        assert message.isprintable(), message
        assert len(message) < 1000
        return Refused(message)


class Refused(str):
    """The line that refuses a file."""


def damages(content, rng=None, count=None):
    """Yield (what was done, damaged content): each byte changed in one bit, and each length; or so many of each."""
    n = len(content)
    places = range(n) if rng is None else rng.choice(n, min(n, count), replace=False)
    for at in map(int, places):
        bit = at % 8 if rng is None else int(rng.integers(8))
        flipped = bytearray(content)
        flipped[at] ^= 1 << bit
        yield f"bit {bit} of byte {at}", bytes(flipped)
    for length in map(int, range(n) if rng is None else rng.choice(n, min(n, count), replace=False)):
        yield f"the first {length} bytes", content[:length]


# Results and fits


def _result(folder):
    return bgd.multistart("himmelblau", starts=12, backend="numpy").save(folder / "result.npz")


def _read_result(path):
    found = bgd.load(path)
    columns = ("x", "fun", "nit", "nfev", "status", "label", "x0")
    tables = (found.minima, found.stationary)
    return (
        *(getattr(found, name).tobytes() for name in columns),
        *(repr(value) for table in tables for value in vars(table).values()),
        *(str(getattr(found, name)) for name in ("method", "stopping", "seed", "seconds", "warnings", "provenance")),
    )


def _fit(folder):
    x = np.linspace(0, 4, 12)
    found = bgd.fit("a*exp(-k*x)", x, 2 * np.exp(-x), starts=8, parameters={"a": (0, 5), "k": (0, 3)}, backend="numpy")
    return found.save(folder / "fit.npz")


def _read_fit(path):
    found = bgd.load(path)
    return str(found), found.covar.tobytes(), found.landscape.x.tobytes(), found.landscape.fun.tobytes()


# A run in parts


def _run(folder):
    with bgd.testing.forced(part=25):
        bgd.multistart("himmelblau", **{**SETTINGS, "dim": None}, run=folder / "run")
    return folder / "run"


def _part(folder):
    return sorted((_run(folder) / "parts").glob("*.npz"))[0]


def _read_part(path):
    found = [*bgd.rows(path.parent.parent)]
    merged = bgd.merge(path.parent.parent)
    return *(column.tobytes() for part in found for column in part.values()), merged.minima.x.tobytes(), merged.n


def _manifest(folder):
    return _run(folder) / "run.json"


def _read_manifest(path):
    rows = [part["fun"].tobytes() for part in bgd.rows(path.parent)]
    merged = bgd.merge(path.parent)
    return rows, merged.x.tobytes(), merged.minima.x.tobytes(), merged.n, merged.seed, str(merged.method)


# Compiled code

_TEXT = "define i64 @answer() {\n  ret i64 42\n}\n"


def _code(folder):
    from batchgd.compiler.cache.modules import by_text
    from batchgd.compiler.cache.native import native_key

    with bgd.testing.fresh_cache(folder / "cache"):
        by_text(native_key(_TEXT), _TEXT, "answer").address()
    (path,) = (folder / "cache").rglob("*.code")
    return path


def _read_code(path):
    import ctypes

    from batchgd.compiler.cache.modules import by_text
    from batchgd.compiler.cache.native import native_key

    with bgd.testing.fresh_cache(path.parent.parent):
        function = by_text(native_key(_TEXT), _TEXT, "answer")
        return ctypes.CFUNCTYPE(ctypes.c_int64)(function.address())()


# Texts


_ROWS = '# a decay\nt (s),signal,"err, one"\n0,2.0,0.1\n1,0.74,0.1\n2,,0.1\n3,1e-1,0.1\n'


def _table(folder):
    path = folder / "data.csv"
    path.write_text(_ROWS)
    return path


def _packed_table(folder):
    path = folder / "data.csv.gz"
    path.write_bytes(gzip.compress(_ROWS.encode(), mtime=0))
    return path


def _read_table(path):
    from batchgd.cli.csv_file import CsvFile

    with CsvFile(str(path)) as table:
        names, width = table.names, table.layout.width
        columns = table.read(range(width))
    assert len(names) == width == len(columns)
    return tuple(columns[k].tobytes() for k in range(width))


def _config(folder):
    path = folder / "run.toml"
    path.write_text(
        'starts = 20\nseed = 3\nmethod = "adam"\nbox = [[-2, 2], [-2, 2]]\nmaxiter = 30\nbackend = "numpy"\n'
    )
    return path


def _read_config(path):
    return _in_the_shell(["run", "himmelblau", "--config", str(path), "--json", "--quiet", "--max-time", "5"])


def _formula(folder):
    path = folder / "formula.txt"
    path.write_text("a*exp(-k*x)**2 + arctan2(c, -1.5e2)/(x + 3)")
    return path


def _read_formula(path):
    from batchgd.analysis.fitting.expressions import Expression

    formula = Expression.parse(path.read_bytes().decode("utf-8", "surrogateescape"))
    with np.errstate(all="ignore"):
        try:
            value = formula(dict.fromkeys(formula.names, np.linspace(0.5, 2.0, 4)))
        except ArithmeticError:  # of numbers alone
            return "no value"
    return np.asarray(value, dtype=np.float64).tobytes()


def _in_the_shell(words):
    """Run a command; what it prints, or an InputError of the one line on stderr."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(words)
    if code == 0:
        return out.getvalue()
    assert (code, out.getvalue(), err.getvalue().count("\n")) == (2, "", 1), (code, out.getvalue(), err.getvalue())
    raise bgd.InputError(err.getvalue().removesuffix("\n"))


KINDS = {
    "result": Kind(_result, _read_result),
    "fit": Kind(_fit, _read_fit),
    "part": Kind(_part, _read_part),
    "manifest": Kind(_manifest, _read_manifest),
    "code": Kind(_code, _read_code),
    "table": Kind(_table, _read_table, sealed=False),
    "packed table": Kind(_packed_table, _read_table),
    "config": Kind(_config, _read_config, sealed=False),
    "formula": Kind(_formula, _read_formula, sealed=False),
}
"""All kinds of files that are read, by name."""


def wrong(name, folder, rng=None, count=None):
    """Damage a file of a kind; returns how many damages, how many were refused, and a list of those that went wrong."""
    kind = KINDS[name]
    path = kind.make(folder)
    content, tried, refused, bad = path.read_bytes(), 0, 0, []
    before = outcome(kind, path)
    assert not isinstance(before, Refused), before
    for what, damaged in damages(content, rng, count):
        path.write_bytes(damaged)
        tried += 1
        try:
            found = outcome(kind, path)
        except BaseException as error:  # an assertion as well
            bad.append(f"{name}, {what}: {type(error).__name__}: {error}")
            if isinstance(error, KeyboardInterrupt):
                raise
            continue
        refused += isinstance(found, Refused)
        if kind.sealed and not isinstance(found, Refused) and found != before:
            bad.append(f"{name}, {what}: read as something else")
    return tried, refused, bad


def forged(name, folder, seeds):
    """Forge a file of a kind, with the right checksums; returns as :func:`wrong` does. Nothing else may happen."""
    kind, refused, bad = KINDS[name], 0, []
    path = kind.make(folder)
    content = path.read_bytes()
    for seed in seeds:
        rng = np.random.default_rng(seed)
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink(missing_ok=True)
        path.write_bytes(content)
        how = hostile.forge_manifest if name == "manifest" else hostile.MUTATIONS[rng.integers(len(hostile.MUTATIONS))]
        how(rng, path)
        try:
            refused += isinstance(outcome(kind, path), Refused)
        except Exception as error:
            bad.append(f"{name}, {how.__name__} {seed}: {type(error).__name__}: {error}")
    return len(seeds), refused, bad
