"""Load what a launch needs of a specialisation: its text is written once, and passed to the cache."""

from __future__ import annotations

from functools import lru_cache
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from batchgd.compiler.cache import modules
from batchgd.compiler.cache.toolchain import key_of
from batchgd.compiler.codegen.cpu_modules import BY_ADDRESS, ENTRIES, evaluations, texts
from batchgd.compiler.codegen.specialisation import KERNELS, Specialisation
from batchgd.kernels.cpu_intrinsics import SLOTS

if TYPE_CHECKING:
    from batchgd.compiler.lower.evaluation import Evaluation


def load(specialisation: Specialisation) -> Any:
    """Return what a launch needs of a specialisation; it is compiled, or read from the cache, when first called.

    For CUDA and NumPy that is one module. On the CPU those of ``cpu_modules.py`` are put together, each of them loaded
    once for all specialisations that share it.
    """
    target, texts = specialisation.target, _texts(specialisation, specialisation.read.module)
    if target != "cpu":
        text = texts["module"]
        code = specialisation.objective.code
        kept = target == "cuda" and (code is None or code.kept)
        return modules.module(key_of(text, target), text, KERNELS if kept else ())
    functions: dict[str, Any] = {}
    for module, text in texts.items():
        key, names = key_of(text, target), ENTRIES[module]
        if module in BY_ADDRESS:
            functions |= {name: modules.by_address(key, text, name) for name in names}
        else:
            functions |= modules.for_all(key, text, names)
    if not specialisation.blocked:
        functions["tick"] = Loaded(_tick(specialisation, specialisation.read.module))
    functions |= {name: Loaded(made) for name, made in _evaluations(specialisation).items()}
    return SimpleNamespace(W=specialisation.lanes, slots=_slots(specialisation), **functions)


def forget() -> None:
    """Forget all that is written and loaded: this process is then like a new one."""
    modules.forget()
    _texts.cache_clear()
    _evaluations.cache_clear()
    _tick.cache_clear()


@lru_cache(maxsize=256)  # writing it anew for each run of the same objective took 15 ms
def _texts(specialisation: Specialisation, rule: ModuleType) -> dict[str, str]:
    """The texts of a specialisation, whose rule another package may register anew under the same name."""
    return texts(specialisation) if specialisation.target == "cpu" else {"module": specialisation.source()}


class Loaded:
    """A function that Numba does not compile, with the tables that it reads, and the bytes of memory that it needs."""

    def __init__(self, made: Evaluation):
        from batchgd.compiler.cache.native import native_key

        self.tables, self.memory = made.tables, made.memory
        self._code = modules.by_text(native_key(made.text), made.text, made.name)

    def address(self, arguments: tuple[Any, ...]) -> int:
        """Return its address, valid as long as this object lives."""
        return int(self._code.address())


@lru_cache(maxsize=256)
def _evaluations(specialisation: Specialisation) -> dict[str, Evaluation]:
    """What is not compiled by Numba."""
    return evaluations(specialisation)


@lru_cache(maxsize=256)
def _tick(specialisation: Specialisation, rule: ModuleType) -> Evaluation:
    """The fused tick for the CPU."""
    from batchgd.compiler.codegen.trace_tick import tick_program
    from batchgd.compiler.lower.processor import this_processor
    from batchgd.compiler.lower.tick import tick

    program, lanes, dtype = tick_program(specialisation), specialisation.lanes, specialisation.dtype
    return tick(program, lanes=lanes, dtype=dtype, processor=this_processor())


@lru_cache(maxsize=256)  # a layout is worked out anew whenever it is asked for, which is up to half a millisecond
def _slots(specialisation: Specialisation) -> tuple[int, ...]:
    """The slots in the order in which the CPU's loop reads them from ``index``."""
    value = specialisation.value_slot
    slots = {**specialisation.layout.slots(), "VALUE": specialisation.objective.dim if value is None else value}
    return tuple(slots[name] for name in SLOTS)
