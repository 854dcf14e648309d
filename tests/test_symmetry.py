"""Symmetries: what they identify and what they keep apart, and minima, saddles and labels up to them."""

from __future__ import annotations

import json

import numpy as np
import pytest

import batchgd as bgd
from batchgd import InputError
from batchgd import symmetry as sym
from batchgd.cli import main

ENERGIES = {  # of all minima of 5 to 8 atoms, from independent code
    5: [-9.103852416],
    6: [-12.712062257, -12.302927530],
    7: [-16.505384168, -15.935043060, -15.593210938, -15.533060055],
    8: [
        *(-19.821489192, -19.765297851, -19.189311411, -19.169279771),
        *(-18.976056340, -18.856826168, -18.828671550, -18.778208174),
    ],
}
CASES = {
    "cluster": (sym.cluster(), 24),
    "one atom": (sym.cluster(), 3),
    "two atoms": (sym.cluster(), 6),
    "without reflections": (sym.cluster(mirror=False), 15),
    "two kinds of atoms": (sym.cluster(groups=[[0, 1, 2], [3, 4]]), 18),
    "in a plane": (sym.cluster(2), 14),
    "coordinates in columns": (sym.cluster(np.arange(12).reshape(3, 4).T), 12),
    "rotations alone": (sym.rotations(), 12),
    "a dipole and other numbers": (sym.rotations([[0, 1, 2], [4, 5, 6]]), 8),
    "charges": (sym.permutations() * sym.rotations(mirror=True) * sym.scalings(), 18),
    "translations": (sym.translations(1), 5),
    "periodic atoms": (sym.permutations(2) * sym.translations(2) * sym.periods(1.0), 12),
    "slab": (sym.permutations(3) * sym.periods([2.0, 3.0, 2.0, 3.0], coordinates=[0, 1, 3, 4]), 6),
    "signs": (sym.signs(), 6),
    "one sign": (sym.signs([range(6)]), 6),
    "numbers": (sym.permutations(1), 7),
    "network": (sym.hidden_units([range(0, 4), range(4, 8), range(8, 12)]), 13),
    "network without signs": (sym.hidden_units([[0, 2], [1, 3]], odd=False), 5),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("seed", range(4))
def test_a_copy_is_the_same_and_another_point_is_not(name, seed):
    symmetry, dim = CASES[name]
    x = np.random.default_rng(seed).uniform(-1.0, 1.0, dim)
    copies = np.array([symmetry.copy(x, k) for k in range(8)])
    moved, same = symmetry.align(x, copies, 1e-9)
    assert same.all()
    np.testing.assert_allclose(moved, np.tile(x, (8, 1)), atol=1e-9)
    np.testing.assert_allclose(symmetry.fingerprint(copies), np.tile(symmetry.fingerprint(x), (8, 1)), atol=1e-9)
    assert bgd.Identity(symmetry=str(symmetry)).symmetry == symmetry
    if dim > 3:
        other = x.copy()
        other[0] += 1e-3
        assert not symmetry.align(x, np.array([symmetry.copy(other, k) for k in range(8)]), 1e-6)[1].any()


@pytest.mark.parametrize("name", CASES)
def test_zero_modes_are_tangents_of_the_set_of_copies(name):
    symmetry, dim = CASES[name]
    x = np.random.default_rng(1).uniform(-1.0, 1.0, dim)
    modes = symmetry.zero_modes(x)
    np.testing.assert_allclose(modes @ modes.T, np.eye(len(modes)), atol=1e-12)
    for mode in modes:
        off = np.abs(symmetry.fingerprint(x + 1e-4 * mode) - symmetry.fingerprint(x)).max()
        assert off < 1e-7


@pytest.mark.parametrize(
    ("symmetry", "x", "modes"),
    [
        (sym.cluster(), np.random.default_rng(0).normal(size=9), 6),
        (sym.cluster(), [0, 0, 0, 1, 1, 1], 5),  # on a line
        (sym.cluster(2), np.random.default_rng(0).normal(size=8), 3),
        (sym.rotations(), np.random.default_rng(0).normal(size=9), 3),
        (sym.rotations() * sym.scalings(), np.random.default_rng(0).normal(size=12), 7),
        (sym.translations(1) * sym.periods(1.0), [0.1, 0.7], 1),
        (sym.permutations(1) * sym.signs(1), [0.1, 0.7], 0),
    ],
)
def test_numbers_of_zero_modes(symmetry, x, modes):
    assert len(symmetry.zero_modes(x)) == modes


def test_mirror_images_are_one_or_two():
    x = np.random.default_rng(3).normal(size=(5, 3))
    mirrored = (x * [1, 1, -1]).ravel()
    assert sym.cluster().same(x.ravel(), mirrored)
    assert not sym.cluster(mirror=False).same(x.ravel(), mirrored)
    flat = x * [1, 1, 0]  # in a plane it is its own mirror image
    assert sym.cluster(mirror=False).same(flat.ravel(), (flat * [-1, 1, 1]).ravel())


def test_equal_distances_do_not_make_two_sets_the_same():
    """Homometric sets: all distances agree, but no motion takes one to the other (Bloom 1977)."""
    a, b = ([[t, 0.0] for t in row] for row in ((0, 1, 4, 10, 12, 17), (0, 1, 8, 11, 13, 17)))
    i, j = np.triu_indices(6, 1)
    distances = [np.sort(np.linalg.norm(np.array(r)[i] - np.array(r)[j], axis=1)) for r in (a, b)]
    np.testing.assert_array_equal(*distances)
    assert not sym.cluster(2).same(np.ravel(a), np.ravel(b))


def test_an_icosahedron_is_recognised_in_every_order():
    shape = bgd.landscapes.get("thomson").minima(36)[0]
    atoms = np.append(shape, [0.0, 0.0, 0.0])
    assert sym.cluster(mirror=False).align(atoms, np.array([sym.cluster().copy(atoms, k) for k in range(50)]))[1].all()


@pytest.mark.parametrize(
    ("symmetry", "dim", "message"),
    [
        ("rotation", 6, "unknown symmetry 'rotation': did you mean 'rotations'?"),
        ("rotations(4)", 8, "rotations of vectors of 4 coordinates: give vectors of 2 or 3 coordinates"),
        ("cluster", 7, "x has 7 coordinates, but the symmetry permutations(3) needs a multiple of 3"),
        ("rotations(2) + signs(2)", 4, "write a product such as 'permutations(3) * signs(3)'"),
        ("rotations(2) * signs(2)", 4, "rotations and signs of the same vectors cannot be combined"),
        ("permutations(2) * signs(1)", 4, "act on coordinate 0 as members of different vectors"),
        ("hidden_units([[0, 1], [2, 9]])", 4, "names coordinate 9, but x has 4: count from 0"),
        ("periods(-1)", 4, "period is -1: give a positive period"),
        ("permutations(1, groups=[[0, 0]])", 4, "give each vector's number once at most"),
        ("periods(1, coordinates=[0, 0])", 4, "coordinates is [0, 0]: give each coordinate's number once"),
        ("periods(1, coordinates=[])", 4, "coordinates is []: give each coordinate's number once"),
        (3.0, 4, "symmetry is 3.0: give one of bgd.symmetry"),
    ],
)
def test_bad_symmetries_are_refused_before_any_work(symmetry, dim, message):
    with pytest.raises(InputError) as error:
        bgd.multistart(lambda x: np.sum(x**2), box=[(-1, 1)] * dim, identity={"symmetry": symmetry}, starts=5)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("atoms", "starts"), [(5, 50), (6, 300), (7, 300), (8, 1500)])
