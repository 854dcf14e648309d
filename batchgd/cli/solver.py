"""From the options of a command to the arguments of a call: `bgd.multistart`, `bgd.sweep` and their kin."""

from collections.abc import Callable
from typing import Any

from batchgd.problem.errors import InputError, bare


def arguments_of(call: Callable[..., Any], options: dict[str, Any]) -> dict[str, Any]:
    """Return the keyword arguments of a call: the options that it takes, and objects built from the others.

    A method, a strategy, a stopping rule, an identity and normal starts are each built from several options.
    """
    from batchgd.problem.identity import Identity
    from batchgd.problem.keywords import parameters
    from batchgd.problem.methods import as_method
    from batchgd.problem.methods.base import field_names
    from batchgd.problem.stopping import Stopping

    known = parameters(call)
    arguments = {name: value for name, value in options.items() if name in known}
    if "method" in known and any(name in options for name in ("method", "learning_rate", "set")):
        rate = {"learning_rate": options["learning_rate"]} if "learning_rate" in options else {}
        arguments["method"] = as_method(options.get("method"), **options.get("set", {}) | rate)
    if "strategy" in options or "strategy_set" in options:
        from batchgd.analysis.strategies import as_strategy

        if "strategy" not in options:
            raise InputError("--strategy-set needs --strategy; add it, or omit --strategy-set")
        arguments["strategy"] = as_strategy(options["strategy"], **options.get("strategy_set", {}))
    stopping = {name: options[name] for name in field_names(Stopping) if name in options and name not in known}
    identity = {name: options[f"identity_{name}"] for name in field_names(Identity) if f"identity_{name}" in options}
    arguments |= {name: made for name, made in (("stopping", stopping), ("identity", identity)) if made}
    if bare(options.get("sampling", "")) == "normal":
        arguments["sampling"] = _normal(options)
    elif "mean" in options or "std" in options:
        raise InputError("--mean and --std need --sampling normal; add it, or omit them")
    if len(options.get("box", ())) == 1:
        arguments["box"] = options["box"][0]
        if "dim" not in options and "dim" in known and isinstance(options.get("fun"), str):
            from batchgd.problem import landscapes

            arguments["dim"] = landscapes.get(options["fun"]).default_dim
    return arguments


def _normal(options: dict[str, Any]) -> Any:
    if "mean" not in options or "std" not in options:
        raise InputError("--sampling normal needs --mean and --std, as in --mean 0,1 --std 0.5")
    import batchgd as bgd

    mean, std = (options[name][0] if len(options[name]) == 1 else options[name] for name in ("mean", "std"))
    return bgd.Normal(mean, std)
