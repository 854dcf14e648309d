"""Landscapes with symmetries: clusters of atoms, charges on a sphere, a network that learns XOR, a ring of spins."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np

from batchgd.problem.landscapes.registry import landscape
from batchgd.problem.symmetry import cluster, hidden_units, periods, permutations, rotations, scalings, translations

# fmt: off
_LENNARD_JONES = dict(enumerate((
    -1.0, -3.0, -6.0, -9.103852, -12.712062, -16.505384, -19.821489, -24.113360, -28.422532, -32.765970, -37.967600,
    -44.326801, -47.845157, -52.322627, -56.815742, -61.317995, -66.530949, -72.659782, -77.177043, -81.684571,
    -86.809782, -92.844472, -97.348815, -102.372663, -108.315616, -112.873584, -117.822402, -123.587371, -128.286571,
    -133.586422, -139.635524, -144.842719, -150.044528, -155.756643, -161.825363, -167.033672, -173.928427,
), 2))
"""Lowest energies of 2 to 38 atoms, to six decimals."""
# fmt: on

_MORSE_RANGE = 6.0
_DECAY = 0.03  # of the network's weights


def _pairs(n: int) -> tuple[Any, Any]:
    return np.triu_indices(n, 1)


def _ring(n: int, radius: float, height: float = 0.0) -> list[tuple[float, float, float]]:
    angle = 2.0 * np.pi * np.arange(n) / n
    return [(radius * float(np.cos(a)), radius * float(np.sin(a)), height) for a in angle]


def _bipyramid(n: int, radius: float, height: float) -> list[tuple[float, float, float]]:
    return [*_ring(n, radius), (0.0, 0.0, height), (0.0, 0.0, -height)]


def _simplex(n: int, side: float) -> list[tuple[float, float, float]]:
    """Two, three or four atoms, all ``side`` apart."""
    corners = [(1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1)]
    return [tuple(side / sqrt(8.0) * t for t in corner) for corner in corners[:n]]  # type: ignore[misc]


def _octahedron(radius: float) -> list[tuple[float, float, float]]:
    return _bipyramid(4, radius, radius)


def _icosahedron(radius: float) -> list[tuple[float, float, float]]:
    height, width = radius / sqrt(5.0), 2.0 * radius / sqrt(5.0)
    lower = [(-x, -y, -z) for x, y, z in _ring(5, width, height)]
    return [*_ring(5, width, height), *lower, (0.0, 0.0, radius), (0.0, 0.0, -radius)]


def _best(shapes: dict[int, Any]) -> Any:
    """The listed minimum of each dimension, as one row."""
    return lambda dim: np.array(shapes[dim // 3], float).reshape(1, -1) if dim // 3 in shapes else np.empty((0, dim))


_LENNARD_JONES_SHAPES: dict[int, Any] = {n: _simplex(n, 2.0 ** (1 / 6)) for n in (2, 3, 4)} | {
    5: _bipyramid(3, 0.64899572749819570443, 0.91293855015835358798),
    6: _octahedron(0.79015362013203027889),
    7: _bipyramid(5, 0.95620630960265234804, 0.57387016921940045058),
}
_MORSE_SHAPES: dict[int, Any] = {n: _simplex(n, 1.0) for n in (2, 3, 4)} | {
    5: _bipyramid(3, 0.57794749241214219565, 0.81421973159546898203),
    6: _octahedron(0.70394356812907272322),
    7: _bipyramid(5, 0.85331448863219778392, 0.50972671561792627533),
}


def _lowest(fun: Any, shapes: dict[int, Any], others: dict[int, float], dim: int) -> float | None:
    """The lowest value of this many atoms: that of the listed shape, or a number from the literature."""
    n = dim // 3
    return float(fun(np.array(shapes[n], float).ravel())) if n in shapes else others.get(n)


def _within(radius: float) -> Any:
    """A box around as many atoms, each of which has the same room; a narrow one, because few of the wide arrangements
    that starts in a wide one fall into are those of low energy."""
    return lambda dim: (-radius * (dim / 3) ** (1 / 3), radius * (dim / 3) ** (1 / 3))


@landscape(
    "Lennard-Jones",
    source="Jones (1924), Proc. R. Soc. A 106, 463-477; energies: Cambridge Cluster Database, Wales & Doye (1997), "
    "J. Phys. Chem. A 101, 5111-5116; numbers of minima to 9 atoms: Tsai & Jordan (1993), J. Phys. Chem. 97, "
    "11227-11237",
    box=_within(0.5),
    dims=(6, None),
    size=("atoms", 3, 0),
    default_dim=21,
    symmetry=cluster(),
    minima=_best(_LENNARD_JONES_SHAPES),
    n_minima=lambda dim: {2: 1, 3: 1, 4: 1, 5: 1, 6: 2, 7: 4, 8: 8, 9: 21}.get(dim // 3),
    global_value=lambda dim: _lowest(lennard_jones, _LENNARD_JONES_SHAPES, _LENNARD_JONES, dim),
    remarks="equal atoms in free space: minima are counted up to permutations, rotations, reflections and "
    "translations; their number grows exponentially, and 38 atoms have a double funnel",
)
def lennard_jones(x):
    """Lennard-Jones cluster: equal atoms that attract each other from afar and repel when they overlap.

    f(x) = 4 sum_{i<j} r_ij^-12 - r_ij^-6 with the distances r_ij of n atoms, x = (x_1, y_1, z_1, x_2, ...);
    f = -16.505384 for 7 atoms, -173.928427 for 38; 4 minima for 7 atoms, 21 for 9.
    """
    r = x.reshape(-1, 3)
    i, j = _pairs(len(r))
    s6 = 1.0 / np.sum((r[i] - r[j]) ** 2, axis=1) ** 3
    return 4.0 * np.sum(s6 * s6 - s6)


@landscape(
    "Morse",
    source="Morse (1929), Phys. Rev. 34, 57-64; as clusters with a range of 6: Doye, Wales & Berry (1995), "
    "J. Chem. Phys. 103, 4234-4249",
    box=_within(0.45),
    dims=(6, None),
    size=("atoms", 3, 0),
    default_dim=21,
    symmetry=cluster(),
    minima=_best(_MORSE_SHAPES),
    n_minima=lambda dim: {2: 1, 3: 1, 4: 1, 5: 1}.get(dim // 3),
    global_value=lambda dim: _lowest(morse, _MORSE_SHAPES, {}, dim),
    remarks="equal atoms in free space, minima counted as for lennard_jones; softer at short distances",
)
def morse(x):
    """Morse cluster: equal atoms with a potential of adjustable range, here 6.

    f(x) = sum_{i<j} e_ij (e_ij - 2) with e_ij = exp(6 (1 - r_ij)) and the distances r_ij of n atoms;
    f = -1, -3, -6 for 2, 3, 4 atoms, -16.207580 for 7.
    """
    r = x.reshape(-1, 3)
    i, j = _pairs(len(r))
    e = np.exp(_MORSE_RANGE * (1.0 - np.sqrt(np.sum((r[i] - r[j]) ** 2, axis=1))))
    return np.sum(e * (e - 2.0))


_RADIUS = 0.9  # of listed points: inside the box; any other would do
_CHARGES: dict[int, Any] = {
    2: [(0.0, 0.0, _RADIUS), (0.0, 0.0, -_RADIUS)],
    3: _ring(3, _RADIUS),
    4: _simplex(4, sqrt(8.0 / 3.0) * _RADIUS),
    5: _bipyramid(3, _RADIUS, _RADIUS),
    6: _octahedron(_RADIUS),
    7: _bipyramid(5, _RADIUS, _RADIUS),
    12: _icosahedron(_RADIUS),
}
_OTHER_CHARGES = {8: 19.675287861, 16: 92.911655302}
"""Energies of shapes that have no closed form."""


@landscape(
    "Thomson",
    source="Thomson (1904), Phil. Mag. 7, 237-265; two minima from 16 charges on: Erber & Hockney (1991), "
    "J. Phys. A 24, L1369-L1377",
    box=(-1.0, 1.0),
    dims=(6, None),
    size=("charges", 3, 0),
    default_dim=36,
    symmetry=permutations() * rotations(mirror=True) * scalings(),
    minima=_best(_CHARGES),
    n_minima=lambda dim: 1 if dim // 3 <= 15 else {16: 2}.get(dim // 3),
    global_value=lambda dim: _lowest(thomson, _CHARGES, _OTHER_CHARGES, dim),
    remarks="only the directions of the charges matter: minima are counted up to permutations, rotations and "
    "reflections",
)
def thomson(x):
    """Thomson's problem: equal charges on the unit sphere.

    f(x) = sum_{i<j} 1 / |p_i - p_j| with p_i = r_i / |r_i| and n vectors r_i; f = 49.165253 for 12 charges (an
    icosahedron); one minimum up to 15 charges, two for 16.
    """
    r = x.reshape(-1, 3)
    p = r / np.sqrt(np.sum(r * r, axis=1))[:, None]
    i, j = _pairs(len(p))
    return np.sum(1.0 / np.sqrt(np.sum((p[i] - p[j]) ** 2, axis=1)))


_XOR_UNIT = (1.006697543787448072, 0.89907718866018522927, -1.5300443718130617151)
_XOR = {
    5: (
        *(-1.2544537625802122057, -1.2544537625802122057),
        -1.9144313743136336005,
        *(-0.83249365397438475216, -0.49195977248622418878),
    ),
    9: (-_XOR_UNIT[0], *_XOR_UNIT, _XOR_UNIT[0], -_XOR_UNIT[0], *_XOR_UNIT[1:], 1.2302806036166253987),
}
"""One of the lowest minima of one and two hidden units."""


def _units(dim: int) -> Any:
    return hidden_units([range(k, k + 4) for k in range(0, dim - 1, 4)])


@landscape(
    "XOR network",
    source="the network of Rumelhart, Hinton & Williams (1986), Parallel Distributed Processing 1, 318-362, with tanh "
    "units, inputs and targets of -1 and 1, a linear output and weight decay; its minima counted with SciPy",
    box=(-3.0, 3.0),
    dims=(5, None),
    size=("hidden units", 4, 1),
    default_dim=9,
    symmetry=_units,
    minima=lambda dim: [_XOR[dim]] if dim in _XOR else np.empty((0, dim)),
    n_minima=lambda dim: {5: 5, 9: 6, 13: 2, 17: 3}.get(dim),
    global_value=lambda dim: {5: 2.9986642986437652, 9: 0.36590744480556070, 13: 0.364911432, 17: 0.336574955}.get(dim),
    remarks="minima are counted up to exchanges of hidden units and their signs: without that the 6 of two hidden "
    "units are 48, the 3 of four are hundreds",
)
def xor_network(x):
    """XOR network: two inputs, a layer of tanh units and a linear output, fitted to exclusive or.

    f(x) = sum of (output - target)^2 over the four cases + 0.03 |x|^2; each hidden unit has four coordinates (two
    weights, bias, weight of the output), the last coordinate is the output's bias; f = 0.365907 for two hidden units,
    where four of the six minima are at 2.386577.
    """
    a, b = np.array([-1.0, -1.0, 1.0, 1.0]), np.array([-1.0, 1.0, -1.0, 1.0])
    output = x[-1]
    for k in range(0, len(x) - 1, 4):
        output = output + x[k + 3] * np.tanh(x[k] * a + x[k + 1] * b + x[k + 2])
    return np.sum((output + a * b) ** 2) + _DECAY * np.sum(x**2)


def _twists(dim: int) -> list[int]:
    """Full turns around the ring in its minima, the fewest first."""
    most = -(-dim // 4) - 1
    return sorted(range(-most, most + 1), key=abs)


@landscape(
    "XY ring",
    source="Wiley, Strogatz & Girvan (2006), Chaos 16, 015103 (twisted states of identical oscillators; those "
    "with less than a quarter turn per bond are stable)",
    box=(0.0, 2.0 * np.pi),
    dims=(3, None),
    size=("spins", 1, 0),
    default_dim=10,
    symmetry=translations(1) * periods(2.0 * np.pi),
    minima=lambda dim: [
        0.1 + np.mod(2.0 * np.pi * turns * np.arange(dim) / dim, 2.0 * np.pi) for turns in _twists(dim)
    ],
    n_minima=lambda dim: len(_twists(dim)),
    global_value=lambda dim: -float(dim),
    remarks="angles have a period of 2 pi, and all may be turned together; minima are counted up to that",
)
def xy_ring(x):
    """XY ring: planar spins in a circle, each aligned with its two neighbours.

    f(x) = -sum_i cos(x_{i+1} - x_i), x_{n+1} = x_1; one minimum for each number q of full turns around the ring with
    |q| < n / 4, f = -n cos(2 pi q / n); 5 minima for 10 spins.
    """
    return -np.sum(np.cos(np.roll(x, -1) - x))
