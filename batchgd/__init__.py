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
    "BackendError": "errors",
    "InputError": "errors",
    "TraceError": "errors",
    "TraceSizeWarning": "errors",
    "AMSGrad": "methods",
    "AdaDelta": "methods",
    "AdaGrad": "methods",
    "AdaMax": "methods",
    "Adam": "methods",
    "AdamW": "methods",
    "BarzilaiBorwein": "methods",
    "BFGS": "methods",
    "LBFGS": "methods",
    "Newton": "methods",
    "NonlinearCG": "methods",
    "FIRE": "methods",
    "GradientDescent": "methods",
    "GradientFlow": "methods",
    "HeavyBall": "methods",
    "Lion": "methods",
    "Nadam": "methods",
    "Nesterov": "methods",
    "RMSprop": "methods",
    "Rprop": "methods",
    "SignSGD": "methods",
    "Cosine": "methods.schedules",
    "Exponential": "methods.schedules",
    "InverseTime": "methods.schedules",
    "Step": "methods.schedules",
    "Box": "box",
    "Coverage": "coverage",
    "Normal": "starts",
    "start": "starts",
    "FiniteSum": "finite_sum",
    "Objective": "objective",
    "where": "trace",
    "Comparison": "comparison",
    "compare": "comparison",
    "Curvature": "convexity",
    "curvature": "convexity",
    "Path": "paths",
    "Paths": "paths",
    "trace_path": "paths",
    "ProgressUpdate": "progress",
    "Status": "kernels.status",
    "Stopping": "stopping",
    "descend": "solve",
    "multistart": "solve",
    "BasinHopping": "strategies",
    "MLSL": "strategies",
    "RareBasins": "strategies",
    "basin_entropy": "basins.entropy",
    "basin_map": "basins.map",
    "borders": "basins.borders",
    "fractal_dimension": "basins.exponent",
    "uncertainty_exponent": "basins.exponent",
    "sweep": "sweeps",
    "landscapes": "",
    "match": "basins.match",
    "load": "storage",
}
"""Where each public name lives; it is imported when it is first used, so that ``import batchgd`` stays light."""

if TYPE_CHECKING:
    from batchgd import landscapes as landscapes
    from batchgd.basins.borders import borders as borders
    from batchgd.basins.entropy import basin_entropy as basin_entropy
    from batchgd.basins.exponent import fractal_dimension as fractal_dimension
    from batchgd.basins.exponent import uncertainty_exponent as uncertainty_exponent
    from batchgd.basins.map import basin_map as basin_map
    from batchgd.basins.match import match as match
    from batchgd.box import Box as Box
    from batchgd.comparison import Comparison as Comparison
    from batchgd.comparison import compare as compare
    from batchgd.convexity import Curvature as Curvature
    from batchgd.convexity import curvature as curvature
    from batchgd.coverage import Coverage as Coverage
    from batchgd.errors import BackendError as BackendError
    from batchgd.errors import InputError as InputError
    from batchgd.errors import TraceError as TraceError
    from batchgd.errors import TraceSizeWarning as TraceSizeWarning
    from batchgd.finite_sum import FiniteSum as FiniteSum
    from batchgd.kernels.status import Status as Status
    from batchgd.methods import BFGS as BFGS
    from batchgd.methods import FIRE as FIRE
    from batchgd.methods import LBFGS as LBFGS
    from batchgd.methods import AdaDelta as AdaDelta
    from batchgd.methods import AdaGrad as AdaGrad
    from batchgd.methods import Adam as Adam
    from batchgd.methods import AdaMax as AdaMax
    from batchgd.methods import AdamW as AdamW
    from batchgd.methods import AMSGrad as AMSGrad
    from batchgd.methods import BarzilaiBorwein as BarzilaiBorwein
    from batchgd.methods import GradientDescent as GradientDescent
    from batchgd.methods import GradientFlow as GradientFlow
    from batchgd.methods import HeavyBall as HeavyBall
    from batchgd.methods import Lion as Lion
    from batchgd.methods import Nadam as Nadam
    from batchgd.methods import Nesterov as Nesterov
    from batchgd.methods import Newton as Newton
    from batchgd.methods import NonlinearCG as NonlinearCG
    from batchgd.methods import RMSprop as RMSprop
    from batchgd.methods import Rprop as Rprop
    from batchgd.methods import SignSGD as SignSGD
    from batchgd.methods.schedules import Cosine as Cosine
    from batchgd.methods.schedules import Exponential as Exponential
    from batchgd.methods.schedules import InverseTime as InverseTime
    from batchgd.methods.schedules import Step as Step
    from batchgd.objective import Objective as Objective
    from batchgd.paths import Path as Path
    from batchgd.paths import Paths as Paths
    from batchgd.paths import trace_path as trace_path
    from batchgd.progress import ProgressUpdate as ProgressUpdate
    from batchgd.solve import descend as descend
    from batchgd.solve import multistart as multistart
    from batchgd.starts import Normal as Normal
    from batchgd.starts import start as start
    from batchgd.stopping import Stopping as Stopping
    from batchgd.storage import load as load
    from batchgd.strategies import MLSL as MLSL
    from batchgd.strategies import BasinHopping as BasinHopping
    from batchgd.strategies import RareBasins as RareBasins
    from batchgd.sweeps import sweep as sweep
    from batchgd.trace import where as where

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        from batchgd.errors import did_you_mean

        shown = ", ".join(sorted(_HOMES))
        raise AttributeError(
            f"module 'batchgd' has no attribute {name!r}; {did_you_mean(name, _HOMES)}public names: {shown}"
        )
    home = _HOMES[name]
    value = getattr(import_module(f"batchgd.{home}"), name) if home else import_module(f"batchgd.{name}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
