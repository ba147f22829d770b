"""Deep chains: of single units, of layers, and of blocks that share their weights; each is a net of a certain shape.

All take draws: leading axes of the weights are replicas. They are in the dtype of the weights, and a gradient that
vanishes or overflows is a 0 or an inf, without a warning. φ, ``activation``, is a name or an Activation; the cost is
C = Σ (y - target)² over the outputs y, or C = Σ y without a target.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from optimlab.checks import floats, number, real, whole
from optimlab.lab.nets.activations import Activation, activation
from optimlab.lab.nets.passes import Memory, Pass, with_ones
from optimlab.typing import Array

__all__ = ["LayerChain", "PathChain", "UnitChain"]


class _Chain(ABC):
    """C of a net whose layers all have one activation."""

    activation: str | Activation
    target: float | None

    def _check(self, **numbers: float) -> None:
        object.__setattr__(self, "activation", activation(self.activation))
        for name, given in (numbers | ({} if self.target is None else {"target": self.target})).items():
            number(name, given)

    @abstractmethod
    def _passed(self, weights: Any, gradients: list[Array] | None = None) -> Pass:
        """Return the pass of the checked weights, forward; arrays for gradients are put into an empty list."""

    def _forward(self, x: Array, blocks: Sequence[Array], gradients: list[Array] | None) -> Pass:
        """Return the pass of the net of these layers."""
        lead = np.broadcast_shapes(*(block.shape[:-2] for block in blocks))
        dtype, sizes = np.result_type(*blocks), (x.shape[-1], *(block.shape[-1] for block in blocks))
        if gradients is not None:
            gradients += [np.empty((*lead, *block.shape[-2:]), dtype) for block in blocks]
        with np.errstate(over="ignore", invalid="ignore"):
            memory, ones = Memory(sizes, lead, len(x), dtype), with_ones(x.astype(dtype))
            y, n = np.empty((*lead, sizes[-1], len(x)), dtype), len(blocks)
            wanted: Sequence[Array | None] = gradients or [None] * n
            each = Pass(zip([activation(self.activation)] * n, blocks, wanted, strict=True), memory, ones, y)
            each.forward()
        return each

    def _back(self, weights: Any, gradients: list[Array] | None = None, above: Array | None = None) -> Pass:
        """Return the pass with deltas and gradients too, from ∂C/∂y or from what is put in its place."""
        each = self._passed(weights, gradients)
        with np.errstate(over="ignore", invalid="ignore"):
            slope = 1.0 if self.target is None else 2.0 * (each.z[-1] - self.target)
            each.delta[-1][...] = slope if above is None else above
            each.backward()
        return each

    def value(self, weights: Any) -> Any:
        """Return C, shape (...)."""
        y = self._passed(weights).z[-1]
        with np.errstate(over="ignore", invalid="ignore"):
            return (y if self.target is None else (y - self.target) ** 2).sum(axis=(-2, -1))


@dataclass(frozen=True)
class UnitChain(_Chain):
    """aₖ = φ(w aₖ₋₁ + b) from a₀ = x, each layer with the weight and bias that `order` names.

    Weights and biases are a dictionary ``{"w": (..., n), "b": (..., n)}``; the chain fits `optimlab.descend`. The order
    has one index for each layer, from the input on; a repeated index is a shared weight.

    Examples
    --------
    The three sigmoids of article 002:

    >>> chain = UnitChain((0, 1, 2), "sigmoid", x=2.0)
    >>> half = {"w": np.full(3, 0.5), "b": np.full(3, 0.5)}
    >>> chain.gradient(half)["w"].round(6)
    array([0.003195, 0.017512, 0.149133])
    """

    order: Sequence[int]
    activation: str | Activation
    x: float
    target: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.order, (Sequence, np.ndarray)):
            raise TypeError(f"order must be a sequence of whole numbers; got {self.order!r}")
        object.__setattr__(self, "order", tuple(whole("order", index, 0) for index in self.order))
        if not self.order:
            raise ValueError("order must name at least one layer; got ()")
        self._check(x=self.x)

    def activations(self, weights: Mapping[str, ArrayLike]) -> Array:
        """Return a₀ ... a_depth, shape (..., depth + 1)."""
        outputs = _joined(self._passed(weights).z)
        return np.concatenate([np.full_like(outputs[..., :1], self.x), outputs], axis=-1)

    def deltas(self, weights: Mapping[str, ArrayLike]) -> Array:
        """Return δₖ = ∂C/∂zₖ of every layer, shape (..., depth)."""
        return _joined(self._back(weights).delta)

    def gradient(self, weights: Mapping[str, ArrayLike]) -> dict[str, Array]:
        """Return ∂C/∂w and ∂C/∂b, of the shapes of w and b; a shared weight gets the sum over its layers."""
        blocks: list[Array] = []
        self._back(weights, blocks)
        gradient = {name: np.zeros_like(floats(name, array)) for name, array in weights.items()}
        with np.errstate(over="ignore", invalid="ignore"):
            for block, index in zip(blocks, self.order, strict=True):
                gradient["w"][..., index] += block[..., 0, 0]
                gradient["b"][..., index] += block[..., 1, 0]
        return gradient

    def _passed(self, weights: Any, gradients: list[Array] | None = None) -> Pass:
        if not isinstance(weights, Mapping) or set(weights) != {"w", "b"}:
            raise TypeError(f"parameters must be a dictionary of 'w' and 'b'; got {weights!r}")
        w, b = floats("w", weights["w"]), floats("b", weights["b"])
        if w.ndim == 0 or w.shape != b.shape or w.shape[-1] <= max(self.order):
            least = max(self.order) + 1
            raise ValueError(f"w and b must have one shape (..., n), n at least {least}; got {w.shape} and {b.shape}")
        pairs = np.stack([w, b], axis=-1)[..., np.newaxis]
        return self._forward(np.array([[self.x]]), [pairs[..., k, :, :] for k in self.order], gradients)


@dataclass(frozen=True, eq=False)
class LayerChain(_Chain):
    """aₗ = φ(aₗ₋₁ Wₗ) from a₀ = x, shape (samples, fan_in): layers without biases; C is the sum over samples too.

    Weights are a list of arrays of shape (..., fan_in, fan_out).

    Examples
    --------
    >>> chain = LayerChain("linear", [[1.0, 2.0]])
    >>> weights = [np.eye(2), np.array([[3.0], [4.0]])]
    >>> chain.value(weights), [delta.tolist() for delta in chain.deltas(weights)]
    (np.float64(11.0), [[[3.0, 4.0]], [[1.0]]])
    """

    activation: str | Activation
    x: ArrayLike
    target: float | None = None

    def __post_init__(self) -> None:
        self._check()
        x = floats("x", self.x)
        if x.ndim != 2 or x.size == 0:
            raise ValueError(f"x must have shape (samples, fan_in), both at least 1; got {x.shape}")
        if not np.isfinite(x).all():
            raise ValueError("x must be finite; it holds inf or NaN")
        object.__setattr__(self, "x", x)

    def activations(self, weights: Sequence[ArrayLike]) -> list[Array]:
        """Return a₀ ... a_depth, each of shape (..., samples, units)."""
        return [np.asarray(self.x), *(z.mT for z in self._passed(weights).z)]

    def deltas(self, weights: Sequence[ArrayLike], top: ArrayLike | None = None) -> list[Array]:
        """Return δₗ = ∂C/∂zₗ of every layer, each (..., samples, units); `top` is put in the place of ∂C/∂y."""
        above = None if top is None else floats("top", top)
        wanted = (len(np.asarray(self.x)), np.shape(weights[-1])[-1])
        if above is not None and above.shape[-2:] != wanted:
            raise ValueError(f"top must have the shape (..., {wanted[0]}, {wanted[1]}) of y; got {above.shape}")
        return [delta.mT for delta in self._back(weights, above=None if above is None else above.mT).delta]

    def gradient(self, weights: Sequence[ArrayLike]) -> list[Array]:
        """Return ∂C/∂Wₗ of every layer, of the shapes of the weights."""
        gradients: list[Array] = []
        self._back(weights, gradients)
        return gradients

    def _passed(self, weights: Any, gradients: list[Array] | None = None) -> Pass:
        if not isinstance(weights, (Sequence, np.ndarray)):
            raise TypeError(f"weights must be a sequence of arrays; got {weights!r}")
        if len(weights) == 0:
            raise ValueError("weights must hold at least one layer; got none")
        matrices, x = [floats("weights", W) for W in weights], np.asarray(self.x)
        rows, lead = x.shape[-1], ()
        for layer, W in enumerate(matrices):
            if W.ndim < 2 or W.shape[-2] != rows:
                raise ValueError(f"weights[{layer}] must have shape (..., {rows}, fan_out); got {W.shape}")
            try:
                rows, lead = W.shape[-1], np.broadcast_shapes(lead, W.shape[:-2])
            except ValueError:
                raise ValueError(
                    f"weights[{layer}] must have the replicas of the layers before, {lead}; got {W.shape[:-2]}"
                ) from None
        return self._forward(x, matrices, gradients)


@dataclass(frozen=True)
class PathChain(_Chain):
    """y ← φ(Σ w_c φ(w_b φ(w_a y))) from y = x over paths (a, b, c), block after block, with the same w, shape (..., n).

    A block is one layer from y to p paths, one along them and one back to y: matrices 1 × p, p × p diagonal, p × 1.

    Examples
    --------
    >>> net = PathChain([(0, 1, 2)], 2, "linear", x=1.0)
    >>> net.value([1.0, 2.0, 3.0]), net.gradient([1.0, 2.0, 3.0])
    (np.float64(36.0), array([72., 36., 24.]))
    """

    paths: Sequence[tuple[int, int, int]]
    blocks: int
    activation: str | Activation
    x: float
    target: float | None = None

    def __post_init__(self) -> None:
        if real("paths", self.paths, "triples of whole numbers").shape[1:] != (3,):
            raise ValueError(f"paths must be at least one triple of indices; got {self.paths!r}")
        object.__setattr__(self, "paths", tuple(tuple(whole("paths", i, 0) for i in path) for path in self.paths))
        whole("blocks", self.blocks, 1)
        self._check(x=self.x)

    def gradient(self, w: ArrayLike) -> Array:
        """Return ∂C/∂w, shape (..., n): for every weight the sum over its places."""
        layers: list[Array] = []
        self._back(w, layers)
        gradient = np.zeros_like(floats("w", w))
        with np.errstate(over="ignore", invalid="ignore"):
            for layer, G in enumerate(layers):
                places = (G[..., 0, :], np.diagonal(G, axis1=-2, axis2=-1), G[..., 0])[layer % 3]
                for path, indices in enumerate(self.paths):
                    gradient[..., indices[layer % 3]] += places[..., path]
        return gradient

    def _passed(self, weights: Any, gradients: list[Array] | None = None) -> Pass:
        w = floats("w", weights)
        least = max(map(max, self.paths)) + 1
        if w.ndim == 0 or w.shape[-1] < least:
            raise ValueError(f"w must have shape (..., n), n at least {least}; got {w.shape}")
        first, second, third = (w[..., [path[i] for path in self.paths]] for i in range(3))
        along = np.where(np.eye(len(self.paths), dtype=bool), second[..., None], w.dtype.type(0.0))
        block = [first[..., None, :], along, third[..., :, None]]
        return self._forward(np.array([[self.x]]), block * self.blocks, gradients)


def _joined(units: list[Array]) -> Array:
    """Return one unit and sample of each layer along the last axis."""
    return np.stack([unit[..., 0, 0] for unit in units], axis=-1)
