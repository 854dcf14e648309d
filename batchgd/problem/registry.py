"""Names that a user types: one way to look them up, and the tables of names that others can add to."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from batchgd.problem.errors import InputError, bare, did_you_mean, told, warn

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")


def find_name(kind: str, name: Any, names: Iterable[str], listed: str = "") -> str:
    """Return the one of these names that was meant, whatever its case and with ``-`` for ``_``, or raise InputError.

    Parameters
    ----------
    kind : str
        What the names stand for, as in "method".
    name : object
        The name that was given.
    names : iterable of str
        The known names.
    listed : str
        How the message ends; default: "choose from ..." with all names.

    Examples
    --------
    >>> find_name("method", "L-BFGS", ["adam", "lbfgs"])
    'lbfgs'
    >>> find_name("method", "adamm", ["adam", "lbfgs"])
    Traceback (most recent call last):
    batchgd.problem.errors.InputError: unknown method 'adamm': did you mean 'adam'? choose from adam, lbfgs
    """
    known = list(names)
    if isinstance(name, str):
        if name in known:
            return name
        meant = bare(name)
        for each in known:
            if bare(each) == meant:
                return each
    listed = listed or f"choose from {', '.join(known)}"
    raise InputError(f"unknown {kind} {told(name)}: {did_you_mean(name, known)}{listed}")


class Registry(Mapping[str, T]):
    """A table by name to which any package can add, by a call or by an entry point in the group ``batchgd.<plural>``.

    Packages that declare such entry points are imported when all names are asked for, or one that is not yet known.

    >>> colours = Registry("colour", "colours")
    >>> colours.register("dark_red", "#800000", str)
    >>> colours.find("Dark-Red"), list(colours)
    ('#800000', ['dark_red'])
    """

    def __init__(self, kind: str, plural: str, listed: str = "") -> None:
        self._kind, self._plural, self._listed = kind, plural, listed
        self._entries: dict[str, T] = {}
        self._definitions: dict[str, tuple[str, str]] = {}
        self._pending = True
        self._lock = threading.RLock()

    def register(self, name: str, entry: T, definition: Any) -> None:
        """Add an entry, made from this class or function; the same definition, run again, replaces what it made."""
        if not isinstance(name, str) or not name.isidentifier():
            raise InputError(f"a {self._kind} is registered as {told(name)}: give a name of letters, digits and _")
        place = (definition.__module__, definition.__qualname__)
        for known in [*self._entries]:
            if bare(known) == bare(name) and (known, self._definitions[known]) != (name, place):
                raise InputError(
                    f"a {self._kind} named {known!r} exists already: give yours a name other than {name!r}"
                )
        self._entries[name], self._definitions[name] = entry, place

    @property
    def known(self) -> tuple[str, ...]:
        """The names so far, without those of packages that have not been imported yet."""
        return tuple(self._entries)

    def find(self, name: Any) -> T:
        """Return the entry of this name, whatever its case and with ``-`` for ``_``, or raise InputError."""
        return self._entries[self.name(name)]

    def name(self, name: Any) -> str:
        """Return a name as it was registered, or raise InputError."""
        try:
            return find_name(self._kind, name, self._entries, self._listed)
        except InputError:
            if not self._load():
                raise
        return find_name(self._kind, name, self._entries, self._listed)

    def __getitem__(self, name: str) -> T:
        if name not in self._entries:
            self._load()
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        self._load()
        return iter([*self._entries])

    def __len__(self) -> int:
        self._load()
        return len(self._entries)

    def _load(self) -> bool:
        """Import the packages that declare such entries, once in a process; return whether there were any."""
        from importlib.metadata import entry_points  # 20 ms

        with self._lock:
            found = entry_points(group=f"batchgd.{self._plural}") if self._pending else ()
            self._pending = False
            for point in found:
                self._import(point)
        return bool(found)

    def _import(self, point: EntryPoint) -> None:
        try:
            point.load()
        except Exception as error:  # of another package's code
            package = point.dist.name if point.dist is not None else point.value
            why = " ".join(f"{type(error).__name__}: {error}".split())
            warn(
                f"the {self._kind} {point.name!r} of {package} cannot be loaded ({why}): update {package}", UserWarning
            )
