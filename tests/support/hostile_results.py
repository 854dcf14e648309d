"""Damaged and malicious results: what may be found in a folder that somebody else made."""

import io
import json
import os
import zipfile
import zlib

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
"""Headers of an array file."""


def entries(folder):
    return sorted(file.name for file in folder.iterdir())


def trust(folder, *names):
    """Write the checksums of altered files into the head."""
    head = json.loads((folder / "result.json").read_text())
    for name in names:
        head["files"][name] = zlib.crc32((folder / name).read_bytes())
    (folder / "result.json").write_text(json.dumps(head))


def columns(folder, name):
    with np.load(folder / name, allow_pickle=True) as archive:
        return {key: archive[key] for key in archive.files}


def put_columns(folder, name, found):
    np.savez(folder / name, **found)
    trust(folder, name)


def truncate(rng, folder):
    name = rng.choice(entries(folder))
    raw = (folder / name).read_bytes()
    (folder / name).write_bytes(raw[: rng.integers(len(raw))])
    if name != "result.json" and rng.random() < 0.8:
        trust(folder, name)


def flip_bits(rng, folder):
    name = rng.choice(entries(folder))
    raw = bytearray((folder / name).read_bytes())
    for at in rng.integers(len(raw), size=rng.integers(1, 4)):
        raw[at] ^= 1 << rng.integers(8)
    (folder / name).write_bytes(raw)
    if name != "result.json":
        trust(folder, name)


def flip_bits_of_a_column(rng, folder):
    """As :func:`flip_bits`, with the checksum that the archive itself keeps repaired as well."""
    name = rng.choice([name for name in entries(folder) if name.endswith(".npz")] or ["x.npy"])
    if name == "x.npy":
        return flip_bits(rng, folder)
    with zipfile.ZipFile(folder / name) as archive:
        members = {member: bytearray(archive.read(member)) for member in archive.namelist()}
    raw = members[rng.choice(sorted(members))]
    for at in rng.integers(len(raw), size=rng.integers(1, 4)):
        raw[at] ^= 1 << rng.integers(8)
    _put_members(folder, name, members)


def _put_members(folder, name, members, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(folder / name, "w", method) as archive:
        for member, raw in members.items():
            archive.writestr(member, bytes(raw))
    trust(folder, name)


def replace_field(rng, folder):
    """Give a field of result.json another value, another name, or take it away."""
    file = folder / "result.json"
    head = json.loads(file.read_text())
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
        file.write_text(json.dumps(head))
    except ValueError:  # a field that was put into itself
        file.write_text("[" * 100_000)


def _places(value):
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in list(pairs):
        yield value, key
        yield from _places(item)


def replace_column(rng, folder):
    """Give a column another length, another number of axes, another type or other entries."""
    name = rng.choice([name for name in entries(folder) if name != "result.json"])
    found = columns(folder, name) if name.endswith(".npz") else {name: np.load(folder / name)}
    if not found:
        return
    key = rng.choice(sorted(found))
    found[key] = _spoilt(rng, found[key])
    if name.endswith(".npz"):
        put_columns(folder, name, found)
    else:
        np.save(folder / name, found[key], allow_pickle=True)
        trust(folder, name)


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


def replace_header(rng, folder):
    """Give an array a header of its own."""
    text = HEADERS[rng.integers(len(HEADERS))].encode("latin1")
    magic = b"\x93NUMPY" + bytes([[1, 0], [2, 0], [3, 0], [9, 9]][rng.choice(4, p=[0.7, 0.1, 0.1, 0.1])])
    length = len(text).to_bytes(2 if magic[6] == 1 else 4, "little")
    raw = magic + length + text + bytes(rng.integers(40))
    name = rng.choice([name for name in entries(folder) if name != "result.json"])
    if name.endswith(".npy"):
        (folder / name).write_bytes(raw)
        return trust(folder, name)
    with zipfile.ZipFile(folder / name) as archive:
        members = {member: archive.read(member) for member in archive.namelist()}
    members[rng.choice(sorted(members))] = raw
    return _put_members(folder, name, members)


def replace_archive(rng, folder):
    """Compress, encrypt, overlap, rename or repeat the members of an archive."""
    names = [name for name in entries(folder) if name.endswith(".npz")]
    if not names:
        return replace_header(rng, folder)
    name = rng.choice(names)
    with zipfile.ZipFile(folder / name) as archive:
        members = {member: archive.read(member) for member in archive.namelist()}
    how = rng.integers(5)
    if how == 0:
        members["bomb.npy"] = bytes(1 << 20)
        return _put_members(folder, name, members, zipfile.ZIP_DEFLATED)
    if how == 1:
        members |= {"../evil.npy": b"", "nodes.x/": b"", "x.npy.npy": b"x", "\x1b[2J.npy": b""}
        return _put_members(folder, name, members)
    if how == 2:
        del members[rng.choice(sorted(members))]
        return _put_members(folder, name, members)
    raw = bytearray((folder / name).read_bytes())
    for at in _all(raw, b"PK\x01\x02"):
        if how == 3:
            raw[at + 8] |= 1  # encrypted
        else:
            raw[at + 24 : at + 28] = (1 << 31).to_bytes(4, "little")  # as long as four gigabytes
    (folder / name).write_bytes(raw)
    return trust(folder, name)


def _all(raw, what):
    at = raw.find(what)
    while at >= 0:
        yield at
        at = raw.find(what, at + 1)


def replace_file(rng, folder):
    """Put another file, a folder, a pipe or a device in the place of a file."""
    name, other = rng.choice(entries(folder), 2)
    (folder / "kept").write_bytes((folder / other).read_bytes())
    (folder / name).unlink()
    how = rng.integers(8)
    if how == 0:
        (folder / name).mkdir()
    elif how == 1 and hasattr(os, "mkfifo"):
        os.mkfifo(folder / name)
    elif how in (2, 3, 4) and os.path.exists("/dev/zero"):
        os.symlink(["/dev/zero", "/dev/tty", folder / name][how - 2], folder / name)
    elif how == 5:
        (folder / name).write_bytes(b"")
    elif how == 6:
        buffer = io.BytesIO()
        np.save(buffer, np.array([{}], dtype=object), allow_pickle=True)
        (folder / name).write_bytes(buffer.getvalue())
    else:
        (folder / name).write_bytes((folder / "kept").read_bytes())
    (folder / "kept").unlink()
    if name != "result.json" and how > 4:
        trust(folder, name)


MUTATIONS = (
    truncate,
    flip_bits,
    flip_bits_of_a_column,
    replace_field,
    replace_field,
    replace_field,
    replace_column,
    replace_column,
    replace_header,
    replace_archive,
    replace_file,
)
"""What happens to a folder, the fields and columns most often."""
