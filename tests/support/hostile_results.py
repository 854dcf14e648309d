"""Damaged and malicious results: what may be found in a file that somebody else made."""

import contextlib
import io
import json
import os
import zipfile

import numpy as np

TEXTS = [
    *("", "x", "x" * 5000, "\x1b[2J\x1b]0;title\x07", "\x9b2J", "\u202eevil", "\ud800"),
    *("a\nb", "a\0b", "../../etc/passwd"),
    *("__init__", "__class__", "METHODS", "Method", "as_method", "Adam", "himmelblau", "GRADIENT", "float32", "mixed"),
]  # fmt: skip

VALUES = [
    *TEXTS,
    *(None, True, False, 0, -1, 1, 77, 2**31, 2**63, 10**30, 10**400, 0.5, -0.0, 1e308, float("nan"), float("inf")),
    *([], {}, [[]], [1], [1, [2]], [None, None], ["x", "y"], {"x": 1}, {"": {}}, {"\x1b[2J": 1}),
    *({"float": "x"}, {"float": 1}, {"float": "nan"}, {"float": "-inf"}),
    *({"tuple": 3}, {"tuple": "abc"}, {"tuple": [1, "x"]}),
    {"array": [1.0], "dtype": "O"},
    {"array": [1.0], "dtype": "(1000000000,)f8"},
    {"array": [1.0], "dtype": {"x": 1}},
    {"array": ["a"], "dtype": "<U99999999"},
    {"array": ["x"], "dtype": "<f8"},
    {"array": [[1], [1, 2]], "dtype": "<f8"},
    {"array": [], "dtype": "<f8"},
    {"array": 1, "dtype": "<i4"},
    {"array": [1.0, 2.0], "dtype": "<f8"},
    {"array": [10**30], "dtype": "<i8"},
    {"array": {"array": [1], "dtype": "<f8"}, "dtype": "<f8"},
    {"name": "__init__", "parameters": {"name": "evil"}},
    {"name": "Adam", "parameters": {"learning_rate": -1}},
    {"name": "Adam", "parameters": {"learning_rate": {"schedule": "Step", "initial": "x"}}},
    {"name": "Adam", "parameters": {"learning_rate": {"schedule": {"array": [1.0], "dtype": "<f8"}}}},
    {"name": "Adam", "parameters": []},
    {"name": [], "parameters": {}},
    {"name": "GradientDescent", "parameters": {"x": 1}},
]
"""What a field may hold instead of what it should."""

DTYPES = [
    "<f8",
    ">f8",
    "<f4",
    "<f2",
    "<g",
    "<i8",
    "<i1",
    "<u8",
    "|b1",
    "<c16",
    "<U3",
    "|S3",
    "<M8[s]",
    "O",
    "i4,f8",
    "V8",
]
"""Types of a column."""

NUMBERS = [np.nan, np.inf, -np.inf, -1, -2, 0, 1, 3, 64, 99, 127, 1e300]
"""Entries of a column."""

HEADERS = [
    "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 2), }",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 2), }",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (0, 1000000000000000000000000000000), }",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (0, 4611686018427387904, 8), }",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (True, 2), }",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (), }",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (" + "1, " * 70 + "), }",
    "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
    "{'descr': '<U0', 'fortran_order': False, 'shape': (3,), }",
    "{'descr': '<f8', 'fortran_order': 3, 'shape': (1,), }",
    "{'descr': ('<f8', (1000000000,)), 'fortran_order': False, 'shape': (1,), }",
    "{'descr': [('a', '<f8', (2, 2))], 'fortran_order': False, 'shape': (1,), }",
    "{'descr': '<f8', 'shape': (1,), }",
    "__import__('os').abort()",
    "(" * 5000,
    "[" * 900 + "]" * 900,
    "'\x1b[2J'",
    "{",
    "",
]
"""Headers of an array."""


def members(file):
    """The members of an archive, by name."""
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def put(file, changed, method=zipfile.ZIP_STORED):
    """Write an archive, with the right checksums."""
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, raw in changed.items():
            archive.writestr(name, bytes(raw))


def head_of(file):
    return json.loads(members(file)["result.json"])


def put_head(file, head):
    """Replace the JSON of a result by a value, or by text."""
    text = head if isinstance(head, str) else json.dumps(head)
    put(file, members(file) | {"result.json": text.encode()})


def put_array(file, name, array):
    """Replace one array."""
    put(file, members(file) | {f"{name}.npy": array_bytes(array)})


def array_bytes(array):
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def _drawn(rng, file):
    """An array of the file."""
    return rng.choice([name for name in members(file) if name.endswith(".npy")])


def truncate(rng, file):
    if rng.random() < 0.2:
        raw = file.read_bytes()
        file.write_bytes(raw[: rng.integers(len(raw))])
    else:
        found, name = members(file), rng.choice(sorted(members(file)))
        put(file, found | {name: found[name][: rng.integers(len(found[name]))]})


def flip_bits(rng, file):
    """Flip bits anywhere: checksums show it, or it was in what nobody reads."""
    file.write_bytes(_flipped(rng, file.read_bytes()))


def flip_bits_of_a_member(rng, file):
    """As :func:`flip_bits`, with the right checksum."""
    found, name = members(file), rng.choice(sorted(members(file)))
    put(file, found | {name: _flipped(rng, found[name])})


def _flipped(rng, raw):
    raw = bytearray(raw)
    for at in rng.integers(len(raw), size=rng.integers(1, 4)):
        raw[at] ^= 1 << rng.integers(8)
    return raw


