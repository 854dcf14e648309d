"""The recording launch on a device: few trajectories, so one launch of one stream."""

import time
from functools import partial
from typing import Any

from batchgd.kernels import assemble
from batchgd.kernels.cuda.occupancy import grid
from batchgd.kernels.cuda.stream import SIMULATED, Stream, simulated
from batchgd.kernels.plan import Plan

_NAP = 1e-3


def record(module: Any, plan: Plan) -> None:
    """Descend from every start of the plan and write the paths to its trails."""
    assert plan.trails is not None
    stream, n = Stream(0), plan.n
    if not simulated():
        signatures = assemble.signatures(plan.dtype)
        for kernel in (module.record_kernel, module.values_kernel):
            stream.on_device(partial(kernel.compile, signatures[kernel.__name__]))
    plan.ready()
    starts, problem, trails = (
        stream.put_all(plan.starts(0, n)),
        stream.put_all(plan.problem),
        stream.put_all(plan.trails),
    )
    control, ends = stream.control(plan.control), stream.empty_ends(n, plan)
    stream.zero(ends.status)
    # A warp on each multiprocessor: few trajectories, and the simulator's shape suits them.
    blocks, threads = grid(n, SIMULATED, stream.multiprocessors)
    stream.launch(module.record_kernel, blocks, threads, starts, problem, control, ends, trails)
    stream.sweep(module.values_kernel, n, ends.x, n, problem.p, ends.fun)
    came = [stream.fetch(f"rows {k}", array, n) for k, array in enumerate((*ends, *trails))]
    stream.mark()
    while not stream.ended():
        time.sleep(_NAP)
        plan.pause()
        if not simulated():
            control[0] = plan.control[0]
    rows = plan.rows(0, n)
    for target, source in zip((*rows.ends, *plan.trails), came, strict=True):
        target[:] = source
    plan.done(rows)
