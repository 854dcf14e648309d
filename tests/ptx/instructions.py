"""What each instruction of PTX does to the threads that execute it, from its name and its operands.

The rules are those of NVIDIA's manual, "Parallel Thread Execution ISA". An instruction, a modifier or a kind of operand
that has no rule here raises :class:`UnknownInstruction` when the kernel is loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ptx import access, compute, convert, together
from ptx.operands import Reading, Run
from ptx.parse import Instruction, UnknownInstruction

if TYPE_CHECKING:
    from ptx.machine import Frame, Threads

RULES = {**compute.RULES, **convert.RULES, **access.RULES, **together.RULES}


def compiled(frame: Frame, instruction: Instruction) -> Run:
    """Return what runs an instruction for some threads."""
    builder = RULES.get(instruction.name[0])
    if builder is None:
        raise UnknownInstruction(instruction.text)
    run = builder(Reading(frame, instruction))
    if instruction.guard is None or instruction.name[0] in ("bra", "ret", "exit"):
        return run
    if instruction.synchronises or instruction.leaves:
        raise UnknownInstruction(f"a guard: {instruction.text}")
    guard, wanted = frame.registers[instruction.guard], not instruction.negated

    def guarded(threads: Threads) -> None:
        chosen = threads[guard[threads] == wanted]
        if len(chosen):
            run(chosen)

    return guarded
