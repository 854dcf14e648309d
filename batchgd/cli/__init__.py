"""The shell: ``batchgd run | list | doctor | cache | bench``. One file and one row of ``commands.py`` per command."""

from batchgd.cli.app import main

__all__ = ["main"]
