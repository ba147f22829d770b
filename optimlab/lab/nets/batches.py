"""Mini-batches: epochs without replacement, and the gradient on one batch after the other."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimlab.checks import generator, whole
from optimlab.lab.nets.passes import Backpropagation
from optimlab.lab.nets.training import TrainingLoss
from optimlab.typing import Rng

__all__ = ["Batches", "MiniBatchLoss"]


class Batches:
    """Indices of one mini-batch after the other: each epoch is a new permutation, cut into batches.

    There are N samples and B ≤ N in a batch; each replica has permutations of its own. What is left of an epoch when no
    full batch remains is not used.

    Examples
    --------
    >>> batches = Batches(6, 3, rng=np.random.default_rng(0))
    >>> sorted(np.concatenate([batches.next(), batches.next()]).tolist()), batches.epoch
    ([0, 1, 2, 3, 4, 5], 1)
    """

    def __init__(self, samples: int, size: int, *, rng: Rng, replicas: int | None = None) -> None:
        self.samples = whole("samples", samples, 1)
        self.size = whole("size", size, 1, self.samples)
        self.replicas = None if replicas is None else whole("replicas", replicas, 1)
        self.rng = generator(rng)
        self.epoch = 0
        lead = () if replicas is None else (replicas,)
        self._order = np.broadcast_to(np.arange(self.samples), (*lead, self.samples)).copy()
        self._next = self.samples

    def next(self) -> NDArray[np.int64]:
        """Return the next indices, shape (B,) or (S, B): a view that is valid until the epoch ends."""
        if self._next + self.size > self.samples:
            self.rng.permuted(self._order, axis=-1, out=self._order)
            self._next = 0
            self.epoch += 1
        self._next += self.size
        return self._order[..., self._next - self.size : self._next]


class MiniBatchLoss:
    """∇ of the loss on the next mini-batch: a problem whose gradient is a sample of that of all data.

    ``value`` is that of the whole, all data; each call of ``gradient`` takes the next batch, for the replicas of w.

    Examples
    --------
    >>> from optimlab.lab.nets import MLP
    >>> from optimlab.lab.problems import spiral
    >>> rng = np.random.default_rng(0)
    >>> net = MLP((2, 8, 3))
    >>> whole = TrainingLoss(net, spiral(rng))
    >>> problem = MiniBatchLoss(whole, Batches(300, 30, rng=rng))
    >>> w = net.initial(rng.standard_normal)
    >>> mean = np.mean([problem.gradient(w) for _ in range(10)], axis=0)  # one epoch
    >>> bool(np.allclose(mean, whole.gradient(w)))
    True
    """

    def __init__(self, whole: TrainingLoss, batches: Batches) -> None:
        self.whole, self.batches = whole, batches
        X, t = whole.samples
        lead = () if batches.replicas is None else (batches.replicas,)
        if X.shape[-2] != batches.samples or X.shape[:-2] not in ((), lead):
            raise ValueError(f"batches must be of the data of shape {X.shape}; got {batches.samples} samples, {lead}")
        self._rows = tuple(np.ascontiguousarray(a).reshape(-1, a.shape[-1]) for a in (X, t))
        first = np.arange(*lead or (1,)) * batches.samples if X.ndim > 2 else np.zeros(1, np.int64)
        self._first = first[:, np.newaxis] if lead else first
        self._taken = tuple(np.empty((*lead, batches.size, a.shape[-1]), X.dtype) for a in (X, t))
        self._x = np.ones((*lead, X.shape[-1] + 1, batches.size), X.dtype)
        self._t = np.empty((*lead, t.shape[-1], batches.size), X.dtype)
        self._work = Backpropagation(whole.net, whole.loss, (self._x, self._t), lead)
        self._lead = lead

    @property
    def start(self) -> Any:
        """Where a descent begins."""
        return self.whole.start

    def value(self, w: Any) -> Any:
        """Return the loss on all data."""
        return self.whole.value(w)

    def gradient(self, w: Any, out: Any = None) -> Any:
        """Return the gradient on the next batch, in the form of w: new arrays, or ``out``."""
        if self.whole.net.lead(w) != self._lead:
            raise ValueError(f"w must have the replicas of batches, {self._lead}; got {self.whole.net.lead(w)}")
        self._take()
        return self.whole.gradient_on(self._work, w, out)

    def _take(self) -> None:
        """Copy the samples of the next batch."""
        index = self.batches.next() + self._first
        for rows, taken, into in zip(self._rows, self._taken, (self._x[..., :-1, :], self._t), strict=True):
            np.take(rows, index, axis=0, out=taken, mode="clip")
            np.copyto(into, taken.mT)
