"""One file per schedule, and the table that names them.

A schedule is a module with one function ``rate(...) -> η``. It may ask for ``nit``, the number of updates made so far,
for ``learning_rate``, the rate that it starts from, and for hyperparameters under names that no rule uses. It runs
once per lane and tick, before the rule, which then asks for ``learning_rate`` as usual. It is written as a rule is.

Other hyperparameters may follow the same schedules: ``kernels/followers.py`` lists which, and the names under which a
schedule and what it asks for are then compiled.
"""

from types import ModuleType

from batchgd.kernels.schedules import cosine, cosine_growing, exponential, inverse_time, step

SCHEDULES: dict[str, ModuleType] = {
    "inverse_time": inverse_time,
    "exponential": exponential,
    "step": step,
    "cosine": cosine,
    "cosine_growing": cosine_growing,
}
"""Every schedule by name: one row each."""
