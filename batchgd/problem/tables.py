"""Tables of text: aligned for a terminal, as HTML for a notebook, as Markdown for a page; and rows as records."""

import html
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from batchgd.problem.limits import RECORDS, rows_shown

WIDTH = 98  # characters of a line
_LAST_RULE = 24  # the most characters in the rule below the name of the last column, whose cells may be long texts


@dataclass(frozen=True)
class TextTable:
    """Rows of text under the names of their columns; ``str`` is the table for a terminal.

    Parameters
    ----------
    rows : sequence of dicts
        The cells by the name of their column, the same names in every row.
    words : collection of str
        Names of the columns that hold words, which are flush left; numbers are flush right.
    below : str
        A line below the table, such as what was cut; the only line of a table without rows.

    >>> print(TextTable([{"name": "levy", "n": "2"}, {"name": "x", "n": "10"}], words=["name"], below="3 more"))
    name   n
    ────  ──
    levy   2
    x     10
    3 more
    """

    rows: Sequence[Mapping[str, str]]
    words: Collection[str] = ()
    below: str = ""

    def __str__(self) -> str:
        if not self.rows:
            return self.below
        rule = ["─" * width for width in self._widths()]
        rule[-1] = rule[-1][:_LAST_RULE]
        head, *lines = ["  ".join(cells).rstrip() for cells in self._aligned()]
        return "\n".join([head, "  ".join(rule), *lines, *([self.below] if self.below else [])])

    def markdown(self) -> str:
        """Return the table as Markdown, aligned for a reader of its source as well.

        >>> print(TextTable([{"name": "levy", "n": "2"}, {"name": "x", "n": "10"}], words=["name"]).markdown())
        | name |  n |
        |------|---:|
        | levy |  2 |
        | x    | 10 |
        """
        if not self.rows:
            return self.below
        ends = ("-" if name in self.words else ":" for name in self.rows[0])
        rule = ["-" * (width + 1) + end for width, end in zip(self._widths(), ends, strict=True)]
        head, *lines = [f"| {' | '.join(cells)} |" for cells in self._aligned()]
        return "\n".join([head, f"|{'|'.join(rule)}|", *lines, *(["", self.below] if self.below else [])])

    def html(self) -> str:
        """Return the table as HTML: plain tags, no colour of its own, so that dark themes stay readable."""
        if not self.rows:
            return f"<div>{html.escape(self.below)}</div>"
        sides = ["left" if name in self.words else "right" for name in self.rows[0]]

        def line(tag: str, cells: Iterable[str]) -> str:
            styled = (f"<{tag} style='text-align:{side};padding:2px 10px'>" for side in sides)
            return f"<tr>{''.join(f'{s}{html.escape(c)}</{tag}>' for s, c in zip(styled, cells, strict=True))}</tr>"

        body = "".join(line("td", row.values()) for row in self.rows)
        table = f"<table><thead>{line('th', self.rows[0])}</thead><tbody>{body}</tbody></table>"
        return table + (f"<div>{html.escape(self.below)}</div>" if self.below else "")

    def _widths(self) -> list[int]:
        return [max(map(len, [name, *(row[name] for row in self.rows)])) for name in self.rows[0]]

    def _aligned(self) -> Iterator[list[str]]:
        sides = [str.ljust if name in self.words else str.rjust for name in self.rows[0]]
        widths = self._widths()
        for cells in (self.rows[0], *(row.values() for row in self.rows)):
            yield [side(cell, width) for side, cell, width in zip(sides, cells, widths, strict=True)]


class Rows(Sequence):
    """The first rows of a table of columns, as a sequence of dicts; columns are kept, so that a million rows are quick.

    >>> rows = Rows({"fun": np.array([0.0, np.inf]), "p": None}, 2)
    >>> len(rows), rows[1], rows.to_list()
    (2, {'fun': None, 'p': None}, [{'fun': 0.0, 'p': None}, {'fun': None, 'p': None}])
    """

    def __init__(self, columns: Mapping[str, Any], count: int) -> None:
        self.height = count
        self.columns = {name: None if column is None else column[:count] for name, column in columns.items()}

    @property
    def plain(self) -> bool:
        """Whether all columns are arrays (or None), not lists of anything."""
        return all(column is None or isinstance(column, np.ndarray) for column in self.columns.values())

    def __len__(self) -> int:
        return self.height

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.to_list())

    def __getitem__(self, k: Any) -> Any:
        return self.to_list()[k]

    def to_list(self) -> list[dict[str, Any]]:
        """Return the rows as dicts of Python's own numbers, None for those that are not finite."""
        nothing = [None] * self.height
        lists = [nothing if column is None else _plain(column) for column in self.columns.values()]
        return [dict(zip(self.columns, row, strict=True)) for row in zip(*lists, strict=True)]


def listed(usual: int | None = RECORDS, **tables: Any) -> dict[str, Any]:
    """Return tables (columns by name, or lists) as far as they are shown; ``total`` and ``shown`` count their rows.

    >>> listed(minima={"fun": np.arange(3.0)})["total"], listed(1, alone=[0, 4])
    ({'minima': 3}, {'alone': [0], 'total': {'alone': 2}, 'shown': {'alone': 1}})
    """
    total = {name: _height(table) if isinstance(table, Mapping) else len(table) for name, table in tables.items()}
    shown = {name: rows_shown(count, usual) for name, count in total.items()}
    parts = {
        name: Rows(table, shown[name]) if isinstance(table, Mapping) else table[: shown[name]]
        for name, table in tables.items()
    }
    return {**parts, "total": total, "shown": shown}


def records(columns: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return one dict per row of columns of the same length; a column that is None is None in every row.

    >>> records({"fun": [0.0, 1.0], "p": None})
    [{'fun': 0.0, 'p': None}, {'fun': 1.0, 'p': None}]
    """
    return Rows(columns, _height(columns)).to_list()


def _height(columns: Mapping[str, Any]) -> int:
    return next((len(column) for column in columns.values() if column is not None), 0)


def _plain(column: Any) -> list[Any]:
    if not isinstance(column, np.ndarray):
        return list(column)
    if column.dtype.kind == "f" and not (finite := np.isfinite(column)).all():
        entries = column.astype(object)
        entries[~finite] = None
        return entries.tolist()
    return column.tolist()
