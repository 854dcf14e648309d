"""Strategies: ways to choose the starts of a multi-start as it goes; one file and one row of ``STRATEGIES`` each."""

from __future__ import annotations

from typing import Any, TypeVar

from batchgd.analysis.strategies.base import Strategy
from batchgd.analysis.strategies.basin_hopping import BasinHopping
from batchgd.analysis.strategies.info import StrategyInfo
from batchgd.analysis.strategies.mlsl import MLSL
from batchgd.analysis.strategies.rare_basins import RareBasins
from batchgd.problem.errors import InputError
from batchgd.problem.registry import Registry

__all__ = ["MLSL", "STRATEGIES", "BasinHopping", "RareBasins", "Strategy", "StrategyInfo", "as_strategy"]
__all__ += ["register_strategy"]

STRATEGIES: Registry[type[Strategy]] = Registry("strategy", "strategies")
"""Every strategy by the name that the shell uses."""

S = TypeVar("S", bound=Strategy)


def register_strategy(cls: type[S]) -> type[S]:
    """Enter a strategy, a dataclass derived from ``Strategy``, under its ``name``; use it as a class decorator.

    A package may name its module in an entry point of the group ``batchgd.strategies``; it is then imported when one of
    its strategies is requested.

    Raises
    ------
    InputError
        If another strategy has this name.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> import batchgd as bgd
    >>> from batchgd.analysis.strategies import Strategy
    >>> @bgd.register_strategy
    ... @dataclass(frozen=True)
    ... class Centred(Strategy):
    ...     name = "centred"
    ...     bias = "starts are drawn from the middle of the box"
    ...     share: float = 0.5
    ...
    ...     def explore(self, campaign):
    ...         batch = campaign.batch
    ...         centre = 0.5 * (batch.box.lower + batch.box.upper)
    ...         campaign.descend(centre + self.share * (batch.starts.points(0, batch.starts.n) - centre))
    ...         return {"drawn": 0}
    >>> len(bgd.multistart("himmelblau", starts=100, strategy="centred").minima)
    4
    """
    STRATEGIES.register(cls.name, cls, cls)
    return cls


for _kind in (MLSL, BasinHopping, RareBasins):
    register_strategy(_kind)


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
    return STRATEGIES.find(strategy)(**settings)
