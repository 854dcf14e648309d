"""One file per update rule, named as the rule is, and the table of them all.

A rule is a module of plain functions without branches, written with ``vecmath`` names and what can be traced and
compiled: one return, in the last line, and no keywords, defaults, ``and`` or ``or``. What it needs is what its
functions ask for by parameter name; the loop is built around that. A module may contain, or take over from another
one (``rule_parts/trial_steps.py`` has what rules that reject trials share):

``VECTORS``
    Names of the vectors of length d that the rule remembers (zero at a start). One that is called ``velocity`` is set
    to 0 where a bound has cut a step short.
``SCALARS``
    Names of the numbers that it remembers (zero at a start); ``decide`` or ``advance`` renews them.
``sum_<name>(...)``
    The term of one coordinate; its sum over all coordinates is the scalar ``<name>``. It may ask for ``x``, ``g``,
    any vector or hyperparameter, ``first``, and ``inverse_width`` (one over the width of the box in that coordinate).
``decide(...) -> (accepted, *SCALARS)``
    One lane's decision after an evaluation. It may ask for ``f`` (then the value is computed), ``gg`` (the squared
    gradient norm), ``first`` (whether this is the evaluation of the start), ``nit``, any sum, scalar or
    hyperparameter. It must reject a point whose gradient is not finite (``rule_parts/trial_steps.py``). Without it
    every point is accepted.
``advance(...) -> SCALARS``
    The remembered numbers of a rule that never rejects, which has no ``decide``; it may ask for the same. One output
    is returned bare.
``update(...) -> (x, *VECTORS)``
    One coordinate of the next point to evaluate, and what is remembered. It may ask for ``x``, ``g``, any vector,
    scalar, sum, hyperparameter, ``f``, ``gg``, ``first``, ``accepted``, ``nit`` (updates made before this one),
    ``inverse_width``. One output is returned bare.
``step_squared(...)``
    The squared length of that step, from scalars; if omitted, the loop sums it over the coordinates.
``PARTS``
    Names of modifiers that belong to the rule.
``ACCEPTED``
    The vector that holds the last accepted point, for rules that reject trials.

A rule whose direction takes more than one coordinate's numbers lists the stages of its tick itself, in place of the
functions above:

``STAGES``
    What happens after each evaluation, in order (``rule_parts/stages.py``): ``Lane`` (numbers of a lane from numbers of
    that lane), ``Each`` (one coordinate of vectors), ``Sum`` (a number summed over the coordinates), ``Block``
    (operations of ``rule_parts/block_operations.py`` on the whole block; it gets ``ws`` and the first slots of what it
    names). Each names its results: ``following``, vectors, scalars, ``accepted`` from a rule that rejects trials,
    ``moved`` (as ``step_squared``), or a number that only later stages of the tick see. A stage may ask for ``hessian``
    or ``gauss_newton`` (the slots of its lower triangle; then it is computed), and for anything that the functions
    above may ask for.
``STAGES_WITHIN``
    The same for a run with bounds; without it the method refuses them. The rule sees the projected gradient as ``g``
    (``raw_g`` is the whole one, until the first ``Block``), and ``following`` is moved into the bounds; stages may ask
    for ``lower_bound`` and ``upper_bound``, and ``Least`` is a number of a lane: the least over all coordinates.
``VECTORS_WITHIN``
    Vectors that it remembers in such a run besides ``VECTORS``.
``arrays(dim, ...) -> {name: slots}``
    Further slots that are zero at a start. What it asks for besides ``dim`` are whole numbers that the code is compiled
    for: the method gives them as ``fixed``, and the rule's functions see them in capitals.

A schedule (``batchgd.kernels.schedules``) gives the ``learning_rate`` that a rule sees; modifiers
(``batchgd.kernels.modifiers``) change the gradient before the rule and the point after it.
"""

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

RULES: dict[str, ModuleType] = {
    found.name: import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)
}
"""Every update rule by name: the files of this folder, and those that other packages register with their methods."""
