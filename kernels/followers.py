"""Which hyperparameters may follow a schedule, and under which names it is compiled for each."""

FOLLOWERS = ("learning_rate", "temperature")
"""The hyperparameters that may follow a schedule."""


def part_name(schedule: str, follower: str) -> str:
    """Return the name of a schedule as a part of a rule whose hyperparameter follows it."""
    return schedule if follower == "learning_rate" else f"{follower}_{schedule}"


def asked_as(name: str, follower: str) -> str:
    """Return the hyperparameter that a schedule's function gets for one it asks for: the names of two must not clash.

    >>> asked_as("learning_rate", "temperature"), asked_as("period", "temperature"), asked_as("nit", "temperature")
    ('temperature', 'temperature_period', 'nit')
    """
    if follower == "learning_rate" or name == "nit":
        return name
    return follower if name == "learning_rate" else f"{follower}_{name}"
