"""Law: replica i of a batch is the same run alone, bit for bit."""

import re

import numpy as np
import pytest

from optimlab import (
    Box,
    Clip,
    ClipNorm,
    Constant,
    Ema,
    FirstValueGain,
    Gradient,
    IndependentDecay,
    Project,
    Root,
    ShareGain,
    Square,
    Trace,
    Weights,
    adam,
    adamw,
    nesterov,
    sgd,
)
from optimlab.optimizer import Optimizer
from tests.engine.laws import RULES

ENGINES = ["numpy", "fused"]
DTYPES = [np.float32, np.float64]
S = 5
LRS = [0.1, 0.01, 0.5, 0.3, 1e-3]
MANY = {
    "adam": lambda b, e: adam(b, 0.999, e),
    "adamw": lambda b, e: adamw(0.9, b, weight_decay=e),
    "nesterov": lambda b, e: nesterov(b),
    "l2": lambda b, e: Gradient() + Constant(e) * Weights() | Trace(b),
    "gains": lambda b, e: Ema(FirstValueGain(b)) / (Square() | Ema(ShareGain(e)) | Root(1e-3)),
    "clip": lambda b, e: Ema(b, debias=True) | Clip(-1.0, e),
}
BETAS, SMALL = [0.0, 0.5, 0.9, 0.99, 0.999], [0.1, 0.2, 1e-8, 0.3, 1e-3]


def engine_of(name):
    if name == "fused":
        pytest.importorskip("numba")
    return name


def gradient_of(w, k, i):
    """Each replica's own."""
    return (w * w.dtype.type(1 + i) + np.sin(k + np.arange(w.size)).reshape(w.shape)).astype(w.dtype)


def start(dtype, shapes):
    return [np.random.default_rng(i).standard_normal(shape).astype(dtype) for i, shape in enumerate(shapes)]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", MANY)
@pytest.mark.parametrize("large", [(), pytest.param((9001,), marks=pytest.mark.slow)])
def test_each_replica_runs_as_if_it_were_alone(name, dtype, engine, large):
    shapes = [(2,), (), (3, 4), *([large] if large else [])]
    options = {"engine": engine_of(engine)}
    batch = [np.stack([w] * S) for w in start(dtype, shapes)]
    together = Optimizer(MANY[name](BETAS, SMALL), LRS, replicas=S, average=Ema(BETAS, debias=True), **options)
    for k in range(4):
        together.step(batch, [np.stack([gradient_of(w[i], k, i) for i in range(S)]) for w in batch])
    for i in range(S):
        alone = start(dtype, shapes)
        rule, average = MANY[name](BETAS[i], SMALL[i]), Ema(BETAS[i], debias=True)
        optimizer = Optimizer(rule, LRS[i], average=average, **options)
        for k in range(4):
            optimizer.step(alone, [gradient_of(w, k, i) for w in alone])
        assert all(np.array_equal(a[i], b) for a, b in zip(batch, alone, strict=True))
        with together.averaged(batch), optimizer.averaged(alone):
            assert all(np.array_equal(a[i], b) for a, b in zip(batch, alone, strict=True))
        for leaf, slots in optimizer.state.items():
            assert all(np.array_equal(together.state[leaf][slot][i], x) for slot, x in slots.items())


@pytest.mark.parametrize("name", RULES)
def test_every_rule_runs_with_replicas(name):
    w = np.stack([np.linspace(-1, 1, 7)] * S)
    alone = w[0].copy()
    together, one = Optimizer(RULES[name], LRS, replicas=S), Optimizer(RULES[name], LRS[0])
    for k in range(6):
        together.step(w, gradient_of(w, k, 0) * 0 + gradient_of(alone, k, 0))
        one.step(alone, gradient_of(alone, k, 0))
    assert np.array_equal(w[0], alone)


def lr_of_each(k):
    return np.array(LRS) / (k + 1)


def test_schedules_may_give_one_number_for_each_replica():
    w, alone = np.ones((S, 3)), np.ones(3)
    together = Optimizer(Ema(lambda k: np.array(BETAS) * (k > 0), debias=True), lr_of_each, replicas=S)
    one = Optimizer(Ema(lambda k: BETAS[2] * (k > 0), debias=True), lambda k: LRS[2] / (k + 1))
    for k in range(4):
        together.step(w, gradient_of(w, k, 1))
        one.step(alone, w[2] * 0 + gradient_of(np.ones((S, 3)) * alone, k, 1)[2])
    assert np.array_equal(w[2], alone)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("size", [3, 9001])
