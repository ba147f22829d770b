"""Scalar expressions as graphs, and the recursion that differentiates them path by path.

A value that is used k times is walked k times, with all that it was made of: the recursion visits every path of the
graph, where one sweep in reverse order visits every edge. The expressions take any numbers that know +, -, *, ** and
np.exp.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["Scalar", "blocks_cost", "chain_cost", "xor_cost"]

_LARGEST_EXPONENT = math.log(sys.float_info.max)


class Scalar:
    """A number that remembers what it was made of: pairs of an operand and the local derivative.

    Both operands of + and * are Scalars, as every number of an expression is a node. Overflow is inf, with no warning.

    Its parents are pairs of an operand and ∂value/∂operand; ``gradient`` is what `back` has added up.

    Examples
    --------
    >>> x = Scalar(3.0)
    >>> y = x * x
    >>> y.back(), x.gradient  # two edges visited
    (2, 6.0)
    """

    __slots__ = ("gradient", "parents", "value")

    def __init__(self, value: float, *parents: tuple[Scalar, float]) -> None:
        self.value = value
        self.parents = parents
        self.gradient = 0.0

    def __add__(self, other: Scalar) -> Scalar:
        if not isinstance(other, Scalar):
            return NotImplemented
        return Scalar(self.value + other.value, (self, 1.0), (other, 1.0))

    def __mul__(self, other: Scalar) -> Scalar:
        if not isinstance(other, Scalar):
            return NotImplemented
        return Scalar(self.value * other.value, (self, other.value), (other, self.value))

    def __neg__(self) -> Scalar:
        return Scalar(-self.value, (self, -1.0))

    def __pow__(self, p: float) -> Scalar:
        x = np.float64(self.value)
        with np.errstate(all="ignore"):
            return Scalar(float(x**p), (self, float(p * x ** (p - 1.0))))

    def exp(self) -> Scalar:
        """eˣ; NumPy calls this for np.exp of an object that it does not know."""
        # Not an overflow that is ignored: NumPy would still find it, in the call from which this one comes.
        y = math.inf if self.value > _LARGEST_EXPONENT else float(np.exp(self.value))
        return Scalar(y, (self, y))

    def back(self, seed: float = 1.0) -> int:
        """Add seed · ∂self/∂node to the gradient of every node below, path by path; return the edges visited."""
        visits = 0
        for parent, local in self.parents:
            parent.gradient += seed * local
            visits += 1 + parent.back(seed * local)
        return visits


def chain_cost(numbers: Sequence[Any]) -> Any:
    """(y - t)² for a chain of sigmoids y = σ(wₙ σ(... w₁ σ(w₀ σ(w₁ x)))), in which w₁ is used twice.

    The difference is written twice, so that the chain is walked twice: 11 sigmoids are 107 edges and 206 visits. The
    numbers are 1, x, t and the weights w₀, w₁, ..., at least two.

    Examples
    --------
    >>> chain_cost([Scalar(number) for number in (1.0, 1.0, 3.0, *[1.0] * 10)]).back()
    206
    """
    one, x, t, *w = numbers
    for weight in (w[1], *w):
        x = _sigmoid(weight * x, one)
    return (x + -t) * (x + -t)


def xor_cost(numbers: Sequence[Any]) -> Any:
    """Σ (y - t)² of the 2-2-1 net over the exclusive or, the net evaluated for each of the two factors.

    No value is used twice, so that 398 edges are 398 visits. The numbers are 0, 1 and the nine weights in the order of
    `TwoTwoOne`.

    Examples
    --------
    >>> xor_cost([Scalar(number) for number in (0.0, 1.0, *[0.5] * 9)]).back()
    398
    """
    zero, one, *w = numbers
    cost = None
    for x1, x2, t in ((zero, zero, zero), (zero, one, one), (one, zero, one), (one, one, zero)):
        square = (_net(x1, x2, one, w) + -t) * (_net(x1, x2, one, w) + -t)
        cost = square if cost is None else cost + square
    return cost


def blocks_cost(numbers: Sequence[Any]) -> Any:
    """(x - t)² after n blocks x ← Σᵢ uᵢ (wᵢ x + bᵢ), i = 1, 2, 3, each of which uses its input three times.

    A block is 22 edges; all paths are 22 · 3ⁿ - 14. Units are linear: where all numbers are positive, a ReLU that
    overwrites its input's value adds neither edge nor change. The numbers are x, t, and w₁, w₂, w₃, b₁, b₂, b₃, u₁, u₂,
    u₃ of each block.

    Examples
    --------
    >>> [blocks_cost([Scalar(0.5) for _ in range(2 + 9 * n)]).back() for n in (2, 3, 4)]
    [184, 580, 1768]
    """
    x, t, *weights = numbers
    for k in range(0, len(weights), 9):
        w, b, u = weights[k : k + 3], weights[k + 3 : k + 6], weights[k + 6 : k + 9]
        hidden = [w[i] * x + b[i] for i in range(3)]
        x = u[0] * hidden[0] + u[1] * hidden[1] + u[2] * hidden[2]
    return (x + -t) * (x + -t)


def _sigmoid(z: Any, one: Any) -> Any:
    """σ(z) = 1 · (1 + e⁻ᶻ)⁻¹: seven edges."""
    return one * (one + np.exp(-z)) ** -1.0


def _net(x1: Any, x2: Any, one: Any, w: Sequence[Any]) -> Any:
    h1 = _sigmoid(w[0] * x1 + w[1] * x2 + w[2], one)
    h2 = _sigmoid(w[3] * x1 + w[4] * x2 + w[5], one)
    return _sigmoid(w[6] * h1 + w[7] * h2 + w[8], one)
