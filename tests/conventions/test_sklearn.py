"""scikit-learn's own optimizers beside ours of their names."""

import copy
import pickle

import numpy as np
import pytest

from optimlab import Optimizer
from optimlab.conventions import sklearn
from tests.conventions.lockstep import SHAPES, go_on, lock_step, three_steps

theirs = pytest.importorskip("sklearn.neural_network._stochastic_optimizers")
PRINTED = [
    (
        sklearn.SGDOptimizer(0.1, nesterov=False),
        [[0.95, -1.9], [0.93, -2.01], [0.812, -2.119]],
    ),
    (
        sklearn.SGDOptimizer(0.1),
        [[0.905, -1.81], [0.912, -2.109], [0.7058, -2.2171]],
    ),
    (
        sklearn.AdamOptimizer(0.1),
        [[0.900000063246, -1.90000003162], [0.873366374352, -1.93661037915], [0.807555232496, -1.967737711]],
    ),
    (
        sklearn.AdamOptimizer(0.1, epsilon=0.1),
        [[0.98634729405, -1.97597469266], [0.982347709936, -1.99113830888], [0.964848714718, -2.00403469447]],
    ),
]


@pytest.mark.parametrize(("opt", "printed"), PRINTED)
def test_the_printed_numbers(opt, printed):
    np.testing.assert_allclose(three_steps(opt), printed, rtol=1e-11)


def test_old_steps_keep_the_rate_at_which_they_were_taken():
    opt, w = sklearn.SGDOptimizer(0.1, nesterov=False), np.zeros(1)
    found = []
    for rate in (0.1, 0.01, 0.01):
        opt.lr = rate
        found += opt.step(w, np.ones(1)).tolist()
    np.testing.assert_allclose(found, [-0.1, -0.2, -0.3], rtol=1e-14)


def _random_sgd(rng):
    return {
        "learning_rate_init": float(10 ** rng.uniform(-4, 0)),
        "momentum": float(rng.uniform(0, 1)),
        "nesterov": bool(rng.integers(2)),
    }


def _random_adam(rng):
    return {
        "learning_rate_init": float(10 ** rng.uniform(-4, 0)),
        "beta_1": float(rng.uniform(0, 0.99)),
        "beta_2": float(rng.uniform(0.5, 0.9999)),
        "epsilon": float(10 ** rng.uniform(-10, -2)),
    }


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_sgd_is_the_same_to_the_last_bit(seed, dtype):
    given = _random_sgd(np.random.default_rng(seed))
    other = theirs.SGDOptimizer([np.zeros(shape, dtype) for shape in SHAPES], **given)
    assert lock_step(sklearn.SGDOptimizer(**given), other.update_params, dtype=dtype, seed=seed) == 0.0


@pytest.mark.parametrize("seed", range(6))
def test_adam_is_the_same_to_the_last_bit(seed):
    given = _random_adam(np.random.default_rng(seed))
    other = theirs.AdamOptimizer([np.zeros(shape) for shape in SHAPES], **given)
    assert lock_step(sklearn.AdamOptimizer(**given), other.update_params, seed=seed) == 0.0


@pytest.mark.parametrize("seed", range(6))
def test_adam_in_float32(seed):
    given = _random_adam(np.random.default_rng(seed))
    other = theirs.AdamOptimizer([np.zeros(shape, np.float32) for shape in SHAPES], **given)
    assert lock_step(sklearn.AdamOptimizer(**given), other.update_params, dtype=np.float32, seed=seed) < 1e-5


@pytest.mark.parametrize("engine", ["numpy", "fused"])
@pytest.mark.parametrize(("make", "random"), [("SGDOptimizer", _random_sgd), ("AdamOptimizer", _random_adam)])
def test_either_engine_gives_their_bits(make, random, engine):
    given = random(np.random.default_rng(9))
    opt = Optimizer(getattr(sklearn, make)(**given).rule, given["learning_rate_init"], engine=engine)
    other = getattr(theirs, make)([np.zeros(shape) for shape in SHAPES], **given)
    assert lock_step(opt, other.update_params) == 0.0


