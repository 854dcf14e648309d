"""Whether two results of multistart are the same to the last bit."""

import dataclasses

import numpy as np

PER_START = ("x", "fun", "nit", "nfev", "status", "label")


def same_bits(one, other):
    """Whether two arrays are equal bit for bit, or two other values equal."""
    if not isinstance(one, np.ndarray):
        return one == other
    return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()


def differing(one, other):
    """The names of what differs between two results, besides times and provenance."""
    pairs = {name: (getattr(one, name), getattr(other, name)) for name in (*PER_START, "n", "seed", "stopped")}
    for table in ("minima", "stationary"):
        for field in dataclasses.fields(getattr(one, table)):
            pairs[f"{table}.{field.name}"] = tuple(getattr(getattr(each, table), field.name) for each in (one, other))
    pairs["x0"] = (one.start_points(0, min(one.n, 100)), other.start_points(0, min(other.n, 100)))
    pairs["status_counts"] = (one.status_counts(), other.status_counts())
    if not one.kept and not other.kept:
        for name in ("key", "count", "first", "x", "fun", "status"):
            pairs[f"cells.{name}"] = (getattr(one.cells, name), getattr(other.cells, name))
    return [name for name, (ours, theirs) in pairs.items() if not same_bits(ours, theirs)]
