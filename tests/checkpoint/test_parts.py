"""A checkpoint is of certain rules, numbers, hooks and leaves: what differs is named, and each remedy works."""

import re

import numpy as np
import pytest

from optimlab import (
    Accumulate,
    ClipNorm,
    Ema,
    Lookahead,
    Plateau,
    PowerGain,
    SkipNonFinite,
    UniformGain,
    adam,
    adamw,
    cosine_decay,
    heavy_ball,
    momentum,
    rmsprop,
    sgd,
)
from optimlab.optimizer import Optimizer


def steady(k):
    return 0.5


def params():
    return {"w": np.arange(4.0), "b": np.ones((2, 2), np.float32)}


def stepped(optimizer, *, steps=5, leaves=None):
    leaves = params() if leaves is None else leaves
    for k in range(steps):
        optimizer.step(leaves, {name: np.cos(k + w) for name, w in leaves.items()}, loss=2.0 + k % 2)
    return optimizer


def saved(path, *args, **options):
    stepped(Optimizer(*args, **options)).save(path, params=False)
    return path


OTHERS = {
    "weight_decay": (adamw(), adamw(weight_decay=0.1), {}, {}),
    "beta": (adam(), adam(0.5), {}, {}),
    "beta_2": (adam(), adam(beta2=0.5), {}, {}),
    "eps and beta": (adam(), adam(0.5, eps=1e-3), {}, {}),
    "a schedule": (adam(), adam(cosine_decay(0.5, steps=10)), {}, {}),
    "replicas": (momentum(), momentum([0.5, 0.25]), {"replicas": 2}, {"replicas": 2}),
    "average.beta": (adam(), adam(), {"average": Ema(0.9, debias=True)}, {"average": Ema(0.5, debias=True)}),
    "average.gamma": (sgd(), sgd(), {"average": Ema(PowerGain(6))}, {"average": Ema(PowerGain(7))}),
}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("way", ["replace", "not strict"])
def test_other_numbers_are_named_and_the_remedy_takes_the_state(name, way, tmp_path):
    rule, other, options, others = OTHERS[name]
    leaves = {"w": np.ones((2, 3))}
    first, second, third = (
        Optimizer(rule, 0.1, **options),
        Optimizer(other, 0.1, **others),
        Optimizer(other, 0.1, **others),
    )
    stepped(first, leaves=leaves)
    first.save(tmp_path / "a.npz")
    with pytest.raises(ValueError, match=r"has .*; this optimizer has .*; opt.load\('.*', replace=\{.*\}\)") as error:
        second.load(tmp_path / "a.npz")
    assert second.t == 0
    assert name in str(error.value) or name in ("eps and beta", "a schedule", "replicas")
    if way == "replace":
        remedy = re.search(r"(opt.load\(.*\)) takes the state all the same$", str(error.value))[1]
        eval(remedy, {"opt": second, "cosine_decay": cosine_decay})
    else:
        second.load(tmp_path / "a.npz", strict=False)
    assert second.t == 5
    second.save(tmp_path / "b.npz")  # of the new numbers
    third.load(tmp_path / "b.npz", leaves)
    kept = leaves["w"].copy()
    stepped(third, leaves=leaves)
    again = {"w": kept}
    stepped(second, leaves=again)
    one, two = second.state_dict(), third.state_dict()
    assert all(np.array_equal(one[key], two[key]) for key in one)


def test_the_error_reads_well(tmp_path):
    path = saved(tmp_path / "a.npz", adamw(), 0.1)
    with pytest.raises(ValueError) as error:  # noqa: PT011  (the whole text is compared)
        Optimizer(adamw(0.5, weight_decay=0.1), 0.1).load(path, replace={"beta": 0.5})
    assert str(error.value) == (
        f"{str(path)!r} has weight_decay 0.01; this optimizer has weight_decay 0.1; "
        f"opt.load({str(path)!r}, replace={{'beta': 0.5, 'weight_decay': 0.1}}) takes the state all the same"
    )


