"""Values as JSON text, and tables as CSV: arrays are written by orjson, a million rows of 16 numbers in two seconds."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from batchgd.output.summary import json_ready
from batchgd.problem.tables import Rows

_AT_ONCE = 1 << 16  # rows that are in memory as separate texts
_STEP = "  "


def json_pieces(value: Any, line: str = "\n") -> Iterator[str]:
    r"""Yield the pieces of a value as JSON in ASCII, one row of a table per line; numbers that are not finite are null.

    ``line`` is a line break and the indentation of the value.

    >>> table = Rows({"x": np.eye(2), "kind": np.array(["kink", "flat"])}, 2)
    >>> print("".join(json_pieces({"é": 1.0, "minima": table, "none": {}})))
    {
      "\u00e9": 1.0,
      "minima": [
        {"x":[1.0,0.0],"kind":"kink"},
        {"x":[0.0,1.0],"kind":"flat"}
      ],
      "none": {}
    }
    """
    inner = line + _STEP
    if isinstance(value, Mapping) and value:
        for k, (name, item) in enumerate(value.items()):
            yield f"{',' if k else '{'}{inner}{json.dumps(str(name))}: "
            yield from json_pieces(item, inner)
        yield line + "}"
    elif isinstance(value, Rows) and value.plain and len(value):
        yield "[" + inner
        yield from _row_blocks(value, inner)
        yield line + "]"
    elif isinstance(value, Rows) or (isinstance(value, list) and value and isinstance(value[0], Mapping)):
        rows = [json.dumps(json_ready(row), separators=(",", ":"), allow_nan=False) for row in value]
        yield f"[{inner}{f',{inner}'.join(rows)}{line}]" if rows else "[]"
    elif isinstance(value, np.ndarray) and value.dtype.kind in "iufb":
        yield _dumped(value).decode()
    else:
        yield json.dumps(json_ready(value), separators=(",", ":"), allow_nan=False)


def csv_text(rows: Rows) -> str:
    r"""Return a table of numbers and words as CSV; an array (m, d) becomes d columns, what is not finite an empty cell.

    >>> csv_text(Rows({"x": np.eye(2), "fun": np.array([0.5, np.nan]), "p": None}, 2))
    'label,x0,x1,fun,p\n0,1.0,0.0,0.5,\n1,0.0,1.0,,\n'
    """
    names = ["label"]
    for name, column in rows.columns.items():
        names += [name] if column is None or column.ndim < 2 else [f"{name}{j}" for j in range(column.shape[1])]
    columns = {"label": np.arange(len(rows)), **rows.columns}
    blocks = [",".join(names).encode()]
    for cells in _by_column(columns, len(rows), _csv_cells):
        blocks.append(b"\n".join(map(b",".join, zip(*cells, strict=True))))
    return "".join(f"{block.decode()}\n" for block in blocks)


def _row_blocks(rows: Rows, line: str) -> Iterator[str]:
    """Yield the rows of a table as objects, in blocks of many lines."""
    names = (json.dumps(name).replace("%", "%%") for name in rows.columns)
    row = ("{" + ",".join(f"{name}:%b" for name in names) + "}").encode()
    between = f",{line}"
    for k, cells in enumerate(_by_column(rows.columns, len(rows), _json_cells)):
        block = between.encode().join([row % each for each in zip(*cells, strict=True)]).decode()
        yield between + block if k else block


def _by_column(columns: Mapping[str, Any], count: int, cells: Callable[[Any], list[bytes]]) -> Iterator[list[Any]]:
    """Yield the cells of each column, some rows at a time; a column that is None has empty cells of the format."""
    for first in range(0, count, _AT_ONCE):
        rows = slice(first, min(first + _AT_ONCE, count))
        nothing = np.full(rows.stop - first, np.nan)
        yield [cells(nothing if column is None else column[rows]) for column in columns.values()]


def _json_cells(column: np.ndarray) -> list[bytes]:
    """The entries of an array, or its rows, as JSON."""
    if column.ndim > 1:
        return _dumped(column)[1:-1].replace(b"],[", b"]\n[").split(b"\n")
    if column.dtype.kind in "iufb":
        return _dumped(column)[1:-1].split(b",")
    words: dict[str, bytes] = {word: json.dumps(word).encode() for word in set(column.tolist())}
    return [words[word] for word in column.tolist()]


def _csv_cells(column: np.ndarray) -> list[bytes]:
    """The entries of an array, or its rows, as one or several cells of CSV."""
    if column.dtype.kind not in "iufb":
        return [word.encode() for word in column.tolist()]
    text = _dumped(column).replace(b"null", b"")
    return text[2:-2].split(b"],[") if column.ndim > 1 else text[1:-1].split(b",")


def _dumped(numbers: np.ndarray) -> bytes:
    import orjson

    doubles = numbers.astype(np.float64, copy=False) if numbers.dtype.kind == "f" else numbers
    return orjson.dumps(np.ascontiguousarray(doubles), option=orjson.OPT_SERIALIZE_NUMPY)
