"""Activations, the shape of a net, diagnostics by layer, and mini-batches."""

import math

import numpy as np
import pytest

from optimlab.lab.nets import MLP, Batches, MiniBatchLoss, TrainingLoss, activation, passes, update_ratio
from optimlab.lab.nets.activations import ACTIVATIONS
from optimlab.lab.problems import spiral


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_slope_in_terms_of_the_output_is_the_derivative(name):
    f = activation(name)
    z = np.linspace(-4.0, 4.0, 40)  # 0 is not among them
    h = 1e-6
    np.testing.assert_allclose(f.slope(f(z)), (f(z + h) - f(z - h)) / (2 * h), atol=1e-9)
    assert f.slope(f(z)).max() <= f.steepest


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_float32_stays_and_agrees(name):
    f = activation(name)
    z = np.linspace(-30.0, 30.0, 1001)
    single = f(z.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, f(z), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_memory_of_any_stride_gives_the_same_numbers(name, dtype):
    f, z = activation(name), np.linspace(-2.0, 2.0, 6).astype(dtype)
    for stride in range(1, 18):
        held, slopes = np.zeros((6, stride), dtype), np.zeros((6, stride), dtype)
        held[:, 0] = z
        f.function(held[:, 0], np.empty(6, dtype))
        np.testing.assert_allclose(held[:, 0], f(z), rtol=1e-6)
        f.derivative(held[:, 0], slopes[:, 0])
        np.testing.assert_allclose(slopes[:, 0], f.slope(f(z)), rtol=1e-5)


def test_far_out_nothing_is_said():
    far = np.array([-1e4, 1e4])
    np.testing.assert_array_equal(activation("sigmoid")(far), [0.0, 1.0])
    np.testing.assert_array_equal(activation("softplus")(far), [0.0, 1e4])
    assert activation("sigmoid")(np.array([-40.0]))[0] == pytest.approx(math.exp(-40), rel=1e-12, abs=0.0)


def test_unknown_activations_are_named():
    with pytest.raises(ValueError, match="activation must be an Activation or one of 'leaky_relu', 'linear'"):
        MLP((2, 3, 1), "swish")


def test_slopes_are_of_leaky_relus_only():
    with pytest.raises(ValueError, match=r"slope must be in \[0, 1\); got 1\.0"):
        activation("leaky_relu", slope=1.0)
    for other in ("relu", activation("relu")):
        with pytest.raises(ValueError, match=r"slope must be None for .*relu.*; got 0\.1; only 'leaky_relu' has one"):
            activation(other, slope=0.1)


def test_sizes_and_hidden_must_fit():
    with pytest.raises(ValueError, match="hidden must be one activation for each of 2 layers; got 1"):
        MLP((2, 3, 3, 1), ["tanh"])
    with pytest.raises(ValueError, match="each of sizes must be a whole number of at least 1"):
        MLP((2, 0, 1))
    with pytest.raises(ValueError, match="sizes must hold"):
        MLP((2,))


def test_nets_are_values():
    assert MLP((2, 3, 1), "tanh") == MLP([2, 3, 1], ["tanh"])
    assert MLP((2, 3, 1), "tanh") != MLP((2, 3, 1), "relu")


def test_initial_weights_come_replica_by_replica():
    net = MLP((2, 3, 1))
    one = net.initial(np.random.default_rng(0).standard_normal)
    many = net.initial(np.random.default_rng(0).standard_normal, replicas=2, dtype=np.float32)
    np.testing.assert_array_equal(many[0], one.astype(np.float32))
    assert not net.views(one)["b1"].any()
    assert net.views(many)["W1"].shape == (2, 2, 3)
    assert np.shares_memory(net.views(many)["b2"], many)


def test_layers_are_norms_with_the_right_divisor():
    rng = np.random.default_rng(0)
    net = MLP((2, 4, 5, 3), ["sigmoid", "relu"])
    problem = TrainingLoss(net, spiral(rng), l2=0.1)
    w = net.initial(rng.standard_normal)
    report = problem.layers(w)
    problem.value(w)
    dW = [net.views(problem.data_gradient)[f"W{i}"] for i in (1, 2, 3)]
    np.testing.assert_allclose(report.gradient_per_entry, [abs(d).sum() / d.size for d in dW])
    np.testing.assert_allclose(report.gradient, [math.sqrt((d**2).sum()) for d in dW])
    np.testing.assert_allclose(report.weight, [np.linalg.norm(net.views(w)[f"W{i}"]) for i in (1, 2, 3)])
    X, onehot = problem.samples
    p = net.views(w)
    h1 = activation("sigmoid")(X @ p["W1"] + p["b1"])
    z2 = h1 @ p["W2"] + p["b2"]
    s = np.maximum(z2, 0) @ p["W3"] + p["b3"]
    e = np.exp(s - s.max(axis=1, keepdims=True))
    d3 = (e / e.sum(axis=1, keepdims=True) - onehot) / 300
    d2 = d3 @ p["W3"].T * (z2 > 0)
    d1 = d2 @ p["W2"].T * h1 * (1 - h1)
    np.testing.assert_allclose(report.delta, [np.linalg.norm(d) for d in (d1, d2, d3)])
    np.testing.assert_allclose(report.slope, [(h1 * (1 - h1)).mean(), (z2 > 0).mean(), 1.0])
    np.testing.assert_allclose(report.saturated, [(h1 * (1 - h1) < 0.0125).mean(), (z2 <= 0).mean(), 0.0])


def test_update_ratio_leaves_biases_out():
    net = MLP((2, 2, 1))
    before = net.views(np.ones((3, 9)))
    after = net.views(np.full((3, 9), 1.25))
    after["b1"][...] = 77.0
    np.testing.assert_allclose(update_ratio(net, before, after), np.full((3, 2), 0.25))


def test_an_epoch_has_every_sample_once_for_each_replica():
    batches = Batches(10, 3, rng=np.random.default_rng(0), replicas=4)
    for epoch in (1, 2):
        seen = np.concatenate([batches.next().copy() for _ in range(3)], axis=1)  # the tenth is left out
        assert batches.epoch == epoch
        assert all(len(set(row)) == 9 for row in seen.tolist())
    assert len({tuple(row) for row in seen.tolist()}) == 4


@pytest.mark.parametrize("own_data", [False, True])
@pytest.mark.parametrize("loss", ["softmax", "squared"])
def test_a_mini_batch_is_the_loss_on_its_samples(loss, own_data):
    rng = np.random.default_rng(0)
    net = MLP((2, 5, 3), "tanh")
    X, y = rng.standard_normal((3, 20, 2)), rng.integers(0, 3, (3, 20))
    y = y if loss == "softmax" else rng.standard_normal((3, 20, 3))
    whole = TrainingLoss(net, (X, y) if own_data else (X[0], y[0]), loss=loss, l2=0.1)
    twin = Batches(20, 6, rng=np.random.default_rng(5), replicas=3)
    problem = MiniBatchLoss(whole, Batches(20, 6, rng=np.random.default_rng(5), replicas=3))
    w = net.initial(rng.standard_normal, replicas=3)
    for _ in range(5):
        gradient, index = problem.gradient(w), twin.next()
        for r in range(3):
            rows = (X[r if own_data else 0][index[r]], y[r if own_data else 0][index[r]])
            alone = TrainingLoss(net, rows, loss=loss, l2=0.1).gradient(w[r])
            np.testing.assert_allclose(gradient[r], alone, rtol=1e-10, atol=1e-14)
    np.testing.assert_array_equal(problem.value(w), whole.value(w))


def test_batches_must_fit_the_data_and_the_weights():
    rng = np.random.default_rng(0)
    net = MLP((2, 5, 3))
    whole = TrainingLoss(net, spiral(rng))
    with pytest.raises(ValueError, match="batches must be of the data"):
        MiniBatchLoss(whole, Batches(299, 10, rng=rng))
    with pytest.raises(ValueError, match="size must be a whole number from 1 to 300"):
        Batches(300, 301, rng=rng)
    with pytest.raises(ValueError, match="w must have the replicas of batches"):
        MiniBatchLoss(whole, Batches(300, 10, rng=rng)).gradient(net.initial(rng.standard_normal, replicas=2))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_memory_begins_at_cache_lines_and_has_rows_of_ones(dtype):
    memory = passes.Memory((2, 18, 5, 3), (3,), 7, dtype)
    for array in (*memory.h, *memory.delta, *memory.scratch, memory.row):
        assert array.__array_interface__["data"][0] % passes.LINE == 0
    assert all((h[:, -1] == 1).all() for h in memory.h)
    assert [turned is not None for turned in memory.turned] == [False, False, False]
    wide = passes.Memory((16, 18, 17), (), 7, dtype).turned
    assert [turned.shape for turned in wide] == [(7, 18), (7, 17)]
    assert all(turned.strides[0] % passes.LINE == 0 for turned in wide)


def test_weights_changed_in_place_are_seen():
    rng = np.random.default_rng(0)
    net = MLP((2, 5, 3), "tanh")
    problem = TrainingLoss(net, spiral(rng), l2=0.1)
    w = net.initial(rng.standard_normal)
    before = problem.value(w)
    w *= 2.0
    assert problem.value(w) == problem.value(w.copy()) != before
