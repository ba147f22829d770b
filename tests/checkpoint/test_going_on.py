"""Checkpoints: going on is the same as not stopping, and no file is ever half written or half read."""

import json
import os
import pickle
import re
import signal
import stat
import subprocess
import sys
import time
import zipfile

import numpy as np
import pytest

from optimlab import Ema, Gradient, adam, momentum, sgd
from optimlab.optimizer import Optimizer
from tests.engine.laws import RULES, leaves_of, same

SHAPES = (3, 4), (), (9001,), (0,)


class Counting:
    """A hook with state: every second step is halved."""

    def __init__(self):
        self.count = 0

    def before(self, step):
        self.count += 1
        step.scale = 0.5 if self.count % 2 else 1.0

    def state(self):
        return {"count": np.array(self.count)}

    def load_state(self, state):
        self.count = int(state["count"])


def steps(optimizer, params, first, last):
    for k in range(first, last):
        optimizer.step(params, [np.sin(k + np.arange(p.size)).reshape(p.shape).astype(p.dtype) for p in params])


def made(rule, **options):
    return Optimizer(rule, lambda k: 0.1 / (k + 1), hooks=[Counting()], average=Ema(0.9, debias=True), **options)


def through_a_file(source, target, folder):
    source.save(folder / "run.npz")
    target.load(folder / "run.npz")


def through_a_dict(source, target, folder):
    target.load_state_dict(source.state_dict())


WAYS = pytest.mark.parametrize("go_on", [through_a_file, through_a_dict])


@WAYS
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("before", [True, False], ids=["before the first step", "after a step"])
@pytest.mark.parametrize("name", RULES)
def test_going_on_is_the_same_as_not_stopping(name, before, dtype, go_on, tmp_path):
    through, stopped = leaves_of(dtype, *SHAPES), leaves_of(dtype, *SHAPES)
    one, two, three = (made(RULES[name]) for _ in range(3))
    steps(one, through, 0, 20)
    steps(two, stopped, 0, 10)
    if not before:
        steps(three, leaves_of(dtype, *SHAPES), 0, 1)
    go_on(two, three, tmp_path)
    assert three.t == 10
    assert type(three.t) is int
    assert three.lr == two.lr == 0.1 / 10
    steps(three, stopped, 10, 20)
    assert same((through, one), (stopped, three))
    with one.averaged(through), three.averaged(stopped):
        assert all(np.array_equal(a, b) for a, b in zip(through, stopped, strict=True))


@WAYS
def test_replicas_go_on_too(go_on, tmp_path):
    class Skip:
        def before(self, step):
            step.skip = np.array([False, True, False]) if np.max(step.t) == 2 else False

    def run(first, last, optimizer, w):
        for k in range(first, last):
            g = np.sin(k + np.arange(12.0)).reshape(3, 4)
            if k == 3:
                g[2, 0] = np.nan
            optimizer.step(w, g)

    def new():
        return Optimizer(adam([0.9, 0.5, 0.0]), 0.1, replicas=3, hooks=[Skip()], average=Ema(0.9))

    through, stopped = np.ones((3, 4)), np.ones((3, 4))
    one, two, three = new(), new(), new()
    run(0, 10, one, through)
    run(0, 5, two, stopped)
    go_on(two, three, tmp_path)
    run(5, 10, three, stopped)
    assert np.array_equal(through, stopped)
    assert three.t.tolist() == one.t.tolist()
    assert three.diverged.tolist() == [False, False, True]


def test_memory_order_does_not_matter(tmp_path):
    w = np.arange(12.0).reshape(3, 4)
    one, two = Optimizer(momentum(), 0.1), Optimizer(momentum(), 0.1)
    one.step(w, w.copy())
    one.save(tmp_path / "a.npz")
    two.load(tmp_path / "a.npz")
    f = np.asfortranarray(w)
    two.step(f, np.zeros((3, 4)))
    one.step(w, np.zeros((3, 4)))
    assert np.array_equal(one.state["params"]["ema"], two.state["params"]["ema"])


