"""From the options of a command to the arguments of `bgd.multistart`, `bgd.sweep` and their kin."""

from typing import Any

from batchgd.cli.options import BY_NAME
from batchgd.problem.errors import InputError, bare

_NAMED = ("gtol", "xtol", "ftol", "maxiter", "max_time", "escape", "target")
"""Fields of ``Stopping`` that the solver takes by name; it takes the others in ``stopping`` only."""


def solver_arguments(fun: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Return the keyword arguments of the solver: those options that it takes, the method and the sampling made."""
    arguments = {name: value for name, value in options.items() if name in BY_NAME and BY_NAME[name].solver}
    from batchgd.problem.methods import as_method
    from batchgd.problem.methods.base import field_names
    from batchgd.problem.stopping import Stopping

    if "method" in options or "learning_rate" in options or "set" in options:
        settings = {"learning_rate": options["learning_rate"]} if "learning_rate" in options else {}
        arguments["method"] = as_method(options.get("method"), **{**options.get("set", {}), **settings})
    if "strategy" in options or "strategy_set" in options:
        from batchgd.analysis.strategies import as_strategy

        if "strategy" not in options:
            raise InputError("--strategy-set belongs to --strategy; name a strategy, or leave it out")
        arguments["strategy"] = as_strategy(options["strategy"], **options.get("strategy_set", {}))
    if "target_value" in options:
        arguments["target"] = options["target_value"]  # --target would be the function
    rest = {name: options[name] for name in field_names(Stopping) if name in options and name not in _NAMED}
    if rest:
        named = {name: arguments.pop(name) for name in _NAMED if name in arguments}
        arguments["stopping"] = Stopping(**named, **rest)
    if bare(options.get("sampling", "")) == "normal":
        arguments["sampling"] = _normal(options)
    elif "mean" in options or "std" in options:
        raise InputError("--mean and --std belong to --sampling normal; add it, or leave them out")
    if len(options.get("box", ())) == 1:
        arguments["box"] = options["box"][0]
        if "dim" not in options and isinstance(fun, str):
            from batchgd.problem import landscapes

            arguments["dim"] = landscapes.get(fun).default_dim
    return arguments


def _normal(options: dict[str, Any]) -> Any:
    if "mean" not in options or "std" not in options:
        raise InputError("--sampling normal needs --mean and --std, as in --mean 0,1 --std 0.5")
    import batchgd as bgd

    mean, std = (options[name][0] if len(options[name]) == 1 else options[name] for name in ("mean", "std"))
    return bgd.Normal(mean, std)
