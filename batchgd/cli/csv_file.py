"""Tables as people have them: CSV and its kin, read line by line into columns of numbers and of words."""

import contextlib
import csv
import gzip
import io
import itertools
import re
import sys
import zlib
from array import array
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, Self

import numpy as np

from batchgd.cli.console import nearest
from batchgd.cli.csv_layout import Layout, as_number, guess, split
from batchgd.problem.errors import InputError, quoted

_SAMPLE = 200  # rows that are looked at to guess the layout
_LONGEST_LINE = 1_000_000
_MOST_ROWS = 100_000_000
_MOST_PACKED = 200  # tables of a few repeated numbers reach 100
_SMALL = 1 << 24  # bytes that are always unpacked
_COMMENTS = ("#", "%", "//")
_BOMS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))
_OTHERS = {
    b"PK\x03\x04": "an Excel file or another archive: save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "an Excel file: save the sheet as CSV",
    b"\x89HDF": "an HDF5 file: write the table as CSV",
    b"PAR1": "a Parquet file: write the table as CSV",
    b"{": "JSON, or another notation with braces: write the table as CSV",
    b"<": "HTML or XML: save the table as CSV",
    b"\x93NUMPY": "an array of NumPy: write it as CSV with numpy.savetxt, or use bgd.fit in Python",
}


class CsvFile:
    """A table in a file, whose layout is known once it is entered; ``read`` reads columns, once.

    Parameters
    ----------
    path : str
        The file, also compressed by gzip; ``-`` is stdin.
    separator : str, optional
        One character, a blank for any white space; default: guessed.
    header : bool, optional
        Whether the first row contains names; default: if it contains no number.
    """

    def __init__(self, path: str, separator: str | None = None, header: bool | None = None):
        self.name = "stdin" if path == "-" else path
        self.rows, self._whole = 0, 0  # rows read, and the line at which the last one ended
        self._given = path, separator, header
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Self:
        path, separator, header = self._given
        with contextlib.ExitStack() as opened:
            self._lines = _Lines(self.name, _opened(path, opened))
            sample = self._lines.ahead(_SAMPLE)
            if not sample:
                raise InputError(f"{self.name} is empty: give a table with a row for each observation")
            with self._explained():
                self.layout: Layout = guess(sample, self._lines.comment, separator, header)
            self._rows = split(self._lines, self.layout.separator)
            self._open = opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @property
    def names(self) -> list[str]:
        """The name of each column, its number if it has none."""
        given = self.layout.names
        return [given[k] if k < len(given) and given[k] else str(k + 1) for k in range(self.layout.width)]

    def unit(self, column: int) -> str:
        """The unit of a column, if the file has a row of units."""
        return self.layout.units[column] if column < len(self.layout.units) else ""

    @property
    def numeric(self) -> list[int]:
        """The places of the columns with a number among the first rows; of all columns if fewer than two have one."""
        every = range(self.layout.width)
        return [k for k in every if k in self.layout.numeric or len(self.layout.numeric) < 2]

    def find(self, word: str, option: str) -> int:
        """Return the place of the column with this name, or of this number, counted from 1."""
        names = self.names
        for same in (str, str.lower):
            places = [k for k, name in enumerate(names) if same(name) == same(word.strip())]
            if len(places) == 1:
                return places[0]
            if places:
                numbers = " or ".join(str(k + 1) for k in places)
                raise InputError(f"{self.name} has {len(places)} columns {word!r}: write {option} {numbers}")
        if word.strip().isdecimal() and 1 <= int(word) <= len(names):
            return int(word) - 1
        hint = nearest(word, names) if self.layout.names else f"it has no header: give a number from 1 to {len(names)}"
        if option == "--sigma" and as_number(word) is not None:
            hint = f"{hint}; without --sigma all observations weigh the same"
        raise InputError(f"{self.name} has no column {word!r}; {hint}")

    def read(self, numeric: Sequence[int], words: Sequence[int] = ()) -> dict[int, Any]:
        """Return columns by their place: arrays of numbers, NaN where one is missing, and lists of words."""
        numbers = {place: array("d") for place in numeric}
        texts: dict[int, list[str]] = {place: [] for place in words}
        width, decimal, skipped = self.layout.width, self.layout.decimal, self.layout.body
        with self._explained():
            for row in self._rows:
                if not row:
                    continue
                if skipped:
                    skipped -= 1
                    continue
                if len(row) != width:
                    row = self._padded(row)
                for place, column in numbers.items():
                    value = as_number(row[place], decimal)
                    if value is None:
                        raise self._text(row, place)
                    column.append(value)
                for place, found in texts.items():
                    found.append(row[place].strip())
                self.rows += 1
                self._whole = self._lines.number
                if self.rows > _MOST_ROWS:
                    raise InputError(f"{self.name} has more than {_MOST_ROWS:,} rows: leave some out")
        if not self.rows:
            raise InputError(f"{self.name} has a header and no rows: give a row for each observation")
        return {place: np.array(column) for place, column in numbers.items()} | texts

    def _padded(self, row: list[str]) -> list[str]:
        width = self.layout.width
        if any(cell.strip() for cell in row[width:]):
            raise InputError(
                f"{self.name} line {self._lines.number} has {len(row)} cells where others have {width}: "
                "quote a cell that contains the separator, or name another --separator"
            )
        return row[:width] + [""] * (width - len(row))

    def _text(self, row: Sequence[str], place: int) -> InputError:
        cell, decimal = row[place].strip(), self.layout.decimal
        remedy = "leave the cell empty if the value is missing"
        if self.rows == 0 and not self.layout.names:
            remedy = "write --header if this line contains names"
        elif "," in cell and decimal == ".":
            remedy = "write numbers as 1234.5, or all of them with a decimal comma"
        elif "#" in cell:
            remedy = "put comments on lines of their own"
        elif re.match(r"\d{1,4}[-/:.]\d{1,2}[-/:.]\d", cell):
            remedy = "write dates and times as numbers, such as days or seconds"
        elif as_number(cell.rstrip("%"), decimal) is not None:
            remedy = "write numbers without a sign for percent"
        elif not any(as_number(other, decimal) is not None for other in row if other.strip()):
            remedy = "remove the line if it is not data"
        column = f"column {quoted(self.names[place])}" if self.layout.names else f"column {place + 1}"
        return InputError(
            f"{self.name} line {self._lines.number} has {quoted(cell)} in {column}, which is not a number: {remedy}"
        )

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except csv.Error as error:
            raise InputError(
                f"{self.name} cannot be read as a table from line {self._whole + 1} on ({error}): "
                "close every quotation mark"
            ) from None


