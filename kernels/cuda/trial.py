"""A kernel of one line, compiled and assembled without a device: whether CUDA's compilers work, and if not, why.

``python trial.py 9.0`` prints one line of JSON. `batchgd doctor` runs it in a process of its own, because a broken
installation may also warn, print, hang or crash; so it imports nothing of batchgd.
"""

import json
import sys
import warnings
from textwrap import shorten
from typing import Any


def one_line(x: Any) -> None:
    """Store a number."""
    x[0] = 1.0


def attempt(capability: tuple[int, int]) -> dict[str, str | None]:
    """Return which step failed ("compile", "assemble" or None) and the first words of its error."""
    step = "compile"
    try:
        from numba import cuda, types

        array = types.Array(types.float64, 1, "C")
        text, _ = cuda.compile(one_line, (array,), cc=capability, device=False, abi="numba")
        step = "assemble"
        from cuda.core import Linker, LinkerOptions, ObjectCode

        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)  # nvJitLink is missing: the driver would assemble
            code = ObjectCode.from_ptx(text if isinstance(text, bytes) else text.encode())
            Linker(code, options=LinkerOptions(arch="sm_{}{}".format(*capability))).link("cubin")
    except Exception as error:
        first = (str(error).strip().splitlines() or [""])[0]
        return {"failed": step, "error": shorten(f"{type(error).__name__}: {first}", 160, placeholder=" ...")}
    return {"failed": None, "error": None}


if __name__ == "__main__":
    major, minor = sys.argv[1].split(".")
    print(json.dumps(attempt((int(major), int(minor)))))