@pytest.mark.parametrize(
    ("replace", "error", "message"),
    [
        (
            {"decay": 0.1},
            ValueError,
            "replace must name hyperparameters of beta, first, beta_2, first_2, eps, .*; got 'decay'",
        ),
        (
            {"weight_decay": 0.2},
            ValueError,
            r"has weight_decay 0.2; this optimizer has 0.1; .* replace=\{'weight_decay': 0.1\}",
        ),
        ({"weight_decay": steady}, ValueError, "has weight_decay <function steady>; this optimizer has 0.1"),
        ("weight_decay", TypeError, "replace must be a dict of hyperparameters by name; got 'weight_decay'"),
        ([("weight_decay", 0.1)], TypeError, "replace must be a dict"),
    ],
)
def test_replace_is_checked(replace, error, message, tmp_path):
    path = saved(tmp_path / "a.npz", adamw(), 0.1)
    optimizer = Optimizer(adamw(weight_decay=0.1), 0.1)
    for strict in (True, False):
        with pytest.raises(error, match=message):
            optimizer.load(path, replace=replace, strict=strict)
    optimizer.load(path, replace={"weight_decay": np.float64(0.1)})


def test_another_form_is_no_number(tmp_path):
    path = saved(tmp_path / "a.npz", adam(), 0.1)
    for rule in (rmsprop(), adamw(), -adam()):
        with pytest.raises(ValueError, match=r"has rule Ema\(0.9, debias=True\) / .*; this optimizer has "):
            Optimizer(rule, 0.1).load(path)
    Optimizer(-adam(), 0.1).load(path, strict=False)
    optimizer = Optimizer(rmsprop(), 0.1)
    with pytest.raises(
        ValueError, match=r"has \['ema', 'square_ema'\] as the state of leaf 'w'; .* has \['square_ema'\]"
    ):
        optimizer.load(path, strict=False)
    assert optimizer.t == 0


HOOKS = {
    "one more in front": [ClipNorm(1.0), Plateau(0.5), Accumulate(2)],
    "one more behind": [Plateau(0.5), Accumulate(2), ClipNorm(1.0)],
    "other places": [Accumulate(2), Plateau(0.5)],
    "other numbers": [Plateau(0.25, patience=3), Accumulate(3)],
}


@pytest.mark.parametrize("name", HOOKS)
def test_hooks_without_state_and_places_do_not_matter(name, tmp_path):
    first = Optimizer(sgd(), 0.1, hooks=[Plateau(0.5), Accumulate(2)])
    stepped(first)
    first.save(tmp_path / "a.npz")
    second = Optimizer(sgd(), 0.1, hooks=HOOKS[name])
    second.load(tmp_path / "a.npz")
    for key, array in first.state_dict().items():
        if key.startswith("hooks/"):
            assert np.array_equal(second.state_dict()[key], array)
    assert sum(key.startswith("hooks/") for key in second.state_dict()) == 4 + 3


def test_hooks_of_one_type_are_counted():
    first, second = (
        Optimizer(sgd(), 0.1, hooks=[Plateau(x), ClipNorm(1.0), Plateau(y)]) for x, y in ((0.5, 0.1), (0.5, 0.1))
    )
    stepped(first, steps=20)
    arrays = first.state_dict(params=False)
    assert arrays["hooks/Plateau/scale"] == first.hooks[0].scale == 0.5
    assert arrays["hooks/Plateau_2/scale"] == first.hooks[2].scale == 0.1
    second.load_state_dict(arrays)
    assert (second.hooks[0].scale, second.hooks[2].scale) == (0.5, 0.1)


