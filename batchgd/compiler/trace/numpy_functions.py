"""What each NumPy function that is not a ufunc does with traced values, by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from batchgd.compiler.trace.array_functions import ARRAY_FUNCTIONS
from batchgd.compiler.trace.linalg import LINALG
from batchgd.compiler.trace.ordering import ORDERING
from batchgd.compiler.trace.reductions import SPECIAL

FUNCTIONS: dict[str, Callable[..., Any]] = {**SPECIAL, **ORDERING, **LINALG, **ARRAY_FUNCTIONS}
"""Those of NumPy's parts with their part: ``linalg.det``, ``fft.rfft``."""