@pytest.fixture
def saved(tmp_path):
    optimizer, params = made(adam()), {"a": np.ones(3), "b": np.ones((2, 2), np.float32)}
    optimizer.step(params, params)
    optimizer.save(tmp_path / "run.npz")
    return tmp_path / "run.npz"


def untouched(load, *, rule=None, params=None, **options):
    """Run ``load`` on an optimizer that has made two steps, and see that it is as before."""
    params = params or {"a": np.ones(3), "b": np.ones((2, 2), np.float32)}
    optimizer = options.pop("optimizer", None) or made(rule or adam(), **options)
    for _ in range(2):
        optimizer.step(params, params)
    state = {n: {s: x.copy() for s, x in slots.items()} for n, slots in optimizer.state.items()}
    try:
        load(optimizer)
    finally:
        assert optimizer.t == 2
        assert all(np.array_equal(optimizer.state[n][s], state[n][s]) for n in state for s in state[n])
        assert all(hook.count == 2 for hook in optimizer.hooks)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rule": adam(beta1=0.5)}, "has beta 0.9; this optimizer has beta 0.5; .*replace={'beta': 0.5}"),
        ({"params": {"a": np.ones(3)}}, r"has leaves \['a', 'b'\]; the parameters have \['a'\]"),
        ({"params": {"a": np.ones(4), "b": np.ones((2, 2), np.float32)}}, "has leaf 'a' as"),
        ({"params": {"a": np.ones(3), "b": np.ones((2, 2))}}, "has leaf 'b' as .*float32.*float64"),
        (
            {"optimizer": Optimizer(adam(), 0.1, average=Ema(0.9, debias=True))},
            r"has hooks \['Counting'\]; this optimizer has \[\]; .*strict=False",
        ),
        ({"optimizer": Optimizer(adam(), 0.1, hooks=[Counting()])}, "has average Ema.*; this optimizer has None"),
        (
            {"params": {"a": np.ones((3, 1)), "b": np.ones((3, 1), np.float32)}, "replicas": 3},
            "has replicas None; this optimizer has 3",
        ),
    ],
)
def test_a_checkpoint_of_something_else_is_refused(saved, options, message):
    with pytest.raises(ValueError, match=message):
        untouched(lambda optimizer: optimizer.load(saved), **options)


def test_leaves_are_checked_at_the_first_step(saved):
    optimizer = made(adam())
    optimizer.load(saved, params=False)
    w = np.ones(3)
    with pytest.raises(ValueError, match="has leaves"):
        optimizer.step({"a": w}, {"a": w})
    assert (w == 1).all()
    good = {"b": np.ones((2, 2), np.float32), "a": w}
    optimizer.step(good, good)
    assert optimizer.t == 2


@pytest.mark.parametrize("keep", [0, 1, 10, 100, -1, -30, 0.5])
def test_a_truncated_file_is_refused(saved, keep):
    data = saved.read_bytes()
    saved.write_bytes(data[: int(len(data) * keep) if isinstance(keep, float) else keep])
    with pytest.raises(ValueError, match="is not a checkpoint of optimlab, or it is damaged"):
        untouched(lambda optimizer: optimizer.load(saved))


def test_a_flipped_byte_is_found(saved):
    data = bytearray(saved.read_bytes())
    where = data.index(b"float64.npy") + 170
    data[where] ^= 255
    saved.write_bytes(data)
    with pytest.raises(ValueError, match="damaged"):
        untouched(lambda optimizer: optimizer.load(saved))


@pytest.mark.parametrize("by", ["itself", "NumPy"])
def test_any_byte_that_was_changed_is_found_or_does_not_matter(saved, by):
    first = made(adam())
    first.load(saved)
    arrays = first.state_dict()
    if by == "NumPy":
        with np.load(saved) as file:
            np.savez(saved, **file)
    data = saved.read_bytes()
    generator = np.random.default_rng(0)
    for where in generator.choice(len(data), 300, replace=False):
        wrong = bytearray(data)
        wrong[where] ^= int(generator.integers(1, 256))
        saved.write_bytes(wrong)
        optimizer, refusal = made(adam()), ""
        try:
            optimizer.load(saved)
        except ValueError as error:
            refusal = str(error)
        if refusal:
            assert repr(str(saved)) in refusal
            assert optimizer.t == 0
        else:
            assert all(np.array_equal(arrays[key], array) for key, array in optimizer.state_dict().items())