def test_a_replica_with_a_bad_gradient_is_frozen_and_disturbs_nobody(engine, size):
    w, others = np.ones((4, size)), np.ones((4, size))
    broken = Optimizer(adam(), 0.1, replicas=4, engine=engine_of(engine), average=Ema(0.9))
    sound = Optimizer(adam(), 0.1, replicas=4, engine=engine, average=Ema(0.9))
    for k in range(5):
        g = gradient_of(w, k, 1)
        sound.step(others, gradient_of(others, k, 1))
        if k == 2:
            last = w[1].copy()
            g[1, -1] = np.nan
        broken.step(w, g)
    assert broken.diverged.tolist() == [False, True, False, False]
    assert np.array_equal(w[1], last)
    keep = [0, 2, 3]
    assert np.array_equal(w[keep], others[keep])
    assert not sound.diverged.any()
    with broken.averaged(w):
        assert np.isfinite(w).all()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_replica_whose_weights_overflow_keeps_its_last_finite_ones(engine):
    a, b = np.ones((2, 3)), np.ones((2, 20000))
    optimizer = Optimizer(Gradient(), [0.1, 0.1], replicas=2, engine=engine_of(engine), average=Ema(0.5))
    optimizer.step([a, b], [a.copy(), b.copy()])
    g = [np.ones_like(a), np.ones_like(b)]
    a[1, 0] = -1.7e308
    g[0][1, 0] = 1.7e308
    before = [a[1].copy(), b[1].copy()]
    optimizer.step([a, b], g)
    assert optimizer.diverged.tolist() == [False, True]
    assert np.array_equal(a[1], before[0])
    assert np.array_equal(b[1], before[1])
    assert a[0].tolist() == [0.8] * 3


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("size", [3, 9001], ids=["packed", "large"])
def test_a_bad_gradient_freezes_its_replica_even_where_the_rule_would_hide_it(size, bad):
    w, g = np.ones((2, size)), np.ones((2, size))
    optimizer = Optimizer(Ema(0.5) | Clip(-1.0, 1.0), 0.5, replicas=2)
    g[1, -1] = bad
    optimizer.step(w, g)
    assert optimizer.diverged.tolist() == [False, True]
    assert (w[0] == 0.75).all()
    assert (w[1] == 1.0).all()
    assert not optimizer.state["params"]["ema"][1].any()


def test_when_all_have_diverged_nothing_moves():
    w = np.ones((2, 3))
    optimizer = Optimizer(Gradient(), 0.1, replicas=2)
    for _ in range(2):
        optimizer.step(w, np.full((2, 3), np.nan))
    assert (w == 1).all()
    assert optimizer.diverged.all()


class SkipSome:
    """Skip replica 1 in the second step."""

    def before(self, step):
        self.calls = getattr(self, "calls", 0) + 1
        if self.calls == 2:
            step.skip = np.arange(step.replicas) == 1


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ["adam", "scheduled"])
def test_a_replica_that_skips_counts_its_own_steps(name, engine):
    w, alone = np.ones((3, 4)), np.ones(4)
    together = Optimizer(RULES[name], 0.1, replicas=3, hooks=[SkipSome()], engine=engine_of(engine), average=Ema(0.9))
    one = Optimizer(RULES[name], 0.1, engine=engine, average=Ema(0.9))
    for k in range(6):
        g = gradient_of(np.ones(4), k, 0)
        together.step(w, np.stack([g] * 3))
        if k != 1:
            one.step(alone, g)
    assert together.t.tolist() == [6, 5, 6]
    assert np.array_equal(w[1], alone)
    assert not np.array_equal(w[0], alone)


@pytest.mark.parametrize("engine", ENGINES)
def test_hooks_may_scale_each_replica(engine):
    class Scaling:
        def before(self, step):
            step.scale = step.scale * np.array([1.0, 0.5])

    w = np.zeros((2, 3))
    Optimizer(Gradient(), 1.0, replicas=2, hooks=[Scaling()], engine=engine_of(engine)).step(w, np.ones((2, 3)))
    assert w[:, 0].tolist() == [-1.0, -0.5]


