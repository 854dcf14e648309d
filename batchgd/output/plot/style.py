"""Colours and sizes that all pictures share; legible with the common kinds of colour blindness."""

import numpy as np

OKABE_ITO = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#F0E442")
"""Okabe and Ito's colours (2008), blue first; without their black, because greys mean \"no minimum\" here."""

NO_LABEL = "#C9C9C9"
INK = "#1A1A1A"
STAR = "#FFFFFF"
TITLE_SIZE, NOTE_SIZE, LABEL_SIZE = 11, 8, 9

STATUS_COLOURS = {
    "GRADIENT": "#0072B2",
    "STEP": "#56B4E9",
    "VALUE": "#009E73",
    "STALLED": "#E69F00",
    "MAXITER": "#D55E00",
    "MAXTIME": "#CC79A7",
    "DIVERGED": "#333333",
    "NONFINITE": "#777777",
    "ESCAPED": "#A0522D",
    "INTERRUPTED": "#F0E442",
    "MAXFEV": "#8A3B00",
    "TARGET": "#004D80",
    "OSCILLATING": "#7A2E6B",
    "PLATEAU": "#00523B",
    "RUNNING": "#BBBBBB",
}

_GOLDEN_TURN = 0.381966011250105  # of a circle: successive labels are far apart in hue, however many there are
_FIRST_TURN, _CHROMA = 0.72, 0.13  # found by a search for the widest gap between any two of the first forty colours
_LIGHTNESS = (0.58, 0.80, 0.69, 0.50)  # consecutive labels also differ in lightness, which every eye sees


def palette(count: int) -> np.ndarray:
    """Return ``count`` colours for labels 0, 1, ..., shape (count, 3), RGB in [0, 1].

    The first seven are Okabe and Ito's; the following ones go through the hues of the OKLab space in golden-section
    steps at four lightnesses. A label's colour does not depend on the count, so it is the same in every picture.

    >>> palette(2).round(2).tolist()
    [[0.0, 0.45, 0.7], [0.9, 0.62, 0.0]]
    >>> palette(500).shape
    (500, 3)
    """
    first = np.array([[int(c[k : k + 2], 16) / 255 for k in (1, 3, 5)] for c in OKABE_ITO])
    index = np.arange(max(count - len(first), 0))
    turn = 2 * np.pi * np.mod(_FIRST_TURN + _GOLDEN_TURN * index, 1.0)
    lightness = np.take(_LIGHTNESS, index % len(_LIGHTNESS))
    return np.concatenate([first, _oklab_to_rgb(lightness, _CHROMA * np.cos(turn), _CHROMA * np.sin(turn))])[:count]


def blend(colours: np.ndarray, share: float) -> np.ndarray:
    """Return the colours mixed with white; ``share`` 1 leaves them unchanged, 0 is white."""
    return 1.0 - share * (1.0 - np.asarray(colours))


def _oklab_to_rgb(lightness: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """OKLab (Ottosson, 2020) to gamma-encoded sRGB, clipped to what a screen shows."""
    to_cone = np.array(
        [[1, 0.3963377774, 0.2158037573], [1, -0.1055613458, -0.0638541728], [1, -0.0894841775, -1.2914855480]]
    )
    to_linear = np.array(
        [
            [4.0767416621, -3.3077115913, 0.2309699292],
            [-1.2684380046, 2.6097574011, -0.3413193965],
            [-0.0041960863, -0.7034186147, 1.7076147010],
        ]
    )
    linear = np.clip((np.stack([lightness, a, b], axis=1) @ to_cone.T) ** 3 @ to_linear.T, 0.0, 1.0)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