def test_an_entry_that_is_longer_than_its_array_is_found(saved):
    with zipfile.ZipFile(saved) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(saved, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data + b"more" * (name == "int64.npy"))
    with pytest.raises(ValueError, match=r"damaged: int64\.npy is no array of 2 numbers, as the header has it"):
        untouched(lambda optimizer: optimizer.load(saved))


def changed(arrays, **changes):
    """Return a state dict with other entries, without those that are None, and with other words in its header."""
    header = json.loads(arrays["header"].item()) | changes.pop("header", {})
    header = {key: word for key, word in header.items() if word != "left out"}
    arrays = arrays | {"header": np.array(json.dumps(header).encode())} | changes
    return {key: array for key, array in arrays.items() if array is not None}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"header": {"version": 4}}, "has format version 4; this one reads 3; update it"),
        ({"header": {"version": 1}}, "has format version 1; this one reads 3; its averages mean something else"),
        ({"header": {"format": "other"}}, "is not a checkpoint of optimlab"),
        ({"header": {"version": "new"}}, "is not a checkpoint of optimlab"),
        ({"header": {"leaves": "left out"}}, r"is damaged: its header is wrong: it lacks \['leaves'\]"),
        ({"header": {"more": 1}}, r"is damaged: its header is wrong: it has \['more'\] too"),
        ({"header": None}, "is not a checkpoint of optimlab"),
        ({"state/a/ema": None}, r"\['state/a/ema'\] are missing"),
        ({"state/a/ema": np.ones(2)}, r"'state/a/ema' is not of shape \(3,\) and of float64"),
        ({"average/b/ema": np.ones((2, 2))}, r"'average/b/ema' is not of shape \(2, 2\) and of float32"),
        ({"params/a": None}, r"\['params/a'\] are missing"),
        ({"t": None}, r"\['t'\] are missing"),
        ({"t": np.array([1, 2])}, r"'t' is not of shape \(\) and of int64"),
        ({"t": np.array(1.0)}, r"'t' is not of shape \(\) and of int64"),
        ({"t": np.array(-1)}, "t must be from 0 to 9007199254740992; it is -1"),
        ({"t": np.array(2**53 + 1)}, "t must be from 0 to"),
        ({"hooks/Counting/count": None}, r"\['hooks/Counting/count'\] are missing"),
        ({"more": np.ones(1)}, r"\['more'\] are missing, or too many"),
    ],
)
def test_a_wrong_entry_is_found(saved, changes, message):
    first = made(adam())
    first.load(saved)
    arrays = first.state_dict()
    arrays = changed(arrays, **changes) if changes.get("header", "") is not None else arrays | {"header": np.array(0)}
    with pytest.raises(ValueError, match=f"the state dict .*{message}"):
        untouched(lambda optimizer: optimizer.load_state_dict(arrays))


class Picky(Counting):
    """A hook that refuses what it did not save in this process."""

    def load_state(self, state):
        super().load_state(state)
        if self.count == 1:
            raise KeyError("not mine")


def test_hooks_that_were_loaded_before_another_one_failed_are_as_before(tmp_path):
    optimizers = [Optimizer(sgd(), 0.1, hooks=[Counting(), Picky()]) for _ in range(2)]
    w = np.ones(2)
    optimizers[0].step(w, w)
    optimizers[0].save(tmp_path / "run.npz")
    for _ in range(2):
        optimizers[1].step(w, w)
    with pytest.raises(ValueError, match=r"does not hold the state of this optimizer's hooks: KeyError\('not mine'\)"):
        optimizers[1].load(tmp_path / "run.npz")
    assert [hook.count for hook in optimizers[1].hooks] == [2, 2]
    assert optimizers[1].t == 2


