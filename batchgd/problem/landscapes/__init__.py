"""The library of landscapes: objectives with known minima, by name.

`get("himmelblau")` gives one, `names()` lists them. A new one is a plain function with a `@landscape` row above it, in
the file of its family; every generic test, picture and listing reads the registry and enrols it from there.

>>> get("branin").dims, get("branin").default_dim
((2, 2), 2)
"""

from batchgd.problem.landscapes import coupled, fixed_tables, niching, separable, symmetric, two_dimensional
from batchgd.problem.landscapes.registry import Landscape, get, landscape, names

register_landscape = landscape

__all__ = [
    "Landscape",
    "coupled",
    "fixed_tables",
    "get",
    "landscape",
    "names",
    "niching",
    "register_landscape",
    "separable",
    "symmetric",
    "two_dimensional",
]