def test_other_hooks_are_named_and_may_start_anew(tmp_path):
    plateau = Plateau(0.5, patience=1)
    path = saved(tmp_path / "a.npz", sgd(), 0.1, hooks=[SkipNonFinite(), plateau])
    optimizer = Optimizer(sgd(), 0.1, hooks=[Plateau(0.5, patience=1), Lookahead(2)])
    with pytest.raises(
        ValueError, match=r"has hooks \['SkipNonFinite', 'Plateau'\]; this optimizer has \['Plateau', 'Lookahead'\]; "
    ) as error:
        optimizer.load(path)
    assert (optimizer.t, optimizer.hooks[0].scale) == (0, 1.0)
    eval(re.search(r"opt.load\(.*strict=False\)", str(error.value))[0], {"opt": optimizer})
    assert (optimizer.t, optimizer.hooks[0].scale) == (5, plateau.scale)
    assert plateau.scale < 1.0
    leaves = params()
    stepped(optimizer, leaves=leaves)
    assert np.array_equal(optimizer.hooks[1].state()["w"], leaves["w"])


class Counts:
    """A hook that keeps a number, a record that grows, and an array."""

    def __init__(self):
        self.count, self.record, self.array = 0, [], np.zeros((2, 3))

    def before(self, step):
        self.count += 1
        self.record.append(self.count / 2)
        self.array += 1

    def state(self):
        return {"count": self.count, "record": np.array(self.record), "array": self.array}

    def load_state(self, state):
        self.count, self.record, self.array = int(state["count"]), state["record"].tolist(), state["array"]


def test_a_record_may_be_longer():
    first, second = (Optimizer(sgd(), 0.1, hooks=[Counts()]) for _ in range(2))
    stepped(first)
    second.load_state_dict(first.state_dict(params=False))
    assert second.hooks[0].record == [0.5, 1.0, 1.5, 2.0, 2.5]
    leaves = params()
    first.adopt(leaves)
    stepped(first, steps=1, leaves=leaves)
    first.load_state_dict(second.state_dict(params=False))
    assert first.hooks[0].count == 5


KINDS = {
    "count of another dtype": (Counts, {"count": np.array(3.0)}),
    "count for each": (Counts, {"count": np.array([3, 3])}),
    "array of another shape": (Counts, {"array": np.zeros((2, 4))}),
    "array of another dtype": (Counts, {"array": np.zeros((2, 3), np.float32)}),
    "one key more": (Counts, {"more": np.zeros(2)}),
    "one key less": (Counts, {"count": None}),
    "best": (lambda: Plateau(0.5), {"best": np.zeros(3)}),
    "bad": (lambda: Plateau(0.5), {"bad": np.array(1.0)}),
    "scale": (lambda: Plateau(0.5), {"scale": np.array(1.0, np.float32)}),
    "in a row": (SkipNonFinite, {"in_a_row": np.array([1])}),
    "slow weights": (lambda: Lookahead(2), {"w": np.zeros(3)}),
    "slow weights of another dtype": (lambda: Lookahead(2), {"w": np.zeros(4, np.float32)}),
    "slow weights of one leaf": (lambda: Lookahead(2), {"b": None}),
    "slow weights of a leaf more": (lambda: Lookahead(2), {"c": np.zeros(4)}),
    "sums": (lambda: Accumulate(2), {"sum/b": np.zeros((4, 1), np.float32)}),
    "sums of one leaf": (lambda: Accumulate(2), {"sum/b": None}),
    "who waits": (lambda: Accumulate(2), {"waiting": np.zeros(3, bool)}),
    "who waits in numbers": (lambda: Accumulate(2), {"waiting": np.zeros(2)}),
}


def with_state(arrays, hook, changes):
    """Return a state dict whose hook has another state, and whose header says so."""
    import json

    prefix = f"hooks/{hook}/"
    arrays = arrays | {prefix + key: array for key, array in changes.items()}
    arrays = {key: array for key, array in arrays.items() if array is not None}
    header = json.loads(arrays["header"].item())
    entries = {key: array for key, array in arrays.items() if key.startswith(prefix) or key in header["entries"]}
    header["entries"] = {key: [array.shape, str(array.dtype)] for key, array in entries.items()}
    return arrays | {"header": np.array(json.dumps(header).encode())}


