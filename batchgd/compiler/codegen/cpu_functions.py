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
(``compiler/lower``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batchgd.compiler.codegen.block_layout import BlockLayout
from batchgd.compiler.codegen.emit_evaluation import Outputs, value_alone

if TYPE_CHECKING:
    from batchgd.compiler.codegen.specialisation import Specialisation
    from batchgd.compiler.lower.evaluation import Evaluation
    from batchgd.compiler.objective import What
    from batchgd.compiler.trace.graph import Node


def evaluations(of: Specialisation) -> list[Evaluation]:
    """Return the functions that the tick in block form, and ``values``, call by their addresses."""
    from batchgd.compiler.lower.evaluation import evaluation
    from batchgd.compiler.lower.processor import this_processor

    how: Any = {"lanes": of.lanes, "dtype": of.dtype, "processor": this_processor()}
    asked: dict[str, Outputs] = {}
    if of.blocked:
        asked["evaluate"] = of.asked
    if of.value_slot is None:
        asked["evaluate_value"] = value_alone(of.objective.dim)
    made = []
    for name, (what, slots) in asked.items():
        if of.objective.code is not None:
            made.append(_call_of(of, name, slots))
            continue
        objective = of.function if of.sum is None else of.sum
        outputs = dict(zip(slots.values(), objective.outputs(what), strict=True))
        if name == "evaluate" and of.batches:
            made.append(_of_batches(of, what, slots, outputs, how))
        else:
            made.append(evaluation(name, outputs, own=of.own, **how))
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
        n_params=of.objective.n_params,
        lanes=of.lanes,
        dtype=of.dtype,
        processor=this_processor(),
    )


def _of_batches(of: Specialisation, what: What, slots: dict[str, int], whole: dict[int, Node], how: Any) -> Evaluation:
    """The evaluation of a finite sum by batches."""
    from batchgd.compiler.lower.batches import batch_evaluation

    layout = of.layout
    assert of.sum is not None
    assert isinstance(layout, BlockLayout)
    element = dict(zip(slots.values(), of.sum.element.outputs(what), strict=True))
    return batch_evaluation(of.sum, whole, element, {"nit": layout.counter("nit"), **layout.batch_slots}, **how)
