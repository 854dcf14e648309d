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
    from batchgd.api.storage.metadata import StoredMethod

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
    file = samples.himmelblau(50).save(tmp_path / "run")
    back = load(file)
    assert "himmelblau_by_hand" in str(back)
    assert "jac" not in back[0]
    with pytest.raises(InputError, match=r"bgd.load\(path, fun=...\)"):
        _ = back.jac
    assert same_bits(load(file, fun=samples.HIMMELBLAU).jac, samples.himmelblau(50).jac)
    other = samples.Function("other", 2, samples.rastrigin_value, samples.rastrigin_gradient)
    with pytest.raises(InputError, match="fun does not have the stored values"):
        load(file, fun=other)


def test_numpy_reads_the_file_without_pickle(tmp_path):
    result = awkward()
    file = result.save(tmp_path / "run.npz")
    with np.load(file, allow_pickle=False) as stored:
        assert same_bits(stored["x"], result.x)
        assert same_bits(stored["minima.eigenvalues"], result.minima.eigenvalues)
        json.loads(stored["result.json"], parse_constant=pytest.fail)
        assert all(name == "result.json" or stored[name].dtype.kind in "biufU" for name in stored.files)


def test_the_same_result_is_the_same_file(tmp_path):
    one, other = awkward().save(tmp_path / "one"), awkward().save(tmp_path / "other")
    assert one.read_bytes() == other.read_bytes()


def test_a_pickled_array_is_refused(tmp_path):
    file = samples.batch(3).save(tmp_path / "run")
    hostile_results.put_array(file, "fun", np.array([{}], dtype=object))
    with pytest.raises(InputError, match=r"fun\.npy has type object, neither numbers nor text"):
        load(file)


@pytest.mark.skipif(os.name == "nt", reason="Windows limits whole paths")
def test_a_name_as_long_as_the_disk_allows(tmp_path):
    file = samples.batch(3).save(tmp_path / ("ü" * 127))
    assert len(load(file)) == 3


def _without(members, name):
    return {other: raw for other, raw in members.items() if other != name}


def _spoil(file, how):
    members, head = hostile_results.members(file), hostile_results.head_of(file)
    raw = bytearray(file.read_bytes())
    if how == "cut short":
        file.write_bytes(raw[:-50])
    elif how == "a bit flipped":
        raw[raw.index(b"minima.x.npy") + 200] ^= 1
        file.write_bytes(raw)
    elif how == "no head":
        hostile_results.put(file, _without(members, "result.json"))
    elif how == "column gone":
        hostile_results.put(file, _without(members, "fun.npy"))
    elif how == "column cut short":
        hostile_results.put(file, members | {"x.npy": members["x.npy"][:-8]})
    elif how == "lengths disagree":
        hostile_results.put_array(file, "fun", np.zeros(3))
    elif how == "a key gone":
        del head["meta"]["seconds"]
        hostile_results.put_head(file, head)
    else:
        other = {"head cut short": json.dumps(head)[:50], "another program's": {"format": "else", "version": 1}}
        hostile_results.put_head(file, (other | {"a list": [], "newer": head | {"version": 99}})[how])


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("no head", "is not a batchgd result"),
        ("head cut short", "cannot be read: result.json is not JSON"),
        ("another program's", "is not a batchgd result"),
        ("a list", "is not a batchgd result"),
        ("newer", "has format version 99, but this batchgd reads 2"),
        ("a key gone", "meta lacks seconds"),
        ("column gone", "it lacks fun"),
        ("column cut short", r"x.npy has 312 bytes for an array of shape \(20, 2\) and type float64"),
        ("cut short", "cannot be read: it is not a complete archive"),
        ("a bit flipped", r"minima.x.npy is damaged \(Bad CRC-32 for file 'minima.x.npy'\)"),
        ("lengths disagree", r"fun has shape \(3,\), which does not fit the other arrays"),
    ],
)
def test_damage_is_told_in_one_line(tmp_path, how, message):
    file = samples.himmelblau(20).save(tmp_path / "run")
    _spoil(file, how)
    with pytest.raises(InputError, match=message) as caught:
        load(file)
    assert "\n" not in str(caught.value)


def test_no_file_at_all(tmp_path):
    with pytest.raises(InputError, match="does not exist; give a file that"):
        load(tmp_path / "nowhere")


def test_codec_is_lossless():
    value = {"a": (1, [2.5, float("-inf")]), "b": np.array([[1, 2]], np.int16), "c": None, "d": True, "e": "ü"}
    back = decode(json.loads(json.dumps(encode(value), allow_nan=False)))
    assert same_bits(back.pop("b"), value.pop("b"))
    assert back == value
    assert np.isnan(decode(encode(float("nan"))))
