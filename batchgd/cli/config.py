"""The TOML file of --config: the same names as the options, checked the same way; the command line takes precedence."""

from collections.abc import Mapping
from typing import Any

from batchgd.cli.console import nearest, one_line
from batchgd.cli.options import Option
from batchgd.problem.errors import InputError

_MOST_BYTES = 1 << 20
"""Largest size of a file: TOML of this size is parsed in a second."""


def read_config(path: str, table: Mapping[str, Option]) -> dict[str, Any]:
    """Read the file of a command with this table of options; return {name: value}."""
    import tomllib

    try:
        with open(path, "rb") as file:
            content = file.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise InputError(f"--config: {path} has more than {_MOST_BYTES:,} bytes: give a TOML file of options")
        entries = tomllib.loads(content.decode("utf-8"))
    except FileNotFoundError:
        raise InputError(f"--config: {path} does not exist; give a TOML file") from None
    except OSError as error:
        raise InputError(f"--config: {path} cannot be read: {error.strerror}") from None
    except RecursionError:
        raise InputError(f"--config: {path} is nested too deeply: give each option one value or a list") from None
    except ValueError as error:
        raise InputError(f"--config: {path} is not TOML: {one_line(str(error))}") from None
    config: dict[str, Any] = {}
    for key, value in entries.items():
        name = key.replace("-", "_")
        if name not in table:
            raise InputError(f"{path}: there is no option {key!r}; {nearest(name, list(table))}")
        config[name] = table[name].read(value, where=f"{path}: ")
    return config
