"""The CPU code of a specialisation: several modules, each of which serves every specialisation with the same text.

=========  =================================  ==========================================================
module     functions                          what its text depends on
=========  =================================  ==========================================================
loop       ``descend``, ``record``            the number of lanes and whether points can be rejected
tick       ``tick``, block form only          the method
values     ``values``                         nothing but the type
=========  =================================  ==========================================================

The loop calls the tick by its address and reads where the tick keeps everything of a lane; the block form's tick and
``values`` call the evaluation in the same way (``kernels/cpu_intrinsics.py``). Numba compiles neither the fused tick
nor the evaluations (``compiler/lower``), except for that of a batch of a finite sum's rows, which is the module
``evaluate``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchgd.compiler.codegen.emit_evaluation import Outputs, outputs_of, value_alone
from batchgd.compiler.codegen.layout import slots_read
from batchgd.compiler.codegen.typed_constants import Constants, copied
from batchgd.kernels import descend, record_paths

if TYPE_CHECKING:
    from batchgd.compiler.codegen.specialisation import Specialisation
    from batchgd.compiler.lower.evaluation import Evaluation

ENTRIES = {
    "loop": ("descend", "record"),
    "tick": ("tick",),
    "evaluate": ("evaluate",),
    "values": ("values",),
}
"""The functions of each module that are called from outside; their machine code is kept on disk."""

BY_ADDRESS = ("tick", "evaluate")
"""The modules of an objective or a method: they are called by address (``cache/by_address.py``)."""


def texts(specialisation: Specialisation) -> dict[str, str]:
    """Return the text of every module."""
    made = {"loop": _loop(specialisation), "values": _values(specialisation)}
    if specialisation.blocked:
        made["tick"] = _tick(specialisation)
    if specialisation.batches:
        made["evaluate"] = _evaluate(specialisation)
    return made


def evaluations(of: Specialisation) -> dict[str, Evaluation]:
    """Return the functions that the tick in block form, and ``values``, call by their addresses."""
    from batchgd.compiler.lower.evaluation import evaluation
    from batchgd.compiler.lower.processor import this_processor

    asked: dict[str, Outputs] = {}
    if of.blocked and not of.batches:
        asked["evaluate"] = outputs_of(of.objective.dim, value=of.has_value, hessian=of.read.hessian)
    if of.value_slot is None:
        asked["evaluate_value"] = value_alone(of.objective.dim)
    made = {}
    for name, (what, slots) in asked.items():
        if of.objective.code is not None:
            made[name] = _call_of(of, name, slots)
            continue
        objective = of.function if of.sum is None else of.sum
        outputs = dict(zip(slots.values(), objective.outputs(what), strict=True))
        made[name] = evaluation(name, outputs, lanes=of.lanes, dtype=of.dtype, processor=this_processor())
    return made


def _call_of(of: Specialisation, name: str, slots: dict[str, int]) -> Evaluation:
    """Return an evaluation that calls the user's own compiled function."""
    from batchgd.compiler.lower.calling import calling
    from batchgd.compiler.lower.processor import this_processor

    code, hessian = of.objective.code, "h0" in slots
    assert code is not None
    return calling(
        name,
        [(code.place(output), slot) for output, slot in slots.items()],
        code.tables(hessian=hessian),
        dim=of.objective.dim,
        width=code.width(hessian=hessian),
        n_params=of.n_params,
        lanes=of.lanes,
        dtype=of.dtype,
        processor=this_processor(),
    )


def _loop(of: Specialisation) -> str:
    body = [
        *copied((descend.claim_next, descend.always, descend.look_here), of.how.loop),
        "claim, look_due, look, next_ended = claim_next, always, look_here, next_ended_of(W)",
        *map(slots_read, copied([descend.draw], of.how.pass_loop)),
        *map(slots_read, copied(descend.CARRIED, of.how.carried)),
        *map(slots_read, copied((descend.pack,), of.how.loop)),
        *map(slots_read, copied(record_paths.CALLED, of.how.loop)),
        *map(slots_read, copied((descend.descend, record_paths.record), of.how.entry)),
    ]
    title = f"The loop over blocks of {of.lanes} lanes in {of.dtype}"
    names = [f"W = {of.lanes}", f"IN_KERNEL = {of.in_kernel}", f"TRIALS = {of.layout.trials}"]
    return of.assembled(title, body, names, ["from batchgd.kernels.cpu_intrinsics import next_ended_of, tick"])


def _tick(of: Specialisation) -> str:
    constants = Constants(of.dtype)
    body = of.tick(constants)
    names = [f"W = {of.lanes}", *of.fixed(), *constants.lines(), *of.layout.constants()]
    title = f"{of.method} in {of.objective.dim} dimensions in {of.dtype}"
    return of.assembled(title, body, names, ["from batchgd.kernels.cpu_intrinsics import evaluate"])


def _evaluate(of: Specialisation) -> str:
    constants = Constants(of.dtype)
    body = of.evaluation(constants)
    return of.assembled(f"{of.named}: evaluation in {of.dtype}", body, [f"W = {of.lanes}", *constants.lines()])


def _values(of: Specialisation) -> str:
    body = [*copied((descend.fill,), of.how.loop), *map(slots_read, copied((descend.values,), of.how.entry))]
    imports = ["from batchgd.kernels.cpu_intrinsics import evaluate"]
    return of.assembled(f"Values by the evaluation in {of.dtype}", body, [f"W = {of.lanes}"], imports)
