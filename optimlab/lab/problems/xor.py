"""The 2-2-1 net of sigmoid units: the smallest net that can learn the exclusive or, for any number of replicas."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from optimlab.checks import FINITE, floats, generator, numbers, whole
from optimlab.lab.nets import activation
from optimlab.typing import Array, Floats, Rng

__all__ = ["TwoTwoOne", "legacy_normals", "xor"]

_SIGMOID = activation("sigmoid")


@dataclass(frozen=True)
class TwoTwoOne:
    """C(w) = Σₛ (yₛ - tₛ)², y = σ(w₅h₁ + w₆h₂ + b₃), h₁ = σ(w₁x₁ + w₂x₂ + b₁), h₂ = σ(w₃x₁ + w₄x₂ + b₂).

    The weights of a net are w = (w₁, w₂, b₁, w₃, w₄, b₂, w₅, w₆, b₃), unit after unit, shape (..., 9). It is the
    squared error of ``MLP((2, 2, 1), "sigmoid", output="sigmoid")``, with all nets in one array program, in which they
    lie along the last axis: for 1000 of them five times as fast. Inputs are a pair x, targets a number t a sample.

    Source
    ------
    D. Rumelhart, G. Hinton & R. Williams, Learning internal representations by error propagation, 1986.

    Examples
    --------
    >>> net = TwoTwoOne([(1.0, 0.0)], [1.0])
    >>> net.value(np.zeros(9)), net.gradient(np.zeros((1000, 9)))[-1, -1]
    (np.float64(0.25), np.float64(-0.25))
    """

    inputs: tuple[tuple[float, float], ...]
    targets: tuple[float, ...]

    def __post_init__(self) -> None:
        inputs, targets = (numbers(name, getattr(self, name), FINITE) for name in ("inputs", "targets"))
        if inputs.shape[1:] != (2,):
            raise ValueError(f"inputs must be pairs of numbers, at least one; got {self.inputs!r}")
        if targets.shape != inputs.shape[:1]:
            raise ValueError(f"targets must hold one number for each of {len(inputs)} inputs; got {self.targets!r}")
        object.__setattr__(self, "inputs", tuple(map(tuple, inputs.tolist())))
        object.__setattr__(self, "targets", tuple(targets.tolist()))

    @property
    def start(self) -> Floats:
        """All 0, where both hidden units are alike and stay so; `draw` and `legacy_normals` break the symmetry."""
        return np.zeros(9)

    def draw(self, rng: Rng, replicas: int) -> Floats:
        """Return starts w ~ N(0, 1), shape (replicas, 9)."""
        return generator(rng).standard_normal((whole("replicas", replicas, 1), 9))

    def outputs(self, w: ArrayLike) -> Array:
        """Return y, shape (..., samples)."""
        nets, shape = _columns(w)
        return self._forward(nets)[1].T.reshape(*shape, len(self.targets))

    def value(self, w: ArrayLike) -> Any:
        """Return C: a number, or an array of shape (...) for nets of shape (..., 9)."""
        nets, shape = _columns(w)
        error = self._forward(nets)[1] - self._samples(nets)[1]
        return (error * error).sum(axis=0).reshape(shape)[()]

    def gradient(self, w: ArrayLike) -> Array:
        """Return ∇C, of the shape of w."""
        return self.value_and_gradient(w)[1]

    @np.errstate(over="ignore", invalid="ignore")
    def value_and_gradient(self, w: ArrayLike) -> tuple[Any, Array]:
        """Return C and ∇C from one pass, by backpropagation of δ = ∂C/∂(pre-activation)."""
        nets, shape = _columns(w)
        (x, t), (h, y) = self._samples(nets), self._forward(nets)
        gradient, error = np.empty_like(nets), y - t
        output = 2 * error * _SIGMOID.slope(y)
        np.add.reduce(output * h, axis=1, out=gradient[6:8])
        np.add.reduce(output, axis=0, out=gradient[8])
        hidden = _SIGMOID.slope(h)
        hidden *= output
        hidden *= nets[6:8, None]
        np.matmul(x.T, hidden, out=gradient[:6].reshape(2, 3, -1))
        value = (error * error).sum(axis=0)
        return value.reshape(shape)[()], np.ascontiguousarray(gradient.T).reshape(*shape, 9)

    @np.errstate(over="ignore", invalid="ignore")
    def _forward(self, nets: Array) -> tuple[Array, Array]:
        """Return h, shape (2, samples, S), and y, shape (samples, S), for nets of shape (9, S)."""
        h = self._samples(nets)[0] @ nets[:6].reshape(2, 3, -1)
        _SIGMOID.function(h, h)
        y = h[0] * nets[6]
        y += h[1] * nets[7]
        y += nets[8]
        _SIGMOID.function(y, y)
        return h, y

    def _samples(self, nets: Array) -> tuple[Array, Array]:
        """Return the inputs with a column of 1, shape (samples, 3), and the targets, shape (samples, 1)."""
        x = np.array([(*pair, 1.0) for pair in self.inputs], dtype=nets.dtype)
        return x, np.array(self.targets, dtype=nets.dtype)[:, None]


def _columns(w: ArrayLike) -> tuple[Array, tuple[int, ...]]:
    """Return the nets as (9, S), which makes the inner loops long, and their shape (...)."""
    nets = floats("w", w)
    if nets.shape[-1:] != (9,):
        raise ValueError(f"w must have shape (..., 9), nine weights for each net; got {nets.shape}")
    return np.ascontiguousarray(nets.reshape(-1, 9).T), nets.shape[:-1]


def xor() -> TwoTwoOne:
    """C(w) = Σₛ (yₛ - (x₁ xor x₂)ₛ)² over (0, 0), (0, 1), (1, 0), (1, 1), where one start in four gets stuck.

    Examples
    --------
    >>> solved = np.array([20.0, 20.0, -10.0, -20.0, -20.0, 30.0, 20.0, 20.0, -30.0])  # (x₁ or x₂) and not (x₁ and x₂)
    >>> xor().outputs(solved).round(3)
    array([0., 1., 1., 0.])
    """
    return TwoTwoOne(((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)), (0.0, 1.0, 1.0, 0.0))


def legacy_normals(seeds: Iterable[int]) -> Floats:
    """Return starts w ~ N(0, 1), shape (S, 9), each from NumPy's legacy ``RandomState(seed)``: those published.

    Examples
    --------
    >>> legacy_normals([0]).round(3)
    array([[ 1.764,  0.4  ,  0.979,  2.241,  1.868, -0.977,  0.95 , -0.151, -0.103]])
    """
    starts = [np.random.RandomState(whole("seeds", seed, 0, 2**32 - 1)).standard_normal(9) for seed in seeds]
    return np.array(starts).reshape(-1, 9)
