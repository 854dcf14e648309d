"""The recording launch on a device: few trajectories, so one launch of one stream."""

import time
from functools import partial
from typing import Any

import numpy as np

from batchgd.kernels import assemble
from batchgd.kernels.cuda.occupancy import grid
from batchgd.kernels.cuda.stream import SIMULATED, Stream, simulated
from batchgd.kernels.plan import Plan

_NAP = 1e-3


def record(module: Any, plan: Plan) -> None:
    """Descend from every start of the plan and write the paths to its trails."""
    assert plan.trails is not None
    stream, n, kept = Stream(0), plan.n, plan.trails.part(0, plan.n)
    if not simulated():
        signatures = assemble.signatures(plan.dtype)
        for kernel in (module.record_kernel, module.values_kernel):
            stream.on_device(partial(kernel.compile, signatures[kernel.__name__]))
    plan.ready()
    names = ("lower", "width"), ("p", "box", "h", "limits")
    box, problem = ([stream.put(name, getattr(plan, name)) for name in some] for some in names)
    points, per_start = plan.inputs(0, n)
    inputs = stream.put("points", points), stream.put("per_start", per_start)
    queue, control = stream.put("queue", plan.number + np.array([0, n], np.int64)), stream.control(plan.control)
    x, fun = stream.empty((n, plan.dim), plan.dtype), stream.empty(n, plan.dtype)
    nit, nfev, status = stream.empty(n, np.int64), stream.empty(n, np.int64), stream.empty(n, np.int8)
    stream.zero(status)
    trail = [stream.put(f"trail {k}", array) for k, array in enumerate(kept)]
    starts = queue, np.uint64(plan.seed), *box, *inputs
    # A warp on each multiprocessor: few trajectories, and the simulator's shape suits them.
    blocks, threads = grid(n, SIMULATED, stream.multiprocessors)
    stream.launch(
        module.record_kernel, blocks, threads, *starts, *problem, control, x, nit, nfev, status, plan.number, *trail
    )
    stream.sweep(module.values_kernel, n, x, n, problem[0], fun)
    sources = (x, fun, nit, nfev, status, *trail)
    came = [stream.fetch(f"rows {k}", array, n) for k, array in enumerate(sources)]
    stream.mark()
    while not stream.ended():
        time.sleep(_NAP)
        plan.pause()
        if not simulated():
            control[0] = plan.control[0]
    rows = plan.rows(0, n)
    for target, source in zip((rows.x, rows.fun, rows.nit, rows.nfev, rows.status, *kept), came, strict=True):
        target[:] = source
    plan.done(rows)