class _Lines:
    """The lines of a file without comments and empty ones; ``number`` is that of the last one, counted from 1."""

    def __init__(self, name: str, stream: io.TextIOBase):
        self.number, self.comment, self._name = 0, "", name
        self._source = self._read(stream)
        self._ahead: list[tuple[int, str]] = []

    def ahead(self, count: int) -> list[str]:
        """Return the first lines, which will still be iterated over."""
        self._ahead = list(itertools.islice(self._source, count))
        return [line for _, line in self._ahead]

    def __iter__(self) -> Iterator[str]:
        for number, line in itertools.chain(self._ahead, self._source):
            self.number = number
            yield line

    def _read(self, stream: io.TextIOBase) -> Iterator[tuple[int, str]]:
        before = True
        for count in itertools.count(1):
            try:
                line = stream.readline(_LONGEST_LINE)
            except (OSError, EOFError, UnicodeError, zlib.error) as error:
                reason = getattr(error, "strerror", None) or error
                raise InputError(f"{self._name} cannot be read: {reason}; give a table of text") from None
            if not line:
                return
            if len(line) == _LONGEST_LINE or "\0" in line:
                raise InputError(f"{self._name} is not a table of text (line {count}): give a CSV file")
            bare = line.strip()
            if bare.startswith(_COMMENTS):
                if before:
                    self.comment = bare.lstrip("#%/ ")
            elif bare and not (count == 1 and bare.lower().startswith("sep=")):
                before = False
                yield count, line


class _Unpacked(gzip.GzipFile):
    """A file that is unpacked while it is read, unless it becomes far larger than tables do."""

    def __init__(self, packed: BinaryIO):
        self._packed = _Counted(packed)
        super().__init__(fileobj=self._packed)  # type: ignore[call-overload]

    def read(self, size: int | None = -1) -> bytes:
        """Read bytes; raise OSError if there are far more than in the packed file."""
        content = super().read(size)
        if self.tell() > max(_SMALL, _MOST_PACKED * self._packed.count):
            raise OSError(f"it unpacks to more than {_MOST_PACKED} times its size, so unpack it first")
        return content


class _Counted:
    """A file whose bytes are counted as they are read; the pipe of stdin has no place to ask for."""

    def __init__(self, file: BinaryIO):
        self._file, self.count = file, 0

    def read(self, size: int = -1) -> bytes:
        content = self._file.read(size)
        self.count += len(content)
        return content


def _opened(path: str, until: contextlib.ExitStack) -> io.TextIOBase:
    """Open a file as text, whatever its encoding: its byte order mark decides, else UTF-8, else Latin-1."""
    try:
        raw: Any = sys.stdin.buffer if path == "-" else until.enter_context(open(path, "rb", buffering=1 << 18))  # noqa: SIM115
        head = raw.peek(64)[:64]
        if head.startswith(b"\x1f\x8b"):
            raw = until.enter_context(io.BufferedReader(_Unpacked(raw), 1 << 18))
            head = raw.peek(64)[:64]
    except FileNotFoundError:
        raise InputError(f"{path} does not exist: give a CSV file, or - for stdin") from None
    except (OSError, ValueError, EOFError, AttributeError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path} cannot be read: {reason}; give a CSV file, or - for stdin") from None
    for magic, kind in _OTHERS.items():
        if head.startswith(magic):
            raise InputError(f"{path} is {kind}")
    encoding = next((name for mark, name in _BOMS if head.startswith(mark)), "utf-8")
    if encoding == "utf-8" and _is_latin(raw):
        encoding = "latin-1"
    text = io.TextIOWrapper(raw, encoding=encoding, errors="replace", newline=None)
    until.callback(text.detach)  # stdin stays open
    return text


def _is_latin(raw: BinaryIO) -> bool:
    """Whether the first block of a file contains bytes that are not UTF-8; its end may cut a character."""
    block = raw.peek(1)[:-4] if hasattr(raw, "peek") else b""
    try:
        block.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.end < len(block)
    return False