def test_every_leaf_needs_the_axis_of_the_replicas():
    with pytest.raises(ValueError, match=r"parameter 'b' must have a first axis of 2 replicas; got shape \(3,\)"):
        Optimizer(Gradient(), 0.1, replicas=2).step({"a": np.ones((2, 3)), "b": np.ones(3)}, {})


def test_hooks_leave_a_diverged_replica_alone():

    w = np.array([[4.0, 4.0], [4.0, 4.0]])
    opt = Optimizer(sgd(), lr=0.1, replicas=2, hooks=[IndependentDecay(0.5), Project(Box(-1.0, 1.0))])
    opt.step(w, np.array([[np.nan, 0.0], [0.0, 0.0]]))
    opt.step(w, np.zeros((2, 2)))
    np.testing.assert_array_equal(opt.diverged, [True, False])
    np.testing.assert_array_equal(w[0], [4.0, 4.0])
    assert (w[1] < 4.0).all()


@pytest.mark.parametrize("replicas", [None, 3])
def test_hyperparameters_of_hooks_must_be_numbers_or_one_for_each_replica(replicas):
    with pytest.raises(
        ValueError, match=r"ClipNorm\.max_norm has a hyperparameter of shape \(2,\); it must be a number"
    ):
        Optimizer(sgd(), 0.1, hooks=[ClipNorm([1.0, 2.0]), ClipNorm(1.0)], replicas=replicas)
    with pytest.raises(ValueError, match=r"Box\.high has a hyperparameter of shape \(2,\)"):
        Optimizer(sgd(), 0.1, hooks=[Project(Box(0.0, [1.0, 2.0]))], replicas=replicas)


class Setting:
    """A hook that sets attributes of the step."""

    def __init__(self, **values):
        self.values = values

    def before(self, step):
        for name, value in self.values.items():
            setattr(step, name, value)


@pytest.mark.parametrize("skip", [[True, False], np.array([1, 0]), (np.True_, np.False_)], ids=repr)
def test_a_hook_may_say_which_replicas_to_skip_in_any_form(skip):
    optimizer, w = Optimizer(sgd(), 1.0, replicas=2, hooks=[Setting(skip=skip)]), np.zeros((2, 1))
    optimizer.step(w, np.ones((2, 1)))
    assert w.ravel().tolist() == [0.0, -1.0]
    assert optimizer.t.tolist() == [0, 1]


@pytest.mark.parametrize("shape", [(2, 1), (3,), (1, 2)])
@pytest.mark.parametrize("name", ["lr", "scale"])
@pytest.mark.parametrize("check_finite", [True, False])
@pytest.mark.parametrize("replicas", [2, None])
def test_a_hook_cannot_set_a_number_of_another_shape(replicas, check_finite, name, shape):
    hooks = [Setting(**{name: np.ones(shape)})]
    optimizer = Optimizer(sgd(), 1.0, replicas=replicas, hooks=hooks, check_finite=check_finite)
    w = np.zeros((2, 3))
    with pytest.raises(ValueError, match=rf"{name} has a hyperparameter of shape {re.escape(str(shape))}"):
        optimizer.step(w, np.ones((2, 3)))
    assert not w.any()


def test_a_schedule_cannot_change_its_shape():
    optimizer, w = Optimizer(sgd(), lambda k: 1.0 if np.all(k == 0) else np.ones(3), replicas=2), np.zeros((2, 3))
    optimizer.step(w, np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"lr has a hyperparameter of shape \(3,\)"):
        optimizer.step(w, np.ones((2, 3)))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("size", [3, 20000], ids=["packed", "large"])
def test_the_average_of_a_replica_whose_weights_overflow_is_that_of_its_last_finite_ones(size, engine):
    w = np.ones((2, size))
    optimizer = Optimizer(sgd(), 1.0, replicas=2, engine=engine_of(engine), average=Ema(0.5))
    optimizer.step(w, np.ones((2, size)))
    with optimizer.averaged(w):
        before = w.copy()
    w[1, 0], g = -1.7e308, np.ones((2, size))
    g[1, 0] = 1.7e308
    optimizer.step(w, g)
    assert optimizer.diverged.tolist() == [False, True]
    with optimizer.averaged(w):
        assert np.array_equal(w[1], before[1])
        assert not np.array_equal(w[0], before[0])
        assert np.isfinite(w).all()


