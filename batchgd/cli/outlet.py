"""The way out of the shell: streams that never raise, whatever they are connected to and whatever they can show."""

import codecs
import contextlib
import io
import os
import unicodedata
from typing import TextIO

_GREEK = (
    *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu"),
    *("xi", "omicron", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega"),
)
_SIGNS = {
    **dict(zip("αβγδεζηθικλμνξοπρστυφχψω", _GREEK, strict=True)),
    **dict(zip("ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩ", map(str.title, _GREEK), strict=True)),
    **dict.fromkeys("·–—−─━═‐‑", "-"),
    **dict.fromkeys("│┃║", "|"),
    **dict.fromkeys("┌┐└┘├┤┬┴┼", "+"),
    **dict.fromkeys("•★▲△▼▽◁▷◆◇■□", "*"),
    **dict.fromkeys("●○", "o"),
    **dict.fromkeys("‘’", "'"),
    **dict.fromkeys("“”«»", '"'),
    **dict(zip("▁▂▃▄▅▆▇█", ".:-=+*%#", strict=True)),
    **{"…": "...", "²": "^2", "³": "^3", "⁻": "-", "⁺": "+", "\u0302": "_hat", "∇": "grad ", "√": "sqrt ", "∂": "d"},
    **{"±": "+-", "×": "x", "÷": "/", "∞": "inf", "≤": "<=", "≥": ">=", "≠": "!=", "≈": "~", "→": "->", "←": "<-"},
    **{"∈": "in", "µ": "u", "°": "deg", "ß": "ss", "ø": "o", "Ø": "O", "æ": "ae", "Æ": "AE", "ł": "l", "Ł": "L"},
}
_ERRORS = "batchgd.ascii"


def fit(text: str, encoding: str | None) -> str:
    """Replace characters that the encoding lacks by the nearest ASCII; None is an encoding that lacks nothing.

    >>> fit("x - η ∇f(x) · é…", "ascii")
    'x - eta grad f(x) - e...'
    >>> fit("µ · \\N{HIRAGANA LETTER A}", "latin-1")
    'µ · \\\\u3042'
    """
    if text.isascii():
        return text
    encoding = encoding or "utf-8"
    return text.encode(encoding, _ERRORS).decode(encoding)


def _ascii(character: str) -> str:
    """Return the sign of the table, otherwise the letter without accents, otherwise the number of the character."""
    if character.isascii():
        return character
    if character in _SIGNS:
        return _SIGNS[character]
    parts = unicodedata.normalize("NFKD", character)
    if parts == character:
        return "" if unicodedata.combining(character) else character.encode("ascii", "backslashreplace").decode()
    return "".join(_ascii(part) for part in parts if not unicodedata.combining(part))


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_ascii, error.object[error.start : error.end])), error.end


codecs.register_error(_ERRORS, _replaced)


class Outlet(io.TextIOBase):
    """A stream over another that takes any text and never raises.

    Characters that the stream below cannot show are replaced (see :func:`fit`). Once it cannot be written to, because
    its reader left or its disk is full, the rest is dropped and ``error`` is the reason. If it is closed, everything
    is dropped without an error.

    >>> import sys
    >>> print("12 %", file=Outlet(sys.stdout))
    12 %
    """

    encoding = "utf-8"  # what may be written here, not what the stream below can show

    def __init__(self, stream: TextIO | None) -> None:
        self.error: OSError | None = None
        self._stream = None if getattr(stream, "closed", False) else stream

    def _takes_text(self) -> bool:
        return self._stream is not None and self.error is None and not getattr(self._stream, "closed", False)

    def write(self, text: str, /) -> int:
        """Write the text, as far as the stream can show it."""
        if self._stream is not None and self._takes_text():
            try:
                self._stream.write(fit(text, getattr(self._stream, "encoding", None)))
            except OSError as error:
                self._give_up(error)
        return len(text)

    def flush(self) -> None:
        """Flush the stream below; Python also calls this when it discards the outlet."""
        if self._stream is not None and self._takes_text():
            try:
                self._stream.flush()
            except OSError as error:
                self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        self.error = error
        # The stream below still has text in its buffer, and would fail again when Python flushes it at the end.
        with contextlib.suppress(OSError), open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), self.fileno())

    def writable(self) -> bool:
        """Whether it takes text: always."""
        return True

    def isatty(self) -> bool:
        """Whether a person reads it."""
        return self._stream is not None and self._stream.isatty()

    def fileno(self) -> int:
        """Return the number of the file below; OSError if there is none."""
        return super().fileno() if self._stream is None else self._stream.fileno()

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)  # `buffer`, `reconfigure`: a user's file may ask for them


def occupy_descriptors() -> None:
    """Open closed descriptors among 0 to 2 on the null device, so that no file opened later takes their place."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
