"""Peers: processor time of the other over batchgd's, so that a busy or a slower machine changes little."""

import sys
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from peer.cases import CASES
from peer.device import use
from peer.table import PEERS, applicable

REPEATS = 5


class Ratio:
    """The quickest of some runs of each, interleaved; above 1, batchgd is faster."""

    params = (
        ["rastrigin", "styblinski_tang", "wells", "chain", "barrier", "network"],
        ["float64", "float32"],
        ["jax", "jax_adam", "numba"],
    )
    param_names = ("case", "dtype", "peer")
    timeout = 600

    def setup(self, case, dtype, peer):
        use("cpu")
        chosen = next(each for each in PEERS if each.name == peer)
        whole = CASES[case]
        if chosen.missing() or chosen not in applicable(whole, dtype):
            raise NotImplementedError(f"{chosen.title} is not installed, or has another method")
        short = replace(whole, maxiter=50) if whole.capped else whole
        starts = whole.points(whole.starts or 8192, dtype)
        self.runs = [each.prepare(short, dtype, starts) for each in (PEERS[0], chosen)]
        for run in self.runs:
            run()

    def track_ratio(self, case, dtype, peer):
        best = [float("inf")] * 2
        for _ in range(REPEATS):
            for k, run in enumerate(self.runs):
                began = time.process_time()
                run()
                best[k] = min(best[k], time.process_time() - began)
        return best[1] / best[0]

    track_ratio.unit = "ratio"
