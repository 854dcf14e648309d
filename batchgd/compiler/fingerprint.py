"""The fingerprint of an objective: equal if descents of two objectives make the same steps, in any process."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from batchgd.compiler.own.content import is_kept, name_of_content

if TYPE_CHECKING:
    from batchgd.compiler.differentiable import Differentiable

_PROBES = 4
"""Points at which a function is called whose code refers to what cannot be compared."""


def fingerprint(objective: Differentiable) -> str:
    """Return a hash of what decides the values: the traced program with its data, or the code that is called.

    Parameters are not part of it. A plain function whose code cannot be compared, because it refers to objects, is
    called at a few points.

    >>> from batchgd.compiler.objective import Objective
    >>> one, same = (Objective(f, dim=1) for f in (lambda x: x[0] ** 2, lambda y: y[0] * y[0]))
    >>> fingerprint(one) == fingerprint(same) != fingerprint(Objective(lambda x: x[0] ** 2 + 1.0, dim=1))
    True
    """
    digest = hashlib.sha256(f"{type(objective).__name__} {objective.dim}\n".encode())
    for part in _parts(objective):
        digest.update(part + b"\n")
    return digest.hexdigest()


def _parts(objective: Differentiable) -> list[bytes]:
    """What is hashed, by kind of objective."""
    if objective.is_sum:
        data, element = objective.data, objective.element  # type: ignore[attr-defined]
        chosen = f"{data.shape} {objective.replace} {objective.reduction}"  # type: ignore[attr-defined]
        settings = f"{objective.batch_size} {objective.full_every} {chosen}"  # type: ignore[attr-defined]
        return [element.key.encode(), settings.encode(), data.tobytes()]
    if objective.code is not None:
        return [_content(objective, objective.function)]  # type: ignore[attr-defined]
    if objective.plain:
        of = objective
        how = (of.differences, of.step, of.vectorized)  # type: ignore[attr-defined]
        return [repr(how).encode(), _content(of, of.fun, of.jac, of.args)]  # type: ignore[attr-defined]
    return [objective.key.encode()]  # type: ignore[attr-defined]


def _content(objective: Differentiable, *functions: object) -> bytes:
    name = name_of_content(*functions)
    return name.encode() if is_kept(name) else _values(objective)


def _values(objective: Differentiable) -> bytes:
    """The values at some points of the box."""
    from batchgd.problem.box import Box
    from batchgd.problem.samplings import UniformStarts

    box = objective.box or Box.parse((-1.0, 1.0), objective.dim)
    values = objective.value(UniformStarts(_PROBES, box, 0).points(0, _PROBES))
    return bytes(values.tobytes())
