"""Optional packages: batchgd works without them until a feature that needs one is used."""

from importlib import import_module
from typing import Any


def require(module: str, extra: str) -> Any:
    """Import an optional package, or raise ImportError with the command that installs it.

    >>> require("no_such_package", "frames")
    Traceback (most recent call last):
    ...
    ImportError: no_such_package is not installed; type: pip install "batchgd[frames]"
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        name = module.split(".")[0]
        raise ImportError(f'{name} is not installed; type: pip install "batchgd[{extra}]"') from error