def test_all_minima_of_small_clusters(atoms, starts):
    result = bgd.multistart("lennard_jones", atoms=atoms, starts=starts)
    assert len(result.minima) == bgd.landscapes.get("lennard_jones").n_minima(3 * atoms) == len(ENERGIES[atoms])
    np.testing.assert_allclose(result.minima.fun, ENERGIES[atoms], atol=2e-9)
    assert set(result.minima.kind) == {"minimum"}
    assert result.minima.free.max() == 0
    assert (np.abs(result.minima.eigenvalues[:, :6]) < 1e-8).all()
    assert (result.minima.eigenvalues[:, 6] > 1e-2).all()
    assert result.minima.count.sum() == starts
    np.testing.assert_allclose(result.fun, result.minima.fun[result.label], atol=1e-6)
    assert result.warnings == ()


def test_nine_atoms_have_21_minima_and_eight_of_them_are_chiral():
    result = bgd.multistart("lennard_jones", atoms=9, starts=6000)
    assert len(result.minima) == 21
    assert result.minima.fun[0] == pytest.approx(-24.113360, abs=1e-6)
    assert len(result.recluster({"symmetry": sym.cluster(mirror=False)}).minima) == 29


@pytest.mark.parametrize("backend", ["cpu", "numpy"])
def test_labels_of_classes_are_those_of_values(backend):
    result = bgd.multistart("lennard_jones", atoms=6, starts=300, backend=backend)
    assert (result.label == (result.fun > -12.5)).all()
    again = bgd.multistart("lennard_jones", atoms=6, starts=300, seed=5, backend=backend)
    assert bgd.diff(result, again).both.tolist() == [[0, 0], [1, 1]]


