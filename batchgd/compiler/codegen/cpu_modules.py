"""The CPU code of a specialisation: several functions, each of which serves every specialisation with the same text.

====================  ==============================================================================
function              what its text depends on, besides the type and the number of lanes
====================  ==============================================================================
``descend``           whether paths are recorded
``values``            nothing
``tick``              the method; if it is fused, the objective as well
``evaluate``          the objective
``evaluate_value``    the objective
====================  ==============================================================================

The loop calls the tick by its address and reads where the tick keeps everything of a lane; ``values`` and the block
form's tick call the evaluation in the same way (``kernels/cpu_places.py``). All are written as LLVM text
(``compiler/lower``), except for the evaluation of a batch of a finite sum's rows, which Numba compiles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchgd.compiler.codegen.emit_evaluation import Outputs, outputs_of, value_alone
from batchgd.compiler.codegen.typed_constants import Constants

if TYPE_CHECKING:
    from batchgd.compiler.codegen.specialisation import Specialisation
    from batchgd.compiler.lower.evaluation import Evaluation


def texts(of: Specialisation) -> dict[str, str]:
    """Return the text of every function that Numba compiles, by its name."""
    made = {}
    if of.batches:
        made["evaluate"] = _evaluate(of)
    return made


def evaluations(of: Specialisation) -> list[Evaluation]:
    """Return the functions that the tick in block form, and ``values``, call by their addresses."""
    from batchgd.compiler.lower.evaluation import evaluation
    from batchgd.compiler.lower.processor import this_processor

    asked: dict[str, Outputs] = {}
    if of.blocked and not of.batches:
        asked["evaluate"] = outputs_of(of.objective.dim, value=of.has_value, hessian=of.read.hessian)
    if of.value_slot is None:
        asked["evaluate_value"] = value_alone(of.objective.dim)
    made = []
    for name, (what, slots) in asked.items():
        if of.objective.code is not None:
            made.append(_call_of(of, name, slots))
            continue
        objective = of.function if of.sum is None else of.sum
        outputs = dict(zip(slots.values(), objective.outputs(what), strict=True))
        made.append(evaluation(name, outputs, lanes=of.lanes, dtype=of.dtype, processor=this_processor()))
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


def _evaluate(of: Specialisation) -> str:
    constants = Constants(of.dtype)
    body = of.evaluation(constants)
    return of.assembled(f"{of.named}: evaluation in {of.dtype}", body, [f"W = {of.lanes}", *constants.lines()])