@pytest.mark.parametrize("started", [True, False])
@pytest.mark.parametrize("name", KINDS)
def test_a_state_of_another_kind_is_refused_and_no_hook_is_changed(name, started):
    make, changes = KINDS[name]
    first, second = (Optimizer(sgd(), 0.1, hooks=[SkipLarge(), make(), SkipLarge()]) for _ in range(2))
    stepped(first)
    arrays = first.state_dict(params=False)
    if started:
        stepped(second, steps=3)
    t, before = second.t, [hook.state() for hook in second.hooks]
    wrong = with_state(arrays, type(first.hooks[1]).__name__, changes)
    with pytest.raises(ValueError, match=r"the state dict (has|is damaged|does not hold)"):
        second.load_state_dict(wrong)
    for hook, state in zip(second.hooks, before, strict=True):
        assert hook.state().keys() == state.keys()
        assert all(np.array_equal(state[key], x) for key, x in hook.state().items())
    assert second.t == t
    second.load_state_dict(with_state(arrays, type(first.hooks[1]).__name__, {}))
    assert second.t == first.t


class SkipLarge:
    """A hook with state beside the one that is looked at."""

    def __init__(self):
        self.seen = 0

    def before(self, step):
        self.seen += 1

    def state(self):
        return {"seen": np.array(self.seen)}

    def load_state(self, state):
        self.seen = int(state["seen"])


@pytest.mark.parametrize(
    "state", [{"a": "word"}, {"a": object()}, {1: 1.0}, {"a": np.datetime64("2020-01-01")}], ids=range(4)
)
def test_a_hook_that_keeps_no_numbers_cannot_be_saved(state, tmp_path):
    class Words(SkipLarge):
        def state(self):
            return state

    optimizer = stepped(Optimizer(sgd(), 0.1, hooks=[Words()]))
    with pytest.raises(TypeError, match=r"Words.state\(\) must be a dict of numbers"):
        optimizer.save(tmp_path / "a.npz")
    assert not list(tmp_path.iterdir())


