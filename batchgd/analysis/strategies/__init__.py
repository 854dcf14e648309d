"""Strategies: ways to choose the starts of a multi-start as it goes; one file and one row of ``STRATEGIES`` each."""

from __future__ import annotations

from typing import Any

from batchgd.analysis.strategies.base import Strategy
from batchgd.analysis.strategies.basin_hopping import BasinHopping
from batchgd.analysis.strategies.info import StrategyInfo
from batchgd.analysis.strategies.mlsl import MLSL
from batchgd.analysis.strategies.rare_basins import RareBasins
from batchgd.problem.errors import InputError, did_you_mean, told

__all__ = ["MLSL", "STRATEGIES", "BasinHopping", "RareBasins", "Strategy", "StrategyInfo", "as_strategy"]

STRATEGIES: dict[str, type[Strategy]] = {kind.name: kind for kind in (MLSL, BasinHopping, RareBasins)}
"""Every strategy by the name that the shell uses."""


def as_strategy(strategy: Any = None, **settings: Any) -> Strategy | None:
    """Return the strategy that a user named: an instance, a name of ``STRATEGIES`` with settings, or None for none.

    >>> print(as_strategy("mlsl", rounds=4))
    MLSL(rounds=4, sigma=2, gamma=1)
    """
    if strategy is None and not settings:
        return None
    if isinstance(strategy, Strategy):
        return strategy
    if isinstance(strategy, type) and issubclass(strategy, Strategy):
        raise InputError(f"strategy is the class {strategy.__name__}: write {strategy.__name__}(...)")
    if not isinstance(strategy, str) or strategy not in STRATEGIES:
        hint = did_you_mean(strategy, STRATEGIES)
        raise InputError(f"unknown strategy {told(strategy)}: {hint}there are {', '.join(STRATEGIES)}")
    kind = STRATEGIES[strategy]
    strange = [name for name in settings if name not in kind.settings_taken()]
    if strange:
        raise InputError(f"{strategy} takes {', '.join(kind.settings_taken())}, not {', '.join(strange)}")
    return kind(**settings)
