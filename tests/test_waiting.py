"""Leaves without a gradient: they are skipped, and their state waits."""

import copy

import numpy as np
import pytest

from optimlab import (
    Accumulate,
    Ball,
    Box,
    ClipNorm,
    Ema,
    IndependentDecay,
    Lookahead,
    Optimizer,
    Project,
    UniformGain,
    WeightDecay,
    adam,
    momentum,
    sgd,
)
from tests.engine.laws import RULES
from tests.test_replicas import engine_of

SHAPES = {"a": (3, 4), "b": (3, 2), "c": (3,), "large": (3, 3000)}
THERE = {"a": "11111111", "b": "10010011", "c": "00110100", "large": "01011101"}
"""In which steps each leaf has a gradient."""


def gradient(name, k):
    return np.sin(k + np.arange(float(np.prod(SHAPES[name])))).reshape(SHAPES[name])


def start():
    return {name: np.cos(np.arange(float(np.prod(shape)))).reshape(shape) for name, shape in SHAPES.items()}


def go(optimizer, params, steps):
    for k in steps:
        optimizer.step(params, {name: gradient(name, k) if THERE[name][k] == "1" else None for name in params})
    return params


@pytest.mark.parametrize("engine", ["numpy", "fused"])
@pytest.mark.parametrize("replicas", [None, 3])
@pytest.mark.parametrize("name", RULES)
def test_a_leaf_without_a_gradient_is_as_if_the_step_had_not_been(name, replicas, engine):
    options = {"replicas": replicas, "engine": engine_of(engine) if name in ("adam", "sgd") else "numpy"}
    together = Optimizer(RULES[name], 0.1, average=Ema(UniformGain()), **options)
    params = go(together, start(), range(8))
    means = dict.fromkeys(params, 0.0)
    for leaf, w in start().items():
        alone = Optimizer(RULES[name], 0.1, **options)
        for k in range(8):
            if THERE[leaf][k] == "1":
                alone.step({leaf: w}, {leaf: gradient(leaf, k)})
            means[leaf] = means[leaf] + (w - means[leaf]) / (k + 1)
        assert np.array_equal(params[leaf], w)
        assert all(np.array_equal(alone.state[leaf][slot], x) for slot, x in together.state[leaf].items())
    assert together.t == 8
    with together.averaged(params):  # that of the weights after every step, of those that wait too
        assert all(params[leaf] == pytest.approx(means[leaf]) for leaf in params)


@pytest.mark.parametrize("hooks", [(), (Accumulate(2),), (Lookahead(3),)], ids=repr)
@pytest.mark.parametrize("way", ["load", "load into another run", "copy"])
def test_going_on_is_not_stopping(way, hooks):
    def made():
        return Optimizer(adam(), 0.1, average=Ema(0.9), hooks=copy.deepcopy(hooks))

    whole, first = made(), made()
    expected, params = go(whole, start(), range(8)), go(first, start(), range(5))
    if way == "copy":
        second = copy.copy(first)
    else:
        second = made()
        if way == "load into another run":
            go(second, start(), (2, 0, 6))
        second.load_state_dict(first.state_dict())
    go(second, params, range(5, 8))
    assert all(np.array_equal(params[leaf], expected[leaf]) for leaf in params)
    assert all(np.array_equal(whole.state_dict()[key], x) for key, x in second.state_dict().items())


def test_it_is_what_torch_does():
    torch = pytest.importorskip("torch")
    params, theirs = start(), {name: torch.tensor(w) for name, w in start().items()}
    ours, peer = Optimizer(adam(), 0.1), torch.optim.Adam(theirs.values(), lr=0.1)
    go(ours, params, range(8))
    for k in range(8):
        for name, w in theirs.items():
            w.grad = torch.tensor(gradient(name, k)) if THERE[name][k] == "1" else None
        peer.step()
    for name, w in theirs.items():
        np.testing.assert_allclose(params[name], w.numpy(), rtol=1e-11)


def test_a_step_that_is_refused_leaves_nobody_waiting():
    w, optimizer, both = [np.zeros(1), np.zeros(1)], Optimizer(sgd(), 1.0), [np.ones(1), np.ones(1)]
    optimizer.step(w, both)
    with pytest.raises(ValueError, match="must have shape"):
        optimizer.step(w, [None, np.ones(2)])
    optimizer.step(w, both)
    assert w == [-2.0, -2.0]


def test_zeros_are_zeros():
    w, optimizer = {"a": np.zeros(1), "b": np.zeros(1)}, Optimizer(momentum(0.5), 1.0)
    optimizer.step(w, {"a": np.ones(1), "b": np.ones(1)})
    optimizer.step(w, {"a": np.zeros(1), "b": None})
    assert (w["a"], w["b"]) == (-0.75, -0.5)