class TestNotStrict:
    def test_leaves_that_are_not_in_it_start_anew_and_others_are_left_out(self, tmp_path):
        leaves = {"w": np.arange(4.0), "old": np.ones(3)}
        first = stepped(Optimizer(adam(), 0.1, average=Ema(0.9, debias=True)), leaves=leaves)
        first.save(tmp_path / "a.npz")
        second, alone = (Optimizer(adam(), 0.1, average=Ema(0.9, debias=True)) for _ in range(2))
        now = {"new": np.array([3.0, 4.0]), "w": leaves["w"].copy()}
        second.load(tmp_path / "a.npz")
        with pytest.raises(
            ValueError, match=r"has leaves \['old', 'w'\]; the parameters have \['new', 'w'\]; "
        ) as error:
            second.step(now, now)
        eval(re.search(r"opt.load\(.*strict=False\)", str(error.value))[0], {"opt": second})
        new = now["new"].copy()
        for k in range(3):
            g = {name: np.sin(k + w) for name, w in now.items()}
            second.step(now, g)
            alone.step(new, g["new"])
            first.step(leaves, {"w": g["w"], "old": np.ones(3)})
        assert np.array_equal(now["w"], leaves["w"])
        assert np.array_equal(now["new"], new)
        with second.averaged(now), first.averaged(leaves):
            assert np.array_equal(now["w"], leaves["w"])

    @pytest.mark.parametrize("hook", [lambda: Accumulate(3), lambda: Lookahead(2)])
    def test_hooks_that_keep_arrays_of_other_leaves_start_anew(self, hook, tmp_path):
        first = Optimizer(sgd(), 0.1, hooks=[hook(), Plateau(0.5, patience=1)])
        stepped(first, steps=4, leaves={"old": np.ones(2), "w": np.ones(3)})
        first.save(tmp_path / "a.npz", params=False)
        second, third = (Optimizer(sgd(), 0.1, hooks=[hook(), Plateau(0.5, patience=1)]) for _ in range(2))
        second.load(tmp_path / "a.npz", strict=False)
        theirs, ours = ({"w": np.ones(3), "new": np.ones(4)} for _ in range(2))
        stepped(third, leaves=ours)
        stepped(second, leaves=theirs)
        anew, other = second.hooks[0].state(), third.hooks[0].state()
        assert {*anew} == {*other}
        assert all(np.shape(anew[key]) == np.shape(other[key]) for key in anew)
        assert anew.get("count") == other.get("count")
        assert second.hooks[1].scale < third.hooks[1].scale

    def test_the_parameters_of_leaves_in_both_are_written(self, tmp_path):
        leaves = {"w": np.arange(4.0), "old": np.ones(3)}
        stepped(Optimizer(sgd(), 0.1), leaves=leaves).save(tmp_path / "a.npz")
        second, now = Optimizer(sgd(), 0.1), {"w": np.zeros(4), "new": np.full(2, 7.0)}
        second.load(tmp_path / "a.npz", now, strict=False)
        assert np.array_equal(now["w"], leaves["w"])
        assert now["new"].tolist() == [7.0, 7.0]

    @pytest.mark.parametrize("replicas", [None, 2])
    @pytest.mark.parametrize("average", [Ema(0.9, debias=True), Ema(0.9), Ema(UniformGain())])
    def test_an_average_that_is_not_in_it_starts_at_the_weights_of_now(self, average, replicas, tmp_path):
        leaves = {"w": np.arange(4.0).reshape(2, 2), "b": np.ones((2, 9000), np.float32)}
        rule = momentum() if replicas is None else momentum([0.9, 0.8])
        stepped(Optimizer(rule, 0.1, replicas=replicas), leaves=leaves).save(tmp_path / "a.npz")
        second = Optimizer(rule, 0.1, average=average, replicas=replicas)
        with pytest.raises(ValueError, match="has average None; this optimizer has Ema"):
            second.load(tmp_path / "a.npz")
        second.load(tmp_path / "a.npz", strict=False)
        for _ in range(3):  # the weights stay, and so does their average
            with second.averaged(leaves):
                kept = {name: w.copy() for name, w in leaves.items()}
            assert all(np.array_equal(kept[name], leaves[name]) for name in leaves)
            frozen = {name: w.copy() for name, w in leaves.items()}
            second.step(leaves, dict.fromkeys(leaves))
            assert all(np.array_equal(frozen[name], leaves[name]) for name in leaves)

    def test_an_average_that_is_not_here_is_left_out(self, tmp_path):
        path = saved(tmp_path / "a.npz", momentum(), 0.1, average=Ema(0.9))
        second = Optimizer(momentum(), 0.1)
        with pytest.raises(ValueError, match=r"has average Ema.*; this optimizer has None"):
            second.load(path)
        second.load(path, strict=False)
        stepped(second)
        assert second.t == 10

    def test_shapes_dtypes_and_slots_must_still_be_the_same(self, tmp_path):
        path = saved(tmp_path / "a.npz", momentum(), 0.1)
        for w in (np.arange(3.0), np.arange(4.0, dtype=np.float32)):
            optimizer = Optimizer(momentum(), 0.1)
            optimizer.load(path, strict=False)
            with pytest.raises(ValueError, match=r"has leaf 'w' as .*; the parameters as "):
                optimizer.step({"w": w}, {"w": w.copy()})
        with pytest.raises(
            ValueError, match=r"has \['ema'\] as the state of leaf 'w'; this optimizer has \['trace'\]; .*Ema\(0.9\)"
        ):
            Optimizer(heavy_ball(), 0.1).load(path, strict=False)
        with pytest.raises(ValueError, match="has replicas None; this optimizer has 2"):
            Optimizer(momentum(), 0.1, replicas=2).load(path, strict=False)
        Optimizer(Ema(0.9), 0.1).load(path)


def test_before_the_first_update_there_may_be_something_to_save(tmp_path):
    first, second, w = (*(Optimizer(momentum(), 0.1, hooks=[Accumulate(2)]) for _ in range(2)), np.ones(2))
    first.step(w, np.ones(2))
    assert first.t == 0
    first.save(tmp_path / "a.npz")
    second.load(tmp_path / "a.npz")
    second.step(w, np.full(2, 3.0))
    assert np.array_equal(w, np.full(2, 1.0) - 0.1 * (0.1 * 2.0))
    assert second.t == 1
