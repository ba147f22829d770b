"""Checkpoints hold the parameters: they are written back, or compared, or left out, and nothing is half done."""

import copy
import pickle
from dataclasses import dataclass

import numpy as np
import pytest

from optimlab import (
    Accumulate,
    ClipNorm,
    EarlyStop,
    Ema,
    Lookahead,
    Plateau,
    Rule,
    SkipNonFinite,
    UniformGain,
    adam,
    momentum,
    sgd,
)
from optimlab.optimizer import Optimizer

CASES = {
    "sgd": lambda: Optimizer(sgd(), 0.1),
    "adam and an average": lambda: Optimizer(adam(), 0.1, average=Ema(0.9, debias=True)),
    "hooks": lambda: Optimizer(
        adam(), 0.1, hooks=[SkipNonFinite(), ClipNorm(1.0), Accumulate(2), Plateau(0.5, patience=1), Lookahead(2)]
    ),
    "two of one hook": lambda: Optimizer(momentum(), 0.1, hooks=[Plateau(0.5), Plateau(0.25, patience=2)]),
    "groups": lambda: Optimizer(
        {"w": momentum(), "layers.0": None, "*": adam()},
        {"w": 0.2, "*": 0.1},
        average={"layers*": Ema(0.9), "*": None},
        hooks=[EarlyStop(3), Accumulate(2)],
    ),
    "replicas": lambda: Optimizer(adam([0.9, 0.5]), 0.1, replicas=2, average=Ema(UniformGain()), hooks=[Accumulate(2)]),
}
EACH = pytest.mark.parametrize("case", CASES)


def start():
    return {"w": np.arange(6.0).reshape(2, 3), "layers": [np.ones((2, 1), np.float32), np.zeros((2, 9000))]}


def go(optimizer, params, steps, *, lacks=()):
    for k in steps:
        gradients = {"w": np.cos(k + params["w"]), "layers": [np.sin(x + k) for x in params["layers"]]}
        if k in lacks:
            gradients["w"] = None
        optimizer.step(params, gradients, loss=3.0 + k % 2)


def flat(params):
    return [params["w"], *params["layers"]]


def equal(one, two):
    return all(np.array_equal(a, b) for a, b in zip(flat(one), flat(two), strict=True))


def same(one, two):
    """Whether two optimizers have the same state, parameters included."""
    one, two = one.state_dict(), two.state_dict()
    return list(one) == list(two) and all(np.array_equal(one[key], two[key]) for key in one)


@pytest.fixture
def saved(tmp_path):
    optimizer, params = CASES["adam and an average"](), start()
    go(optimizer, params, range(5))
    optimizer.save(tmp_path / "run.npz")
    return tmp_path / "run.npz", optimizer, params


def test_training_that_was_resumed_from_the_start_is_not_silent(tmp_path):
    def gradients(params):
        return {"w": 2 * params["w"]}

    p, optimizer = {"w": np.array([1.0, 2.0])}, Optimizer(adam(), 0.1)
    for _ in range(50):
        optimizer.step(p, gradients(p))
    optimizer.save(tmp_path / "c.npz")
    q, other = {"w": np.array([1.0, 2.0])}, Optimizer(adam(), 0.1)
    other.load(tmp_path / "c.npz")
    with pytest.raises(ValueError, match=r"parameter 'w' is not what was saved .* writes .*; .* goes on with those"):
        other.step(q, gradients(q))
    assert q["w"].tolist() == [1.0, 2.0]
    assert other.t == 50
    other.load(tmp_path / "c.npz", q)
    assert np.array_equal(q["w"], p["w"])
    other.step(q, gradients(q))
    optimizer.step(p, gradients(p))
    assert np.array_equal(q["w"], p["w"])


@EACH
@pytest.mark.parametrize("way", ["file", "dict"])
@pytest.mark.parametrize("started", [True, False])
def test_the_parameters_are_written_back(case, way, started, tmp_path):
    first, second, params, fresh = CASES[case](), CASES[case](), start(), start()
    go(first, params, range(5), lacks=[1, 3])
    if started:
        go(second, fresh, range(2))
    inner = fresh["layers"][1]
    if way == "file":
        first.save(tmp_path / "run.npz")
        second.load(tmp_path / "run.npz", fresh)
    else:
        second.load_state_dict(first.state_dict(), fresh)
    assert equal(fresh, params)
    assert fresh["layers"][1] is inner
    assert same(first, second)
    go(first, params, range(5, 8))
    go(second, fresh, range(5, 8))
    assert equal(fresh, params)
    assert same(first, second)


