"""What happens to a run, for the log: one JSON object per event, at the standard library's logger ``batchgd.runs``.

``logging.basicConfig(level=logging.INFO)`` prints them; ``record.event`` is the object itself, for handlers of
structured logs.
"""

from __future__ import annotations

import json
import logging
from typing import Any

LOGGER = logging.getLogger("batchgd.runs")


def log(event: str, *, level: int = logging.INFO, **fields: Any) -> None:
    """Log an event, if anybody listens."""
    if LOGGER.isEnabledFor(level):
        record = {"event": event, **fields}
        LOGGER.log(level, json.dumps(record, default=str), extra={"event": record})
