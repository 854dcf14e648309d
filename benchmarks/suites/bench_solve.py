"""Solve: warm runs of the standard landscapes, with time and achievements."""

from .common import BACKENDS, LANDSCAPES, constant_rate, need, solve

STARTS = {"cpu": 16_384, "numpy": 512, "cuda": 1_048_576}


class Solve:
    """A whole call, from the starts to the minima."""

    params = (list(LANDSCAPES), ["constant rate", "default"], ["float64", "float32"], list(BACKENDS))
    param_names = ("landscape", "method", "dtype", "backend")
    timeout = 300

    def setup(self, landscape, method, dtype, backend):
        need(backend)
        self.options = {
            "method": constant_rate(landscape) if method == "constant rate" else None,
            "gtol": 1e-6 if dtype == "float64" else 1e-3,
            "dtype": dtype,
            "backend": backend,
        }
        self.result = solve(landscape, STARTS[backend], **self.options)

    def time_multistart(self, landscape, method, dtype, backend):
        solve(landscape, STARTS[backend], **self.options)

    def track_success(self, landscape, method, dtype, backend):
        return float(self.result.success.mean())

    def track_mean_evaluations(self, landscape, method, dtype, backend):
        return float(self.result.nfev.mean())

    def track_minima(self, landscape, method, dtype, backend):
        return len(self.result.minima)
