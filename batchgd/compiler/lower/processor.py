"""The processor that code is made for: how long its vectors are, how many registers it has, whether it fuses.

Code for another processor than this one can be written and compiled, but not run; tests do so.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from batchgd.kernels.vecmath.ir import FLOAT32, FLOAT64, WIDEST, Format

_VECTORS = {"avx512f": (64, 32), "avx": (32, 16)}
"""Bytes of a vector, and the number of registers, by the feature that brings them; without one of them 16 bytes."""

OPERATIONS_PER_CLOCK = 1.4
"""Vector operations, of those in a tick, that a core finishes in a clock: it has two units for products."""


@dataclass(frozen=True)
class Processor:
    """A processor as LLVM names it: the target, the model, and the features as ``+avx2,-avx512f,...``."""

    triple: str
    name: str
    features: str

    def has(self, feature: str) -> bool:
        """Whether it has a feature."""
        return f"+{feature}" in self.features.split(",")

    @property
    def vector_bytes(self) -> int:
        """The size of its vectors."""
        return next((size for feature, (size, _) in _VECTORS.items() if self.has(feature)), 16)

    @property
    def registers(self) -> int:
        """How many vectors it keeps at hand."""
        usual = 16 if self.triple.startswith(("x86_64", "i")) else 32
        return next((count for feature, (_, count) in _VECTORS.items() if self.has(feature)), usual)

    @property
    def fuses(self) -> bool:
        """Whether a product and a sum are one operation: always on ARM, on x86 since 2013."""
        return self.has("fma") or self.triple.startswith(("aarch64", "arm64"))

    def lanes(self, dtype: str) -> int:
        """How many numbers a vector has."""
        return self.vector_bytes // np.dtype(dtype).itemsize

    def form(self, dtype: str, width: int = 1) -> Format:
        """Return the format of vectors of so many numbers."""
        form = (FLOAT64 if dtype == "float64" else FLOAT32).over(width)
        return replace(form, scales=True) if self.has("avx512f") and width * form.bits % WIDEST == 0 else form

    def written(self, module: Any) -> str:
        """Return the text of a module, whose functions use all of a vector."""
        bits = 8 * self.vector_bytes
        attributes = f'attributes #0 = {{ "prefer-vector-width"="{bits}" "min-legal-vector-width"="{bits}" }}'
        return str(module).replace("\n{\n", " #0\n{\n") + attributes + "\n"

    def machine(self) -> Any:
        """Return LLVM's target machine for it; an engine takes it over."""
        import llvmlite.binding as llvm

        target = llvm.Target.from_triple(self.triple)
        reloc = "static" if self.triple.startswith("x86_64") else "default"  # as Numba has it
        return target.create_target_machine(
            cpu=self.name, features=self.features, opt=2, reloc=reloc, codemodel="jitdefault", jit=True
        )


@cache
def this_processor() -> Processor:
    """Return the processor that this process runs on; Numba's variables for its own code hold here too."""
    import llvmlite.binding as llvm

    name, features = os.environ.get("NUMBA_CPU_NAME"), os.environ.get("NUMBA_CPU_FEATURES")
    if features is None and name == "generic":
        features = ""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return Processor(
        llvm.get_process_triple(),
        name or llvm.get_host_cpu_name(),
        llvm.get_host_cpu_features().flatten() if features is None else features,
    )