def test_foreign_files_are_refused_without_unpickling(tmp_path):
    path = tmp_path / "x"
    for write in (
        lambda file: pickle.dump({"t": 1}, file),
        lambda file: np.savez(file, x=np.ones(3)),
        lambda file: np.save(file, np.ones(3)),
        lambda file: zipfile.ZipFile(file, "w").close(),
        lambda file: file.write(b"hello"),
        lambda file: np.savez(file, header=np.array([object()]), allow_pickle=True),
    ):
        with path.open("wb") as file:
            write(file)
        with pytest.raises(ValueError, match="is not a checkpoint of optimlab"):
            untouched(lambda optimizer: optimizer.load(path))
    with pytest.raises(FileNotFoundError):
        made(adam()).load(tmp_path / "none")


def test_a_function_in_the_rule_does_not_stand_in_the_way(tmp_path):
    def rule():
        return (lambda k: 1.0) * Gradient()

    optimizer, w = Optimizer(rule(), 0.1), np.ones(1)
    optimizer.step(w, w)
    optimizer.save(tmp_path / "a.npz")
    other = Optimizer(rule(), 0.1)
    other.load(tmp_path / "a.npz")
    assert other.t == 1


@pytest.mark.parametrize("take", [lambda o, p: o.save(p), lambda o, p: o.state_dict()], ids=["save", "state_dict"])
def test_before_the_first_step_there_is_nothing_to_save(take, tmp_path):
    with pytest.raises(ValueError, match="nothing to save before the first step"):
        take(Optimizer(sgd(), 0.1), tmp_path / "a.npz")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name != "posix", reason="modes and links of POSIX")
def test_a_checkpoint_is_a_file_like_any_other(saved):
    """Others may read it, a mode that it was given stays, and so does a link to it."""
    assert stat.S_IMODE(saved.stat().st_mode) == 0o666 & ~os.umask(os.umask(0o022))
    link = saved.parent / "latest.npz"
    link.symlink_to(saved)
    saved.chmod(0o640)
    optimizer = made(sgd())
    optimizer.step(np.ones(2), np.ones(2))
    optimizer.save(link)
    assert link.is_symlink()
    assert stat.S_IMODE(saved.stat().st_mode) == 0o640
    made(sgd()).load(saved)


def test_a_failed_save_keeps_the_old_file_and_leaves_nothing_behind(saved, monkeypatch):
    before = saved.read_bytes()

    def full(*args, **options):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    optimizer = made(adam())
    optimizer.step(np.ones(2), np.ones(2))
    with pytest.raises(OSError, match="no space"):
        optimizer.save(saved)
    assert saved.read_bytes() == before
    assert [p.name for p in saved.parent.iterdir()] == ["run.npz"]