@EACH
@pytest.mark.parametrize("way", ["as they are", "without", "dict"])
@pytest.mark.parametrize("started", [True, False])
def test_load_then_save_gives_the_same_file(case, way, started, tmp_path):
    first, second, params = CASES[case](), CASES[case](), start()
    go(first, params, range(5), lacks=[1, 3])
    if started:
        go(second, start(), range(2))
    keep = way != "without"
    first.save(tmp_path / "a.npz", params=keep)
    if way == "dict":
        second.load_state_dict(first.state_dict())
    else:
        second.load(tmp_path / "a.npz")
    assert {leaf: dict(slots) for leaf, slots in second.state.items()}.keys() == first.state.keys()
    second.save(tmp_path / "b.npz", params=keep)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    second.load(tmp_path / "b.npz")
    go(second, params, range(5, 6))
    second.save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() != (tmp_path / "b.npz").read_bytes()


def test_state_is_there_between_a_load_and_the_next_step(saved):
    path, first, _ = saved
    for second in (CASES["adam and an average"](), copy.deepcopy(first)):
        second.load(path)
        for leaf, slots in first.state.items():
            assert all(np.array_equal(second.state[leaf][slot], held) for slot, held in slots.items())
        with pytest.raises(ValueError, match="read-only"):
            second.state["w"]["ema"][...] = 0.0


@pytest.mark.parametrize("way", ["step", "updated", "averaged"])
def test_other_parameters_are_refused_until_one_of_the_remedies_is_followed(way, saved):
    path, first, params = saved
    second, other = CASES["adam and an average"](), copy.deepcopy(params)
    other["layers"][0][0] += 1

    def meet():
        if way == "averaged":
            with second.averaged(other):
                pass
        else:
            gradients = {"w": other["w"], "layers": list(other["layers"])}
            getattr(second, way)(other, copy.deepcopy(gradients))

    second.load(path)
    kept = copy.deepcopy(other)
    for _ in range(2):
        with pytest.raises(ValueError, match=r"parameter 'layers.0' is not what was saved in '.*run.npz'"):
            meet()
        assert equal(other, kept)
        assert same(first, second)
    second.load(path, params=False)
    meet()
    second.load(path, other)
    assert equal(other, params)
    assert same(first, second)


def test_nan_is_equal_to_itself(tmp_path):
    one, two, w = (*(Optimizer(sgd(), 0.1, check_finite=False) for _ in range(2)), np.array([np.nan, 1.0]))
    one.step(w, np.ones(2))
    two.load_state_dict(one.state_dict())
    two.step(w, np.ones(2))
    assert two.t == 2


@pytest.mark.parametrize(
    "changed", ["hooks", "w", "t", "rule", "dtype", "shape", "read-only", "missing", "more", "list"]
)
@pytest.mark.parametrize("started", [True, False])
def test_a_refused_load_into_parameters_changes_nothing(changed, started, saved):
    path, _, _ = saved
    params, own = start(), {"hooks": [SkipNonFinite()]} if changed == "hooks" else {}
    rule = momentum() if changed == "rule" else adam()
    optimizer = Optimizer(rule, 0.1, average=Ema(0.9, debias=True), **own)
    if started:
        go(optimizer, params, range(2))
        before = optimizer.state_dict()
    target = start()
    if changed == "dtype":
        target["w"] = target["w"].astype("f4")
    elif changed == "shape":
        target["w"] = target["w"].T
    elif changed == "read-only":
        target["w"].flags.writeable = False
    elif changed == "missing":
        del target["layers"]
    elif changed == "more":
        target["more"] = np.ones(1)
    elif changed == "list":
        target = [1.0]
    elif changed in "wt":
        data = bytearray(path.read_bytes())
        data[data.index(b"float64.npy" if changed == "w" else b"int64.npy") + 160] ^= 1
        path.write_bytes(data)
    kept = copy.deepcopy(target)
    with pytest.raises(TypeError if changed == "list" else ValueError):
        optimizer.load(path, target)
    if started:
        assert all(np.array_equal(before[key], x) for key, x in optimizer.state_dict().items())
        go(optimizer, params, range(2, 3))  # it still goes on with its own
    else:
        with pytest.raises(ValueError, match="nothing to save"):
            optimizer.state_dict()
    if isinstance(target, dict) and "w" in target and len(target) == 2:
        assert equal(target, kept)


def test_without_parameters_nothing_is_compared(tmp_path):
    first, second, params, other = (*(CASES["sgd"]() for _ in range(2)), start(), start())
    go(first, params, range(3))
    first.save(tmp_path / "a.npz", params=False)
    assert "params/w" not in first.state_dict(params=False)
    with pytest.raises(ValueError, match=r"holds no parameters to write into params; (.*) loads the rest") as error:
        second.load(tmp_path / "a.npz", other)
    eval(str(error.value).split("; ")[1].removesuffix(" loads the rest"), {"opt": second})
    go(second, other, [3])
    assert second.t == 4


