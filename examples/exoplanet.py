"""Find the planets of HD 164922 in its radial velocity: a fit with a thousand local optima, one for each wrong period.

    python examples/exoplanet.py

A planet moves its star back and forth with its period, which is unknown from days to years. Nearly every period fits
some of the 401 velocities by chance, so a solver that starts once ends in one of these optima. data/README.md describes
the data; the published periods are 1201 and 75.77 days (Fulton et al., ApJ 830, 46, 2016).
"""

from pathlib import Path

import numpy as np

import batchgd as bgd

FILE = Path(__file__).parent / "data" / "hd164922.csv"
DAY, VELOCITY, ERROR = np.loadtxt(FILE, delimiter=",", skiprows=2, usecols=(0, 1, 2), unpack=True)
ONE = "c + A*cos(2*pi*t/P) + B*sin(2*pi*t/P)"
TWO = f"{ONE} + D*cos(2*pi*t/Q) + E*sin(2*pi*t/Q)"
LIMITS = {"c": (-10, 10), "A": (-15, 15), "B": (-15, 15)}


def one_planet(starts=5_000, period=(2.0, 5_000.0)):
    """Fit one circular orbit, whatever its period."""
    unknown = bgd.Parameter(min=period[0], max=period[1], scale="log")
    return bgd.fit(ONE, {"t": DAY}, VELOCITY, sigma=ERROR, parameters=LIMITS | {"P": unknown}, starts=starts)


def two_planets(first, starts=5_000):
    """Add a second orbit of a shorter period; that of the first is fitted again, near where it was found."""
    period = first.params["P"].value
    second = {"D": (-15, 15), "E": (-15, 15), "Q": bgd.Parameter(min=2.0, max=200.0, scale="log")}
    limits = LIMITS | {"P": (0.9 * period, 1.1 * period)} | second
    return bgd.fit(TWO, {"t": DAY}, VELOCITY, sigma=ERROR, parameters=limits, starts=starts)


if __name__ == "__main__":
    one = one_planet()
    print(one)
    print()
    print(two_planets(one))
    one.plot("exoplanet.png", x="time (days)", y="radial velocity (m/s)")
