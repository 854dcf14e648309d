"""What the interpreter has run in this process, and how its runs compared: pytest prints it at the end."""

import hashlib
from collections import Counter
from typing import Any

COUNTS: Counter[str] = Counter()
KERNELS: set[str] = set()


def ran(texts: Any, instructions: int) -> None:
    """Count kernels, each once however often it runs, and the instructions that threads executed."""
    KERNELS.update(hashlib.sha256(text.encode()).hexdigest() for text in texts)
    COUNTS["instructions that threads executed"] += instructions


def sent() -> dict[str, Any]:
    """Return all this as what one process can pass to another."""
    return {"counts": dict(COUNTS), "kernels": sorted(KERNELS)}


def received(others: dict[str, Any]) -> None:
    """Add what another process has sent."""
    COUNTS.update(others["counts"])
    KERNELS.update(others["kernels"])


def lines() -> list[str]:
    """Return the counts as text, one per line."""
    return [f"{number:>15,}  {what}" for what, number in {"different kernels": len(KERNELS), **COUNTS}.items()]
