"""Keras's conventions beyond the rules: decay, clipping, average, accumulation, names of layers, refusals."""

import numpy as np
import pytest

from optimlab import Optimizer, nesterov
from optimlab.conventions import keras

G = np.array([3.0, -4.0])


def run(optimizer, steps=3, g=G):
    w = np.array([1.0, -2.0])
    for k in range(steps):
        optimizer.step(w, g * (k + 1))
    return w


def test_weights_decay_in_every_rule_also_where_the_gradient_is_zero():
    """Keras's own test: 2 → 1.992 → 1.984032 → 1.9760959."""
    w, opt = np.array([2.0]), keras.Adam(1.0, weight_decay=0.004)
    seen = [opt.step(w, np.zeros(1)).copy().item() for _ in range(3)]
    assert seen == pytest.approx([1.992, 1.984032, 1.976095872], rel=1e-12)


def test_the_average_begins_at_the_first_new_weights():
    """p = 10, g = 1, lr .01, ema .99 over 10 steps: 9.985617924991 (keras#18949)."""
    w, opt = np.array([10.0]), keras.SGD(0.01, use_ema=True)
    for _ in range(10):
        opt.step(w, np.ones(1))
    assert w == pytest.approx(9.9)
    with opt.averaged(w):
        assert w == pytest.approx(9.985617924991, rel=1e-12)


def test_clipping_is_of_each_leaf_of_all_or_of_each_number():
    params = lambda: [np.zeros(2), np.zeros(1)]  # noqa: E731
    g = [np.array([3.0, 4.0]), np.array([12.0])]
    moved = {
        name: keras.SGD(1.0, **{name: 1.0}).step(params(), g) for name in ("clipnorm", "global_clipnorm", "clipvalue")
    }
    assert np.concatenate(moved["clipnorm"]) == pytest.approx([-0.6, -0.8, -1.0])
    assert np.concatenate(moved["global_clipnorm"]) == pytest.approx([-3 / 13, -4 / 13, -12 / 13])
    assert np.concatenate(moved["clipvalue"]) == pytest.approx([-1.0, -1.0, -1.0])


def test_one_way_of_clipping_is_enough():
    with pytest.raises(ValueError, match="only one may be given; leave out the others"):
        keras.Adam(clipnorm=1.0, clipvalue=1.0)
    keras.Adam(clipnorm=1.0)


def test_accumulated_gradients_are_one_step_of_their_mean():
    twice = run(keras.Adam(0.1, gradient_accumulation_steps=2), steps=2)
    assert twice == pytest.approx(run(keras.Adam(0.1), steps=1, g=1.5 * G), rel=1e-14)


def test_a_schedule_counts_gradients():
    opt = keras.SGD(keras.schedules.ExponentialDecay(1.0, 1, 0.5), gradient_accumulation_steps=2)
    w = np.zeros(1)
    seen = [opt.step(w, np.ones(1)).copy().item() for _ in range(4)]
    assert seen == [0.0, -0.5, -0.5, -0.625]


def test_old_steps_keep_their_learning_rate():
    """g = 1, lr .1, .01, .01: -.1, -.2, -.3 where torch and optax are at -.1461."""
    w, opt = np.zeros(1), keras.SGD(keras.schedules.PiecewiseConstantDecay([0], [0.1, 0.01]), momentum=0.9)
    seen = [opt.step(w, np.ones(1)).copy().item() for _ in range(3)]
    assert seen == pytest.approx([-0.1, -0.2, -0.3], rel=1e-12)


def test_muon_gives_the_named_layers_adam_at_a_rate_of_their_own():
    params = {"dense/kernel": np.eye(3, 2), "dense/bias": np.ones(3)}
    gradients = {"dense/kernel": np.ones((3, 2)), "dense/bias": np.ones(3)}
    opt = keras.Muon(0.1, exclude_layers=["bias"], adam_lr_ratio=0.5, adam_weight_decay=None)
    opt.step(params, gradients)
    alone = keras.Adam(0.05).step(np.ones(3), np.ones(3))
    assert params["dense/bias"] == pytest.approx(alone, rel=1e-14)
    kernel = keras.Muon(0.1).step(np.eye(3, 2), np.ones((3, 2)))
    assert params["dense/kernel"] == pytest.approx(kernel, rel=1e-14)


