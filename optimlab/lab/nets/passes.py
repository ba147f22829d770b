"""The memory of a forward and a backward pass, both of them, and what they look like layer by layer.

Samples lie along the last axis: a unit is a row, so that activations and the softmax run over contiguous memory. The
last row of every layer is 1 and multiplies the bias, so that W and b, and their gradients, are one product.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from optimlab.lab.nets.activations import Activation
from optimlab.lab.nets.losses import OutputLoss
from optimlab.lab.nets.network import MLP
from optimlab.typing import Array

__all__ = ["Backpropagation", "Layers", "Memory", "Pass", "layer_report", "update_ratio", "with_ones"]

Call = Callable[[], object]
Parts = tuple[Activation, Array, Array | None]

# Bytes of activations of the replicas that are worked on together: more would not stay in the second-level cache.
GROUP = 2**20
# Bytes of a cache line, and of an AVX-512 register: products of arrays that begin elsewhere take twice as long.
LINE = 64
# Width from which h δᵀ is faster with δᵀ copied: for 51 × 300 × 50 numbers BLAS takes 24 µs, copy included, for 34.
WIDE = 16
FLAT = 0.05  # share of the steepest slope below which a unit counts as saturated


def with_ones(X: Array) -> Array:
    """Return the transposed of X with a last row of ones: (..., d + 1, N) of (..., N, d)."""
    x = _aligned((*X.shape[:-2], X.shape[-1] + 1, X.shape[-2]), X.dtype)
    x[..., :-1, :] = X.mT
    x[..., -1, :] = 1.0
    return x


def _aligned(shape: tuple[int, ...], dtype: Any) -> Array:
    """Return an empty array that begins at a multiple of LINE bytes."""
    size = math.prod(shape)
    memory = np.empty(size + LINE // np.dtype(dtype).itemsize, dtype)
    start = -memory.__array_interface__["data"][0] % LINE // memory.itemsize
    return memory[start : start + size].reshape(shape)


def _padded(size: int, dtype: Any) -> int:
    """Return the least whole number of cache lines that hold so many numbers, in numbers."""
    line: int = LINE // np.dtype(dtype).itemsize
    return -(-size // line) * line


def _cut(room: Array, rows: int, columns: int) -> Array:
    """Return the beginning of each row of a room as a matrix."""
    return room[..., : rows * columns].reshape(*room.shape[:-1], rows, columns)


class _Layer(NamedTuple):
    """The calls of one layer on views that are cut once: anew, they take a sixth of the time of a step."""

    f: Activation
    block: Array
    gradient: Array | None
    h: Array
    z: Array
    delta: Array
    below: Array | None
    scratch: Array
    turned: Array | None

    def forward(self) -> Iterator[Call]:
        """z = f(W̃ᵀh), W̃ = [W; b], or W alone for a layer without bias, to which the row of ones is not shown."""
        yield partial(np.matmul, self.block.mT, self.h[..., : self.block.shape[-2], :], out=self.z)
        yield partial(self.f.function, self.z, self.scratch)

    def backward(self) -> Iterator[Call]:
        """δ ← δ ⊙ f'(z), dW̃ = h δᵀ, and W δ for the layer below, which multiplies it by its own f'."""
        if self.f.name != "linear":
            yield partial(self.f.derivative, self.z, self.scratch)
            yield partial(np.multiply, self.delta, self.scratch, out=self.delta)
        if self.gradient is not None:
            delta_T = self.delta.mT
            if self.turned is not None:
                yield partial(np.copyto, self.turned, delta_T)
                delta_T = self.turned
            yield partial(np.matmul, self.h[..., : self.block.shape[-2], :], delta_T, out=self.gradient)
        if self.below is not None:
            yield partial(np.matmul, self.block[..., : self.below.shape[-2], :], self.delta, out=self.below)


class Memory:
    """What a pass writes to on its way, for one net or for a group of replicas; groups use it in turn.

    Of each layer ``h``, hidden activations with the row of ones, and ``delta``, dL/dzₗ; the same memory for all layers:
    ``scratch``, and ``turned`` for δᵀ where a copy of it pays, with every row at a multiple of LINE bytes. ``row`` is
    scratch of the loss, shape (..., 1, N).
    """

    def __init__(self, sizes: tuple[int, ...], lead: tuple[int, ...], samples: int, dtype: Any) -> None:
        self.h = [with_ones(_aligned((*lead, samples, size), dtype)) for size in sizes[1:-1]]
        self.delta = [_aligned((*lead, size, samples), dtype) for size in sizes[1:]]
        room = _aligned((*lead, max(_padded(size, dtype) for size in sizes[1:]) * samples), dtype)
        self.scratch = [_cut(room, size, samples) for size in sizes[1:]]
        self.turned = [
            _cut(room, samples, _padded(size, dtype))[..., :size] if min(before + 1, size) >= WIDE else None
            for before, size in pairwise(sizes)
        ]
        self.row = _aligned((*lead, 1, samples), dtype)


class Pass:
    """δ_L = dL/dz_L, dWₗ = hₗ₋₁ δₗᵀ, δₗ₋₁ = Wₗ δₗ ⊙ f'(zₗ₋₁): backpropagation without allocating.

    Layers are an activation, a block [Wₗ; bₗ], shape (..., nₗ₋₁ + 1, nₗ), or Wₗ alone, and an array like it for its
    gradient, or None; x is the inputs with a row of ones. ``z``, activations, the last of which are the outputs, and
    ``delta``, dL/dzₗ, are lists of arrays of shape (..., nₗ, N).
    """

    def __init__(self, layers: Iterable[Parts], memory: Memory, x: Array, outputs: Array) -> None:
        self.row, self.delta = memory.row, memory.delta
        self.z = [*(h[..., :-1, :] for h in memory.h), outputs]
        h, below = [x, *memory.h], [None, *self.delta[:-1]]
        views = zip(h, self.z, self.delta, below, memory.scratch, memory.turned, strict=True)
        each = [_Layer(*parts, *others) for parts, others in zip(layers, views, strict=True)]
        self._forward = [call for layer in each for call in layer.forward()]
        self._backward = [call for layer in reversed(each) for call in layer.backward()]

    def forward(self) -> None:
        """Fill z."""
        for call in self._forward:
            call()

    def backward(self) -> None:
        """Fill delta and the gradient, given dL/dh_L in the last delta."""
        for call in self._backward:
            call()


class Backpropagation:
    """Loss and gradient of a net, or of S nets at once in groups that fit the cache; ``lead`` is () or (S,).

    Data are inputs with a row of ones, shape (..., d + 1, N), and targets, (..., K, N): arrays that are read at each
    run, whatever was written to them. ``gradient``, (..., parameters), and ``outputs``, (..., K, N), are of the latest.
    """

    def __init__(self, net: MLP, loss: OutputLoss, data: tuple[Array, Array], lead: tuple[int, ...]) -> None:
        x, t = data
        samples, dtype = x.shape[-1], x.dtype
        self.net, self.loss = net, loss
        self.gradient = np.empty((*lead, net.parameters), dtype)
        self.outputs = _aligned((*lead, net.sizes[-1], samples), dtype)
        self._w = np.empty_like(self.gradient)
        cuts = _groups(lead, 2 * sum(net.sizes) * samples * dtype.itemsize)
        memory = {n: Memory(net.sizes, (n,) if lead else (), samples, dtype) for n in {n for _, n in cuts}}
        self._groups = [(cut, self._pass(cut, memory[n], x), t if t.ndim == 2 else t[cut]) for cut, n in cuts]

    def _pass(self, cut: Any, memory: Memory, x: Array) -> Pass:
        """Return the pass of a group of replicas."""
        blocks, gradients = (self.net.stacked(flat[cut]) for flat in (self._w, self.gradient))
        layers = zip(self.net.activations, blocks, gradients, strict=True)
        return Pass(layers, memory, x if x.ndim == 2 else x[cut], self.outputs[cut])

    def forward(self, w: Array) -> Array:
        """Return the outputs."""
        np.copyto(self._w, w)
        for _, each, _ in self._groups:
            each.forward()
        return self.outputs

    def run(self, w: Array) -> Iterator[tuple[Any, Any, Pass]]:
        """Yield each group, its loss and its pass with all filled; fill gradient and outputs."""
        np.copyto(self._w, w)
        for where, each, t in self._groups:
            each.forward()
            value = self.loss.value_and_delta(each.z[-1], t, each.delta[-1], each.row)
            each.backward()
            yield where, value, each


def _groups(lead: tuple[int, ...], size: int) -> list[tuple[Any, int]]:
    """Return the groups of replicas, a slice and its length each, for activations of so many bytes a replica."""
    if not lead:
        return [(..., 0)]
    S, most = lead[0], max(1, GROUP // size)
    return [(slice(start, min(start + most, S)), min(most, S - start)) for start in range(0, S, most)]


@dataclass(frozen=True, eq=False)
class Layers:
    """Norms and slopes of the layers 1, ..., L on the last axis, shape (L,) or (S, L).

    ``delta`` is ‖δₗ‖, δₗ = dL/dzₗ over all units and samples: how strong the error signal is that reaches the layer;
    ``gradient`` is ‖dL/dWₗ‖, Frobenius, ``gradient_per_entry`` the mean of abs(dL/dWₗ) over the *product* of the shape,
    ``weight`` ‖Wₗ‖; ``slope`` is the mean of f'(zₗ) over units and samples, ``saturated`` the share of it below 1/20 of
    the steepest. Gradients are those of the data, without weight decay: at a stationary point they equal -λ Wₗ and say
    nothing about learning.

    Examples
    --------
    >>> from optimlab.lab.nets import MLP, TrainingLoss
    >>> net = MLP((1, 2, 1), "sigmoid")
    >>> problem = TrainingLoss(net, ([[1.0]], [[1.0]]), loss="squared")
    >>> report = problem.layers(net.initial(np.ones))
    >>> report.slope.round(3), report.saturated
    (array([0.197, 1.   ]), array([0., 0.]))
    """

    delta: Array
    gradient: Array
    gradient_per_entry: Array
    weight: Array
    slope: Array
    saturated: Array


def layer_report(work: Backpropagation, w: Array) -> Layers:
    """Run one pass and report its layers."""
    with np.errstate(over="ignore", invalid="ignore"):
        found = [_of_pass(work.net, each) for _, _, each in work.run(w)]
        delta, slope, saturated = (np.concatenate(parts, axis=0) for parts in zip(*found, strict=True))
        dW = _weights(work.net, work.gradient)
        per_entry = np.stack([np.abs(part).mean(axis=(-2, -1)) for part in dW], axis=-1)
        return Layers(delta, _norms(dW), per_entry, _norms(_weights(work.net, w)), slope, saturated)


def update_ratio(net: MLP, before: Array | Mapping[str, Array], after: Array | Mapping[str, Array]) -> Array:
    """‖ΔWₗ‖ / ‖Wₗ‖, shape (L,) or (S, L): how far one or more updates move each layer, relative to its weights.

    Examples
    --------
    >>> update_ratio(MLP((2, 2, 1)), np.ones(9), np.full(9, 1.5))
    array([0.5, 0.5])
    """
    old, new = (net.flat(w) if isinstance(w, Mapping) else w for w in (before, after))
    net.lead(old), net.lead(new)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        ratio: Array = _norms(_weights(net, new - old)) / _norms(_weights(net, old))
    return ratio


def _weights(net: MLP, flat: Array) -> list[Array]:
    return [block[..., :-1, :] for block in net.stacked(flat)]


def _norms(arrays: list[Array]) -> Array:
    return np.stack([np.linalg.norm(array, axis=(-2, -1)) for array in arrays], axis=-1)


def _of_pass(net: MLP, each: Pass) -> tuple[Array, Array, Array]:
    """Return norm of δ, mean slope and share of saturated units, each of shape (..., L)."""
    slopes = [f.slope(z) for f, z in zip(net.activations, each.z, strict=True)]
    flat = [slope < FLAT * f.steepest for slope, f in zip(slopes, net.activations, strict=True)]
    means = [np.stack([part.mean(axis=(-2, -1)) for part in parts], axis=-1) for parts in (slopes, flat)]
    return _norms(each.delta), means[0], means[1]
