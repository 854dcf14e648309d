"""Load what a launch needs of a specialisation: its text is written once, and passed to the cache."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from batchgd.compiler.cache import modules
from batchgd.compiler.cache.toolchain import key_of
from batchgd.compiler.codegen.cpu_functions import evaluations
from batchgd.compiler.codegen.specialisation import Specialisation
from batchgd.kernels.cpu_places import SLOTS

if TYPE_CHECKING:
    from batchgd.compiler.differentiable import Differentiable
    from batchgd.compiler.lower.evaluation import Evaluation


def load(specialisation: Specialisation, *, recording: bool = False) -> Any:
    """Return what a launch needs of a specialisation; it is compiled, or read from the cache, when first called.

    For CUDA that is one module. On the CPU the functions of ``cpu_functions.py`` are put together, each of them loaded
    once for all specialisations that share it, with a loop that records the paths or one that does not. What is made of
    a rule is kept by its module too: another one may be registered by the same name.
    """
    if specialisation.target == "numpy":
        return _arrays(specialisation, specialisation.read.module)
    if specialisation.target == "cuda":
        return _kernels(specialisation, specialisation.read.module)
    made = [
        *_loop(specialisation.lanes, specialisation.dtype, recording, specialisation.own),
        *_evaluations(specialisation),
    ]
    made.append(_tick(specialisation, specialisation.read.module))
    functions = {each.name: Loaded(each) for each in made}
    return SimpleNamespace(W=specialisation.lanes, slots=_slots(specialisation), **functions)


def loaded_evaluations(specialisation: Specialisation) -> dict[str, Loaded]:
    """Return the functions of an objective that the CPU code of a specialisation calls, by their names."""
    return {each.name: Loaded(each) for each in _evaluations(specialisation)}


def forget() -> None:
    """Forget all that is written and loaded: this process is then like a new one."""
    modules.forget()
    for kept in (_evaluations, _loop, _tick, _block_tick, _kernels, _arrays, _slots):
        kept.cache_clear()


class Loaded:
    """A function that Numba does not compile, with the tables that it reads, and the bytes of memory that it needs."""

    def __init__(self, made: Evaluation):
        from batchgd.compiler.cache.native import native_key

        self.tables, self.memory = made.tables, made.memory
        self._code = modules.by_text(native_key(made.text), made.text, made.name)

    def address(self) -> int:
        """Return its address, valid as long as this object lives."""
        return int(self._code.address())


@lru_cache(maxsize=256)
def _evaluations(specialisation: Specialisation) -> list[Evaluation]:
    """The functions of an objective that Numba does not compile."""
    return evaluations(specialisation)


@lru_cache(maxsize=16)
def _loop(lanes: int, dtype: str, recording: bool, own: bool) -> tuple[Evaluation, ...]:
    """The functions that are the same for all objectives and methods."""
    from batchgd.compiler.lower.loop import descend, values
    from batchgd.compiler.lower.processor import this_processor
    from batchgd.compiler.lower.record import record

    made = (record if recording else descend, values)
    return tuple(each(lanes, dtype, this_processor(), own=own) for each in made)


@lru_cache(maxsize=256)
def _tick(specialisation: Specialisation, rule: ModuleType) -> Evaluation:
    """The tick for the CPU."""
    if specialisation.blocked:
        return _block_tick(InBlock.of(specialisation), rule)
    from batchgd.compiler.codegen.trace_tick import tick_program
    from batchgd.compiler.lower.tick import tick

    return tick(tick_program(specialisation), own=specialisation.own, **_how(specialisation))


@dataclass(frozen=True)
class InBlock:
    """What the tick in block form depends on: it calls the objective, so one serves all of a dimension.

    A fit traces an objective of its own: the tick of Levenberg-Marquardt takes 50 ms to write, and its functions 20.
    """

    specialisation: Specialisation = field(compare=False)
    depends_on: tuple[Any, ...]

    @classmethod
    def of(cls, specialisation: Specialisation) -> InBlock:
        """Return the key of a specialisation."""
        of, none = specialisation, cast("Differentiable", None)
        return cls(of, (replace(of, objective=none), of.objective.dim, of.has_value, of.of_batches))


@lru_cache(maxsize=64)
def _block_tick(key: InBlock, rule: ModuleType) -> Evaluation:
    """The tick in block form."""
    from batchgd.compiler.codegen.trace_block import pieces_of
    from batchgd.compiler.lower.block import block_tick

    of = key.specialisation
    return block_tick(pieces_of(of), of.sizes, **_how(of))


def _how(specialisation: Specialisation) -> dict[str, Any]:
    from batchgd.compiler.lower.processor import this_processor

    return {"lanes": specialisation.lanes, "dtype": specialisation.dtype, "processor": this_processor()}


@lru_cache(maxsize=256)
def _kernels(specialisation: Specialisation, rule: ModuleType) -> Any:
    """The module for CUDA, with what it calls."""
    from batchgd.compiler.codegen.device_module import device
    from batchgd.compiler.codegen.device_text import KERNELS, source

    made = device(specialisation)
    text = f"{source(specialisation)}\n# What is not text has the key {key_of(made.text)}.\n"
    code = specialisation.objective.code
    module = modules.module(key_of(text), text, KERNELS if code is None or code.kept else ())
    vars(module).update(made.functions)
    if len(made.tables):
        vars(module)["TABLES"] = made.tables
    return module


@lru_cache(maxsize=256)
def _arrays(specialisation: Specialisation, rule: ModuleType) -> SimpleNamespace:
    """What NumPy runs."""
    from batchgd.compiler.codegen.array_module import array_module

    return array_module(specialisation)


@lru_cache(maxsize=256)  # a layout is worked out anew whenever it is asked for, which is up to half a millisecond
def _slots(specialisation: Specialisation) -> tuple[int, ...]:
    """The slots in the order in which the CPU's loop reads them from ``index``."""
    value = specialisation.value_slot
    layout = specialisation.layout
    at = specialisation.objective.dim if value is None else value
    slots = {**layout.slots(), "VALUE": at, "TRIALS": int(layout.trials)}
    return tuple(slots[name] for name in SLOTS)
