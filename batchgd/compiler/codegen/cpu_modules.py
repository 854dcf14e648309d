"""The CPU code of a specialisation: several modules, each of which serves every specialisation with the same text.

=========  =================================  ==========================================================
module     functions                          what its text depends on
=========  =================================  ==========================================================
loop       ``descend``, ``record``            the number of lanes and whether points can be rejected
tick       ``tick``                           the method; in the fused form the objective too
evaluate   ``evaluate``, block form only      the objective, and whether value or Hessian are asked for
value      ``evaluate_value``, if             the objective
           ``evaluate`` does not give it
values     ``values``                         nothing but the type
=========  =================================  ==========================================================

The loop calls the tick by its address and reads where the tick keeps everything of a lane; the block form's tick and
``values`` call the evaluation in the same way (``kernels/cpu_intrinsics.py``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchgd.compiler.codegen.layout import slots_read
from batchgd.compiler.codegen.typed_constants import Constants, copied
from batchgd.kernels import descend, record_paths

if TYPE_CHECKING:
    from batchgd.compiler.codegen.specialisation import Specialisation

ENTRIES = {
    "loop": ("descend", "record"),
    "tick": ("tick",),
    "evaluate": ("evaluate",),
    "value": ("evaluate_value",),
    "values": ("values",),
}
"""The functions of each module that are called from outside; their machine code is kept on disk."""

BY_ADDRESS = ("tick", "evaluate", "value")
"""The modules of an objective or a method: they are called by address (``cache/by_address.py``)."""


def texts(specialisation: Specialisation) -> dict[str, str]:
    """Return the text of every module."""
    made = {"loop": _loop(specialisation), "tick": _tick(specialisation), "values": _values(specialisation)}
    if specialisation.blocked:
        made["evaluate"] = _evaluate(specialisation)
    if specialisation.value_slot is None:
        made["value"] = _value(specialisation)
    return made


def _loop(of: Specialisation) -> str:
    body = [
        *copied((descend.claim_next, descend.always, descend.look_here), of.how.loop),
        "claim, look_due, look = claim_next, always, look_here",
        *map(slots_read, copied([descend.draw], of.how.pass_loop)),
        *map(slots_read, copied(descend.CARRIED, of.how.carried)),
        *map(slots_read, copied(record_paths.CALLED, of.how.loop)),
        *map(slots_read, copied((descend.descend, record_paths.record), of.how.entry)),
    ]
    title = f"The loop over blocks of {of.lanes} lanes in {of.dtype}"
    names = [f"W = {of.lanes}", f"IN_KERNEL = {of.in_kernel}", f"TRIALS = {of.layout.trials}"]
    return of.assembled(title, body, names, ["from batchgd.kernels.cpu_intrinsics import tick"])


def _tick(of: Specialisation) -> str:
    constants = Constants(of.dtype)
    body = of.tick(constants)
    names = [f"W = {of.lanes}", *of.fixed(), *constants.lines()]
    if not of.blocked:
        return of.assembled(f"{of.named}: {of.method} in {of.dtype}", body, names)
    names += of.layout.constants()
    title = f"{of.method} in {of.objective.dim} dimensions in {of.dtype}"
    return of.assembled(title, body, names, ["from batchgd.kernels.cpu_intrinsics import evaluate"])


def _evaluate(of: Specialisation) -> str:
    constants = Constants(of.dtype)
    body = of.evaluation(constants)
    return of.assembled(f"{of.named}: evaluation in {of.dtype}", body, [f"W = {of.lanes}", *constants.lines()])


def _value(of: Specialisation) -> str:
    constants = Constants(of.dtype)
    body = [*of.evaluation_of_value(constants), "evaluate_value = evaluate"]
    return of.assembled(f"{of.named}: value in {of.dtype}", body, [f"W = {of.lanes}", *constants.lines()])


def _values(of: Specialisation) -> str:
    body = [*copied((descend.fill,), of.how.loop), *map(slots_read, copied((descend.values,), of.how.entry))]
    imports = ["from batchgd.kernels.cpu_intrinsics import evaluate"]
    return of.assembled(f"Values by the evaluation in {of.dtype}", body, [f"W = {of.lanes}"], imports)
