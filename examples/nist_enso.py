"""Find the two unknown periods in NIST's ENSO data, and one solution where two waves may change places.

    python examples/nist_enso.py

The differences of air pressure between Easter Island and Darwin contain a wave of one year and two whose lengths are
parameters. NIST's starts are near them; here they may be anything from 15 to 100 months.
"""

import nist

import batchgd as bgd

DATA = nist.read(nist.FOLDER / "ENSO.dat")
MODEL = (
    "m + A*cos(2*pi*x/12) + B*sin(2*pi*x/12) + a*cos(2*pi*x/p) + b*sin(2*pi*x/p) + c*cos(2*pi*x/q) + d*sin(2*pi*x/q)"
)
CERTIFIED = dict(zip(["m", "A", "B", "q", "c", "d", "p", "a", "b"], DATA.parameters.tolist(), strict=True))
"""NIST has the longer wave first."""


def fit(starts=2_000):
    """Fit the three waves; the two of unknown length are exchangeable, the shorter one comes first."""
    months = bgd.Parameter(min=15.0, max=100.0, scale="log")
    parameters = {"m": (0, 20), **dict.fromkeys("ABabcd", (-5, 5)), "p": months, "q": months}
    waves = [("p", "a", "b"), ("q", "c", "d")]
    return bgd.fit(MODEL, DATA.x, DATA.y, parameters=parameters, exchangeable=waves, starts=starts)


if __name__ == "__main__":
    found = fit()
    print(found)
    names = list(CERTIFIED)
    print()
    print(nist.compare(DATA, [found.params[name].value for name in names], found.chisqr))
