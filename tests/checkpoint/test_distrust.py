"""A file is not believed: what it says is compared with what it is, before it is read, and nothing changes."""

import json
import struct
import sys
import tracemalloc
import warnings
import zipfile
from io import BytesIO

import numpy as np
import pytest

from optimlab import Accumulate, Ema, Lookahead, Plateau, SkipNonFinite, adam, momentum
from optimlab.checkpoint.header import parsed, shown
from optimlab.optimizer import Optimizer

LEAVES = {"w": (9_000,), "b": (30, 7), "c": ()}


def new():
    hooks = [SkipNonFinite(), Accumulate(2), Plateau(0.5), Lookahead(3)]
    return Optimizer(adam(), 0.1, hooks=hooks, average=Ema(0.9, debias=True))


def start(fill=1.0):
    return {name: np.full(shape, fill, np.float32 if name == "b" else np.float64) for name, shape in LEAVES.items()}


def stepped(optimizer, params, steps):
    for k in range(steps):
        gradients = {
            name: np.asarray(np.sin(k + np.arange(w.size)).reshape(w.shape), w.dtype) for name, w in params.items()
        }
        optimizer.step(params, gradients | ({"b": None} if k < 4 else {}), loss=1.0)
    return optimizer


@pytest.fixture
def honest(tmp_path):
    """The file, the state that is in it, and an optimizer that has gone another way with its parameters."""
    stepped(new(), start(), 7).save(tmp_path / "run.npz")
    known, params = new(), start(0.0)
    known.load(tmp_path / "run.npz", params)
    return tmp_path / "run.npz", known.state_dict()


def same(one, two):
    return one.keys() == two.keys() and all(
        np.array_equal(one[key], two[key], equal_nan=True) for key in one.keys() - {"header"}
    )


def members(path):
    with zipfile.ZipFile(path) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def written(path, parts, **options):
    """Write a zip file of these names and bytes."""
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", **options) as archive:
        warnings.simplefilter("ignore")  # a name that is there twice
        for name, data in parts:
            archive.writestr(name, data)


def npy(array, **options):
    file = BytesIO()
    np.lib.format.write_array(file, array, **options)
    return file.getvalue()


def header_of(path):
    with np.load(path) as file:
        return json.loads(file["header"].item())


