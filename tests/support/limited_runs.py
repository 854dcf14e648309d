"""A run in parts in a process that lacks memory, descriptors or room on the disk, and how it goes on afterwards."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

from same_results import differing

import batchgd as bgd
from batchgd.api.testing import forced

SETTINGS = {"dim": 2, "starts": 3000, "backend": "numpy", "maxiter": 40}
PART = 500

_CHILD = """
import contextlib, io, os, resource, sys
import batchgd as bgd
from batchgd.cli import main

name, value, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
words = "run rastrigin --dim 2 --starts 3000 --backend numpy --maxiter 40 --limit 3 --run".split()
with bgd.testing.forced(part=500), contextlib.redirect_stdout(io.StringIO()):  # what imports open is not limited
    assert main([*words, folder + "-warm"]) == 0
if name == "AS":
    value = value * 2**20 + int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
if name == "NOFILE":
    value += len(os.listdir("/proc/self/fd")) - 1
limit = getattr(resource, "RLIMIT_" + name)
resource.setrlimit(limit, (value, resource.getrlimit(limit)[1]))
with bgd.testing.forced(part=500):
    sys.exit(main([*words, folder]))
"""

LIMITS = {"AS": (0, 160), "NOFILE": (0, 12), "FSIZE": (0, 40_000)}
"""The least and the largest limit of each kind: MiB of further memory, further files that are open, bytes of a file."""


def whole():
    """The undisturbed result."""
    return bgd.multistart("rastrigin", **SETTINGS)


def limited(name, value, folder):
    """Run under a limit; returns how it ended, in words. What it prints must be the result, or one line."""
    words = [sys.executable, "-c", _CHILD, name, str(value), str(folder)]
    child = subprocess.run(words, capture_output=True, text=True, timeout=300)
    if child.returncode == 0:
        assert "minima" in child.stdout
        return "done"
    if child.returncode in (1, 2):
        message = child.stderr.splitlines()[-1]
        if message.startswith("batchgd: "):
            assert name == "AS" or "Error: " not in message, child.stderr
            assert "Traceback" not in child.stderr
            assert child.stdout == ""
            return "one line"
    assert name == "AS", (name, value, child.returncode, child.stderr)
    return "ended by a library"  # OpenBLAS and Python's allocator exit if they get no memory


def goes_on(folder, undisturbed):
    """Whether the run, without a limit, is then what it is without trouble."""
    with forced(part=PART):
        return differing(bgd.multistart("rastrigin", **SETTINGS, run=folder), undisturbed) == []


def every(scratch: Path, rng, count):
    """Try random limits of each kind; returns {kind: how often it ended how}, and how often results differed."""
    undisturbed, ends, lost = whole(), {}, 0
    for name, (least, most) in LIMITS.items():
        ends[name] = Counter()
        for k in range(count):
            folder = scratch / f"{name}-{k}"
            ends[name][limited(name, int(rng.integers(least, most + 1)), folder)] += 1
            lost += not goes_on(folder, undisturbed)
    return ends, lost
