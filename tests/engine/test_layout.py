"""Where leaves lie: what may not be a parameter, and that a refused step leaves everything as it was."""

import copy
import re

import numpy as np
import pytest

from optimlab import Ema, momentum, sgd
from optimlab.engine.groups import Groups
from optimlab.engine.job import Job
from optimlab.engine.layout import Layout
from optimlab.optimizer import Optimizer
from tests.engine.laws import RULES

SIZES = pytest.mark.parametrize("n", [4, 10000], ids=["packed", "large"])


def overlapping(kind, n):
    base = np.zeros(3 * n)
    return {
        "the same array": ([base[:n]] * 2, "are the same array"),
        "halves": ([base[: 2 * n], base[n:]], "overlap in memory"),
        "one inside": ([base, base[n : n + 1]], "overlap in memory"),
        "the first reaches over the second": ([base[::3], base[1:2], base[3:4]], "'0' and '2' overlap in memory"),
        "not in order": ([base[2 * n :], base[:n], base[n : 2 * n + 1]], "'0' and '2' overlap in memory"),
    }[kind]


KINDS = ["the same array", "halves", "one inside", "the first reaches over the second", "not in order"]


@SIZES
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("step", [1, 2])
def test_parameters_that_share_memory_are_refused_at_any_step(kind, n, step):
    params, message = overlapping(kind, n)
    optimizer = Optimizer(sgd(), 1.0)
    if step == 2:
        apart = [overlapping(kind, n)[0][i] for i in range(len(params))]  # of the same strides
        optimizer.step(apart, [np.ones(param.shape) for param in apart])
    with pytest.raises(ValueError, match=message):
        optimizer.step(params, [np.ones(param.shape) for param in params])
    assert not any(param.any() for param in params)
    assert optimizer.t == step - 1


def test_views_beside_each_other_do_not_share_memory():
    base = np.zeros(30000)
    params = [base[:10000], base[10000:20000], base[20000::2], base[20001::2], base[:0]]
    Optimizer(sgd(), 1.0).step(params, [np.ones(param.shape) for param in params])
    assert (base == -1.0).all()


def test_a_large_parameter_keeps_its_memory_order():
    w, g = np.zeros((100, 100)), np.ones((100, 100))
    optimizer = Optimizer(momentum(0.5), 1.0)
    optimizer.step(w, g)
    optimizer, fortran = copy.copy(optimizer), np.asfortranarray(w)
    with pytest.raises(ValueError, match=r"'params' must keep its memory order; got strides \(8, 800\); make it with"):
        optimizer.step(fortran, g)
    assert np.array_equal(fortran, w)
    remedy = np.ascontiguousarray(fortran)
    optimizer.step(remedy, g)
    assert (remedy == -0.5 - 0.75).all()


def test_a_small_parameter_may_change_its_memory_order():
    w, g = np.arange(12.0).reshape(3, 4), np.ones((3, 4))
    one, two, v = Optimizer(momentum(), 1.0), Optimizer(momentum(), 1.0), w.copy()
    for _ in range(2):
        one.step(w, g)
        two.step(v, g)
        two, v = copy.copy(two), np.asfortranarray(v)
    assert np.array_equal(v, w)


BAD = {
    "order": lambda: np.asfortranarray(np.ones((100, 100))),
    "shape": lambda: np.ones((100, 99)),
    "dtype": lambda: np.ones((100, 100), np.float32),
    "read-only": lambda: np.broadcast_to(np.ones(100), (100, 100)),
}


@pytest.mark.parametrize("bad", BAD)
def test_after_parameters_were_refused_the_old_ones_go_on(bad):
    a, b, g = np.ones((100, 100)), np.ones((100, 100)), np.ones((100, 100))
    optimizer = Optimizer(sgd(), 0.5)
    optimizer.step([a, b], [g, g])
    other = np.ones((100, 100))
    with pytest.raises((ValueError, TypeError)):
        optimizer.step([other, BAD[bad]()], [g, g])
    optimizer.step([a, b], [g, g])
    assert (a == 0.0).all()
    assert (b == 0.0).all()
    assert (other == 1.0).all()


def test_leaves_of_a_dtype_share_a_segment_and_large_ones_have_their_own():
    leaves = {
        "a": np.ones(3), "b": np.ones(10000), "c": np.ones(3, np.float32), "d": np.ones((2, 2)),
        "e": np.ones(10000, np.float32), "f": np.ones((200, 200))[::2, ::2],
    }  # fmt: skip
    layout = Layout(leaves, Groups(momentum(), 0.1, Ema(0.9), None))
    held = sorted(([layout.names[i] for i in segment.leaves], segment.packed) for segment in layout.segments)
    assert held == [(["a", "d", "f"], True), (["b"], False), (["c"], True), (["e"], False)]
    assert [job.rule for job in layout.jobs] == [momentum()]


@pytest.mark.parametrize("replicas", [None, 2])
@SIZES
def test_memory_has_the_shape_of_its_leaf_and_is_the_memory(n, replicas):
    shape = (n,) if replicas is None else (replicas, n)
    layout = Layout([np.ones(shape)], Groups(momentum(), 0.1, Ema(0.9), replicas))
    for block in ("state", "average"):
        (leaf, slot, view), *_ = layout.memory(block)
        assert (leaf, slot, view.shape) == ("0", "ema", shape)
        view[...] = np.arange(view.size).reshape(shape)
        (_, _, again), *_ = layout.memory(block)
        assert np.array_equal(again, view)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda g: [*g, g[0]], ValueError, "there must be 2 gradients, as parameters; a hook gave 3"),
        (lambda g: g[:1], ValueError, "there must be 2 gradients, as parameters; a hook gave 1"),
        (lambda g: [g[0], None], ValueError, "gradient '1' is missing"),
        (lambda g: [g[0], [1.0, 2.0]], TypeError, "gradient '1' must be a NumPy array; got list"),
        (lambda g: [g[0], g[1][:-1]], ValueError, "gradient '1' must have shape"),
        (lambda g: [g[0], g[1][None]], ValueError, "gradient '1' must have shape"),
        (lambda g: [g[0].astype(np.float32), g[1]], TypeError, "gradient '0' must be float64 like its parameter"),
        (lambda g: [g[0].astype(int), g[1]], TypeError, "gradient '0' must be float64 like its parameter; got int64"),
    ],
)
@SIZES
def test_gradients_that_a_hook_puts_in_place_are_checked(make, error, message, n):
    class Hook:
        def before(self, step):
            step.gradients = make(step.gradients)

    w = [np.zeros(n), np.zeros(n)]
    optimizer = Optimizer(sgd(), 1.0, hooks=[Hook()])
    with pytest.raises(error, match=re.escape(message)):
        optimizer.step(w, [np.ones(n), np.ones(n)])
    assert not any(param.any() for param in w)
    assert optimizer.t == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", RULES)
def test_no_rule_has_its_state_looked_at_where_gradients_are_tame(name, dtype):
    assert Job(RULES[name], 0, None).holds(np.dtype(dtype))  # else a step copies all memory before it
