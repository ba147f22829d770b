"""Deep chains with hand-written backpropagation: of single units, of layers, and of blocks that share their weights.

All are vectorised over draws: leading axes of the weights are replicas. The arithmetic is done in the dtype of the
weights, and a gradient that vanishes or overflows is a 0 or an inf, without a warning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from optimlab.checks import floats, number, real, whole
from optimlab.lab.nets.activations import Activation, activation
from optimlab.typing import Array

__all__ = ["LayerChain", "PathChain", "UnitChain"]


@dataclass(frozen=True)
class UnitChain:
    """aₖ = φ(w aₖ₋₁ + b) from a₀ = x, each layer with the weight and bias that `order` names; C = (y - target)².

    Weights and biases are a dictionary ``{"w": (..., n), "b": (..., n)}``; the chain fits `optimlab.descend`.

    Parameters
    ----------
    order : sequence of int, at least one
        Index of the weight and bias of every layer, from the input on; a repeated index is a shared weight.
    activation : str or Activation
        φ.
    x : float
        The input.
    target : float, optional
        What y, the last activation, should be; without it, C = y.

    Raises
    ------
    ValueError, TypeError
        If the order is empty or holds a negative index, the activation is unknown, or a number is not finite.

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
        order = tuple(whole("order", index, 0) for index in self.order)
        if not order:
            raise ValueError("order must name at least one layer; got ()")
        object.__setattr__(self, "order", order)
        object.__setattr__(self, "activation", activation(self.activation))
        _check_numbers(x=self.x, target=self.target)

    def activations(self, parameters: Mapping[str, ArrayLike]) -> Array:
        """Return a₀ ... a_depth, shape (..., depth + 1)."""
        w, b = self._checked(parameters)
        a = [np.full(w.shape[:-1], self.x, w.dtype)]
        with np.errstate(over="ignore", invalid="ignore"):
            for index in self.order:
                a.append(activation(self.activation)(w[..., index] * a[-1] + b[..., index]))
        return np.stack(a, axis=-1)

    def value(self, parameters: Mapping[str, ArrayLike]) -> Any:
        """Return C, shape (...)."""
        return _cost(self.activations(parameters)[..., -1], self.target)

    def deltas(self, parameters: Mapping[str, ArrayLike]) -> Array:
        """Return δₖ = ∂C/∂zₖ of every layer, shape (..., depth)."""
        return self._backward(parameters, self.activations(parameters))

    def gradient(self, parameters: Mapping[str, ArrayLike]) -> dict[str, Array]:
        """Return ∂C/∂w and ∂C/∂b, of the shapes of w and b; a shared weight gets the sum over its layers."""
        a = self.activations(parameters)
        delta = self._backward(parameters, a)
        w, b = self._checked(parameters)
        gradient = {"w": np.zeros_like(w), "b": np.zeros_like(b)}
        with np.errstate(over="ignore", invalid="ignore"):
            for layer, index in enumerate(self.order):
                gradient["w"][..., index] += delta[..., layer] * a[..., layer]
                gradient["b"][..., index] += delta[..., layer]
        return gradient

    def _backward(self, parameters: Mapping[str, ArrayLike], a: Array) -> Array:
        w, _ = self._checked(parameters)
        slopes = activation(self.activation).slope(a[..., 1:])
        delta = np.empty_like(slopes)
        with np.errstate(over="ignore", invalid="ignore"):
            above = _cost_slope(a[..., -1], self.target)
            for layer in range(len(self.order) - 1, -1, -1):
                delta[..., layer] = above * slopes[..., layer]
                above = w[..., self.order[layer]] * delta[..., layer]
        return delta

    def _checked(self, parameters: Mapping[str, ArrayLike]) -> tuple[Array, Array]:
        if not isinstance(parameters, Mapping) or set(parameters) != {"w", "b"}:
            raise TypeError(f"parameters must be a dictionary of 'w' and 'b'; got {parameters!r}")
        w, b = floats("w", parameters["w"]), floats("b", parameters["b"])
        if w.ndim == 0 or w.shape != b.shape or w.shape[-1] <= max(self.order):
            least = max(self.order) + 1
            raise ValueError(f"w and b must have one shape (..., n), n at least {least}; got {w.shape} and {b.shape}")
        return w, b