def test_a_factor_that_is_not_finite_freezes_its_replica():
    w = np.zeros((3, 2))
    optimizer = Optimizer(sgd(), 1.0, replicas=3, hooks=[Setting(scale=np.array([1.0, np.nan, np.inf]))])
    optimizer.step(w, np.ones((3, 2)))
    assert optimizer.diverged.tolist() == [False, True, True]
    assert w[:, 0].tolist() == [-1.0, 0.0, 0.0]


def test_without_the_check_no_replica_is_frozen():
    w = np.zeros((2, 3))
    optimizer = Optimizer(sgd(), 1.0, replicas=2, check_finite=False)
    optimizer.step(w, np.array([[np.nan] * 3, [1.0] * 3]))
    assert not optimizer.diverged.any()
    assert np.isnan(w[0]).all()


def test_a_bad_gradient_of_a_replica_that_skips_does_not_freeze_it():
    w, g = np.zeros((2, 1)), np.array([[np.nan], [1.0]])
    optimizer = Optimizer(sgd(), 1.0, replicas=2, hooks=[Setting(skip=np.array([True, False]))])
    optimizer.step(w, g)
    assert not optimizer.diverged.any()
    assert w.ravel().tolist() == [0.0, -1.0]


def test_there_is_no_average_while_a_replica_has_made_no_step():
    w = np.zeros((2, 1))
    optimizer = Optimizer(sgd(), 1.0, replicas=2, hooks=[Setting(skip=np.array([True, False]))], average=Ema(0.5))
    optimizer.step(w, np.ones((2, 1)))
    assert optimizer.t.tolist() == [0, 1]
    with pytest.raises(ValueError, match="no average before the first step"):
        optimizer.averaged(w).__enter__()


def test_a_step_that_all_replicas_skip_is_none():
    class Counts:
        calls = 0

        def after(self, step):
            self.calls += 1

    w, counts = np.zeros((2, 1)), Counts()
    skipping = Setting(skip=np.array([True, True]))
    optimizer = Optimizer(sgd(), lambda k: 1.0 / (1.0 + k), replicas=2, hooks=[skipping, counts])
    optimizer.step(w, np.full((2, 1), np.nan))
    assert counts.calls == 0
    assert optimizer.t == 0
    assert not optimizer.diverged.any()
    skipping.values = {"skip": np.array([True, False])}
    optimizer.step(w, np.ones((2, 1)))
    assert counts.calls == 1


def test_what_an_optimizer_hands_out_is_a_copy():
    w = np.zeros((2, 1))
    optimizer = Optimizer(sgd(), [1.0, 0.5], replicas=2, hooks=[Setting(skip=np.array([True, False]))])
    assert optimizer.lr.tolist() == [1.0, 0.5]
    optimizer.lr[:] = 9.0
    optimizer.step(w, np.ones((2, 1)))
    for name in ("t", "diverged", "lr"):
        held = getattr(optimizer, name)
        kept = held.copy()
        held[:] = 1 - held
        assert np.array_equal(getattr(optimizer, name), kept)


def test_a_schedule_of_the_rule_that_takes_a_wrong_shape_later_is_refused_by_name():
    optimizer = Optimizer(Ema(lambda k: 0.5 if k < 1 else np.full(3, 0.5)), 0.1, replicas=2, engine="numpy")
    w = np.zeros((2, 3))
    optimizer.step(w, np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"rule has a hyperparameter of shape \(3,\); it must be a number or \(2,\)"):
        optimizer.step(w, np.ones((2, 3)))
    assert (w == -0.05).all()


def test_lr_is_that_of_the_latest_update_of_each_replica_also_after_a_load():
    def lr(k):
        return 0.5 / (k + 1)

    for t, expected in (([0, 1], [0.5, 0.5]), ([0, 3], [0.5, 0.5 / 3]), ([2, 1], [0.25, 0.5])):
        saved, loaded = (Optimizer(sgd(), lr, replicas=2, hooks=[Reaching(t)]) for _ in range(2))
        assert loaded.lr == 0.5
        w = np.ones((2, 1))
        for _ in range(max(t)):
            saved.step(w, np.ones((2, 1)))
        assert saved.t.tolist() == t
        loaded.load_state_dict(saved.state_dict())
        assert loaded.lr.tolist() == expected


class Reaching:
    """Skips the steps after which a replica would have made more than t."""

    def __init__(self, t):
        self.t = np.array(t)

    def before(self, step):
        step.skip = np.broadcast_to(step.t, self.t.shape) > self.t
