"""Least-squares problems of Moré, Garbow and Hillstrom, ACM TOMS 7 (1981) 17: residuals, start, least sum."""

import numpy as np

BARD = np.array([0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39])
HALF = [0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521]
GAUSSIAN = np.array([*HALF, 0.3989, *HALF[::-1]])
MEYER = np.array(
    [34780, 28610, 23650, 19630, 16370, 13720, 11540, 9744, 8261, 7030, 6005, 5147, 4427, 3820, 3307, 2872.0]
)
KOWALIK = np.array([0.1957, 0.1947, 0.1735, 0.1600, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246])
DOSES = np.array([4.0, 2.0, 1.0, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625])
# fmt: off
OSBORNE_1 = 1e-3 * np.array([
    844, 908, 932, 936, 925, 908, 881, 850, 818, 784, 751, 718, 685, 658, 628, 603, 580, 558, 538, 522, 506, 490,
    478, 467, 457, 448, 438, 431, 424, 420, 414, 411, 406,
])
OSBORNE_2 = 1e-3 * np.array([
    1366, 1191, 1112, 1013, 991, 885, 831, 847, 786, 725, 746, 679, 608, 655, 616, 606, 602, 626, 651, 724, 649,
    649, 694, 644, 624, 661, 612, 558, 533, 495, 500, 423, 395, 375, 372, 391, 396, 405, 428, 429, 523, 562, 607,
    653, 672, 708, 633, 668, 645, 632, 591, 559, 597, 625, 739, 710, 729, 720, 636, 581, 428, 292, 162, 98, 54,
])
# fmt: on


def bard(x):
    u = np.arange(1.0, 16.0)
    return BARD - x[0] - u / ((16.0 - u) * x[1] + np.minimum(u, 16.0 - u) * x[2])


def gaussian(x):
    return x[0] * np.exp(-x[1] * ((8.0 - np.arange(1, 16)) / 2.0 - x[2]) ** 2 / 2.0) - GAUSSIAN


def osborne_2(x):
    t = np.arange(65) / 10.0
    peaks = sum(x[k] * np.exp(-((t - x[7 + k]) ** 2) * x[4 + k]) for k in (1, 2, 3))
    return OSBORNE_2 - x[0] * np.exp(-t * x[4]) - peaks


def brown_dennis(x):
    t = np.arange(1, 21) / 5.0
    return (x[0] + t * x[1] - np.exp(t)) ** 2 + (x[2] + x[3] * np.sin(t) - np.cos(t)) ** 2


def jennrich_sampson(x):
    i = np.arange(1, 11)
    return 2.0 + 2.0 * i - np.exp(i * x[0]) - np.exp(i * x[1])


def freudenstein_roth(x):
    return [-13.0 + x[0] + ((5.0 - x[1]) * x[1] - 2.0) * x[1], -29.0 + x[0] + ((x[1] + 1.0) * x[1] - 14.0) * x[1]]


def watson(x):
    t = np.arange(1, 30) / 29.0
    slope = sum(j * x[j] * t ** (j - 1) for j in range(1, len(x)))
    return np.concatenate([slope - sum(x[j] * t**j for j in range(len(x))) ** 2 - 1.0, [x[0], x[1] - x[0] ** 2 - 1.0]])


def chebyquad(x):
    before, now, found = np.ones(len(x)), 2.0 * x - 1.0, []
    for i in range(1, len(x) + 1):
        found.append(np.mean(now) + (1.0 / (i * i - 1.0) if i % 2 == 0 else 0.0))
        before, now = now, 2.0 * (2.0 * x - 1.0) * now - before
    return found


def powell_singular(x):
    return [
        x[0] + 10.0 * x[1],
        np.sqrt(5.0) * (x[2] - x[3]),
        (x[1] - 2.0 * x[2]) ** 2,
        np.sqrt(10.0) * (x[0] - x[3]) ** 2,
    ]


def box_three(x):
    t = np.arange(1, 11) / 10.0
    return np.exp(-t * x[0]) - np.exp(-t * x[1]) - x[2] * (np.exp(-t) - np.exp(-10.0 * t))


PROBLEMS = {
    "Rosenbrock": (lambda x: [10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]], [-1.2, 1.0], 0.0),
    "Freudenstein and Roth": (freudenstein_roth, [0.5, -2.0], 48.98425),
    "Powell, badly scaled": (
        lambda x: [1e4 * x[0] * x[1] - 1.0, np.exp(-x[0]) + np.exp(-x[1]) - 1.0001],
        [0.0, 1.0],
        0.0,
    ),
    "Brown, badly scaled": (lambda x: [x[0] - 1e6, x[1] - 2e-6, x[0] * x[1] - 2.0], [1.0, 1.0], 0.0),
    "Beale": (lambda x: np.array([1.5, 2.25, 2.625]) - x[0] * (1.0 - x[1] ** np.array([1, 2, 3])), [1.0, 1.0], 0.0),
    "Jennrich and Sampson": (jennrich_sampson, [0.3, 0.4], 124.3622),
    "Bard": (bard, [1.0, 1.0, 1.0], 8.214877e-3),
    "Gaussian": (gaussian, [0.4, 1.0, 0.0], 1.12793e-8),
    "Meyer": (
        lambda x: x[0] * np.exp(x[1] / (45.0 + 5.0 * np.arange(1, 17) + x[2])) - MEYER,
        [0.02, 4000.0, 250.0],
        87.94586,
    ),
    "Box, three-dimensional": (box_three, [0.0, 10.0, 20.0], 0.0),
    "Powell, singular": (powell_singular, [3.0, -1.0, 0.0, 1.0], 0.0),
    "Kowalik and Osborne": (
        lambda x: KOWALIK - x[0] * (DOSES**2 + DOSES * x[1]) / (DOSES**2 + DOSES * x[2] + x[3]),
        [0.25, 0.39, 0.415, 0.39],
        3.075056e-4,
    ),
    "Brown and Dennis": (brown_dennis, [25.0, 5.0, -5.0, -1.0], 85822.20),
    "Osborne 1": (
        lambda x: (
            OSBORNE_1 - x[0] - x[1] * np.exp(-10.0 * np.arange(33) * x[3]) - x[2] * np.exp(-10.0 * np.arange(33) * x[4])
        ),
        [0.5, 1.5, -1.0, 0.01, 0.02],
        5.464895e-5,
    ),
    "Osborne 2": (osborne_2, [1.3, 0.65, 0.65, 0.7, 0.6, 3.0, 5.0, 7.0, 2.0, 4.5, 5.5], 4.013774e-2),
    "Watson": (watson, [0.0] * 6, 2.287670e-3),
    "Chebyquad": (chebyquad, [k / 9.0 for k in range(1, 9)], 3.516874e-3),
    "linear, rank 1": (lambda x: np.arange(1, 21) * np.dot(np.arange(1, 6), x) - 1.0, [1.0] * 5, 190.0 / 41.0),
}
"""Sums of squares are those of the paper (0 where it gives 0), to the digits that MINPACK and others agree on."""
