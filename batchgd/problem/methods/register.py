"""The table of methods, and how a method gets into it: one of this library or of another."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import is_dataclass
from typing import Any, TypeVar

from batchgd.problem.errors import InputError, told
from batchgd.problem.methods.base import Method
from batchgd.problem.methods.foreign import rule_module
from batchgd.problem.registry import Registry

METHODS: Registry[type[Method]] = Registry("method", "methods")
"""Every method by the name that the shell and the tests use."""

M = TypeVar("M", bound=type[Method])


def register_method(name: str, rule: Any = None) -> Callable[[M], M]:
    """Enter the decorated class as a method: it then works by its name, on every backend, and in every listing.

    A package may name its module in an entry point of the group ``batchgd.methods``; it is then imported when one of
    its methods is asked for.

    Parameters
    ----------
    name : str
        The method's name; the shell, tables and ``method="..."`` take it.
    rule : module, or any object with the rule's functions as attributes; optional
        The update rule: ``update`` and the other functions and names that ``batchgd.kernels.methods`` describes. If
        omitted, it is the library's rule of the class attribute ``RULE``, or else the one of this name.

    Raises
    ------
    InputError
        If the name is taken, the class is not a dataclass derived from ``Method``, or the rule cannot be compiled.

    Examples
    --------
    The function is read from its source, so it has to be in a file; here a rule of the library serves.

    >>> from dataclasses import dataclass
    >>> import batchgd as bgd
    >>> from batchgd.kernels.methods import heavy_ball
    >>> @bgd.register_method("light_ball", heavy_ball)
    ... @dataclass(frozen=True, eq=False)
    ... class LightBall(bgd.methods.FirstOrder):
    ...     learning_rate: float = 0.005
    ...     momentum: float = 0.5
    ...     LIMITS = {"learning_rate": bgd.methods.POSITIVE, "momentum": bgd.methods.DECAY}
    >>> bgd.descend("himmelblau", [[1.0, 1.0]], method="light-ball").x.round(5).tolist()
    [[3.0, 2.0]]
    """

    def enter(cls: M) -> M:
        if not (isinstance(cls, type) and issubclass(cls, Method) and is_dataclass(cls)):
            raise InputError(f"{told(cls)} is not a method: write a dataclass derived from bgd.methods.FirstOrder")
        for known in METHODS.known:
            if METHODS[known].__name__ == cls.__name__ and known != name:
                raise InputError(f"a method of class {cls.__name__} exists already, {known!r}: rename yours")
        module = None
        if rule is not None:
            from batchgd.kernels.methods import RULES

            ours = name in RULES and RULES[name].__name__.startswith("batchgd.")
            if ours and name not in METHODS.known:
                raise InputError(f"a rule {name!r} exists in the library already: give your method another name")
            module = rule_module(name, rule)
        METHODS.register(name, cls, cls)
        if module is not None:
            RULES[name] = module
        if module is not None or "RULE" not in vars(cls):
            cls.RULE = name
        cls.__doc__ = with_inherited_parameters(cls)
        return cls

    return enter


def with_inherited_parameters(cls: type[Method]) -> str:
    """Return the docstring of a method, with the parameters that it does not describe taken from its base classes.

    >>> from batchgd.problem.methods import AMSGrad
    >>> "beta1, beta2 : float" in AMSGrad.__doc__, "clip_norm : float" in AMSGrad.__doc__
    (True, True)
    """
    above, entries, below = _parameters(cls.__doc__)
    described = {name for entry in entries for name in _names_of(entry)}
    for base in cls.__mro__[1:]:
        for entry in _parameters(vars(base).get("__doc__"))[1]:
            missing = set(_names_of(entry)) - described
            if missing & set(cls.takes()):
                entries.append(entry)
                described |= missing
    if not entries:
        return cls.__doc__ or ""
    raises = "" if re.search("^Raises$", below, re.MULTILINE) else _RAISES
    return f"{above}{_HEADING}{''.join(entries)}\n{raises}{below}"


_HEADING = "Parameters\n----------\n"
_RAISES = "Raises\n------\nInputError\n    When a value is outside its range.\n\n"


def _parameters(text: str | None) -> tuple[str, list[str], str]:
    """Return what is above the parameters of a docstring, the entry of each, and the sections below."""
    text = inspect.cleandoc(text or "")
    above, heading, rest = text.partition(_HEADING)
    if not heading:
        found = re.search(r"^\w+\n-{3,}\n", text, re.MULTILINE)
        begin = found.start() if found else len(text)
        return (text[:begin] if found else f"{text}\n\n"), [], text[begin:]
    block, _, below = rest.partition("\n\n")
    return above, [f"{entry}\n" for entry in re.split(r"\n(?=\S)", block.rstrip("\n"))], below


def _names_of(entry: str) -> list[str]:
    """Return the parameters that an entry such as "beta1, beta2 : float" describes."""
    return re.split(r",\s*", entry.split("\n", 1)[0].split(" : ")[0].strip())
