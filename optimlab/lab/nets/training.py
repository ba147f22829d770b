"""The loss of a net on data as a problem to descend: on all of them, or on one mini-batch after the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optimlab.checks import NOT_NEGATIVE, choice, floats, generator, number, whole
from optimlab.lab.nets.losses import LOSSES, OutputLoss
from optimlab.lab.nets.network import MLP
from optimlab.lab.nets.passes import Backpropagation, Layers, layer_report, with_ones
from optimlab.typing import Array, Rng

__all__ = ["Batches", "Indices", "MiniBatchLoss", "TrainingLoss"]

Data = tuple[ArrayLike, ArrayLike]


class TrainingLoss:
    """L(w) = (1/N) Σₙ ℓ(net(xₙ), yₙ) + ½ λ Σₗ ‖Wₗ‖²: the loss of a net, with its gradient by backpropagation.

    It is a problem for ``descend``. Parameters w are a flat array or a dict of arrays, see ``MLP``; gradients have the
    form of w. For S replicas the values have shape (S,).

    Parameters
    ----------
    data : pair of array_like
        X of shape (N, d), finite, float32 or float64, which w must be, too; and y: for softmax labels of shape (N,),
        for squared error targets of shape (N, K). With another axis (S,) before them each replica has data of its own.
    loss : {"softmax", "squared"} or OutputLoss
        ℓ: softmax cross-entropy, or ½ ‖s - y‖².
    l2, start
        λ, of the weights; biases do not decay. And where a descent begins, a flat array or a dict of arrays.

    ``data_gradient`` is dL/dw at the latest call without weight decay, flat; the next call overwrites it.

    Examples
    --------
    >>> from optimlab import Every, Optimizer, adam, descend
    >>> from optimlab.lab.problems import spiral
    >>> rng = np.random.default_rng(0)
    >>> net = MLP((2, 20, 20, 3), "tanh")
    >>> start = net.initial(lambda shape: 0.5 * rng.standard_normal(shape))
    >>> problem = TrainingLoss(net, spiral(rng), l2=1e-4, start=start)
    >>> trace = descend(problem, Optimizer(adam(), 0.01), 400, record=Every(100))
    >>> bool(problem.accuracy(trace.w) > 0.95)
    True
    """

    def __init__(
        self, net: MLP, data: Data, *, loss: str | OutputLoss = "softmax", l2: float = 0.0, start: Any = None
    ) -> None:
        if not isinstance(net, MLP):
            raise TypeError(f"net must be an MLP; got {net!r}")
        if not isinstance(data, (tuple, list)) or len(data) != 2:
            raise TypeError(f"data must be a pair (X, y); got {type(data).__name__}")
        X = _inputs(data[0], net.sizes[0])
        self.net, self.loss, self.l2 = net, _loss(loss), number("l2", l2, NOT_NEGATIVE)
        self.dtype = X.dtype
        t = self.loss.targets(data[1], net.sizes[-1], X.shape[-2]).astype(X.dtype)
        if t.shape[:-2] != X.shape[:-2]:
            raise ValueError(f"y must have the replicas of X, {X.shape[:-2]}; got {t.shape[:-2]}")
        self._x, self._t = with_ones(X), np.ascontiguousarray(t.mT)
        self._decay = np.zeros(net.parameters, X.dtype)
        for block in net.stacked(self._decay):
            block[:-1] = self.l2
        self._start = start
        self._bind(X.shape[:-2])

    @property
    def start(self) -> Any:
        """Where a descent begins."""
        if self._start is None:
            raise ValueError("start must be given to TrainingLoss for a descent; or give start= to descend")
        return self._start

    @property
    def samples(self) -> tuple[Array, Array]:
        """X of shape (..., N, d) and the targets, for softmax one-hot, of shape (..., N, K): views."""
        return self._x[..., :-1, :].mT, self._t.mT

    def value(self, w: Any) -> Any:
        """Return L: a number, for S replicas an array of shape (S,)."""
        flat = self._flat(w)
        return self._run(flat, self._work)

    def gradient(self, w: Any, out: Any = None) -> Any:
        """Return ∇L, in the form of w: new arrays, or ``out``, a container like w."""
        return self.value_and_gradient(w, out)[1]

    def value_and_gradient(self, w: Any, out: Any = None, *, work: Backpropagation | None = None) -> tuple[Any, Any]:
        """Return L and ∇L; see ``value`` and ``gradient``; with ``work`` on its data."""
        flat = self._flat(w)
        return self._run(flat, work or self._work), self._total(w, flat, out)

    @property
    def outputs(self) -> Array:
        """Outputs of the net at the latest call, shape (..., N, K): a view of memory that the next call overwrites."""
        return self._work.outputs.mT

    def predict(self, w: Any, X: ArrayLike) -> Array:
        """Return the outputs of the net for inputs X of shape (M, d), or (S, M, d): shape (..., M, K)."""
        x, flat = with_ones(_inputs(X, self.net.sizes[0]).astype(self.dtype)), self._flat(w)
        nothing = np.empty((self.net.sizes[-1], x.shape[-1]), self.dtype)
        work = Backpropagation(self.net, self.loss, (x, nothing), flat.shape[:-1])
        with np.errstate(over="ignore", invalid="ignore"):
            return work.forward(flat).mT

    def accuracy(self, w: Any) -> Any:
        """Return the share of samples whose largest output, the first of equal ones, is that of their label; or NaN."""
        self.value(w)
        share = (self.outputs.argmax(axis=-1) == self._t.argmax(axis=-2)).mean(axis=-1)
        return np.where(np.isnan(self.outputs).any(axis=(-2, -1)), np.nan, share)[()]

    def layers(self, w: Any) -> Layers:
        """Return norms and slopes of each layer."""
        flat = self._flat(w)  # which may bind
        return layer_report(self._work, flat)

    def _run(self, flat: Array, work: Backpropagation) -> Any:
        """Return the loss, and leave the gradient without decay in ``data_gradient``."""
        with np.errstate(over="ignore", invalid="ignore"):
            for where, value, _ in work.run(flat):
                self._values[where] = value
            self.data_gradient = work.gradient
            np.multiply(self._decay, flat, out=self._product)
            return self._values + 0.5 * np.vecdot(self._product, flat)

    def _total(self, w: Any, flat: Array, out: Any) -> Any:
        """Return data gradient and decay together, in the form of w."""
        total = out if isinstance(out, np.ndarray) else np.empty_like(flat)
        np.add(self._product, self.data_gradient, out=total)
        if not isinstance(w, Mapping):
            return total
        views = self.net.views(total)
        if out is None:
            return views
        for name, view in views.items():
            np.copyto(out[name], view)
        return out

    def _bind(self, lead: tuple[int, ...]) -> None:
        """Make the memory for so many replicas."""
        if self._x.ndim > 2 and lead != self._x.shape[:1]:
            raise ValueError(f"w must have {self._x.shape[0]} replicas, as the data; got shape {lead} of replicas")
        self._work = Backpropagation(self.net, self.loss, (self._x, self._t), lead)
        self._values = np.empty(lead)
        self.data_gradient = self._work.gradient
        self._product = np.empty_like(self.data_gradient)
        self._copy = np.empty_like(self.data_gradient)
        self._checked: Any = None

    def _flat(self, w: Any) -> Array:
        """Return w as a flat array, checked if it is not that of the latest call, with the memory for its replicas."""
        if w is self._checked:
            return w  # type: ignore[no-any-return]
        lead = self.net.lead(w)
        if not all(isinstance(array, np.ndarray) for array in (w.values() if isinstance(w, Mapping) else (w,))):
            raise TypeError(f"w must be a NumPy array or a dict of them; got {type(w).__name__}; use numpy.asarray")
        if lead != self._values.shape:
            self._bind(lead)
        if not isinstance(w, Mapping):
            if w.dtype != self.dtype:
                raise TypeError(f"w must be {self.dtype} as X; got {w.dtype}; convert one of them with .astype")
            self._checked = flat = np.asarray(w)
            return flat
        if {array.dtype for array in w.values()} != {self.dtype}:
            raise TypeError(f"w must hold {self.dtype} as X; got {', '.join(str(a.dtype) for a in w.values())}")
        self.net.copy(w, self._copy)
        return self._copy


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


class Indices(Protocol):
    """Where mini-batches come from: S replicas of them, or None for one, of ``size`` out of ``samples``.

    Examples
    --------
    >>> source: Indices = Batches(6, 3, rng=0)
    """

    samples: int
    size: int
    replicas: int | None

    def next(self) -> NDArray[np.int64]:
        """Return the next indices, shape (size,) or (S, size)."""


class MiniBatchLoss:
    """∇ of the loss on the next mini-batch: a problem whose gradient is a sample of that of all data.

    ``value`` is that of the whole, all data; each call of ``gradient`` takes the next batch, for the replicas of w.

    Examples
    --------
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

    def __init__(self, whole: TrainingLoss, batches: Indices) -> None:
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
        return self.whole.value_and_gradient(w, out, work=self._work)[1]

    def _take(self) -> None:
        """Copy the samples of the next batch."""
        index = self.batches.next() + self._first
        for rows, taken, into in zip(self._rows, self._taken, (self._x[..., :-1, :], self._t), strict=True):
            np.take(rows, index, axis=0, out=taken, mode="clip")
            np.copyto(into, taken.mT)


def _inputs(X: ArrayLike, inputs: int) -> Array:
    """Return X as float32 or float64 of shape (..., N, d), or say what is wrong with it."""
    x = floats("X", X)
    if x.ndim not in (2, 3) or x.shape[-1] != inputs or x.size == 0:
        raise ValueError(f"X must have shape (N, {inputs}), as the net has {inputs} inputs; got {x.shape}")
    if not np.isfinite(x).all():
        raise ValueError("X must be finite; it holds inf or NaN; remove these samples or fill them in")
    return x


def _loss(loss: str | OutputLoss) -> OutputLoss:
    """Return a loss by its name; an OutputLoss is returned as it is."""
    if isinstance(loss, OutputLoss):
        return loss
    return LOSSES[choice("loss", loss, sorted(LOSSES), kind="an OutputLoss or one of")]