MOVING = [WeightDecay(0.5), IndependentDecay(0.5), Project(Box(-0.5, 0.5)), Project(Ball(0.5)), Lookahead(2)]


@pytest.mark.parametrize("hook", MOVING, ids=repr)
@pytest.mark.parametrize("frozen", [True, False])
@pytest.mark.parametrize("replicas", [None, 2])
def test_no_hook_moves_a_leaf_that_has_no_gradient(hook, frozen, replicas):
    """Nor does its decay count in the norm of the others, which are as they are alone."""
    shape, hooks = (2, 3), [ClipNorm(0.5), hook] if hasattr(hook, "after") else [hook, ClipNorm(0.5)]
    both, alone = {"a": np.ones(shape), "b": np.ones(shape)}, {"a": np.ones(shape)}
    opt = Optimizer({"b": None, "*": sgd()} if frozen else sgd(), 0.5, hooks=copy.deepcopy(hooks), replicas=replicas)
    other = Optimizer(sgd(), 0.5, hooks=copy.deepcopy(hooks), replicas=replicas)
    if not frozen:
        opt.step(both, {"a": np.ones(shape), "b": np.full(shape, -1.0)})
        other.step(alone, {"a": np.ones(shape)})
    before = both["b"].copy()
    for _ in range(3):
        opt.step(both, {"a": 2 * both["a"], "b": None})
        other.step(alone, {"a": 2 * alone["a"]})
    assert np.array_equal(both["b"], before)
    if frozen:
        assert np.array_equal(both["a"], alone["a"])


@pytest.mark.parametrize("hook", [WeightDecay(0.5), IndependentDecay(0.5)], ids=repr)
def test_a_leaf_without_a_gradient_does_not_decay(hook):
    w = [np.ones(1), np.ones(1)]
    Optimizer(sgd(), 1.0, hooks=[hook]).step(w, [np.zeros(1), None])
    assert w == [0.5, 1.0]


def test_a_leaf_waits_if_none_of_the_collected_gradients_is_there():
    w, optimizer = [np.zeros(1), np.zeros(1), np.zeros(1)], Optimizer(momentum(0.5), 1.0, hooks=[Accumulate(2)])
    one = np.ones(1)
    for gradients in (
        [one, one, one],
        [one, one, one],
        [one, None, None],
        [one, None, one],
        [one, None, None],
        [one] * 3,
    ):
        optimizer.step(w, gradients)
    assert w[1] == -0.5 - (0.25 + 0.25)  # the mean of the last two is .5
    assert w[2] == -0.5 - (0.25 + 0.25) - (0.25 + 0.25)
    assert optimizer.t == 3


def test_the_counts_of_a_damaged_checkpoint_are_refused():
    optimizer = Optimizer(adam(), 0.1)
    go(optimizer, start(), range(4))
    good = optimizer.state_dict()
    assert good["waited/b"] == 2
    for bad in (np.array(-1), np.array(9), np.array(0.5), np.array([1, 1])):
        with pytest.raises(ValueError, match=r"is damaged: '?waited/b'? (must be from 0 to t|is not of shape)"):
            optimizer.load_state_dict(good | {"waited/b": bad})
    assert optimizer.t == 4


def test_replicas_that_are_skipped_do_not_wait():
    """Each replica has its own t and its own number of steps without a gradient."""

    class Skips:
        def before(self, step):
            step.skip = np.array([False, calls == 1, calls in (0, 2)])

    together = Optimizer(adam(), 0.1, replicas=3, hooks=[Skips()])
    params = {"a": np.ones((3, 2)), "b": np.ones((3, 2))}
    for calls in range(5):
        g = np.cos(calls + np.arange(6.0)).reshape(3, 2)
        together.step(params, {"a": g, "b": None if calls in (0, 1, 3) else g})
    for i, taken in enumerate([(2, 4), (2, 4), (4,)]):
        w, alone = np.ones(2), Optimizer(adam(), 0.1)
        for k in taken:
            alone.step(w, np.cos(k + np.arange(6.0)).reshape(3, 2)[i])
        assert np.array_equal(params["b"][i], w)
    again, theirs = Optimizer(adam(), 0.1, replicas=3, hooks=[Skips()]), {key: w.copy() for key, w in params.items()}
    again.load_state_dict(together.state_dict())
    for optimizer, w in ((together, params), (again, theirs)):
        optimizer.step(w, {"a": g, "b": g})
    assert all(np.array_equal(params[key], theirs[key]) for key in params)
