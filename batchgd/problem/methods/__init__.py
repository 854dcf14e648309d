"""Update rules as a user names them: one dataclass each, and the table of them all.

The dataclass holds and checks hyperparameters; the arithmetic is in ``batchgd.kernels.methods``.

>>> import batchgd as bgd
>>> bgd.methods.METHODS["adam"](learning_rate=0.1).beta1
0.9
"""

from __future__ import annotations

from typing import Any

from batchgd.problem.errors import InputError
from batchgd.problem.methods.base import *  # noqa: F403
from batchgd.problem.methods.base import Method as Method
from batchgd.problem.methods.first_order import FirstOrder as FirstOrder
from batchgd.problem.methods.listed import *  # noqa: F403
from batchgd.problem.methods.register import METHODS as METHODS
from batchgd.problem.methods.register import register_method as register_method
from batchgd.problem.methods.schedules import Schedule as Schedule


def as_method(method: Any = None, **hyperparameters: Any) -> Method:
    """Return the method that a user named: an instance, a name of ``METHODS`` with settings, or None for the default.

    >>> print(as_method("adam", learning_rate=0.1))
    Adam(learning_rate=0.1, beta1=0.9, beta2=0.999, epsilon=1e-08)
    """
    if isinstance(method, Method):
        return method
    if method is None:
        method = "gradient_descent" if hyperparameters else "barzilai_borwein"
    if isinstance(method, type) and issubclass(method, Method):
        raise InputError(f"method is the class {method.__name__}: write {method.__name__}(...)")
    return METHODS.find(method)(**hyperparameters)
