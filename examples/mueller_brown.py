"""The Mueller-Brown potential: the minima of a model reaction, and the share of the plane in each of their basins.

    python examples/mueller_brown.py
    batchgd run examples/mueller_brown.py:potential --box -1.5 1.2 --box -0.2 2.0 --starts 100000 --json

Source: K. Mueller & L. D. Brown, Theoretica Chimica Acta 53, 75-93 (1979).
"""

import numpy as np

BOX = [(-1.5, 1.2), (-0.2, 2.0)]

HEIGHT = np.array([-200.0, -100.0, -170.0, 15.0])
A = np.array([-1.0, -1.0, -6.5, 0.7])
B = np.array([0.0, 0.0, 11.0, 0.6])
C = np.array([-10.0, -10.0, -6.5, 0.7])
X0 = np.array([1.0, 0.0, -0.5, -1.0])
Y0 = np.array([0.0, 0.5, 1.5, 1.0])


def potential(x):
    """The sum of four Gaussian-like terms, x = (x, y)."""
    u, v = x[0] - X0, x[1] - Y0
    return np.sum(HEIGHT * np.exp(A * u**2 + B * u * v + C * v**2))


if __name__ == "__main__":
    import batchgd as bgd

    print(bgd.multistart(potential, box=BOX, starts=100_000, seed=0))