def test_the_parameters_after_updated_are_known(tmp_path):
    first, second, params = (*(CASES["adam and an average"]() for _ in range(2)), start())
    for _ in range(3):
        params = first.updated(params, copy.deepcopy(params))
    first.save(tmp_path / "a.npz")
    found = start()
    second.load(tmp_path / "a.npz", found)
    assert equal(found, params)
    assert same(first, second)


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_does_not_know_the_parameters_and_says_what_to_do(way, tmp_path):
    first, params = CASES["adam and an average"](), start()
    go(first, params, range(3))
    twin = way(first)
    with pytest.raises(
        ValueError, match=r"not known: .* a copy.*; params=params saves .*, params=False leaves them out"
    ):
        twin.save(tmp_path / "a.npz")
    assert not list(tmp_path.iterdir())
    twin.save(tmp_path / "a.npz", params=params)
    first.save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    twin.save(tmp_path / "a.npz", params=False)
    first.save(tmp_path / "b.npz", params=False)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    go(twin, params, [3])
    twin.save(tmp_path / "a.npz")


@pytest.mark.parametrize("wrong", [{"w": np.ones((2, 3))}, None, 1, {"w": 1.0, "layers": [1.0, 1.0]}], ids=str)
def test_parameters_that_are_to_be_saved_are_those_of_the_optimizer(wrong):
    first = CASES["sgd"]()
    go(first, start(), range(1))
    with pytest.raises(ValueError, match=r"params must be True, False, or the parameters \{'params/w': .*; got "):
        first.state_dict(params=wrong)


def test_averaged_weights_are_not_taken_for_the_parameters(saved):
    path, first, params = saved
    before, kept = path.read_bytes(), copy.deepcopy(params)
    with first.averaged(params):
        with pytest.raises(RuntimeError, match="averaged weights are swapped in; leave"):
            first.save(path)
        with pytest.raises(RuntimeError, match="averaged weights are swapped in; leave"):
            first.load(path, params)
        first.save(path.with_name("b.npz"), params=False)
    assert equal(params, kept)
    first.save(path)
    assert path.read_bytes() == before
    first.load(path, params)


def test_what_the_engine_cannot_run_is_not_loaded():
    pytest.importorskip("numba")

    @dataclass(frozen=True)
    class Untraceable(Rule):
        def formula(self, x, w, state, c):
            return np.reshape(x, np.shape(x)), ()

    first, w = Optimizer(Untraceable(), 0.1, engine="numpy"), np.ones(2)
    first.step(w, w.copy())
    plateau = Plateau()
    second, v = Optimizer(Untraceable(), 0.1, engine="fused", hooks=[plateau]), np.zeros(2)
    with pytest.raises(TypeError, match="no ufunc"):
        second.load_state_dict(first.state_dict(), v, strict=False)
    assert (v == 0.0).all()
    assert second.t == 0


def test_going_back_to_a_checkpoint_takes_the_parameters_back(saved):
    path, first, params = saved
    kept = copy.deepcopy(params)
    go(first, params, range(5, 9))
    first.load(path)
    with pytest.raises(ValueError, match="is not what was saved"):
        go(first, params, range(5, 6))
    first.load(path, params)
    assert equal(params, kept)
    assert first.t == 5


@pytest.mark.parametrize("when", ["before", "after"])
def test_in_the_midst_of_a_step_nothing_is_saved_or_loaded(when, saved):
    path, _, params = saved

    class Saves:
        moves_weights = False

        def look(self, step):
            for use in (lambda: optimizer.save(path), optimizer.state_dict, lambda: optimizer.load(path)):
                with pytest.raises(RuntimeError, match="a step of this optimizer is under way"):
                    use()

    setattr(Saves, when, Saves.look)
    optimizer = Optimizer(adam(), 0.1, hooks=[Saves()], average=Ema(0.9, debias=True))
    go(optimizer, params, [0])
    optimizer.save(path)
    optimizer.load(path)


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_between_a_load_and_the_next_step_has_what_was_loaded(way, saved):
    path, first, params = saved
    second = CASES["adam and an average"]()
    second.load(path)
    twin, theirs = way(second), copy.deepcopy(params)
    other = copy.deepcopy(params)
    other["w"] += 1.0
    with pytest.raises(ValueError, match="parameter 'w' is not what was saved"):
        go(twin, other, [5])
    assert same(twin, first)
    go(twin, theirs, [5])
    go(second, params, [5])
    assert equal(theirs, params)
    assert same(twin, second)


def test_one_replica_is_one(tmp_path):
    first, second = (Optimizer(adam(), 0.1, replicas=1, average=Ema(0.9)) for _ in range(2))
    w, v = np.ones((1, 3)), np.zeros((1, 3))
    first.step(w, np.ones((1, 3)))
    first.save(tmp_path / "a.npz")
    second.load(tmp_path / "a.npz", v)
    assert np.array_equal(v, w)
    assert same(first, second)