SAVING = """
import sys, numpy as np
from optimlab.optimizer import Optimizer
from optimlab import adam
optimizer, w = Optimizer(adam(), 0.1, engine="numpy"), np.ones(200_000)
while True:
    optimizer.step(w, np.full(w.shape, float(optimizer.t)))
    optimizer.save(sys.argv[1])
    print(optimizer.t, flush=True)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs kill -9")
def test_kill_during_save_never_loses_the_checkpoint(tmp_path):
    path = tmp_path / "run.npz"
    generator = np.random.default_rng(0)
    for _ in range(8):
        process = subprocess.Popen([sys.executable, "-c", SAVING, str(path)], stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "1\n"
        time.sleep(generator.uniform(0.0, 0.2))
        process.send_signal(signal.SIGKILL)
        printed = process.communicate()[0].split()
        optimizer = Optimizer(adam(), 0.1, engine="numpy")
        optimizer.load(path)
        assert optimizer.t >= int(printed[-1] if printed else 1)


def test_a_state_dict_has_the_entries_of_a_checkpoint(saved):
    optimizer, params = made(adam()), {"a": np.ones(3), "b": np.ones((2, 2), np.float32)}
    optimizer.step(params, params)
    arrays = optimizer.state_dict()
    assert list(arrays) == [
        "header", "t", "hooks/Counting/count",
        "params/a", "state/a/ema", "state/a/square_ema", "average/a/ema", "average/a/rest",
        "params/b", "state/b/ema", "state/b/square_ema", "average/b/ema", "average/b/rest",
    ]  # fmt: skip
    with np.load(saved) as file:
        assert file.files == ["header", "int64", "float64", "float32"]
        assert file["header"] == arrays.pop("header")
        for dtype in file.files[1:]:
            flat = [array.ravel() for array in arrays.values() if array.dtype == dtype]
            assert np.array_equal(file[dtype], np.concatenate(flat))


@pytest.mark.parametrize("size", [3, 9001], ids=["packed", "large"])
@pytest.mark.parametrize("replicas", [None, 2])
def test_a_state_dict_is_a_copy(size, replicas):
    shape = (size,) if replicas is None else (replicas, size)
    optimizer, w = made(adam(), replicas=replicas), np.ones(shape)
    optimizer.step(w, np.ones(shape))
    arrays = optimizer.state_dict()
    kept = {key: array.copy() for key, array in arrays.items()}
    w[0] = np.nan
    optimizer.step(w, np.full(shape, 2.0))
    assert all(np.array_equal(arrays[key], kept[key]) for key in kept)


class Keeping:
    """A hook that keeps the array that it is given."""

    held = np.zeros(1)

    def before(self, step):
        pass

    def state(self):
        return {"held": self.held}

    def load_state(self, state):
        self.held = state["held"]


@pytest.mark.parametrize("before", [True, False], ids=["before the first step", "after a step"])
def test_what_was_loaded_is_a_copy(before):
    class SkipOne:
        def before(self, step):
            step.skip = np.array([False, True])

    one, two = (Optimizer(adam(), 0.1, replicas=2, hooks=[SkipOne(), Keeping()], average=Ema(0.9)) for _ in range(2))
    w = np.ones((2, 3))
    one.step(w, np.ones((2, 3)))
    if not before:
        two.step(w, np.ones((2, 3)))
    arrays = one.state_dict()
    two.load_state_dict(arrays, params=False)
    for key, array in arrays.items():
        if key != "header":
            array[...] = 1 - array
    w[...] = 1.0
    two.step(np.ones((2, 3)), np.ones((2, 3)))
    one.step(w, np.ones((2, 3)))
    assert all(np.array_equal(one.state_dict()[key], array) for key, array in two.state_dict().items())


def test_what_is_no_dict_of_arrays_is_refused(saved):
    with pytest.raises(TypeError, match=re.escape("must be a dict of arrays as state_dict returns it; got '")):
        untouched(lambda optimizer: optimizer.load_state_dict(str(saved)))
    with pytest.raises(ValueError, match="the state dict is not a checkpoint of optimlab"):
        untouched(lambda optimizer: optimizer.load_state_dict({"t": np.array(3)}))


def test_errors_name_the_file_or_the_dict(saved):
    optimizer = made(sgd())
    with pytest.raises(ValueError, match=re.escape(f"{str(saved)!r} has rule Ema")):
        optimizer.load(saved)
    other = made(adam())
    other.load(saved)
    with pytest.raises(ValueError, match="the state dict has rule Ema"):
        optimizer.load_state_dict(other.state_dict())


@pytest.mark.parametrize(
    "changes",
    [
        {"diverged": None},
        {"diverged": np.zeros(3, bool)},
        {"diverged": np.zeros(2)},
        {"t": np.zeros(3, int)},
        {"t": np.zeros(2)},
        {"t": np.array([-1, 0])},
    ],
    ids=str,
)
def test_the_marks_and_counts_of_replicas_are_checked(changes, tmp_path):
    one, two = (Optimizer(sgd(), 0.1, replicas=2) for _ in range(2))
    one.step(np.ones((2, 1)), np.array([[1.0], [np.nan]]))
    arrays = {key: array for key, array in (one.state_dict() | changes).items() if array is not None}
    with pytest.raises(ValueError, match=r"the state dict is damaged: .*(diverged|t)"):
        two.load_state_dict(arrays)
    assert not two.diverged.any()
    two.load_state_dict(one.state_dict())
    assert two.diverged.tolist() == [False, True]


@pytest.mark.parametrize(("saves", "loads"), [(2, None), (None, 2), (2, 3)])
def test_replicas_must_be_as_many(saves, loads):
    one, two = (Optimizer(sgd(), 0.1, replicas=replicas) for replicas in (saves, loads))
    one.step(np.ones((2, 1)), np.ones((2, 1)))
    with pytest.raises(ValueError, match=f"the state dict has replicas {saves}; this optimizer has {loads}"):
        two.load_state_dict(one.state_dict())


FORMAT_3 = {
    "header": np.array(
        b"""{"format": "optimlab optimizer", "version": 3,
        "rule": {"text": "Ema(0.5)", "form": "Ema(gain=ConstantGain(beta=_), first=_)",
                 "numbers": {"beta": "0.5", "first": "0.0"}},
        "average": {"text": "Ema(0.5, first=1.0)", "form": "Ema(gain=ConstantGain(beta=_), first=_)",
                    "numbers": {"average.beta": "0.5", "average.first": "1.0"}},
        "replicas": null, "hooks": ["Counting"], "params": true,
        "entries": {"t": [[], "int64"], "hooks/Counting/count": [[], "int64"]},
        "leaves": {"w": {"shape": [2], "dtype": "float64", "state": ["ema"], "average": ["ema", "rest"]}}}"""
    ),
    "t": np.array(1),
    "hooks/Counting/count": np.array(1),
    "params/w": np.array([0.5, 0.5]),
    "state/w/ema": np.array([0.25, 0.5]),
    "average/w/ema": np.array([0.5, 0.5]),
    "average/w/rest": np.array([0.0, 0.0]),
}


@pytest.mark.parametrize("as_file", [True, False])
def test_format_3_is_read(as_file, tmp_path):
    hook = Counting()
    optimizer = Optimizer(momentum(0.5), 1.0, hooks=[hook], average=Ema(0.5, first=1.0))
    params = {"w": np.ones(2)}
    if as_file:
        members = {"int64": np.array([1, 1]), "float64": np.array([0.5, 0.5, 0.25, 0.5, 0.5, 0.5, 0.0, 0.0])}
        np.savez(tmp_path / "old.npz", header=FORMAT_3["header"], **members)
        optimizer.load(tmp_path / "old.npz", params)
    else:
        optimizer.load_state_dict(FORMAT_3, params)
    assert params["w"].tolist() == [0.5, 0.5]
    optimizer.step(params, {"w": np.ones(2)})
    assert optimizer.t == 2
    assert hook.count == 2
    assert optimizer.state["w"]["ema"].tolist() == [0.625, 0.75]
    assert params["w"].tolist() == [-0.125, -0.25]
    with optimizer.averaged(params):
        assert params["w"].tolist() == [0.1875, 0.125]


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("started", [True, False])
def test_older_formats_are_refused_and_nothing_is_changed(started, version):
    """In format 1 debiased averages were divided by 1 - βᵗ when they were read, in 2 hooks came after the average."""
    header = np.array(FORMAT_3["header"].item().decode().replace('"version": 3', f'"version": {version}'))
    optimizer = Optimizer(momentum(0.5), 1.0, hooks=[Counting()], average=Ema(0.5, first=1.0))
    if started:
        optimizer.step({"w": np.zeros(2)}, {"w": np.ones(2)})
    t, count = optimizer.t, optimizer.hooks[0].count
    with pytest.raises(
        ValueError, match=rf"the state dict has format version {version}; this one reads 3; .* that saved it"
    ):
        optimizer.load_state_dict(FORMAT_3 | {"header": header})
    assert (optimizer.t, optimizer.hooks[0].count) == (t, count)
    optimizer.load_state_dict(FORMAT_3)


def test_the_greatest_t_is_a_float_too():
    optimizer = Optimizer(momentum(0.5), 1.0, hooks=[Counting()], average=Ema(0.5, first=1.0))
    optimizer.load_state_dict(FORMAT_3 | {"t": np.array(2**53)})
    assert optimizer.t == 2**53
