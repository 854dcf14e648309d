"""Tables of text: aligned for a terminal, as HTML for a notebook, as Markdown for a page; and rows as records."""

import html
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ROWS = 12  # shown before a table is cut: it fits on a screen together with the lines around it
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

    >>> print(TextTable([{"name": "levy", "n": "2"}, {"name": "x", "n": "10"}], words=["name"], below="… 3 more"))
    name   n
    ────  ──
    levy   2
    x     10
    … 3 more
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
        for cells in (self.rows[0], *(row.values() for row in self.rows)):
            yield [side(cell, width) for side, cell, width in zip(sides, cells, self._widths(), strict=True)]


def cut(total: int, one: str = "row", many: str | None = None, shown: int = ROWS) -> str:
    """Return the line below a table that was cut, or nothing.

    >>> cut(20, "path"), cut(13, "minimum", "minima"), cut(12)
    ('… 8 more paths', '… 1 more minimum', '')
    """
    more = total - shown
    return f"… {more:,} more {one if more == 1 else many or one + 's'}" if more > 0 else ""


def records(columns: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return one dict per row of columns of the same length; a column that is None is None in every row.

    >>> records({"fun": [0.0, 1.0], "p": None})
    [{'fun': 0.0, 'p': None}, {'fun': 1.0, 'p': None}]
    """
    count = next(len(column) for column in columns.values() if column is not None)
    return [{name: None if column is None else column[k] for name, column in columns.items()} for k in range(count)]
