"""The shell: ``batchgd run | list | doctor | ...``. One file and one row of ``commands.py`` per command."""

from batchgd.cli.app import main

__all__ = ["main"]
