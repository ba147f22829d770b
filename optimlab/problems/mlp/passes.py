"""The memory of a forward and a backward pass, and both of them.

Samples lie along the last axis: a unit is a row, so that activations and the softmax run over contiguous memory. The
last row of every layer is 1 and multiplies the bias, so that W and b, and their gradients, are one product.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimlab.problems.mlp.losses import OutputLoss
from optimlab.problems.mlp.network import MLP

__all__ = ["Backpropagation", "Pass", "with_ones"]

Array = NDArray[Any]

GROUP = 2**20
"""Bytes of activations of the replicas that are worked on together: more would not stay in the second-level cache."""

WIDE = 16
"""Width from which h δᵀ is faster with δᵀ copied: for 51 × 300 × 50 numbers BLAS takes 28 µs, copy included, for 44."""


def with_ones(X: Array) -> Array:
    """Return the transposed of X with a last row of ones: (..., d + 1, N) of (..., N, d)."""
    x = np.ones((*X.shape[:-2], X.shape[-1] + 1, X.shape[-2]), X.dtype)
    x[..., :-1, :] = X.mT
    return x


class Pass:
    """δ_L = dL/dz_L, dWₗ = hₗ₋₁ δₗᵀ, δₗ₋₁ = Wₗ δₗ ⊙ f'(zₗ₋₁): backpropagation without allocating.

    Parameters
    ----------
    net : MLP
        The net.
    lead : tuple of int
        () or (S,).
    samples : int
        N.
    dtype : float32 or float64
        Type of all arrays.

    Attributes
    ----------
    h : list of ndarray, shape (..., nₗ + 1, N)
        Activations of each hidden layer with the row of ones.
    z : list of ndarray, shape (..., nₗ, N)
        Activations without it, and at the end the outputs.
    delta : list of ndarray, shape (..., nₗ, N)
        dL/dzₗ of each layer.
    """

    def __init__(self, net: MLP, lead: tuple[int, ...], samples: int, dtype: Any) -> None:
        hidden, widest = net.sizes[1:-1], max(net.sizes[1:])
        self.net = net
        self.h = [np.ones((*lead, size + 1, samples), dtype) for size in hidden]
        self.z = [*(h[..., :-1, :] for h in self.h), np.empty((*lead, net.sizes[-1], samples), dtype)]
        self.row = np.empty((*lead, 1, samples), dtype)
        self.delta = [np.empty((*lead, size, samples), dtype) for size in net.sizes[1:]]
        scratch = np.empty((*lead, widest * samples), dtype)
        self._scratch = [scratch[..., : d[0].size if lead else d.size].reshape(d.shape) for d in self.delta]
        self._turned = [s.reshape(*lead, samples, size) for s, size in zip(self._scratch, net.sizes[1:], strict=True)]

    def forward(self, blocks: list[Array], x: Array) -> None:
        """Fill h and z."""
        for block, h, z, f, scratch in zip(
            blocks, [x, *self.h], self.z, self.net.activations, self._scratch, strict=True
        ):
            np.matmul(block.mT, h, out=z)
            f.function(z, scratch)

    def backward(self, blocks: list[Array], x: Array, gradients: list[Array]) -> None:
        """Fill delta and the gradients, given dL/dh_L in the last delta."""
        self._through(-1)
        for layer in range(self.net.layers - 1, 0, -1):
            self._weights(layer, self.h[layer - 1], gradients)
            np.matmul(blocks[layer][..., :-1, :], self.delta[layer], out=self.delta[layer - 1])
            self._through(layer - 1)
        self._weights(0, x, gradients)

    def _through(self, layer: int) -> None:
        """δ ← δ ⊙ f'(z)."""
        f, delta, slope = self.net.activations[layer], self.delta[layer], self._scratch[layer]
        if f.name != "linear":
            f.derivative(self.z[layer], slope)
            np.multiply(delta, slope, out=delta)

    def _weights(self, layer: int, h: Array, gradients: list[Array]) -> None:
        """Write d[W; b] = h δᵀ, with δᵀ copied where that pays."""
        turned = self.delta[layer].mT
        if min(h.shape[-2], turned.shape[-1]) >= WIDE:
            np.copyto(self._turned[layer], turned)
            turned = self._turned[layer]
        np.matmul(h, turned, out=gradients[layer])


class Backpropagation:
    """Loss and gradient of a net, or of S nets at once in groups that fit the cache.

    Parameters
    ----------
    net : MLP
        The net.
    loss : OutputLoss
        What is put on top.
    shape : tuple of int
        (N,) or (S, N): samples of each net.
    dtype : float32 or float64
        Type of all arrays.

    Attributes
    ----------
    gradient : ndarray, shape (parameters,) or (S, parameters)
        dL/dw of the latest run.
    outputs : ndarray, shape (K, N) or (S, K, N)
        Outputs of the latest run.
    """

    def __init__(self, net: MLP, loss: OutputLoss, shape: tuple[int, ...], dtype: Any) -> None:
        self.net, self.loss = net, loss
        *lead, samples = shape
        self.gradient = np.empty((*lead, net.parameters), dtype)
        self.outputs = np.empty((*lead, net.sizes[-1], samples), dtype)
        cuts = _groups(lead, 2 * sum(net.sizes) * samples * np.dtype(dtype).itemsize)
        passes = {n: Pass(net, (n,) if lead else (), samples, dtype) for n in {n for _, n in cuts}}
        self._groups = [(cut, passes[n], net.stacked(self.gradient[cut])) for cut, n in cuts]

    def forward(self, w: Array, x: Array) -> Array:
        """Return the outputs."""
        for where, each, _ in self._groups:
            each.forward(self.net.stacked(w[where]), x if x.ndim == 2 else x[where])
            self.outputs[where] = each.z[-1]
        return self.outputs

    def run(self, w: Array, x: Array, t: Array) -> Iterator[tuple[Any, Any, Pass]]:
        """Yield each group, its loss and its pass with all filled; fill gradient and outputs."""
        for where, each, gradients in self._groups:
            inputs, targets = (x, t) if x.ndim == 2 else (x[where], t[where])
            blocks = self.net.stacked(w[where])
            each.forward(blocks, inputs)
            value = self.loss.value_and_delta(each.z[-1], targets, each.delta[-1], each.row)
            each.backward(blocks, inputs, gradients)
            self.outputs[where] = each.z[-1]
            yield where, value, each


def _groups(lead: list[int], size: int) -> list[tuple[Any, int]]:
    """Return the groups of replicas, a slice and its length each, for activations of so many bytes a replica."""
    if not lead:
        return [(..., 0)]
    S, most = lead[0], max(1, GROUP // size)
    return [(slice(start, min(start + most, S)), min(most, S - start)) for start in range(0, S, most)]
