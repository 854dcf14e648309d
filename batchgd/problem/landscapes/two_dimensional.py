"""Landscapes of two coordinates."""

from __future__ import annotations

from math import pi, sqrt

import numpy as np

from batchgd.problem.landscapes.registry import landscape

DIXON_SZEGO = "Dixon & Szego (1978), The global optimization problem, in Towards Global Optimisation 2, 1-15"


@landscape(
    "Himmelblau",
    source="Himmelblau (1972), Applied Nonlinear Programming, McGraw-Hill",
    box=(-6.0, 6.0),
    dims=2,
    minima=[
        (3.0, 2.0),
        (3.5844283403304917, -1.8481265269644036),
        (-3.7793102533777469, -3.2831859912861694),
        (-2.8051180869527449, 3.131312518250573),
    ],
    n_minima=4,
    global_value=0.0,
    saddles=[
        (0.086677504555396352, 2.8842547011747761),
        (3.3851541836070209, 0.073851879837749288),
        (-3.0730257507643896, -0.081353044287967512),
        (-0.12796134673068007, -1.9537149802445764),
    ],
)
def himmelblau(x):
    """Himmelblau: four equally deep minima with basins of nearly equal size.

    f(x) = (x_1^2 + x_2 - 11)^2 + (x_1 + x_2^2 - 7)^2; four minima, f = 0 in all; four saddles, one maximum.
    """
    return (x[0] ** 2 + x[1] - 11.0) ** 2 + (x[0] + x[1] ** 2 - 7.0) ** 2


@landscape(
    "Six-hump camel",
    source=DIXON_SZEGO,
    box=[(-3.0, 3.0), (-2.0, 2.0)],
    dims=2,
    minima=[
        (sign * u, sign * v)
        for u, v in (
            (0.089842013100318062, -0.71265640302073963),
            (1.7036067149699808, -0.79608356867262512),
            (1.6071047529201972, 0.56865145488413137),
        )
        for sign in (1.0, -1.0)
    ],
    n_minima=6,
    global_value=-1.0316284534898774,
)
def six_hump_camel(x):
    """Six-hump camel: three pairs of minima, symmetric about the origin.

    f(x) = (4 - 2.1 x_1^2 + x_1^4 / 3) x_1^2 + x_1 x_2 + (4 x_2^2 - 4) x_2^2; f = -1.031628453 twice,
    -0.215463824 twice, 2.104250310 twice.
    """
    u, v = x[0], x[1]
    return (4.0 - 2.1 * u**2 + u**4 / 3.0) * u**2 + u * v + (4.0 * v**2 - 4.0) * v**2


@landscape(
    "Branin",
    source="Branin (1972), IBM J. Research and Development 16, 504-522, as in " + DIXON_SZEGO,
    box=[(-5.0, 10.0), (0.0, 15.0)],
    dims=2,
    minima=[(-pi, 12.275), (pi, 2.275), (3.0 * pi, 2.475)],
    n_minima=3,
    global_value=5.0 / (4.0 * pi),
    remarks="more minima of the same value are outside the box, one every 2 pi in x_1",
)
def branin(x):
    """Branin: three equally deep minima along a bent valley.

    f(x) = (x_2 - 5.1 x_1^2 / (4 pi^2) + 5 x_1 / pi - 6)^2 + 10 (1 - 1 / (8 pi)) cos(x_1) + 10;
    minima (-pi, 12.275), (pi, 2.275), (3 pi, 2.475), f = 5 / (4 pi) = 0.397887358 in all.
    """
    valley = x[1] - 5.1 / (4.0 * np.pi**2) * x[0] ** 2 + 5.0 / np.pi * x[0] - 6.0
    return valley**2 + 10.0 * (1.0 - 1.0 / (8.0 * np.pi)) * np.cos(x[0]) + 10.0


@landscape(
    "Goldstein-Price",
    source="Goldstein & Price (1971), Mathematics of Computation 25, 569-574",
    box=(-2.0, 2.0),
    dims=2,
    minima=[(0.0, -1.0), (-0.6, -0.4), (1.8, 0.2), (1.2, 0.8)],
    n_minima=4,
    global_value=3.0,
    remarks="values in the box span six orders of magnitude",
)
def goldstein_price(x):
    """Goldstein-Price: a polynomial of degree eight with four minima.

    f(x) = [1 + (x_1 + x_2 + 1)^2 (19 - 14 x_1 + 3 x_1^2 - 14 x_2 + 6 x_1 x_2 + 3 x_2^2)]
    * [30 + (2 x_1 - 3 x_2)^2 (18 - 32 x_1 + 12 x_1^2 + 48 x_2 - 36 x_1 x_2 + 27 x_2^2)];
    f(0, -1) = 3, f(-0.6, -0.4) = 30, f(1.8, 0.2) = 84, f(1.2, 0.8) = 840.
    """
    u, v = x[0], x[1]
    left = 19.0 - 14.0 * u + 3.0 * u**2 - 14.0 * v + 6.0 * u * v + 3.0 * v**2
    right = 18.0 - 32.0 * u + 12.0 * u**2 + 48.0 * v - 36.0 * u * v + 27.0 * v**2
    return (1.0 + (u + v + 1.0) ** 2 * left) * (30.0 + (2.0 * u - 3.0 * v) ** 2 * right)


