"""The shell: ``batchgd run | list | doctor``. One file per command, one row per command in ``commands.py``."""

from batchgd.cli.app import main

__all__ = ["main"]
