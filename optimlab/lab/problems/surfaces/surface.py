"""What every surface offers: value and gradient for any number of replicas, and what is known about it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from optimlab.checks import floats
from optimlab.typing import Array, Floats

__all__ = ["CriticalPoint", "Surface"]


@dataclass(frozen=True)
class CriticalPoint:
    """∇f = 0: a point with its value and the eigenvalues of the Hessian there.

    Parameters
    ----------
    at : tuple of float
        Coordinates.
    value : float
        f there.
    curvatures : tuple of float
        Eigenvalues of the Hessian, ascending.

    Examples
    --------
    >>> CriticalPoint((0.0, 0.0), 0.0, (-2.0, 2.0)).kind
    'saddle'
    """

    at: tuple[float, ...]
    value: float
    curvatures: tuple[float, ...]

    @property
    def index(self) -> int:
        """Number of directions that lead down."""
        return sum(curvature < 0.0 for curvature in self.curvatures)

    @property
    def kind(self) -> str:
        """Say "minimum", "saddle", "maximum", or "degenerate" where a curvature is 0."""
        if 0.0 in self.curvatures:
            return "degenerate"
        return {0: "minimum", len(self.curvatures): "maximum"}.get(self.index, "saddle")


class Surface(ABC):
    """f: ℝⁿ → ℝ with its gradient, for one point or for many at once.

    ``value`` and ``gradient`` take points of shape (..., n), of float32 or float64, and keep that dtype; a run that
    diverges gets inf or NaN without a warning. A subclass is a frozen dataclass with ``_value`` and ``_gradient``.

    Examples
    --------
    >>> from optimlab.lab.problems import saddle
    >>> saddle().value([[1.0, 0.0], [0.0, 1.0]])
    array([ 1., -1.])
    """

    @property
    @abstractmethod
    def dimension(self) -> int:
        """Number n of coordinates."""

    @property
    @abstractmethod
    def starts(self) -> Floats:
        """Customary starting points, shape (k, n)."""

    @property
    def start(self) -> Floats:
        """The first of the starting points, shape (n,)."""
        first: Floats = self.starts[0]
        return first

    @property
    def points(self) -> tuple[CriticalPoint, ...]:
        """The known critical points."""
        return ()

    @property
    def minima(self) -> tuple[CriticalPoint, ...]:
        """The known minima."""
        return tuple(point for point in self.points if point.kind == "minimum")

    @property
    def saddles(self) -> tuple[CriticalPoint, ...]:
        """The known saddles."""
        return tuple(point for point in self.points if point.kind == "saddle")

    def value(self, w: ArrayLike) -> Any:
        """Return f: a number, or an array of shape (...) for points of shape (..., n)."""
        with np.errstate(over="ignore", invalid="ignore"):
            return self._value(self._checked(w))

    def gradient(self, w: ArrayLike) -> Array:
        """Return ∇f, of the shape of w."""
        with np.errstate(over="ignore", invalid="ignore"):
            return self._gradient(self._checked(w))

    @abstractmethod
    def _value(self, w: Array) -> Any:
        """Return f of checked points."""

    @abstractmethod
    def _gradient(self, w: Array) -> Array:
        """Return ∇f of checked points, as a new array."""

    def _checked(self, w: ArrayLike) -> Array:
        points = floats("w", w)
        if points.shape[-1:] != (self.dimension,):
            raise ValueError(f"w must have shape (..., {self.dimension}) for {self!r}; got {points.shape}")
        return points
