"""One file per update rule, and the table that names them.

A rule is a module of plain functions without branches, written in ``vecmath`` names. What it needs is what its
functions ask for by parameter name; the loop is built around that. A module may hold:

``VECTORS``
    Names of the vectors of length d that the rule remembers (zero at a start).
``SCALARS``
    Names of the numbers that it remembers (zero at a start).
``sum_<name>(...)``
    The term of one coordinate; its sum over all coordinates is the scalar ``<name>``. It may ask for ``x``, ``g``,
    any vector, and ``inverse_width`` (one over the width of the box in that coordinate).
``decide(...) -> (accepted, *SCALARS)``
    One lane's decision after an evaluation. It may ask for ``f`` (then the value is computed), ``gg`` (the squared
    gradient norm), ``first`` (whether this is the evaluation of the start), ``nit``, any sum, scalar or
    hyperparameter. Without it every point is accepted.
``update(...) -> (x, *VECTORS)``
    One coordinate of the next point to evaluate, and what is remembered. It may ask for ``x``, ``g``, any vector,
    scalar, hyperparameter, ``accepted``, ``nit``, ``inverse_width``. One output is returned bare.
``step_squared(...)``
    The squared length of that step, from scalars; left out, the loop sums it over the coordinates.
``ACCEPTED``
    The vector that holds the last accepted point, for rules that reject trials.
"""

from types import ModuleType

from batchgd.kernels.methods import armijo, barzilai_borwein, gradient_descent

RULES: dict[str, ModuleType] = {
    "gradient_descent": gradient_descent,
    "armijo": armijo,
    "barzilai_borwein": barzilai_borwein,
}
"""Every update rule by name: one row each."""
