"""batchgd: thousands to billions of independent gradient descents at once, and the minima they find.

>>> import batchgd as bgd
>>> result = bgd.multistart("six_hump_camel", starts=2000)
>>> len(result.minima)
6
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0.dev0"

_HOMES = {
    "BackendError": "problem.errors",
    "InputError": "problem.errors",
    "TraceError": "problem.errors",
    "TraceSizeWarning": "problem.errors",
    "register_method": "problem.methods",
    "register_landscape": "problem.landscapes",
    "register_picture": "api.pictures",
    "register_strategy": "analysis.strategies",
    "Box": "problem.box",
    "Coverage": "minima.coverage",
    "Identity": "problem.identity",
    "RunWarning": "problem.errors",
    "printoptions": "problem.limits",
    "Normal": "problem.starts",
    "start": "problem.starts",
    "Callback": "compiler.callback",
    "compiled": "compiler.compiled",
    "FiniteSum": "compiler.finite_sum",
    "LeastSquares": "compiler.least_squares",
    "Objective": "compiler.objective",
    "as_objective": "compiler.resolve",
    "scan": "compiler.trace",
    "where": "compiler.trace",
    "Comparison": "analysis.comparison",
    "compare": "analysis.comparison",
    "Curvature": "analysis.convexity",
    "curvature": "analysis.convexity",
    "Path": "api.path",
    "Paths": "api.path",
    "path": "api.path",
    "ProgressUpdate": "engine.progress",
    "Status": "kernels.status",
    "Stopping": "problem.stopping",
    "descend": "api.descend",
    "fit": "api.fit",
    "FitResult": "api.fit_result",
    "ManyFits": "api.many_fits",
    "Parameter": "analysis.fitting",
    "multistart": "api.multistart",
    "BasinHopping": "analysis.strategies",
    "MLSL": "analysis.strategies",
    "RareBasins": "analysis.strategies",
    "basin_entropy": "analysis.basins.entropy",
    "map": "analysis.basins.map",
    "borders": "analysis.basins.borders",
    "fractal_dimension": "analysis.basins.exponent",
    "uncertainty_exponent": "analysis.basins.exponent",
    "sweep": "analysis.sweeps.sweep",
    "diff": "analysis.basins.diff",
    "load": "api.storage.load",
    "merge": "api.runs.merge",
    "rows": "api.runs.rows",
}
"""The module of each public name, imported when the name is first used, so that ``import batchgd`` stays light.

Methods and schedules are not listed here: they are what ``problem/methods/listed.py`` imports.
"""

if TYPE_CHECKING:
    from batchgd.analysis.basins.borders import borders as borders
    from batchgd.analysis.basins.diff import diff as diff
    from batchgd.analysis.basins.entropy import basin_entropy as basin_entropy
    from batchgd.analysis.basins.exponent import fractal_dimension as fractal_dimension
    from batchgd.analysis.basins.exponent import uncertainty_exponent as uncertainty_exponent
    from batchgd.analysis.basins.map import map as map
    from batchgd.analysis.comparison import Comparison as Comparison
    from batchgd.analysis.comparison import compare as compare
    from batchgd.analysis.convexity import Curvature as Curvature
    from batchgd.analysis.convexity import curvature as curvature
    from batchgd.analysis.fitting import Parameter as Parameter
    from batchgd.analysis.strategies import MLSL as MLSL
    from batchgd.analysis.strategies import BasinHopping as BasinHopping
    from batchgd.analysis.strategies import RareBasins as RareBasins
    from batchgd.analysis.strategies import register_strategy as register_strategy
    from batchgd.analysis.sweeps.sweep import sweep as sweep
    from batchgd.api import testing as testing
    from batchgd.api.descend import descend as descend
    from batchgd.api.fit import fit as fit
    from batchgd.api.fit_result import FitResult as FitResult
    from batchgd.api.many_fits import ManyFits as ManyFits
    from batchgd.api.multistart import multistart as multistart
    from batchgd.api.path import Path as Path
    from batchgd.api.path import Paths as Paths
    from batchgd.api.path import path as path
    from batchgd.api.pictures import register_picture as register_picture
    from batchgd.api.runs.merge import merge as merge
    from batchgd.api.runs.rows import rows as rows
    from batchgd.api.storage.load import load as load
    from batchgd.compiler.callback import Callback as Callback
    from batchgd.compiler.compiled import compiled as compiled
    from batchgd.compiler.finite_sum import FiniteSum as FiniteSum
    from batchgd.compiler.least_squares import LeastSquares as LeastSquares
    from batchgd.compiler.objective import Objective as Objective
    from batchgd.compiler.resolve import as_objective as as_objective
    from batchgd.compiler.trace import scan as scan
    from batchgd.compiler.trace import where as where
    from batchgd.engine.progress import ProgressUpdate as ProgressUpdate
    from batchgd.kernels.status import Status as Status
    from batchgd.minima.coverage import Coverage as Coverage
    from batchgd.problem import landscapes as landscapes
    from batchgd.problem import methods as methods
    from batchgd.problem import symmetry as symmetry
    from batchgd.problem.box import Box as Box
    from batchgd.problem.errors import BackendError as BackendError
    from batchgd.problem.errors import InputError as InputError
    from batchgd.problem.errors import RunWarning as RunWarning
    from batchgd.problem.errors import TraceError as TraceError
    from batchgd.problem.errors import TraceSizeWarning as TraceSizeWarning
    from batchgd.problem.identity import Identity as Identity
    from batchgd.problem.landscapes import register_landscape as register_landscape
    from batchgd.problem.limits import printoptions as printoptions
    from batchgd.problem.methods.listed import *  # noqa: F403
    from batchgd.problem.methods.register import register_method as register_method
    from batchgd.problem.starts import Normal as Normal
    from batchgd.problem.starts import start as start
    from batchgd.problem.stopping import Stopping as Stopping

_MODULES = {
    "landscapes": "problem.landscapes",
    "methods": "problem.methods",
    "symmetry": "problem.symmetry",
    "testing": "api.testing",
}
"""Public names that are modules."""


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"batchgd.{_MODULES[name]}")
    if name in _HOMES:
        value = getattr(import_module(f"batchgd.{_HOMES[name]}"), name)
    elif name == "__all__":
        return ["__version__", *_HOMES, *_MODULES, *_listed()]
    elif not name.startswith("__") and name in (listed := _listed()):
        value = listed[name]
    else:
        from batchgd.problem.errors import did_you_mean

        names = __dir__()
        near = did_you_mean(name, names, written="bgd.{}") or f"public names: {', '.join(names)}"
        raise AttributeError(f"module 'batchgd' has no attribute {name!r}; {near.rstrip()}")
    globals()[name] = value
    return value


def _listed() -> dict[str, Any]:
    """The methods and schedules by name."""
    from batchgd.problem.methods import listed

    return {name: value for name, value in vars(listed).items() if not name.startswith("_")}


def __dir__() -> list[str]:
    return sorted(__getattr__("__all__"))
