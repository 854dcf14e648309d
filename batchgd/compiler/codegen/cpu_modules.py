"""The CPU code of a specialisation: several functions, each of which serves every specialisation with the same text.

module     functions                          what its text depends on
=========  =================================  ==========================================================
loop       ``descend``, ``record``            the number of lanes and whether points can be rejected
values     ``values``                         nothing but the type
=========  =================================  ==========================================================

The loop calls the tick by its address and reads where the tick keeps everything of a lane; the block form's tick and
``values`` call the evaluation in the same way (``kernels/cpu_intrinsics.py``). Numba compiles neither the tick nor the
evaluations (``compiler/lower``), except for that of a batch of a finite sum's rows, which is the module ``evaluate``.
=======
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

from batchgd.compiler.codegen.emit_evaluation import Outputs, value_alone
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
        asked["evaluate"] = of.asked
    if of.value_slot is None:
        asked["evaluate_value"] = value_alone(of.objective.dim)
    made = []
    for name, (what, slots) in asked.items():
        objective = of.function if of.sum is None else of.sum
        outputs = dict(zip(slots.values(), objective.outputs(what), strict=True))
        made.append(evaluation(name, outputs, lanes=of.lanes, dtype=of.dtype, processor=this_processor()))
    return made


def _evaluate(of: Specialisation) -> str:
    constants = Constants(of.dtype)
    body = of.evaluation(constants)
    return of.assembled(f"{of.named}: evaluation in {of.dtype}", body, [f"W = {of.lanes}", *constants.lines()])
