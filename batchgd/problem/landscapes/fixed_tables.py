"""Landscapes of fixed dimension that are given by tables of centres and widths: Hartmann's and Shekel's."""

from __future__ import annotations

from typing import Any

import numpy as np

from batchgd.problem.landscapes.registry import also_named, landscape

_HARTMANN = (
    "Hartman (1973), Naval Research Logistics Quarterly 20, 569-576; coefficients of Dixon & Szego (1978), "
    "Towards Global Optimisation 2"
)
_SHEKEL = (
    "Shekel (1971), Test functions for multimodal search techniques, Fifth Annual Princeton Conference; "
    "coefficients of Dixon & Szego (1978), Towards Global Optimisation 2"
)

HARTMANN_HEIGHTS = (1.0, 1.2, 3.0, 3.2)
HARTMANN3_WIDTHS = ((3.0, 10.0, 30.0), (0.1, 10.0, 35.0), (3.0, 10.0, 30.0), (0.1, 10.0, 35.0))
HARTMANN3_CENTRES = (
    (0.3689, 0.1170, 0.2673),
    (0.4699, 0.4387, 0.7470),
    (0.1091, 0.8732, 0.5547),
    (0.0381, 0.5743, 0.8828),
)
HARTMANN6_WIDTHS = (
    (10.0, 3.0, 17.0, 3.5, 1.7, 8.0),
    (0.05, 10.0, 17.0, 0.1, 8.0, 14.0),
    (3.0, 3.5, 1.7, 10.0, 17.0, 8.0),
    (17.0, 8.0, 0.05, 10.0, 0.1, 14.0),
)
HARTMANN6_CENTRES = (
    (0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886),
    (0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991),
    (0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650),
    (0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381),
)
SHEKEL_CENTRES = (
    (4.0, 4.0, 4.0, 4.0),
    (1.0, 1.0, 1.0, 1.0),
    (8.0, 8.0, 8.0, 8.0),
    (6.0, 6.0, 6.0, 6.0),
    (3.0, 7.0, 3.0, 7.0),
    (2.0, 9.0, 2.0, 9.0),
    (5.0, 5.0, 3.0, 3.0),
    (8.0, 1.0, 8.0, 1.0),
    (6.0, 2.0, 6.0, 2.0),
    (7.0, 3.6, 7.0, 3.6),
)
SHEKEL_CONSTANTS = (0.1, 0.2, 0.2, 0.4, 0.4, 0.6, 0.3, 0.7, 0.5, 0.5)


def _hartmann(x: Any, widths: Any, centres: Any) -> Any:
    total = 0.0
    for height, width, centre in zip(HARTMANN_HEIGHTS, np.array(widths), np.array(centres), strict=True):
        total = total - height * np.exp(-np.sum(width * (x - centre) ** 2))
    return total


def _shekel(x: Any, holes: int) -> Any:
    total = 0.0
    for constant, centre in zip(SHEKEL_CONSTANTS[:holes], np.array(SHEKEL_CENTRES[:holes]), strict=True):
        total = total - 1.0 / (np.sum((x - centre) ** 2) + constant)
    return total


@landscape(
    "Hartmann 3-D",
    source=_HARTMANN,
    box=(0.0, 1.0),
    dims=3,
    minima=[
        (0.11458887665506897, 0.55564889461693004, 0.85254698468667744),
        (0.10933747837181026, 0.86052422570187165, 0.5641231666105351),
        (0.3687227270693186, 0.11756162882466426, 0.26757374301517134),
    ],
    n_minima=3,
    global_value=-3.8627797873326625,
    remarks="three minima; the number four that is often quoted counts the terms of the sum",
)
def hartmann3(x):
    """Hartmann 3-D: four narrow wells, two of which merge.

    f(x) = -sum_{k=1..4} h_k exp(-sum_j A_kj (x_j - P_kj)^2); three minima: -3.862779787, -3.089764134, -1.000816864.
    """
    return _hartmann(x, HARTMANN3_WIDTHS, HARTMANN3_CENTRES)