@landscape(
    "Beale",
    source="Beale (1958), On an iterative method for finding a local minimum, Princeton Technical Report 25; "
    "More, Garbow & Hillstrom (1981), ACM TOMS 7, 17-41, problem 5",
    box=(-4.5, 4.5),
    dims=2,
    minima=[(3.0, 0.5)],
    n_minima=1,
    global_value=0.0,
    saddles=[(0.0, 1.0), (0.10053793732415836, -2.644513585023125)],
    remarks="43 % of the starts never reach the minimum: 37 % drift to x_1 -> -infinity, x_2 -> 1 from above, where "
    "f falls for ever toward 0.45, and 6 % to x_1 -> 0, x_2 -> -infinity, where it falls toward 7.3",
)
def beale(x):
    """Beale: a steep-walled plain with one minimum and two valleys to infinity.

    f(x) = (1.5 - x_1 + x_1 x_2)^2 + (2.25 - x_1 + x_1 x_2^2)^2 + (2.625 - x_1 + x_1 x_2^3)^2;
    f(3, 0.5) = 0; two saddles in the box.
    """
    u, v = x[0], x[1]
    return (1.5 - u + u * v) ** 2 + (2.25 - u + u * v**2) ** 2 + (2.625 - u + u * v**3) ** 2


@landscape(
    "McCormick",
    source="Lootsma, ed. (1972), Numerical Methods for Non-Linear Optimization, Academic Press; "
    "box of Surjanovic & Bingham (2013)",
    box=[(-1.5, 4.0), (-3.0, 4.0)],
    dims=2,
    minima=[(0.5 - pi / 3.0, -0.5 - pi / 3.0), (0.5 + 2.0 * pi / 3.0, -0.5 + 2.0 * pi / 3.0)],
    n_minima=2,
    global_value=-0.5 * sqrt(3.0) - pi / 3.0,
    remarks="outside the box the minima go on for ever, one every (pi, pi), each lower by pi toward negative x",
)
def mccormick(x):
    """McCormick: a valley along the diagonal with one minimum for each period of a sine.

    f(x) = sin(x_1 + x_2) + (x_1 - x_2)^2 - 1.5 x_1 + 2.5 x_2 + 1; in the box -1.913222955 at (1/2 - pi/3, -1/2 - pi/3)
    and 1.228369699 at (1/2 + 2 pi/3, -1/2 + 2 pi/3).
    """
    return np.sin(x[0] + x[1]) + (x[0] - x[1]) ** 2 - 1.5 * x[0] + 2.5 * x[1] + 1.0


@landscape(
    "Mueller-Brown",
    source="Mueller & Brown (1979), Theoretica Chimica Acta 53, 75-93, note 7",
    box=[(-1.5, 1.2), (-0.2, 2.0)],
    dims=2,
    minima=[
        (-0.55822363463302428, 1.4417258418046687),
        (0.62349940493087651, 0.028037758528685666),
        (-0.050010822998206058, 0.46669410487197209),
    ],
    n_minima=3,
    global_value=-146.69951720995401,
    saddles=[(-0.8220015587327321, 0.62431280281487136), (0.21248658200066201, 0.29298832510736777)],
)
def mueller_brown(x):
    """Mueller-Brown: the model potential of reaction paths, three minima connected by two saddles.

    f(x) = sum_k A_k exp(a_k (x_1 - p_k)^2 + b_k (x_1 - p_k)(x_2 - q_k) + c_k (x_2 - q_k)^2),
    A = (-200, -100, -170, 15), a = (-1, -1, -6.5, 0.7), b = (0, 0, 11, 0.6),
    c = (-10, -10, -6.5, 0.7), p = (1, 0, -0.5, -1), q = (0, 0.5, 1.5, 1);
    minima -146.699517, -108.166724, -80.767818; saddles -40.664844, -72.248940.
    """
    u, v = x[0], x[1]
    return (
        -200.0 * np.exp(-((u - 1.0) ** 2) - 10.0 * v**2)
        - 100.0 * np.exp(-(u**2) - 10.0 * (v - 0.5) ** 2)
        - 170.0 * np.exp(-6.5 * (u + 0.5) ** 2 + 11.0 * (u + 0.5) * (v - 1.5) - 6.5 * (v - 1.5) ** 2)
        + 15.0 * np.exp(0.7 * (u + 1.0) ** 2 + 0.6 * (u + 1.0) * (v - 1.0) + 0.7 * (v - 1.0) ** 2)
    )
