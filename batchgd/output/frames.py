"""Results as pandas frames and xarray datasets; both packages are optional."""

from typing import Any

import numpy as np

from batchgd.minima.results import BatchData, LandscapeData
from batchgd.output.summary import json_ready, record
from batchgd.problem import check
from batchgd.problem.arrays import host
from batchgd.problem.errors import InputError
from batchgd.problem.optional import require


def trajectories_frame(result: BatchData, *, starts: bool = False) -> Any:
    """Return a pandas DataFrame, one row per start: ``x0 …, fun, nit, nfev, status, success``, and ``label``."""
    pandas = require("pandas", "frames")
    if check.flag("starts", starts) and not result.kept:
        raise InputError("starts=True needs the trajectories, which this run did not keep: run it with keep='all'")
    x = host(result.x)
    columns: dict[str, Any] = {f"x{j}": x[:, j] for j in range(result.dim)}
    columns |= {name: host(getattr(result, name)) for name in ("fun", "nit", "nfev", "status", "success")}
    if isinstance(result, LandscapeData):
        columns["label"] = host(result.label)
    if starts:
        x0 = result.x0
        columns |= {f"start{j}": x0[:, j] for j in range(result.dim)}
    return pandas.DataFrame(columns).rename_axis("start")


def dataset(result: BatchData) -> Any:
    """Return an xarray Dataset with dimensions ``start``, ``coordinate`` and, for a multi-start, ``minimum``."""
    xarray = require("xarray", "frames")
    variables: dict[str, Any] = {"x": (("start", "coordinate"), host(result.x))}
    variables |= {name: ("start", host(getattr(result, name))) for name in ("fun", "nit", "nfev", "status")}
    if isinstance(result, LandscapeData):
        minima = result.minima
        variables["label"] = ("start", host(result.label))
        variables["minimum_x"] = (("minimum", "coordinate"), np.asarray(minima.x))
        for name in ("fun", "count", "fraction", "fraction_low", "fraction_high", "kind", "free", "inside"):
            if getattr(minima, name) is not None:
                variables[f"minimum_{name}"] = ("minimum", np.asarray(getattr(minima, name)))
        for name in ("active", "multipliers"):
            if getattr(minima, name) is not None:
                variables[f"minimum_{name}"] = (("minimum", "coordinate"), np.asarray(getattr(minima, name)))
    skip = ("minima", "total", "shown", "best", "status", "stationary", "method", "box", "bounds", "domain")
    shown = {key: value for key, value in record(result).items() if key not in skip and value is not None}
    return xarray.Dataset(variables, attrs={key: json_ready(value) for key, value in shown.items()})


def map_dataset(basins: Any) -> Any:
    """Return a basin map as an xarray Dataset: images over the plane's two coordinates, and the table of minima."""
    xarray = require("xarray", "frames")
    across, up = basins.plane.names
    images = {name: ((up, across), getattr(basins, name)) for name in ("label", "nit", "fun", "status", "computed")}
    minima = {
        f"minimum_{name}": (("minimum", "coordinate") if name == "x" else "minimum", getattr(basins.minima, name))
        for name in ("x", "fun", "count", "fraction", "kind", "free")
    }
    shown = {
        key: json_ready(value)
        for key, value in basins.to_dict().items()
        if key not in ("minima", "total", "shown", "plane")
    }
    shown |= {name: getattr(basins.plane, name).tolist() for name in ("origin", "first", "second")}
    shown = {key: str(value) if isinstance(value, dict) else value for key, value in shown.items()}
    return xarray.Dataset({**images, **minima}, coords={across: basins.u, up: basins.v}, attrs=shown)
