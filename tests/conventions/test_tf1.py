"""TensorFlow 1's optimizers beside the formulas of its kernels, retyped."""

import inspect

import numpy as np
import pytest

from optimlab.conventions import tf1
from tests.conventions.lockstep import lock_step, three_steps

PRINTED = [
    (tf1.MomentumOptimizer(0.1, 0.9), [[0.95, -1.9], [0.93, -2.01], [0.812, -2.119]]),
    (tf1.MomentumOptimizer(0.1, 0.9, use_nesterov=True), [[0.905, -1.81], [0.912, -2.109], [0.7058, -2.2171]]),
    (
        tf1.AdadeltaOptimizer(1.0, 0.9, 1e-6),
        [[0.996837785583, -1.99683773815], [0.998922872611, -2.0008783341], [0.994616156999, -2.00116104179]],
    ),
    (
        tf1.AdamOptimizer(0.1),
        [[0.900000063246, -1.90000003162], [0.873366374352, -1.93661037915], [0.807555232496, -1.967737711]],
    ),
    (
        tf1.AdamOptimizer(0.1, epsilon=0.1),
        [[0.98634729405, -1.97597469266], [0.982347709936, -1.99113830888], [0.964848714718, -2.00403469447]],
    ),
]


@pytest.mark.parametrize(("opt", "printed"), PRINTED)
def test_the_printed_numbers(opt, printed):
    np.testing.assert_allclose(three_steps(opt), printed, rtol=1e-11)


def gradient_descent(var, grad, state, t, lr):
    var -= lr * grad


def momentum(var, grad, state, t, lr, mu, nesterov=False):
    accum = state["accum"] = state.get("accum", 0.0) * mu + grad
    var -= lr * grad + lr * mu * accum if nesterov else lr * accum


def rmsprop(var, grad, state, t, lr, decay, mu, epsilon, centered=False):
    ms, mg = state.get("ms", 1.0), state.get("mg", 0.0)
    ms = state["ms"] = ms + (grad * grad - ms) * (1 - decay)
    mg = state["mg"] = mg + (grad - mg) * (1 - decay)
    denominator = ms - mg * mg + epsilon if centered else ms + epsilon
    mom = state["mom"] = mu * state.get("mom", 0.0) + lr * grad / np.sqrt(denominator)
    var -= mom


def adam(var, grad, state, t, lr, beta1, beta2, epsilon):
    m, v = state.get("m", 0.0), state.get("v", 0.0)
    m = state["m"] = m + (grad - m) * (1 - beta1)
    v = state["v"] = v + (grad * grad - v) * (1 - beta2)
    alpha = lr * np.sqrt(1 - beta2**t) / (1 - beta1**t)
    var -= m * alpha / (np.sqrt(v) + epsilon)


def adagrad(var, grad, state, t, lr, initial):
    accum = state["accum"] = state.get("accum", initial) + grad * grad
    var -= lr * grad / np.sqrt(accum)


def adadelta(var, grad, state, t, lr, rho, epsilon):
    accum = state["accum"] = rho * state.get("accum", 0.0) + (1 - rho) * grad * grad
    update = np.sqrt(state.get("update", 0.0) + epsilon) / np.sqrt(accum + epsilon) * grad
    state["update"] = rho * state.get("update", 0.0) + (1 - rho) * update * update
    var -= update * lr


def ftrl(var, grad, state, t, lr, initial, l1, l2):
    accum, linear = state.get("accum", initial), state.get("linear", 0.0)
    new = state["accum"] = accum + grad * grad
    linear = state["linear"] = linear + grad - (np.sqrt(new) - np.sqrt(accum)) / lr * var
    quadratic = np.sqrt(new) / lr + 2 * l2
    var[...] = np.where(abs(linear) > l1, (np.sign(linear) * l1 - linear) / quadratic, 0.0)


KERNELS = {
    "GradientDescentOptimizer": (gradient_descent, lambda rng: ()),
    "MomentumOptimizer": (momentum, lambda rng: (rng.uniform(0, 1), bool(rng.integers(2)))),
    "RMSPropOptimizer": (
        rmsprop,
        lambda rng: (rng.uniform(0.5, 0.99), rng.uniform(0, 0.99), 10 ** rng.uniform(-6, -2), bool(rng.integers(2))),
    ),
    "AdamOptimizer": (
        adam, lambda rng: (rng.uniform(0, 0.99), rng.uniform(0.5, 0.9999), 10 ** rng.uniform(-10, -2)),
    ),
    "AdagradOptimizer": (adagrad, lambda rng: (rng.uniform(0.01, 1),)),
    "AdadeltaOptimizer": (adadelta, lambda rng: (rng.uniform(0.5, 0.99), 10 ** rng.uniform(-8, -4))),
    "FtrlOptimizer": (ftrl, lambda rng: (rng.uniform(0, 1), rng.uniform(0, 9), rng.uniform(0, 1))),
}  # fmt: skip


def kernel(name, *given):
    """The kernel as a step in place on several arrays, each with its own state."""
    states, formula = {}, KERNELS[name][0]

    def step(params, gradients):
        for i, (var, grad) in enumerate(zip(params, gradients, strict=True)):
            state = states.setdefault(i, {})
            state["t"] = state.get("t", 0) + 1
            formula(var, grad, state, state["t"], *given)

    return step


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("dtype", "near"), [(np.float64, 1e-11), (np.float32, 1e-5)])
def test_200_steps_beside_the_kernel(name, seed, dtype, near):
    rng = np.random.default_rng(seed)
    given = (10 ** rng.uniform(-3, -1), *KERNELS[name][1](rng))
    make = getattr(tf1, name)
    named = dict(zip(inspect.signature(make).parameters, given, strict=False))
    assert lock_step(make(**named), kernel(name, *given), dtype=dtype, seed=seed) < near


def test_follow_the_leader_sets_weights_to_zero_exactly():
    rng = np.random.default_rng(0)
    opt, w = tf1.FtrlOptimizer(0.1, l1_regularization_strength=5.0), np.zeros(100)
    for _ in range(20):
        opt.step(w, rng.standard_normal(100))
    assert 0 < np.count_nonzero(w) < 100


def test_the_rate_is_inside_the_buffer_of_rmsprop_and_outside_that_of_momentum():
    inside, outside = tf1.RMSPropOptimizer(1.0, momentum=1.0), tf1.MomentumOptimizer(1.0, 1.0)
    for opt, moved in ((inside, 1.0), (outside, 0.0)):
        w = np.zeros(1)
        opt.step(w, np.ones(1))
        before = w.copy()
        opt.lr = 1e-300
        opt.step(w, np.zeros(1))
        assert abs(w - before).max() == pytest.approx(moved, abs=1e-9)