@pytest.mark.parametrize("charges", [4, 5, 7, 12, 16])
def test_charges_on_a_sphere(charges):
    energies = {4: 3.674234614, 5: 6.474691495, 6: 9.985281374, 7: 14.452977414, 8: 19.675287861, 12: 49.165253058}
    result = bgd.multistart("thomson", dim=3 * charges, starts=60)
    wanted = [92.911655302, 92.920353962] if charges == 16 else [energies[charges]]
    np.testing.assert_allclose(result.minima.fun, wanted, atol=2e-9)
    assert set(result.minima.kind) == {"minimum"}


@pytest.mark.parametrize(("hidden", "minima"), [(1, 5), (2, 6), (4, 3)])
def test_minima_of_a_network_up_to_its_hidden_units(hidden, minima):
    result = bgd.multistart("xor_network", dim=4 * hidden + 1, starts=1000)
    assert len(result.minima) == minima
    assert result.minima.fun[0] == pytest.approx(bgd.landscapes.get("xor_network").global_value(4 * hidden + 1))


def test_the_copies_of_a_network_are_named_if_no_symmetry_is_given():
    fun = bgd.landscapes.get("xor_network").fun
    result = bgd.multistart(fun, box=[(-3, 3)] * 9, starts=2000)
    assert len(result.minima) == 48
    assert "hidden_units" in result.warnings[-1]
    units = sym.hidden_units([range(4), range(4, 8)])
    assert len(result.recluster({"symmetry": units}).minima) == 6
    assert len(bgd.multistart("xor_network", starts=2000, identity={"symmetry": "none"}).minima) == 48


COPIES = {  # functions of which all lowest minima are copies of one
    "signs(1)": lambda x: np.sum(np.array([1.0, 2.0, 3.0]) * (x**2 - np.array([1.0, 0.5, 0.8])) ** 2),
    "permutations(1)": lambda x: (
        np.sum((x - 1.0) ** 2 * (x - 2.0) ** 2 * (x - 3.0) ** 2 * (x - 4.0) ** 2)
        + sum(np.exp(-4.0 * (x[i] - x[j]) ** 2) for i in range(4) for j in range(i))
    ),
}


@pytest.mark.parametrize("name", COPIES)
def test_signs_and_permutations_of_coordinates_are_named_if_no_symmetry_is_given(name):
    result = bgd.multistart(COPIES[name], box=[(-4, 5)] * (3 if name == "signs(1)" else 4), starts=2000)
    assert len(result.minima) >= 8
    assert f"bgd.Identity(symmetry='{name}') they are one minimum" in result.warnings[-1]
    assert len(result.recluster({"symmetry": name}).minima) < len(result.minima) / 4


