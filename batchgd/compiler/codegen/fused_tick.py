"""What a tick is told about the box."""

from __future__ import annotations

from batchgd.kernels.stopping_tests import LIMITS

BOX = ("inverse_width", "outer_lower", "outer_upper")
"""What the tick knows about the box, per coordinate or once for a cubic one."""


def cubic_box() -> list[str]:
    """The lines that read what the tick knows about a cubic box, behind the limits."""
    return [f"{name} = limits[{len(LIMITS) + k}]" for k, name in enumerate(BOX)]
