"""Run by test_cuda_simulator in a process where Numba's CUDA simulator is on: prints what it saw as JSON."""

import json
import sys
from types import SimpleNamespace

import numpy as np

import batchgd as bgd

CASES = {
    "barzilai_borwein": ("himmelblau", 200, {}),
    "rates per start": ("himmelblau", 40, {"method": bgd.GradientDescent(np.linspace(0.005, 0.015, 40))}),
    "armijo in float32": ("himmelblau", 40, {"method": bgd.GradientDescent(line_search="armijo"), "dtype": "float32"}),
    "adam with a schedule": ("himmelblau", 12, {"method": bgd.Adam(bgd.Cosine(0.2, 50), clip_norm=50.0)}),
    "value test": ("six_hump_camel", 60, {"ftol": 1e-12, "gtol": 0.0}),
    "normal starts": ("branin", 40, {"sampling": bgd.Normal(2.0, 2.0)}),
    "three dimensions": ("hartmann3", 40, {}),
}


def compare(name, starts, options):
    cuda, cpu = (bgd.multistart(name, starts=starts, backend=backend, **options) for backend in ("cuda", "cpu"))
    return {
        "labels": bool(np.array_equal(cuda.label, cpu.label)),
        "minima": float(np.abs(cuda.minima.x - cpu.minima.x).max()),
        "statuses": bool(np.array_equal(cuda.status, cpu.status)),
        "updates": float(np.mean(cuda.nit == cpu.nit)),
        "backend": cuda.backend,
    }


class OnDevice(np.ndarray):
    """Stands in for CuPy's array: known by its ``get``."""

    def get(self):
        return np.array(self)


def left_on_the_device():
    """Run with ``device=True`` where arrays of the device are made by a stand-in for CuPy."""
    sys.modules["cupy"] = SimpleNamespace(asarray=lambda array: np.array(array).view(OnDevice))
    result = bgd.multistart("himmelblau", starts=40, backend="cuda", device=True)
    arrays = [getattr(result, name) for name in ("x", "fun", "nit", "nfev", "status", "success", "label")]
    best = result[result.label == 0]
    return {
        "on the device": all(isinstance(array, OnDevice) for array in [*arrays, best.x]),
        "counts": [len(best), int(result.minima.count[0])],
        "on the host": type(result[3].x) is type(result.jac) is np.ndarray,
        "text": str(result),
    }


if __name__ == "__main__":
    automatic = bgd.multistart("himmelblau", starts=100).backend
    seen = {"automatic": automatic, **{case: compare(*setup) for case, setup in CASES.items()}}
    print(json.dumps({**seen, "device": left_on_the_device()}))
