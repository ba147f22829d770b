"""MLP: the shape of a fully connected net, and its parameters as named arrays or as one flat array."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from optimlab.checks import whole
from optimlab.lab.nets.activations import Activation, activation
from optimlab.typing import Array

__all__ = ["MLP"]

Params = dict[str, Array]
Kind = str | Activation


@dataclass(frozen=True, init=False)
class MLP:
    """hₗ = fₗ(hₗ₋₁ Wₗ + bₗ), h₀ = x: a fully connected net.

    Its parameters are a dict ``{"W1": (d, n₁), "b1": (n₁,), "W2": ...}``, or one flat array in which each Wₗ is
    followed by bₗ; ``views`` shows the second as the first, so that one memory serves both. Sizes are the inputs d,
    units of each hidden layer, and outputs. Hidden layers have one activation, or a sequence of one for each; that of
    the outputs is linear for softmax.

    Examples
    --------
    >>> net = MLP((2, 4, 3), "tanh")
    >>> net.parameters, net.names
    (27, ('W1', 'b1', 'W2', 'b2'))
    >>> w = np.zeros(27)
    >>> net.views(w)["W2"][...] = 1.0
    >>> w.sum()
    np.float64(12.0)
    """

    sizes: tuple[int, ...]
    activations: tuple[Activation, ...]

    def __init__(
        self, sizes: Sequence[int], hidden: Kind | Sequence[Kind] = "relu", *, output: Kind = "linear"
    ) -> None:
        if not isinstance(sizes, Iterable):
            raise TypeError(f"sizes must be a sequence of whole numbers, such as (2, 50, 3); got {sizes!r}")
        found = tuple(whole("each of sizes", size, 1) for size in sizes)
        if not isinstance(hidden, (str, Activation, Iterable)):
            raise TypeError(f"hidden must be an activation or one for each hidden layer; got {hidden!r}")
        if len(found) < 2:
            raise ValueError(f"sizes must hold the inputs, the hidden layers and the outputs; got {sizes!r}")
        each = [hidden] * (len(found) - 2) if isinstance(hidden, (str, Activation)) else list(hidden)
        if len(each) != len(found) - 2:
            raise ValueError(f"hidden must be one activation for each of {len(found) - 2} layers; got {len(each)}")
        object.__setattr__(self, "sizes", found)
        object.__setattr__(self, "activations", tuple(activation(name) for name in (*each, output)))

    @cached_property
    def blocks(self) -> tuple[tuple[int, int], ...]:
        """Shapes (nₗ₋₁ + 1, nₗ) of Wₗ with bₗ as its last row."""
        return tuple((before + 1, after) for before, after in itertools.pairwise(self.sizes))

    @cached_property
    def parameters(self) -> int:
        """Number of all parameters."""
        return sum(rows * columns for rows, columns in self.blocks)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the arrays."""
        return tuple(f"{kind}{layer}" for layer in range(1, len(self.sizes)) for kind in "Wb")

    def stacked(self, flat: Array) -> list[Array]:
        """Return [Wₗ; bₗ] of each layer as views of a flat array: shape (..., nₗ₋₁ + 1, nₗ)."""
        return [flat[cut].reshape(*flat.shape[:-1], *shape) for cut, shape in zip(self._cuts, self.blocks, strict=True)]

    @cached_property
    def _cuts(self) -> tuple[Any, ...]:
        ends = np.cumsum([0] + [rows * columns for rows, columns in self.blocks]).tolist()
        return tuple((..., slice(*pair)) for pair in itertools.pairwise(ends))

    def views(self, flat: Array) -> Params:
        """Return the named arrays that a flat array of shape (..., parameters) consists of, as views of it."""
        if not isinstance(flat, np.ndarray) or flat.shape[-1:] != (self.parameters,):
            raise ValueError(f"flat must be an array of shape (..., {self.parameters}); got {np.shape(flat)}")
        arrays = (part for block in self.stacked(flat) for part in (block[..., :-1, :], block[..., -1, :]))
        return dict(zip(self.names, arrays, strict=True))

    def flat(self, params: Mapping[str, Array]) -> Array:
        """Return named arrays as one new flat array of shape (..., parameters)."""
        flat = np.empty((*self.lead(params), self.parameters), params["W1"].dtype)
        self.copy(params, flat)
        return flat

    def copy(self, params: Mapping[str, Array], flat: Array) -> None:
        """Copy named arrays into a flat array."""
        for name, view in self.views(flat).items():
            np.copyto(view, params[name])

    def initial(
        self, draw: Callable[[tuple[int, int]], Array], *, replicas: int | None = None, dtype: Any = np.float64
    ) -> Array:
        """Return Wₗ = draw((nₗ₋₁, nₗ)), such as 0.1 * rng.standard_normal(shape), and bₗ = 0 as a flat array.

        The replicas are drawn one after the other, so that replica 0 is the single net.
        """
        count = 1 if replicas is None else whole("replicas", replicas, 1)
        if dtype not in (np.float32, np.float64):
            raise TypeError(f"dtype must be float32 or float64; got {dtype!r}")
        flat = np.zeros((count, self.parameters), dtype)
        for row in flat:
            for block in self.stacked(row):
                block[:-1] = draw((block.shape[0] - 1, block.shape[1]))
        return flat[0] if replicas is None else flat

    def lead(self, w: Array | Mapping[str, Array]) -> tuple[int, ...]:
        """Return (S,) for replicas and () for a single net; or say what is wrong with the shapes."""
        if not isinstance(w, Mapping):
            shape, n = np.shape(w), self.parameters
            if len(shape) not in (1, 2) or shape[-1] != n:
                raise ValueError(f"w must have shape ({n},), or (S, {n}) for S replicas; got {shape}")
            return shape[:-1]
        if set(w) != set(self.names):
            raise ValueError(f"w must hold the arrays {', '.join(self.names)}; got {', '.join(map(str, w))}")
        lead = np.shape(w["b1"])[:-1]
        shapes = [shape for rows, columns in self.blocks for shape in ((rows - 1, columns), (columns,))]
        for name, shape in zip(self.names, shapes, strict=True):
            if len(lead) > 1 or np.shape(w[name]) != (*lead, *shape):
                words = f"must have shape {shape}, with an axis (S,) before it in all arrays for S replicas"
                raise ValueError(f"w[{name!r}] {words}; got {np.shape(w[name])}")
        return lead
