"""Memory: the peak of a process, with and without one row per start."""

import batchgd as bgd

from .common import need


class Memory:
    """Peak resident memory of a run; it grows with the starts only if their rows are kept."""

    params = ([100_000, 1_000_000, 4_000_000], ["all", "minima"])
    param_names = ("starts", "keep")
    timeout = 300

    def setup(self, starts, keep):
        need("cpu")

    def peakmem_multistart(self, starts, keep):
        bgd.multistart("himmelblau", starts=starts, keep=keep)