def test_all_output_names_the_symmetry():
    result = bgd.multistart("lennard_jones", atoms=5, starts=20)
    words = "minima are counted up to permutations, rotations, reflections and translations of vectors of 3 coordinates"
    assert words in " ".join(str(result).split())
    assert words in result._repr_html_()
    assert bgd.Identity(**result.summary()["identity"]) == result.identity
    plain = bgd.multistart("himmelblau", starts=20)
    assert "counted up to" not in str(plain)
    assert plain.summary()["identity"] == {"x": 1e-6, "f": 1e-9, "symmetry": None}


def test_twisted_states_of_a_ring_of_spins():
    result = bgd.multistart("xy_ring", dim=8, starts=500)
    np.testing.assert_allclose(result.minima.fun, [-8.0, *[-8.0 * np.sqrt(0.5)] * 2], atol=1e-9)
    turns = np.round(np.sum(np.angle(np.exp(1j * np.diff(result.minima.x, append=result.minima.x[:, :1]))), axis=1))
    assert sorted(turns / 6) == [-1.0, 0.0, 1.0]


def test_without_a_symmetry_minima_are_listed_as_sets_and_the_option_is_named():
    fun = bgd.landscapes.get("lennard_jones").fun
    result = bgd.multistart(fun, box=[(-1, 1)] * 24, starts=800)
    np.testing.assert_allclose(result.minima.fun, ENERGIES[8], atol=1e-8)
    assert set(result.minima.kind) == {"valley"}
    assert len(result.warnings) == 1
    assert "6 zero modes" in result.warnings[0]
    assert "symmetry='cluster'" in result.warnings[0]


def test_saddles_between_classes():
    """Six atoms: 2 minima and 3 transition states (Wales, Energy Landscapes, 2003); seven have 4 and 12."""
    saddles = bgd.multistart("lennard_jones", atoms=6, starts=300).connect(border_points=0, rounds=1)
    assert 2 <= len(saddles) <= 3  # the walkers may miss one, but none appears twice
    assert saddles.fun[0] == pytest.approx(-12.079031, abs=1e-6)
    assert saddles.joins[0].tolist() == [0, 1]
    assert saddles.unconnected == []