def replace_field(rng, file):
    """Give a field of the metadata another value, another name, or take it away."""
    head = head_of(file)
    places = list(_places(head))
    holder, key = places[rng.integers(len(places))]
    how = rng.integers(12)
    if how == 0:
        del holder[key]
    elif how == 1 and isinstance(holder, dict):
        holder[TEXTS[rng.integers(len(TEXTS))]] = holder.pop(key)
    elif how == 2:
        other, name = places[rng.integers(len(places))]
        holder[key] = other[name]
    else:
        holder[key] = VALUES[rng.integers(len(VALUES))]
    try:
        put_head(file, head)
    except ValueError:  # a field that was put into itself
        put_head(file, "[" * 100_000)


def _places(value):
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in list(pairs):
        yield value, key
        yield from _places(item)


def replace_column(rng, file):
    """Give a column another length, another number of axes, another type or other entries."""
    name = _drawn(rng, file)
    put_array(file, name.removesuffix(".npy"), _spoilt(rng, np.load(io.BytesIO(members(file)[name]))))


def _spoilt(rng, column):
    how = rng.integers(6)
    if how == 0:
        return column[: rng.integers(len(column) + 1)] if column.ndim else column[None]
    if how == 1:
        return [column[None], column[..., None], column.ravel(), np.concatenate([column, column])][rng.integers(4)]
    if how == 2 and column.ndim == 2:
        return [np.asfortranarray(column), column.T, column[:, :1], column[:, :0]][rng.integers(4)]
    if how == 3:
        try:
            with np.errstate(all="ignore"):
                return column.astype(DTYPES[rng.integers(len(DTYPES))])
        except (TypeError, ValueError):
            return np.zeros(column.shape, "V8")
    if how == 4 and column.dtype.kind == "U":
        return np.full(column.shape, ["\x1b[2J", "saddle", "", "evil"][rng.integers(4)])
    changed = np.array(column)
    with np.errstate(all="ignore"):
        number = np.asarray(NUMBERS[rng.integers(len(NUMBERS))]).astype(changed.dtype)
    rows = slice(None) if rng.random() < 0.3 else slice(0, 1)
    changed[rows] = number
    return changed


def replace_header(rng, file):
    """Give an array a header of its own."""
    text = HEADERS[rng.integers(len(HEADERS))].encode("latin1")
    magic = b"\x93NUMPY" + bytes([[1, 0], [2, 0], [3, 0], [9, 9]][rng.choice(4, p=[0.7, 0.1, 0.1, 0.1])])
    length = len(text).to_bytes(2 if magic[6] == 1 else 4, "little")
    put(file, members(file) | {_drawn(rng, file): magic + length + text + bytes(rng.integers(40))})


def replace_members(rng, file):
    """Compress, encrypt, rename, drop or lengthen the members of an archive."""
    found, how = members(file), rng.integers(5)
    if how == 0:
        put(file, found | {"bomb.npy": bytes(1 << 20)}, zipfile.ZIP_DEFLATED)
    elif how == 1:
        put(file, found | {"../evil.npy": b"", "minima.x/": b"", "x.npy.npy": b"x", "\x1b[2J.npy": b""})
    elif how == 2:
        del found[rng.choice(sorted(found))]
        put(file, found)
    else:
        raw = bytearray(file.read_bytes())
        for at in _all(raw, b"PK\x01\x02"):
            if how == 3:
                raw[at + 8] |= 1  # encrypted
            else:
                raw[at + 24 : at + 28] = (1 << 31).to_bytes(4, "little")  # as long as four gigabytes
        file.write_bytes(raw)


def _all(raw, what):
    at = raw.find(what)
    while at >= 0:
        yield at
        at = raw.find(what, at + 1)


def replace_file(rng, file):
    """Put something else in the place of the file: a folder, a pipe, a device, a loop, nothing, or an array."""
    file.unlink()
    how = rng.integers(6)
    if how == 0:
        file.mkdir()
    elif how == 1 and hasattr(os, "mkfifo"):
        os.mkfifo(file)
    elif how in (2, 3, 4) and os.path.exists("/dev/zero"):
        os.symlink(["/dev/zero", "/dev/tty", file][how - 2], file)
    else:
        file.write_bytes(array_bytes(np.array([{}], dtype=object)))


def exchange(rng, file):
    """Put one member in the place of another."""
    found = members(file)
    one, other = rng.choice(sorted(found), 2)
    put(file, found | {one: found[other]})


MUTATIONS = (
    truncate,
    flip_bits,
    flip_bits_of_a_member,
    replace_field,
    replace_field,
    replace_field,
    replace_column,
    replace_column,
    replace_header,
    replace_members,
    replace_file,
    exchange,
)
"""What happens to a file, the fields and columns most often."""


def forge_manifest(rng, file):
    """Give a field of a run's manifest another value, or take it away, with the right checksums."""
    from batchgd.api.runs.configuration import hash_of
    from batchgd.api.runs.folder import checksum

    head = json.loads(file.read_text())
    del head["checksum"]
    places = list(_places(head))
    holder, key = places[rng.integers(len(places))]
    how = rng.integers(10)
    if how == 0:
        del holder[key]
    elif how == 1:
        other, name = places[rng.integers(len(places))]
        holder[key] = json.loads(json.dumps(other[name]))
    elif how == 2:
        holder[key] = int(rng.integers(2**62))
    else:
        holder[key] = VALUES[rng.integers(len(VALUES))]
    with contextlib.suppress(KeyError, TypeError, ValueError):  # what has no hash
        head["hash"] = hash_of(head["configuration"])
    file.write_text(json.dumps(head | {"checksum": checksum(head)}))
