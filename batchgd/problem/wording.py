"""Numbers, shares, times and points as a person reads them."""

import math
from typing import Any

import numpy as np

_NOISE = 1e-13  # of the box: what a polish leaves of a coordinate that is zero
COORDINATES = 4  # coordinates shown before a point is cut


def plural(count: int, one: str, many: str | None = None) -> str:
    """Return a count and what is counted.

    >>> plural(1, "start"), plural(2_000, "start"), plural(2, "minimum", "minima")
    ('1 start', '2,000 starts', '2 minima')
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def minima_counted(count: int) -> str:
    """Return "1 minimum", "4 minima"."""
    return plural(count, "minimum", "minima")


def percent(share: float | None, *, up: bool = False) -> str:
    """Return a share in per cent with two significant digits, or "–" for none; a bound is rounded up.

    >>> percent(0.0002999, up=True), percent(0.25), percent(1.0), percent(0.0), percent(None)
    ('0.030 %', '25 %', '100 %', '0 %', '–')
    """
    if share is None:
        return "–"
    if share <= 0:
        return "0 %"
    decimals = max(0, 1 - math.floor(math.log10(100 * share)))
    scaled = 100 * share * 10**decimals
    whole = math.ceil(scaled - 1e-9) if up else round(scaled)
    return f"{whole / 10**decimals:.{decimals}f} %"


def percent_of(level: float) -> str:
    """Return a level of confidence in per cent, with as many digits as distinguish it from 100 %.

    >>> percent_of(0.95), percent_of(0.9973002), percent_of(0.999999426697)
    ('95 %', '99.73 %', '99.999943 %')
    """
    beyond = 100.0 * (1.0 - level)
    decimals = max(2, 1 - math.floor(math.log10(beyond))) if beyond > 0.0 else 2
    return f"{100.0 * level:.{decimals}f}".rstrip("0").rstrip(".") + " %"


def percent_column(share: float, decimals: int, *, unit: str = " %", sign: str = "", none: str = "-") -> str:
    """Return a share in per cent with as many decimals as its column has; ``none`` for one that is not known.

    >>> percent_column(0.12345, 1), percent_column(0.5, 0, sign="+"), percent_column(float("nan"), 1)
    ('12.3 %', '+50 %', '-')
    """
    return f"{100 * share:{sign}.{decimals}f}{unit}" if math.isfinite(share) else none


def quantity(number: float | None, unit: str = "") -> str:
    """Return a number with three significant digits and the prefix of its order of magnitude; "–" for none.

    >>> quantity(2_412_000.0), quantity(950.2), quantity(31_000), quantity(999_600.0), quantity(None)
    ('2.41 M', '950', '31.0 k', '1.00 M', '–')
    >>> quantity(2.43e11, "op/s"), quantity(0.25, "/s")
    ('243 Gop/s', '0.25 /s')
    """
    if number is None:
        return "–"
    for limit, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= 0.9995 * limit:
            return f"{number / limit:#.3g}".rstrip(".") + f" {prefix}{unit}"
    return f"{number:.3g} {unit}".rstrip()


def duration(seconds: float) -> str:
    """Return a time with three significant digits, or from two minutes on with its two leading units.

    >>> [duration(s) for s in (0.00042, 3.14159, 754, 3600, 5400, 200_000)]
    ['0.42 ms', '3.14 s', '12 min 34 s', '1 h', '1 h 30 min', '2 d 7 h']
    """
    if seconds < 0.1:
        return f"{1e3 * seconds:.2g} ms"
    if seconds < 120:
        return f"{seconds:.3g} s"
    for size, unit, part, below in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= size:
            whole, rest = divmod(int(seconds), size)
            return f"{whole:,} {unit}" + (f" {rest // part} {below}" if rest // part else "")
    raise AssertionError


def format_values(values: Any) -> list[str]:
    """Return function values with enough digits to tell neighbours apart, all with the same number of decimals.

    >>> format_values([-1.0316284534, 2.1])
    ['-1.031628', '2.100000']
    >>> format_values([3e-9, 4e-9])
    ['3.000000e-09', '4.000000e-09']
    """
    array = np.asarray(values, dtype=np.float64)
    largest = float(np.max(np.abs(array), initial=0.0, where=np.isfinite(array)))
    if 1e-12 < largest < 1e-4 or largest >= 1e7:  # below 1e-12 are the zeros that a polish leaves
        return [f"{value:.6e}" for value in array]
    return [f"{value + 0.0:.6f}".replace("-0.000000", "0.000000") for value in array]


def format_point(x: Any, scale: Any = 0.0, most: int = COORDINATES, digits: int = 6) -> str:
    """Return the first coordinates of a point; one that is rounding noise compared with ``scale`` (per axis) is 0.

    >>> format_point([3.0, -2.80511809, 1e-12])
    '(3, -2.80512, 1e-12)'
    >>> format_point([3.0, 2.6e-26], scale=[12.0, 12.0])
    '(3, 0)'
    >>> format_point(np.arange(9.0))
    '(0, 1, 2, 3, …)'
    """
    return f"({', '.join(coordinates(x, scale, digits)[:most])}{', …' if len(x) > most else ''})"


def coordinates(x: Any, scale: Any = 0.0, digits: int = 6) -> list[str]:
    """Return every coordinate of a point, rounding noise as 0."""
    point = np.asarray(x, dtype=np.float64)
    point = np.where(np.abs(point) <= _NOISE * np.asarray(scale), 0.0, point)
    return [f"{value:.{digits}g}" for value in point]


def format_points(points: Any, scale: Any, width: int) -> list[str]:
    """Return points, one per row, with as many coordinates as fit the width: at least one, and at most four."""
    points = np.asarray(points, dtype=np.float64)
    few = points[:, :COORDINATES]
    few = np.where(np.abs(few) <= _NOISE * np.broadcast_to(scale, points.shape[1:])[:COORDINATES], 0.0, few)
    texts = [[f"{value:.6g}" for value in row] for row in few.tolist()]
    for most in range(COORDINATES, 0, -1):
        rest = ", …" if points.shape[1] > most else ""
        shown = [f"({', '.join(row[:most])}{rest})" for row in texts]
        if max(map(len, shown), default=0) <= width:
            break
    return shown