@pytest.mark.parametrize("momentum", [0.5, 0.6, 0.7, 0.8])
@pytest.mark.parametrize("nesterov", [False, True])
def test_one_step_from_random_velocities(momentum, nesterov):
    rng = np.random.default_rng(0)
    velocities, gradients = ([rng.random(shape) for shape in SHAPES] for _ in range(2))
    opt = sklearn.SGDOptimizer(0.1, momentum=momentum, nesterov=nesterov)
    (slot,) = opt.rule.slots
    w = [np.zeros(shape) for shape in SHAPES]
    go_on(opt, w, {slot: [-v for v in velocities]}, 1)
    opt.step(w, gradients)
    updates = [momentum * v - 0.1 * g for v, g in zip(velocities, gradients, strict=True)]
    if nesterov:
        updates = [momentum * v - 0.1 * g for v, g in zip(updates, gradients, strict=True)]
    for found, update in zip(w, updates, strict=True):
        np.testing.assert_array_equal(found, 0.0 + update)


@pytest.mark.parametrize("beta_1", [0.9, 0.95])
@pytest.mark.parametrize("beta_2", [0.995, 0.996, 0.997, 0.998, 0.999])
def test_the_tenth_step_from_random_moments(beta_1, beta_2):
    rng = np.random.default_rng(0)
    ms, vs, gradients = ([rng.random(shape) for shape in SHAPES] for _ in range(3))
    opt = sklearn.AdamOptimizer(0.001, beta_1, beta_2)
    w = [np.zeros(shape) for shape in SHAPES]
    go_on(opt, w, dict(zip(opt.rule.slots, (ms, vs), strict=True)), 9)
    opt.step(w, gradients)
    rate = 0.001 * np.sqrt(1 - beta_2**10) / (1 - beta_1**10)
    for found, m, v, g in zip(w, ms, vs, gradients, strict=True):
        m, v = beta_1 * m + (1 - beta_1) * g, beta_2 * v + (1 - beta_2) * g**2
        np.testing.assert_array_equal(found, 0.0 + -rate * m / (np.sqrt(v) + 1e-8))


def test_inverse_scaling_is_theirs_with_updates_as_time_steps():
    opt = sklearn.SGDOptimizer(0.3, "invscaling", power_t=0.25)
    other = theirs.SGDOptimizer([np.zeros(shape) for shape in SHAPES], 0.3, "invscaling", power_t=0.25)
    time_steps = iter(range(1, 201))

    def step(params, gradients):
        other.update_params(params, gradients)
        other.iteration_ends(next(time_steps))

    assert lock_step(opt, step) == 0.0


def test_adaptive_needs_a_net():
    with pytest.raises(ValueError, match=r"'adaptive' needs a net that watches its loss"):
        sklearn.SGDOptimizer(lr_schedule="adaptive")
    with pytest.raises(ValueError, match="lr_schedule must be"):
        sklearn.SGDOptimizer(lr_schedule="cosine")


@pytest.mark.parametrize("make", [sklearn.SGDOptimizer, sklearn.AdamOptimizer])
def test_they_travel(make):
    opt, w = make(), [np.ones(3)]
    opt.step(w, [np.ones(3)])
    copies = [copy.deepcopy(opt), pickle.loads(pickle.dumps(opt))]
    opt.step(w, [np.ones(3)])
    for other in copies:
        v = [x.copy() for x in w]
        assert other.rule == opt.rule
        other.step(v, [np.ones(3)])
        assert other.t == opt.t == 2


def test_a_rate_of_zero_moves_by_the_buffer():
    opt, w = sklearn.SGDOptimizer(0.5, momentum=0.5, nesterov=False), np.zeros(1)
    opt.step(w, np.ones(1))
    opt.lr = lambda k: 0.0
    assert opt.step(w, np.ones(1)) == [-0.75]