@dataclass(frozen=True, eq=False)
class LayerChain:
    """aₗ = φ(aₗ₋₁ Wₗ) from a₀ = x: layers of units without biases; C = Σ (y - target)² over samples and outputs.

    Weights are a list of arrays of shape (..., fan_in, fan_out).

    Parameters
    ----------
    activation : str or Activation
        φ, of every layer.
    x : array_like of float, shape (samples, fan_in)
        The input.
    target : float, optional
        What every output should be; without it, C = Σ y.

    Raises
    ------
    ValueError, TypeError
        If the activation is unknown, or x is no matrix of finite numbers.

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
        object.__setattr__(self, "activation", activation(self.activation))
        x = floats("x", self.x)
        if x.ndim != 2 or x.size == 0:
            raise ValueError(f"x must have shape (samples, fan_in), both at least 1; got {x.shape}")
        if not np.isfinite(x).all():
            raise ValueError("x must be finite; it holds inf or NaN")
        object.__setattr__(self, "x", x)
        _check_numbers(target=self.target)

    def activations(self, weights: Sequence[ArrayLike]) -> list[Array]:
        """Return a₀ ... a_depth, each of shape (..., samples, units)."""
        a = [floats("x", self.x)]
        for layer, W in enumerate(self._checked(weights)):
            if W.ndim < 2 or W.shape[-2] != a[-1].shape[-1]:
                raise ValueError(f"weights[{layer}] must have shape (..., {a[-1].shape[-1]}, fan_out); got {W.shape}")
            if not _fit(W.shape[:-2], a[-1].shape[:-2]):
                raise ValueError(
                    f"weights[{layer}] must have the replicas of the layers before, {a[-1].shape[:-2]}; "
                    f"got {W.shape[:-2]}"
                )
            with np.errstate(over="ignore", invalid="ignore"):
                a.append(activation(self.activation)(a[-1].astype(W.dtype, copy=False) @ W))
        return a

    def value(self, weights: Sequence[ArrayLike]) -> Any:
        """Return C, shape (...)."""
        with np.errstate(over="ignore", invalid="ignore"):
            return _cost(self.activations(weights)[-1], self.target).sum(axis=(-1, -2))

    def deltas(self, weights: Sequence[ArrayLike], top: ArrayLike | None = None) -> list[Array]:
        """Return δₗ = ∂C/∂zₗ of every layer, each (..., samples, units); `top` is put in the place of ∂C/∂y."""
        a = self.activations(weights)
        above = None if top is None else floats("top", top)
        if above is not None and above.shape[-2:] != a[-1].shape[-2:]:
            raise ValueError(
                f"top must have the shape (..., {a[-1].shape[-2]}, {a[-1].shape[-1]}) of y; got {above.shape}"
            )
        return self._backward(self._checked(weights), a, above)

    def gradient(self, weights: Sequence[ArrayLike]) -> list[Array]:
        """Return ∂C/∂Wₗ of every layer, of the shapes of the weights."""
        matrices, a = self._checked(weights), self.activations(weights)
        deltas = self._backward(matrices, a, None)
        with np.errstate(over="ignore", invalid="ignore"):
            return [below.swapaxes(-1, -2) @ delta for below, delta in zip(a[:-1], deltas, strict=True)]

    def _backward(self, weights: list[Array], a: list[Array], top: Array | None) -> list[Array]:
        slope = activation(self.activation).slope
        deltas: list[Array] = []
        with np.errstate(over="ignore", invalid="ignore"):
            above = _cost_slope(a[-1], self.target) if top is None else top
            for W, y in zip(reversed(weights), reversed(a), strict=False):
                deltas.insert(0, above * slope(y))
                above = deltas[0] @ W.swapaxes(-1, -2)
        return deltas

    def _checked(self, weights: Sequence[ArrayLike]) -> list[Array]:
        if not isinstance(weights, (Sequence, np.ndarray)):
            raise TypeError(f"weights must be a sequence of arrays; got {weights!r}")
        if len(weights) == 0:
            raise ValueError("weights must hold at least one layer; got none")
        return [floats("weights", W) for W in weights]


@dataclass(frozen=True)
class PathChain:
    """y ← φ(Σ w_c φ(w_b φ(w_a y))) over paths (a, b, c), block after block, with the same weights w, shape (..., n).

    Parameters
    ----------
    paths : sequence of (int, int, int)
        Indices of the weights of every path of a block.
    blocks : int, at least 1
        Number of blocks.
    activation : str or Activation
        φ.
    x : float
        The first y.
    target : float, optional
        C = (y - target)²; without it, C = y.

    Raises
    ------
    ValueError, TypeError
        If there is no path or block, an index is negative, or the activation is unknown.

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
        _check_numbers(x=self.x)
        _ = self.chain  # checks the rest

    @cached_property
    def chain(self) -> LayerChain:
        """The layers that it consists of."""
        return LayerChain(self.activation, [[self.x]], self.target)

    def value(self, w: ArrayLike) -> Any:
        """Return C, shape (...)."""
        return self.chain.value(self.weights(w))

    def gradient(self, w: ArrayLike) -> Array:
        """Return ∂C/∂w, shape (..., n): for every weight the sum over its places."""
        gradient = np.zeros_like(floats("w", w))
        layers = self.chain.gradient(self.weights(w))
        for layer, G in enumerate(layers):
            for path, indices in enumerate(self.paths):
                place = {0: (0, path), 1: (path, path), 2: (path, 0)}[layer % 3]
                with np.errstate(over="ignore", invalid="ignore"):
                    gradient[..., indices[layer % 3]] += G[(..., *place)]
        return gradient

    def weights(self, w: ArrayLike) -> list[Array]:
        """Return the matrices of all layers: 1 × p, p × p diagonal, and p × 1, for every block."""
        given = floats("w", w)
        least = max(map(max, self.paths)) + 1
        if given.ndim == 0 or given.shape[-1] < least:
            raise ValueError(f"w must have shape (..., n), n at least {least}; got {given.shape}")
        first, second, third = (given[..., [path[i] for path in self.paths]] for i in range(3))
        middle = np.where(np.eye(len(self.paths), dtype=bool), second[..., None], given.dtype.type(0.0))
        return [first[..., None, :], middle, third[..., :, None]] * self.blocks


def _cost(y: Array, target: float | None) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):
        return y if target is None else (y - target) ** 2


def _cost_slope(y: Array, target: float | None) -> Array:
    return np.ones_like(y) if target is None else 2.0 * (y - target)


def _fit(shape: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether two shapes broadcast."""
    return all(m == n or 1 in (m, n) for m, n in zip(reversed(shape), reversed(other), strict=False))


def _check_numbers(**numbers: float | None) -> None:
    for name, given in numbers.items():
        if given is not None:
            number(name, given)