def with_header(path, header):
    """Write the file again with another header: a dict, or text."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    written(path, (members(path) | {"header.npy": npy(np.array(text))}).items())


def attempt(path, known, optimizer, params):
    """Load a file; return the refusal, or see that the state is that of the honest file."""
    before = None if optimizer.t == 0 else optimizer.state_dict()
    hooks = [hook.state() for hook in optimizer.hooks]
    kept = {name: w.copy() for name, w in params.items()}
    try:
        optimizer.load(path, params)
    except ValueError as error:
        refusal = str(error)
    else:
        assert same(optimizer.state_dict(), known)
        return ""
    assert optimizer.t == (0 if before is None else before["t"])
    assert before is None or same(before, optimizer.state_dict())
    assert all(same(hook.state(), state) for hook, state in zip(optimizer.hooks, hooks, strict=True))
    assert same(kept, params)
    assert refusal.isprintable()
    assert len(refusal) < 2500
    return refusal


def flipped(path, rng):
    data = bytearray(path.read_bytes())
    where = data.index(b"PK\x01\x02") if rng.random() < 0.5 else 0  # half of them in the directory
    for at in rng.integers(where, len(data), rng.integers(1, 4)):
        data[at] ^= int(rng.integers(1, 256))
    path.write_bytes(data)


def cut(path, rng):
    data = path.read_bytes()
    first, last = np.sort(rng.integers(0, len(data), 2))
    path.write_bytes(data[:first] + data[last:] if rng.random() < 0.5 else data[:last])


def otherwise(path, rng):
    """Members that are there twice, have other names, are missing, or are of another kind."""
    parts = list(members(path).items())
    i = int(rng.integers(len(parts)))
    name, data = parts[i]
    array = np.load(BytesIO(data), allow_pickle=False)
    other = [
        [(name, data), (name, data)],
        [(name, data), (name, npy(np.zeros(3)))],
        [(f"../{name}", data)],
        [(name.upper(), data)],
        [("more.npy", data), (name, data)],
        [],
        [(name, b"")],
        [(name, data[:20])],
        [(name, data + b"\0")],
        [(name, npy(array.astype("S9")))],
        [(name, npy(array.reshape(1, -1)))],
        [(name, npy(array.reshape(-1)[:-1] if array.ndim else np.array(array.item()[:-1])))],
        [(name, npy(np.array([[None]]), allow_pickle=True))],
        [(name, npy(array, version=(2, 0)))],
        [(name, data.replace(b"False", b"True "))],
        [(name, data.replace(b"<", b">", 1))],
        [(name, b"\x93NUMPY\x01\0\xff\xff" + data[10:])],
        [(name, data[:10] + b"(" * 5000 + data[10:])],
    ]
    parts[i : i + 1] = other[rng.integers(len(other))]
    written(path, parts)


VALUES = [
    None, [], {}, True, -1, 0, 1.5, 10**12, 10**400, 2**63, "", "a", "\x1b[2J\x00\x07", "\ud800", [None], {"": {}},
    [[[1]]], ["a", "a"], [10**12], [10**12, 10**12], [-1], [0, 10**12], [1] * 40, "object", "float64", "O",
    [[10**12], "float64"], [[], "int64"], float("nan"), float("inf"),
]  # fmt: skip


def said(path, rng):
    """A header in which one thing is another, is missing, or is nested without end."""
    header = header_of(path)
    inner, key = header, None
    while True:
        keys = list(inner) if isinstance(inner, dict) else list(range(len(inner)))
        key = keys[rng.integers(len(keys))]
        if not isinstance(inner[key], (dict, list)) or not inner[key] or rng.random() < 0.3:
            break
        inner = inner[key]
    way = rng.random()
    if way < 0.7:
        inner[key] = VALUES[rng.integers(len(VALUES))]
    elif way < 0.8:
        del inner[key]
    elif way < 0.9 and isinstance(inner, dict):
        inner["more\x1b[31m"] = inner.pop(key)
    else:
        inner[key] = "HERE"
        deep = [b"[" * 50_000 + b"]" * 50_000, b'{"a":' * 50_000, b'{"a": 1, "a": 2}', b"1e999", b"9" * 5000]
        text = json.dumps(header).encode().replace(b'"HERE"', deep[rng.integers(len(deep))])
        return with_header(path, text)
    return with_header(path, header)


@pytest.mark.parametrize("started", [False, True])
@pytest.mark.parametrize(("change", "times"), [(flipped, 100), (cut, 50), (otherwise, 150), (said, 200)])
def test_500_changed_files_are_refused_and_change_nothing(change, times, started, honest):
    path, known = honest
    data, rng = path.read_bytes(), np.random.default_rng(0)
    optimizer, params = new(), start(2.0)
    if started:
        stepped(optimizer, params, 3)
    refusals = set()
    for _ in range(times):
        path.write_bytes(data)
        change(path, rng)
        refusal = attempt(path, known, optimizer, params)
        refusals.add(refusal)
        if not refusal:
            optimizer, params = new(), start(2.0)
            if started:
                stepped(optimizer, params, 3)
    assert len(refusals - {""}) > times / 50
    path.write_bytes(data)
    assert not attempt(path, known, optimizer, params)


def peak(path):
    """Return the most memory that a load takes."""
    optimizer, refused = new(), False
    tracemalloc.start()
    try:
        optimizer.load(path)
    except ValueError:
        refused = True
    finally:
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return most, refused


def test_a_refusal_takes_no_more_memory_than_an_honest_file(honest):
    path, _ = honest
    data, rng = path.read_bytes(), np.random.default_rng(1)
    peak(path)
    most, refused = peak(path)
    assert not refused
    assert most < 2.5 * len(data)
    found = 0
    for change in (flipped, cut, otherwise, said):
        for _ in range(60):
            path.write_bytes(data)
            change(path, rng)
            now, refused = peak(path)
            found += refused
            assert now <= 1.2 * most
    assert found > 200


def test_what_is_compressed_is_not_even_read(honest):
    path, _ = honest
    parts = members(path)
    zeros = np.zeros(8_000_000)
    for name, array in (("float64.npy", zeros), ("header.npy", np.array(b" " * 64_000_000)), ("more.npy", zeros)):
        written(path, (parts | {name: npy(array)}).items(), compression=zipfile.ZIP_DEFLATED)
        assert path.stat().st_size < 1_000_000
        most, refused = peak(path)
        assert refused
        assert most < 1_000_000
        with pytest.raises(ValueError, match=r"is compressed, which no checkpoint is"):
            new().load(path)


def test_sizes_in_the_directory_are_not_believed(honest):
    path, _ = honest
    data = bytearray(path.read_bytes())
    where = data.index(b"PK\x01\x02")
    for size in (10**9, 2**32 - 2):
        wrong = bytearray(data)
        wrong[where + 20 : where + 28] = struct.pack("<II", size, size)
        path.write_bytes(wrong)
        most, refused = peak(path)
        assert refused
        assert most < 1_000_000


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ([10**12], "float64.npy is no array of 500000[0-9]* numbers"),
        ([10**20], "'w' is 100000000000000000000"),
        ([-1], "'w' is -1"),
        ([True], "'w' is of type bool, not int"),
        ([1] * 33, "'w' is of 33 axes"),
        (None, "'w' is of type NoneType, not list"),
        ([0, 10**12, 10**12, 10**12], "no array of"),
    ],
)
def test_a_shape_is_not_believed(shape, message, honest):
    path, _ = honest
    header = header_of(path)
    header["leaves"]["w"]["shape"] = shape
    with_header(path, header)
    with pytest.raises(ValueError, match=message):
        new().load(path)
    assert peak(path)[0] < 1_000_000


@pytest.mark.parametrize(
    ("key", "word", "message"),
    [
        ("leaves", None, "'leaves' is of type NoneType, not dict"),
        ("leaves", {"\x1b[2J": None}, r"damaged: its header is wrong: .*Leaf"),
        ("hooks", ["Plateau", "Plateau"], "'hooks' has a name twice"),
        ("replicas", 0, "'replicas' is 0"),
        ("params", 1, "'params' is of type int, not bool"),
        ("entries", {}, r"the entries lack \['t'\]"),
        ("entries", {"t": [[], "float64"]}, "there is no 't' of shape .* and of float64"),
        ("entries", {"t": [[], "object"]}, "'t' is of 0 axes and of 'object'"),
        ("entries", {"t": [[], []]}, "damaged"),
        ("average", {"text": 1, "form": "", "numbers": {}}, "'text' is of type int, not str"),
        ("rule", None, "'Description' is of type NoneType, not dict"),
    ],
)
def test_a_header_is_not_believed(key, word, message, honest):
    path, _ = honest
    with_header(path, header_of(path) | {key: word})
    with pytest.raises(ValueError, match=message) as error:
        new().load(path)
    assert str(error.value).isprintable()


@pytest.mark.parametrize("text", [b"[" * 10**6, b'{"a":' * 10**6, b"{}", b"[]", b"null", b"\xff", b"9" * 9999, b""])
def test_what_is_no_header_is_refused(text, honest):
    path, _ = honest
    with pytest.raises(ValueError, match=r"^run is not a checkpoint of optimlab$"):
        parsed(text, "run")
    with_header(path, text)
    with pytest.raises(ValueError, match="is not a checkpoint of optimlab"):
        new().load(path)


def test_control_characters_are_written_out():
    assert shown("a\x1b[2Jb") == "'a\\x1b[2Jb'"
    assert shown("\u202e") == "'\\u202e'"
    assert len(shown(["leaf"] * 1000)) < 500


def test_truth_values_are_0_or_1(tmp_path):
    first, second = (Optimizer(momentum(), 0.1, replicas=2) for _ in range(2))
    first.step(np.ones((2, 3)), np.ones((2, 3)))
    first.save(tmp_path / "a.npz")
    parts = members(tmp_path / "a.npz")
    written(tmp_path / "a.npz", (parts | {"bool.npy": parts["bool.npy"][:-1] + b"\2"}).items())
    with pytest.raises(ValueError, match="a truth value is neither true nor false"):
        second.load(tmp_path / "a.npz")


def test_numbers_of_the_other_byte_order_are_no_others(tmp_path, monkeypatch):
    """The file is little-endian on every machine."""
    first, w = Optimizer(momentum(), 0.1), np.array([1.0, 2.0])
    first.step(w, w.copy())
    first.save(tmp_path / "a.npz")
    data = members(tmp_path / "a.npz")["float64.npy"]
    assert b"'<f8'" in data
    assert data.endswith(struct.pack("<4d", *w, *first.state["params"]["ema"]))


def test_leaves_of_one_name_are_not_mixed_up(tmp_path):
    optimizer = Optimizer(momentum(), 0.1)
    params = {"a/b": np.ones(2), "a": np.ones(3), "": np.ones(1), "ü\x1b\ud800": np.ones(1)}
    optimizer.step(params, params)
    optimizer.save(tmp_path / "a.npz")
    found = {name: np.zeros_like(w) for name, w in params.items()}
    other = Optimizer(momentum(), 0.1)
    other.load(tmp_path / "a.npz", found)
    assert same(found, params)
    assert same(other.state_dict(), optimizer.state_dict())


def calls(count, path):
    """Return how many functions are called to save so many leaves, and to go on with them."""
    params = {f"layer{i}.w": np.ones(3) for i in range(count)}
    first, second = (Optimizer(adam(), 0.1) for _ in range(2))
    first.step(params, params)
    found = 0

    def counted(frame, event, argument):
        nonlocal found
        found += event in ("call", "c_call")

    sys.setprofile(counted)
    try:
        first.save(path)
        second.load(path)
        second.load(path, params)
    finally:
        sys.setprofile(None)
    return found


def test_many_leaves_cost_as_much_each_as_few(tmp_path):
    few, many = (calls(count, tmp_path / "a.npz") for count in (500, 2000))
    assert many < 4.2 * few
    assert len(members(tmp_path / "a.npz")) == 3


def test_saving_makes_no_second_copy_of_everything(tmp_path):
    params = [np.ones(100_000) for _ in range(20)]
    optimizer = Optimizer(adam(), 0.1, engine="numpy")
    optimizer.step(params, params)
    optimizer.save(tmp_path / "a.npz")
    tracemalloc.start()
    optimizer.save(tmp_path / "a.npz")
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 0.1 * (tmp_path / "a.npz").stat().st_size