def test_the_shell_connects_clusters_of_atoms(capsys):
    """Five atoms have one minimum, which two saddles connect with copies of itself."""
    assert main(["connect", "lennard_jones", "--atoms", "5", "--starts", "30", "--border-points", "0", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert len(record["minima"]) == 1
    assert [row["joins"] for row in record["saddles"]] == [[0, 0]] * 2


TILTED = [
    ("signs", "signs(1)"),
    ("signs([[0]]) * permutations([[1], [2]])", "permutations(((1,), (2,)))"),
    ("permutations([[1], [2]]) * periods(4, [0])", "permutations(((1,), (2,)))"),
    ("signs([[0]]) * periods(2, [2])", "periods(period=2.0, coordinates=(2,))"),
    ("cluster", "rotations(3, mirror=True)"),
]


def wells(x):
    """Even in x0 alone; no two coordinates are alike."""
    return np.sum((x**2 - 1.0) ** 2) + 0.001 * x[1] + 0.002 * x[2]


@pytest.mark.parametrize(("symmetry", "wrong"), TILTED)
@pytest.mark.parametrize("fun", [wells, bgd.Callback(wells)], ids=["traced", "callback"])
def test_a_symmetry_that_the_function_does_not_have_is_refused(fun, symmetry, wrong):
    with pytest.raises(InputError, match="does not have the symmetry") as error:
        bgd.multistart(fun, box=[(-1.5, 1.5)] * 3, starts=5, identity={"symmetry": symmetry})
    assert f"does not have the symmetry {wrong}: at x = (" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_false_symmetry_is_refused_by_everything_that_takes_one():
    box, identity = [(-1.5, 1.5)] * 3, {"symmetry": "signs"}
    result = bgd.multistart(wells, box=box, starts=20)
    calls = [
        lambda: result.recluster(identity),
        lambda: bgd.multistart(wells, box=box, starts=5, identity=identity, strategy=bgd.BasinHopping(hops=2)),
        lambda: bgd.map(wells, box=box, resolution=8, identity=identity),
    ]
    for call in calls:
        with pytest.raises(InputError, match="does not have the symmetry signs"):
            call()


@pytest.mark.parametrize(
    ("fun", "symmetry"),
    [(lambda x: 1e8 + np.sum(np.cos(x)), "periods(2)"), (lambda x: np.sum(np.log(x) ** 2), "signs")],
    ids=["a large constant", "no value at copies"],
)
def test_copies_differ_by_little_or_have_no_value(fun, symmetry):
    with pytest.raises(InputError, match="does not have the symmetry"):
        bgd.multistart(fun, box=[(0.1, 3)] * 3, starts=5, identity={"symmetry": symmetry})


def test_rounding_breaks_no_symmetry():
    def single(x):
        return float(np.sum((np.asarray(x, np.float32) ** 2 - 1) ** 2 * np.float32([1.1, 1.1, 1.1])))

    calls = [
        (bgd.Callback(single), [(-2, 2)] * 3, "signs * permutations(1)"),
        (lambda x: 1e8 + np.sum(np.cos(x)), [(-1e5, 1e5)] * 3, "periods(6.283185307179586)"),
        (lambda x: np.maximum(x @ x - 100.0, 0.0), [(-1, 1)] * 3, "signs * permutations(1)"),
    ]
    for fun, box, symmetry in calls:
        assert bgd.multistart(fun, box=box, starts=5, identity={"symmetry": symmetry}).n == 5


def test_a_weak_field_breaks_the_symmetry_of_atoms():
    def energy(x):
        r6 = [np.sum((x[3 * i : 3 * i + 3] - x[3 * j : 3 * j + 3]) ** 2) ** -3 for i in range(4) for j in range(i)]
        return sum(4.0 * (one**2 - one) for one in r6) + 0.2 * x[0]

    with pytest.raises(InputError, match="does not have the symmetry permutations"):
        bgd.multistart(energy, box=[(-1.5, 1.5)] * 12, starts=5, identity={"symmetry": "cluster"})


def test_a_result_keeps_its_symmetry_in_a_file(tmp_path):
    result = bgd.multistart("lennard_jones", atoms=5, starts=20)
    loaded = bgd.load(result.save(tmp_path / "run.npz"))
    assert loaded.identity == result.identity
    assert loaded.identity.symmetry == sym.cluster()
    assert loaded.recluster({"x": 1e-5}).minima.fun == pytest.approx(result.minima.fun)


def test_atoms_belong_to_clusters():
    with pytest.raises(InputError, match="himmelblau, which has dim alone"):
        bgd.multistart("himmelblau", atoms=3)
    with pytest.raises(InputError, match="8 atoms have 24 coordinates"):
        bgd.multistart("lennard_jones", atoms=8, dim=21)
    with pytest.raises(InputError, match="needs dim = 3 n for n atoms"):
        bgd.multistart("lennard_jones", dim=8)


def test_basin_hopping_moves_atoms_to_the_surface_and_finds_the_icosahedron():
    walk = bgd.BasinHopping(hops=6, step=0.12, temperature=0)
    run = {"atoms": 13, "starts": 4, "strategy": walk, "seed": 1}
    result = bgd.multistart("lennard_jones", **run)
    assert result.minima.fun[0] == pytest.approx(-44.326801, abs=1e-6)
    assert result.n == 28
    again = bgd.multistart("lennard_jones", **run)
    np.testing.assert_array_equal(result.x, again.x)
    hops = result.strategy.origin >= 0
    start, origin = result.x0[hops].reshape(-1, 13, 3), result.x[result.strategy.origin[hops]].reshape(-1, 13, 3)
    moved = np.abs((start - start.mean(axis=1, keepdims=True)) - (origin - origin.mean(axis=1, keepdims=True)))
    assert 0 < np.mean(moved.max(axis=(1, 2)) > 0.5) < 1  # of a box 2.35 wide, a displacement moves 0.28 at most


def test_hops_of_other_functions_stay_in_the_box():
    result = bgd.multistart("himmelblau", starts=20, strategy=bgd.BasinHopping(hops=3, step=0.5, surface=1.0))
    assert result.box.contains(result.x0).all()
