"""PyTorch: all trajectories advance in step on one tensor (d, n); those that have ended are removed now and then."""

from __future__ import annotations

import numpy as np

from .cases import Case
from .device import backend
from .table import Endpoints, Run


def prepare(case: Case, dtype: str, starts: np.ndarray, variant: str) -> Run:
    """Return a run; PyTorch shares the work of each operation among its threads."""
    import torch

    gtol_squared = float(np.dtype(dtype).type(case.gtol[dtype] ** 2))

    def run() -> Endpoints:
        with torch.no_grad():
            x = torch.from_numpy(starts).to(backend()).T.contiguous()
            out, nit = torch.empty_like(x), torch.empty(x.shape[1], dtype=torch.int64, device=x.device)
            rows = torch.arange(x.shape[1], device=x.device)
            for k in range(case.maxiter + 1):
                g = case.gradient(torch, x)
                going = (g * g).sum(0) > gtol_squared
                if k == case.maxiter:
                    going[:] = False
                if not bool(going.all()):
                    out[:, rows[~going]], nit[rows[~going]] = x[:, ~going], k
                    rows, x, g = rows[going], x[:, going], g[:, going]
                    if rows.numel() == 0:
                        break
                x = torch.add(x, g, alpha=-case.learning_rate)
            return Endpoints(out.T.contiguous().cpu().numpy(), nit.cpu().numpy())

    return run