@landscape(
    "Hartmann 6-D",
    source=_HARTMANN,
    box=(0.0, 1.0),
    dims=6,
    minima=[
        (
            *(0.20168951100670542, 0.15001069182345797, 0.47687397422189699),
            *(0.27533243049405607, 0.31165161660011324, 0.65730053406562031),
        ),
        (
            *(0.40465312770617128, 0.88244492397238319, 0.84610157047818081),
            *(0.57398969243036575, 0.1389266036672439, 0.038495892478237268),
        ),
    ],
    n_minima=2,
    global_value=-3.3223680114155148,
    remarks="two minima inside the box; the number six that is often quoted is wrong",
)
def hartmann6(x):
    """Hartmann 6-D: four wells in six coordinates; only two have a minimum.

    f(x) = -sum_{k=1..4} h_k exp(-sum_j A_kj (x_j - P_kj)^2); two minima: -3.322368011 and -3.203161918.
    """
    return _hartmann(x, HARTMANN6_WIDTHS, HARTMANN6_CENTRES)


@landscape(
    "Shekel 5",
    source=_SHEKEL,
    box=(0.0, 10.0),
    dims=4,
    minima=[
        (4.0000371528196762, 4.0001332765915601, 4.0000371528196762, 4.0001332765915601),
        (7.9995833051208211, 7.9996415887121289, 7.9995833051208211, 7.9996415887121289),
        (1.0001315875670856, 1.0001563413719276, 1.0001315875670856, 1.0001563413719276),
        (5.998749537020335, 6.0002873669872161, 5.998749537020335, 6.0002873669872161),
        (3.0017963949110314, 6.9983339396224315, 3.0017963949110314, 6.9983339396224315),
    ],
    n_minima=5,
    global_value=-10.153199679058227,
)
def shekel5(x):
    """Shekel's foxholes, the first five.

    f(x) = -sum_{k=1..5} 1 / (sum_j (x_j - C_kj)^2 + b_k); five minima, the global one -10.153199679 near (4, 4, 4, 4).
    """
    return _shekel(x, 5)


@landscape(
    "Shekel 7",
    source=_SHEKEL,
    box=(0.0, 10.0),
    dims=4,
    minima=[
        (4.0005729161858233, 4.0006893661853042, 3.9994897088591506, 3.9996061588586315),
        (7.9995144141229697, 7.9996230183635864, 7.9994972607559099, 7.9996058649965265),
        (1.0002324803180538, 1.0002736525126572, 1.0001832113667201, 1.0002243835613234),
        (4.9942291347920674, 4.9949939429596322, 3.0060637322575513, 3.0068285404251162),
        (3.0009095872474365, 7.0006416229273377, 3.0003690324768964, 7.0001010681567976),
        (5.9981067536198332, 6.0000825805217565, 5.9973299728179346, 5.9993057997198579),
        (2.00480710857626, 8.9916834980117013, 2.0046209623308689, 8.9914973517663102),
    ],
    n_minima=7,
    global_value=-10.402940566818661,
)
def shekel7(x):
    """Shekel's foxholes, the first seven.

    f(x) = -sum_{k=1..7} 1 / (sum_j (x_j - C_kj)^2 + b_k); seven minima, the global one -10.402940567 near (4, 4, 4, 4).
    """
    return _shekel(x, 7)


@landscape(
    "Shekel 10",
    source=_SHEKEL,
    box=(0.0, 10.0),
    dims=4,
    minima=[
        (4.0007465315920467, 4.000592934138532, 3.9996633980403223, 3.9995098005868076),
        (7.9994784593959975, 7.999453550264035, 7.9994613048913578, 7.9994363957593953),
        (1.0003662605037493, 1.000302242612486, 1.0003169878847778, 1.0002529699935146),
        (4.9948720993774513, 4.9939814608124877, 3.0075559130125986, 3.006665274447635),
        (5.9990134512060625, 5.9972836645756486, 5.9982362487172113, 5.9965064620867973),
        (3.0012735898444122, 7.0002285160072525, 3.0007327988018693, 6.9996877249647096),
        (6.9916353636911771, 3.5955798542787266, 6.9906564457722332, 3.5946009363597826),
        (6.0055789053103157, 2.0100149836641154, 6.0043700630848928, 2.0088061414386926),
        (2.0051010843893274, 8.9912930656051525, 2.0049148773113071, 8.9911068585271322),
        (7.9867759441490439, 1.0122387923411639, 7.9864409091239731, 1.0119037573160931),
    ],
    n_minima=10,
    global_value=-10.536409816692043,
)
def shekel10(x):
    """Shekel's foxholes, all ten.

    f(x) = -sum_{k=1..10} 1 / (sum_j (x_j - C_kj)^2 + b_k); ten minima, the global one -10.536409817 near (4, 4, 4, 4).
    """
    return _shekel(x, 10)


also_named("shekel", "shekel10")
