"""How a table of text is laid out: separator, decimal sign, header and units, guessed from its first lines."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from batchgd.problem.errors import InputError, quoted

BLANKS = " "
SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|", "blanks": BLANKS}
_ORDER = ("\t", ";", ",", "|", BLANKS)  # of two that fit equally well, the first is taken
_ONE_COLUMN = 0.5  # weight of a layout with a single column, which any text has if its separator is not seen

_WORDS = "na n/a #n/a <na> nan -nan null none missing n.a. n.d. nd - -- . ? #div/0! #num! #value! #ref!"
MISSING = frozenset(["", *_WORDS.split()])
"""What stands for a missing value, in lower case."""
_GROUPED = {
    ".": re.compile(r"[+-]?[1-9]\d{0,2}(?:(?:,\d{3})+(?=\.)|(?:['’ \u00a0\u202f]\d{3})+)(?:\.\d*)?"),
    ",": re.compile(r"[+-]?[1-9]\d{0,2}(?:(?:\.\d{3})+(?=,)|(?:['’ \u00a0\u202f]\d{3})+)(?:,\d*)?"),
}
"""Numbers whose thousands are marked, by decimal sign; not 1,234 or 1.234 alone, which may be small numbers."""


@dataclass(frozen=True)
class Layout:
    """How the rows of a file are read; ``above`` rows are skipped before the header, and ``names`` may be empty.

    ``body`` is the number of rows above the data, and ``numeric`` has the columns with a number.
    """

    separator: str
    decimal: str
    width: int
    names: tuple[str, ...]
    units: tuple[str, ...]
    above: int
    body: int
    numeric: frozenset[int]

    def __str__(self) -> str:
        word = next((name for name, sign in SEPARATORS.items() if sign == self.separator), quoted(self.separator))
        return f"separator {word}" + (", decimal comma" if self.decimal == "," else "")


def as_separator(text: str) -> str:
    """Return the character that ``--separator`` names.

    >>> as_separator("semicolon"), as_separator(";")
    (';', ';')
    """
    if text.lower() in SEPARATORS:
        return SEPARATORS[text.lower()]
    named = {"\\t": "\t", "space": BLANKS, "blank": BLANKS, "spaces": BLANKS, "whitespace": BLANKS}
    found = named.get(text.lower(), text)
    if len(found) != 1 or found.isalnum() or found in "\"'\r\n.+-":
        raise InputError(f"--separator is {quoted(text)}: give {', '.join(SEPARATORS)}, or one character")
    return found


def split(lines: Iterable[str], separator: str) -> Iterator[list[str]]:
    """Yield the cells of each row; quoted cells may contain separators and line breaks.

    >>> list(split(['1;"a;b"', "2; c"], ";"))
    [['1', 'a;b'], ['2', 'c']]
    """
    if separator == BLANKS:
        lines = (" ".join(line.split()) if '"' not in line else line.replace("\t", " ").strip() for line in lines)
    return csv.reader(lines, delimiter=separator, skipinitialspace=separator != "\t")


def as_number(cell: str, decimal: str = ".") -> float | None:
    """Return the number in a cell, NaN if it is missing, None if it is text.

    >>> as_number("1.5"), as_number("1,5", ","), as_number(" n/a "), as_number("1.5D+2"), as_number("ten")
    (1.5, 1.5, nan, 150.0, None)
    >>> as_number("1,234.5"), as_number("1.234,5", ","), as_number("1'234"), as_number("1,234")
    (1234.5, 1234.5, 1234.0, None)
    """
    text = cell if decimal == "." else cell.replace(".", "?").replace(",", ".")
    try:
        return float(text) if "_" not in cell else None
    except ValueError:
        return _unusual(cell.strip(), decimal)


def _unusual(cell: str, decimal: str) -> float | None:
    """Read a missing value, marks of thousands, a minus sign of typography, or the exponent of Fortran."""
    if cell.lower() in MISSING:
        return float("nan")
    if cell[:1].isalpha():
        return None
    if _GROUPED[decimal].fullmatch(cell):
        cell = "".join(sign for sign in cell if sign in f"+-0123456789{decimal}")
    if decimal == ",":
        cell = cell.replace(".", "?").replace(",", ".")
    try:
        return float(cell.replace("\N{MINUS SIGN}", "-").replace("D", "e").replace("d", "e"))
    except ValueError:
        return None


def guess(lines: Sequence[str], comment: str = "", separator: str | None = None, header: bool | None = None) -> Layout:
    """Return the layout of the file that begins with these lines; ``comment`` is the last one above them.

    The separator is the one with which most cells are numbers, and then the one with more of them. The first row is
    the header if it contains no number; a row of units may follow it, and narrower rows precede it.

    >>> layout = guess(["t;signal", "s;mV", "0,1;2,5", "0,2;2,4"])
    >>> str(layout), layout.names, layout.units, layout.body
    ('separator semicolon, decimal comma', ('t', 'signal'), ('s', 'mV'), 2)
    """
    candidates = _ORDER if separator is None else (separator,)
    _, sign, decimal = max((_score(lines, sign, decimal), sign, decimal) for sign, decimal in _pairs(candidates))
    rows = [row for row in split(lines, sign) if row]
    width = _usual_width(rows)
    above = next((k for k, row in enumerate(rows) if len(_trimmed(row, width)) >= width), 0)
    if above and not _is_text(rows[above], decimal):
        above = 0
    named = _is_text(rows[above], decimal) if header is None else header
    values = [[as_number(cell, decimal) for cell in row] for row in rows[above + named :]]
    numeric = frozenset(k for row in values for k, value in enumerate(row) if value is not None and value == value)
    if not named:
        names = _from_comment(comment, sign, width, decimal)
        return Layout(sign, decimal, width, names, (), 0, 0, numeric)
    body, units = above + 1, _units(rows[above + 1 :], width, decimal)
    names = tuple(cell.strip() for cell in _trimmed(rows[above], width))
    return Layout(sign, decimal, max(width, len(names)), names, units, above, body + bool(units), numeric)


def _pairs(separators: Iterable[str]) -> Iterator[tuple[str, str]]:
    for sign in separators:
        yield sign, "."
        if sign != ",":
            yield sign, ","


def _score(lines: Sequence[str], sign: str, decimal: str) -> tuple[float, int, int, int]:
    """How well a separator fits: the share of cells that are numbers in rows of one width, and how many there are."""
    rows = [_trimmed(row, 0) for row in split(lines, sign) if row]
    width = _usual_width(rows)
    regular = sum(len(row) == width for row in rows) / max(len(rows), 1)
    cells = [as_number(cell, decimal) for row in rows[1:] or rows for cell in row]
    numbers = sum(cell is not None for cell in cells) / max(len(cells), 1)
    place = -_ORDER.index(sign) if sign in _ORDER else 0
    return round(numbers * regular * (1.0 if width > 1 else _ONE_COLUMN), 6), width, int(decimal == "."), place


def _usual_width(rows: Sequence[Sequence[str]]) -> int:
    counts = Counter(len(_trimmed(row, 0)) for row in rows)
    return max(counts, key=lambda width: (counts[width], width), default=0)


def _trimmed(row: Sequence[str], width: int) -> Sequence[str]:
    """Return the row without the empty cell that a separator at its end makes."""
    return row[:-1] if len(row) > max(width, 1) and not row[-1].strip() else row


def _is_text(row: Sequence[str], decimal: str) -> bool:
    """Whether a row contains words and no number."""
    values = [as_number(cell, decimal) for cell in row]
    return None in values and all(value is None or value != value for value in values)


def _units(rows: Sequence[Sequence[str]], width: int, decimal: str) -> tuple[str, ...]:
    """Return the cells of the row below the header if they are the units of the columns."""
    if len(rows) < 2 or len(_trimmed(rows[0], width)) != width:
        return ()
    if not _is_text(rows[0], decimal) or _is_text(rows[1], decimal):
        return ()
    return tuple(cell.strip(" ()[]") for cell in rows[0][:width])


def _from_comment(comment: str, separator: str, width: int, decimal: str) -> tuple[str, ...]:
    """Return the names in the last comment above the data, if there is one for each column."""
    for sign in (separator, BLANKS, ","):
        row = [cell.strip() for cell in next(split([comment], sign), [])]
        if width and len(row) == width and _is_text(row, decimal):
            return tuple(row)
    return ()