def test_muon_decays_all_layers_at_the_learning_rate():
    """Keras 3.15 multiplies the step of Adam by adam_lr_ratio, and not its decay: 2 - 2 · 0.1 · 0.2."""
    params = {"W": np.eye(2), "b": np.array([2.0])}
    opt = keras.Muon(0.1, exclude_layers=["b"], adam_lr_ratio=0.5, adam_weight_decay=0.2)
    opt.step(params, {"W": np.ones((2, 2)), "b": np.zeros(1)})
    assert params["b"] == pytest.approx([1.96], rel=1e-14)


def test_muon_keeps_the_ratio_when_the_rate_changes():
    params, ones = {"W": np.eye(2), "b": np.zeros(1)}, {"W": np.ones((2, 2)), "b": np.ones(1)}
    options = {"exclude_layers": ["b"], "adam_lr_ratio": 0.5}
    opt = keras.Muon(keras.schedules.ExponentialDecay(0.1, 1, 0.5), **options)
    opt.step(params, ones)
    assert params["b"] == pytest.approx([-0.05], rel=1e-5)
    opt.lr = 0.2
    opt.step(params, ones)
    assert params["b"] == pytest.approx([-0.15], rel=1e-3)


def test_muon_takes_words_and_not_the_letters_of_one():
    with pytest.raises(TypeError, match=r"exclude_layers must be a list of words; got 'bias'; write \['bias'\]"):
        keras.Muon(exclude_layers="bias")
    keras.Muon(exclude_layers=["bias"])


def test_muon_is_for_matrices_and_says_so():
    with pytest.raises(ValueError, match="matrices"):
        keras.Muon().step(np.ones(3), np.ones(3))


def test_muon_without_look_ahead_or_scale():
    plain = keras.Muon(nesterov=False, rms_rate=None, weight_decay=None).rule
    assert repr(plain) == "Trace(0.95) | Orthogonalize(eps=1e-07)"
    assert keras.Muon(rms_rate=0.2).rule == keras.Muon().rule != keras.Muon(rms_rate=0.4).rule


def test_schedule_free_evaluates_at_the_mean():
    w, opt = np.array([1.0]), keras.ScheduleFreeAdamW(0.5, beta_1=0.5)
    for _ in range(2):
        opt.step(w, np.ones(1))  # z = .5, 0;  x = .5, .25;  y = .5, .125
    assert w == pytest.approx([0.125], abs=1e-7)
    with opt.averaged(w):
        assert w == pytest.approx([0.25], abs=1e-7)


def test_nesterov_with_a_constant_rate_is_the_one_of_all_systems():
    mine, theirs = run(keras.SGD(0.1, momentum=0.9, nesterov=True)), run(Optimizer(nesterov(0.9), 0.1))
    assert mine == pytest.approx(theirs, rel=1e-14)


def test_another_systems_argument_is_refused_with_keras_spelling():
    with pytest.raises(
        TypeError, match=r"Keras's RMSprop has no argument 'alpha' \(torch's\); write rho=0.9; it takes"
    ):
        keras.RMSprop(alpha=0.9)
    with pytest.raises(TypeError, match=r"write initial_learning_rate=1.0"):
        keras.schedules.CosineDecay(init_value=1.0, decay_steps=3)
    keras.schedules.CosineDecay(initial_learning_rate=1.0, decay_steps=3)


@pytest.mark.parametrize("made", [keras.SGD(momentum=0.9), keras.Adam(), keras.Ftrl(), keras.Muon(), keras.Adafactor()])
def test_the_expression_rebuilds_the_optimizer(made):
    assert "lambda" not in repr(made)
    assert "object at" not in repr(made)
