"""`batchgd cache`: where compiled code is kept, how much there is, and how to delete it."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from batchgd.cli.console import print_json
from batchgd.problem.errors import InputError
from batchgd.problem.wording import plural


def cache(
    info: Annotated[bool, typer.Option("--info", help="Show the folder and its contents (default).")] = False,
    clear: Annotated[bool, typer.Option("--clear", help="Delete the compiled code.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
) -> None:
    """Show or clear the compiled code that is kept from run to run.

    It is in $BATCHGD_CACHE_DIR, otherwise in $XDG_CACHE_HOME/batchgd, otherwise in the platform's cache folder. Above
    1 GiB the least recently used code is deleted. Files that batchgd did not write are never deleted.

    Code from this folder is run, so whoever can write to it can run code as you. On Linux and macOS the folder must
    belong to you and be writable by nobody else; otherwise each process warns once and uses a temporary folder of its
    own. On Windows this is not checked: choose a folder that only you can write to. Temporary folders that killed
    processes left behind are deleted by --clear, and by the next process that needs one.
    """
    if info and clear:
        raise InputError("--info and --clear were both given: give only one of them")
    from batchgd.compiler.cache.folder import chosen_folder

    folder = chosen_folder()
    facts = _clear(folder) if clear else _info(folder)
    if json:
        print_json(facts)
    elif clear:
        print(f"freed {_size(facts['freed_bytes'])} in {_entries(facts['removed'])} from {folder}")
    else:
        _show(facts)


def _clear(folder: Path) -> dict[str, Any]:
    from batchgd.compiler.cache.folder import entries, remove, remove_stale

    remove_stale()
    cached = entries(folder)
    freed = sum(remove(entry) for entry in cached)
    removed = sum(not entry.path.exists() for entry in cached)
    return {"folder": str(folder), "removed": removed, "freed_bytes": freed}


def _info(folder: Path) -> dict[str, Any]:
    from batchgd.compiler.cache.folder import LIMIT_BYTES, entries, problem_with

    cached = entries(folder)
    used = [datetime.fromtimestamp(entry.used).astimezone().isoformat(timespec="seconds") for entry in cached]
    return {
        "folder": str(folder),
        "entries": len(cached),
        "bytes": sum(entry.size for entry in cached),
        "limit_bytes": LIMIT_BYTES,
        "oldest": used[0] if cached else None,
        "newest": used[-1] if cached else None,
        "problem": problem_with(folder),
    }


def _show(facts: dict[str, Any]) -> None:
    print(f"folder     {facts['folder']}")
    if facts["problem"]:
        print(f"not used   it {facts['problem']}")
    print(f"contents   {_entries(facts['entries'])}, {_size(facts['bytes'])} of at most {_size(facts['limit_bytes'])}")
    if facts["entries"]:
        print(f"last used  {facts['oldest']} (the oldest) to {facts['newest']} (the newest)")


def _entries(n: int) -> str:
    return plural(n, "entry", "entries")


def _size(n: float) -> str:
    """Write a number of bytes for people.

    >>> _size(512), _size(2**20), _size(1.5 * 2**30)
    ('512 B', '1.0 MiB', '1.5 GiB')
    """
    if n < 1024:
        return f"{n} B"
    for unit in ("KiB", "MiB", "GiB"):
        n /= 1024
        if n < 1024 or unit == "GiB":
            break
    return f"{n:.1f} {unit}"
