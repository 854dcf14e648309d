"""One file per option that composes with every first-order rule, and the table that names them.

A modifier is a module, written as a rule is, of one or both of these functions; it is emitted only when asked for.

``gradient(...) -> g``
    One coordinate of the gradient that the rule sees. It may ask for ``g``, ``gg`` (the squared norm of the gradient
    as it is by then), ``x``, ``nit``, ``inverse_width``, hyperparameters, and what keys random numbers: ``seed``,
    ``start`` (the number of the start), ``axis`` (the number of the coordinate). The stopping tests see the gradient
    itself.
``point(...) -> (x, *VECTORS)``
    One coordinate of the next point. It may ask for ``following``, the one chosen so far, for all that
    ``gradient`` may ask for, for ``learning_rate``, and for its own ``VECTORS`` (zero at a start).

The order of the table is the order in which they are applied. Names of hyperparameters and vectors must not be those of
any rule.
"""

from types import ModuleType

from batchgd.kernels.modifiers import clip_norm, clip_value, damping, gradient_noise, langevin, trailing, weight_decay

MODIFIERS: dict[str, ModuleType] = {
    "damping": damping,
    "gradient_noise": gradient_noise,
    "clip_value": clip_value,
    "clip_norm": clip_norm,
    "trailing": trailing,
    "weight_decay": weight_decay,
    "langevin": langevin,
}
"""Every modifier by name: one row each."""
