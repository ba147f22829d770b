"""What is put on top of a net: a loss of its outputs, with its derivative, over the last axis of samples."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from optimlab.checks import real
from optimlab.typing import Array

__all__ = ["LOSSES", "OutputLoss", "SoftmaxCrossEntropy", "SquaredError"]


class OutputLoss(ABC):
    """(1/N) Σₙ ℓ(sₙ, tₙ): the mean over N samples of a loss of outputs s and targets t.

    Examples
    --------
    >>> SquaredError().targets([1.0, 2.0], outputs=1, samples=2)
    array([[1.],
           [2.]])
    """

    @abstractmethod
    def targets(self, y: ArrayLike, outputs: int, samples: int) -> Array:
        """Return what y means as targets, shape (..., N, K), of float64; or say what is wrong with y."""

    @abstractmethod
    def value_and_delta(self, s: Array, t: Array, delta: Array, row: Array) -> Any:
        """Return the loss of outputs and targets, (..., K, N), write dL/ds to delta; row is scratch, (..., 1, N)."""


class SoftmaxCrossEntropy(OutputLoss):
    """ℓ = -ln p_y, p = softmax(s), with dℓ/ds = p - onehot(y): for labels 0, 1, ..., K-1.

    Examples
    --------
    >>> s, t, delta = np.zeros((3, 1)), np.array([[0.0], [1.0], [0.0]]), np.empty((3, 1))
    >>> value = SoftmaxCrossEntropy().value_and_delta(s, t, delta, np.empty((1, 1)))
    >>> float(value.round(4)), delta.round(2).ravel()  # ln 3
    (1.0986, array([ 0.33, -0.67,  0.33]))
    """

    def targets(self, y: ArrayLike, outputs: int, samples: int) -> Array:
        """Return one-hot rows of labels of shape (..., N)."""
        labels = np.asarray(y)
        if labels.dtype.kind not in "iu":
            raise TypeError(f"y must hold whole numbers, the labels of the classes; got {labels.dtype}")
        if labels.ndim == 0 or labels.shape[-1] != samples:
            raise ValueError(f"y must have a label for each of the {samples} samples of X; got shape {labels.shape}")
        if labels.min() < 0 or labels.max() >= outputs:
            found = f"{labels.min()} to {labels.max()}"
            raise ValueError(f"y must hold labels from 0 to {outputs - 1}, one for each output; got {found}")
        return np.asarray(np.eye(outputs)[labels])

    def value_and_delta(self, s: Array, t: Array, delta: Array, row: Array) -> Any:
        """Return the loss and write (p - onehot)/N."""
        N = s.shape[-1]
        np.maximum.reduce(s, axis=-2, keepdims=True, out=row)
        picked = _product(np.subtract(s, row, out=delta), t)
        np.add.reduce(np.exp(delta, out=delta), axis=-2, keepdims=True, out=row)
        np.subtract(np.divide(delta, row, out=delta), t, out=delta)
        np.multiply(delta, 1.0 / N, out=delta)
        return (np.add.reduce(np.log(row, out=row), axis=(-2, -1)) - picked) / N


class SquaredError(OutputLoss):
    """ℓ = ½ ‖s - t‖², with dℓ/ds = s - t.

    Examples
    --------
    >>> s, delta = np.array([[3.0, 1.0]]), np.empty((1, 2))
    >>> float(SquaredError().value_and_delta(s, np.array([[1.0, 1.0]]), delta, np.empty((1, 2)))), delta
    (1.0, array([[1., 0.]]))
    """

    def targets(self, y: ArrayLike, outputs: int, samples: int) -> Array:
        """Return targets of shape (..., N, K); for one output y may be of shape (N,)."""
        t = real("y", y, "real numbers")
        if outputs == 1 and t.shape == (samples,):
            t = t[:, np.newaxis]
        if t.shape[-2:] != (samples, outputs):
            raise ValueError(f"y must have shape (..., {samples}, {outputs}), as X and the net; got {t.shape}")
        if not np.isfinite(t).all():
            raise ValueError("y must be finite; it holds inf or NaN")
        return t.astype(np.float64)

    def value_and_delta(self, s: Array, t: Array, delta: Array, row: Array) -> Any:
        """Return the loss and write (s - t)/N."""
        N = s.shape[-1]
        np.subtract(s, t, out=delta)
        value = 0.5 / N * _product(delta, delta)
        np.multiply(delta, 1.0 / N, out=delta)
        return value


def _product(a: Array, b: Array) -> Any:
    """Σ a b over the last two axes of contiguous arrays; b may be shared by replicas."""
    return np.vecdot(a.reshape(*a.shape[:-2], -1), b.reshape(*b.shape[:-2], -1))


LOSSES: dict[str, OutputLoss] = {"softmax": SoftmaxCrossEntropy(), "squared": SquaredError()}
