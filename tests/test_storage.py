"""Saving and loading: bit for bit, whole or not at all, never a pickle, one clear line for what is wrong."""

import json
import os

import hostile_results
import numpy as np
import pytest
import result_samples as samples

from batchgd import InputError, load
from batchgd.api.result import BatchResult, MultistartResult
from batchgd.api.storage.codec import decode, encode

PER_START = ("x", "fun", "nit", "nfev", "status", "label", "x0", "jac")


def same_bits(a, b):
    a, b = np.asarray(a), np.asarray(b)
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def awkward():
    """A result with every kind of number that could get lost on the way."""
    result = samples.himmelblau(200, unlabelled=5, warnings=["a", "b ≤ c"], backend="cpu", dtype="float64")
    result.fun[:4] = [np.nan, np.inf, -0.0, 5e-324]
    result.x[0, 0] = np.nextafter(1.0, 2.0)
    return result


def test_round_trip_bit_for_bit(tmp_path):
    result = awkward()
    _ = result.jac
    back = load(result.save(tmp_path / "run"), fun=None)
    assert type(back) is MultistartResult
    for name in PER_START:
        assert same_bits(getattr(back, name), getattr(result, name)), name
    for table in ("minima", "stationary"):
        for name, column in vars(getattr(result, table)).items():
            assert same_bits(getattr(getattr(back, table), name), column), (table, name)
    for name in ("backend", "dtype", "seconds", "warnings", "seed", "independent", "box"):
        assert getattr(back, name) == getattr(result, name), name
    assert str(back) == str(result)
    assert back.summary() == result.summary()


def test_a_batch_without_labels_round_trips(tmp_path):
    back = load(samples.batch(7).save(tmp_path / "run"))
    assert type(back) is BatchResult
    assert same_bits(back.x, samples.batch(7).x)
    assert np.isnan(load(_nameless().save(tmp_path / "bare")).seconds)


def _nameless():
    return BatchResult(
        x=np.zeros((2, 1), np.float32), fun=np.zeros(2, np.float32), nit=[1, 2], nfev=[1, 2], status=[1, 1]
    )


def test_float32_stays_float32(tmp_path):
    assert load(_nameless().save(tmp_path / "run")).x.dtype == np.float32


def test_withheld_intervals_round_trip(tmp_path):
    from dataclasses import replace

    result = samples.himmelblau(50)
    result.minima = replace(result.minima, fraction_low=None, fraction_high=None)
    assert load(result.save(tmp_path / "run")).minima.fraction_low is None


def test_hyperparameters_round_trip(tmp_path):
    from batchgd.api.storage.result import StoredMethod

    rates = np.linspace(0.1, 0.2, 50)
    given = {"learning_rate": rates, "beta": (0.9, np.inf), "scale": 2.0, "count": 2, "nesterov": True, "name": "x"}
    result = samples.himmelblau(50, method=StoredMethod("Unheard", given))
    back = load(result.save(tmp_path / "run"))
    assert back.method.method_name == "Unheard"
    assert same_bits(back.method.parameters["learning_rate"], rates)
    for name in ("beta", "scale", "count", "nesterov", "name"):
        assert repr(back.method.parameters[name]) == repr(given[name])
    assert back.summary() == result.summary()


def test_without_the_function_the_result_says_how_to_get_it(tmp_path):
    folder = samples.himmelblau(50).save(tmp_path / "run")
    back = load(folder)
    assert "himmelblau_by_hand" in str(back)
    assert "jac" not in back[0]
    with pytest.raises(InputError, match=r"bgd.load\(folder, fun=...\)"):
        _ = back.jac
    assert same_bits(load(folder, fun=samples.HIMMELBLAU).jac, samples.himmelblau(50).jac)
    other = samples.Function("other", 2, samples.rastrigin_value, samples.rastrigin_gradient)
    with pytest.raises(InputError, match="fun disagrees with the stored values"):
        load(folder, fun=other)


def test_nothing_is_pickled(tmp_path):
    folder = awkward().save(tmp_path / "run")
    assert {file.suffix for file in folder.iterdir()} == {".json", ".npy", ".npz"}
    for file in folder.glob("*.np?"):
        np.load(file, allow_pickle=False)
    json.loads((folder / "result.json").read_text(), parse_constant=pytest.fail)


def test_a_pickled_array_is_refused(tmp_path):
    folder = samples.batch(3).save(tmp_path / "run")
    np.save(folder / "fun.npy", np.array([{}], dtype=object), allow_pickle=True)
    hostile_results.trust(folder, "fun.npy")
    with pytest.raises(InputError, match=r"fun\.npy holds object, neither numbers nor text"):
        load(folder)


@pytest.mark.skipif(os.name == "nt", reason="Windows limits whole paths")
def test_a_name_as_long_as_the_disk_allows(tmp_path):
    folder = samples.batch(3).save(tmp_path / ("ü" * 127))
    assert len(load(folder)) == 3


def _spoil(folder, how):
    head = folder / "result.json"
    record = json.loads(head.read_text())
    if how == "no head":
        head.unlink()
    elif how == "head cut short":
        head.write_text(head.read_text()[:50])
    elif how == "another program's":
        head.write_text('{"format": "else", "version": 1}')
    elif how == "a list":
        head.write_text("[]")
    elif how == "newer":
        head.write_text(json.dumps(record | {"version": 99}))
    elif how == "a key gone":
        del record["meta"]["seconds"]
        head.write_text(json.dumps(record))
    elif how == "column gone":
        (folder / "fun.npy").unlink()
    elif how == "column cut short":
        (folder / "x.npy").write_bytes((folder / "x.npy").read_bytes()[:-8])
    elif how == "a bit flipped":
        raw = bytearray((folder / "minima.npz").read_bytes())
        raw[200] ^= 1
        (folder / "minima.npz").write_bytes(raw)
    elif how == "lengths disagree":
        np.save(folder / "fun.npy", np.zeros(3))
        hostile_results.trust(folder, "fun.npy")


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("no head", "holds no result.json"),
        ("head cut short", "cannot be read"),
        ("another program's", "is not of a batchgd result"),
        ("a list", "is not of a batchgd result"),
        ("newer", "has format version 99, this batchgd reads 1"),
        ("a key gone", "meta lacks seconds"),
        ("column gone", "fun.npy is missing"),
        ("column cut short", "x.npy was altered or cut short"),
        ("a bit flipped", "minima.npz was altered or cut short"),
        ("lengths disagree", r"fun has shape \(3,\), which does not fit the other arrays"),
    ],
)
def test_damage_is_told_in_one_line(tmp_path, how, message):
    folder = samples.himmelblau(20).save(tmp_path / "run")
    _spoil(folder, how)
    with pytest.raises(InputError, match=message) as caught:
        load(folder)
    assert "\n" not in str(caught.value)


def test_no_folder_at_all(tmp_path):
    with pytest.raises(InputError, match="is not a folder; give one that"):
        load(tmp_path / "nowhere")


def test_codec_is_lossless():
    value = {"a": (1, [2.5, float("-inf")]), "b": np.array([[1, 2]], np.int16), "c": None, "d": True, "e": "ü"}
    back = decode(json.loads(json.dumps(encode(value), allow_nan=False)))
    assert same_bits(back.pop("b"), value.pop("b"))
    assert back == value
    assert np.isnan(decode(encode(float("nan"))))
