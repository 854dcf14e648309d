"""The CPU code of a specialisation in parts, each a module that serves every specialisation with the same text.

=========  =================================  ==========================================================
part       functions                          what its text depends on
=========  =================================  ==========================================================
loop       ``descend``, ``record``            the slots of a lane, never the objective
tick       ``tick``                           the method; in the fused form the objective too
evaluate   ``evaluate``, block form alone     the objective, and whether value or Hessian are asked for
values     ``values``                         the objective; nothing of it where ``evaluate`` gives the value
=========  =================================  ==========================================================

The loop calls the tick by its address, and so does the block form's tick the evaluation (``kernels/addresses.py``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchgd.kernels import descend, record
from batchgd.specialise.typed import Constants, copied, decorated
from batchgd.specialise.written_out import written_out

if TYPE_CHECKING:
    from batchgd.specialise.module import Specialisation

CARRIED = (descend.draw, descend.refill, descend.store, record.begin_trail, record.keep_latest, record.extend_trail)
"""What the loop calls beside the tick, on every target."""

ENTRIES = {"loop": ("descend", "record"), "tick": ("tick",), "evaluate": ("evaluate",), "values": ("values",)}
"""The functions of each part that are called from outside; their machine code is kept on disk."""


def texts(specialisation: Specialisation) -> dict[str, str]:
    """Return the text of every part."""
    made = {"loop": _loop(specialisation), "tick": _tick(specialisation), "values": _values(specialisation)}
    if specialisation.blocked:
        made["evaluate"] = _evaluate(specialisation)
    return made


def _loop(of: Specialisation) -> str:
    body = [
        *copied((descend.claim_next, descend.look_always), of.how.loop),
        "claim, look = claim_next, look_always",
        *copied(CARRIED, of.how.loop),
        *copied((descend.descend, record.record), of.how.entry),
    ]
    title = f"The loop over blocks of {of.lanes} lanes in {of.objective.dim} dimensions in {of.dtype}"
    return of.assembled(title, body, of.block(), ["from batchgd.kernels.addresses import tick"])


def _tick(of: Specialisation) -> str:
    constants = Constants(of.dtype)
    body = of.tick(constants)
    names = [f"W = {of.lanes}", *of.fixed(), *constants.lines()]
    if not of.blocked:
        return of.assembled(f"{of.named}: {of.method} in {of.dtype}", body, names)
    names += of.layout.constants()
    title = f"{of.method} in {of.objective.dim} dimensions in {of.dtype}"
    return of.assembled(title, body, names, ["from batchgd.kernels.addresses import evaluate"])


def _evaluate(of: Specialisation) -> str:
    constants = Constants(of.dtype)
    body = of.evaluation(constants)
    return of.assembled(f"{of.named}: evaluation in {of.dtype}", body, [f"W = {of.lanes}", *constants.lines()])


def _values(of: Specialisation) -> str:
    constants, slot = Constants(of.dtype), of.value_slot
    filling = copied((descend.fill,), of.how.loop)
    if slot is not None:
        body = [*filling, *copied((descend.values_by_evaluation,), of.how.entry), "values = values_by_evaluation"]
        title, imports = f"Values by the evaluation in {of.dtype}", ["from batchgd.kernels.addresses import evaluate"]
        return of.assembled(title, body, [f"VALUE = {slot}"], imports)
    called = [decorated(text, of.how.lane) for text in of.value_functions(constants).values()]
    body = [*filling, *called, *copied((descend.values,), of.how.entry)]
    return of.assembled(f"{of.named}: values in {of.dtype}", body, constants.lines())
