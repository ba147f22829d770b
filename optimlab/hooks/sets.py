"""Convex sets to project on: box, ball, simplex, non-negative numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from optimlab.finite import norm
from optimlab.rules.hyperparameter import Hyperparameter, hyperparameter

__all__ = ["Ball", "Box", "ConvexSet", "NonNegative", "Simplex"]

Array = NDArray[Any]


class ConvexSet(Protocol):
    """What ``Project`` needs: the point of the set that is nearest to each row."""

    def nearest(self, rows: Array) -> Array:
        """Return the nearest points, shape and dtype as rows, (S, n); points of the set as they are."""


def _number(owner: Any, name: str, allowed: str, contains: Callable[[float], bool]) -> None:
    """Check a field as that of a hook is, but for schedules: a set stays the same."""
    if callable(getattr(owner, name)):
        raise TypeError(f"{name} must be {allowed}, or one for each replica; got {getattr(owner, name)!r}, a function")
    hyperparameter(owner, name, allowed, contains)


def _column(numbers: Any, rows: Array) -> Array:
    return np.asarray(numbers, rows.dtype).reshape(-1, 1)


@dataclass(frozen=True)
class Box:
    """{x : low ≤ xᵢ ≤ high}.

    Parameters
    ----------
    low, high : float or sequence of float, shape (S,)
        The limits; either may be infinite.

    Examples
    --------
    >>> Box(-1.0, 1.0).nearest(np.array([[-3.0, 0.5, 2.0]]))
    array([[-1. ,  0.5,  1. ]])
    """

    low: Hyperparameter
    high: Hyperparameter

    def __post_init__(self) -> None:
        _number(self, "low", "a number", lambda x: x == x)
        _number(self, "high", "a number", lambda x: x == x)
        if not np.all(np.asarray(self.low) <= np.asarray(self.high)):
            raise ValueError(f"low must be at most high; got low={self.low!r}, high={self.high!r}")

    def nearest(self, rows: Array) -> Array:
        """min(max(x, low), high)."""
        return np.clip(rows, _column(self.low, rows), _column(self.high, rows))


@dataclass(frozen=True)
class NonNegative:
    """{x : xᵢ ≥ 0}.

    Examples
    --------
    >>> NonNegative().nearest(np.array([[-3.0, 0.5]]))
    array([[0. , 0.5]])
    """

    def nearest(self, rows: Array) -> Array:
        """max(x, 0)."""
        result: Array = np.maximum(rows, 0)
        return result


@dataclass(frozen=True)
class Ball:
    """{x : ‖x‖ ≤ radius}, the Euclidean norm of a leaf.

    Parameters
    ----------
    radius : float, at least 0, or sequence of float, shape (S,)
        Radius.

    Examples
    --------
    >>> Ball(1.0).nearest(np.array([[3.0, 4.0], [0.1, 0.0]]))
    array([[0.6, 0.8],
           [0.1, 0. ]])
    """

    radius: Hyperparameter

    def __post_init__(self) -> None:
        _number(self, "radius", "at least 0 and finite", lambda x: 0.0 <= x < math.inf)

    def nearest(self, rows: Array) -> Array:
        """x · min(1, radius/‖x‖)."""
        radius = np.asarray(self.radius)
        norms = norm([rows], len(rows))
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = np.where(norms > radius, radius / norms, 1.0)
        result: Array = rows * _column(factor, rows)
        return result


@dataclass(frozen=True)
class Simplex:
    """{x : xᵢ ≥ 0, Σxᵢ = total}: probabilities, if total is 1.

    Parameters
    ----------
    total : float, greater than 0, or sequence of float, shape (S,)
        Σxᵢ.

    Source
    ------
    Held, Wolfe & Crowder 1974; Duchi et al. 2008, figure 1.

    Examples
    --------
    >>> Simplex().nearest(np.array([[1.0, 0.5, -1.0]]))
    array([[0.75, 0.25, 0.  ]])
    """

    total: Hyperparameter = 1.0

    def __post_init__(self) -> None:
        _number(self, "total", "greater than 0 and finite", lambda x: 0.0 < x < math.inf)

    def nearest(self, rows: Array) -> Array:
        """max(x - θ, 0), θ such that the sum is the total."""
        x = rows.astype(np.float64)
        total = np.asarray(self.total, np.float64).reshape(-1, 1)
        descending = -np.sort(-x, axis=1)
        theta = (np.cumsum(descending, axis=1) - total) / np.arange(1, x.shape[1] + 1)
        last = np.count_nonzero(descending > theta, axis=1)[:, np.newaxis] - 1
        projected = np.maximum(x - np.take_along_axis(theta, last, axis=1), 0.0)
        inside = (x >= 0.0).all(axis=1, keepdims=True) & (
            np.abs(x.sum(axis=1, keepdims=True) - total) <= _near(rows, total)
        )
        return np.where(inside, rows, projected.astype(rows.dtype))


def _near(rows: Array, total: Array) -> Array:
    """Return the rounding of a sum of a row: points within it are of the set."""
    return total * float(np.finfo(rows.dtype).eps) * math.sqrt(rows.shape[1])
