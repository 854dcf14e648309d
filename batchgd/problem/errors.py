"""The exceptions and warnings of batchgd, each one line with the cause and the remedy, and their wording."""

import difflib
import os
import sys
import warnings
from collections.abc import Iterable

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


class InputError(ValueError):
    """What was passed in cannot be used; raised before any work starts."""


class ArgumentError(InputError, TypeError):
    """A call does not fit the signature: an unknown keyword, too many arguments, or one missing."""


class WriteError(InputError):
    """What was computed cannot be written: the disk is full, or the folder went away meanwhile."""


class TraceError(InputError):
    """A Python function could not be turned into an expression graph, or the graph disagrees with it."""


class BackendError(InputError):
    """The requested backend does not work on this machine."""


class TraceSizeWarning(UserWarning):
    """A traced function is so large that a kernel made from it compiles slowly and keeps its state in memory."""


class RunWarning(UserWarning):
    """Something in the folder of a run is not as it was left: it is computed again, or differs in its last digits."""


def warn(message: str, category: type[Warning]) -> None:
    """Warn at the line outside batchgd that called in, however deep the call is."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def quoted(value: object) -> str:
    """Return the repr of what was passed in, on one line of bounded length.

    >>> quoted("many"), quoted([[1.0],\t[2.0]]), quoted(list(range(100)))
    ("'many'", '[[1.0], [2.0]]', '[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16...')
    """
    try:
        text = " ".join(repr(value).split())
    except Exception:  # a number of more than 4,300 digits, or whatever the caller's class raises
        text = f"<{type(value).__name__}>"
    return text if len(text) <= 60 else f"{text[:57]}..."


def printable(text: str) -> str:
    r"""Return the text with every character that cannot be printed written as its escape.

    Control characters, which can move the cursor, clear the screen or set the title, characters that reverse the
    direction of writing, and halves of surrogate pairs become ``\x1b``, ``\u202e`` and the like.

    >>> print(printable("so\x1b[2Jit is, señor\n"))
    so\x1b[2Jit is, señor\n
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


_SYNONYMS = {
    "cuda": "gpu nvidia",
    "gradient_descent": "gd sgd",
    "heavy_ball": "momentum",
    "nesterov": "nag",
    "nonlinear_cg": "cg",
    "barzilai_borwein": "bb",
    "levenberg_marquardt": "lm leastsq least_squares trf dogbox marquardt",
    "multistart": "minimize",
    "learning_rate": "lr eta step_size",
    "starts": "n num_starts n_starts samples points",
    "maxiter": "iterations iters steps epochs",
    "gtol": "tol tolerance",
    "box": "bounds",
    "dim": "dimension dimensions ndim",
    "threads": "workers jobs cores",
    "backend": "gpu device",
    "out": "output",
    "path": "trace_path",
    "map": "basin_map",
    "diff": "match",
    "target": "target_value",
    "until": "until_coverage stop",
    "window": "view",
    "identity_x": "x_tol",
    "identity_f": "f_tol",
    "fun": "target",
}
"""What a name is called elsewhere. By spelling alone, gpu would match cpu, and sgd would match signsgd."""


def did_you_mean(name: object, names: Iterable[str], written: str = "{!r}") -> str:
    """Return "did you mean 'x'? " for a name of the same meaning, or else the nearest in spelling; "" if there is none.

    >>> did_you_mean("rastrign", ["ackley", "rastrigin"]), did_you_mean("gpu", ["cpu", "cuda"])
    ("did you mean 'rastrigin'? ", "did you mean 'cuda'? ")
    >>> did_you_mean("basin_map", ["map"], written="bgd.{}")
    'did you mean bgd.map? '
    """
    if not isinstance(name, str):
        return ""
    word, by_word = bare(name[:100]), {bare(known): known for known in names}
    near = [bare(known) for known, others in _SYNONYMS.items() if word in map(bare, others.split())]
    near = [*filter(by_word.get, near)] or difflib.get_close_matches(word, by_word, n=1)
    return f"did you mean {written.format(by_word[near[0]])}? " if near else ""


def bare(name: str) -> str:
    """Return a name without case, hyphens, underscores and spaces: names that differ only in these are the same.

    >>> bare("Nonlinear-CG") == bare("nonlinear_cg")
    True
    """
    return name.strip().lower().translate(_JOINING)


_JOINING = str.maketrans("", "", "-_ ")
